/* SPDX-License-Identifier: Apache-2.0 */
#include "store/reader.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum { MATCHES = COUNT(((struct store_query *)0)->match), MOST_RECORDS = 1000, STEPS_PER_LOOK = 10000 };

/* A question on its way there and back. */
struct question {
    struct store_query query; /* its strings are in `arena` */
    struct arena *arena;
    struct store_record *records;
    size_t n;
    int status;
    void (*done)(void *ctx, int status, const struct store_record *records, size_t n);
    void *ctx;
    struct question *next;
};

struct questions {
    struct question *first, **end;
};

struct store_reader {
    /* the thread's own */
    sqlite3 *sql;
    sqlite3_stmt *find[STORE_TABLES];

    int wake_fd;
    atomic_bool stop;
    pthread_t thread;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t work;
    struct questions asked, answered;
};

static void add(struct questions *list, struct question *question)
{
    question->next = NULL;
    *list->end = question;
    list->end = &question->next;
}

static struct question *take_first(struct questions *list)
{
    struct question *first = list->first;
    if (first && !(list->first = first->next))
        list->end = &list->first;
    return first;
}

static struct question *take_all(struct questions *list)
{
    struct question *all = list->first;
    list->first = NULL;
    list->end = &list->first;
    return all;
}

/* ---- reading ---- */

static int report_damage(enum store_table table, sqlite3_stmt *row)
{
    log_at(LOG_ERROR, "store", "record %lld of %s does not match its sum: left out",
           (long long)sqlite3_column_int64(row, 0), store_db_table_name((int)table));
    return 0;
}

/* Parameters: 1 before, 2 since, 3 until, 4 limit, 5 key, then path and value of each match. What is null is not
 * looked at. */
static sqlite3_stmt *prepare_find(sqlite3 *sql, enum store_table table, struct error *e)
{
    AUTOBUF matches = {0};
    for (int i = 0; i < MATCHES; i++)
        buf_addf(&matches, " AND (?%d IS NULL OR CAST(json_extract(data, ?%d) AS TEXT) = ?%d)", 6 + 2 * i, 6 + 2 * i,
                 7 + 2 * i);
    return store_db_prepare(sql, e,
                            "SELECT " STORE_DB_COLUMNS " FROM %s WHERE id < ?1 AND time >= ?2 AND time < ?3 AND "
                            "(?5 IS NULL OR key = ?5) AND CASE WHEN ?6 IS NULL THEN 1 WHEN json_valid(data) THEN 1%s "
                            "ELSE 0 END ORDER BY id DESC LIMIT ?4",
                            store_db_table_name((int)table), buf_str(&matches));
}

static void bind(sqlite3_stmt *find, const struct store_query *query)
{
    sqlite3_bind_int64(find, 1, query->before > 0 ? query->before : INT64_MAX);
    sqlite3_bind_int64(find, 2, query->since ? query->since : INT64_MIN);
    sqlite3_bind_int64(find, 3, query->until ? query->until : INT64_MAX);
    sqlite3_bind_int64(find, 4, query->limit < MOST_RECORDS ? (int64_t)query->limit : MOST_RECORDS);
    sqlite3_bind_text(find, 5, query->key, -1, SQLITE_STATIC);
    for (int i = 0; i < MATCHES; i++) {
        sqlite3_bind_text(find, 6 + 2 * i, query->match[i].path, -1, SQLITE_STATIC);
        sqlite3_bind_text(find, 7 + 2 * i, query->match[i].value, -1, SQLITE_STATIC);
    }
}

static void keep(struct question *question, const struct store_record *record)
{
    struct store_record *copy = &question->records[question->n++];
    *copy = *record;
    copy->key = arena_strdup(question->arena, record->key);
    copy->data = arena_strndup(question->arena, record->data, record->size);
}

static int find(struct store_reader *reader, struct question *question)
{
    struct error e;
    enum store_table table = question->query.table;
    sqlite3_stmt **find = &reader->find[table];
    if (!*find && !(*find = prepare_find(reader->sql, table, &e))) {
        log_at(LOG_ERROR, "store", "%s", e.what);
        return -1;
    }
    bind(*find, &question->query);
    size_t most = question->query.limit < MOST_RECORDS ? question->query.limit : MOST_RECORDS;
    question->records = arena_alloc(question->arena, most * sizeof *question->records);
    int code;
    while ((code = sqlite3_step(*find)) == SQLITE_ROW) {
        struct store_record record;
        if (store_db_row(*find, (int)table, &record))
            keep(question, &record);
        else
            report_damage(table, *find);
    }
    if (code != SQLITE_DONE && !reader->stop) {
        store_db_fail(reader->sql, "cannot read history", &e);
        log_at(LOG_ERROR, "store", "%s", e.what);
    }
    sqlite3_reset(*find);
    return code == SQLITE_DONE ? 0 : -1;
}

