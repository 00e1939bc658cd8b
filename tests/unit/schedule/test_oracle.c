/* SPDX-License-Identifier: Apache-2.0 */
/* Random expressions against a slow reading of the rule: walk through every minute, ask the C library what the clock on
 * the wall shows, remember what it has shown before, and compare. Nothing of the room but its public face is used. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "vectors.h"

enum { WINDOW_DAYS = 14, WARM_UP_DAYS = 2, WINDOW = WINDOW_DAYS * 1440, LONGEST_GAP = 180, EXPRESSIONS = 24 };

/* ---- A window of one zone's time, minute by minute ---- */

struct minute {
    struct tm wall;
    int64_t number; /* of the wall-clock minute, counted as if it were UTC */
    bool seen;      /* the wall has shown it before */
};

static struct minute window[WINDOW];
static int64_t window_start; /* seconds */

static void read_window(int64_t middle)
{
    static bool shown[WINDOW + 4 * 1440]; /* walls move by no more than two days against UTC */
    memset(shown, 0, sizeof shown);
    window_start = (middle / 86400 - WINDOW_DAYS / 2) * 86400;
    for (int i = 0; i < WINDOW; i++) {
        time_t t = (time_t)(window_start + i * 60);
        localtime_r(&t, &window[i].wall);
        assert_int_equal(window[i].wall.tm_sec, 0);
        struct tm copy = window[i].wall;
        window[i].number = timegm(&copy) / 60;
        int64_t at = window[i].number - window_start / 60 + 2 * 1440;
        assert_in_range(at, 0, COUNT(shown) - 1);
        window[i].seen = shown[at];
        shown[at] = true;
    }
}

/* ---- A random expression, as text and as plain sets ---- */

struct expression {
    char text[256];
    bool second[60], minute[60], hour[24], day[32], month[13], weekday[8];
    bool any_day, any_weekday, ticks;
    int before_last, workday, last_weekday, nth_weekday, nth; /* -1: not there */
    bool last_workday;
};

static unsigned long random_state;

static int below(int n)
{
    random_state = random_state * 6364136223846793005ul + 1442695040888963407ul;
    return (int)((random_state >> 33) % (unsigned long)n);
}

/* A field of `low` to `high`; true: it begins with a star. */
static bool write_field(char *out, bool *set, int low, int high, int sparse)
{
    int form = below(sparse), a = low + below(high - low + 1), b = low + below(high - low + 1),
        step = 1 + below(high - low);
    if (b < a) {
        int swap = a;
        a = b;
        b = swap;
    }
    switch (form) {
    case 0:
        sprintf(out, "*");
        a = low, b = high, step = 1;
        break;
    case 1:
        sprintf(out, "*/%d", step);
        a = low, b = high;
        break;
    case 2:
        sprintf(out, "%d-%d", a, b);
        step = 1;
        break;
    case 3:
        sprintf(out, "%d-%d/%d", a, b, step);
        break;
    case 4:
        sprintf(out, "%d/%d", a, step);
        b = high;
        break;
    case 5:
        sprintf(out, "%d,%d", b, a);
        step = b > a ? b - a : 1;
        break;
    default:
        sprintf(out, "%d", a);
        b = a;
    }
    for (int i = a; i <= b; i += step)
        set[i] = true;
    return form < 2;
}

static void write_day(char *out, struct expression *x)
{
    int n = 1 + below(28);
    switch (below(8)) {
    case 0:
        x->before_last = below(20);
        sprintf(out, x->before_last ? "L-%d" : "L", x->before_last);
        break;
    case 1:
        x->last_workday = true;
        sprintf(out, "LW");
        break;
    case 2:
        x->workday = n;
        sprintf(out, "%dW", n);
        break;
    default:
        x->any_day = write_field(out, x->day, 1, 31, 9);
    }
}

static void write_weekday(char *out, struct expression *x)
{
    switch (below(8)) {
    case 0:
        x->last_weekday = below(7);
        sprintf(out, "%dL", x->last_weekday);
        break;
    case 1:
        x->nth_weekday = below(7);
        x->nth = 1 + below(5);
        sprintf(out, "%d#%d", x->nth_weekday, x->nth);
        break;
    case 2:
    case 3:
    case 4:
        sprintf(out, below(2) ? "*" : "?");
        memset(x->weekday, true, sizeof x->weekday);
        x->any_weekday = true;
        break;
    default:
        x->any_weekday = write_field(out, x->weekday, 0, 7, 7);
    }
}

