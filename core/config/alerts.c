/* SPDX-License-Identifier: Apache-2.0 */
/* The alerts: list in its short form, and the notify: blocks of jobs, which say the same. */
#include "config/build.h"

#include <ctype.h>
#include <string.h>

/* In the order of the bits of enum job_trigger. */
static const char *const trigger_list[] = {"on_start", "on_success", "on_failure",  "on_retry",   "on_timeout",
                                           "on_late",  "on_missed",  "on_recovery", "on_complete"};

/* An alert and what it says of its job. */
struct entry {
    struct config_alert alert;
    const char *name;
    struct belfry_list notify, notify_methods;
    const char *schedule_cron, *timezone;
    int64_t grace;
};

#define ENTRY(field) offsetof(struct entry, field)
static const struct belfry_option alert_table[] = {
    {"name", BELFRY_STRING, .offset = ENTRY(name)},
    {"job_name", BELFRY_STRING, BELFRY_REQUIRED, .doc = "a job, or a pattern such as etl-*",
     .offset = ENTRY(alert.job)},
    {"notify_methods", BELFRY_LIST, .offset = ENTRY(notify_methods)},
    {"notify", BELFRY_LIST, .offset = ENTRY(notify)},
    {"recipients", BELFRY_LIST, .offset = ENTRY(alert.recipients)},
    {"schedule_cron", BELFRY_STRING, .offset = ENTRY(schedule_cron)},
    {"timezone", BELFRY_STRING, .offset = ENTRY(timezone)},
    {"grace", BELFRY_DURATION, .offset = ENTRY(grace)},
    {"labels", BELFRY_MAP, .offset = ENTRY(alert.labels)},
    {"annotations", BELFRY_MAP, .offset = ENTRY(alert.annotations)},
    {"repeat_interval", BELFRY_DURATION, .initial = "4h", .offset = ENTRY(alert.repeat_interval)},
    {0},
};
static const char *const alert_others[] = {"trigger_condition", NULL};
enum { REPEAT_INTERVAL = 4 * HOUR };

/* ---- Triggers ---- */

static unsigned trigger_bit(struct build *build, const struct node *node, const char *block)
{
    char hint[HINT_TEXT];
    if (node->broken)
        return 0;
    for (size_t i = 0; i < COUNT(trigger_list); i++)
        if (node->kind == NODE_SCALAR && strcmp(node->text, trigger_list[i]) == 0)
            return 1u << i;
    if (node->kind == NODE_SCALAR)
        problems_add(build->problems, node->at,
                     "%s: 'trigger_condition' must be on_start, on_success, on_failure, on_retry, on_timeout, on_late, "
                     "on_missed, on_recovery or on_complete, not '%.60s'%s",
                     block, node->written, names_hint(node->text, trigger_list, COUNT(trigger_list), hint));
    else
        problems_add(build->problems, node->at, "%s: 'trigger_condition' must be text or a list of text", block);
    return 0;
}

static unsigned bind_triggers(struct build *build, const struct node *map, struct position at, const char *block)
{
    const struct node *node = node_get(map, "trigger_condition");
    if (!node || (node->kind == NODE_LIST && node->n == 0)) {
        problems_add(build->problems, node ? node->at : at,
                     "%s: 'trigger_condition' is required: what happened to the job, such as on_failure", block);
        return 0;
    }
    if (node->kind != NODE_LIST)
        return trigger_bit(build, node, block);
    unsigned triggers = 0;
    for (size_t i = 0; i < node->n; i++)
        triggers |= trigger_bit(build, node->items[i], block);
    return triggers;
}

/* ---- What an alert says of its job ---- */

static void complain_other(struct build *build, struct position at, const char *what, const char *job,
                           struct position first)
{
    problems_add(build->problems, at, "job '%s': two values for its %s: the other is in %s:%d:%d", job, what,
                 first.file, first.line, first.column);
}

/* The same again is no harm: several alerts may each say when their job is due. */
static void complete_text(struct build *build, const struct node *value, const char *what, const char *job,
                          const char **field, struct position *field_at)
{
    if (!value || value->kind != NODE_SCALAR || value->broken || !value->text[0])
        return;
    if (!field_at->file) {
        *field = value->text;
        *field_at = value->at;
    } else if (strcmp(*field, value->text) != 0) {
        complain_other(build, value->at, what, job, *field_at);
    }
}

