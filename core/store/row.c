/* SPDX-License-Identifier: Apache-2.0 */
/* Tables, rows and statements: what every connection needs. */
#include "store/database.h"

#include <endian.h>
#include <string.h>

static const char *const table_names[STORE_ALL_TABLES] = {
    [STORE_META] = "meta",
    [STORE_JOBS] = "jobs",
    [STORE_RUNS] = "runs",
    [STORE_PINGS] = "pings",
    [STORE_FACTS] = "facts",
    [STORE_ALERTS] = "alerts",
    [STORE_ALERT_HISTORY] = "alert_history",
    [STORE_OUTBOX] = "outbox",
    [STORE_NOTIFICATIONS] = "notifications",
    [STORE_CHECKPOINTS] = "checkpoints",
    [STORE_NOTES] = "notes",
};

const char *store_db_table_name(int table)
{
    return table_names[table];
}

enum store_table store_db_sequence(enum store_table table)
{
    switch (table) {
    case STORE_ALERT_HISTORY:
        return STORE_ALERTS;
    case STORE_NOTIFICATIONS:
        return STORE_OUTBOX;
    default:
        return table;
    }
}

/* ---- sums ---- */

uint64_t store_db_sum(int64_t id, const char *key, size_t key_size, int64_t time, const char *data, size_t data_size)
{
    uint64_t numbers[] = {htole64((uint64_t)id), htole64((uint64_t)time), htole64(key_size)};
    uint64_t sum = text_hash(TEXT_HASH, numbers, sizeof numbers);
    sum = text_hash(sum, key, key_size);
    return text_hash(sum, data, data_size);
}

int64_t store_db_sum_in(uint64_t sum, int table)
{
    uint8_t byte = (uint8_t)table;
    return (int64_t)text_hash(sum, &byte, 1);
}

bool store_db_row(sqlite3_stmt *row, int table, struct store_record *out)
{
    const char *key = (const char *)sqlite3_column_text(row, 1);
    const char *data = (const char *)sqlite3_column_text(row, 3);
    if (!key || !data)
        return false;
    size_t key_size = (size_t)sqlite3_column_bytes(row, 1);
    *out = (struct store_record){.id = sqlite3_column_int64(row, 0),
                                 .key = key,
                                 .time = sqlite3_column_int64(row, 2),
                                 .data = data,
                                 .size = (size_t)sqlite3_column_bytes(row, 3)};
    return store_db_sum_in(store_db_sum(out->id, key, key_size, out->time, data, out->size), table) ==
           sqlite3_column_int64(row, 4);
}

/* ---- statements ---- */

int store_db_fail(sqlite3 *sql, const char *doing, struct error *e)
{
    return error_set(e, "%s: %s (SQLite %d)", doing, sqlite3_errmsg(sql), sqlite3_extended_errcode(sql));
}

sqlite3_stmt *store_db_prepare(sqlite3 *sql, struct error *e, const char *format, ...)
{
    AUTOBUF text = {0};
    va_list ap;
    va_start(ap, format);
    buf_vaddf(&text, format, ap);
    va_end(ap);
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v3(sql, buf_str(&text), -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK)
        store_db_fail(sql, "cannot prepare a statement", e);
    return statement;
}

bool store_db_run(sqlite3_stmt *statement)
{
    bool done = sqlite3_step(statement) == SQLITE_DONE;
    sqlite3_reset(statement);
    return done;
}

bool store_db_put(sqlite3_stmt *statement, int table, const struct store_record *record)
{
    size_t key_size = strlen(record->key);
    uint64_t sum = store_db_sum(record->id, record->key, key_size, record->time, record->data, record->size);
    sqlite3_bind_int64(statement, 1, record->id);
    sqlite3_bind_text64(statement, 2, record->key, key_size, SQLITE_STATIC, SQLITE_UTF8);
    sqlite3_bind_int64(statement, 3, record->time);
    sqlite3_bind_text64(statement, 4, record->data, record->size, SQLITE_STATIC, SQLITE_UTF8);
    sqlite3_bind_int64(statement, 5, store_db_sum_in(sum, table));
    return store_db_run(statement);
}
