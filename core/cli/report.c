/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report.h"

#include <pthread.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum {
    FIRST_WAIT = 100,
    MOST_WAIT = 5000,
    ONE_TRY = 5000, /* one that hangs leaves time for another */
    LEAST_TRY = 200,
};

json_t *report_new(const char *job, const char *status)
{
    char host[256], time[TIME_TEXT], id[37];
    text_new_uuid(id);
    json_t *data = json_object();
    json_put_str(data, "job_id", job);
    json_put_str(data, "status", status);
    if (gethostname(host, sizeof host) == 0 && memchr(host, '\0', sizeof host))
        json_put_str(data, "node", host);
    json_t *event = json_object();
    json_put_str(event, "specversion", "1.0");
    json_put_str(event, "id", id);
    json_put_str(event, "source", "belfry-cli");
    json_put_str(event, "type", "job.report");
    json_put_str(event, "subject", job);
    json_put_str(event, "time", time_format(time_wall(), time));
    json_put(event, "data", data);
    return event;
}

json_t *report_data(json_t *report)
{
    return json_object_get(report, "data");
}

/* ---- trying ---- */

/* A latch that can be waited for. */
struct flag {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    atomic_bool set;
};

static void flag_init(struct flag *flag)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&flag->changed, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&flag->mutex, NULL);
    flag->set = false;
}

static void flag_free(struct flag *flag)
{
    pthread_cond_destroy(&flag->changed);
    pthread_mutex_destroy(&flag->mutex);
}

static void flag_set(struct flag *flag)
{
    pthread_mutex_lock(&flag->mutex);
    flag->set = true;
    pthread_cond_broadcast(&flag->changed);
    pthread_mutex_unlock(&flag->mutex);
}

static bool flag_wait(struct flag *flag, int64_t ms)
{
    int64_t until = time_monotonic() + ms;
    struct timespec at = {until / SECOND, until % SECOND * 1000000};
    pthread_mutex_lock(&flag->mutex);
    while (!flag->set && pthread_cond_timedwait(&flag->changed, &flag->mutex, &at) == 0)
        continue;
    bool set = flag->set;
    pthread_mutex_unlock(&flag->mutex);
    return set;
}

static bool is_temporary(int status)
{
    return status == EX_UNAVAILABLE || status == EX_TEMPFAIL;
}

/* Exponential with half of it by chance, so that many that wait for one agent do not come back in step. */
static int64_t next_wait(int64_t *step, int64_t asked_for)
{
    int64_t wait = *step / 2 + (int64_t)(text_random() % (uint64_t)(*step / 2 + 1));
    *step = *step * 2 < MOST_WAIT ? *step * 2 : MOST_WAIT;
    return wait > asked_for ? wait : asked_for;
}

static int send_until(struct client *client, const json_t *report, int64_t patience, struct flag *stop, struct error *e)
{
    int64_t until = time_monotonic() + patience, step = FIRST_WAIT;
    for (;;) {
        int64_t left = until - time_monotonic(), most = left < LEAST_TRY ? LEAST_TRY : left < ONE_TRY ? left : ONE_TRY;
        AUTOANSWER answer = {0};
        int status = client_call(client, "POST", "/api/v1/events", report, most, &answer, e);
        if (!status && json_int(answer.json, "accepted", 0) < 1)
            status = client_fail_stranger(client, e);
        int64_t wait = next_wait(&step, answer.retry_after);
        left = until - time_monotonic();
        if (!is_temporary(status) || left <= 0 || answer.retry_after > left)
            return status;
        if (flag_wait(stop, wait < left ? wait : left)) /* the last try is made when patience ends */
            return status;
    }
}

int report_send(struct client *client, const json_t *report, int64_t patience, struct error *e)
{
    struct flag never;
    flag_init(&never);
    int status = send_until(client, report, patience, &never, e);
    flag_free(&never);
    return status;
}

/* ---- in the background ---- */

struct courier {
    pthread_t thread;
    struct client *client;
    json_t *report;
    int64_t patience;
    struct flag stop, done;
    int status;
    struct error error;
};

static void *run_courier(void *ctx)
{
    struct courier *courier = ctx;
    courier->status = send_until(courier->client, courier->report, courier->patience, &courier->stop, &courier->error);
    flag_set(&courier->done);
    return NULL;
}

struct courier *courier_send(struct client *client, json_t *report, int64_t patience)
{
    struct courier *courier = NEW(struct courier);
    courier->client = client;
    courier->report = json_incref(report);
    courier->patience = patience;
    flag_init(&courier->stop);
    flag_init(&courier->done);
    client_stop_when(client, &courier->stop.set);
    if (pthread_create(&courier->thread, NULL, run_courier, courier))
        abort(); /* as when memory is short */
    return courier;
}

void courier_wait(struct courier *courier, int64_t ms)
{
    flag_wait(&courier->done, ms);
}

int courier_end(struct courier *courier, struct error *e)
{
    flag_set(&courier->stop);
    pthread_join(courier->thread, NULL);
    client_stop_when(courier->client, NULL);
    int status = courier->status;
    *e = courier->error;
    flag_free(&courier->stop);
    flag_free(&courier->done);
    json_decref(courier->report);
    free(courier);
    return status;
}
