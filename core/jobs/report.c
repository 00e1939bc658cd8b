/* SPDX-License-Identifier: Apache-2.0 */
/* Reports: a job says that it began, ended, or is alive. */
#include "jobs/job.h"

#include <string.h>

/* Clocks of reporters may be coarse (whole seconds): a report counts as old only if it is older by more than this. */
static const int64_t tolerance = SECOND;

static const char *kind_name(enum report_kind kind)
{
    static const char *const names[] = {"start", "success", "fail", "log", "alive", "retry"};
    return names[kind];
}

static void record_ping(struct job *job, const struct job_report *report, int64_t at, const char *note)
{
    struct store *store = job->jobs->options.store;
    AUTOBUF text = {0};
    json_write_open(&text, NULL, '{');
    json_write_str(&text, "job", job->name);
    json_write_str(&text, "kind", kind_name(report->kind));
    json_write_time(&text, "time", at);
    if (report->has_exit_code)
        json_write_int(&text, "exit_code", report->exit_code);
    json_write_str(&text, "rid", report->rid);
    json_write_str(&text, "node", report->node);
    json_write_str(&text, "source", report->source);
    json_write_str(&text, "note", note);
    if (report->body_size) {
        AUTOBUF body = {0};
        text_add_utf8(&body, report->body, report->body_size);
        json_write_str(&text, "body", body.data);
    }
    json_write_close(&text, '}');
    store_put(store, STORE_PINGS, store_next_id(store, STORE_PINGS), job->name, at, buf_str(&text));
    job->pings++;
}

/* The open run that a report speaks of: the one with its rid, or, when it gives none, the newest that has none. */
static struct run *find_open(struct job *job, const char *rid)
{
    for (size_t i = job->n_open; i-- > 0;)
        if (text_equal(job->open[i].rid, rid))
            return &job->open[i];
    return NULL;
}

static void forget_open(struct job *job, struct run *run)
{
    size_t i = (size_t)(run - job->open);
    memmove(run, run + 1, (job->n_open - i - 1) * sizeof *run);
    job->n_open--;
}

static struct run *open_run(struct job *job, const struct job_report *report, int64_t at)
{
    struct store *store = job->jobs->options.store;
    if (job->n_open == JOB_MOST_OPEN_RUNS) {
        /* Starts without ends: the oldest will not end any more. */
        struct run *oldest = &job->open[0];
        oldest->state = JOB_CANCELLED;
        free(oldest->reason);
        oldest->reason = x_strdup("no end was reported, and too many runs are open");
        run_store(job, oldest);
        run_free(oldest);
        forget_open(job, oldest);
    }
    job->open = x_realloc(job->open, (job->n_open + 1) * sizeof *job->open);
    struct run *run = &job->open[job->n_open++];
    *run = (struct run){
        .id = store_next_id(store, STORE_RUNS),
        .state = JOB_RUNNING,
        .rid = x_strdup(report->rid),
        .node = x_strdup(report->node),
        .duration = -1,
        .started_at = at,
    };
    return run;
}

static void end_run(struct job *job, struct run *run, const struct job_report *report, int64_t at, enum job_state state)
{
    run->state = state;
    run->finished_at = at;
    run->has_exit_code = report->has_exit_code;
    run->exit_code = report->exit_code;
    if (report->duration >= 0)
        run->duration = report->duration;
    else if (run->started_at)
        run->duration = at > run->started_at ? at - run->started_at : 0;
    if (!run->node)
        run->node = x_strdup(report->node);
    free(run->reason);
    run->reason = x_strdup(report->reason);
    if (!run->reason && state == JOB_FAILED && report->has_exit_code)
        run->reason = report->exit_code > 128 ? x_printf("it was ended by signal %d", report->exit_code - 128)
                                              : x_printf("it exited with code %d", report->exit_code);
    if (report->body_size) {
        AUTOBUF body = {0};
        text_add_utf8(&body, report->body, report->body_size);
        run->output = buf_take(&body);
    }
    run_store(job, run);
}

static void on_start(struct job *job, const struct job_report *report, int64_t at)
{
    if (report->rid && find_open(job, report->rid))
        return; /* the same start, told again */
    struct run *run = open_run(job, report, at);
    job_keep_slot(job, at, run);
    run_store(job, run);
    job_set_state(job, JOB_RUNNING, NULL);
    job_emit(job, "job.started", run, at);
}

