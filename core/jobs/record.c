/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs and runs to and from the store, and as the API shows them. */
#include "jobs/job.h"

#include <string.h>

static const char *const state_names[] = {"new",    "scheduled", "running", "succeeded", "failed", "late",
                                          "missed", "timed_out", "skipped", "cancelled", "paused"};

const char *job_state_name(enum job_state state)
{
    return state_names[state];
}

static enum job_state state_parse(const char *name)
{
    for (size_t i = 0; i < COUNT(state_names); i++)
        if (strcmp(name, state_names[i]) == 0)
            return (enum job_state)i;
    return JOB_NEW;
}

/* ---- runs ---- */

static void write_str_or_null(struct buf *out, const char *key, const char *value)
{
    if (text_empty(value))
        json_write_null(out, key);
    else
        json_write_str(out, key, value);
}

static void write_run(struct buf *out, const struct run *run)
{
    json_write_int(out, "id", run->id);
    json_write_str(out, "state", job_state_name(run->state));
    json_write_time(out, "started_at", run->started_at);
    json_write_time(out, "finished_at", run->finished_at);
    if (run->duration >= 0)
        json_write_seconds(out, "duration", run->duration);
    else
        json_write_null(out, "duration");
    if (run->has_exit_code)
        json_write_int(out, "exit_code", run->exit_code);
    else
        json_write_null(out, "exit_code");
    write_str_or_null(out, "rid", run->rid);
    write_str_or_null(out, "node", run->node);
    write_str_or_null(out, "reason", run->reason);
}

void run_store(const struct job *job, const struct run *run)
{
    AUTOBUF text = {0};
    json_write_open(&text, NULL, '{');
    write_run(&text, run);
    json_write_str(&text, "job", job->name);
    json_write_str(&text, "output", run->output);
    json_write_close(&text, '}');
    store_put(job->jobs->options.store, STORE_RUNS, run->id, job->name,
              run->started_at ? run->started_at : run->finished_at, buf_str(&text));
}

/* As its record has it: the API is asked for a job's run far less often than one is stored. */
static json_t *run_to_json(const struct run *run)
{
    AUTOBUF text = {0};
    json_write_open(&text, NULL, '{');
    write_run(&text, run);
    json_write_close(&text, '}');
    return json_parse(buf_str(&text), text.len, NULL);
}

void run_free(struct run *run)
{
    free(run->rid);
    free(run->node);
    free(run->reason);
    free(run->output);
    *run = (struct run){.duration = -1};
}

/* What the state of a job keeps of a run, beside what the API shows. */
static void write_kept_run(struct buf *out, const char *key, const struct run *run)
{
    json_write_open(out, key, '{');
    write_run(out, run);
    json_write_int(out, "slot", run->slot);
    json_write_flag(out, "late_told", run->late_told);
    json_write_flag(out, "timeout_told", run->timeout_told);
    json_write_close(out, '}');
}

static int64_t read_time(const json_t *json, const char *key)
{
    int64_t ms = 0;
    const char *text = json_str(json, key, NULL);
    return text && time_parse(text, &ms) ? ms : 0;
}

static struct run run_unpack(const json_t *json)
{
    const json_t *duration = json_object_get(json, "duration");
    return (struct run){
        .id = json_int(json, "id", 0),
        .state = state_parse(json_str(json, "state", "")),
        .rid = x_strdup(json_str(json, "rid", NULL)),
        .node = x_strdup(json_str(json, "node", NULL)),
        .reason = x_strdup(json_str(json, "reason", NULL)),
        .started_at = read_time(json, "started_at"),
        .finished_at = read_time(json, "finished_at"),
        .duration = json_is_number(duration) ? (int64_t)(json_number_value(duration) * SECOND + 0.5) : -1,
        .slot = json_int(json, "slot", 0),
        .has_exit_code = json_is_integer(json_object_get(json, "exit_code")),
        .exit_code = (int)json_int(json, "exit_code", 0),
        .late_told = json_flag(json, "late_told", false),
        .timeout_told = json_flag(json, "timeout_told", false),
    };
}

