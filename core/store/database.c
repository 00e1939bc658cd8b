/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the database: settings, schema, checks; and closing it. */
#include "store/database.h"

#include <string.h>
#include <sys/stat.h>

/* "Bflr": how file(1) and we know our own. */
enum { APPLICATION_ID = 0x42666c72, SCHEMA_VERSION = 1, BUSY_MS = 1000 };
_Static_assert(STORE_PAGE_SIZE == 4096, "configure() sets the page size");
/* A file larger than this that was closed cleanly is opened without reading all of it. */
static const int64_t most_checked_if_clean = 256LL * 1024 * 1024;

static const enum store_table history[STORE_HISTORIES] = {STORE_RUNS, STORE_PINGS, STORE_ALERT_HISTORY,
                                                          STORE_NOTIFICATIONS};

static bool is_history(int table)
{
    for (size_t i = 0; i < COUNT(history); i++)
        if ((int)history[i] == table)
            return true;
    return false;
}

/* ---- small questions and orders ---- */

static int exec(sqlite3 *sql, const char *text, struct error *e)
{
    return sqlite3_exec(sql, text, NULL, NULL, NULL) == SQLITE_OK ? 0
                                                                  : store_db_fail(sql, "cannot set up the database", e);
}

/* One number, as a pragma or an aggregate gives it; `fallback` where there is no row. */
static int get_number(sqlite3 *sql, const char *text, int64_t fallback, int64_t *out, struct error *e)
{
    sqlite3_stmt *statement = store_db_prepare(sql, e, "%s", text);
    if (!statement)
        return -1;
    int code = sqlite3_step(statement);
    *out = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : fallback;
    int status = code == SQLITE_ROW || code == SQLITE_DONE ? 0 : store_db_fail(sql, "cannot read the database", e);
    sqlite3_finalize(statement);
    return status;
}

static int get_note(sqlite3 *sql, int64_t id, int64_t *out, struct error *e)
{
    AUTOFREE char *text = x_printf("SELECT CAST(data AS INTEGER) FROM %s WHERE id = %lld",
                                   store_db_table_name(STORE_NOTES), (long long)id);
    return get_number(sql, text, 0, out, e);
}

/* ---- settings ---- */

static int on_commit(void *data, sqlite3 *sql, const char *name, int pages)
{
    (void)sql, (void)name;
    struct store_db *db = data;
    if (pages < db->log_pages)
        db->log_copied = 0; /* all of it was copied, it began anew */
    db->log_pages = pages;
    return SQLITE_OK;
}

/* A hostile or damaged file shall not run code or be mapped into memory; every commit is synced; what is deleted is
 * wiped, so that a salvage does not bring it back. */
