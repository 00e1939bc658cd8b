/* SPDX-License-Identifier: Apache-2.0 */
#include "schedule/cron.h"

#include "schedule/calendar.h"
#include "schedule/zone.h"

enum {
    LONGEST_GAP = 3 * 3600
}; /* what falls in a longer one belongs to a day that was left out, and is left out too */

static int lowest_bit(uint64_t bits)
{
    return __builtin_ctzll(bits);
}

/* The values from n on. */
static uint64_t bits_from(uint64_t bits, int n)
{
    return n > 63 ? 0 : bits & (~0ull << n);
}

/* The days of a month are bits 1 to 31. The month's first weekday turns a set of weekdays into a set of its days. */
struct month {
    int length, first_weekday;
};

static struct month month_of(int64_t first_day, int length)
{
    return (struct month){length, weekday_of_day(first_day)};
}

static uint32_t all_days(struct month m)
{
    return (uint32_t)((2ull << m.length) - 2);
}

static uint32_t days_of_weekdays(struct month m, uint64_t weekdays)
{
    uint64_t week = (weekdays | weekdays << 7) >> m.first_weekday & 0x7f; /* bit 0: the weekday of the 1st */
    return (uint32_t)((week | week << 7 | week << 14 | week << 21 | week << 28) << 1) & all_days(m);
}

static int nearest_workday(struct month m, int day)
{
    int weekday = (m.first_weekday + day - 1) % 7;
    if (weekday == 6)
        return day > 1 ? day - 1 : 3;
    if (weekday == 0)
        return day < m.length ? day + 1 : day - 2;
    return day;
}

static uint32_t days_by_date(const struct cron *cron, struct month m)
{
    uint32_t days = (uint32_t)cron->fields[CRON_DAY];
    for (uint32_t left = cron->days_from_last; left; left &= left - 1)
        if (lowest_bit(left) < m.length)
            days |= 1u << (m.length - lowest_bit(left));
    for (uint32_t left = cron->workdays & all_days(m); left; left &= left - 1)
        days |= 1u << nearest_workday(m, lowest_bit(left));
    if (cron->last_workday)
        days |= 1u << nearest_workday(m, m.length);
    return days & all_days(m);
}

static uint32_t days_by_weekday(const struct cron *cron, struct month m)
{
    uint32_t days = days_of_weekdays(m, cron->fields[CRON_WEEKDAY]);
    for (int k = 1; k <= 5; k++)
        if (cron->nth_weekdays[k])
            days |= days_of_weekdays(m, cron->nth_weekdays[k]) & (uint32_t)(0x7full << (7 * k - 6));
    if (cron->last_weekdays)
        days |= days_of_weekdays(m, cron->last_weekdays) & (uint32_t)(0x7full << (m.length - 6));
    return days;
}

static uint32_t days_due(const struct cron *cron, struct month m)
{
    uint32_t by_date = days_by_date(cron, m), by_weekday = days_by_weekday(cron, m);
    return cron->any_day || cron->any_weekday ? by_date & by_weekday : by_date | by_weekday;
}

bool cron_has_date(const struct cron *cron, bool day_of_month_only)
{
    for (int64_t year = 2000; year < 2000 + PERIOD_YEARS; year++)
        for (uint64_t left = cron->fields[CRON_MONTH]; left; left &= left - 1) {
            int month = lowest_bit(left);
            struct month m = month_of(day_of_date(year, month, 1), month_length(year, month));
            if (day_of_month_only ? days_by_date(cron, m) : days_due(cron, m))
                return true;
        }
    return false;
}

/* The first second of a day at or after `from` that fits, or -1. */
static int32_t second_of_day(const struct cron *cron, int32_t from)
{
    const uint64_t *f = cron->fields;
    int hour = from / 3600, minute = from / 60 % 60, second = from % 60;
    uint64_t hours = bits_from(f[CRON_HOUR], hour);
    if (!hours)
        return -1;
    if (lowest_bit(hours) == hour) {
        uint64_t minutes = bits_from(f[CRON_MINUTE], minute);
        if (minutes && lowest_bit(minutes) == minute) {
            uint64_t seconds = bits_from(f[CRON_SECOND], second);
            if (seconds)
                return hour * 3600 + minute * 60 + lowest_bit(seconds);
            minutes = bits_from(minutes, minute + 1);
        }
        if (minutes)
            return hour * 3600 + lowest_bit(minutes) * 60 + lowest_bit(f[CRON_SECOND]);
        hours = bits_from(hours, hour + 1);
        if (!hours)
            return -1;
    }
    return lowest_bit(hours) * 3600 + lowest_bit(f[CRON_MINUTE]) * 60 + lowest_bit(f[CRON_SECOND]);
}

static void go_to_next_month(struct date *date, uint64_t months)
{
    uint64_t later = bits_from(months, date->month + 1);
    date->year += !later;
    date->month = lowest_bit(later ? later : months);
    date->day = 1;
}

/* The first wall-clock second in [from, limit) that fits, or CRON_NEVER. Goes from month to month: some fit within 400
 * years, as cron_parse() sees to. */
static int64_t next_on_wall(const struct cron *cron, int64_t from, int64_t limit)
{
    if (from >= limit)
        return CRON_NEVER;
    int64_t today = floor_div(from, DAY_SECONDS);
    int32_t second = second_of_day(cron, (int32_t)(from - today * DAY_SECONDS));
    if (second < 0) {
        today++;
        second = second_of_day(cron, 0);
    }
    struct date date = date_of_day(today);
    int64_t first = today - date.day + 1;
    while (first * DAY_SECONDS < limit) {
        uint64_t days = 0;
        if (cron->fields[CRON_MONTH] >> date.month & 1)
            days = bits_from(days_due(cron, month_of(first, month_length(date.year, date.month))), date.day);
        if (days) {
            int64_t day = first + lowest_bit(days) - 1;
            if (day != today)
                second = second_of_day(cron, 0);
            return day * DAY_SECONDS + second < limit ? day * DAY_SECONDS + second : CRON_NEVER;
        }
        go_to_next_month(&date, cron->fields[CRON_MONTH]);
        first = day_of_date(date.year, date.month, 1);
    }
    return CRON_NEVER;
}

/* Does `span` begin with a step forward over wall-clock times of which one is due? */
static bool gap_was_due(const struct cron *cron, const struct span *span)
{
    int64_t wall = span->start + span->offset;
    return wall > span->fresh && wall - span->fresh <= LONGEST_GAP &&
           next_on_wall(cron, span->fresh, wall) != CRON_NEVER;
}

static int64_t next_in_span(const struct cron *cron, const struct span *span, int64_t from)
{
    if (!cron->ticks && from == span->start && gap_was_due(cron, span))
        return from;
    int64_t wall = from + span->offset;
    if (!cron->ticks && wall < span->fresh)
        wall = span->fresh; /* this wall-clock time was there before */
    wall = next_on_wall(cron, wall, span->end + span->offset);
    return wall == CRON_NEVER ? CRON_NEVER : wall - span->offset;
}

int64_t cron_next(const struct cron *cron, const struct zone *zone, int64_t from, int64_t limit)
{
    while (from < limit) {
        struct span span = zone_span(zone, from);
        int64_t found = next_in_span(cron, &span, from);
        if (found != CRON_NEVER)
            return found < limit ? found : CRON_NEVER;
        from = span.end;
    }
    return CRON_NEVER;
}
