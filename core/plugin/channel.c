/* SPDX-License-Identifier: Apache-2.0 */
/* One attempt to deliver one notification: compose, transfer, judge, maybe again; or deliver. */
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "plugin/exchange.h"

enum { ROUNDS_MOST = 8, ABANDONED_MOST = 16 };
#define RETRY_AFTER_MOST (7LL * DAY)

struct attempt {
    struct handle handle; /* open while the plugin owes us a complete() */
    struct instance *channel;
    struct arena *arena;
    const struct belfry_notification *notification;
    struct event *next_step, *deadline;
    struct transfer *transfer;
    int round;
    bool is_over, is_abandoned;
    struct belfry_verdict verdict;
    int64_t began; /* µs */
    void (*done)(void *ctx, const struct channel_result *);
    void *ctx;
    struct attempt *prev, *next;
};

/* ---- the end ---- */

static void attempt_free(struct attempt *attempt)
{
    handle_close(&attempt->handle);
    arena_free(attempt->arena);
    free(attempt);
}

/* A deliver() that goes on after its deadline still looks at the notification: it is kept until the plugin completes it
 * after all, within reason. */
static void abandon(struct attempt *attempt)
{
    struct instance *channel = attempt->channel;
    DL_APPEND(channel->abandoned, attempt);
    if (++channel->n_abandoned <= ABANDONED_MOST)
        return;
    struct attempt *oldest = channel->abandoned;
    DL_DELETE(channel->abandoned, oldest);
    channel->n_abandoned--;
    attempt_free(oldest);
}

static void leave(struct attempt *attempt)
{
    DL_DELETE(attempt->channel->attempts, attempt);
    if (attempt->transfer)
        transfer_cancel(attempt->transfer);
    event_free(attempt->next_step);
    if (attempt->deadline)
        event_free(attempt->deadline);
    judge_forget(&attempt->verdict);
    attempt->is_abandoned = true;
    if (attempt->handle.number)
        abandon(attempt);
    else
        attempt_free(attempt);
}

/* What a verdict says must be something that the outbox can act on. */
static void mend_verdict(struct attempt *attempt)
{
    struct belfry_verdict *verdict = &attempt->verdict;
    const struct verdict_memory *memory = verdict->internal;
    verdict->text[sizeof verdict->text - 1] = '\0';
    if (verdict->retry_after < 0)
        verdict->retry_after = 0;
    if (verdict->retry_after > RETRY_AFTER_MOST)
        verdict->retry_after = RETRY_AFTER_MOST;
    if (verdict->outcome == BELFRY_DELIVERED && memory && memory->n)
        verdict->outcome = BELFRY_PARTIAL;
    if (verdict->outcome == BELFRY_PARTIAL && !(memory && memory->n)) {
        verdict->outcome = BELFRY_UNAVAILABLE;
        snprintf(verdict->text, sizeof verdict->text, "%s reported a partial delivery, but named nobody",
                 attempt->channel->title);
    }
    if (verdict->outcome < BELFRY_DELIVERED || verdict->outcome >= BELFRY_AGAIN) {
        verdict->outcome = BELFRY_UNAVAILABLE;
        snprintf(verdict->text, sizeof verdict->text, "%s came to no verdict", attempt->channel->title);
    }
}

static void finish(struct attempt *attempt)
{
    mend_verdict(attempt);
    const struct belfry_verdict *verdict = &attempt->verdict;
    const struct verdict_memory *memory = verdict->internal;
    bool is_partial = verdict->outcome == BELFRY_PARTIAL;
    struct channel_result result = {
        .outcome = (enum belfry_outcome)verdict->outcome,
        .code = verdict->code,
        .retry_after = verdict->retry_after,
        .failures = is_partial ? memory->failures : NULL,
        .n_failures = is_partial ? memory->n : 0,
        .latency = (blame_clock() - attempt->began) / 1000,
    };
    /* Gone before it is told: `done` may send again, or free the channel. */
    void (*done)(void *, const struct channel_result *) = attempt->done;
    void *ctx = attempt->ctx;
    struct belfry_verdict kept = *verdict;
    attempt->verdict.internal = NULL;
    result.text = kept.text;
    leave(attempt);
    done(ctx, &result);
    judge_forget(&kept);
}

/* The next step is always taken from the loop itself, with nothing of curl's or the plugin's on the stack. */
static void step_later(struct attempt *attempt)
{
    event_active(attempt->next_step, 0, 0);
}

static void over(struct attempt *attempt)
{
    attempt->is_over = true;
    if (attempt->deadline)
        event_del(attempt->deadline);
    step_later(attempt);
}

static void over_with(struct attempt *attempt, enum belfry_outcome outcome, const char *text)
{
    attempt->verdict.outcome = outcome;
    snprintf(attempt->verdict.text, sizeof attempt->verdict.text, "%s", text);
    over(attempt);
}

/* ---- compose, transfer, judge ---- */

static void on_reply(void *ctx, const struct belfry_reply *reply);

static void send_request(struct attempt *attempt, struct request *request)
{
    attempt->round++;
    attempt->transfer = transfer_begin(request, on_reply, attempt);
}

