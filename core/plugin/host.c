/* SPDX-License-Identifier: Apache-2.0 */
/* The host's services, as the table that each instance gets. */
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "plugin/exchange.h"

enum { EVENT_DATA_MOST = 1024 * 1024, CHECKPOINT_MOST = 64 * 1024 };

static struct instance *instance_of(const struct belfry_host *host)
{
    return host->internal;
}

static struct loop *loop_of(const struct instance *instance)
{
    return instance->plugins->options.loop;
}

/* ---- speaking ---- */

static void host_log(const struct belfry_host *host, int level, const char *format, ...) BELFRY_PRINTF(3, 4);
static void host_log(const struct belfry_host *host, int level, const char *format, ...)
{
    enum log_level ours = level <= LOG_ERROR     ? LOG_ERROR
                          : level <= LOG_WARNING ? LOG_WARNING
                          : level <= LOG_INFO    ? LOG_INFO
                                                 : LOG_DEBUG;
    va_list ap;
    va_start(ap, format);
    log_vat(ours, instance_of(host)->name, format, ap);
    va_end(ap);
}

int host_fail(struct belfry_error *e, const char *option, const char *format, ...)
{
    if (!e)
        return -1;
    va_list ap;
    va_start(ap, format);
    vsnprintf(e->text, sizeof e->text, format, ap);
    va_end(ap);
    if (strlen(e->text) == sizeof e->text - 1)
        text_truncate(e->text, sizeof e->text - 1);
    e->option = option;
    return -1;
}

static int64_t host_now(const struct belfry_host *host)
{
    return loop_now(loop_of(instance_of(host)));
}

static int64_t host_monotonic(const struct belfry_host *host)
{
    return loop_monotonic(loop_of(instance_of(host)));
}

/* ---- timers ---- */

struct clock {
    struct handle handle;
    struct instance *instance;
    struct timer timer;
    int64_t every;
    void (*fire)(void *data);
    void *data;
    struct clock *prev, *next;
};

static void clock_free(struct clock *clock)
{
    timer_stop(&clock->timer);
    handle_close(&clock->handle);
    DL_DELETE(clock->instance->clocks, clock);
    clock->instance->stats.timers--;
    free(clock);
}

static void on_clock(void *data)
{
    struct clock *clock = data;
    struct instance *instance = clock->instance;
    void (*fire)(void *) = clock->fire;
    void *its_data = clock->data;
    if (clock->every) {
        /* In step with the beginning, not with how late this call is. */
        int64_t left = clock->timer.due + clock->every - loop_monotonic(clock->timer.loop);
        timer_after(&clock->timer, left > 0 ? left : clock->every);
    } else {
        clock_free(clock);
    }
    struct call call = call_begin(instance, "a timer");
    fire(its_data); /* it may stop the timer */
    call_end(&call);
}

static struct belfry_timer *host_timer_start(const struct belfry_host *host, int64_t after, int64_t every,
                                             void (*fire)(void *data), void *data)
{
    if (!fire || after < 0 || every < 0)
        return NULL;
    struct instance *instance = instance_of(host);
    struct clock *clock = NEW(struct clock);
    *clock = (struct clock){.instance = instance, .every = every, .fire = fire, .data = data};
    timer_init(&clock->timer, loop_of(instance), on_clock, clock);
    timer_after(&clock->timer, after);
    DL_APPEND(instance->clocks, clock);
    instance->stats.timers++;
    return handle_open(&clock->handle, HANDLE_TIMER);
}

static void host_timer_stop(struct belfry_timer *timer)
{
    struct handle *handle = handle_find(timer, HANDLE_TIMER);
    if (handle)
        clock_free(CONTAINER_OF(handle, struct clock, handle));
}

/* ---- watches ---- */

struct watch {
    struct handle handle;
    struct instance *instance;
    struct event *event;
    void (*ready)(void *data, int events);
    void *data;
    struct watch *prev, *next;
};

static void on_watch(evutil_socket_t fd, short what, void *data)
{
    (void)fd;
    const struct watch *watch = data;
    struct call call = call_begin(watch->instance, "a watch");
    watch->ready(watch->data, (what & EV_READ ? BELFRY_READ : 0) | (what & EV_WRITE ? BELFRY_WRITE : 0));
    call_end(&call);
}

static void watch_free(struct watch *watch)
{
    event_free(watch->event);
    handle_close(&watch->handle);
    DL_DELETE(watch->instance->watches, watch);
    watch->instance->stats.watches--;
    free(watch);
}

static struct belfry_watch *host_watch_start(const struct belfry_host *host, int fd, int events,
                                             void (*ready)(void *data, int events), void *data)
{
    if (fd < 0 || !ready || !events || (events & ~(BELFRY_READ | BELFRY_WRITE)))
        return NULL;
    struct instance *instance = instance_of(host);
    struct watch *watch = NEW(struct watch);
    *watch = (struct watch){.instance = instance, .ready = ready, .data = data};
    short what = EV_PERSIST | (events & BELFRY_READ ? EV_READ : 0) | (events & BELFRY_WRITE ? EV_WRITE : 0);
    watch->event = event_new(loop_base(loop_of(instance)), fd, what, on_watch, watch);
    if (!watch->event || event_add(watch->event, NULL)) { /* a file, or closed: epoll does not take it */
        if (watch->event)
            event_free(watch->event);
        free(watch);
        return NULL;
    }
    DL_APPEND(instance->watches, watch);
    instance->stats.watches++;
    return handle_open(&watch->handle, HANDLE_WATCH);
}

