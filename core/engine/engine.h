/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events in, alerts out. An event's data is merged into the facts of its subject; the rules that it can concern are
 * looked up by index; a rule that holds moves an alert. Rules today are the short form (a job, what happened to it,
 * whom to tell).
 *
 * Failed, late, missed and timed-out alerts fire until the job succeeds; started, succeeded, retried and completed are
 * over at once.
 */
#ifndef BELFRY_ENGINE_H
#define BELFRY_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "config/config.h"
#include "store/store.h"

struct engine;

enum alert_state { ALERT_PENDING, ALERT_FIRING, ALERT_RESOLVED };
const char *alert_state_name(enum alert_state state);

struct alert {
    int64_t id;
    char fingerprint[17];         /* of the labels, as Alertmanager computes it */
    char *rule;                   /* its rule's id */
    json_t *labels, *annotations; /* objects of strings; alertname is among the labels */
    enum alert_state state;
    int64_t starts_at, ends_at, updated_at; /* ends_at 0: not over */
    int64_t announced_at;                   /* when people were last told; 0: never */
    uint64_t occurrences;                   /* how often what it is about happened since it began */
};

enum tell { TELL_FIRING, TELL_RESOLVED, TELL_ONCE };
struct engine_options {
    struct loop *loop;
    struct store *store;
    /* People must be told: called while the event is processed. */
    void (*tell)(void *ctx, const struct alert *alert, enum tell what, const struct belfry_list *channels,
                 const struct belfry_list *recipients);
    void *ctx;
};
struct engine *engine_new(const struct engine_options *options);
int engine_restore(struct engine *engine, struct error *e); /* before engine_configure() */
/* Rules that stay (by id) keep their alerts; alerts of rules that are gone end, untold. `config` must live until the
 * next call. */
void engine_configure(struct engine *engine, const struct config *config);
void engine_free(struct engine *engine);

/* Apply an event; its effects are put in the store, wait with store_commit(). The event stays the caller's. */
void engine_process(struct engine *engine, const struct cloud_event *event);

/* Alerts that are not over, oldest first, ids above `after`. */
size_t engine_list(const struct engine *engine, int64_t after, size_t limit, const struct alert **out);
json_t *alert_to_json(const struct alert *alert);

/* {field: {value, time, source}, …}, or null if nothing is known of the subject. The caller owns it. */
json_t *engine_facts(const struct engine *engine, const char *subject);

struct engine_stats {
    uint64_t events, late_facts, told;
    size_t firing, subjects, rules;
};
void engine_get_stats(const struct engine *engine, struct engine_stats *out);

/* FNV-1a over sorted names and values with 0xff behind each: Alertmanager's fingerprint, 16 hex digits. */
void alert_fingerprint(const json_t *labels, char out[17]);

#endif
