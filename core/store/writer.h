/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that writes: one batch at a time, and between batches the log, the ballast and old history. */
#ifndef BELFRY_STORE_WRITER_H
#define BELFRY_STORE_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"
#include "store/batch.h"
#include "store/database.h"
#include "store/home.h"

struct store_writer;

enum store_outcome {
    STORE_OUTCOME_NONE,
    STORE_WRITTEN, /* the batch is on disk */
    STORE_KEPT,    /* it could not be written now; the writer keeps it and tries again every second */
};

/* What the loop is told. */
struct store_report {
    enum store_outcome outcome; /* of the batch, if there is one since the last report */
    bool is_broken;             /* nothing that has no outcome yet ever will be written */
    bool is_full;               /* no room, or none for the ballast */
    uint64_t full;              /* how often that began */
    int64_t last_sync_us, worst_sync_us;
    struct error trouble; /* of STORE_KEPT, is_broken and is_full */
};

/* `wake_fd` (an eventfd) is written to when there is something to report. The writer uses the database alone from here
 * to store_writer_stop(). Null: no thread could be had. */
struct store_writer *store_writer_start(struct store_db *db, const struct store_ballast *ballast, int wake_fd,
                                        struct error *e);
/* One at a time: the next one after STORE_WRITTEN. The batch stays the caller's, but its changes are not to be touched
 * meanwhile. */
void store_writer_give(struct store_writer *writer, const struct store_batch *batch);
void store_writer_prune(struct store_writer *writer, int64_t cutoff, int64_t keep_records);
void store_writer_report(struct store_writer *writer, struct store_report *out);
/* Wait for the outcome of the batch that was given, or until it can have none; one that was kept is tried again first.
 */
void store_writer_wait(struct store_writer *writer, struct store_report *out);
void store_writer_stop(struct store_writer *writer);

#endif
