/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the store costs: rows per second and CPU time per row, by how many rows share a commit, each commit synced and
 * waited for; and what the loop pays for a put alone. Usage: bench_store [FOLDER], by default a new one in the working
 * directory (a folder in memory would sync for nothing).
 */
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "store/store.h"

enum { MOST_COMMITS = 2000, MOST_MS = 3000, PUTS = 1000000 };

static const char row[] = "{\"state\":\"succeeded\",\"started_at\":\"2026-03-01T02:00:00.000Z\",\"duration\":12.345,"
                          "\"exit_code\":0,\"node\":\"worker-17\",\"rid\":\"5f0c6a52-6a1e-4b61-8c1c-0d9f1b1c9a11\","
                          "\"tail\":\"processed 1234567 rows in 12 s, 0 errors, 3 warnings; wrote 9 files\"}";

static double cpu_seconds(int who)
{
    struct rusage usage;
    getrusage(who, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double wall_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void on_done(void *ctx, enum store_result result)
{
    *(bool *)ctx = true;
    if (result != STORE_OK) {
        fprintf(stderr, "the store failed\n");
        exit(1);
    }
}

static void commit(struct loop *loop, struct store *store)
{
    bool done = false;
    store_commit(store, on_done, &done);
    while (!done)
        event_base_loop(loop_base(loop), EVLOOP_ONCE);
}

static void measure_commits(struct loop *loop, struct store *store, int rows)
{
    int commits = 0;
    double wall = wall_seconds(), cpu = cpu_seconds(RUSAGE_SELF);
    int64_t until = time_monotonic() + MOST_MS;
    for (; commits < MOST_COMMITS && time_monotonic() < until; commits++) {
        for (int i = 0; i < rows; i++)
            store_put(store, STORE_RUNS, store_next_id(store, STORE_RUNS), "nightly-backup", loop_now(loop), row);
        commit(loop, store);
    }
    wall = wall_seconds() - wall;
    cpu = cpu_seconds(RUSAGE_SELF) - cpu;
    double n = (double)commits * rows;
    printf("%8d %9d %12.0f %12.2f %12.2f\n", rows, commits, n / wall, wall / commits * 1e3, cpu / n * 1e6);
}

static void measure_puts(struct loop *loop, struct store *store, bool same)
{
    double cpu = cpu_seconds(RUSAGE_THREAD);
    for (int i = 0; i < PUTS; i++) {
        store_put(store, STORE_JOBS, same ? 1 + i % 100 : 1 + i, "nightly-backup", 0, row);
        if (i % 256 == 255)
            loop_turn(loop);
    }
    cpu = cpu_seconds(RUSAGE_THREAD) - cpu;
    printf("%-24s %8.0f ns on the loop\n", same ? "a put, 100 records" : "a put, all different", cpu / PUTS * 1e9);
    commit(loop, store);
}

int main(int argc, char **argv)
{
    char made[] = "bench-store-XXXXXX";
    const char *dir = argc > 1 ? argv[1] : mkdtemp(made);
    struct error e = {0};
    struct loop *loop = loop_new();
    log_setup(LOG_WARNING, false);
    struct store *store = dir ? store_open(loop, &(struct store_options){.dir = dir}, NULL, &e) : NULL;
    if (!store) {
        fprintf(stderr, "%s: %s\n", e.where, e.what);
        return 1;
    }
    printf("rows of %zu bytes, WAL, synchronous=FULL, in %s\n", sizeof row - 1, dir);
    printf("%8s %9s %12s %12s %12s\n", "rows", "commits", "rows/s", "ms/commit", "us CPU/row");
    static const int sizes[] = {1, 16, 64, 256, 1024};
    for (size_t i = 0; i < COUNT(sizes); i++)
        measure_commits(loop, store, sizes[i]);
    measure_puts(loop, store, true);
    measure_puts(loop, store, false);
    store_close(store);
    loop_free(loop);
    return 0;
}
