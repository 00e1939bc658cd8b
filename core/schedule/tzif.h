/* SPDX-License-Identifier: Apache-2.0 */
/* The format of the time zone database's files, RFC 9636. */
#ifndef BELFRY_SCHEDULE_TZIF_H
#define BELFRY_SCHEDULE_TZIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TZIF_OFFSET_LIMIT = 26 * 3600 }; /* every offset is nearer to 0 than this */

/* A file opened in place: it points into the bytes given. */
struct tzif {
    const unsigned char *times, *kinds, *types;
    size_t n_times, n_types;
    const char *footer; /* what holds after the last transition, as in the variable TZ; not terminated */
    size_t footer_length;
};

/* False: not a whole file of version 2 or later, or one that counts leap seconds. */
bool tzif_open(struct tzif *file, const unsigned char *data, size_t length);
int32_t tzif_first_offset(const struct tzif *file);
/* The i-th transition, strictly ascending, and the offset that begins with it. */
int64_t tzif_transition(const struct tzif *file, size_t i, int32_t *offset);

/* The rule of a footer. */
struct tzif_day {
    char form; /* 'J': 1 to 365, never 29 February; 'D': 0 to 365; 'M': the week-th weekday of the month, 5: the last */
    int month, week, day;
    int32_t time; /* seconds from that day's midnight; may be negative or beyond the day */
};
struct tzif_rule {
    int32_t standard, summer;   /* offsets */
    bool has_summer;            /* else the rest is unset */
    struct tzif_day begin, end; /* of summer time */
};
bool tzif_parse_rule(struct tzif_rule *rule, const char *text, size_t length);
/* The instants at which summer time begins and ends in `year`. */
void tzif_rule_year(const struct tzif_rule *rule, int64_t year, int64_t *begin, int64_t *end);

#endif
