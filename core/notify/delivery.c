/* SPDX-License-Identifier: Apache-2.0 */
/* Delivery: which notification of a channel is tried next, what the verdict means for it, and how long to wait. */
#include "notify/outbox.h"

#include <math.h>
#include <string.h>

/* One attempt under way. It holds on to the generation of instances that it began on. */
struct delivery {
    struct lane *lane;
    struct channel_generation *generation;
    struct attempt *attempt;
    struct arena *arena; /* the view that the plugin sees */
    struct belfry_notification view;
};

const char *verdict_name(enum belfry_outcome outcome)
{
    static const char *const names[] = {"",         "delivered", "partial", "rate_limited", "unavailable",
                                        "rejected", "disabled",  ""};
    return names[outcome];
}

/* ---- lanes ---- */

static void remove_ready(struct lane *lane)
{
    struct channel *channel = lane->channel;
    struct lane *previous = NULL;
    for (struct lane *l = channel->first_ready; l; previous = l, l = l->next_ready) {
        if (l != lane)
            continue;
        if (previous)
            previous->next_ready = l->next_ready;
        else
            channel->first_ready = l->next_ready;
        if (channel->last_ready == l)
            channel->last_ready = previous;
        break;
    }
    lane->ready = false;
    lane->next_ready = NULL;
}

static struct lane *pop_ready(struct channel *channel)
{
    struct lane *lane = channel->first_ready;
    channel->first_ready = lane->next_ready;
    if (!channel->first_ready)
        channel->last_ready = NULL;
    lane->ready = false;
    lane->next_ready = NULL;
    return lane;
}

void lane_push(struct lane *lane)
{
    if (lane->ready || lane->delivery || !lane->first || !lane->first->committed)
        return;
    timer_stop(&lane->retry);
    lane->ready = true;
    if (lane->channel->last_ready)
        lane->channel->last_ready->next_ready = lane;
    else
        lane->channel->first_ready = lane;
    lane->channel->last_ready = lane;
}

void lane_make_ready(struct lane *lane)
{
    lane_push(lane);
    channel_pump(lane->channel);
}

static void on_retry(void *data)
{
    lane_make_ready(data);
}

void lane_hold(struct lane *lane, int64_t ms)
{
    timer_after(&lane->retry, ms);
}

void lane_free(struct lane *lane)
{
    if (lane->ready)
        remove_ready(lane);
    timer_stop(&lane->retry);
    HASH_DEL(lane->channel->lanes, lane);
    free(lane->group_key);
    free(lane);
}

void lane_append(struct channel *channel, struct notification *n)
{
    const char *key = json_str(n->data, "group_key", "");
    struct lane *lane;
    HASH_FIND_STR(channel->lanes, key, lane);
    if (!lane) {
        lane = NEW(struct lane);
        lane->channel = channel;
        lane->group_key = x_strdup(key);
        timer_init(&lane->retry, channel->notify->options.loop, on_retry, lane);
        HASH_ADD_KEYPTR(hh, channel->lanes, lane->group_key, strlen(lane->group_key), lane);
    }
    n->lane = lane;
    if (lane->last)
        lane->last->next = n;
    else
        lane->first = n;
    lane->last = n;
    channel->waiting++;
}

/* ---- what a verdict means ---- */

static const struct config_retry *retry_of(const struct channel *channel)
{
    static const struct config_retry usual = {
        .delay = SECOND, .factor = 2, .max_delay = 5 * MINUTE, .give_up_after = DAY};
    return channel->config ? &channel->config->retry : &usual;
}

/* Exponential back-off with full jitter: anywhere between 0 and the bound, so that those who failed together do not
 * return together. */
static int64_t back_off(const struct config_retry *retry, unsigned attempts)
{
    double bound = (double)retry->delay * pow(retry->factor, attempts > 0 ? attempts - 1 : 0);
    int64_t most = bound < (double)retry->max_delay ? (int64_t)bound : retry->max_delay;
    return most > 0 ? (int64_t)(text_random() % (uint64_t)(most + 1)) : 0;
}

/* The time that the agent was away does not count: it tried nothing then. */
static int64_t give_up_at(const struct notification *n)
{
    int64_t since = n->created_at > n->notify->started_at ? n->created_at : n->notify->started_at;
    return since + retry_of(n->lane->channel)->give_up_after;
}

static json_t *failures_json(const struct channel_result *result)
{
    json_t *list = json_array();
    for (size_t i = 0; i < result->n_failures; i++) {
        const struct recipient_failure *failure = &result->failures[i];
        json_t *one = json_object();
        json_put(one, "recipient", json_utf8(failure->address));
        json_put(one, "again", json_boolean(failure->again));
        json_put_int(one, "code", failure->code);
        json_put_str(one, "error", failure->text);
        json_array_append_new(list, one);
    }
    return list;
}