static struct expression random_expression(void)
{
    struct expression x = {.before_last = -1, .workday = -1, .last_weekday = -1, .nth_weekday = -1};
    char second[24] = "", minute[24], hour[24], day[24], month[24], weekday[24];
    if (below(4) == 0)
        x.ticks |= write_field(second, x.second, 0, 59, 30);
    else
        x.second[0] = true;
    x.ticks |= write_field(minute, x.minute, 0, 59, 12);
    x.ticks |= write_field(hour, x.hour, 0, 23, 9);
    write_day(day, &x);
    write_weekday(weekday, &x);
    if (below(4) == 0)
        write_field(month, x.month, 1, 12, 6);
    else
        memset(x.month, true, sizeof x.month), sprintf(month, "*");
    snprintf(x.text, sizeof x.text, "%s %s %s %s %s %s", second, minute, hour, day, month, weekday);
    return x;
}

/* ---- The rule, read slowly ---- */

static int days_in(int year, int month)
{
    struct tm next = {.tm_year = year - 1900, .tm_mon = month, .tm_mday = 0};
    timegm(&next);
    return next.tm_mday;
}

static bool is_workday(const struct tm *day, int n)
{
    int weekday = ((day->tm_wday + n - day->tm_mday) % 7 + 7) % 7;
    return weekday != 0 && weekday != 6;
}

/* The workday within the month that is nearest to day n; none if the month has no day n. */
static int nearest_workday(const struct tm *day, int n, int length)
{
    static const int order[] = {0, -1, 1, -2, 2};
    for (size_t i = 0; n <= length && i < COUNT(order); i++)
        if (n + order[i] >= 1 && n + order[i] <= length && is_workday(day, n + order[i]))
            return n + order[i];
    return 0;
}

static bool day_fits(const struct expression *x, const struct tm *t)
{
    int length = days_in(t->tm_year + 1900, t->tm_mon + 1), n = t->tm_mday;
    bool by_date = x->day[n] || (x->before_last >= 0 && n == length - x->before_last) ||
                   (x->last_workday && n == nearest_workday(t, length, length)) ||
                   (x->workday > 0 && n == nearest_workday(t, x->workday, length));
    bool by_weekday = x->weekday[t->tm_wday] || (t->tm_wday == 0 && x->weekday[7]) ||
                      (t->tm_wday == x->last_weekday && n + 7 > length) ||
                      (t->tm_wday == x->nth_weekday && (n - 1) / 7 + 1 == x->nth);
    return x->month[t->tm_mon + 1] && (x->any_day || x->any_weekday ? by_date && by_weekday : by_date || by_weekday);
}

static bool minute_fits(const struct expression *x, const struct tm *t)
{
    return x->minute[t->tm_min] && x->hour[t->tm_hour] && day_fits(x, t);
}

/* Did the wall leave out a minute that fits between the window's i-1 and i? */
static bool gap_fits(const struct expression *x, int i)
{
    int64_t skipped = window[i].number - window[i - 1].number - 1;
    if (skipped < 1 || skipped > LONGEST_GAP)
        return false;
    for (int64_t n = window[i].number - skipped; n < window[i].number; n++) {
        time_t t = (time_t)(n * 60);
        struct tm wall;
        if (minute_fits(x, gmtime_r(&t, &wall)))
            return true;
    }
    return false;
}

/* Compares the schedule with the rule on one minute of the window; *due is what the schedule says next. */
static void check_minute(const struct expression *x, const struct schedule *schedule, const char *zone, int i,
                         int64_t *due)
{
    bool fits = minute_fits(x, &window[i].wall) && (x->ticks || !window[i].seen);
    bool gap = !x->ticks && gap_fits(x, i);
    int64_t start = (window_start + i * 60) * SECOND;
    char t[TIME_TEXT], got[TIME_TEXT];
    for (int s = 0; s < 60; s++) {
        if (!(fits && x->second[s]) && !(gap && s == 0))
            continue;
        if (*due != start + s * SECOND)
            fail_msg("%s in %s: %s instead of %s", x->text, zone, time_format(*due, got),
                     time_format(start + s * SECOND, t));
        assert_true(schedule_previous(schedule, *due) == *due);
        int64_t next = schedule_next(schedule, *due);
        assert_true(next > *due);
        assert_true(schedule_previous(schedule, next - 1) == *due);
        *due = next;
    }
    if (*due < start + MINUTE)
        fail_msg("%s in %s: due at %s, which does not fit", x->text, zone, time_format(*due, t));
}

