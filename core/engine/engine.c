/* SPDX-License-Identifier: Apache-2.0 */
/* The way of an event: into the facts of its subject, or, by index, to the rules of its job. */
#include "engine/rules.h"

#include <string.h>

struct engine *engine_new(const struct engine_options *options)
{
    struct engine *engine = NEW(struct engine);
    engine->options = *options;
    engine->facts = facts_new(options->loop, options->store);
    return engine;
}

static void clear_rules(struct engine *engine)
{
    struct job_rules *entry, *next;
    HASH_ITER(hh, engine->by_job, entry, next)
    {
        HASH_DEL(engine->by_job, entry);
        free(entry);
    }
    free(engine->rules);
    engine->rules = engine->patterns = NULL;
    engine->n_rules = 0;
}

void engine_free(struct engine *engine)
{
    if (!engine)
        return;
    clear_rules(engine);
    alerts_free(engine);
    facts_free(engine->facts);
    free(engine);
}

int engine_restore(struct engine *engine, struct error *e)
{
    return alerts_restore(engine, e) || facts_restore(engine->facts, e) ? -1 : 0;
}

static struct job_rules *rules_of(struct engine *engine, const char *job)
{
    struct job_rules *entry;
    HASH_FIND_STR(engine->by_job, job, entry);
    return entry;
}

static void add_rule(struct engine *engine, struct rule *rule)
{
    if (rule->config->job_is_pattern) {
        rule->next = engine->patterns;
        engine->patterns = rule;
        return;
    }
    struct job_rules *entry = rules_of(engine, rule->config->job);
    if (!entry) {
        entry = NEW(struct job_rules);
        entry->job = rule->config->job;
        HASH_ADD_KEYPTR(hh, engine->by_job, entry->job, strlen(entry->job), entry);
    }
    rule->next = entry->rules;
    entry->rules = rule;
}

static void end_orphans(struct engine *engine)
{
    struct active_alert *active, *next;
    HASH_ITER(hh, engine->alerts, active, next)
    {
        bool has_rule = false;
        for (size_t i = 0; i < engine->n_rules && !has_rule; i++)
            has_rule = strcmp(engine->rules[i].config->id, active->alert.rule) == 0;
        if (has_rule)
            continue;
        log_at(LOG_INFO, "engine", "alert %lld ends: its rule '%s' is gone", (long long)active->alert.id,
               active->alert.rule);
        active->alert.state = ALERT_RESOLVED;
        active->alert.ends_at = loop_now(engine->options.loop);
        alert_end(engine, active);
    }
}

void engine_configure(struct engine *engine, const struct config *config)
{
    clear_rules(engine);
    engine->n_rules = config->n_alerts;
    engine->rules = x_calloc(config->n_alerts, sizeof *engine->rules);
    for (size_t i = config->n_alerts; i-- > 0;) { /* backwards: lists are built from the front */
        engine->rules[i].config = &config->alerts[i];
        add_rule(engine, &engine->rules[i]);
    }
    end_orphans(engine);
}

static void apply_rules(struct engine *engine, const struct cloud_event *event)
{
    const struct job_rules *entry = rules_of(engine, event->subject);
    for (const struct rule *rule = entry ? entry->rules : NULL; rule; rule = rule->next)
        rule_apply(engine, rule, event);
    for (const struct rule *rule = engine->patterns; rule; rule = rule->next)
        if (text_matches(rule->config->job, event->subject))
            rule_apply(engine, rule, event);
}

void engine_process(struct engine *engine, const struct cloud_event *event)
{
    engine->stats.events++;
    /* What is known of a job stands in the job table. */
    if (text_starts(event->type, "job."))
        apply_rules(engine, event);
    else
        engine->stats.late_facts += facts_merge(engine->facts, event);
}

json_t *engine_facts(const struct engine *engine, const char *subject)
{
    return facts_of(engine->facts, subject);
}

void engine_get_stats(const struct engine *engine, struct engine_stats *out)
{
    *out = engine->stats;
    out->firing = HASH_COUNT(engine->alerts);
    out->subjects = facts_count(engine->facts);
    out->rules = engine->n_rules;
}