static void record_attempt(struct notification *n, const struct channel_result *result)
{
    json_t *attempts = json_object_get(n->data, "attempts"), *one = json_object();
    json_put_time(one, "time", loop_now(n->notify->options.loop));
    json_put_str(one, "verdict", verdict_name(result->outcome));
    json_put_int(one, "code", result->code);
    json_put_seconds(one, "latency", result->latency);
    if (result->outcome != BELFRY_DELIVERED)
        json_put_str(one, "error", result->text);
    if (result->n_failures)
        json_put(one, "failures", failures_json(result));
    if (json_array_size(attempts) >= MOST_ATTEMPTS_KEPT) /* keep the first, and the newest */
        json_array_remove(attempts, 1);
    json_array_append_new(attempts, one);
    json_put_int(n->data, "attempt_count", n->attempts);
}

static void count(struct channel *channel, const struct channel_result *result)
{
    channel->outcomes[result->outcome]++;
    channel->latency_sum += result->latency;
    channel->last_attempt = loop_now(channel->notify->options.loop);
    free(channel->last_error);
    channel->last_error = result->outcome == BELFRY_DELIVERED ? NULL : x_strdup(result->text);
}

/* Who may get it yet is left in `recipients`; who never will is remembered in `refused`. */
static void note_failures(struct notification *n, const struct channel_result *result)
{
    json_t *left = json_array(), *refused = json_object_get(n->data, "refused");
    if (!refused) {
        refused = json_array();
        json_put(n->data, "refused", refused);
    }
    for (size_t i = 0; i < result->n_failures; i++)
        json_array_append_new(result->failures[i].again ? left : refused, json_utf8(result->failures[i].address));
    json_put(n->data, "recipients", left);
}

static bool any_again(const struct channel_result *result)
{
    for (size_t i = 0; i < result->n_failures; i++)
        if (result->failures[i].again)
            return true;
    return false;
}

static bool has_fallback(const struct channel *channel)
{
    return channel->config && !text_empty(channel->config->fallback);
}

/* Given up: said aloud, kept in history, and told by another way where there is one. */
static void fail(struct channel *channel, struct notification *n, const char *why)
{
    if (has_fallback(channel)) {
        const struct notification *other = notification_redirect(n, channel->config->fallback);
        json_put_str(n->data, "fallback", other->public_id);
    }
    log_at(LOG_ERROR, "notify", "notification %s to channel '%s' has failed: %s%s%s", n->public_id, channel->name, why,
           has_fallback(channel) ? "; it goes on by channel " : "",
           has_fallback(channel) ? channel->config->fallback : "");
    json_put_str(n->data, "reason", why);
    channel->failed++;
    notification_finish(n, "failed");
}

/* The receiver asked all of us for quiet; a shorter wish does not end a longer one. */
static void keep_quiet(struct channel *channel, int64_t ms)
{
    int64_t end = loop_monotonic(channel->notify->options.loop) + ms;
    if (!timer_is_set(&channel->pause) || channel->pause.due < end)
        timer_after(&channel->pause, ms);
}

static void retry_later(struct lane *lane, struct notification *n, const struct channel_result *result)
{
    struct channel *channel = lane->channel;
    struct notify *notify = channel->notify;
    const struct config_retry *retry = retry_of(channel);
    int64_t now = loop_now(notify->options.loop), wait = back_off(retry, n->attempts);
    if (result->retry_after > wait)
        wait = result->retry_after;
    if (now + wait > give_up_at(n)) {
        char text[DURATION_TEXT];
        AUTOFREE char *why = x_printf("given up after %s and %u attempts; the last said: %s",
                                      duration_format(retry->give_up_after, text), n->attempts, result->text);
        fail(channel, n, why);
        return;
    }
    if (result->outcome == BELFRY_RATE_LIMITED && result->retry_after)
        keep_quiet(channel, result->retry_after);
    json_put_time(n->data, "next_attempt", now + wait);
    notification_store(n);
    lane_hold(lane, wait);
}

static void disable(struct lane *lane, struct notification *n, const struct channel_result *result)
{
    struct channel *channel = lane->channel;
    if (!channel->disabled)
        log_at(LOG_ERROR, "notify", "channel '%s' is disabled until its configuration changes: %s", channel->name,
               result->text);
    channel->disabled = true;
    if (has_fallback(channel))
        fail(channel, n, result->text);
    else
        notification_store(n); /* parked below, until the configuration changes */
}

/* Some got it, the others never will. */
static void end_partial(struct channel *channel, struct notification *n)
{
    AUTOFREE char *refused = json_text(json_object_get(n->data, "refused"));
    log_at(LOG_ERROR, "notify", "notification %s reached only some of its recipients by channel '%s'; refused: %s",
           n->public_id, channel->name, refused);
    channel->failed++;
    notification_finish(n, "partial");
}

