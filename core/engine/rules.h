/* SPDX-License-Identifier: Apache-2.0 */
/* Private to engine/: rules, their index, their alerts, and facts. */
#ifndef BELFRY_ENGINE_RULES_H
#define BELFRY_ENGINE_RULES_H

#include "engine/engine.h"

#include <uthash.h>

/* A rule in the short form. */
struct rule {
    const struct config_alert *config;
    struct rule *next; /* rules of the same job, or the next pattern */
};
struct job_rules {
    const char *job;
    struct rule *rules;
    UT_hash_handle hh;
};

struct active_alert {
    struct alert alert;
    char *key; /* rule, alertname and job: one state for each */
    UT_hash_handle hh;
};

struct facts; /* facts.c */

struct engine {
    struct engine_options options;
    struct rule *rules;
    size_t n_rules;
    struct job_rules *by_job;
    struct rule *patterns;       /* rules whose job is a pattern */
    struct active_alert *alerts; /* in ascending order of ids */
    struct facts *facts;
    struct engine_stats stats;
};

/* short.c: apply one rule to an event of a job */
void rule_apply(struct engine *engine, const struct rule *rule, const struct cloud_event *event);

/* alerts.c */
struct active_alert *alert_find(struct engine *engine, const char *rule, const char *name, const char *job);
/* `labels` and `annotations` are taken over. It fires from `at` on. */
struct active_alert *alert_begin(struct engine *engine, const char *rule, const char *name, const char *job,
                                 json_t *labels, json_t *annotations, int64_t at);
void alert_store(struct engine *engine, const struct alert *alert);
/* It is over: into history, out of the table; frees it. */
void alert_end(struct engine *engine, struct active_alert *active);
void alert_tell(struct engine *engine, struct alert *alert, const struct rule *rule, enum tell what);
int alerts_restore(struct engine *engine, struct error *e);
void alerts_free(struct engine *engine);

/* facts.c */
struct facts *facts_new(struct loop *loop, struct store *store);
void facts_free(struct facts *facts);
int facts_restore(struct facts *facts, struct error *e);
/* Returns how many fields were older than what is known and so left alone. */
size_t facts_merge(struct facts *facts, const struct cloud_event *event);
json_t *facts_of(const struct facts *facts, const char *subject);
size_t facts_count(const struct facts *facts);

#endif
