/* SPDX-License-Identifier: Apache-2.0 */
/* A disk that is full, that fails, or that another program holds. */
#include "fixture.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "faulty_vfs.h"

static int set_up_disk(void **state)
{
    disk_reset();
    return set_up(state);
}

static void set_fault(int *countdown, int n)
{
    pthread_mutex_lock(&disk.lock);
    *countdown = n;
    pthread_mutex_unlock(&disk.lock);
}

static void set_full(bool full)
{
    pthread_mutex_lock(&disk.lock);
    disk.full = full;
    pthread_mutex_unlock(&disk.lock);
}

static void put_runs(struct fixture *f, int64_t from, int64_t to)
{
    for (int64_t id = from; id <= to; id++)
        store_put(f->store, STORE_RUNS, id, "job", id, "{\"state\":\"running\"}");
}

static bool accepts(struct fixture *f)
{
    struct error e = {0};
    if (store_accepts(f->store, &e) == 0)
        return true;
    assert_string_not_equal(e.what, "");
    assert_string_not_equal(e.mend, "");
    assert_true(e.again);
    return false;
}

/* Let the loop run until the store takes new input again; it finds that out by itself. */
static void pump_until_accepts(struct fixture *f)
{
    bool late = false;
    struct event *deadline = event_new(loop_base(f->loop), -1, 0, on_late, &late);
    event_add(deadline, &(struct timeval){.tv_sec = PATIENCE_S});
    while (!late && !accepts(f))
        event_base_loop(loop_base(f->loop), EVLOOP_ONCE);
    event_free(deadline);
    assert_false(late);
}

static bool has_ballast(struct fixture *f)
{
    char path[PATH_SIZE];
    return access(path_of(f, "ballast", path), F_OK) == 0;
}

/* ---- a disk that fails ---- */

/* The disk failed while `answers` waited: all are told, nothing goes on, and what was acknowledged before is there. */
static void assert_failed_for_good(struct fixture *f, struct answer answers[3])
{
    pump(f, &answers[2].came);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(answers[i].times, 1);
        assert_int_equal(answers[i].result, STORE_FAILED);
    }
    assert_int_equal(f->failures, 1);
    assert_string_not_equal(f->why, "");
    assert_false(accepts(f));
    put_runs(f, 900, 910);
    assert_int_equal(commit(f), STORE_FAILED);
    struct store_stats stats;
    store_get_stats(f->store, &stats);
    assert_true(stats.is_failed);
    assert_int_equal(stats.failed, 1);
    assert_int_equal(stats.waiting, 0);
    store_close(TAKE(f->store));
    assert_int_equal(f->failures, 1);
    assert_int_equal(disk.syncs_since_failure, 0);
}

static void fail_at(struct fixture *f, int *countdown, int n)
{
    struct answer answers[3] = {0};
    open_store(f);
    put_runs(f, 1, 20);
    assert_int_equal(commit(f), STORE_OK);
    set_fault(countdown, n);
    put_runs(f, 21, 30);
    store_commit(f->store, on_answer, &answers[0]);
    loop_turn(f->loop); /* the writer has the first; the other two wait behind it */
    put_runs(f, 31, 40);
    store_commit(f->store, on_answer, &answers[1]);
    store_commit(f->store, on_answer, &answers[2]);
    assert_failed_for_good(f, answers);
    disk_reset();
    open_store(f);
    struct seen *seen = NEW(struct seen);
    load(f, STORE_RUNS, seen);
    for (int64_t id = 1; id <= 20; id++)
        assert_true(has(seen, id));
    assert_false(has(seen, 31));
    assert_false(has(seen, 900));
    free(seen);
    assert_true(accepts(f));
}

static void test_failed_sync_is_never_tried_again(void **state)
{
    fail_at(*state, &disk.fail_sync_at, 1);
}

static void test_failed_write_is_never_tried_again(void **state)
{
    disk.fail_write_code = SQLITE_IOERR_WRITE;
    fail_at(*state, &disk.fail_write_at, 1);
}

static void test_damage_while_running_ends_it(void **state)
{
    disk.fail_write_code = SQLITE_CORRUPT;
    fail_at(*state, &disk.fail_write_at, 1);
}

/* The batch is on disk and acknowledged; copying the log into the database fails later, while no one waits. */
static void test_failed_sync_of_a_checkpoint(void **state)
{
    struct fixture *f = *state;
    open_store(f);
    put_runs(f, 1, 20);
    set_fault(&disk.fail_sync_at, 3); /* the log's header, the commit, the checkpoint */
    enum store_result result = commit(f);
    bool failed = false;
    for (int i = 0; i < 1000 && !failed; i++) {
        event_base_loop(loop_base(f->loop), EVLOOP_ONCE);
        failed = f->failures > 0;
    }
    assert_int_equal(result, STORE_OK);
    assert_int_equal(f->failures, 1);
    assert_int_equal(commit(f), STORE_FAILED);
    store_close(TAKE(f->store));
    assert_int_equal(disk.syncs_since_failure, 0);
    disk_reset();
    open_store(f);
    assert_int_equal(count(f, STORE_RUNS), 20);
}

