/* SPDX-License-Identifier: Apache-2.0 */
/* The outbox: what is to be told, durable from the moment that it is decided until it is done. */
#include "notify/outbox.h"

#include <event2/event.h>
#include <string.h>

struct notify *notify_new(const struct notify_options *options)
{
    struct notify *notify = NEW(struct notify);
    notify->options = *options;
    notify->external_url = x_strdup("");
    notify->started_at = loop_now(options->loop);
    snprintf(notify->nonce, sizeof notify->nonce, "%04x", (unsigned)(text_random() & 0xffff));
    return notify;
}

struct channel *channel_of(struct notify *notify, const char *name)
{
    struct channel *channel;
    HASH_FIND_STR(notify->channels, name, channel);
    if (!channel) {
        channel = NEW(struct channel);
        channel->notify = notify;
        channel->name = x_strdup(name);
        channel_init_timers(channel);
        HASH_ADD_KEYPTR(hh, notify->channels, channel->name, strlen(channel->name), channel);
    }
    return channel;
}

/* ---- notifications ---- */

struct notification *notification_add(struct notify *notify, int64_t id, json_t *data)
{
    struct notification *n = NEW(struct notification);
    n->notify = notify;
    n->id = id;
    n->data = data;
    if (!json_object_get(data, "id")) {
        AUTOFREE char *public_id = x_printf("%s-%lld-%s", notify->options.agent_id, (long long)id, notify->nonce);
        json_put_str(data, "id", public_id);
    }
    n->public_id = x_strdup(json_str(data, "id", ""));
    n->attempts = (unsigned)json_int(data, "attempt_count", 0);
    time_parse(json_str(data, "created_at", "1970-01-01T00:00:00Z"), &n->created_at);
    HASH_ADD(hh, notify->notifications, id, sizeof n->id, n);
    lane_append(channel_of(notify, json_str(data, "channel", "")), n);
    return n;
}

static void notification_free(struct notification *n)
{
    HASH_DEL(n->notify->notifications, n);
    json_decref(n->data);
    free(n->public_id);
    free(n);
}

void notification_store(struct notification *n)
{
    store_put_json(n->notify->options.store, STORE_OUTBOX, n->id, json_str(n->data, "channel", ""), n->created_at,
                   n->data);
}

void notification_finish(struct notification *n, const char *state)
{
    struct store *store = n->notify->options.store;
    struct lane *lane = n->lane;
    json_put_str(n->data, "state", state);
    json_object_del(n->data, "next_attempt");
    store_delete(store, STORE_OUTBOX, n->id);
    store_put_json(store, STORE_NOTIFICATIONS, n->id, lane->channel->name, n->created_at, n->data);
    /* Only the first of a lane is ever tried, so only the first is ever finished. */
    lane->first = n->next;
    if (!lane->first)
        lane->last = NULL;
    lane->channel->waiting--;
    notification_free(n);
}

/* ---- from the engine ---- */

/* The notification is looked up by id when its commit is through: it may be gone by then, at a stop. */
struct commit_wait {
    struct notify *notify;
    int64_t id;
};

static void on_committed(void *ctx, enum store_result result)
{
    struct commit_wait *wait = ctx;
    struct notification *n;
    HASH_FIND(hh, wait->notify->notifications, &wait->id, sizeof wait->id, n);
    free(wait);
    /* On a full disk people are told all the same: the sender of the event was refused and will come back. After a
     * failed write nothing more is done: the agent stops and goes on from what is on disk. */
    if (!n || result == STORE_FAILED)
        return;
    n->committed = true;
    if (n->lane->first == n)
        lane_make_ready(n->lane);
}

/* A new notification: into the outbox now, on its way once it is on disk. */
static struct notification *enqueue(struct notify *notify, json_t *data)
{
    struct store *store = notify->options.store;
    struct notification *n = notification_add(notify, store_next_id(store, STORE_OUTBOX), data);
    notification_store(n);
    struct commit_wait *wait = NEW(struct commit_wait);
    *wait = (struct commit_wait){notify, n->id};
    store_commit(store, on_committed, wait);
    return n;
}

