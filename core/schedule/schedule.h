/* SPDX-License-Identifier: Apache-2.0 */
/* When something is due: cron expressions and intervals, in a time zone, across its changes of offset. */
#ifndef BELFRY_SCHEDULE_H
#define BELFRY_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"

struct schedule;

/*
 * 5 fields, or 6 with seconds first; @yearly @annually @monthly @weekly @daily @midnight @hourly, @every DURATION; a
 * prefix CRON_TZ=ZONE or TZ=ZONE. Names, lists, ranges, steps, `?` L L-n LW nW nL n#k and H, H(a-b), H/n (spread by
 * `seed`, the job's name; null: ""). A day is due as in Vixie cron: if either day field begins with `*` both must
 * match, else one is enough. `timezone` is an IANA name, null: UTC; one in the text goes before it. Null result: see
 * `e` (where: "field N (minutes)", "timezone" or "", mend: how to write it), also for what can never be due. The caller
 * frees it. Zones are read once and kept, for the loop's thread only.
 */
struct schedule *schedule_parse(const char *text, const char *timezone, const char *seed, struct error *e);
void schedule_free(struct schedule *schedule); /* null is fine */

/* The first instant after `from` (strictly; ms since 1970), whole seconds. Fixed times run once per wall-clock time: at
 * a fold the first pass, in a gap of at most 3 h at its end; what has `*` first in seconds, minutes or hours runs at
 * every real instant that matches. INT64_MAX: none before the year 10000. `@every` counts from 1970-01-01 in UTC, so
 * that it does not depend on when the agent started. */
int64_t schedule_next(const struct schedule *schedule, int64_t from);
/* The last instant at or before `at`; INT64_MIN: none within the 400 years before. */
int64_t schedule_previous(const struct schedule *schedule, int64_t at);

bool schedule_timezone_known(const char *name);

#endif
