/* SPDX-License-Identifier: Apache-2.0 */
/* Events that are reports: job.report and job.heartbeat, as sources and senders of CloudEvents bring them. */
#include "jobs/job.h"

#include <string.h>

static int parse_status(const char *status, bool heartbeat, enum report_kind *kind)
{
    static const struct {
        const char *name;
        enum report_kind kind;
    } statuses[] = {
        {"start", REPORT_START},     {"started", REPORT_START},     {"running", REPORT_START},
        {"success", REPORT_SUCCESS}, {"succeeded", REPORT_SUCCESS}, {"fail", REPORT_FAIL},
        {"failed", REPORT_FAIL},     {"failure", REPORT_FAIL},      {"log", REPORT_LOG},
        {"retry", REPORT_RETRY},     {"retried", REPORT_RETRY},
    };
    for (size_t i = 0; i < COUNT(statuses); i++) {
        if (strcmp(status, statuses[i].name) == 0) {
            *kind = heartbeat && statuses[i].kind == REPORT_START ? REPORT_ALIVE : statuses[i].kind;
            return 0;
        }
    }
    return -1;
}

static int bad(struct error *e, const char *field, const char *what)
{
    error_set(e, "%s", what);
    return error_where(e, "%s", field);
}

static int check_data(const json_t *data, struct error *e)
{
    static const char *const texts[] = {"job_id", "status", "rid", "node", "node_ip", "reason", "message", "output"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        const json_t *value = json_object_get(data, texts[i]);
        if (value && !json_is_string(value) && !json_is_null(value)) {
            error_set(e, "must be a string");
            return error_where(e, "data.%s", texts[i]);
        }
    }
    const json_t *code = json_object_get(data, "exit_code");
    if (code && !json_is_null(code) && (json_int(data, "exit_code", -1) < 0 || json_int(data, "exit_code", -1) > 255))
        return bad(e, "data.exit_code", "must be a whole number from 0 to 255");
    const char *rid = json_str(data, "rid", NULL);
    if (rid && !text_is_uuid(rid))
        return bad(e, "data.rid", "must be a UUID");
    static const char *const seconds[] = {"duration", "timeout"};
    for (size_t i = 0; i < COUNT(seconds); i++) {
        const json_t *value = json_object_get(data, seconds[i]);
        if (value && !json_is_null(value) &&
            (!json_is_number(value) || json_number_value(value) < 0 || json_number_value(value) > 1e9)) {
            error_set(e, "must be a number of seconds");
            return error_where(e, "data.%s", seconds[i]);
        }
    }
    return 0;
}

static int64_t read_seconds(const json_t *data, const char *key, int64_t fallback)
{
    const json_t *value = json_object_get(data, key);
    return json_is_number(value) ? (int64_t)(json_number_value(value) * SECOND) : fallback;
}

/* What an event reports, and of which job. All of it points into the event. */
struct observation {
    const char *job;
    bool create;
    struct job_report report;
};

static int read_event(const struct cloud_event *event, struct observation *out, struct error *e)
{
    bool heartbeat = strcmp(event->type, "job.heartbeat") == 0;
    if (!heartbeat && strcmp(event->type, "job.report") != 0)
        return 1;
    const json_t *data = event->data;
    if (check_data(data, e))
        return -1;
    const char *status = json_str(data, "status", heartbeat ? "running" : NULL);
    out->job = json_str(data, "job_id", event->subject);
    out->create = json_flag(data, "create", false);
    if (text_empty(out->job))
        return bad(e, "data.job_id", "is missing");
    if (!status)
        return bad(e, "data.status", "is missing");
    out->report = (struct job_report){
        .time = event->time,
        .has_exit_code = json_is_number(json_object_get(data, "exit_code")),
        .exit_code = (int)json_int(data, "exit_code", 0),
        .rid = json_str(data, "rid", NULL),
        .node = json_str(data, "node_ip", json_str(data, "node", NULL)),
        .reason = json_str(data, "reason", NULL),
        .source = event->source,
        .body = json_str(data, "output", json_str(data, "message", NULL)),
        .duration = read_seconds(data, "duration", -1),
        .alive_for = read_seconds(data, "timeout", 0),
    };
    out->report.body_size = out->report.body ? strlen(out->report.body) : 0;
    if (parse_status(status, heartbeat, &out->report.kind)) {
        error_set(e, "unknown status '%.40s'", status);
        error_where(e, "data.status");
        return error_mend(e, "write start, success, failed, log or retry");
    }
    if (out->report.kind == REPORT_SUCCESS && out->report.exit_code)
        out->report.kind = REPORT_FAIL;
    return 0;
}

/* Reporters know a job by its name, its UUID or its slug. */
static struct job *find_reported(struct jobs *jobs, const char *name)
{
    bool ambiguous;
    struct job *job = jobs_find(jobs, name);
    if (!job)
        job = jobs_find_uuid(jobs, name);
    return job ? job : jobs_find_slug(jobs, name, &ambiguous);
}

int jobs_check(struct jobs *jobs, const struct cloud_event *event, struct error *e)
{
    struct observation seen;
    int result = read_event(event, &seen, e);
    if (result || find_reported(jobs, seen.job))
        return result;
    if (seen.create)
        return job_check_new(jobs, seen.job, e) ? error_where(e, "data.job_id") : 0;
    error_set(e, "unknown job '%.*s'", JOB_MOST_NAME, seen.job);
    error_where(e, json_object_get(event->data, "job_id") ? "data.job_id" : "subject");
    return error_mend(e, "name it under jobs: or in an alert's job_name, or send \"create\": true");
}

int jobs_observe(struct jobs *jobs, const struct cloud_event *event, struct error *e)
{
    struct observation seen;
    int result = jobs_check(jobs, event, e);
    if (result)
        return result;
    read_event(event, &seen, e);
    struct job *job = find_reported(jobs, seen.job);
    if (!job)
        job = jobs_create(jobs, seen.job, e);
    jobs_report(jobs, job, &seen.report);
    return 0;
}

void jobs_hear(struct jobs *jobs, const struct cloud_event *event)
{
    struct observation seen;
    struct error e;
    struct job *job = read_event(event, &seen, &e) == 0 ? find_reported(jobs, seen.job) : NULL;
    if (!job || seen.report.kind != REPORT_ALIVE || !job->alive_for)
        return;
    job->alive_until = loop_monotonic(jobs->options.loop) + job->alive_for;
    job_arm(job);
}
