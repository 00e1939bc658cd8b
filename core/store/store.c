/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/batch.h"
#include "store/database.h"
#include "store/home.h"
#include "store/reader.h"
#include "store/salvage.h"
#include "store/writer.h"

/*
 * The way of a change: `current` takes it; at the end of the loop's turn `current` is given to the writer if that has
 * nothing to do, else it goes on growing, up to the bound of a batch; full ones wait in `queue`. So a transaction is
 * one or more whole turns of the loop, and the longer a sync takes the more changes share the next one.
 *
 * A sync has its price however little it writes. So where one would follow the other without pause, the next batch may
 * grow for a moment, until twice as many share it as shared the last one, or ENOUGH.
 */
struct store {
    struct loop *loop;
    struct store_home home;
    struct store_ballast ballast;
    struct store_db *db;
    struct store_writer *writer;
    struct store_reader *reader;

    /* Events of our own instead of loop_defer(): those could not be taken back at the end. */
    struct event *handover; /* at the end of this turn of the loop */
    struct event *growth;   /* set: `current` may grow until then */
    size_t enough;          /* or until so many wait for it */
    struct event *wake;     /* a thread has something to say */
    int wake_fd;
    bool handover_is_due;

    struct store_batch *given; /* the writer has it; null: the writer has nothing to do */
    struct store_batch *queue, **queue_end;
    size_t queued_bytes;
    struct store_batch *current;
    bool is_stuck; /* the writer keeps `given` until it can be written */
    bool is_full, is_failed;
    struct error trouble; /* why, if one of these is true */

    int64_t next_id[STORE_TABLES]; /* by sequence */
    struct timer prune;
    int64_t keep, keep_records;
    void (*failed)(void *ctx, const char *why);
    void *ctx;
    struct store_stats stats;
};

enum { PRUNE_EVERY = MINUTE, MOST_WAITING_BYTES = 64 * 1024 * 1024, GROW_MS = 1, ENOUGH = 16 };

/* ---- telling ---- */

static void tell(struct store *store, struct store_batch *batch, enum store_result result)
{
    store->stats.waiting -= batch->n_waiters;
    store_batch_tell(batch, result);
}

static void tell_queue(struct store *store, enum store_result result)
{
    for (struct store_batch *batch = store->queue; batch; batch = batch->next)
        tell(store, batch, result);
}

/* ---- handing over ---- */

static void hand_over_soon(struct store *store)
{
    if (store->handover_is_due)
        return;
    store->handover_is_due = true;
    event_active(store->handover, 0, 0);
}

static void queue_current(struct store *store)
{
    *store->queue_end = store->current;
    store->queue_end = &store->current->next;
    store->queued_bytes += store->current->bytes;
    store->current = store_batch_new();
}

static bool is_large(const struct store_batch *batch)
{
    return store_batch_count(batch) >= STORE_BATCH_RECORDS || batch->bytes >= STORE_BATCH_BYTES;
}

static struct store_batch *take_next(struct store *store)
{
    if (!store->queue)
        queue_current(store);
    struct store_batch *batch = store->queue;
    if (!(store->queue = batch->next))
        store->queue_end = &store->queue;
    batch->next = NULL;
    store->queued_bytes -= batch->bytes;
    return batch;
}

/* Give the writer, which has nothing to do, what there is. */
static void give_next(struct store *store)
{
    store->given = take_next(store);
    store_writer_give(store->writer, store->given);
}

static bool may_grow(const struct store *store)
{
    return !store->queue && !is_large(store->current) && store->current->n_waiters < store->enough &&
           evtimer_pending(store->growth, NULL);
}

static void hand_over(struct store *store)
{
    bool has_changes = store->queue || store_batch_count(store->current);
    if (store->is_failed) {
        store_batch_clear(store->current);
        tell(store, store->current, STORE_FAILED);
    } else if (store->is_stuck) {
        tell(store, store->current, STORE_FULL); /* the changes wait, and go on being merged */
    } else if (!store->given && has_changes) {
        if (!may_grow(store))
            give_next(store);
    } else if (!store->given) {
        tell(store, store->current, STORE_OK);
    } else if (is_large(store->current)) {
        queue_current(store);
    }
}

