/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite file: opening, checking, and the few statements that the store needs. A connection belongs to one thread
 * at a time. */
#ifndef BELFRY_STORE_DATABASE_H
#define BELFRY_STORE_DATABASE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"
#include "store/batch.h"
#include "store/home.h"
#include "store/store.h"

enum {
    STORE_NOTES = STORE_TABLES, /* the store's own notes, a table of the same shape as those of the rooms */
    STORE_ALL_TABLES,
    STORE_HISTORIES = 4, /* tables that are pruned */
    STORE_PAGE_SIZE = 4096,
    STORE_PRUNE_RECORDS = 1000, /* at most so many in one statement */
};
/* Ids in STORE_NOTES: by sequence, the highest id ever; and whether the last stop was a clean one. */
enum { STORE_NOTE_CLEAN = 100 };

/* ---- row.c: tables, rows, statements ---- */

const char *store_db_table_name(int table);
/* The table that gives out the ids for this one: a record keeps its id when it moves to history. */
enum store_table store_db_sequence(enum store_table table);

/* The sum of a row, so that a flipped bit does not pass for data. The table comes last: whoever does not know it can
 * try all of them cheaply. */
uint64_t store_db_sum(int64_t id, const char *key, size_t key_size, int64_t time, const char *data, size_t data_size);
int64_t store_db_sum_in(uint64_t sum, int table);

#define STORE_DB_COLUMNS "id, key, time, data, sum"
/* A row selected so. False: it does not match its sum. */
bool store_db_row(sqlite3_stmt *row, int table, struct store_record *out);

/* Null: see `e`. */
sqlite3_stmt *store_db_prepare(sqlite3 *sql, struct error *e, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Run a statement that gives no rows. False: the connection has the error. */
bool store_db_run(sqlite3_stmt *statement);
/* Run one that takes the values of STORE_DB_COLUMNS. */
bool store_db_put(sqlite3_stmt *statement, int table, const struct store_record *record);
/* "doing: what SQLite says" in `e`; -1. */
int store_db_fail(sqlite3 *sql, const char *doing, struct error *e);

/* ---- database.c: opening and closing ---- */

struct store_db {
    const struct store_home *home;
    sqlite3 *sql;
    sqlite3_stmt *begin, *commit, *rollback;
    sqlite3_stmt *put[STORE_ALL_TABLES], *remove[STORE_ALL_TABLES];
    sqlite3_stmt *prune_age[STORE_HISTORIES], *prune_count[STORE_HISTORIES];
    int64_t last[STORE_TABLES];  /* by sequence, the highest id ever put */
    int64_t noted[STORE_TABLES]; /* what the notes say of it */
    bool noting;                 /* the transaction that is under way brings the notes up to date */
    int log_pages, log_copied;
};

enum store_db_state {
    STORE_DB_OPEN = 0,
    STORE_DB_REFUSED, /* not ours, newer than we are, or not to be opened at all: see `e` */
    STORE_DB_DAMAGED, /* see `e`; to be salvaged */
};
/* Open `name` for writing, create or upgrade it, check it, note that it is in use. */
enum store_db_state store_db_open(const struct store_home *home, const char *name, struct store_db **db,
                                  struct error *e);
/* `clean`: note that all is written, and empty the log. Without it the log stays as it is, for the next start to read.
 * -1: it could not be ended cleanly, see `e`; it is closed in any case. */
int store_db_close(struct store_db *db, bool clean, struct error *e);
/* A connection that cannot write; null: see `e`. */
sqlite3 *store_db_open_reader(const struct store_home *home, struct error *e);

/* ---- transaction.c: what changes it ---- */

/* What became of a transaction. Unless it is DONE nothing of it was kept. */
enum store_db_result {
    STORE_DB_DONE = 0,
    STORE_DB_NO_ROOM, /* worth trying again once there is room */
    STORE_DB_BUSY,    /* another program holds the lock: worth trying again */
    STORE_DB_BROKEN,  /* the file can no longer be trusted: never try again */
};

/* Write a batch in one transaction; *sync_us: how long its COMMIT took. */
enum store_db_result store_db_write(struct store_db *db, const struct store_batch *batch, int64_t *sync_us,
                                    struct error *e);
enum store_db_result store_db_note_clean(struct store_db *db, bool clean, struct error *e);
/* Remove some history that is older than `cutoff` or beyond the newest `keep_records` ids; 0: no such bound. *more:
 * there may be more of it. */
enum store_db_result store_db_prune(struct store_db *db, int64_t cutoff, int64_t keep_records, bool *more,
                                    struct error *e);
/* Copy the log into the database, as far as readers allow. */
enum store_db_result store_db_checkpoint(struct store_db *db, struct error *e);
int64_t store_db_log_bytes(const struct store_db *db); /* not copied yet */

#endif
