/* SPDX-License-Identifier: Apache-2.0 */
/* Reading history and forgetting it. */
#include "fixture.h"

struct found {
    bool came;
    int times, status;
    size_t n;
    int64_t ids[1000];
    char first_key[32], first_data[128];
    int64_t first_time;
};

static void on_found(void *ctx, int status, const struct store_record *records, size_t n)
{
    struct found *found = ctx;
    found->came = true;
    found->times++;
    found->status = status;
    found->n = n;
    assert_true(n <= COUNT(found->ids));
    for (size_t i = 0; i < n; i++) {
        found->ids[i] = records[i].id;
        assert_int_equal(records[i].size, strlen(records[i].data));
    }
    if (n) {
        snprintf(found->first_key, sizeof found->first_key, "%s", records[0].key);
        snprintf(found->first_data, sizeof found->first_data, "%s", records[0].data);
        found->first_time = records[0].time;
    }
}

static struct found *ask(struct fixture *f, struct store_query query)
{
    static struct found found;
    found = (struct found){0};
    store_find(f->store, &query, on_found, &found);
    assert_false(found.came);
    pump(f, &found.came);
    assert_int_equal(found.times, 1);
    assert_int_equal(found.status, 0);
    return &found;
}

/* Runs 1 to 100 of the jobs a, b, c in turn, at the times 1000 to 100000; every fifth failed. */
static void fill(struct fixture *f)
{
    open_store(f);
    for (int i = 1; i <= 100; i++) {
        char data[128];
        snprintf(data, sizeof data, "{\"state\":\"%s\",\"run\":{\"exit\":%d,\"ok\":%s}}",
                 i % 5 ? "succeeded" : "failed", i % 7, i % 2 ? "true" : "false");
        store_put(f->store, STORE_RUNS, i, (const char *[]){"c", "a", "b"}[i % 3], i * 1000, data);
    }
    assert_int_equal(commit(f), STORE_OK);
}

static void test_finds_newest_first(void **state)
{
    struct fixture *f = *state;
    fill(f);
    struct found *found = ask(f, (struct store_query){.table = STORE_RUNS, .limit = 10});
    assert_int_equal(found->n, 10);
    for (int i = 0; i < 10; i++)
        assert_int_equal(found->ids[i], 100 - i);
    assert_string_equal(found->first_key, "a");
    assert_string_equal(found->first_data, "{\"state\":\"failed\",\"run\":{\"exit\":2,\"ok\":false}}");
    assert_int_equal(found->first_time, 100000);
}

static void test_goes_on_from_an_id(void **state)
{
    struct fixture *f = *state;
    fill(f);
    int64_t before = 0;
    size_t pages = 0, n = 0;
    for (struct found *found;
         (found = ask(f, (struct store_query){.table = STORE_RUNS, .before = before, .limit = 30}))->n; pages++) {
        n += found->n;
        before = found->ids[found->n - 1];
    }
    assert_int_equal(pages, 4);
    assert_int_equal(n, 100);
    assert_int_equal(before, 1);
}

static void test_finds_by_key(void **state)
{
    struct fixture *f = *state;
    fill(f);
    struct found *found = ask(f, (struct store_query){.table = STORE_RUNS, .key = "b", .limit = 1000});
    assert_int_equal(found->n, 33);
    assert_int_equal(found->ids[0], 98);
    assert_int_equal(ask(f, (struct store_query){.table = STORE_RUNS, .key = "", .limit = 10})->n, 0);
    assert_int_equal(ask(f, (struct store_query){.table = STORE_RUNS, .key = "b' OR '1", .limit = 10})->n, 0);
}

static void test_finds_by_time(void **state)
{
    struct fixture *f = *state;
    fill(f);
    struct found *found =
        ask(f, (struct store_query){.table = STORE_RUNS, .since = 20000, .until = 30000, .limit = 1000});
    assert_int_equal(found->n, 10);
    assert_int_equal(found->ids[0], 29);
    assert_int_equal(found->ids[9], 20);
    assert_int_equal(ask(f, (struct store_query){.table = STORE_RUNS, .until = 3000, .limit = 9})->n, 2);
    assert_int_equal(ask(f, (struct store_query){.table = STORE_RUNS, .since = 99000, .limit = 9})->n, 2);
}

static void test_finds_by_what_is_in_the_data(void **state)
{
    struct fixture *f = *state;
    fill(f);
    assert_int_equal(
        ask(f, (struct store_query){.table = STORE_RUNS, .match = {{"$.state", "failed"}}, .limit = 1000})->n, 20);
    struct found *found =
        ask(f, (struct store_query){
                   .table = STORE_RUNS, .match = {{"$.state", "failed"}, {"$.run.exit", "3"}}, .limit = 1000});
    assert_int_equal(found->n, 3); /* 10, 45, 80 */
    assert_int_equal(found->ids[0], 80);
    assert_int_equal(
        ask(f,
            (struct store_query){
                .table = STORE_RUNS,
                .key = "b",
                .match = {{"$.state", "failed"}, {"$.run.exit", "3"}, {"$.run.ok", "0"}, {"$.run.exit", "3"}},
                .limit = 1000})
            ->n,
        1); /* 80 */
    assert_int_equal(ask(f, (struct store_query){.table = STORE_RUNS, .match = {{"$.no.such", "x"}}, .limit = 9})->n,
                     0);
}

/* One record that is no JSON does not spoil the search for all. */
static void test_survives_what_is_no_json(void **state)
{
    struct fixture *f = *state;
    fill(f);
    store_put(f->store, STORE_RUNS, 101, "a", 0, "{\"state\":");
    assert_int_equal(commit(f), STORE_OK);
    assert_int_equal(
        ask(f, (struct store_query){.table = STORE_RUNS, .match = {{"$.state", "failed"}}, .limit = 1000})->n, 20);
}