static void on_handover(evutil_socket_t fd, short what, void *data)
{
    (void)fd, (void)what;
    struct store *store = data;
    store->handover_is_due = false;
    hand_over(store);
}

static void on_grown(evutil_socket_t fd, short what, void *data)
{
    (void)fd, (void)what;
    hand_over(data);
}

/* A batch was written while others came to wait for the next one: let that grow. */
static void let_grow(struct store *store, size_t n_written)
{
    static const struct timeval moment = {.tv_usec = GROW_MS * 1000};
    if (!store->current->n_waiters)
        return;
    store->enough = n_written < ENOUGH / 2 ? 2 * n_written : ENOUGH;
    event_add(store->growth, &moment);
}

/* ---- what the writer says ---- */

static void on_written(struct store *store)
{
    struct store_batch *batch = TAKE(store->given);
    store->is_stuck = false;
    store->stats.batches++;
    store->stats.records += store_batch_count(batch);
    let_grow(store, batch->n_waiters);
    tell(store, batch, STORE_OK);
    store_batch_free(batch);
    hand_over_soon(store);
}

static void on_kept(struct store *store)
{
    store->is_stuck = true;
    tell(store, store->given, STORE_FULL);
    tell_queue(store, STORE_FULL);
    tell(store, store->current, STORE_FULL);
}

static void drop_all(struct store *store)
{
    struct store_batch *batch;
    while ((batch = store->queue)) {
        store->queue = batch->next;
        store_batch_free(batch);
    }
    store->queue_end = &store->queue;
    store->queued_bytes = 0;
    store_batch_free(TAKE(store->given));
    store_batch_clear(store->current);
}

/* Nothing that was not written yet ever will be: what is on disk is the truth, and only a new start reads it. */
static void on_broken(struct store *store)
{
    if (store->is_failed)
        return;
    store->is_failed = true;
    store->is_stuck = false;
    store->stats.failed++;
    if (store->given)
        tell(store, store->given, STORE_FAILED);
    tell_queue(store, STORE_FAILED);
    tell(store, store->current, STORE_FAILED);
    drop_all(store);
    if (store->failed)
        store->failed(store->ctx, store->trouble.what);
}

static void hear(struct store *store, const struct store_report *report)
{
    store->is_full = report->is_full;
    store->stats.full = report->full;
    store->stats.last_sync_us = report->last_sync_us;
    store->stats.worst_sync_us = report->worst_sync_us;
    if (!store->is_failed)
        store->trouble = report->trouble;
    if (report->outcome == STORE_WRITTEN)
        on_written(store);
    if (report->outcome == STORE_KEPT)
        on_kept(store);
    if (report->is_broken)
        on_broken(store);
}

static void on_wake(evutil_socket_t fd, short what, void *data)
{
    (void)what;
    struct store *store = data;
    struct store_report report;
    uint64_t count;
    (void)!read(fd, &count, sizeof count);
    store_writer_report(store->writer, &report);
    hear(store, &report);
    store_reader_answer(store->reader);
}

/* ---- opening ---- */

static void on_prune(void *data)
{
    struct store *store = data;
    int64_t cutoff = store->keep > 0 ? loop_now(store->loop) - store->keep : 0;
    if (!store->is_failed)
        store_writer_prune(store->writer, cutoff, store->keep_records);
    timer_after(&store->prune, PRUNE_EVERY);
}

static void store_free(struct store *store)
{
    if (store->handover)
        event_free(store->handover);
    if (store->growth)
        event_free(store->growth);
    if (store->wake)
        event_free(store->wake);
    if (store->wake_fd >= 0)
        close(store->wake_fd);
    store_home_close(&store->home);
    store_batch_free(store->current);
    free(store);
}

/* On a full disk the ballast makes the room that a start takes. */
static enum store_db_state open_with_ballast(struct store *store, struct error *e)
{
    enum { ROOM_TO_START = 1024 * 1024 };
    enum store_db_state state = store_db_open(&store->home, STORE_FILE, &store->db, e);
    if (state == STORE_DB_REFUSED && store_home_room(&store->home) < ROOM_TO_START &&
        store_ballast_drop(&store->ballast))
        state = store_db_open(&store->home, STORE_FILE, &store->db, e);
    return state;
}

