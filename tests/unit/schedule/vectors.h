/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a table: an expression, and the instants that follow one another from a given one on. */
#ifndef BELFRY_TEST_SCHEDULE_VECTORS_H
#define BELFRY_TEST_SCHEDULE_VECTORS_H

#include <stdio.h>
#include <string.h>

#include "schedule/schedule.h"

struct vector {
    const char *text, *from, *due; /* "2026-03-01T02:00" or with seconds, in UTC; several are separated by blanks */
};

/* The instant that `text` begins with; moves it on. */
static inline int64_t take_instant(const char **text)
{
    char full[32];
    int64_t ms;
    int length = (int)strcspn(*text, " ");
    snprintf(full, sizeof full, "%.*s%sZ", length, *text, length == 16 ? ":00" : "");
    if (!time_parse(full, &ms))
        fail_msg("not an instant: %s", full);
    *text += length + (int)strspn(*text + length, " ");
    return ms;
}

static inline int64_t instant(const char *text)
{
    return take_instant(&text);
}

static inline struct schedule *must_parse(const char *text, const char *zone)
{
    struct error e;
    char shown[1024];
    struct schedule *schedule = schedule_parse(text, zone, "seed", &e);
    if (!schedule)
        fail_msg("%s: %s", text, error_text(&e, shown, sizeof shown));
    return schedule;
}

static inline void expect_instant(const struct vector *v, const char *call, int64_t at, int64_t want, int64_t got)
{
    char a[TIME_TEXT], w[TIME_TEXT], g[TIME_TEXT];
    if (got != want)
        fail_msg("%s: %s(%s) is %s, not %s", v->text, call, time_format(at, a),
                 got == INT64_MAX || got == INT64_MIN ? "none" : time_format(got, g), time_format(want, w));
}

/* Each instant follows the one before, from everywhere between them, and backwards likewise. */
static inline void check_vector(const struct vector *v, const char *zone)
{
    struct schedule *schedule = must_parse(v->text, zone);
    int64_t before = INT64_MIN, at = instant(v->from);
    for (const char *due = v->due; *due;) {
        int64_t want = take_instant(&due);
        expect_instant(v, "next", at, want, schedule_next(schedule, at));
        expect_instant(v, "next", want - 1, want, schedule_next(schedule, want - 1));
        expect_instant(v, "next", at + (want - at) / 2, want, schedule_next(schedule, at + (want - at) / 2));
        expect_instant(v, "previous", want, want, schedule_previous(schedule, want));
        expect_instant(v, "previous", want + 999, want, schedule_previous(schedule, want + 999));
        if (before != INT64_MIN) {
            expect_instant(v, "previous", want - 1, before, schedule_previous(schedule, want - 1));
            expect_instant(v, "previous", before + 1, before, schedule_previous(schedule, before + 1));
        }
        before = at = want;
    }
    schedule_free(schedule);
}

#define CHECK_VECTORS(zone, ...)                                                                                       \
    do {                                                                                                               \
        static const struct vector rows_[] = {__VA_ARGS__};                                                            \
        for (size_t i_ = 0; i_ < COUNT(rows_); i_++)                                                                   \
            check_vector(&rows_[i_], zone);                                                                            \
    } while (0)

#endif