static void test_close_of_a_failed_store_tells_all(void **state)
{
    struct fixture *f = *state;
    struct answer answers[2] = {0};
    open_store(f);
    set_fault(&disk.fail_sync_at, 1);
    put_runs(f, 1, 10);
    store_commit(f->store, on_answer, &answers[0]);
    loop_turn(f->loop);
    put_runs(f, 11, 20);
    store_commit(f->store, on_answer, &answers[1]);
    store_close(TAKE(f->store));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(answers[i].times, 1);
        assert_int_equal(answers[i].result, STORE_FAILED);
    }
    assert_int_equal(f->failures, 1);
}

/* ---- a full disk ---- */

enum { BALLAST = 128 * 1024 };

/* The ballast's room is enough: nobody notices but those who bring new input, until there is room again. */
static void test_ballast_saves_the_batch(void **state)
{
    struct fixture *f = *state;
    f->options.ballast = BALLAST;
    open_store(f);
    assert_true(has_ballast(f));
    assert_true(accepts(f));
    disk.fail_write_code = SQLITE_FULL;
    set_fault(&disk.fail_write_at, 2);
    put_runs(f, 1, 50);
    assert_int_equal(commit(f), STORE_OK);
    struct store_stats stats;
    store_get_stats(f->store, &stats);
    assert_int_equal(stats.full, 1);
    assert_int_equal(stats.failed, 0);
    pump_until_accepts(f);
    assert_true(has_ballast(f));
    reopen(f);
    assert_int_equal(count(f, STORE_RUNS), 50);
}

static void test_changes_wait_for_room(void **state)
{
    struct fixture *f = *state;
    f->options.ballast = BALLAST;
    open_store(f);
    put_runs(f, 1, 10);
    store_put(f->store, STORE_OUTBOX, 1, "mail", 0, "{}");
    assert_int_equal(commit(f), STORE_OK);
    set_full(true);
    put_runs(f, 11, 20);
    assert_int_equal(commit(f), STORE_FULL);
    assert_false(has_ballast(f));
    assert_false(accepts(f));
    /* results of deliveries go on being put */
    store_delete(f->store, STORE_OUTBOX, 1);
    store_put(f->store, STORE_NOTIFICATIONS, 1, "mail", 0, "{\"state\":\"first\"}");
    assert_int_equal(commit(f), STORE_FULL);
    store_put(f->store, STORE_NOTIFICATIONS, 1, "mail", 0, "{\"state\":\"second\"}");
    assert_int_equal(commit(f), STORE_FULL);
    struct store_stats stats;
    store_get_stats(f->store, &stats);
    assert_true(stats.is_full);
    assert_int_equal(stats.full, 1);
    assert_int_equal(count(f, STORE_OUTBOX), 1);
    set_full(false);
    pump_until_accepts(f);
    assert_true(has_ballast(f));
    assert_int_equal(commit(f), STORE_OK);
    assert_int_equal(f->failures, 0);
    for (int i = 0; i < 2; i++) {
        struct seen seen;
        assert_int_equal(count(f, STORE_RUNS), 20);
        assert_int_equal(count(f, STORE_OUTBOX), 0);
        load(f, STORE_NOTIFICATIONS, &seen);
        assert_string_equal(seen.last_data, "{\"state\":\"second\"}");
        reopen(f);
    }
}

/* Closed while it is full: what was acknowledged is there, who waited was told the truth. */
static void test_close_while_full(void **state)
{
    struct fixture *f = *state;
    struct answer answer = {0};
    open_store(f);
    put_runs(f, 1, 10);
    assert_int_equal(commit(f), STORE_OK);
    set_full(true);
    put_runs(f, 11, 20);
    store_commit(f->store, on_answer, &answer);
    store_close(TAKE(f->store));
    assert_int_equal(answer.times, 1);
    assert_int_equal(answer.result, STORE_FULL);
    set_full(false);
    open_store(f);
    assert_int_equal(count(f, STORE_RUNS), 10);
}

