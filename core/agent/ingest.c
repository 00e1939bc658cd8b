/* SPDX-License-Identifier: Apache-2.0 */
/* The way of an event: from a source, an HTTP request or a job, to the rooms that it concerns, to the disk. */
#include "agent/wiring.h"

#include <string.h>

#include <uthash.h>

/* ---- checkpoints: where a source stands in its input ---- */

struct checkpoint {
    int64_t id;
    char *source, *value;
    UT_hash_handle hh;
};

static struct checkpoint *find_checkpoint(struct agent *agent, const char *source)
{
    struct checkpoint *checkpoint;
    HASH_FIND_STR(agent->checkpoints, source, checkpoint);
    return checkpoint;
}

static struct checkpoint *set_checkpoint(struct agent *agent, int64_t id, const char *source, const char *value)
{
    struct checkpoint *checkpoint = find_checkpoint(agent, source);
    if (!checkpoint) {
        checkpoint = NEW(struct checkpoint);
        checkpoint->id = id ? id : store_next_id(agent->store, STORE_CHECKPOINTS);
        checkpoint->source = x_strdup(source);
        HASH_ADD_KEYPTR(hh, agent->checkpoints, checkpoint->source, strlen(checkpoint->source), checkpoint);
    }
    free(checkpoint->value);
    checkpoint->value = x_strdup(value);
    return checkpoint;
}

static int load_checkpoint(void *ctx, const struct store_record *record)
{
    struct error e;
    AUTOJSON *json = json_parse(record->data, record->size, &e);
    set_checkpoint(ctx, record->id, record->key, json_str(json, "value", ""));
    return 0;
}

int checkpoints_restore(struct agent *agent, struct error *e)
{
    return store_load(agent->store, STORE_CHECKPOINTS, load_checkpoint, agent, e);
}

void checkpoints_free(struct agent *agent)
{
    struct checkpoint *checkpoint, *next;
    HASH_ITER(hh, agent->checkpoints, checkpoint, next)
    {
        HASH_DEL(agent->checkpoints, checkpoint);
        free(checkpoint->source);
        free(checkpoint->value);
        free(checkpoint);
    }
}

const char *checkpoint_of(struct agent *agent, const char *source)
{
    const struct checkpoint *checkpoint = find_checkpoint(agent, source);
    return checkpoint ? checkpoint->value : "";
}

static void store_checkpoint(struct agent *agent, const char *source, const char *value)
{
    const struct checkpoint *checkpoint = set_checkpoint(agent, 0, source, value);
    AUTOJSON *json = json_object();
    json_put_str(json, "value", value);
    store_put_json(agent->store, STORE_CHECKPOINTS, checkpoint->id, source, loop_now(agent->loop), json);
}

/* ---- events ---- */

/* A sender that did not hear our answer sends again, with the same source and id. */
static bool is_repeat(struct agent *agent, const struct cloud_event *event)
{
    uint64_t hash = text_hash(TEXT_HASH, event->source, strlen(event->source) + 1);
    hash = text_hash(hash, event->id, strlen(event->id));
    uint64_t *place = &agent->seen[hash % SEEN_EVENTS];
    bool repeat = *place == hash;
    *place = hash;
    return repeat;
}

int agent_check(struct agent *agent, const struct cloud_event *event, struct error *e)
{
    if (cloud_event_check(event, e))
        return -1;
    int result = jobs_check(agent->jobs, event, e);
    if (result == 1 && text_starts(event->type, "job.")) {
        error_set(e, "events of type '%.60s' are made by the agent itself", event->type);
        error_where(e, "type");
        return error_mend(e, "report a job by job.report or job.heartbeat");
    }
    return result < 0 ? -1 : 0;
}

int agent_ingest(struct agent *agent, struct cloud_event *event, const char *checkpoint,
                 void (*done)(void *data, enum store_result), void *data, struct error *e)
{
    int result = store_accepts(agent->store, e);
    if (result)
        jobs_hear(agent->jobs, event);
    else
        result = agent_check(agent, event, e);
    if (!result && !is_repeat(agent, event) && jobs_observe(agent->jobs, event, e) == 1)
        engine_process(agent->engine, event);
    if (!result && checkpoint)
        store_checkpoint(agent, event->source, checkpoint);
    cloud_event_free(event);
    if (!result)
        store_commit(agent->store, done, data);
    return result;
}

/* ---- the agent's own trouble ---- */

void agent_tell(struct agent *agent, const char *alertname, const char *summary)
{
    int64_t now = loop_now(agent->loop);
    AUTOJSON *labels = json_pack("{s:s, s:s}", "alertname", alertname, "agent", agent->id);
    AUTOJSON *annotations = json_object();
    json_put_str(annotations, "summary", summary);
    struct alert alert = {
        .rule = (char[]){"belfry"},
        .labels = labels,
        .annotations = annotations,
        .state = ALERT_FIRING,
        .starts_at = now,
        .updated_at = now,
    };
    alert_fingerprint(labels, alert.fingerprint);
    log_at(LOG_ERROR, "agent", "%s: %s", alertname, summary);
    notify_alert(agent->notify, &alert, TELL_ONCE, &agent->generation->config->agent.notify, &(struct belfry_list){0});
}
