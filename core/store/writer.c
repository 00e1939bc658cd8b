/* SPDX-License-Identifier: Apache-2.0 */
#include "store/writer.h"

#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    TICK_MS = 1000,                  /* how often a batch that was kept is tried again, and how soon idleness begins */
    MOST_LOG_BYTES = 4 * 1024 * 1024 /* then the log is copied into the database also while there is work */
};

struct store_writer {
    /* the thread's own */
    struct store_db *db;
    const struct store_ballast *ballast;
    int64_t tick_at, worked_at; /* real monotonic time */
    bool kept;                  /* the batch could not be written; it has its turn with the next tick */

    int wake_fd;
    pthread_t thread;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t work, answer;
    const struct store_batch *batch; /* given and not written yet */
    bool retry;                      /* try the kept one again */
    bool stop;
    struct {
        bool wanted;
        int64_t cutoff, keep_records;
    } prune;
    struct store_report report;
};

/* ---- reports ---- */

static void wake(struct store_writer *writer)
{
    (void)!write(writer->wake_fd, &(uint64_t){1}, sizeof(uint64_t));
}

/* There is an outcome for the batch. */
static void report(struct store_writer *writer, enum store_outcome outcome, const struct error *trouble)
{
    pthread_mutex_lock(&writer->lock);
    writer->report.outcome = outcome;
    if (outcome == STORE_KEPT)
        writer->report.trouble = *trouble;
    else
        writer->batch = NULL;
    pthread_cond_signal(&writer->answer);
    pthread_mutex_unlock(&writer->lock);
    wake(writer);
}

static void set_broken(struct store_writer *writer, const struct error *trouble)
{
    log_at(LOG_ERROR, "store", "%s: nothing more is written", trouble->what);
    writer->kept = false;
    pthread_mutex_lock(&writer->lock);
    writer->report.is_broken = true;
    writer->report.trouble = *trouble;
    pthread_cond_signal(&writer->answer);
    pthread_mutex_unlock(&writer->lock);
    wake(writer);
}

static void report_sync(struct store_writer *writer, int64_t us)
{
    pthread_mutex_lock(&writer->lock);
    writer->report.last_sync_us = us;
    if (us > writer->report.worst_sync_us)
        writer->report.worst_sync_us = us;
    pthread_mutex_unlock(&writer->lock);
}

/* Only the thread itself changes is_full and is_broken, so it may look at them without the lock. */
static void set_full(struct store_writer *writer, bool full, const struct error *trouble)
{
    if (full == writer->report.is_full)
        return;
    if (full)
        log_at(LOG_ERROR, "store", "%s: new input is refused until there is room", trouble->what);
    else
        log_at(LOG_INFO, "store", "there is room on the disk again");
    pthread_mutex_lock(&writer->lock);
    writer->report.is_full = full;
    writer->report.full += full;
    if (trouble)
        writer->report.trouble = *trouble;
    pthread_mutex_unlock(&writer->lock);
    wake(writer);
}

/* ---- batches ---- */

static void write_batch(struct store_writer *writer, const struct store_batch *batch)
{
    struct error trouble = {0};
    int64_t sync_us = 0;
    enum store_db_result result = store_db_write(writer->db, batch, &sync_us, &trouble);
    if (result == STORE_DB_NO_ROOM) {
        bool had_ballast = store_ballast_drop(writer->ballast);
        set_full(writer, true, &trouble);
        if (had_ballast)
            result = store_db_write(writer->db, batch, &sync_us, &trouble);
    }
    writer->worked_at = time_monotonic();
    writer->kept = false;
    switch (result) {
    case STORE_DB_DONE:
        report_sync(writer, sync_us);
        report(writer, STORE_WRITTEN, NULL);
        break;
    case STORE_DB_NO_ROOM:
    case STORE_DB_BUSY:
        writer->kept = true;
        report(writer, STORE_KEPT, &trouble);
        break;
    case STORE_DB_BROKEN:
        set_broken(writer, &trouble);
        break;
    }
}

