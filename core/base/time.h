/* SPDX-License-Identifier: Apache-2.0 */
/* Times are milliseconds since 1970-01-01 UTC, durations are milliseconds, both int64_t. Rooms ask the loop for the
 * time (loop_now), which tests can make virtual; the functions here that read a clock are for logs and for input and
 * output. */
#ifndef BELFRY_BASE_TIME_H
#define BELFRY_BASE_TIME_H

#include <stdbool.h>
#include <stdint.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR };
enum { TIME_TEXT = 40, DURATION_TEXT = 40 };

int64_t time_wall(void);
int64_t time_monotonic(void);

/* RFC 3339 in UTC with milliseconds, "2026-03-01T02:00:00.000Z"; returns `out`. */
const char *time_format(int64_t ms, char out[TIME_TEXT]);
/* RFC 3339 with any offset, fraction optional (digits past the third are cut); false: not one. */
bool time_parse(const char *text, int64_t *ms);

/* As Prometheus writes them: "1h30m", "500ms", "0"; units ms s m h d w y, largest first, each once. Not negative. */
bool duration_parse(const char *text, int64_t *ms);
const char *duration_format(int64_t ms, char out[DURATION_TEXT]);

#endif