/* ---- the thread ---- */

static void *run(void *data)
{
    struct store_reader *reader = data;
    pthread_mutex_lock(&reader->lock);
    while (!reader->stop) {
        struct question *question = take_first(&reader->asked);
        if (!question) {
            pthread_cond_wait(&reader->work, &reader->lock);
            continue;
        }
        pthread_mutex_unlock(&reader->lock);
        question->status = find(reader, question);
        pthread_mutex_lock(&reader->lock);
        add(&reader->answered, question);
        (void)!write(reader->wake_fd, &(uint64_t){1}, sizeof(uint64_t));
    }
    pthread_mutex_unlock(&reader->lock);
    return NULL;
}

/* SQLite asks this now and then during a long search. */
static int shall_stop(void *data)
{
    return ((struct store_reader *)data)->stop;
}

/* ---- the loop's side ---- */

static void reader_free(struct store_reader *reader)
{
    for (int i = 0; i < STORE_TABLES; i++)
        sqlite3_finalize(reader->find[i]);
    sqlite3_close(reader->sql);
    pthread_cond_destroy(&reader->work);
    pthread_mutex_destroy(&reader->lock);
    free(reader);
}

struct store_reader *store_reader_start(const struct store_home *home, int wake_fd, struct error *e)
{
    sqlite3 *sql = store_db_open_reader(home, e);
    if (!sql)
        return NULL;
    struct store_reader *reader = NEW(struct store_reader);
    reader->sql = sql;
    reader->wake_fd = wake_fd;
    reader->asked.end = &reader->asked.first;
    reader->answered.end = &reader->answered.first;
    sqlite3_progress_handler(sql, STEPS_PER_LOOK, shall_stop, reader);
    pthread_mutex_init(&reader->lock, NULL);
    pthread_cond_init(&reader->work, NULL);
    int code = pthread_create(&reader->thread, NULL, run, reader);
    if (code == 0)
        return reader;
    error_set(e, "cannot start the store's reader thread: %s", strerror(code));
    reader_free(reader);
    return NULL;
}

void store_reader_ask(struct store_reader *reader, const struct store_query *query,
                      void (*done)(void *ctx, int status, const struct store_record *records, size_t n), void *ctx)
{
    struct question *question = NEW(struct question);
    question->arena = arena_new();
    question->query = *query;
    question->query.key = arena_strdup(question->arena, query->key);
    for (int i = 0; i < MATCHES; i++) {
        question->query.match[i].path = arena_strdup(question->arena, query->match[i].path);
        question->query.match[i].value = arena_strdup(question->arena, query->match[i].value);
    }
    question->done = done;
    question->ctx = ctx;
    pthread_mutex_lock(&reader->lock);
    add(&reader->asked, question);
    pthread_cond_signal(&reader->work);
    pthread_mutex_unlock(&reader->lock);
}

static void tell(struct question *question)
{
    for (struct question *next; question; question = next) {
        next = question->next;
        bool found = question->status == 0;
        question->done(question->ctx, question->status, found ? question->records : NULL, found ? question->n : 0);
        arena_free(question->arena);
        free(question);
    }
}

void store_reader_answer(struct store_reader *reader)
{
    pthread_mutex_lock(&reader->lock);
    struct question *answered = take_all(&reader->answered);
    pthread_mutex_unlock(&reader->lock);
    tell(answered);
}

void store_reader_stop(struct store_reader *reader)
{
    pthread_mutex_lock(&reader->lock);
    reader->stop = true;
    pthread_cond_signal(&reader->work);
    pthread_mutex_unlock(&reader->lock);
    pthread_join(reader->thread, NULL);
    tell(take_all(&reader->answered));
    struct question *unread = take_all(&reader->asked);
    for (struct question *question = unread; question; question = question->next)
        question->status = -1;
    tell(unread);
    reader_free(reader);
}

/* ---- at start ---- */

int store_reader_load(const struct store_home *home, enum store_table table,
                      int (*each)(void *ctx, const struct store_record *), void *ctx, struct error *e)
{
    sqlite3 *sql = store_db_open_reader(home, e);
    if (!sql)
        return -1;
    int status = 0, code = SQLITE_DONE;
    sqlite3_stmt *all =
        store_db_prepare(sql, e, "SELECT " STORE_DB_COLUMNS " FROM %s ORDER BY id", store_db_table_name((int)table));
    while (all && status == 0 && (code = sqlite3_step(all)) == SQLITE_ROW) {
        struct store_record record;
        status = store_db_row(all, (int)table, &record) ? each(ctx, &record) : report_damage(table, all);
    }
    if (!all || (status == 0 && code != SQLITE_DONE))
        status = all ? store_db_fail(sql, "cannot read the database", e) : -1;
    sqlite3_finalize(all);
    sqlite3_close(sql);
    return status;
}