static int configure(sqlite3 *sql, struct error *e)
{
    sqlite3_extended_result_codes(sql, 1);
    sqlite3_busy_timeout(sql, BUSY_MS);
    sqlite3_db_config(sql, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    return exec(sql,
                "PRAGMA page_size=4096; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; "
                "PRAGMA foreign_keys=ON;"
                "PRAGMA temp_store=MEMORY; PRAGMA secure_delete=ON; PRAGMA synchronous=FULL;",
                e);
}

static int use_log(struct store_db *db, bool *has_log, struct error *e)
{
    sqlite3_stmt *statement = store_db_prepare(db->sql, e, "PRAGMA journal_mode=WAL");
    if (!statement)
        return -1;
    int status = sqlite3_step(statement) == SQLITE_ROW ? 0 : store_db_fail(db->sql, "cannot use a write-ahead log", e);
    *has_log = status == 0 && strcmp((const char *)sqlite3_column_text(statement, 0), "wal") == 0;
    sqlite3_finalize(statement);
    sqlite3_wal_hook(db->sql, on_commit, db); /* and with it SQLite's own checkpoints are off */
    return status;
}

/* ---- schema ---- */

static void add_schema(struct buf *text)
{
    for (int i = 0; i < STORE_ALL_TABLES; i++)
        buf_addf(
            text,
            "CREATE TABLE %s(id INTEGER PRIMARY KEY, key TEXT NOT NULL, time INTEGER NOT NULL, data TEXT NOT NULL, "
            "sum INTEGER NOT NULL);",
            store_db_table_name(i));
}

/* Every version brings the file from the one before it; all steps are one transaction. */
static int upgrade(sqlite3 *sql, int64_t version, struct error *e)
{
    if (version == SCHEMA_VERSION)
        return 0;
    AUTOBUF text = {0};
    buf_adds(&text, "BEGIN IMMEDIATE;");
    if (version < 1)
        add_schema(&text);
    buf_addf(&text, "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT;", APPLICATION_ID, SCHEMA_VERSION);
    return exec(sql, buf_str(&text), e);
}

/* Whose file is it? Only a file without any table is taken for a new one. */
static enum store_db_state identify(sqlite3 *sql, int64_t *version, struct error *e)
{
    int64_t application, tables;
    if (get_number(sql, "PRAGMA application_id", 0, &application, e) < 0 ||
        get_number(sql, "PRAGMA user_version", 0, version, e) < 0 ||
        get_number(sql, "SELECT count(*) FROM sqlite_master", 0, &tables, e) < 0)
        return STORE_DB_DAMAGED;
    if (application == 0 && *version == 0 && tables == 0)
        return STORE_DB_OPEN;
    if (application != APPLICATION_ID) {
        error_set(e, "the file is another program's database (application_id %lld)", (long long)application);
        error_mend(e, "move it away, or give the agent another state folder");
        return STORE_DB_REFUSED;
    }
    if (*version > SCHEMA_VERSION) {
        error_set(e, "the database was written by a newer version of Belfry (schema %lld, this one knows %d)",
                  (long long)*version, SCHEMA_VERSION);
        error_mend(e, "install that version again, or give the agent another state folder");
        return STORE_DB_REFUSED;
    }
    return STORE_DB_OPEN;
}

/* ---- checks ---- */

/* SQLite's report begins with a line that names the database. */
static int report_structure(const char *report, struct error *e)
{
    const char *line = strrchr(report, '\n');
    return strcmp(report, "ok") == 0 ? 0 : error_set(e, "the database is damaged: %s", line ? line + 1 : report);
}

static int check_structure(sqlite3 *sql, struct error *e)
{
    sqlite3_stmt *statement = store_db_prepare(sql, e, "PRAGMA quick_check(1)");
    if (!statement)
        return -1;
    int status = sqlite3_step(statement) == SQLITE_ROW
                     ? report_structure((const char *)sqlite3_column_text(statement, 0), e)
                     : store_db_fail(sql, "cannot check the database", e);
    sqlite3_finalize(statement);
    return status;
}

static int check_sums(sqlite3 *sql, int table, struct error *e)
{
    const char *name = store_db_table_name(table);
    sqlite3_stmt *statement = store_db_prepare(sql, e, "SELECT " STORE_DB_COLUMNS " FROM %s", name);
    if (!statement)
        return -1;
    int status = 0, code;
    struct store_record record;
    while (status == 0 && (code = sqlite3_step(statement)) == SQLITE_ROW)
        if (!store_db_row(statement, table, &record))
            status = error_set(e, "the database is damaged: record %lld of %s does not match its sum",
                               (long long)sqlite3_column_int64(statement, 0), name);
    if (status == 0 && code != SQLITE_DONE)
        status = store_db_fail(sql, "cannot check the database", e);
    sqlite3_finalize(statement);
    return status;
}

static int64_t file_size(const struct store_home *home, const char *name)
{
    AUTOFREE char *path = store_home_path(home, name);
    struct stat st;
    return stat(path, &st) == 0 ? st.st_size : 0;
}

/* What will be read into memory is always checked row by row, history only after an unclean stop. */
static int check(const struct store_home *home, const char *file, sqlite3 *sql, struct error *e)
{
    int64_t clean;
    if (get_note(sql, STORE_NOTE_CLEAN, &clean, e) < 0)
        return -1;
    if ((!clean || file_size(home, file) <= most_checked_if_clean) && check_structure(sql, e) < 0)
        return -1;
    for (int i = 0; i < STORE_ALL_TABLES; i++)
        if ((!clean || !is_history(i)) && check_sums(sql, i, e) < 0)
            return -1;
    return 0;
}

/* ---- statements ---- */

static int prepare_prune(struct store_db *db, int i, struct error *e)
{
    const char *name = store_db_table_name((int)history[i]);
    /* Ids go up with time, nearly: it is enough to look at the lowest ones. */
    db->prune_age[i] =
        store_db_prepare(db->sql, e, "DELETE FROM %s WHERE id IN (SELECT id FROM %s ORDER BY id LIMIT %d) AND time < ?",
                         name, name, STORE_PRUNE_RECORDS);
    db->prune_count[i] = store_db_prepare(db->sql, e,
                                          "DELETE FROM %s WHERE id IN (SELECT id FROM %s WHERE id <= "
                                          "(SELECT max(id) FROM %s) - ? ORDER BY id LIMIT %d)",
                                          name, name, name, STORE_PRUNE_RECORDS);
    return db->prune_age[i] && db->prune_count[i] ? 0 : -1;
}

static int prepare_all(struct store_db *db, struct error *e)
{
    db->begin = store_db_prepare(db->sql, e, "BEGIN IMMEDIATE");
    db->commit = store_db_prepare(db->sql, e, "COMMIT");
    db->rollback = store_db_prepare(db->sql, e, "ROLLBACK");
    if (!db->begin || !db->commit || !db->rollback)
        return -1;
    for (int i = 0; i < STORE_ALL_TABLES; i++) {
        const char *name = store_db_table_name(i);
        db->put[i] =
            store_db_prepare(db->sql, e, "INSERT OR REPLACE INTO %s(" STORE_DB_COLUMNS ") VALUES(?,?,?,?,?)", name);
        db->remove[i] = store_db_prepare(db->sql, e, "DELETE FROM %s WHERE id = ?", name);
        if (!db->put[i] || !db->remove[i])
            return -1;
    }
    for (int i = 0; i < STORE_HISTORIES; i++)
        if (prepare_prune(db, i, e) < 0)
            return -1;
    return 0;
}

static int read_last_ids(struct store_db *db, struct error *e)
{
    for (int i = 0; i < STORE_TABLES; i++) {
        AUTOFREE char *text = x_printf("SELECT max(id) FROM %s", store_db_table_name(i));
        int64_t highest, noted;
        if (get_number(db->sql, text, 0, &highest, e) < 0 || get_note(db->sql, i, &noted, e) < 0)
            return -1;
        db->noted[i] = noted;
        int64_t *last = &db->last[store_db_sequence((enum store_table)i)];
        if (highest > *last)
            *last = highest;
        if (noted > *last)
            *last = noted;
    }
    return 0;
}

/* ---- life ---- */

static void free_db(struct store_db *db)
{
    sqlite3_stmt *single[] = {db->begin, db->commit, db->rollback};
    for (size_t i = 0; i < COUNT(single); i++)
        sqlite3_finalize(single[i]);
    for (int i = 0; i < STORE_ALL_TABLES; i++) {
        sqlite3_finalize(db->put[i]);
        sqlite3_finalize(db->remove[i]);
    }
    for (int i = 0; i < STORE_HISTORIES; i++) {
        sqlite3_finalize(db->prune_age[i]);
        sqlite3_finalize(db->prune_count[i]);
    }
    sqlite3_close(db->sql);
    free(db);
}

static sqlite3 *connect(const struct store_home *home, const char *name, int flags, struct error *e)
{
    AUTOFREE char *path = store_home_path(home, name);
    sqlite3 *sql = NULL;
    if (sqlite3_open_v2(path, &sql, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL) != SQLITE_OK) {
        store_db_fail(sql, "cannot open the database", e);
        error_where(e, "%s", path);
        sqlite3_close(sql);
        return NULL;
    }
    return sql;
}

/* Not every error while opening is damage: a full disk or a missing permission is no reason to set a file aside. That
 * a check failed by itself, without an error of SQLite, is. */
static enum store_db_state state_of(const struct store_db *db)
{
    int code = sqlite3_extended_errcode(db->sql);
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
    case SQLITE_ERROR: /* our own schema is not what it was */
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return STORE_DB_DAMAGED;
    case SQLITE_IOERR:
        return code == SQLITE_IOERR_READ || code == SQLITE_IOERR_SHORT_READ || code == SQLITE_IOERR_CORRUPTFS
                   ? STORE_DB_DAMAGED
                   : STORE_DB_REFUSED;
    default:
        return STORE_DB_REFUSED;
    }
}