static void on_end(struct job *job, const struct job_report *report, int64_t at)
{
    enum job_state state = report->kind == REPORT_SUCCESS ? JOB_SUCCEEDED : JOB_FAILED;
    struct run *run = find_open(job, report->rid);
    if (!run) {
        run = open_run(job, report, at);
        run->started_at = report->duration >= 0 ? at - report->duration : 0;
    }
    if (!run->slot)
        job_keep_slot(job, at, run);
    end_run(job, run, report, at, state);
    job->alive_for = 0;
    job->silent = false;
    struct run ended = *run;
    forget_open(job, run);
    run_free(&job->last);
    job->last = ended;
    job_set_state(job, state, ended.reason);
    job_emit(job, state == JOB_SUCCEEDED ? "job.succeeded" : "job.failed", &job->last, at);
    free(TAKE(job->last.output)); /* it stands in the run's record */
}

static void on_alive(struct job *job, const struct job_report *report, int64_t at)
{
    bool is_news = job->alive_for != report->alive_for || !job->n_open;
    job->alive_for = report->alive_for;
    job->alive_until = loop_monotonic(job->jobs->options.loop) + report->alive_for;
    if (!job->n_open) {
        struct run *run = open_run(job, report, at);
        job_keep_slot(job, at, run);
        run_store(job, run);
        job_set_state(job, JOB_RUNNING, NULL);
        job_emit(job, "job.started", run, at);
    }
    if (job->silent) {
        job->silent = false;
        job->missed = 0;
        job_set_state(job, JOB_RUNNING, "its heartbeat is back");
        job_emit(job, "job.alive", &job->open[job->n_open - 1], at);
    }
    if (is_news) /* an unchanged repeat writes nothing */
        job_store(job);
}

static void on_retry(struct job *job, const struct job_report *report, int64_t at)
{
    struct run *run = find_open(job, report->rid);
    job_set_state(job, JOB_RUNNING, report->reason);
    job_emit(job, "job.retried", run, at);
}

/* Is this what was said of the last run already, told again? Another outcome is news. */
static bool is_repeat(const struct job *job, const struct job_report *report)
{
    if (!report->rid || !job->last.id || !text_equal(job->last.rid, report->rid))
        return false;
    return report->kind == REPORT_START || (report->kind == REPORT_SUCCESS && job->last.state == JOB_SUCCEEDED) ||
           (report->kind == REPORT_FAIL && job->last.state == JOB_FAILED);
}

/* Older than what is known? Not if it ends a run that is open: runs overlap, and hosts have clocks of their own. */
static bool is_stale(struct job *job, const struct job_report *report, int64_t at)
{
    bool ends = report->kind == REPORT_SUCCESS || report->kind == REPORT_FAIL;
    return at + tolerance < job->last_report && !(ends && report->rid && find_open(job, report->rid));
}

void jobs_report(struct jobs *jobs, struct job *job, const struct job_report *given)
{
    struct job_report report = *given;
    int64_t now = loop_now(jobs->options.loop);
    /* A run id is a UUID, which may be written in either case. */
    AUTOFREE char *rid = x_strdup(given->rid);
    if (rid)
        text_lower(rid);
    report.rid = rid;
    int64_t at = !report.time || report.time > now ? now : report.time;
    if (report.body_size > PING_MOST_BODY) {
        report.body += report.body_size - PING_MOST_BODY;
        report.body_size = PING_MOST_BODY;
    }
    jobs->stats.reports[report.kind]++;
    if (report.kind == REPORT_LOG) {
        record_ping(job, &report, at, NULL);
        job_store(job);
        return;
    }
    if (job->last_report > now) /* the clock was set back: what it said before counts no more */
        job->last_report = now;
    if (is_stale(job, &report, at) || is_repeat(job, &report)) {
        jobs->stats.stale++;
        record_ping(job, &report, at, "older than what is known, or told before");
        job_store(job);
        return;
    }
    if (job->state == JOB_PAUSED) /* as with healthchecks: the next report resumes */
        job_leave_pause(job);
    if (at > job->last_report)
        job->last_report = at;
    if (report.kind == REPORT_ALIVE) {
        on_alive(job, &report, at);
    } else {
        record_ping(job, &report, at, NULL);
        if (report.kind == REPORT_START)
            on_start(job, &report, at);
        else if (report.kind == REPORT_RETRY)
            on_retry(job, &report, at);
        else
            on_end(job, &report, at);
        job_store(job);
    }
    job_arm(job);
}