static void host_watch_stop(struct belfry_watch *watch)
{
    struct handle *handle = handle_find(watch, HANDLE_WATCH);
    if (handle)
        watch_free(CONTAINER_OF(handle, struct watch, handle));
}

/* ---- events ---- */

/* One event that the engine has not committed yet. */
struct emission {
    struct instance *instance; /* null: it was stopped since, nobody is told */
    void (*committed)(void *data, int status);
    void *data;
    struct emission *prev, *next;
};

static void on_committed(void *data, int status)
{
    struct emission *emission = data;
    struct instance *instance = emission->instance;
    if (instance) {
        DL_DELETE(instance->emissions, emission);
        if (emission->committed) {
            struct call call = call_begin(instance, "a commit's call back");
            emission->committed(emission->data, status ? -1 : 0);
            call_end(&call);
        }
    }
    free(emission);
}

static int parse_data(const struct belfry_event *event, json_t **out, struct error *e)
{
    *out = NULL;
    if (!event->data)
        return 0;
    if (event->data_size > EVENT_DATA_MOST)
        return error_set(e, "its data is %zu bytes, more than %d", event->data_size, EVENT_DATA_MOST);
    json_t *data = json_parse(event->data, event->data_size, e);
    if (!data)
        return -1;
    if (!json_is_object(data)) {
        json_decref(data);
        return error_set(e, "its data is no JSON object");
    }
    *out = data;
    return 0;
}

/* Null: see `e`. */
static struct cloud_event *event_from(const struct instance *instance, const struct belfry_event *raw, struct error *e)
{
    if (raw->size < offsetof(struct belfry_event, checkpoint) + sizeof raw->checkpoint) {
        error_set(e, "the event's size is not set");
        return NULL;
    }
    if (raw->checkpoint && strlen(raw->checkpoint) > CHECKPOINT_MOST) {
        error_set(e, "the checkpoint is longer than %d bytes", CHECKPOINT_MOST);
        return NULL;
    }
    json_t *data;
    if (parse_data(raw, &data, e))
        return NULL;
    struct cloud_event *event =
        cloud_event_new(raw->id, instance->name, raw->type ? raw->type : "", raw->subject ? raw->subject : "",
                        raw->time ? raw->time : loop_now(loop_of(instance)), data);
    if (cloud_event_check(event, e) == 0)
        return event;
    cloud_event_free(event);
    return NULL;
}

static int host_emit(const struct belfry_host *host, const struct belfry_event *raw,
                     void (*committed)(void *data, int status), void *data, struct belfry_error *error)
{
    struct instance *instance = instance_of(host);
    const struct plugins_options *options = &instance->plugins->options;
    struct error e = {0};
    char text[1024];
    if (!instance->is_started)
        return host_fail(error, NULL, "the source is not started");
    struct cloud_event *event = event_from(instance, raw, &e);
    if (!event)
        return host_fail(error, NULL, "%s", error_text(&e, text, sizeof text));
    struct emission *emission = NEW(struct emission);
    *emission = (struct emission){.instance = instance, .committed = committed, .data = data};
    DL_APPEND(instance->emissions, emission);
    if (options->emit(options->ctx, instance->name, event, raw->checkpoint, on_committed, emission, &e) == 0)
        return 0;
    DL_DELETE(instance->emissions, emission);
    free(emission);
    host_fail(error, NULL, "%s", error_text(&e, text, sizeof text));
    if (error)
        error->again = e.again;
    return -1;
}

static const char *host_checkpoint(const struct belfry_host *host)
{
    struct instance *instance = instance_of(host);
    const struct plugins_options *options = &instance->plugins->options;
    const char *checkpoint = options->checkpoint ? options->checkpoint(options->ctx, instance->name) : NULL;
    return checkpoint ? checkpoint : "";
}

/* ---- the table ---- */

static struct belfry_request *host_request_new(const struct belfry_host *host)
{
    return &request_make(instance_of(host))->pub;
}

void host_init(struct instance *instance)
{
    instance->host = (struct belfry_host){
        .size = sizeof instance->host,
        .abi_major = BELFRY_ABI_MAJOR,
        .abi_minor = BELFRY_ABI_MINOR,
        .instance = instance->name,
        .internal = instance,
        .log = host_log,
        .fail = host_fail,
        .now = host_now,
        .monotonic = host_monotonic,
        .text = request_text,
        .render = request_render,
        .header = request_header,
        .recipient = request_recipient,
        .reply_header = reply_header,
        .judge_http = judge_http,
        .undelivered = judge_undelivered,
        .complete = channel_complete,
        .timer_start = host_timer_start,
        .timer_stop = host_timer_stop,
        .watch_start = host_watch_start,
        .watch_stop = host_watch_stop,
        .request_new = host_request_new,
        .transfer_start = transfer_start,
        .transfer_stop = transfer_stop,
        .child_start = child_start,
        .child_stop = child_stop,
        .route = hook_route,
        .answer = hook_answer,
        .emit = host_emit,
        .checkpoint = host_checkpoint,
    };
}

void host_sweep(struct instance *instance)
{
    while (instance->clocks)
        clock_free(instance->clocks);
    while (instance->watches)
        watch_free(instance->watches);
    while (instance->emissions) {
        struct emission *emission = instance->emissions;
        DL_DELETE(instance->emissions, emission);
        emission->instance = NULL;
    }
}
