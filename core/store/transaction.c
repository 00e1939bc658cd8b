/* SPDX-License-Identifier: Apache-2.0 */
/* What changes the database while the agent runs; only the writer thread comes here. */
#include "store/database.h"

#include <errno.h>
#include <string.h>
#include <time.h>

/* ---- what an error means ---- */

/* What the system said of the last failed access to the database or its log. sqlite3_system_errno() does not know it
 * after a COMMIT. */
static int last_errno(sqlite3 *sql, int which_file)
{
    sqlite3_file *file = NULL;
    int os_error = 0;
    sqlite3_file_control(sql, "main", which_file, &file);
    if (file && file->pMethods)
        file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &os_error);
    return os_error;
}

static bool says_no_room(int os_error)
{
    return os_error == ENOSPC || os_error == EDQUOT || os_error == EFBIG;
}

/* SQLite says "input/output error" for a quota, a file size limit and a full disk behind the shared memory, too. A
 * failed sync is never that: what it did not write cannot be known. */
static bool is_no_room(const struct store_db *db, int code)
{
    enum { NEARLY_NOTHING = 64 * 1024 };
    if ((code & 0xff) == SQLITE_FULL)
        return true;
    if ((code & 0xff) != SQLITE_IOERR || code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC)
        return false;
    return says_no_room(last_errno(db->sql, SQLITE_FCNTL_JOURNAL_POINTER)) ||
           says_no_room(last_errno(db->sql, SQLITE_FCNTL_FILE_POINTER)) || store_home_room(db->home) < NEARLY_NOTHING;
}

static enum store_db_result judge(struct store_db *db, const char *doing, struct error *e)
{
    int code = sqlite3_extended_errcode(db->sql);
    store_db_fail(db->sql, doing, e);
    if (is_no_room(db, code))
        return STORE_DB_NO_ROOM;
    return (code & 0xff) == SQLITE_BUSY ? STORE_DB_BUSY : STORE_DB_BROKEN;
}

/* End what was begun. The error that counts is the first one, so it is judged before. */
static enum store_db_result give_up(struct store_db *db, const char *doing, struct error *e)
{
    enum store_db_result result = judge(db, doing, e);
    db->noting = false;
    if (!sqlite3_get_autocommit(db->sql) && !store_db_run(db->rollback)) {
        store_db_fail(db->sql, "cannot roll back", e);
        return STORE_DB_BROKEN;
    }
    return result;
}

/* ---- writing ---- */

static bool remove_record(struct store_db *db, int table, int64_t id)
{
    sqlite3_bind_int64(db->remove[table], 1, id);
    return store_db_run(db->remove[table]);
}

static bool put_note(struct store_db *db, int64_t id, int64_t value)
{
    AUTOFREE char *data = x_printf("%lld", (long long)value);
    struct store_record note = {.id = id, .key = "", .data = data, .size = strlen(data)};
    return store_db_put(db->put[STORE_NOTES], STORE_NOTES, &note);
}

/* As long as nothing is deleted the tables themselves know their highest ids. */
static bool note_last_ids(struct store_db *db)
{
    for (int i = 0; i < STORE_TABLES; i++)
        if (db->last[i] != db->noted[i] && !put_note(db, i, db->last[i]))
            return false;
    db->noting = true;
    return true;
}

static bool put_record(struct store_db *db, int table, const struct store_change *change)
{
    int64_t *last = &db->last[store_db_sequence((enum store_table)table)];
    if (change->row.id > *last)
        *last = change->row.id;
    struct store_record record = {.id = change->row.id,
                                  .key = change->text,
                                  .time = change->time,
                                  .data = change->text + change->key_size + 1,
                                  .size = change->data_size};
    return store_db_put(db->put[table], table, &record);
}

static bool apply(struct store_db *db, const struct store_batch *batch)
{
    bool deleted = false;
    for (const struct store_change *change = batch->changes; change; change = change->hh.next) {
        int table = (int)change->row.table;
        deleted |= change->remove;
        if (!(change->remove ? remove_record(db, table, change->row.id) : put_record(db, table, change)))
            return false;
    }
    return !deleted || note_last_ids(db);
}

static enum store_db_result begin(struct store_db *db, struct error *e)
{
    return store_db_run(db->begin) ? STORE_DB_DONE : give_up(db, "cannot begin a transaction", e);
}

static enum store_db_result commit(struct store_db *db, struct error *e)
{
    if (!store_db_run(db->commit))
        return give_up(db, "cannot commit", e);
    if (db->noting)
        memcpy(db->noted, db->last, sizeof db->noted);
    db->noting = false;
    return STORE_DB_DONE;
}

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

enum store_db_result store_db_write(struct store_db *db, const struct store_batch *batch, int64_t *sync_us,
                                    struct error *e)
{
    enum store_db_result result = begin(db, e);
    if (result != STORE_DB_DONE)
        return result;
    if (!apply(db, batch))
        return give_up(db, "cannot write", e);
    int64_t since = now_us();
    result = commit(db, e);
    *sync_us = now_us() - since;
    return result;
}

enum store_db_result store_db_note_clean(struct store_db *db, bool clean, struct error *e)
{
    enum store_db_result result = begin(db, e);
    if (result != STORE_DB_DONE)
        return result;
    if (!put_note(db, STORE_NOTE_CLEAN, clean) || !note_last_ids(db))
        return give_up(db, "cannot write", e);
    return commit(db, e);
}

/* ---- housekeeping ---- */

static bool prune_by(struct store_db *db, sqlite3_stmt *statement, int64_t bound, bool *more)
{
    if (bound <= 0)
        return true;
    sqlite3_bind_int64(statement, 1, bound);
    if (!store_db_run(statement))
        return false;
    *more |= sqlite3_changes(db->sql) >= STORE_PRUNE_RECORDS;
    return true;
}

enum store_db_result store_db_prune(struct store_db *db, int64_t cutoff, int64_t keep_records, bool *more,
                                    struct error *e)
{
    *more = false;
    enum store_db_result result = begin(db, e);
    if (result != STORE_DB_DONE)
        return result;
    int before = sqlite3_total_changes(db->sql);
    for (int i = 0; i < STORE_HISTORIES; i++)
        if (!prune_by(db, db->prune_age[i], cutoff, more) || !prune_by(db, db->prune_count[i], keep_records, more))
            return give_up(db, "cannot remove old history", e);
    if (sqlite3_total_changes(db->sql) != before && !note_last_ids(db))
        return give_up(db, "cannot remove old history", e);
    return commit(db, e);
}

enum store_db_result store_db_checkpoint(struct store_db *db, struct error *e)
{
    int pages = 0, copied = 0;
    int code = sqlite3_wal_checkpoint_v2(db->sql, "main", SQLITE_CHECKPOINT_PASSIVE, &pages, &copied);
    if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY)
        return judge(db, "cannot copy the log into the database", e);
    db->log_pages = pages;
    db->log_copied = copied;
    return STORE_DB_DONE;
}

int64_t store_db_log_bytes(const struct store_db *db)
{
    return (int64_t)(db->log_pages - db->log_copied) * STORE_PAGE_SIZE;
}
