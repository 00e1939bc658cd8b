/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The short form: a job, what happened to it, whom to tell.
 *
 * A problem (failed, late, missed, timed out) is an alert that fires until the job succeeds. A rule follows the
 * problems among its triggers, or, if it names only on_recovery, all of them. News (started, succeeded, retried,
 * completed) is told and over.
 */
#include "engine/rules.h"

#include <string.h>

struct kind {
    const char *event; /* type */
    unsigned trigger;
    const char *alertname;
    const char *verb; /* for the summary */
};
static const struct kind problems[] = {
    {"job.failed", ON_FAILURE, "JobFailed", "failed"},
    {"job.late", ON_LATE, "JobLate", "is late"},
    {"job.missed", ON_MISSED, "JobMissed", "was missed"},
    {"job.timed_out", ON_TIMEOUT, "JobTimedOut", "timed out"},
};
static const struct kind news[] = {
    {"job.started", ON_START, "JobStarted", "started"},
    {"job.succeeded", ON_SUCCESS, "JobSucceeded", "succeeded"},
    {"job.retried", ON_RETRY, "JobRetried", "is tried again"},
    {"job.succeeded", ON_COMPLETE, "JobCompleted", "completed: it succeeded"},
    {"job.failed", ON_COMPLETE, "JobCompleted", "completed: it failed"},
    {"job.timed_out", ON_COMPLETE, "JobCompleted", "completed: it timed out"},
};
enum { ALL_PROBLEMS = ON_FAILURE | ON_LATE | ON_MISSED | ON_TIMEOUT };

static json_t *texts_of(const struct belfry_map *map)
{
    json_t *object = json_object();
    for (size_t i = 0; i < map->n; i++)
        json_put(object, map->pair[i].key, json_utf8(map->pair[i].value));
    return object;
}

/* What people want to read of the event: the built-in annotations, and the rule's own over them. */
static json_t *annotate(const struct rule *rule, const struct kind *kind, const struct cloud_event *event)
{
    const json_t *data = event->data;
    json_t *out = json_object();
    const char *reason = json_str(data, "reason", "");
    AUTOFREE char *summary = x_printf("%s %s%s%s", event->subject, kind->verb, *reason ? ": " : "", reason);
    json_put_str(out, "summary", summary);
    static const char *const copied[] = {"reason", "node", "rid", "output"};
    for (size_t i = 0; i < COUNT(copied); i++)
        json_put_str(out, copied[i], json_str(data, copied[i], NULL));
    if (json_object_get(data, "exit_code")) {
        AUTOFREE char *code = x_printf("%lld", (long long)json_int(data, "exit_code", 0));
        json_put_str(out, "exit_code", code);
    }
    if (json_object_get(data, "duration")) {
        char text[DURATION_TEXT];
        json_put_str(out, "duration",
                     duration_format((int64_t)(json_number_value(json_object_get(data, "duration")) * SECOND), text));
    }
    AUTOJSON *own = texts_of(&rule->config->annotations);
    json_object_update(out, own);
    return out;
}

static void on_problem(struct engine *engine, const struct rule *rule, const struct kind *kind,
                       const struct cloud_event *event)
{
    unsigned triggers = rule->config->triggers;
    bool told = triggers & kind->trigger;
    if (!told && ((triggers & ALL_PROBLEMS) || !(triggers & ON_RECOVERY)))
        return;
    struct active_alert *active = alert_find(engine, rule->config->id, kind->alertname, event->subject);
    json_t *annotations = annotate(rule, kind, event);
    bool again = active;
    if (again) {
        json_decref(active->alert.annotations);
        active->alert.annotations = annotations;
        active->alert.updated_at = event->time;
        active->alert.occurrences++;
    } else {
        active = alert_begin(engine, rule->config->id, kind->alertname, event->subject, texts_of(&rule->config->labels),
                             annotations, event->time);
    }
    int64_t since = loop_now(engine->options.loop) - active->alert.announced_at;
    if (told && (!again || since >= rule->config->repeat_interval))
        alert_tell(engine, &active->alert, rule, TELL_FIRING);
    alert_store(engine, &active->alert);
}

static void resolve(struct engine *engine, const struct rule *rule, const struct kind *kind,
                    const struct cloud_event *event)
{
    struct active_alert *active = alert_find(engine, rule->config->id, kind->alertname, event->subject);
    if (!active)
        return;
    active->alert.state = ALERT_RESOLVED;
    active->alert.ends_at = active->alert.updated_at = event->time;
    if (rule->config->triggers & ON_RECOVERY)
        alert_tell(engine, &active->alert, rule, TELL_RESOLVED);
    alert_end(engine, active);
}

static void on_news(struct engine *engine, const struct rule *rule, const struct kind *kind,
                    const struct cloud_event *event)
{
    struct active_alert *active =
        alert_begin(engine, rule->config->id, kind->alertname, event->subject, texts_of(&rule->config->labels),
                    annotate(rule, kind, event), event->time);
    active->alert.ends_at = event->time;
    alert_tell(engine, &active->alert, rule, TELL_ONCE);
    active->alert.state = ALERT_RESOLVED;
    alert_end(engine, active);
}

void rule_apply(struct engine *engine, const struct rule *rule, const struct cloud_event *event)
{
    bool succeeded = strcmp(event->type, "job.succeeded") == 0, alive = strcmp(event->type, "job.alive") == 0;
    for (size_t i = 0; i < COUNT(problems); i++) {
        if (succeeded || (alive && problems[i].trigger == ON_MISSED))
            resolve(engine, rule, &problems[i], event);
        else if (strcmp(event->type, problems[i].event) == 0)
            on_problem(engine, rule, &problems[i], event);
    }
    for (size_t i = 0; i < COUNT(news); i++)
        if ((rule->config->triggers & news[i].trigger) && strcmp(event->type, news[i].event) == 0)
            on_news(engine, rule, &news[i], event);
}