static void complete_job(struct build *build, struct job_draft *draft, const struct node *map, int64_t grace)
{
    struct config_job *job = &draft->job;
    const struct node *cron = node_get(map, "schedule_cron");
    if (cron && draft->every_at.file)
        complain_other(build, cron->at, "schedule", job->name, draft->every_at);
    else
        complete_text(build, cron, "schedule", job->name, &job->schedule_text, &draft->schedule_at);
    complete_text(build, node_get(map, "timezone"), "timezone", job->name, &job->timezone, &draft->timezone_at);
    const struct node *grace_node = node_get(map, "grace");
    if (grace_node && draft->grace_at.file && job->grace != grace)
        complain_other(build, grace_node->at, "grace", job->name, draft->grace_at);
    else if (grace_node) {
        job->grace = grace;
        draft->grace_at = grace_node->at;
    }
}

static void settle_job(struct build *build, struct entry *entry, const struct node *map, const char *block)
{
    static const char *const of_the_job[] = {"schedule_cron", "timezone", "grace"};
    struct config_alert *alert = &entry->alert;
    if (!alert->job[0])
        return;
    alert->job_is_pattern = strpbrk(alert->job, "*?[]") != NULL;
    if (!alert->job_is_pattern) {
        struct position at = config_option_position(map, alert->at, "job_name");
        complete_job(build, job_draft_get(build, alert->job, at), map, entry->grace);
        return;
    }
    for (size_t i = 0; i < COUNT(of_the_job); i++)
        if (node_get(map, of_the_job[i]))
            problems_add(build->problems, config_option_position(map, alert->at, of_the_job[i]),
                         "%s: '%s' describes one job, but 'job_name' is a pattern", block, of_the_job[i]);
}

/* ---- One alert ---- */

static void settle_notify(struct build *build, struct entry *entry, const struct node *map, const char *block)
{
    const struct node *methods = node_get(map, "notify_methods"), *notify = node_get(map, "notify");
    struct config_alert *alert = &entry->alert;
    alert->notify = methods ? entry->notify_methods : entry->notify;
    if (methods && notify)
        problems_add(build->problems, notify->at, "%s: 'notify' and 'notify_methods' say the same: keep one", block);
    const struct node *list = methods ? methods : notify;
    if (!list)
        problems_add(build->problems, alert->at, "%s: 'notify_methods' is required: the channels that are told", block);
    else if (list->kind == NODE_LIST && list->n == 0)
        problems_add(build->problems, list->at, "%s: no channel is named", block);
    check_channel_list(build, list, block);
}

static void check_labels(struct build *build, const struct node *map, const char *block)
{
    const struct node *labels = node_get(map, "labels");
    for (size_t i = 0; labels && labels->kind == NODE_MAP && i < labels->n; i++) {
        const char *name = labels->keys[i]->text;
        bool good = isalpha((unsigned char)name[0]) || name[0] == '_';
        for (const char *p = name; *p; p++)
            good &= isalnum((unsigned char)*p) || *p == '_';
        if (!good)
            problems_add(build->problems, labels->keys[i]->at,
                         "%s: label '%s': a label's name has letters, digits and _, and no digit first", block, name);
        else if (strcmp(name, "alertname") == 0 || strcmp(name, "job") == 0)
            problems_add(build->problems, labels->keys[i]->at, "%s: label '%s' is set by the agent", block, name);
    }
}

static char *describe(const struct node *map)
{
    const struct node *name = node_get(map, "name");
    if (!name || name->kind != NODE_SCALAR)
        name = node_get(map, "job_name");
    return name && name->kind == NODE_SCALAR ? x_printf("alert '%.200s'", name->text) : x_strdup("alert");
}