static void settle(struct lane *lane, struct notification *n, const struct channel_result *result)
{
    struct channel *channel = lane->channel;
    switch (result->outcome) {
    case BELFRY_DELIVERED:
        if (json_array_size(json_object_get(n->data, "refused"))) {
            end_partial(channel, n);
        } else {
            channel->delivered++;
            notification_finish(n, "delivered");
        }
        break;
    case BELFRY_PARTIAL:
        note_failures(n, result);
        if (any_again(result))
            retry_later(lane, n, result);
        else
            end_partial(channel, n);
        break;
    case BELFRY_RATE_LIMITED:
    case BELFRY_UNAVAILABLE:
        retry_later(lane, n, result);
        break;
    case BELFRY_DISABLED:
        disable(lane, n, result);
        break;
    case BELFRY_REJECTED:
    case BELFRY_AGAIN: /* never given by the plugin room */
        fail(channel, n, result->text);
        break;
    }
}

/* ---- attempts ---- */

static void end_delivery(struct delivery *delivery)
{
    struct notify *notify = delivery->lane->channel->notify;
    delivery->lane->delivery = NULL;
    delivery->lane->channel->under_way--;
    notify->under_way--;
    generation_unref(delivery->generation);
    arena_free(delivery->arena);
    free(delivery);
}

/* The notification with this id was tried or given up: is another one first now? An empty lane ends. */
static void lane_go_on(struct lane *lane, int64_t id)
{
    if (!lane->first)
        lane_free(lane);
    else if (lane->first->id != id)
        lane_make_ready(lane);
}

/* What a former configuration's receiver said of the message or the channel does not bind the present one: try again
 * there. */
static struct channel_result judge_again(const struct channel_result *result)
{
    struct channel_result again = *result;
    if (result->outcome != BELFRY_DELIVERED && result->outcome != BELFRY_PARTIAL) {
        again.outcome = BELFRY_UNAVAILABLE;
        again.retry_after = 0;
    }
    return again;
}

static void on_done(void *ctx, const struct channel_result *result)
{
    struct delivery *delivery = ctx;
    struct lane *lane = delivery->lane;
    struct channel *channel = lane->channel;
    struct notify *notify = channel->notify;
    struct notification *n = lane->first;
    int64_t id = n->id;
    bool is_current = delivery->generation == channel->generation;
    n->attempts++;
    record_attempt(n, result);
    count(channel, result);
    end_delivery(delivery);
    struct channel_result again = judge_again(result);
    settle(lane, n, is_current ? result : &again);
    if (channel->disabled && lane->first)
        lane_make_ready(lane); /* to be parked */
    else
        lane_go_on(lane, id);
    channel_pump(channel);
    notify_drained(notify);
}

/* There is no way to send: what has a fallback takes it; the rest waits for a new configuration, but not for ever. */
static void park(struct channel *channel)
{
    int64_t now = loop_now(channel->notify->options.loop);
    while (channel->first_ready) {
        struct lane *lane = pop_ready(channel);
        struct notification *n = lane->first;
        int64_t end = give_up_at(n);
        const char *why = channel->instance ? "the channel is disabled" : "the channel is not configured any more";
        if (!has_fallback(channel) && now < end) {
            lane_hold(lane, end - now);
            continue;
        }
        fail(channel, n, why);
        if (lane->first)
            lane_push(lane); /* no recursion: a lane may be long */
        else
            lane_free(lane);
    }
}

static void begin(struct lane *lane)
{
    struct channel *channel = lane->channel;
    struct delivery *delivery = NEW(struct delivery);
    delivery->lane = lane;
    delivery->generation = channel->generation;
    delivery->generation->under_way++;
    delivery->arena = arena_new();
    delivery->view =
        message_view(lane->first, channel->config->language, channel->notify->external_url, delivery->arena);
    lane->delivery = delivery;
    channel->under_way++;
    channel->notify->under_way++;
    delivery->attempt = channel_send(channel->instance, &delivery->view, on_done, delivery);
}

void channel_pump(struct channel *channel)
{
    if (channel->notify->stopped)
        return;
    if (!channel->instance || channel->disabled) {
        park(channel);
        return;
    }
    while (channel->first_ready && !timer_is_set(&channel->pause) && channel->under_way < MOST_UNDER_WAY)
        begin(pop_ready(channel));
}

static void on_pause_over(void *data)
{
    channel_pump(data);
}

void channel_init_timers(struct channel *channel)
{
    timer_init(&channel->pause, channel->notify->options.loop, on_pause_over, channel);
}

void delivery_cancel_all(struct notify *notify)
{
    for (struct channel *channel = notify->channels; channel; channel = channel->hh.next) {
        for (struct lane *lane = channel->lanes; lane; lane = lane->hh.next) {
            if (lane->delivery) {
                attempt_cancel(lane->delivery->attempt);
                end_delivery(lane->delivery);
            }
        }
    }
}