static void check_expression(const char *zone)
{
    struct expression x = random_expression();
    struct schedule *schedule = schedule_parse(x.text, zone, NULL, NULL);
    if (!schedule)
        return; /* a date that never comes; other tests say when that is right */
    int first = WARM_UP_DAYS * 1440 + below(1440);
    int64_t due = schedule_next(schedule, (window_start + first * 60) * SECOND - 1);
    int left = 1000; /* minutes that cost something: enough for every change of the clock, bounded for `* * * * * *` */
    for (int i = first; i < WINDOW && left > 0; i++) {
        int64_t before = due;
        check_minute(&x, schedule, zone, i, &due);
        left -= before != due;
    }
    schedule_free(schedule);
}

/* The instant at which the zone's offset changes next, within two years; or `from`. */
static int64_t next_change(int64_t from)
{
    struct tm a, b;
    time_t t = (time_t)from;
    localtime_r(&t, &a);
    for (int i = 0; i < 730; i++) {
        t = (time_t)(from + i * 86400);
        localtime_r(&t, &b);
        if (b.tm_gmtoff != a.tm_gmtoff)
            return from + i * 86400;
    }
    return from;
}

static void check_zone_at(const char *zone, const char *when)
{
    setenv("TZ", zone, 1);
    tzset();
    read_window(next_change(instant(when) / SECOND));
    for (int i = 0; i < EXPRESSIONS; i++)
        check_expression(zone);
}

static void test_zones(void **state)
{
    (void)state;
    static const char *const zones[] = {"UTC",
                                        "America/New_York",
                                        "Europe/London",
                                        "Europe/Dublin",
                                        "Australia/Lord_Howe",
                                        "Africa/Casablanca",
                                        "Antarctica/Troll",
                                        "America/Havana",
                                        "Africa/Cairo",
                                        "Asia/Gaza",
                                        "America/Nuuk",
                                        "Pacific/Chatham",
                                        "America/St_Johns",
                                        "Asia/Tehran",
                                        "America/Santiago"};
    static const char *const times[] = {"1975-01-01T00:00", "2005-06-01T00:00", "2025-01-01T00:00",
                                        "2036-12-01T00:00", "2051-07-01T00:00", "2600-01-01T00:00"};
    for (size_t z = 0; z < COUNT(zones); z++)
        for (size_t t = 0; t < COUNT(times); t++)
            check_zone_at(zones[z], times[t]);
}

static void test_odd_changes(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *when;
    } rows[] = {{"Pacific/Apia", "2011-12-20T00:00"},       {"Pacific/Kwajalein", "1993-08-10T00:00"},
                {"Pacific/Kiritimati", "1994-12-20T00:00"}, {"Antarctica/Casey", "2009-10-10T00:00"},
                {"Antarctica/Casey", "2010-03-01T00:00"},   {"America/Caracas", "2007-12-01T00:00"},
                {"America/Caracas", "2016-04-20T00:00"},    {"Asia/Pyongyang", "2015-08-10T00:00"},
                {"Asia/Pyongyang", "2018-05-01T00:00"},     {"Asia/Singapore", "1981-12-20T00:00"},
                {"Europe/Lisbon", "1992-09-20T00:00"},      {"Europe/Moscow", "2011-03-20T00:00"},
                {"Europe/Moscow", "2014-10-20T00:00"},      {"Asia/Kathmandu", "1985-12-20T00:00"},
                {"America/Sao_Paulo", "2018-11-01T00:00"},  {"Africa/Juba", "2021-01-20T00:00"},
                {"Africa/Casablanca", "2087-04-01T00:00"},  {"America/Anchorage", "1983-10-20T00:00"}};
    for (size_t i = 0; i < COUNT(rows); i++)
        check_zone_at(rows[i].zone, rows[i].when);
}

static int set_seed(void **state)
{
    (void)state;
    const char *seed = getenv("BELFRY_TEST_SEED"); /* to look further than the fixed one */
    random_state = seed ? strtoul(seed, NULL, 10) : 20261125;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_zones), cmocka_unit_test(test_odd_changes)};
    return cmocka_run_group_tests(tests, set_seed, NULL);
}