static int open_database(struct store *store, char **story, struct error *e)
{
    if (store_home_mend(&store->home, e) < 0)
        return -1;
    enum store_db_state state = open_with_ballast(store, e);
    if (state == STORE_DB_DAMAGED) {
        char why[sizeof e->what];
        snprintf(why, sizeof why, "%s", e->what);
        log_at(LOG_ERROR, "store", "%s", why);
        store_ballast_drop(&store->ballast); /* a second copy needs room; it is made again after */
        if (store_salvage(&store->home, why, story, e) < 0)
            return -1;
        log_at(LOG_WARNING, "store", "%s", *story);
        state = store_db_open(&store->home, STORE_FILE, &store->db, e);
    }
    return state == STORE_DB_OPEN ? 0 : -1;
}

static int start_threads(struct store *store, struct error *e)
{
    store->writer = store_writer_start(store->db, &store->ballast, store->wake_fd, e);
    if (!store->writer)
        return -1;
    struct store_report at_start; /* the ballast may have found no room already */
    store_writer_report(store->writer, &at_start);
    store->is_full = at_start.is_full;
    store->trouble = at_start.trouble;
    store->reader = store_reader_start(&store->home, store->wake_fd, e);
    if (store->reader)
        return 0;
    store_writer_stop(store->writer);
    return -1;
}

static int make_events(struct store *store, struct error *e)
{
    struct event_base *base = loop_base(store->loop);
    store->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (store->wake_fd < 0)
        return error_set(e, "the store cannot have an event descriptor: %s", strerror(errno));
    store->handover = event_new(base, -1, 0, on_handover, store);
    store->growth = evtimer_new(base, on_grown, store);
    store->wake = event_new(base, store->wake_fd, EV_READ | EV_PERSIST, on_wake, store);
    return event_add(store->wake, NULL) == 0 ? 0 : error_set(e, "the loop does not take the store's descriptor");
}

static int set_up(struct store *store, const struct store_options *options, char **story, struct error *e)
{
    if (store_home_open(&store->home, options->dir, e) < 0)
        return -1;
    store_ballast_init(&store->ballast, &store->home, options->ballast);
    if (make_events(store, e) < 0 || open_database(store, story, e) < 0)
        return -1;
    for (int i = 0; i < STORE_TABLES; i++)
        store->next_id[i] = store->db->last[i] + 1;
    if (start_threads(store, e) == 0)
        return 0;
    store_db_close(store->db, false, NULL);
    return -1;
}

struct store *store_open(struct loop *loop, const struct store_options *options, char **salvaged, struct error *e)
{
    AUTOFREE char *story = NULL;
    struct store *store = NEW(struct store);
    store->loop = loop;
    store->home = (struct store_home){.dir_fd = -1, .lock_fd = -1};
    store->wake_fd = -1;
    store->current = store_batch_new();
    store->queue_end = &store->queue;
    store->keep = options->keep;
    store->keep_records = options->keep_records;
    store->failed = options->failed;
    store->ctx = options->ctx;
    int status = set_up(store, options, &story, e);
    if (salvaged)
        *salvaged = status == 0 ? TAKE(story) : NULL;
    if (status < 0) {
        store_free(store);
        return NULL;
    }
    timer_init(&store->prune, loop, on_prune, store);
    timer_after(&store->prune, PRUNE_EVERY);
    return store;
}

/* ---- closing ---- */

static void wait_for_writer(struct store *store)
{
    struct store_report report;
    store_writer_wait(store->writer, &report);
    hear(store, &report);
}

/* Write what is left and tell everyone. Those who are told may put more: that chain ends, since nothing new comes in.
 */
static void flush(struct store *store)
{
    bool goes_on = true;
    while (goes_on && !store->is_failed) {
        if (store->given || store->queue || store_batch_count(store->current)) {
            if (!store->given)
                give_next(store);
            wait_for_writer(store);
            goes_on = !store->is_stuck;
        } else {
            goes_on = store->current->n_waiters > 0;
            tell(store, store->current, STORE_OK);
        }
    }
    tell(store, store->current, store->is_failed ? STORE_FAILED : STORE_FULL);
    if (store->is_stuck)
        log_at(LOG_ERROR, "store", "closed with changes that found no room on the disk: they are lost");
}

