/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of a cron expression, and the search for the next time that fits them. */
#ifndef BELFRY_SCHEDULE_CRON_H
#define BELFRY_SCHEDULE_CRON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"

struct zone;

enum cron_field { CRON_SECOND, CRON_MINUTE, CRON_HOUR, CRON_DAY, CRON_MONTH, CRON_WEEKDAY, CRON_FIELDS };

struct cron {
    uint64_t fields[CRON_FIELDS]; /* bit n: the value n; Sunday is 0 only */
    uint32_t days_from_last;      /* bit n: L-n */
    uint32_t workdays;            /* bit n: nW */
    bool last_workday;            /* LW */
    uint8_t last_weekdays;        /* bit n: nL */
    uint8_t nth_weekdays[6];      /* [k] bit n: n#k */
    bool any_day, any_weekday;    /* the field begins with `*`, or is `?`: a day must fit both, else one is enough */
    bool ticks;                   /* seconds, minutes or hours begin with `*`: due at every real instant that fits */
};

#define CRON_NEVER INT64_MAX

/* 5 or 6 fields; -1: see `e`, also where no date of the calendar fits. */
int cron_parse(struct cron *cron, const char *text, const char *seed, struct error *e);

/* Is there a day that fits, looking at all or only at the day of month? */
bool cron_has_date(const struct cron *cron, bool day_of_month_only);
/* The first second at or after `from` that is due, or CRON_NEVER if that would be at or after `limit`. */
int64_t cron_next(const struct cron *cron, const struct zone *zone, int64_t from, int64_t limit);

#endif
