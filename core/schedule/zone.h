/* SPDX-License-Identifier: Apache-2.0 */
/* Time zones, read once from the system's database and kept for good. The C library's own are one global state that is
 * read anew for each change of zone. For the loop's thread only. */
#ifndef BELFRY_SCHEDULE_ZONE_H
#define BELFRY_SCHEDULE_ZONE_H

#include <stdint.h>

#include "base/base.h"

struct zone;

/* A stretch of time of one offset from UTC, in seconds: wall = instant + offset for start <= instant < end. */
struct span {
    int64_t start, end;
    int64_t offset;
    int64_t fresh; /* every wall-clock time before this one was shown, or skipped, before `start` */
};

/* Beyond these, in seconds, nothing is asked; they leave room to add offsets. */
#define ZONE_BEGINNING (INT64_MIN / 4)
#define ZONE_END (INT64_MAX / 4)

/* The zone of that IANA name, or null with `e` filled. "UTC" needs no database. */
const struct zone *zone_get(const char *name, struct error *e);
struct span zone_span(const struct zone *zone, int64_t instant);
/* From this instant on the zone's offsets repeat every 400 years. */
int64_t zone_settled(const struct zone *zone);

#endif