static void on_reply(void *ctx, const struct belfry_reply *reply)
{
    struct attempt *attempt = ctx;
    struct instance *channel = attempt->channel;
    attempt->transfer = NULL;
    judge_forget(&attempt->verdict);
    attempt->verdict = (struct belfry_verdict){.size = sizeof attempt->verdict};
    struct request *next = request_make(channel);
    struct call call = call_begin(channel, "judge");
    channel->plugin->channel->judge(channel->self, attempt->notification, reply, &next->pub, &attempt->verdict);
    call_end(&call);
    if (attempt->verdict.outcome == BELFRY_AGAIN && attempt->round < ROUNDS_MOST) {
        send_request(attempt, next);
        return;
    }
    request_free(next);
    if (attempt->verdict.outcome == BELFRY_AGAIN)
        over_with(attempt, BELFRY_UNAVAILABLE, "the channel wanted more than 8 requests for one message");
    else
        over(attempt);
}

static void compose(struct attempt *attempt)
{
    struct instance *channel = attempt->channel;
    struct request *request = request_make(channel);
    struct belfry_error error = {.size = sizeof error};
    struct call call = call_begin(channel, "compose");
    int failed = channel->plugin->channel->compose(channel->self, attempt->notification, &request->pub, &error);
    call_end(&call);
    if (!failed) {
        send_request(attempt, request);
        return;
    }
    request_free(request);
    over_with(attempt, BELFRY_REJECTED, *error.text ? error.text : "the channel cannot write this message");
}

/* ---- deliver ---- */

static void on_deadline(evutil_socket_t fd, short what, void *data)
{
    (void)fd, (void)what;
    over_with(data, BELFRY_UNAVAILABLE, "the channel did not finish in time");
}

static void deliver(struct attempt *attempt)
{
    struct instance *channel = attempt->channel;
    int64_t ms = channel->timeout;
    attempt->deadline = evtimer_new(loop_base(channel->plugins->options.loop), on_deadline, attempt);
    event_add(attempt->deadline, &(struct timeval){.tv_sec = (time_t)(ms / SECOND), .tv_usec = ms % SECOND * 1000});
    void *value = handle_open(&attempt->handle, HANDLE_DELIVERY);
    struct call call = call_begin(channel, "deliver");
    channel->plugin->channel->deliver(channel->self, attempt->notification, value);
    call_end(&call);
}

void channel_complete(struct belfry_delivery *delivery, const struct belfry_verdict *verdict)
{
    struct handle *handle = handle_find(delivery, HANDLE_DELIVERY);
    struct belfry_verdict copy = {0};
    memcpy(&copy, verdict, verdict->size < sizeof copy ? verdict->size : sizeof copy);
    copy.size = sizeof copy;
    struct attempt *attempt = handle ? CONTAINER_OF(handle, struct attempt, handle) : NULL;
    if (attempt)
        handle_close(&attempt->handle);
    if (attempt && !attempt->is_over && !attempt->is_abandoned) {
        attempt->verdict = copy;
        over(attempt);
        return;
    }
    judge_forget(&copy); /* late, or twice */
    if (attempt && attempt->is_abandoned) {
        DL_DELETE(attempt->channel->abandoned, attempt);
        attempt->channel->n_abandoned--;
        attempt_free(attempt);
    }
}

/* ---- the beginning ---- */

static void on_step(evutil_socket_t fd, short what, void *data)
{
    (void)fd, (void)what;
    struct attempt *attempt = data;
    if (attempt->is_over)
        finish(attempt);
    else if (attempt->channel->plugin->channel->deliver)
        deliver(attempt);
    else
        compose(attempt);
}

struct attempt *channel_send(struct instance *channel, const struct belfry_notification *notification,
                             void (*done)(void *ctx, const struct channel_result *), void *ctx)
{
    struct attempt *attempt = NEW(struct attempt);
    attempt->channel = channel;
    attempt->arena = arena_new();
    attempt->notification = notification_copy(notification, attempt->arena);
    attempt->done = done;
    attempt->ctx = ctx;
    attempt->began = blame_clock();
    attempt->verdict.size = sizeof attempt->verdict;
    attempt->next_step = event_new(loop_base(channel->plugins->options.loop), -1, 0, on_step, attempt);
    DL_APPEND(channel->attempts, attempt);
    step_later(attempt);
    return attempt;
}

void attempt_cancel(struct attempt *attempt)
{
    leave(attempt);
}

void channel_sweep(struct instance *instance)
{
    while (instance->attempts) {
        struct attempt *attempt = instance->attempts;
        judge_forget(&attempt->verdict);
        attempt->verdict = (struct belfry_verdict){.outcome = BELFRY_UNAVAILABLE};
        snprintf(attempt->verdict.text, sizeof attempt->verdict.text, "the channel was closed");
        finish(attempt);
    }
}

void channel_forget(struct instance *instance)
{
    while (instance->abandoned) {
        struct attempt *attempt = instance->abandoned;
        DL_DELETE(instance->abandoned, attempt);
        instance->n_abandoned--;
        attempt_free(attempt);
    }
}
