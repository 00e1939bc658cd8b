/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the store share: a state folder of their own, a store in it, and waiting for it. */
#ifndef TEST_STORE_FIXTURE_H
#define TEST_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/store.h"

#define UNUSED __attribute__((unused))

enum { PATIENCE_S = 60, PATH_SIZE = 384 };

struct fixture {
    char dir[64];
    struct loop *loop;
    struct store *store;
    struct store_options options;
    int failures; /* calls of options.failed */
    char why[256];
};

UNUSED static void on_failed(void *ctx, const char *why)
{
    struct fixture *f = ctx;
    f->failures++;
    snprintf(f->why, sizeof f->why, "%s", why);
}

UNUSED static int set_up(void **state)
{
    struct fixture *f = NEW(struct fixture);
    snprintf(f->dir, sizeof f->dir, "/tmp/belfry-store-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->loop = loop_new();
    assert_non_null(f->loop);
    f->options = (struct store_options){.dir = f->dir, .failed = on_failed, .ctx = f};
    *state = f;
    return 0;
}

UNUSED static void empty_folder(const char *path)
{
    DIR *dir = opendir(path);
    if (!dir)
        return;
    for (struct dirent *entry; (entry = readdir(dir));)
        unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
}

UNUSED static int tear_down(void **state)
{
    struct fixture *f = *state;
    store_close(f->store);
    loop_free(f->loop);
    empty_folder(f->dir);
    rmdir(f->dir);
    free(f);
    return 0;
}

UNUSED static void open_store(struct fixture *f)
{
    struct error e = {0};
    AUTOFREE char *salvaged = NULL;
    f->store = store_open(f->loop, &f->options, &salvaged, &e);
    if (!f->store)
        fail_msg("cannot open: %s: %s", e.where, e.what);
    if (salvaged)
        fail_msg("salvaged unexpectedly: %s", salvaged);
}

UNUSED static void reopen(struct fixture *f)
{
    store_close(f->store);
    f->store = NULL;
    open_store(f);
}

UNUSED static void on_late(evutil_socket_t fd, short what, void *data)
{
    (void)fd, (void)what;
    *(bool *)data = true;
}

/* Let the loop run until *done. */
UNUSED static void pump(struct fixture *f, const bool *done)
{
    bool late = false;
    struct event *deadline = event_new(loop_base(f->loop), -1, 0, on_late, &late);
    event_add(deadline, &(struct timeval){.tv_sec = PATIENCE_S});
    while (!*done && !late)
        event_base_loop(loop_base(f->loop), EVLOOP_ONCE);
    event_free(deadline);
    assert_false(late);
}

struct answer {
    bool came;
    int times;
    enum store_result result;
};

UNUSED static void on_answer(void *ctx, enum store_result result)
{
    struct answer *answer = ctx;
    answer->came = true;
    answer->times++;
    answer->result = result;
}

UNUSED static enum store_result commit(struct fixture *f)
{
    struct answer answer = {0};
    store_commit(f->store, on_answer, &answer);
    assert_false(answer.came);
    pump(f, &answer.came);
    return answer.result;
}

/* ---- what is in a table ---- */

enum { MOST_SEEN = 20000 };

struct seen {
    size_t n;
    int64_t ids[MOST_SEEN];
    char last_key[64], last_data[256];
    int64_t last_time;
};

UNUSED static int on_record(void *ctx, const struct store_record *record)
{
    struct seen *seen = ctx;
    assert_true(seen->n < MOST_SEEN);
    if (seen->n)
        assert_true(record->id > seen->ids[seen->n - 1]);
    seen->ids[seen->n++] = record->id;
    assert_int_equal(record->size, strlen(record->data));
    snprintf(seen->last_key, sizeof seen->last_key, "%s", record->key);
    snprintf(seen->last_data, sizeof seen->last_data, "%s", record->data);
    seen->last_time = record->time;
    return 0;
}

UNUSED static void load(struct fixture *f, enum store_table table, struct seen *seen)
{
    struct error e = {0};
    *seen = (struct seen){0};
    if (store_load(f->store, table, on_record, seen, &e) < 0)
        fail_msg("cannot load: %s", e.what);
}

UNUSED static size_t count(struct fixture *f, enum store_table table)
{
    struct seen *seen = NEW(struct seen);
    load(f, table, seen);
    size_t n = seen->n;
    free(seen);
    return n;
}

UNUSED static bool has(const struct seen *seen, int64_t id)
{
    for (size_t i = 0; i < seen->n; i++)
        if (seen->ids[i] == id)
            return true;
    return false;
}

/* ---- files ---- */

UNUSED static const char *path_of(const struct fixture *f, const char *name, char out[PATH_SIZE])
{
    snprintf(out, PATH_SIZE, "%s/%s", f->dir, name);
    return out;
}

/* The name of a file whose name begins so; null: none. */
UNUSED static bool find_file(const struct fixture *f, const char *prefix, char out[PATH_SIZE])
{
    DIR *dir = opendir(f->dir);
    assert_non_null(dir);
    bool found = false;
    for (struct dirent *entry; !found && (entry = readdir(dir));)
        if ((found = strncmp(entry->d_name, prefix, strlen(prefix)) == 0))
            path_of(f, entry->d_name, out);
    closedir(dir);
    return found;
}

#endif
