/* SPDX-License-Identifier: Apache-2.0 */
/* What is promised of writing: durability, order, callbacks, ids. */
#include "fixture.h"

#include <sqlite3.h>

static void test_keeps_what_was_committed(void **state)
{
    struct fixture *f = *state;
    struct seen seen;
    open_store(f);
    store_put(f->store, STORE_JOBS, 7, "backup", 1234, "{\"state\":\"succeeded\"}");
    assert_int_equal(commit(f), STORE_OK);
    reopen(f);
    load(f, STORE_JOBS, &seen);
    assert_int_equal(seen.n, 1);
    assert_int_equal(seen.ids[0], 7);
    assert_string_equal(seen.last_key, "backup");
    assert_string_equal(seen.last_data, "{\"state\":\"succeeded\"}");
    assert_int_equal(seen.last_time, 1234);
}

static void test_close_writes_what_is_left(void **state)
{
    struct fixture *f = *state;
    struct answer answer = {0};
    open_store(f);
    store_put(f->store, STORE_FACTS, 1, "s", 1, "{}");
    store_commit(f->store, on_answer, &answer);
    store_put(f->store, STORE_FACTS, 2, NULL, 1, "{}");
    reopen(f);
    assert_int_equal(answer.times, 1);
    assert_int_equal(answer.result, STORE_OK);
    assert_int_equal(count(f, STORE_FACTS), 2);
}

static void test_loads_in_order_of_ids(void **state)
{
    struct fixture *f = *state;
    open_store(f);
    static const int64_t ids[] = {900, 3, 77, 1, 500};
    for (size_t i = 0; i < COUNT(ids); i++)
        store_put(f->store, STORE_OUTBOX, ids[i], "", 0, "{}");
    assert_int_equal(commit(f), STORE_OK);
    struct seen seen;
    load(f, STORE_OUTBOX, &seen); /* which checks the order */
    assert_int_equal(seen.n, COUNT(ids));
    assert_int_equal(seen.ids[0], 1);
    assert_int_equal(seen.ids[4], 900);
}

static int stop_at_second(void *ctx, const struct store_record *record)
{
    (void)record;
    return ++*(int *)ctx == 2 ? 42 : 0;
}

static void test_load_ends_when_told(void **state)
{
    struct fixture *f = *state;
    int n = 0;
    open_store(f);
    for (int i = 1; i <= 5; i++)
        store_put(f->store, STORE_META, i, "k", 0, "1");
    assert_int_equal(commit(f), STORE_OK);
    assert_int_equal(store_load(f->store, STORE_META, stop_at_second, &n, NULL), 42);
    assert_int_equal(n, 2);
}

static void test_last_change_of_a_record_counts(void **state)
{
    struct fixture *f = *state;
    struct seen seen;
    open_store(f);
    for (int i = 0; i < 1000; i++) {
        char data[32];
        snprintf(data, sizeof data, "{\"n\":%d}", i);
        store_put(f->store, STORE_JOBS, 1, "a", i, data);
    }
    store_put(f->store, STORE_JOBS, 2, "gone", 0, "{}");
    store_delete(f->store, STORE_JOBS, 2);
    store_delete(f->store, STORE_JOBS, 3);
    store_put(f->store, STORE_JOBS, 3, "back", 0, "{}");
    assert_int_equal(commit(f), STORE_OK);
    struct store_stats stats;
    store_get_stats(f->store, &stats);
    assert_int_equal(stats.batches, 1);
    assert_int_equal(stats.records, 3);
    reopen(f);
    load(f, STORE_JOBS, &seen);
    assert_int_equal(seen.n, 2);
    assert_true(has(&seen, 1) && has(&seen, 3));
    assert_string_equal(seen.last_key, "back");
    store_delete(f->store, STORE_JOBS, 3);
    assert_int_equal(commit(f), STORE_OK);
    load(f, STORE_JOBS, &seen);
    assert_int_equal(seen.n, 1);
    assert_string_equal(seen.last_data, "{\"n\":999}");
}