/* ---- between batches ---- */

/* No one is waiting here: no room is no harm, but a failure ends everything. */
static bool judge(struct store_writer *writer, enum store_db_result result, const struct error *trouble)
{
    if (result == STORE_DB_BROKEN)
        set_broken(writer, trouble);
    if (result == STORE_DB_NO_ROOM) {
        store_ballast_drop(writer->ballast);
        set_full(writer, true, trouble);
    }
    return result == STORE_DB_DONE;
}

static bool checkpoint(struct store_writer *writer)
{
    struct error trouble = {0};
    return judge(writer, store_db_checkpoint(writer->db, &trouble), &trouble);
}

/* One bounded step; the next one when no batch is waiting. */
static void prune(struct store_writer *writer, int64_t cutoff, int64_t keep_records)
{
    struct error trouble = {0};
    bool more = false;
    judge(writer, store_db_prune(writer->db, cutoff, keep_records, &more, &trouble), &trouble);
    pthread_mutex_lock(&writer->lock);
    writer->prune.wanted |= more;
    pthread_mutex_unlock(&writer->lock);
}

static bool has_log(const struct store_writer *writer)
{
    return store_db_log_bytes(writer->db) > 0;
}

static bool needs_tick(const struct store_writer *writer)
{
    return !writer->report.is_broken && (writer->kept || writer->report.is_full || has_log(writer));
}

static bool is_tick_due(const struct store_writer *writer)
{
    return needs_tick(writer) && time_monotonic() >= writer->tick_at;
}

/* Once a second, as long as there is a reason. */
static void tick(struct store_writer *writer)
{
    int64_t now = time_monotonic();
    writer->tick_at = now + TICK_MS;
    if (writer->kept) {
        pthread_mutex_lock(&writer->lock);
        writer->retry = true;
        pthread_mutex_unlock(&writer->lock);
        return;
    }
    bool is_idle = now - writer->worked_at >= TICK_MS;
    if (has_log(writer) && (is_idle || writer->report.is_full) && !checkpoint(writer))
        return;
    if (writer->report.is_full && store_ballast_make(writer->ballast))
        set_full(writer, false, NULL);
}

/* ---- the thread ---- */

/* With the lock held. */
static bool has_batch(const struct store_writer *writer)
{
    return writer->batch && (!writer->kept || writer->retry) && !writer->report.is_broken;
}

static bool has_prune(const struct store_writer *writer)
{
    return writer->prune.wanted && !writer->kept && !writer->report.is_broken;
}

/* False: stop. */
static bool wait_for_work(struct store_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    while (!writer->stop && !has_batch(writer) && !has_prune(writer) && !is_tick_due(writer)) {
        struct timespec at = {.tv_sec = (time_t)(writer->tick_at / SECOND),
                              .tv_nsec = (long)(writer->tick_at % SECOND * 1000000)};
        if (needs_tick(writer))
            pthread_cond_timedwait(&writer->work, &writer->lock, &at);
        else
            pthread_cond_wait(&writer->work, &writer->lock);
    }
    bool go_on = !writer->stop;
    pthread_mutex_unlock(&writer->lock);
    return go_on;
}

static const struct store_batch *take_batch(struct store_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    const struct store_batch *batch = has_batch(writer) ? writer->batch : NULL;
    writer->retry = false;
    pthread_mutex_unlock(&writer->lock);
    return batch;
}

static bool take_prune(struct store_writer *writer, int64_t *cutoff, int64_t *keep_records)
{
    pthread_mutex_lock(&writer->lock);
    bool wanted = has_prune(writer);
    if (wanted)
        writer->prune.wanted = false;
    *cutoff = writer->prune.cutoff;
    *keep_records = writer->prune.keep_records;
    pthread_mutex_unlock(&writer->lock);
    return wanted;
}