/* With no room at all the note is left out: the next start may then take this life's end for a clean one and check
 * less, which is better than no agent. */
static bool note_running(struct store_db *db, struct error *e)
{
    enum store_db_result result = store_db_note_clean(db, false, e);
    return result == STORE_DB_DONE || result == STORE_DB_NO_ROOM;
}

static enum store_db_state set_up(struct store_db *db, const char *name, struct error *e)
{
    int64_t version;
    bool has_log;
    if (configure(db->sql, e) < 0)
        return state_of(db);
    enum store_db_state state = identify(db->sql, &version, e);
    if (state != STORE_DB_OPEN)
        return state == STORE_DB_DAMAGED ? state_of(db) : state;
    if (use_log(db, &has_log, e) < 0)
        return state_of(db);
    if (!has_log) {
        error_set(e, "the database cannot have a write-ahead log here");
        error_mend(e, "use a state folder on a local file system");
        return STORE_DB_REFUSED;
    }
    if (upgrade(db->sql, version, e) < 0 || check(db->home, name, db->sql, e) < 0 || prepare_all(db, e) < 0 ||
        read_last_ids(db, e) < 0 || !note_running(db, e))
        return state_of(db);
    return STORE_DB_OPEN;
}

enum store_db_state store_db_open(const struct store_home *home, const char *name, struct store_db **out,
                                  struct error *e)
{
    if (store_home_create(home, name, e) < 0)
        return STORE_DB_REFUSED;
    struct store_db *db = NEW(struct store_db);
    db->home = home;
    db->sql = connect(home, name, SQLITE_OPEN_READWRITE, e);
    if (!db->sql) {
        free(db);
        return STORE_DB_REFUSED;
    }
    enum store_db_state state = set_up(db, name, e);
    if (state == STORE_DB_OPEN && store_home_sync(home, e) < 0)
        state = STORE_DB_REFUSED;
    if (state != STORE_DB_OPEN) {
        AUTOFREE char *path = store_home_path(home, name);
        error_where(e, "%s", path);
        sqlite3_db_config(db->sql, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        free_db(db);
        return state;
    }
    *out = db;
    return STORE_DB_OPEN;
}

int store_db_close(struct store_db *db, bool clean, struct error *e)
{
    int status = 0;
    if (clean && (store_db_note_clean(db, true, e) != STORE_DB_DONE ||
                  sqlite3_wal_checkpoint_v2(db->sql, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) != SQLITE_OK))
        status = store_db_fail(db->sql, "cannot end the database cleanly", e);
    if (!clean || status < 0)
        sqlite3_db_config(db->sql, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    free_db(db);
    return status;
}

sqlite3 *store_db_open_reader(const struct store_home *home, struct error *e)
{
    sqlite3 *sql = connect(home, STORE_FILE, SQLITE_OPEN_READONLY, e);
    if (sql && (configure(sql, e) < 0 || exec(sql, "PRAGMA query_only=ON", e) < 0)) {
        sqlite3_close(sql);
        return NULL;
    }
    return sql;
}
