/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Durable state. Rooms keep their truth in memory and tell the store every change; the store writes all changes of a
 * moment in one transaction with one sync (group commit), on its own thread, and says when they are on disk. Whoever
 * must not speak before that (an HTTP answer, a delivery, a queue's offset) waits with store_commit().
 *
 * Every table has the same shape: an integer id given out in memory in ascending order, a short key (a job, a channel,
 * a subject), a time, and the record itself as JSON text. There are no secondary indexes: what must be found fast is
 * found in memory, and history is read backwards by id on a reader thread.
 */
#ifndef BELFRY_STORE_H
#define BELFRY_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

struct store;

enum store_table {
    STORE_META,          /* key → value, such as the agent's own id */
    STORE_JOBS,          /* one record per job: its state */
    STORE_RUNS,          /* history: one record per run */
    STORE_PINGS,         /* history: one record per report */
    STORE_FACTS,         /* one record per subject */
    STORE_ALERTS,        /* one record per alert that is pending or firing */
    STORE_ALERT_HISTORY, /* alerts that ended */
    STORE_OUTBOX,        /* notifications that are not finished */
    STORE_NOTIFICATIONS, /* history: notifications that are, with all their attempts */
    STORE_CHECKPOINTS,   /* one record per source: where it stands in its input */
    STORE_TABLES
};

enum store_result {
    STORE_OK = 0,
    STORE_FULL, /* no room on the disk: the changes wait in memory and are written once there is; the sender is told to
                   come back */
    STORE_FAILED, /* a write or a sync failed: nothing more is accepted, the agent must stop and start again from what
                     is on disk */
};

struct store_options {
    const char *dir; /* made with mode 0700 if absent; its lock keeps a second agent out */
    int64_t ballast; /* bytes kept aside so that results can still be recorded on a full disk; at most 1/16 of the file
                        system */
    int64_t keep;    /* history older than this (ms) is removed, once a minute; 0: whatever its age */
    int64_t keep_records; /* and per history table not more than this, counted by ids; 0: however many */
    void (*failed)(void *ctx, const char *why); /* once, on the loop, after STORE_FAILED was told to everyone waiting */
    void *ctx;
};

struct store_record {
    int64_t id;
    const char *key;
    int64_t time;
    const char *data; /* JSON text, NUL-terminated */
    size_t size;
};

/* Open or create, check, upgrade, start the threads. What was not closed cleanly is checked whole: its structure, and
 * every record against its sum; after a clean stop the sums of history are left to whoever reads it, and the structure
 * of a file above 256 MiB is taken on trust. A database that is damaged is set aside as
 * belfry.db.corrupt-TIME and its readable records are carried into a new one; *salvaged (may be null) then tells the
 * story in one line for people (the caller frees it), else it is null. Null: see `e` (another agent has it: then `again`, no
 * permission, a newer schema). Blocks; before the loop runs. */
struct store *store_open(struct loop *loop, const struct store_options *options, char **salvaged, struct error *e);
/* Write what is left, tell everyone who waits, close. Blocks. Not from inside a callback of the store. */
void store_close(struct store *store);

/* Read a whole table in ascending order of ids, at start. `each` returns 0 to go on; anything else ends it and is
 * returned. Blocks. */
int store_load(struct store *store, enum store_table table, int (*each)(void *ctx, const struct store_record *),
               void *ctx, struct error *e);

/* ---- on the loop ---- */

/* Above every id that the table ever had, also of deleted records and before a restart. A table and its history share
 * one sequence: an alert or a notification keeps its id when it moves. */
int64_t store_next_id(struct store *store, enum store_table table);
/* Insert or replace; everything is copied (null `key`: ""). Two puts of one record in one batch become one. */
void store_put(struct store *store, enum store_table table, int64_t id, const char *key, int64_t time,
               const char *data);
void store_put_json(struct store *store, enum store_table table, int64_t id, const char *key, int64_t time,
                    const json_t *data);
void store_delete(struct store *store, enum store_table table, int64_t id);

/* Call `done` once everything put so far is on disk (STORE_OK), or cannot be (see enum). With nothing waiting it is
 * called in this turn's end. Never from inside this call. */
void store_commit(struct store *store, void (*done)(void *ctx, enum store_result), void *ctx);

/* May new input be taken? -1: see `e` (the disk is full or does not keep up, or the store failed). Results of
 * deliveries are put in any case. */
int store_accepts(struct store *store, struct error *e);

struct store_query {
    enum store_table table;
    const char *key;      /* null: any */
    int64_t before;       /* ids below this; 0: from the newest */
    int64_t since, until; /* time in [since, until); 0: open */
    struct {
        const char *path;  /* a JSON path in `data`, "$.state"; a fixed string of the program, not of a user */
        const char *value; /* equal as text */
    } match[4];            /* unused ones null */
    size_t limit;          /* at most 1000 */
};
/* Read history, newest first, on the reader thread; `done` is called on the loop, with -1 and no records if reading
 * failed. */
void store_find(struct store *store, const struct store_query *query,
                void (*done)(void *ctx, int status, const struct store_record *records, size_t n), void *ctx);

struct store_stats {
    uint64_t batches, records, waiting; /* waiting: commits not yet told */
    uint64_t full, failed;              /* times that it happened */
    bool is_full, is_failed;
    int64_t last_sync_us, worst_sync_us, size_bytes, oldest_waiting_ms;
};
void store_get_stats(const struct store *store, struct store_stats *out);

#endif