static void work(struct store_writer *writer)
{
    int64_t cutoff, keep_records;
    if (is_tick_due(writer))
        tick(writer);
    const struct store_batch *batch = take_batch(writer);
    if (batch)
        write_batch(writer, batch);
    else if (take_prune(writer, &cutoff, &keep_records))
        prune(writer, cutoff, keep_records);
    if (!writer->report.is_broken && store_db_log_bytes(writer->db) > MOST_LOG_BYTES)
        checkpoint(writer);
}

static void *run(void *data)
{
    struct store_writer *writer = data;
    while (wait_for_work(writer))
        work(writer);
    return NULL;
}

/* ---- the loop's side ---- */

static void writer_free(struct store_writer *writer)
{
    pthread_cond_destroy(&writer->work);
    pthread_cond_destroy(&writer->answer);
    pthread_mutex_destroy(&writer->lock);
    free(writer);
}

struct store_writer *store_writer_start(struct store_db *db, const struct store_ballast *ballast, int wake_fd,
                                        struct error *e)
{
    struct store_writer *writer = NEW(struct store_writer);
    writer->db = db;
    writer->ballast = ballast;
    writer->wake_fd = wake_fd;
    writer->worked_at = time_monotonic();
    pthread_mutex_init(&writer->lock, NULL);
    pthread_condattr_t by_monotonic_clock;
    pthread_condattr_init(&by_monotonic_clock);
    pthread_condattr_setclock(&by_monotonic_clock, CLOCK_MONOTONIC);
    pthread_cond_init(&writer->work, &by_monotonic_clock);
    pthread_cond_init(&writer->answer, NULL);
    pthread_condattr_destroy(&by_monotonic_clock);
    if (!store_ballast_make(ballast)) {
        struct error trouble;
        error_set(&trouble, "there is no room for the ballast of %lld bytes", (long long)ballast->size);
        set_full(writer, true, &trouble);
    }
    int code = pthread_create(&writer->thread, NULL, run, writer);
    if (code == 0)
        return writer;
    error_set(e, "cannot start the store's writer thread: %s", strerror(code));
    writer_free(writer);
    return NULL;
}

void store_writer_give(struct store_writer *writer, const struct store_batch *batch)
{
    pthread_mutex_lock(&writer->lock);
    writer->batch = batch;
    pthread_cond_signal(&writer->work);
    pthread_mutex_unlock(&writer->lock);
}

void store_writer_prune(struct store_writer *writer, int64_t cutoff, int64_t keep_records)
{
    pthread_mutex_lock(&writer->lock);
    writer->prune.wanted = true;
    writer->prune.cutoff = cutoff;
    writer->prune.keep_records = keep_records;
    pthread_cond_signal(&writer->work);
    pthread_mutex_unlock(&writer->lock);
}

/* With the lock held. */
static void take_report(struct store_writer *writer, struct store_report *out)
{
    *out = writer->report;
    writer->report.outcome = STORE_OUTCOME_NONE;
}

void store_writer_report(struct store_writer *writer, struct store_report *out)
{
    pthread_mutex_lock(&writer->lock);
    take_report(writer, out);
    pthread_mutex_unlock(&writer->lock);
}

void store_writer_wait(struct store_writer *writer, struct store_report *out)
{
    pthread_mutex_lock(&writer->lock);
    if (writer->report.outcome == STORE_KEPT)
        writer->report.outcome = STORE_OUTCOME_NONE;
    writer->retry = true;
    pthread_cond_signal(&writer->work);
    while (writer->report.outcome == STORE_OUTCOME_NONE && !writer->report.is_broken)
        pthread_cond_wait(&writer->answer, &writer->lock);
    take_report(writer, out);
    pthread_mutex_unlock(&writer->lock);
}

void store_writer_stop(struct store_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    writer->stop = true;
    pthread_cond_signal(&writer->work);
    pthread_mutex_unlock(&writer->lock);
    pthread_join(writer->thread, NULL);
    writer_free(writer);
}
