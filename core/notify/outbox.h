/* SPDX-License-Identifier: Apache-2.0 */
/* Private to notify/: notifications that are not finished, and the channels that deliver them. */
#ifndef BELFRY_NOTIFY_OUTBOX_H
#define BELFRY_NOTIFY_OUTBOX_H

#include "notify/notify.h"

#include <uthash.h>

enum { MOST_UNDER_WAY = 8 /* attempts of one channel at a time */, MOST_ATTEMPTS_KEPT = 50 };

struct channel;
struct lane;

/* One message to one channel. `data` is the whole of it, as the store and the API have it; what delivery needs at hand
 * is beside it. */
struct notification {
    struct notify *notify;
    int64_t id;
    char *public_id; /* the same in every try */
    json_t *data;
    int64_t created_at;
    unsigned attempts; /* made so far */
    bool committed;    /* on disk: may be sent */
    struct lane *lane;
    struct notification *next; /* in its lane */
    UT_hash_handle hh;         /* by id, in ascending order */
};

/* The notifications of one group to one channel: they stay in order. Only the first one is tried; the others wait for
 * it. */
struct lane {
    struct channel *channel;
    char *group_key;
    struct notification *first, *last;
    struct timer retry;
    bool ready; /* in channel->ready */
    struct lane *next_ready;
    struct delivery *delivery; /* under way; null: none */
    UT_hash_handle hh;
};

/* Instances of one configuration; alive until the last attempt on it is over. */
struct channel_generation {
    unsigned under_way;
    bool replaced;
    void (*released)(void *);
    void *owner;
};

struct channel {
    struct notify *notify;
    char *name;
    const struct config_channel *config; /* null: it is not configured (any more): its notifications wait */
    struct instance *instance;
    struct channel_generation *generation;
    struct lane *lanes;
    struct lane *first_ready, *last_ready;
    size_t waiting, under_way;
    bool disabled;
    struct timer pause; /* the receiver asked for quiet: no attempt before */
    char *last_error;
    int64_t last_attempt;
    uint64_t outcomes[BELFRY_AGAIN];
    uint64_t delivered, failed;
    int64_t latency_sum;
    UT_hash_handle hh;
};

struct notify {
    struct notify_options options;
    char *external_url;
    struct channel *channels;
    struct notification *notifications;
    struct channel_generation *generation;
    int64_t started_at;
    char nonce[5]; /* of this life: a number that a full disk kept from being stored may be given out again in the next
                    */
    bool stopped;  /* no new attempts */
    size_t under_way;
    void (*drained)(void *);
    void *drained_ctx;
    struct event *drain_end; /* null: not draining */
};

/* notify.c */
struct channel *channel_of(struct notify *notify, const char *name);
struct notification *notification_add(struct notify *notify, int64_t id, json_t *data); /* takes `data` over */
void notification_store(struct notification *n);
/* Out of the outbox, into history, with this state; frees it. */
void notification_finish(struct notification *n, const char *state);
/* The same message for another channel; it goes once it is on disk. */
struct notification *notification_redirect(const struct notification *n, const char *channel);
void notify_drained(struct notify *notify); /* an attempt is over: was it the last that a stop waits for? */
void generation_unref(struct channel_generation *generation);

/* delivery.c */
void lane_append(struct channel *channel, struct notification *n);
void lane_push(struct lane *lane);             /* it may go, if its first notification is on disk */
void lane_make_ready(struct lane *lane);       /* and begin, if the channel can */
void lane_hold(struct lane *lane, int64_t ms); /* ready again after that long */
void lane_free(struct lane *lane);
void channel_pump(struct channel *channel);
void channel_init_timers(struct channel *channel);
void delivery_cancel_all(struct notify *notify);

/* message.c: an alert becomes data; data becomes what a plugin sees */
json_t *message_from_alert(const struct alert *alert, enum tell what, const char *channel,
                           const struct belfry_list *recipients, int64_t now);
/* All that the result points to lives in `arena`. */
struct belfry_notification message_view(const struct notification *n, const char *language, const char *external_url,
                                        struct arena *arena);

/* render.c: the built-in texts in English and Chinese */
const char *render_title(const struct belfry_notification *n, bool once, struct arena *arena);
const char *render_text(const struct belfry_notification *n, struct arena *arena);

#endif
