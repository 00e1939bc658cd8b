/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alerts in, notifications out: the outbox and delivery. A notification is put in the store with the effects of the
 * event that caused it, and is sent only once it is on disk. It leaves the outbox when it is delivered, or has failed
 * visibly. Its id is the same in every try.
 *
 * Each channel has its own queue, its own limit of attempts under way, and its own waits, so a dead one delays no
 * other. Within a channel the notifications of one group stay in order.
 */
#ifndef BELFRY_NOTIFY_H
#define BELFRY_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "config/config.h"
#include "engine/engine.h"
#include "plugin/plugin.h"
#include "store/store.h"

struct notify;

struct notify_options {
    struct loop *loop;
    struct store *store;
    const char
        *agent_id; /* 12 hex digits, the same for the life of the state folder: makes ids unique between agents */
};
struct notify *notify_new(const struct notify_options *options);
/* Read the outbox back; nothing is sent before notify_configure(). */
int notify_restore(struct notify *notify, struct error *e);

/* The channels that there are now. Attempts under way finish on the instance that they began on; `released` is called
 * once none uses the former generation any more. Disabled channels are tried again. Notifications of channels that are
 * gone wait until they come back or time out. */
struct notify_channel {
    const struct config_channel *config;
    struct instance *instance;
};
void notify_configure(struct notify *notify, const struct notify_channel *channels, size_t n,
                      void (*released)(void *generation), void *generation);
/* Where people find the agent, for messages. */
void notify_set_external_url(struct notify *notify, const char *url);
/* Start no more attempts; `done` once none is under way, or after `grace` ms (those left are cancelled and will be
 * repeated after the start). */
void notify_drain(struct notify *notify, int64_t grace, void (*done)(void *ctx), void *ctx);
void notify_free(struct notify *notify);

/* Put one notification per channel in the outbox. */
void notify_alert(struct notify *notify, const struct alert *alert, enum tell what, const struct belfry_list *channels,
                  const struct belfry_list *recipients);

/* {id, channel, state, alerts, recipients, refused, created_at, next_attempt, attempts: [{time, verdict, code, latency,
 * error}]} of what is in the outbox, newest first, ids below `before` (0: all). After a partial delivery `recipients`
 * are those who may get it yet, `refused` those who never will. The caller owns the array. History is in
 * STORE_NOTIFICATIONS in the same form. */
json_t *notify_list_pending(const struct notify *notify, int64_t before, size_t limit);
/* The number inside a public id ("9f2c41d07a3b-17-5e0a": agent, number, life); -1: not one of ours. */
int64_t notify_parse_id(const struct notify *notify, const char *id);

struct channel_status {
    const char *name, *plugin;
    const char *state;            /* ok, waiting (retrying), disabled */
    const char *last_error;       /* "" if the last attempt went well */
    int64_t last_attempt, oldest; /* oldest: when the oldest waiting one was made; 0: none */
    size_t waiting, under_way;
    uint64_t attempts[BELFRY_AGAIN]; /* by enum belfry_outcome */
    uint64_t delivered, failed;      /* notifications, not attempts */
    int64_t latency_sum_ms;
};
void notify_each_channel(const struct notify *notify, void (*each)(void *ctx, const struct channel_status *),
                         void *ctx);

const char *verdict_name(enum belfry_outcome outcome); /* "delivered" … */

#endif