void store_close(struct store *store)
{
    if (!store)
        return;
    struct error e;
    flush(store);
    timer_stop(&store->prune);
    store_reader_stop(store->reader);
    store_writer_stop(store->writer);
    if (store_db_close(store->db, !store->is_failed && !store->is_stuck, &e) < 0)
        log_at(LOG_ERROR, "store", "%s", e.what);
    drop_all(store);
    store_free(store);
}

/* ---- the public face ---- */

int store_load(struct store *store, enum store_table table, int (*each)(void *ctx, const struct store_record *),
               void *ctx, struct error *e)
{
    return store_reader_load(&store->home, table, each, ctx, e);
}

int64_t store_next_id(struct store *store, enum store_table table)
{
    return store->next_id[store_db_sequence(table)]++;
}

void store_put(struct store *store, enum store_table table, int64_t id, const char *key, int64_t time, const char *data)
{
    if (store->is_failed)
        return;
    int64_t *next = &store->next_id[store_db_sequence(table)];
    if (id >= *next)
        *next = id + 1;
    store_batch_put(store->current, table, id, key, time, data);
    hand_over_soon(store);
}

void store_put_json(struct store *store, enum store_table table, int64_t id, const char *key, int64_t time,
                    const json_t *data)
{
    AUTOFREE char *text = json_text(data);
    store_put(store, table, id, key, time, text);
}

void store_delete(struct store *store, enum store_table table, int64_t id)
{
    if (store->is_failed)
        return;
    store_batch_delete(store->current, table, id);
    hand_over_soon(store);
}

void store_commit(struct store *store, void (*done)(void *ctx, enum store_result), void *ctx)
{
    store_batch_wait(store->current, done, ctx);
    store->stats.waiting++;
    hand_over_soon(store);
}

/* What was asked is not to blame: it may be asked again. */
static int refuse(struct error *e, const char *mend)
{
    error_mend(e, "%s", mend);
    if (e)
        e->again = true;
    return -1;
}

int store_accepts(struct store *store, struct error *e)
{
    if (store->is_failed) {
        error_set(e, "the store failed: %s", store->trouble.what);
        return refuse(e, "the agent stops and starts again from what is on disk; look at the disk and its log");
    }
    if (store->queued_bytes + store->current->bytes > MOST_WAITING_BYTES) {
        error_set(e, "more is waiting to be written than the disk keeps up with");
        return refuse(e, "come back in a moment");
    }
    if (!store->is_stuck && !store->is_full)
        return 0;
    error_set(e, "nothing new can be stored: %s", store->trouble.what);
    error_where(e, "%s", store->home.path);
    if (!store->is_full)
        return refuse(e, "end the program that holds the database; the agent goes on by itself");
    AUTOFREE char *room = x_printf("free at least %lld MiB there; the agent goes on by itself",
                                   (long long)(2 * store->ballast.size / (1024 * 1024) + 8));
    return refuse(e, room);
}

void store_find(struct store *store, const struct store_query *query,
                void (*done)(void *ctx, int status, const struct store_record *records, size_t n), void *ctx)
{
    store_reader_ask(store->reader, query, done, ctx);
}

static int64_t file_size(const struct store *store, const char *name)
{
    struct stat st;
    return fstatat(store->home.dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_size : 0;
}

static int64_t oldest_since(const struct store *store)
{
    const struct store_batch *batches[] = {store->given, store->queue, store->current};
    for (size_t i = 0; i < COUNT(batches); i++)
        for (const struct store_batch *batch = batches[i]; batch; batch = batch->next)
            if (batch->n_waiters)
                return batch->waiters[0].since;
    return 0;
}

void store_get_stats(const struct store *store, struct store_stats *out)
{
    int64_t since = oldest_since(store);
    *out = store->stats;
    out->is_full = store->is_full || store->is_stuck;
    out->is_failed = store->is_failed;
    out->size_bytes = file_size(store, STORE_FILE) + file_size(store, STORE_FILE "-wal");
    out->oldest_waiting_ms = since ? time_monotonic() - since : 0;
}