/* The same ids in two tables are two records. */
static void test_tables_are_apart(void **state)
{
    struct fixture *f = *state;
    open_store(f);
    for (int table = 0; table < STORE_TABLES; table++)
        store_put(f->store, (enum store_table)table, 1, "k", 0, "{}");
    store_delete(f->store, STORE_RUNS, 1);
    assert_int_equal(commit(f), STORE_OK);
    for (int table = 0; table < STORE_TABLES; table++)
        assert_int_equal(count(f, (enum store_table)table), table != STORE_RUNS);
}

static void test_takes_any_text(void **state)
{
    struct fixture *f = *state;
    struct seen seen;
    open_store(f);
    AUTOBUF large = {0};
    buf_addc(&large, '"');
    for (int i = 0; i < 300000; i++)
        buf_addc(&large, (char)('a' + i % 26));
    buf_addc(&large, '"');
    store_put(f->store, STORE_PINGS, 1, "large", 0, buf_str(&large));
    store_put(f->store, STORE_PINGS, 2, "'; DROP TABLE pings; --", INT64_MIN, "\"\xc3\xa9\"");
    assert_int_equal(commit(f), STORE_OK);
    reopen(f);
    load(f, STORE_PINGS, &seen);
    assert_int_equal(seen.n, 2);
    assert_string_equal(seen.last_key, "'; DROP TABLE pings; --");
    assert_string_equal(seen.last_data, "\"\xc3\xa9\"");
    assert_true(seen.last_time == INT64_MIN);
}

static void test_put_json(void **state)
{
    struct fixture *f = *state;
    struct seen seen;
    open_store(f);
    AUTOJSON *data = json_pack("{s:i}", "a", 1);
    store_put_json(f->store, STORE_META, 1, "x", 5, data);
    assert_int_equal(commit(f), STORE_OK);
    load(f, STORE_META, &seen);
    assert_string_equal(seen.last_data, "{\"a\":1}");
}

/* ---- callbacks ---- */

struct order {
    struct fixture *f;
    int calls, want_next;
    bool wrong, came;
};
struct turn {
    struct order *order;
    int number;
};

static void on_turn(void *ctx, enum store_result result)
{
    struct turn *turn = ctx;
    turn->order->wrong |= result != STORE_OK || turn->order->want_next != turn->number;
    turn->order->want_next++;
    turn->order->came = ++turn->order->calls == 40;
}

static void test_answers_in_order(void **state)
{
    struct fixture *f = *state;
    open_store(f);
    struct order order = {.f = f};
    struct turn turns[40];
    for (int i = 0; i < 40; i++) {
        turns[i] = (struct turn){&order, i};
        if (i % 3)
            store_put(f->store, STORE_RUNS, store_next_id(f->store, STORE_RUNS), "", 0, "{}");
        store_commit(f->store, on_turn, &turns[i]);
        if (i % 4 == 0)
            loop_turn(f->loop);
    }
    pump(f, &order.came);
    assert_int_equal(order.calls, 40);
    assert_false(order.wrong);
}

static void test_answers_at_the_end_of_a_turn_if_nothing_waits(void **state)
{
    struct fixture *f = *state;
    struct answer answer = {0};
    open_store(f);
    store_commit(f->store, on_answer, &answer);
    assert_false(answer.came);
    loop_turn(f->loop);
    assert_int_equal(answer.times, 1);
    assert_int_equal(answer.result, STORE_OK);
}

struct chain {
    struct fixture *f;
    int left;
    bool came;
};

static void on_chain(void *ctx, enum store_result result)
{
    struct chain *chain = ctx;
    assert_int_equal(result, STORE_OK);
    if (!(chain->came = --chain->left == 0)) {
        store_put(chain->f->store, STORE_RUNS, chain->left, "", 0, "{}");
        store_commit(chain->f->store, on_chain, chain);
    }
}