void notify_alert(struct notify *notify, const struct alert *alert, enum tell what, const struct belfry_list *channels,
                  const struct belfry_list *recipients)
{
    int64_t now = loop_now(notify->options.loop);
    for (size_t i = 0; i < channels->n; i++) {
        const struct config_channel *config = channel_of(notify, channels->item[i])->config;
        if (what == TELL_RESOLVED && config && !config->send_resolved)
            continue;
        enqueue(notify, message_from_alert(alert, what, channels->item[i], recipients, now));
    }
}

struct notification *notification_redirect(const struct notification *n, const char *channel)
{
    json_t *data = json_deep_copy(n->data);
    json_put_str(data, "channel", channel);
    json_put_str(data, "state", "queued");
    json_put_str(data, "fallback_of", n->public_id);
    json_put_time(data, "created_at", loop_now(n->notify->options.loop));
    json_put(data, "attempts", json_array());
    json_object_del(data, "id");
    json_object_del(data, "attempt_count");
    json_object_del(data, "next_attempt");
    json_object_del(data, "refused");
    return enqueue(n->notify, data);
}

/* ---- start, reload, stop ---- */

static int load_one(void *ctx, const struct store_record *record)
{
    struct error e;
    json_t *data = json_parse(record->data, record->size, &e);
    if (!json_is_object(data) || !json_array_size(json_object_get(data, "alerts"))) {
        log_at(LOG_ERROR, "notify", "notification %lld to channel '%s' cannot be read and is left in the outbox",
               (long long)record->id, record->key);
        json_decref(data);
        return 0;
    }
    notification_add(ctx, record->id, data)->committed = true;
    return 0;
}

int notify_restore(struct notify *notify, struct error *e)
{
    return store_load(notify->options.store, STORE_OUTBOX, load_one, notify, e);
}

void generation_unref(struct channel_generation *generation)
{
    if (--generation->under_way || !generation->replaced)
        return;
    void (*released)(void *) = generation->released;
    void *owner = generation->owner;
    free(generation);
    released(owner);
}

/* Every lane is looked at anew: what waits for its time goes on waiting, the rest may go. */
static void wake(struct channel *channel)
{
    int64_t now = loop_now(channel->notify->options.loop);
    struct lane *lane, *next_lane;
    HASH_ITER(hh, channel->lanes, lane, next_lane)
    {
        int64_t next = 0;
        const char *text = json_str(lane->first->data, "next_attempt", NULL);
        if (lane->delivery || lane->ready)
            continue;
        /* No wait is longer than a day: if one is, the clock was ahead when it was written. */
        if (text && time_parse(text, &next) && next > now)
            lane_hold(lane, next - now < DAY ? next - now : DAY);
        else
            lane_push(lane); /* the pump runs when all are looked at */
    }
}

void notify_set_external_url(struct notify *notify, const char *url)
{
    free(notify->external_url);
    notify->external_url = x_strdup(url);
}

void notify_configure(struct notify *notify, const struct notify_channel *channels, size_t n,
                      void (*released)(void *generation), void *generation)
{
    struct channel_generation *old = notify->generation;
    notify->generation = NEW(struct channel_generation);
    *notify->generation = (struct channel_generation){.under_way = 1, .released = released, .owner = generation};
    for (struct channel *channel = notify->channels; channel; channel = channel->hh.next) {
        channel->config = NULL;
        channel->instance = NULL;
        channel->disabled = false;
    }
    for (size_t i = 0; i < n; i++) {
        struct channel *channel = channel_of(notify, channels[i].config->name);
        channel->config = channels[i].config;
        channel->instance = channels[i].instance;
        channel->generation = notify->generation;
    }
    for (struct channel *channel = notify->channels; channel; channel = channel->hh.next) {
        if (!channel->instance && channel->waiting)
            log_at(LOG_WARNING, "notify", "%zu notifications wait for channel '%s', which is not configured any more",
                   channel->waiting, channel->name);
        wake(channel);
        channel_pump(channel);
    }
    if (old) {
        old->replaced = true;
        generation_unref(old);
    }
}