static void bind_alert(struct build *build, struct config_alert *alert, const struct node *map, struct names *ids)
{
    struct entry entry = {.alert.at = map->at};
    AUTOFREE char *block = describe(map);
    config_bind(map, map->at, block, alert_table, alert_others, &entry, build->config->arena, build->problems);
    if (map->kind != NODE_MAP) {
        *alert = entry.alert;
        return;
    }
    entry.alert.triggers = bind_triggers(build, map, map->at, block);
    check_positive(build, map, map->at, block, "repeat_interval", entry.alert.repeat_interval);
    check_labels(build, map, block);
    settle_notify(build, &entry, map, block);
    settle_job(build, &entry, map, block);
    if (entry.name[0]) {
        struct position at = config_option_position(map, map->at, "name");
        const struct name *first = names_add(ids, entry.name, at, 1);
        entry.alert.id = entry.name;
        if (first)
            problems_add(build->problems, at, "alert '%s' is defined twice: first in %s:%d:%d", entry.name,
                         first->at.file, first->at.line, first->at.column);
    }
    *alert = entry.alert;
}

/* ---- The notify: blocks of jobs ---- */

static size_t count_notifies(const struct build *build)
{
    size_t n = 0;
    for (size_t i = 0; i < build->n_drafts; i++) {
        const struct node *notify = node_get(build->drafts[i].block, "notify");
        n += notify ? notify->n : 0;
    }
    return n;
}

static void bind_notifies(struct build *build, const struct job_draft *draft)
{
    struct belfry_list lists[COUNT(trigger_list)] = {0};
    struct belfry_option table[COUNT(trigger_list) + 1] = {0};
    for (size_t i = 0; i < COUNT(trigger_list); i++)
        table[i] = (struct belfry_option){trigger_list[i], BELFRY_LIST, .offset = i * sizeof *lists};
    const struct node *map = node_get(draft->block, "notify");
    AUTOFREE char *block = x_printf("job '%s', notify", draft->job.name);
    config_bind(map, draft->job.at, block, table, NULL, lists, build->config->arena, build->problems);
    for (size_t i = 0; i < COUNT(trigger_list); i++) {
        const struct node *list = node_get(map, trigger_list[i]);
        check_channel_list(build, list, block);
        if (list && list->kind == NODE_LIST && list->n == 0)
            problems_add(build->problems, list->at, "%s: no channel is named", block);
        if (list)
            build->config->alerts[build->config->n_alerts++] = (struct config_alert){
                .at = list->at,
                .job = draft->job.name,
                .triggers = 1u << i,
                .notify = lists[i],
                .recipients = draft->recipients,
                .repeat_interval = REPEAT_INTERVAL,
            };
    }
}

/* ---- Ids ---- */

static char *derive_id(struct build *build, const struct config_alert *alert)
{
    AUTOBUF id = {0};
    buf_adds(&id, alert->job);
    for (size_t i = 0; i < COUNT(trigger_list); i++)
        if (alert->triggers & 1u << i)
            buf_addf(&id, "%c%s", id.len == strlen(alert->job) ? '/' : ',', trigger_list[i]);
    return arena_strdup(build->config->arena, buf_str(&id));
}

/* Those that were not named are counted: the second of the same is "JOB/on_failure#2". */
static void name_the_nameless(struct build *build, struct names *ids)
{
    for (size_t i = 0; i < build->config->n_alerts; i++) {
        struct config_alert *alert = &build->config->alerts[i];
        if (alert->id)
            continue;
        char *id = derive_id(build, alert);
        struct name *same = names_add(ids, id, alert->at, 1);
        for (const struct name *taken = same; taken;) {
            id = arena_printf(build->config->arena, "%s#%zu", same->text, ++same->index);
            taken = names_add(ids, id, alert->at, 1);
        }
        alert->id = id;
    }
}

void build_alerts(struct build *build)
{
    struct config *config = build->config;
    const struct node *list = build->alerts;
    struct names ids = {0};
    config->alerts = arena_alloc(config->arena, (list->n + count_notifies(build)) * sizeof *config->alerts);
    for (size_t i = 0; i < list->n; i++)
        bind_alert(build, &config->alerts[config->n_alerts++], list->items[i], &ids);
    for (size_t i = 0; i < build->n_drafts; i++)
        if (node_get(build->drafts[i].block, "notify"))
            bind_notifies(build, &build->drafts[i]);
    name_the_nameless(build, &ids);
    names_free(&ids);
}