static void test_limits_what_is_found(void **state)
{
    struct fixture *f = *state;
    open_store(f);
    for (int i = 1; i <= 1200; i++)
        store_put(f->store, STORE_PINGS, i, "", 0, "{}");
    assert_int_equal(commit(f), STORE_OK);
    assert_int_equal(ask(f, (struct store_query){.table = STORE_PINGS, .limit = SIZE_MAX})->n, 1000);
    assert_int_equal(ask(f, (struct store_query){.table = STORE_PINGS, .limit = 0})->n, 0);
}

static void test_close_answers_who_asked(void **state)
{
    struct fixture *f = *state;
    struct found found[20] = {0};
    fill(f);
    for (size_t i = 0; i < COUNT(found); i++)
        store_find(f->store, &(struct store_query){.table = STORE_RUNS, .limit = 5}, on_found, &found[i]);
    store_close(TAKE(f->store));
    for (size_t i = 0; i < COUNT(found); i++) {
        assert_int_equal(found[i].times, 1);
        assert_true(found[i].status == -1 ? found[i].n == 0 : found[i].n == 5);
    }
}

/* ---- forgetting ---- */

/* Pruning happens on the writer's thread some time after the timer; what is written later comes after it. */
static size_t count_after_minutes(struct fixture *f, enum store_table table, int minutes, size_t expected)
{
    size_t n = 0;
    loop_advance(f->loop, (int64_t)minutes * MINUTE);
    for (int i = 0; i < 200 && (n = count(f, table)) != expected; i++)
        assert_int_equal(commit(f), STORE_OK);
    return n;
}

static const enum store_table histories[] = {STORE_RUNS, STORE_PINGS, STORE_ALERT_HISTORY, STORE_NOTIFICATIONS};

static void test_forgets_what_is_old(void **state)
{
    struct fixture *f = *state;
    loop_set_virtual(f->loop, 100LL * DAY);
    f->options.keep = DAY;
    open_store(f);
    for (int table = 0; table < STORE_TABLES; table++)
        for (int i = 1; i <= 48; i++)
            store_put(f->store, (enum store_table)table, i, "", 98LL * DAY + i * HOUR, "{}");
    assert_int_equal(commit(f), STORE_OK);
    struct seen seen;
    for (size_t i = 0; i < COUNT(histories); i++) {
        assert_int_equal(count_after_minutes(f, histories[i], i == 0, 24), 24);
        load(f, histories[i], &seen);
        assert_int_equal(seen.ids[0], 25);
    }
    assert_int_equal(count_after_minutes(f, STORE_RUNS, 60, 23), 23);
    assert_int_equal(count(f, STORE_JOBS), 48);
    assert_int_equal(count(f, STORE_OUTBOX), 48);
    assert_int_equal(count(f, STORE_CHECKPOINTS), 48);
}

static void test_forgets_what_is_too_many(void **state)
{
    struct fixture *f = *state;
    loop_set_virtual(f->loop, DAY);
    f->options.keep_records = 100;
    open_store(f);
    for (int i = 1; i <= 5000; i++) {
        store_put(f->store, STORE_PINGS, i, "", i, "{}");
        store_put(f->store, STORE_FACTS, i, "", i, "{}");
    }
    for (int i = 1; i <= 100; i++)
        store_put(f->store, STORE_RUNS, i, "", i, "{}");
    assert_int_equal(commit(f), STORE_OK);
    assert_int_equal(count_after_minutes(f, STORE_PINGS, 1, 100), 100);
    struct seen *seen = NEW(struct seen);
    load(f, STORE_PINGS, seen);
    assert_int_equal(seen->ids[0], 4901);
    free(seen);
    assert_int_equal(count(f, STORE_RUNS), 100);
    assert_int_equal(count(f, STORE_FACTS), 5000);
}

static void test_forgotten_ids_do_not_come_back(void **state)
{
    struct fixture *f = *state;
    loop_set_virtual(f->loop, 100LL * DAY);
    f->options.keep = DAY;
    open_store(f);
    store_put(f->store, STORE_NOTIFICATIONS, 30, "", DAY, "{}");
    assert_int_equal(commit(f), STORE_OK);
    assert_int_equal(count_after_minutes(f, STORE_NOTIFICATIONS, 1, 0), 0);
    reopen(f);
    assert_int_equal(store_next_id(f->store, STORE_OUTBOX), 31);
}

static void test_keeps_all_without_bounds(void **state)
{
    struct fixture *f = *state;
    loop_set_virtual(f->loop, 1000LL * DAY);
    open_store(f);
    for (int i = 1; i <= 50; i++)
        store_put(f->store, STORE_RUNS, i, "", i, "{}");
    assert_int_equal(commit(f), STORE_OK);
    loop_advance(f->loop, 10 * MINUTE);
    reopen(f); /* the writer's work is over */
    assert_int_equal(count(f, STORE_RUNS), 50);
}

int main(void)
{
    log_setup(LOG_ERROR, false);
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_finds_newest_first),
        TEST(test_goes_on_from_an_id),
        TEST(test_finds_by_key),
        TEST(test_finds_by_time),
        TEST(test_finds_by_what_is_in_the_data),
        TEST(test_survives_what_is_no_json),
        TEST(test_limits_what_is_found),
        TEST(test_close_answers_who_asked),
        TEST(test_forgets_what_is_old),
        TEST(test_forgets_what_is_too_many),
        TEST(test_forgotten_ids_do_not_come_back),
        TEST(test_keeps_all_without_bounds),
    };
    return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
