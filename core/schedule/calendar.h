/* SPDX-License-Identifier: Apache-2.0 */
/* The Gregorian calendar in whole days since 1970-01-01, in both directions of time without end. */
#ifndef BELFRY_SCHEDULE_CALENDAR_H
#define BELFRY_SCHEDULE_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

enum { DAY_SECONDS = 86400 };
/* Dates and weekdays repeat after 400 years, which are a whole number of weeks. */
enum { PERIOD_YEARS = 400, PERIOD_DAYS = 146097 };
#define PERIOD_SECONDS ((int64_t)PERIOD_DAYS * DAY_SECONDS)

struct date {
    int64_t year;
    int month, day; /* both from 1 */
};

static inline int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static inline bool is_leap_year(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static inline int month_length(int64_t year, int month)
{
    return month == 2 ? 28 + is_leap_year(year) : 30 + ((month + month / 8) & 1);
}

/* Both conversions count years from March, so that the leap day is the last of its year; the 153 days of five months
 * from March on repeat, which makes the month a linear function of the day. */
static inline int64_t day_of_date(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = floor_div(year, PERIOD_YEARS), year_of_era = year - era * PERIOD_YEARS;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * PERIOD_DAYS + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static inline struct date date_of_day(int64_t day)
{
    day += 719468; /* from 0000-03-01 */
    int64_t era = floor_div(day, PERIOD_DAYS);
    uint32_t day_of_era = (uint32_t)(day - era * PERIOD_DAYS);
    uint32_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint32_t from_march = (5 * day_of_year + 2) / 153;
    int month = (int)(from_march < 10 ? from_march + 3 : from_march - 9);
    return (struct date){year_of_era + era * PERIOD_YEARS + (month <= 2), month,
                         (int)(day_of_year - (153 * from_march + 2) / 5 + 1)};
}

/* 0: Sunday */
static inline int weekday_of_day(int64_t day)
{
    return (int)(day + 4 - floor_div(day + 4, 7) * 7);
}

#endif