static void end_drain(struct notify *notify)
{
    void (*done)(void *) = TAKE(notify->drained);
    if (done)
        done(notify->drained_ctx);
}

static void on_drain_end(evutil_socket_t fd, short what, void *data)
{
    (void)fd, (void)what;
    delivery_cancel_all(data);
    end_drain(data);
}

void notify_drained(struct notify *notify)
{
    if (notify->stopped && !notify->under_way)
        end_drain(notify);
}

static void on_nothing_under_way(void *data)
{
    notify_drained(data);
}

void notify_drain(struct notify *notify, int64_t grace, void (*done)(void *ctx), void *ctx)
{
    notify->stopped = true;
    notify->drained = done;
    notify->drained_ctx = ctx;
    /* A real timer: it waits for peers, whatever time the rest of the house lives in. */
    struct timeval tv = {.tv_sec = (time_t)(grace / SECOND), .tv_usec = (suseconds_t)(grace % SECOND * 1000)};
    notify->drain_end = event_new(loop_base(notify->options.loop), -1, 0, on_drain_end, notify);
    event_add(notify->drain_end, &tv);
    if (!notify->under_way)
        loop_defer(notify->options.loop, on_nothing_under_way, notify);
}

void notify_free(struct notify *notify)
{
    if (!notify)
        return;
    delivery_cancel_all(notify);
    struct channel *channel, *next_channel;
    HASH_ITER(hh, notify->channels, channel, next_channel)
    {
        while (channel->lanes)
            lane_free(channel->lanes);
        timer_stop(&channel->pause);
        HASH_DEL(notify->channels, channel);
        free(channel->last_error);
        free(channel->name);
        free(channel);
    }
    while (notify->notifications)
        notification_free(notify->notifications);
    if (notify->drain_end)
        event_free(notify->drain_end);
    if (notify->generation) {
        notify->generation->replaced = true;
        generation_unref(notify->generation);
    }
    free(notify->external_url);
    free(notify);
}

/* ---- looking ---- */

json_t *notify_list_pending(const struct notify *notify, int64_t before, size_t limit)
{
    json_t *list = json_array();
    if (!notify->notifications)
        return list;
    const struct notification *n = ELMT_FROM_HH(notify->notifications->hh.tbl, notify->notifications->hh.tbl->tail);
    for (; n && limit; n = n->hh.prev) {
        if (before && n->id >= before)
            continue;
        json_array_append_new(list, json_deep_copy(n->data));
        limit--;
    }
    return list;
}

int64_t notify_parse_id(const struct notify *notify, const char *id)
{
    size_t length = strlen(notify->options.agent_id);
    int64_t number;
    if (!text_starts(id, notify->options.agent_id) || id[length] != '-')
        return -1;
    const char *digits = id + length + 1;
    AUTOFREE char *first = x_strndup(digits, strcspn(digits, "-"));
    return text_int(first, 1, INT64_MAX, &number) ? number : -1;
}

static int64_t oldest_of(const struct channel *channel)
{
    int64_t oldest = 0;
    for (const struct lane *lane = channel->lanes; lane; lane = lane->hh.next)
        if (lane->first && (!oldest || lane->first->created_at < oldest))
            oldest = lane->first->created_at;
    return oldest;
}

void notify_each_channel(const struct notify *notify, void (*each)(void *ctx, const struct channel_status *), void *ctx)
{
    for (const struct channel *channel = notify->channels; channel; channel = channel->hh.next) {
        struct channel_status status = {
            .name = channel->name,
            .plugin = channel->config ? channel->config->plugin : "",
            .state = !channel->config      ? "gone"
                     : channel->disabled   ? "disabled"
                     : channel->last_error ? "waiting"
                                           : "ok",
            .last_error = channel->last_error ? channel->last_error : "",
            .last_attempt = channel->last_attempt,
            .oldest = oldest_of(channel),
            .waiting = channel->waiting,
            .under_way = channel->under_way,
            .delivered = channel->delivered,
            .failed = channel->failed,
            .latency_sum_ms = channel->latency_sum,
        };
        memcpy(status.attempts, channel->outcomes, sizeof status.attempts);
        each(ctx, &status);
    }
}
