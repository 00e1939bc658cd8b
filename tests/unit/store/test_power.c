/* SPDX-License-Identifier: Apache-2.0 */
/* Sudden ends: the process is killed, or the power goes. Whatever was acknowledged must be there afterwards. */
#include "fixture.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>

#include "faulty_vfs.h"

static int set_up_disk(void **state)
{
    disk_reset();
    return set_up(state);
}

/* ---- kill -9 ---- */

enum { KILLS = 50, RECORDS_PER_LIFE = 350 };

struct worker {
    struct fixture *f;
    int pipe, in_flight;
    bool came;
};
struct promise {
    struct worker *worker;
    int64_t id;
};

static void on_kept_promise(void *ctx, enum store_result result)
{
    struct promise *promise = ctx;
    if (result == STORE_OK && write(promise->worker->pipe, &promise->id, sizeof promise->id) < 0)
        _exit(1);
    promise->worker->in_flight--;
    promise->worker->came = true;
    free(promise);
}

/* Puts records and reports each that is acknowledged, every tenth moves to history; then waits to be killed. */
static void work_until_killed(struct fixture *f, int pipe)
{
    struct worker worker = {.f = f, .pipe = pipe};
    open_store(f);
    for (int n = 0;;) {
        for (int i = 0; i < 1 + worker.in_flight % 7 && n < RECORDS_PER_LIFE; i++, n++) {
            struct promise *promise = NEW(struct promise);
            *promise = (struct promise){&worker, store_next_id(f->store, STORE_OUTBOX)};
            store_put(f->store, STORE_OUTBOX, promise->id, "mail", 1, "{\"state\":\"queued\"}");
            if (promise->id % 10 == 0) {
                store_delete(f->store, STORE_OUTBOX, promise->id - 5);
                store_put(f->store, STORE_NOTIFICATIONS, promise->id - 5, "mail", 2, "{\"state\":\"delivered\"}");
            }
            store_commit(f->store, on_kept_promise, promise);
            worker.in_flight++;
        }
        loop_turn(f->loop);
        for (worker.came = false; (worker.in_flight > 40 || n == RECORDS_PER_LIFE) && !worker.came;)
            event_base_loop(loop_base(f->loop), EVLOOP_ONCE);
    }
}

static size_t read_promises(int pipe, int64_t *ids, size_t n)
{
    int64_t id;
    while (n < MOST_SEEN && read(pipe, &id, sizeof id) == sizeof id)
        ids[n++] = id;
    return n;
}

static size_t kill_one(struct fixture *f, int microseconds, int64_t *ids, size_t n)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    if (child == 0) {
        close(fds[0]);
        f->loop = loop_new();
        work_until_killed(f, fds[1]);
    }
    close(fds[1]);
    struct pollfd first = {.fd = fds[0], .events = POLLIN};
    assert_int_equal(poll(&first, 1, PATIENCE_S * 1000), 1);
    struct timespec moment = {.tv_nsec = microseconds * 1000L};
    nanosleep(&moment, NULL);
    kill(child, SIGKILL);
    n = read_promises(fds[0], ids, n);
    close(fds[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    return n;
}

static void assert_promises_kept(struct fixture *f, const int64_t *ids, size_t n)
{
    struct seen *outbox = NEW(struct seen), *history = NEW(struct seen);
    load(f, STORE_OUTBOX, outbox);
    load(f, STORE_NOTIFICATIONS, history);
    bool *found = x_calloc(MOST_SEEN * 2, sizeof *found);
    for (size_t i = 0; i < outbox->n; i++)
        found[outbox->ids[i]] = true;
    for (size_t i = 0; i < history->n; i++) {
        assert_false(found[history->ids[i]]); /* moved in one transaction: never in both */
        found[history->ids[i]] = true;
    }
    for (size_t i = 0; i < n; i++)
        if (!found[ids[i]])
            fail_msg("record %lld was acknowledged and is lost", (long long)ids[i]);
    free(found);
    free(outbox);
    free(history);
}

static void test_kill_loses_nothing(void **state)
{
    struct fixture *f = *state;
    int64_t *ids = x_calloc(MOST_SEEN, sizeof *ids);
    size_t n = 0;
    uint64_t random = 42;
    for (int round = 0; round < KILLS; round++) {
        random = random * 6364136223846793005ull + 1442695040888963407ull;
        n = kill_one(f, (int)(random >> 33) % 8000, ids, n);
        open_store(f);
        assert_promises_kept(f, ids, n);
        store_close(TAKE(f->store));
    }
    assert_true(n > KILLS);
    free(ids);
}

/* ---- power cuts ---- */

enum { COMMITS = 240, CUTS = 60 };

struct cut {
    int64_t acknowledged;
    struct buf database, log;
};

static int64_t last_acknowledged;

static void on_acknowledged(void *ctx, enum store_result result)
{
    assert_int_equal(result, STORE_OK);
    last_acknowledged = (int64_t)(intptr_t)ctx;
}

/* What is acknowledged is read first: what comes between can only make the image newer. */
static void cut_power(struct fixture *f, struct cut *cut, uint64_t *random)
{
    char path[PATH_SIZE];
    cut->acknowledged = last_acknowledged;
    pthread_mutex_lock(&disk.lock);
    disk_cut(disk_find(path_of(f, "belfry.db", path)), random, &cut->database);
    disk_cut(disk_find(path_of(f, "belfry.db-wal", path)), random, &cut->log);
    pthread_mutex_unlock(&disk.lock);
}

/* Every commit adds a run and writes forty jobs anew, so that the log is copied into the database now and then. */
static void put_some(struct fixture *f, int64_t i)
{
    char data[700];
    snprintf(data, sizeof data, "{\"n\":%lld,\"text\":\"%0600d\"}", (long long)i, 0);
    store_put(f->store, STORE_RUNS, i, "job", i, "{}");
    for (int k = 1; k <= 40; k++)
        store_put(f->store, STORE_JOBS, k, "job", i, data);
    store_commit(f->store, on_acknowledged, (void *)(intptr_t)i);
}

static void run_with_cuts(struct fixture *f, struct cut cuts[CUTS])
{
    uint64_t random = 7;
    last_acknowledged = 0;
    open_store(f); /* makes the files, which are whole before the record begins */
    store_close(TAKE(f->store));
    disk.record = true;
    open_store(f);
    for (int64_t i = 1; i <= COMMITS; i++) {
        put_some(f, i);
        loop_turn(f->loop);
        if (i % 4 == 1)
            cut_power(f, &cuts[i / 4], &random); /* while the writer is at it */
        while (last_acknowledged < i - 2)
            event_base_loop(loop_base(f->loop), EVLOOP_ONCE);
    }
    store_close(TAKE(f->store));
    pthread_mutex_lock(&disk.lock);
    disk.record = false;
    pthread_mutex_unlock(&disk.lock);
}

static void write_file(struct fixture *f, const char *name, const struct buf *content)
{
    char path[PATH_SIZE];
    int fd = open(path_of(f, name, path), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, content->data, content->len), (ssize_t)content->len);
    close(fd);
}