static void test_a_callback_may_put_and_wait(void **state)
{
    struct fixture *f = *state;
    struct chain chain = {f, 5, false};
    open_store(f);
    store_commit(f->store, on_chain, &chain);
    pump(f, &chain.came);
    assert_int_equal(count(f, STORE_RUNS), 4);
    chain = (struct chain){f, 5, false};
    store_commit(f->store, on_chain, &chain);
    reopen(f);
    assert_true(chain.came);
}

/* While one batch is being synced the next one grows: 500 waits cannot take 500 syncs. */
static void test_one_sync_serves_many(void **state)
{
    struct fixture *f = *state;
    struct answer answers[500] = {0};
    open_store(f);
    for (int i = 0; i < 500; i++) {
        store_put(f->store, STORE_RUNS, i + 1, "", 0, "{}");
        store_commit(f->store, on_answer, &answers[i]);
    }
    pump(f, &answers[499].came);
    struct store_stats stats;
    store_get_stats(f->store, &stats);
    assert_int_equal(stats.batches, 1);
    assert_int_equal(stats.waiting, 0);
    assert_int_equal(count(f, STORE_RUNS), 500);
}

/* A batch that formed during a sync may grow for a moment, but is written though nobody else comes. */
static void test_a_batch_does_not_wait_for_others(void **state)
{
    struct fixture *f = *state;
    struct answer first = {0}, second = {0};
    open_store(f);
    store_put(f->store, STORE_RUNS, 1, "", 0, "{}");
    store_commit(f->store, on_answer, &first);
    loop_turn(f->loop); /* the writer has it */
    store_put(f->store, STORE_RUNS, 2, "", 0, "{}");
    store_commit(f->store, on_answer, &second);
    pump(f, &second.came);
    assert_int_equal(first.times, 1);
    assert_int_equal(second.times, 1);
    assert_int_equal(second.result, STORE_OK);
    assert_int_equal(count(f, STORE_RUNS), 2);
}

/* Many turns while the writer is busy: batches are bounded, nothing is lost or out of order. */
static void test_a_storm_is_cut_into_batches(void **state)
{
    struct fixture *f = *state;
    struct answer answer = {0};
    open_store(f);
    for (int i = 0; i < 100; i++) {
        for (int k = 0; k < 150; k++)
            store_put(f->store, STORE_RUNS, i * 150 + k + 1, "job", i, "{\"a\":\"0123456789\"}");
        store_put(f->store, STORE_META, 1, "last", i, "{}");
        loop_turn(f->loop);
    }
    store_commit(f->store, on_answer, &answer);
    pump(f, &answer.came);
    assert_int_equal(answer.result, STORE_OK);
    assert_int_equal(count(f, STORE_RUNS), 15000);
    struct seen seen;
    load(f, STORE_META, &seen);
    assert_int_equal(seen.last_time, 99);
}

static void test_works_while_time_stands_still(void **state)
{
    struct fixture *f = *state;
    loop_set_virtual(f->loop, 1000000);
    open_store(f);
    store_put(f->store, STORE_JOBS, 1, "", 0, "{}");
    assert_int_equal(commit(f), STORE_OK);
    struct store_stats stats;
    store_get_stats(f->store, &stats);
    assert_true(stats.worst_sync_us >= stats.last_sync_us && stats.size_bytes > 0);
}

/* ---- ids ---- */

static void test_ids_ascend_over_restarts(void **state)
{
    struct fixture *f = *state;
    open_store(f);
    assert_int_equal(store_next_id(f->store, STORE_RUNS), 1);
    assert_int_equal(store_next_id(f->store, STORE_RUNS), 2);
    assert_int_equal(store_next_id(f->store, STORE_PINGS), 1);
    store_put(f->store, STORE_RUNS, 2, "", 0, "{}");
    store_put(f->store, STORE_PINGS, 50, "", 0, "{}");
    assert_int_equal(store_next_id(f->store, STORE_PINGS), 51);
    reopen(f);
    assert_int_equal(store_next_id(f->store, STORE_RUNS), 3);
    assert_int_equal(store_next_id(f->store, STORE_PINGS), 51);
}

