/* SPDX-License-Identifier: Apache-2.0 */
#include "schedule/tzif.h"

#include <string.h>

#include "schedule/calendar.h"

enum { HEADER_SIZE = 44, TYPE_SIZE = 6, TIME_SIZE = 8 };

static uint64_t big_endian(const unsigned char *p, int n)
{
    uint64_t value = 0;
    for (int i = 0; i < n; i++)
        value = value << 8 | p[i];
    return value;
}

/* The counts of a header, in the file's order. */
struct counts {
    size_t utc_flags, standard_flags, leaps, times, types, chars;
};

static bool read_header(const unsigned char *data, size_t length, struct counts *n)
{
    if (length < HEADER_SIZE || memcmp(data, "TZif", 4) != 0 || data[4] < '2')
        return false;
    size_t *each[] = {&n->utc_flags, &n->standard_flags, &n->leaps, &n->times, &n->types, &n->chars};
    for (int i = 0; i < 6; i++)
        *each[i] = big_endian(data + 20 + 4 * i, 4);
    return true;
}

static size_t block_size(const struct counts *n, size_t time_size)
{
    return n->times * (time_size + 1) + n->types * TYPE_SIZE + n->chars + n->leaps * (time_size + 4) +
           n->standard_flags + n->utc_flags;
}

static int32_t type_offset(const struct tzif *file, size_t type)
{
    return (int32_t)big_endian(file->types + type * TYPE_SIZE, 4);
}

static bool contents_hold(const struct tzif *file)
{
    for (size_t i = 0; i < file->n_types; i++)
        if (type_offset(file, i) <= -TZIF_OFFSET_LIMIT || type_offset(file, i) >= TZIF_OFFSET_LIMIT)
            return false;
    for (size_t i = 0; i < file->n_times; i++) {
        int32_t offset;
        if (file->kinds[i] >= file->n_types)
            return false;
        if (i && tzif_transition(file, i, &offset) <= tzif_transition(file, i - 1, &offset))
            return false;
    }
    return true;
}

bool tzif_open(struct tzif *file, const unsigned char *data, size_t length)
{
    /* The first block is the same in 32 bits, for old readers. */
    struct counts n;
    if (!read_header(data, length, &n) || block_size(&n, 4) > length - HEADER_SIZE)
        return false;
    const unsigned char *p = data + HEADER_SIZE + block_size(&n, 4), *limit = data + length;
    if (!read_header(p, (size_t)(limit - p), &n) || n.leaps || !n.types)
        return false;
    p += HEADER_SIZE;
    if (block_size(&n, TIME_SIZE) > (size_t)(limit - p))
        return false;
    *file = (struct tzif){.times = p, .n_times = n.times, .n_types = n.types};
    file->kinds = file->times + n.times * TIME_SIZE;
    file->types = file->kinds + n.times;
    p += block_size(&n, TIME_SIZE);
    const unsigned char *close = p < limit && *p == '\n' ? memchr(p + 1, '\n', (size_t)(limit - p - 1)) : NULL;
    if (!close)
        return false;
    file->footer = (const char *)p + 1;
    file->footer_length = (size_t)(close - p - 1);
    return contents_hold(file);
}

int32_t tzif_first_offset(const struct tzif *file)
{
    return type_offset(file, 0);
}

int64_t tzif_transition(const struct tzif *file, size_t i, int32_t *offset)
{
    *offset = type_offset(file, file->kinds[i]);
    return (int64_t)big_endian(file->times + i * TIME_SIZE, TIME_SIZE);
}

/* The rule's text as far as it is read. */
struct text {
    const char *at, *end;
};

static bool take(struct text *t, char c)
{
    if (t->at == t->end || *t->at != c)
        return false;
    t->at++;
    return true;
}

static bool take_number(struct text *t, int low, int high, int *out)
{
    const char *from = t->at;
    int value = 0;
    for (; t->at < t->end && *t->at >= '0' && *t->at <= '9' && t->at - from < 4; t->at++)
        value = value * 10 + (*t->at - '0');
    *out = value;
    return t->at > from && value >= low && value <= high;
}

static bool take_name(struct text *t)
{
    bool quoted = take(t, '<');
    const char *from = t->at;
    for (; t->at < t->end; t->at++) {
        char c = *t->at;
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!letter && !(quoted && ((c >= '0' && c <= '9') || c == '+' || c == '-')))
            break;
    }
    return t->at - from >= 3 && (!quoted || take(t, '>'));
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(struct text *t, int most_hours, int32_t *out)
{
    int sign = take(t, '-') ? -1 : 1, hours, minutes = 0, seconds = 0;
    if (sign > 0)
        take(t, '+');
    if (!take_number(t, 0, most_hours, &hours))
        return false;
    if (take(t, ':') && (!take_number(t, 0, 59, &minutes) || (take(t, ':') && !take_number(t, 0, 59, &seconds))))
        return false;
    *out = sign * (hours * 3600 + minutes * 60 + seconds);
    return true;
}

static bool take_day(struct text *t, struct tzif_day *day)
{
    bool good;
    if (take(t, 'M')) {
        day->form = 'M';
        good = take_number(t, 1, 12, &day->month) && take(t, '.') && take_number(t, 1, 5, &day->week) && take(t, '.') &&
               take_number(t, 0, 6, &day->day);
    } else {
        day->form = take(t, 'J') ? 'J' : 'D';
        good = take_number(t, day->form == 'J', 365, &day->day);
    }
    day->time = 2 * 3600;
    return good && (!take(t, '/') || take_time(t, 167, &day->time));
}

bool tzif_parse_rule(struct tzif_rule *rule, const char *text, size_t length)
{
    struct text t = {text, text + length};
    *rule = (struct tzif_rule){0};
    if (!take_name(&t) || !take_time(&t, 24, &rule->standard))
        return false;
    rule->standard = -rule->standard; /* POSIX counts westward */
    if (t.at == t.end)
        return true;
    rule->has_summer = true;
    rule->summer = rule->standard + 3600;
    if (!take_name(&t))
        return false;
    if (!take(&t, ',')) {
        if (!take_time(&t, 24, &rule->summer) || !take(&t, ','))
            return false;
        rule->summer = -rule->summer;
    }
    return take_day(&t, &rule->begin) && take(&t, ',') && take_day(&t, &rule->end) && t.at == t.end;
}

static int64_t day_in_year(const struct tzif_day *rule, int64_t year)
{
    int64_t first = day_of_date(year, 1, 1);
    if (rule->form == 'D')
        return first + rule->day;
    if (rule->form == 'J')
        return first + rule->day - 1 + (rule->day > 59 && is_leap_year(year));
    first = day_of_date(year, rule->month, 1);
    int day = (rule->day - weekday_of_day(first) + 7) % 7 + 7 * (rule->week - 1);
    return first + (day < month_length(year, rule->month) ? day : day - 7);
}

void tzif_rule_year(const struct tzif_rule *rule, int64_t year, int64_t *begin, int64_t *end)
{
    *begin = day_in_year(&rule->begin, year) * DAY_SECONDS + rule->begin.time - rule->standard;
    *end = day_in_year(&rule->end, year) * DAY_SECONDS + rule->end.time - rule->summer;
}