/* How many acknowledged commits a cut has lost. */
static int64_t open_after_cut(struct fixture *f, const struct cut *cut)
{
    struct seen seen;
    empty_folder(f->dir);
    write_file(f, "belfry.db", &cut->database);
    if (cut->log.len)
        write_file(f, "belfry.db-wal", &cut->log);
    open_store(f); /* without any salvage */
    int64_t runs = (int64_t)count(f, STORE_RUNS);
    load(f, STORE_JOBS, &seen);
    assert_int_equal(seen.last_time, runs); /* a transaction is there as a whole or not at all */
    assert_int_equal(seen.n, runs ? 40 : 0);
    store_close(TAKE(f->store));
    return cut->acknowledged - runs;
}

static int64_t lost_by_cuts(struct fixture *f)
{
    struct cut *cuts = x_calloc(CUTS, sizeof *cuts);
    int64_t lost = 0;
    run_with_cuts(f, cuts);
    assert_true(cuts[CUTS - 1].acknowledged > 0);
    for (int i = 0; i < CUTS; i++) {
        int64_t missing = open_after_cut(f, &cuts[i]);
        lost += missing > 0 ? missing : 0;
        buf_free(&cuts[i].database);
        buf_free(&cuts[i].log);
    }
    free(cuts);
    return lost;
}

static void test_power_cut_loses_nothing(void **state)
{
    assert_int_equal(lost_by_cuts(*state), 0);
}

/* The same on a disk that forgets all: were this to pass, the test above would show nothing. */
static void test_power_cut_would_be_noticed(void **state)
{
    struct fixture *f = *state;
    struct cut cut = {0};
    uint64_t random = 7;
    open_store(f);
    store_close(TAKE(f->store));
    disk.record = disk.lie = true;
    open_store(f);
    last_acknowledged = 0;
    for (int64_t i = 1; i <= 5; i++) {
        put_some(f, i);
        while (last_acknowledged < i)
            event_base_loop(loop_base(f->loop), EVLOOP_ONCE);
    }
    cut_power(f, &cut, &random);
    store_close(TAKE(f->store));
    disk.record = false;
    assert_true(open_after_cut(f, &cut) > 0);
    buf_free(&cut.database);
    buf_free(&cut.log);
}

int main(void)
{
    faulty_vfs_use();
    log_setup((enum log_level)0, false);
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_disk, tear_down)
        TEST(test_kill_loses_nothing),
        TEST(test_power_cut_loses_nothing),
        TEST(test_power_cut_would_be_noticed),
    };
    return cmocka_run_group_tests_name("power", tests, NULL, NULL);
}