static void test_history_shares_ids(void **state)
{
    struct fixture *f = *state;
    static const enum store_table pairs[][2] = {{STORE_OUTBOX, STORE_NOTIFICATIONS},
                                                {STORE_ALERTS, STORE_ALERT_HISTORY}};
    open_store(f);
    for (size_t i = 0; i < COUNT(pairs); i++) {
        int64_t id = store_next_id(f->store, pairs[i][0]);
        assert_int_equal(store_next_id(f->store, pairs[i][1]), id + 1);
        store_put(f->store, pairs[i][0], id, "", 0, "{}");
        assert_int_equal(commit(f), STORE_OK);
        store_delete(f->store, pairs[i][0], id);
        store_put(f->store, pairs[i][1], id + 10, "", 0, "{}");
    }
    reopen(f);
    for (size_t i = 0; i < COUNT(pairs); i++)
        assert_int_equal(store_next_id(f->store, pairs[i][0]), 12);
}

/* A receiver drops a message whose id it knows: an id must never be given out again. */
static void test_ids_of_deleted_records_do_not_come_back(void **state)
{
    struct fixture *f = *state;
    open_store(f);
    store_put(f->store, STORE_OUTBOX, 41, "", 0, "{}");
    assert_int_equal(commit(f), STORE_OK);
    store_delete(f->store, STORE_OUTBOX, 41);
    assert_int_equal(commit(f), STORE_OK);
    for (int i = 0; i < 3; i++) {
        reopen(f);
        assert_int_equal(count(f, STORE_OUTBOX), 0);
        assert_int_equal(store_next_id(f->store, STORE_NOTIFICATIONS), 42);
    }
}

