/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts: their identity, their table, their way to the store. */
#include "engine/rules.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *alert_state_name(enum alert_state state)
{
    static const char *const names[] = {"pending", "firing", "resolved"};
    return names[state];
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void alert_fingerprint(const json_t *labels, char out[17])
{
    size_t n = json_object_size(labels), i = 0;
    AUTOFREE const char **names = x_calloc(n, sizeof *names);
    json_t *object = (json_t *)(uintptr_t)labels; /* jansson iterates over non-const objects only */
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value) names[i++] = name;
    qsort(names, n, sizeof *names, compare);
    uint64_t hash = TEXT_HASH;
    for (i = 0; i < n; i++) {
        const char *text = json_str(labels, names[i], "");
        hash = text_hash(hash, names[i], strlen(names[i]));
        hash = text_hash(hash, "\xff", 1);
        hash = text_hash(hash, text, strlen(text));
        hash = text_hash(hash, "\xff", 1);
    }
    snprintf(out, 17, "%016" PRIx64, hash);
}

static char *make_key(const char *rule, const char *name, const char *job)
{
    return x_printf("%s\x1f%s\x1f%s", rule, name, job);
}

struct active_alert *alert_find(struct engine *engine, const char *rule, const char *name, const char *job)
{
    AUTOFREE char *key = make_key(rule, name, job);
    struct active_alert *active;
    HASH_FIND_STR(engine->alerts, key, active);
    return active;
}

static struct active_alert *add(struct engine *engine, struct alert alert)
{
    struct active_alert *active = NEW(struct active_alert);
    active->alert = alert;
    active->key = make_key(alert.rule, json_str(alert.labels, "alertname", ""), json_str(alert.labels, "job", ""));
    HASH_ADD_KEYPTR(hh, engine->alerts, active->key, strlen(active->key), active);
    return active;
}

static void free_one(struct engine *engine, struct active_alert *active)
{
    HASH_DEL(engine->alerts, active);
    json_decref(active->alert.labels);
    json_decref(active->alert.annotations);
    free(active->alert.rule);
    free(active->key);
    free(active);
}

struct active_alert *alert_begin(struct engine *engine, const char *rule, const char *name, const char *job,
                                 json_t *labels, json_t *annotations, int64_t at)
{
    json_put(labels, "alertname", json_utf8(name));
    json_put(labels, "job", json_utf8(job));
    struct alert alert = {
        .id = store_next_id(engine->options.store, STORE_ALERTS),
        .rule = x_strdup(rule),
        .labels = labels,
        .annotations = annotations,
        .state = ALERT_FIRING,
        .starts_at = at,
        .updated_at = at,
        .occurrences = 1,
    };
    alert_fingerprint(labels, alert.fingerprint);
    return add(engine, alert);
}

json_t *alert_to_json(const struct alert *alert)
{
    json_t *json = json_object();
    json_put_int(json, "id", alert->id);
    json_put_str(json, "fingerprint", alert->fingerprint);
    json_put_str(json, "rule", alert->rule);
    json_put_str(json, "state", alert_state_name(alert->state));
    json_put(json, "labels", json_incref(alert->labels));
    json_put(json, "annotations", json_incref(alert->annotations));
    json_put_time(json, "starts_at", alert->starts_at);
    json_put_time(json, "ends_at", alert->ends_at);
    json_put_time(json, "updated_at", alert->updated_at);
    json_put_time(json, "announced_at", alert->announced_at);
    json_put_int(json, "occurrences", (int64_t)alert->occurrences);
    return json;
}

void alert_store(struct engine *engine, const struct alert *alert)
{
    AUTOJSON *json = alert_to_json(alert);
    store_put_json(engine->options.store, STORE_ALERTS, alert->id, alert->rule, alert->starts_at, json);
}

void alert_end(struct engine *engine, struct active_alert *active)
{
    const struct alert *alert = &active->alert;
    AUTOJSON *json = alert_to_json(alert);
    store_delete(engine->options.store, STORE_ALERTS, alert->id);
    store_put_json(engine->options.store, STORE_ALERT_HISTORY, alert->id, alert->rule, alert->starts_at, json);
    free_one(engine, active);
}

void alert_tell(struct engine *engine, struct alert *alert, const struct rule *rule, enum tell what)
{
    alert->announced_at = loop_now(engine->options.loop);
    engine->stats.told++;
    engine->options.tell(engine->options.ctx, alert, what, &rule->config->notify, &rule->config->recipients);
}

static int64_t read_time(const json_t *json, const char *key)
{
    int64_t ms = 0;
    const char *text = json_str(json, key, NULL);
    return text && time_parse(text, &ms) ? ms : 0;
}

static int load_one(void *ctx, const struct store_record *record)
{
    struct engine *engine = ctx;
    struct error e;
    AUTOJSON *json = json_parse(record->data, record->size, &e);
    const json_t *labels = json_object_get(json, "labels"), *annotations = json_object_get(json, "annotations");
    if (!json_is_object(labels) || !json_is_object(annotations)) {
        log_at(LOG_ERROR, "engine", "alert %lld of rule '%s' cannot be read and is left out", (long long)record->id,
               record->key);
        return 0;
    }
    struct alert alert = {
        .id = record->id,
        .rule = x_strdup(record->key),
        .labels = json_deep_copy(labels),
        .annotations = json_deep_copy(annotations),
        .state = ALERT_FIRING,
        .starts_at = read_time(json, "starts_at"),
        .updated_at = read_time(json, "updated_at"),
        .announced_at = read_time(json, "announced_at"),
        .occurrences = (uint64_t)json_int(json, "occurrences", 1),
    };
    alert_fingerprint(alert.labels, alert.fingerprint);
    add(engine, alert);
    return 0;
}

int alerts_restore(struct engine *engine, struct error *e)
{
    return store_load(engine->options.store, STORE_ALERTS, load_one, engine, e);
}

void alerts_free(struct engine *engine)
{
    while (engine->alerts)
        free_one(engine, engine->alerts);
}

size_t engine_list(const struct engine *engine, int64_t after, size_t limit, const struct alert **out)
{
    size_t n = 0;
    for (const struct active_alert *a = engine->alerts; a && n < limit; a = a->hh.next)
        if (a->alert.id > after)
            out[n++] = &a->alert;
    return n;
}