/* ---- jobs ---- */

void job_store(struct job *job)
{
    AUTOBUF text = {0};
    json_write_open(&text, NULL, '{');
    json_write_str(&text, "state", job_state_name(job->state));
    json_write_str(&text, "reason", job->reason);
    json_write_int(&text, "pings", (int64_t)job->pings);
    json_write_int(&text, "last_report", job->last_report);
    json_write_flag(&text, "created", job->created);
    json_write_str(&text, "plan", job->plan);
    json_write_int(&text, "expected", job->expected);
    json_write_flag(&text, "late_told", job->late_told);
    json_write_int(&text, "missed", (int64_t)job->missed);
    json_write_int(&text, "alive_for", job->alive_for);
    json_write_flag(&text, "silent", job->silent);
    json_write_open(&text, "open", '[');
    for (size_t i = 0; i < job->n_open; i++)
        write_kept_run(&text, NULL, &job->open[i]);
    json_write_close(&text, ']');
    if (job->last.id)
        write_kept_run(&text, "last", &job->last);
    json_write_close(&text, '}');
    store_put(job->jobs->options.store, STORE_JOBS, job->id, job->name, job->last_report, buf_str(&text));
}

int job_load(struct jobs *jobs, const struct store_record *record, struct error *e)
{
    AUTOJSON *json = json_parse(record->data, record->size, e);
    if (!json)
        return -1;
    struct job *job = job_new(jobs, record->key);
    job->id = record->id;
    job->restored = true;
    job->state = state_parse(json_str(json, "state", ""));
    job->reason = x_strdup(json_str(json, "reason", NULL));
    job->pings = (uint64_t)json_int(json, "pings", 0);
    job->last_report = json_int(json, "last_report", 0);
    job->created = json_flag(json, "created", false);
    job->plan = x_strdup(json_str(json, "plan", NULL));
    job->expected = json_int(json, "expected", 0);
    job->late_told = json_flag(json, "late_told", false);
    job->missed = (uint64_t)json_int(json, "missed", 0);
    job->alive_for = json_int(json, "alive_for", 0);
    job->silent = json_flag(json, "silent", false);
    /* The agent was away: the promise of a heartbeat begins anew. */
    job->alive_until = loop_monotonic(jobs->options.loop) + job->alive_for;
    const json_t *open = json_object_get(json, "open"), *last = json_object_get(json, "last");
    job->n_open = json_array_size(open);
    job->open = x_calloc(job->n_open, sizeof *job->open);
    for (size_t i = 0; i < job->n_open; i++)
        job->open[i] = run_unpack(json_array_get(open, i));
    if (last)
        job->last = run_unpack(last);
    jobs->n_created += job->created;
    return 0;
}

json_t *job_to_json(const struct jobs *jobs, const struct job *job)
{
    (void)jobs;
    json_t *json = json_object();
    json_put(json, "name", json_utf8(job->name));
    json_put_str(json, "state", job_state_name(job->state));
    json_put(json, "reason", job->reason ? json_utf8(job->reason) : json_null());
    json_put(json, "depends_on", json_array());
    json_put_time(json, "next_run", job->expected);
    json_put_int(json, "pings", (int64_t)job->pings);
    json_put_time(json, "last_ping", job->last_report);
    json_put(json, "configured", json_boolean(job->config != NULL));
    if (job->config) {
        json_put_str(json, "schedule", job->config->schedule_text);
        json_put_str(json, "timezone", job->config->timezone);
        json_put_seconds(json, "grace", job->config->grace);
    }
    const struct run *last = job->n_open ? &job->open[job->n_open - 1] : job->last.id ? &job->last : NULL;
    json_put(json, "last_run", last ? run_to_json(last) : json_null());
    return json;
}
