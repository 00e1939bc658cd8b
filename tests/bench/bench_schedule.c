/* SPDX-License-Identifier: Apache-2.0 */
/* How many times a second schedule_next(), schedule_previous() and schedule_parse() can be asked, on one core, and the
 * longest single call. Not a test: a figure depends on the machine. Usage: bench_schedule [MILLISECONDS PER LINE] */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "schedule/schedule.h"

enum { CHUNK = 256 };
#define START 1772323200000 /* 2026-03-01T00:00:00Z */

static int64_t nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The rate of the best chunk: what other work on the machine disturbs least. */
struct rate {
    int64_t best, longest_call;
};

static double per_second(int64_t chunk_ns)
{
    return chunk_ns ? CHUNK * 1e9 / (double)chunk_ns : 0;
}

static int64_t next_chunk(const struct schedule *schedule, int64_t *at)
{
    int64_t begun = nanoseconds();
    for (int i = 0; i < CHUNK; i++) {
        *at = schedule_next(schedule, *at);
        if (*at == INT64_MAX)
            *at = START;
    }
    return nanoseconds() - begun;
}

static struct rate measure_next(const struct schedule *schedule, int64_t budget)
{
    struct rate rate = {INT64_MAX, 0};
    int64_t at = START, deadline = nanoseconds() + budget;
    while (nanoseconds() < deadline) {
        int64_t took = next_chunk(schedule, &at);
        rate.best = took < rate.best ? took : rate.best;
        int64_t begun = nanoseconds();
        schedule_next(schedule, at);
        took = nanoseconds() - begun;
        rate.longest_call = took > rate.longest_call ? took : rate.longest_call;
    }
    return rate;
}

static int64_t measure_previous(const struct schedule *schedule, int64_t budget)
{
    int64_t best = INT64_MAX, deadline = nanoseconds() + budget;
    while (nanoseconds() < deadline) {
        int64_t begun = nanoseconds();
        for (int i = 0; i < CHUNK; i++)
            schedule_previous(schedule, START + (int64_t)i * HOUR);
        int64_t took = nanoseconds() - begun;
        best = took < best ? took : best;
    }
    return best;
}

static int64_t measure_parse(const char *text, const char *zone, int64_t budget)
{
    int64_t best = INT64_MAX, deadline = nanoseconds() + budget;
    while (nanoseconds() < deadline) {
        int64_t begun = nanoseconds();
        for (int i = 0; i < CHUNK; i++)
            schedule_free(schedule_parse(text, zone, "bench", NULL));
        int64_t took = nanoseconds() - begun;
        best = took < best ? took : best;
    }
    return best;
}

int main(int argc, char **argv)
{
    static const char *const zones[] = {"UTC", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"};
    static const char *const texts[] = {"*/5 * * * *",    "0 0 * * *",      "30 9 * * 1-5",     "0 0 1 * *",
                                        "0 0 29 2 *",     "*/10 * * * * *", "0 30 9 * * MON#1", "0 0 29 2 ?",
                                        "0 0 */31 2 MON", "@every 5m"};
    int64_t budget = (argc > 1 ? atoll(argv[1]) : 100) * 1000000;
    printf("%-20s %-18s %12s %12s %12s %10s\n", "zone", "expression", "next/s", "previous/s", "parse/s", "longest us");
    for (size_t z = 0; z < COUNT(zones); z++)
        for (size_t t = 0; t < COUNT(texts); t++) {
            struct error e;
            struct schedule *schedule = schedule_parse(texts[t], zones[z], "bench", &e);
            if (!schedule) {
                fprintf(stderr, "%s: %s\n", texts[t], e.what);
                return 1;
            }
            struct rate next = measure_next(schedule, budget);
            printf("%-20s %-18s %12.0f %12.0f %12.0f %10.1f\n", zones[z], texts[t], per_second(next.best),
                   per_second(measure_previous(schedule, budget)),
                   per_second(measure_parse(texts[t], zones[z], budget)), (double)next.longest_call / 1000);
            schedule_free(schedule);
        }
    return 0;
}