/* Not even if the agent was killed right after. */
static void test_ids_of_deleted_records_do_not_come_back_after_a_kill(void **state)
{
    struct fixture *f = *state;
    pid_t child = fork();
    if (child == 0) {
        open_store(f);
        store_put(f->store, STORE_OUTBOX, 41, "", 0, "{}");
        if (commit(f) != STORE_OK)
            _exit(1);
        store_delete(f->store, STORE_OUTBOX, 41);
        _exit(commit(f) == STORE_OK ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    open_store(f);
    assert_int_equal(count(f, STORE_OUTBOX), 0);
    assert_int_equal(store_next_id(f->store, STORE_OUTBOX), 42);
}

/* Who does not wait is told to, before memory is full of what waits for the disk. */
static void test_accepts_no_more_than_it_can_hold(void **state)
{
    struct fixture *f = *state;
    struct error e;
    AUTOBUF data = {0};
    for (int i = 0; i < 1024 * 1024; i++)
        buf_addc(&data, '1');
    open_store(f);
    assert_int_equal(store_accepts(f->store, &e), 0);
    for (int i = 1; i <= 70; i++)
        store_put(f->store, STORE_FACTS, i, "", 0, buf_str(&data));
    assert_int_equal(store_accepts(f->store, &e), -1);
    assert_string_not_equal(e.mend, "");
    assert_int_equal(commit(f), STORE_OK);
    assert_int_equal(store_accepts(f->store, &e), 0);
}

/* ---- who may open it ---- */

static void assert_refused(struct fixture *f, const char *because)
{
    struct error e = {0};
    AUTOFREE char *salvaged = NULL;
    struct store *store = store_open(f->loop, &f->options, &salvaged, &e);
    assert_null(store);
    assert_null(salvaged);
    if (!strstr(e.what, because))
        fail_msg("refused for another reason: %s", e.what);
    assert_string_not_equal(e.where, "");
    assert_string_not_equal(e.mend, "");
}

static void test_refuses_a_second_agent(void **state)
{
    struct fixture *f = *state;
    open_store(f);
    assert_refused(f, "another agent");
    store_put(f->store, STORE_JOBS, 1, "", 0, "{}");
    assert_int_equal(commit(f), STORE_OK);
    reopen(f);
    assert_int_equal(count(f, STORE_JOBS), 1);
}

static void change_file(struct fixture *f, const char *sql)
{
    char path[PATH_SIZE];
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path_of(f, "belfry.db", path), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void test_refuses_a_newer_schema(void **state)
{
    struct fixture *f = *state;
    open_store(f);
    store_put(f->store, STORE_JOBS, 1, "", 0, "{}");
    store_close(TAKE(f->store));
    change_file(f, "PRAGMA user_version = 999");
    assert_refused(f, "newer version");
    char path[PATH_SIZE];
    assert_false(find_file(f, "belfry.db.corrupt", path));
    change_file(f, "PRAGMA user_version = 1");
    open_store(f);
    assert_int_equal(count(f, STORE_JOBS), 1);
}

static void test_refuses_the_file_of_another_program(void **state)
{
    struct fixture *f = *state;
    change_file(f, "CREATE TABLE t(x); PRAGMA application_id = 77");
    assert_refused(f, "another program");
    change_file(f, "PRAGMA application_id = 0");
    assert_refused(f, "another program");
}

static void test_makes_a_private_folder(void **state)
{
    struct fixture *f = *state;
    char path[PATH_SIZE];
    struct stat st;
    path_of(f, "state", path);
    f->options.dir = path;
    mode_t before = umask(0);
    open_store(f);
    umask(before);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    char file[sizeof path + 16];
    static const char *const names[] = {"belfry.db", "belfry.db-wal", "belfry.db-shm"};
    for (size_t i = 0; i < COUNT(names); i++) {
        snprintf(file, sizeof file, "%s/%s", path, names[i]);
        assert_int_equal(stat(file, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
    }
    store_close(TAKE(f->store));
    empty_folder(path);
    rmdir(path);
}

static void test_refuses_a_folder_that_others_can_write(void **state)
{
    struct fixture *f = *state;
    static const mode_t modes[] = {0777, 01777, 0770, 0702};
    for (size_t i = 0; i < COUNT(modes); i++) {
        chmod(f->dir, modes[i]);
        assert_refused(f, "written by other users");
    }
    chmod(f->dir, 0755);
    open_store(f);
}

static void test_refuses_what_is_no_folder(void **state)
{
    struct fixture *f = *state;
    struct error e = {0};
    f->options.dir = "/dev/null/nowhere";
    assert_null(store_open(f->loop, &f->options, NULL, &e));
    assert_string_equal(e.where, "/dev/null/nowhere");
    f->options.dir = "/dev/null";
    assert_null(store_open(f->loop, &f->options, NULL, &e));
}

int main(void)
{
    log_setup(LOG_ERROR, false);
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_keeps_what_was_committed),
        TEST(test_close_writes_what_is_left),
        TEST(test_loads_in_order_of_ids),
        TEST(test_load_ends_when_told),
        TEST(test_last_change_of_a_record_counts),
        TEST(test_tables_are_apart),
        TEST(test_takes_any_text),
        TEST(test_put_json),
        TEST(test_answers_in_order),
        TEST(test_answers_at_the_end_of_a_turn_if_nothing_waits),
        TEST(test_a_callback_may_put_and_wait),
        TEST(test_one_sync_serves_many),
        TEST(test_a_batch_does_not_wait_for_others),
        TEST(test_a_storm_is_cut_into_batches),
        TEST(test_works_while_time_stands_still),
        TEST(test_ids_ascend_over_restarts),
        TEST(test_history_shares_ids),
        TEST(test_ids_of_deleted_records_do_not_come_back),
        TEST(test_ids_of_deleted_records_do_not_come_back_after_a_kill),
        TEST(test_accepts_no_more_than_it_can_hold),
        TEST(test_refuses_a_second_agent),
        TEST(test_refuses_a_newer_schema),
        TEST(test_refuses_the_file_of_another_program),
        TEST(test_makes_a_private_folder),
        TEST(test_refuses_a_folder_that_others_can_write),
        TEST(test_refuses_what_is_no_folder),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
