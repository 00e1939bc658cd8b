/* SPDX-License-Identifier: Apache-2.0 */
#include "base/time.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * SECOND + now.tv_nsec / 1000000;
}

int64_t time_wall(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t time_monotonic(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

static char *put_digits(char *p, int n, int value)
{
    for (int i = n; i-- > 0; value /= 10)
        p[i] = (char)('0' + value % 10);
    return p + n;
}

/* By hand: it is in every record, some of them several times. */
const char *time_format(int64_t ms, char out[TIME_TEXT])
{
    int64_t part = ms % SECOND;
    if (part < 0)
        part += SECOND;
    time_t seconds = (time_t)((ms - part) / SECOND);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    const struct {
        int value, digits;
        char end;
    } parts[] = {{(tm.tm_year + 1900) % 10000, 4, '-'},
                 {tm.tm_mon + 1, 2, '-'},
                 {tm.tm_mday, 2, 'T'},
                 {tm.tm_hour, 2, ':'},
                 {tm.tm_min, 2, ':'},
                 {tm.tm_sec, 2, '.'},
                 {(int)part, 3, 'Z'}};
    char *p = out;
    for (size_t i = 0; i < COUNT(parts); i++) {
        p = put_digits(p, parts[i].digits, parts[i].value);
        *p++ = parts[i].end;
    }
    *p = '\0';
    return out;
}

/* Exactly `n` digits. */
static bool digits(const char **p, int n, int *out)
{
    int value = 0;
    for (int i = 0; i < n; i++, (*p)++) {
        if (**p < '0' || **p > '9')
            return false;
        value = value * 10 + (**p - '0');
    }
    *out = value;
    return true;
}

static bool literal(const char **p, const char *any)
{
    if (!**p || !strchr(any, **p))
        return false;
    (*p)++;
    return true;
}

bool time_parse(const char *p, int64_t *ms)
{
    struct tm tm = {0};
    int year, month, fraction = 0;
    if (!digits(&p, 4, &year) || !literal(&p, "-") || !digits(&p, 2, &month) || !literal(&p, "-") ||
        !digits(&p, 2, &tm.tm_mday) || !literal(&p, "Tt ") || !digits(&p, 2, &tm.tm_hour) || !literal(&p, ":") ||
        !digits(&p, 2, &tm.tm_min) || !literal(&p, ":") || !digits(&p, 2, &tm.tm_sec))
        return false;
    if (literal(&p, ".")) {
        int unit = 100;
        if (*p < '0' || *p > '9')
            return false;
        for (; *p >= '0' && *p <= '9'; p++, unit /= 10)
            fraction += (*p - '0') * unit;
    }
    int offset = 0;
    if (!literal(&p, "Zz")) {
        int hours, minutes, sign = *p == '-' ? -1 : 1;
        if (!literal(&p, "+-") || !digits(&p, 2, &hours) || !literal(&p, ":") || !digits(&p, 2, &minutes) ||
            hours > 23 || minutes > 59)
            return false;
        offset = sign * (hours * 60 + minutes);
    }
    static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (*p || month < 1 || month > 12 || tm.tm_mday < 1 || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (tm.tm_mday > month_days[month - 1] + (month == 2 && leap))
        return false;
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    *ms = (int64_t)timegm(&tm) * SECOND + fraction - (int64_t)offset * MINUTE;
    return true;
}

static const struct {
    const char *name;
    int64_t ms;
} units[] = {{"y", 365LL * DAY}, {"w", 7LL * DAY}, {"d", DAY}, {"h", HOUR}, {"m", MINUTE}, {"s", SECOND}, {"ms", 1}};

bool duration_parse(const char *p, int64_t *ms)
{
    if (strcmp(p, "0") == 0) {
        *ms = 0;
        return true;
    }
    int64_t total = 0;
    size_t next = 0; /* units go from large to small, so each may come only after the last one used */
    if (!*p)
        return false;
    while (*p) {
        int64_t value = 0;
        if (*p < '0' || *p > '9')
            return false;
        for (; *p >= '0' && *p <= '9'; p++)
            if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *p - '0', &value))
                return false;
        size_t length = strspn(p, "ywdhms"), u = next;
        while (u < COUNT(units) && !(strlen(units[u].name) == length && strncmp(p, units[u].name, length) == 0))
            u++;
        if (u == COUNT(units) || __builtin_mul_overflow(value, units[u].ms, &value) ||
            __builtin_add_overflow(total, value, &total))
            return false;
        p += length;
        next = u + 1;
    }
    *ms = total;
    return true;
}

const char *duration_format(int64_t ms, char out[DURATION_TEXT])
{
    int n = 0;
    out[0] = '\0';
    if (ms <= 0)
        n = snprintf(out, DURATION_TEXT, "0");
    for (size_t u = 2; u < COUNT(units) && ms > 0 && n < DURATION_TEXT; u++) {
        if (ms >= units[u].ms) {
            n += snprintf(out + n, (size_t)(DURATION_TEXT - n), "%lld%s", (long long)(ms / units[u].ms), units[u].name);
            ms %= units[u].ms;
        }
    }
    return out;
}