/* Acknowledge records until the disk is full; then take `make_room`, and all is as if nothing had been. */
static void fill_disk(struct fixture *f, void (*make_room)(struct fixture *f))
{
    char data[2048];
    snprintf(data, sizeof data, "\"%02000d\"", 7);
    int64_t id = 0;
    enum store_result result;
    do {
        store_put(f->store, STORE_RUNS, ++id, "", 0, data);
        result = commit(f);
        if (result == STORE_OK && id > 100 && !accepts(f))
            assert_false(has_ballast(f));
    } while (result == STORE_OK && id < 20000);
    if (result != STORE_FULL)
        fail_msg("record %lld: %s", (long long)id, f->why);
    assert_true(id > 10);
    store_put(f->store, STORE_JOBS, 1, "result", 0, "{}");
    assert_int_equal(commit(f), STORE_FULL);
    assert_false(accepts(f));
    make_room(f);
    pump_until_accepts(f);
    assert_int_equal(commit(f), STORE_OK);
    assert_int_equal(count(f, STORE_RUNS), id);
    assert_int_equal(count(f, STORE_JOBS), 1);
    reopen(f);
    assert_int_equal(count(f, STORE_RUNS), id);
    assert_int_equal(f->failures, 0);
}

static void set_size_limit(rlim_t limit)
{
    struct rlimit rlimit;
    getrlimit(RLIMIT_FSIZE, &rlimit);
    rlimit.rlim_cur = limit;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &rlimit), 0);
}

static void lift_size_limit(struct fixture *f)
{
    (void)f;
    set_size_limit(RLIM_INFINITY);
}

/* The kernel refuses to let the log grow: the same as a full disk, without being root. */
static void test_file_size_limit(void **state)
{
    struct fixture *f = *state;
    signal(SIGXFSZ, SIG_IGN);
    open_store(f);
    set_size_limit(1024 * 1024);
    fill_disk(f, lift_size_limit);
}

static void remove_filler(struct fixture *f)
{
    char path[PATH_SIZE];
    assert_int_equal(unlink(path_of(f, "filler", path)), 0);
}

/* A file system of eight megabytes; false: not permitted here. */
static bool mount_small(struct fixture *f)
{
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", f->dir, "tmpfs", 0, "size=8m,mode=700") == 0;
}

static void test_full_file_system(void **state)
{
    struct fixture *f = *state;
    if (!mount_small(f)) {
        print_message("mounting is not permitted: what a limit on file sizes shows must do\n");
        test_file_size_limit(state);
        return;
    }
    char path[PATH_SIZE];
    int fd = open(path_of(f, "filler", path), O_WRONLY | O_CREAT, 0600);
    assert_int_equal(posix_fallocate(fd, 0, 6 * 1024 * 1024), 0);
    close(fd);
    f->options.ballast = 64 * 1024;
    open_store(f);
    assert_true(has_ballast(f));
    fill_disk(f, remove_filler);
    assert_true(has_ballast(f));

    /* a start on a full disk: the ballast makes room for it, and new input waits */
    store_close(TAKE(f->store));
    fd = open(path, O_WRONLY | O_CREAT, 0600);
    char block[4096] = {0};
    while (write(fd, block, sizeof block) == (ssize_t)sizeof block)
        ;
    close(fd);
    open_store(f);
    assert_true(count(f, STORE_RUNS) > 10);
    assert_false(accepts(f));
    remove_filler(f);
    pump_until_accepts(f);
    assert_true(has_ballast(f));
    store_close(TAKE(f->store));
    assert_int_equal(umount(f->dir), 0);
}

/* ---- another program holds the database ---- */

static void test_waits_for_a_lock(void **state)
{
    struct fixture *f = *state;
    char path[PATH_SIZE];
    sqlite3 *other;
    open_store(f);
    assert_int_equal(sqlite3_open(path_of(f, "belfry.db", path), &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    put_runs(f, 1, 10);
    assert_int_equal(commit(f), STORE_FULL);
    struct error e;
    assert_int_equal(store_accepts(f->store, &e), -1);
    assert_non_null(strstr(e.mend, "program"));
    sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(other);
    pump_until_accepts(f);
    assert_int_equal(count(f, STORE_RUNS), 10);
}

int main(void)
{
    faulty_vfs_use();
    log_setup((enum log_level)0, false); /* these tests make errors on purpose */
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_disk, tear_down)
        TEST(test_failed_sync_is_never_tried_again),
        TEST(test_failed_write_is_never_tried_again),
        TEST(test_damage_while_running_ends_it),
        TEST(test_failed_sync_of_a_checkpoint),
        TEST(test_close_of_a_failed_store_tells_all),
        TEST(test_ballast_saves_the_batch),
        TEST(test_changes_wait_for_room),
        TEST(test_close_while_full),
        TEST(test_file_size_limit),
        TEST(test_full_file_system),
        TEST(test_waits_for_a_lock),
    };
    return cmocka_run_group_tests_name("faults", tests, NULL, NULL);
}
