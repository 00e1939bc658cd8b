/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs, their runs and their pings. */
#include "http/api.h"

#include <string.h>

enum {
    MOST_EXAMINED = 10000, /* jobs looked at for one page of ?state= */
    MOST_NEAREST = 1000,   /* names that a wrong one is compared with */
    CHUNK = 256,
};

/* ---- the list ---- */

static bool is_state(const char *name)
{
    for (int state = JOB_NEW; state <= JOB_PAUSED; state++)
        if (strcmp(name, job_state_name((enum job_state)state)) == 0)
            return true;
    return false;
}

static void fail_state(struct exchange *x, const char *state)
{
    const char *names[JOB_PAUSED + 1];
    for (int i = JOB_NEW; i <= JOB_PAUSED; i++)
        names[i] = job_state_name((enum job_state)i);
    const char *nearest = text_nearest(state, names, COUNT(names));
    struct error e;
    error_set(&e, "'%.40s' is not a job's state", state);
    error_where(&e, "state");
    if (nearest)
        error_mend(&e, "did you mean '%s'?", nearest);
    exchange_error(x, 400, &e);
}

/* Fill `items` with at most `limit` jobs behind `after`. Returns the cursor of the next page, null if there is none:
 * the last job shown, or the last one looked at when few of many are in that state. */
static const char *fill_page(struct jobs *jobs, const char *after, const char *state, size_t limit, json_t *items)
{
    const struct job *chunk[CHUNK];
    for (size_t examined = 0; examined < MOST_EXAMINED;) {
        size_t n = jobs_list(jobs, after, CHUNK, chunk);
        for (size_t i = 0; i < n; i++) {
            if (json_array_size(items) == limit)
                return after;
            after = job_name(chunk[i]);
            json_t *json = job_to_json(jobs, chunk[i]);
            if (!state || strcmp(json_str(json, "state", ""), state) == 0)
                json_array_append_new(items, json);
            else
                json_decref(json);
        }
        if (n < CHUNK)
            return NULL;
        examined += n;
    }
    return after;
}

/* GET /api/v1/jobs?limit=&cursor=&state=
 * 200 {"items": [job…], "next": the last name or null}, in order of names; a job as in get_job. */
static void get_jobs(struct exchange *x)
{
    const char *state = exchange_query(x, "state");
    int64_t limit;
    if (api_limit(x, &limit))
        return;
    if (state && !is_state(state)) {
        fail_state(x, state);
        return;
    }
    json_t *items = json_array();
    const char *next = fill_page(x->rooms->jobs, exchange_query(x, "cursor"), state, (size_t)limit, items);
    api_list(x, items, next);
}

/* ---- one job ---- */

static void fail_unknown(struct exchange *x, const char *name)
{
    const struct job **list = arena_alloc(x->arena, MOST_NEAREST * sizeof *list);
    const char **names = arena_alloc(x->arena, MOST_NEAREST * sizeof *names);
    size_t n = jobs_list(x->rooms->jobs, NULL, MOST_NEAREST, list);
    for (size_t i = 0; i < n; i++)
        names[i] = job_name(list[i]);
    const char *nearest = text_nearest(name, names, n);
    struct error e;
    error_set(&e, "unknown job '%.*s'", JOB_MOST_NAME, name);
    error_where(&e, "name");
    if (nearest)
        error_mend(&e, "did you mean '%s'?", nearest);
    exchange_error(x, 404, &e);
}

/* The job that the path names; null: answered. */
static struct job *path_job(struct exchange *x)
{
    struct job *job = jobs_find(x->rooms->jobs, x->wild[0]);
    if (!job)
        fail_unknown(x, x->wild[0]);
    return job;
}

/* GET /api/v1/jobs/NAME
 * 200 {name, state, reason, depends_on, next_run, pings, last_run: {id, state, started_at, finished_at, duration,
 * exit_code, rid, node, reason} or null}; 404 {"error", "field": "name", "hint"} */
static void get_job(struct exchange *x)
{
    const struct job *job = path_job(x);
    if (job)
        exchange_json(x, 200, job_to_json(x->rooms->jobs, job));
}

/* GET /api/v1/jobs/NAME/runs?limit=&cursor=&since=&until=
 * 200 {"items": [{id, state, started_at, finished_at, duration, exit_code, rid, node, reason, output}…], "next"},
 * newest first. */
static void get_runs(struct exchange *x)
{
    const struct job *job = path_job(x);
    if (job)
        api_history(x, STORE_RUNS, job_name(job));
}

/* GET /api/v1/jobs/NAME/pings?limit=&cursor=&since=&until=
 * 200 {"items": [{id, time, kind, …}…], "next"}, newest first: every report as it came. */
static void get_pings(struct exchange *x)
{
    const struct job *job = path_job(x);
    if (job)
        api_history(x, STORE_PINGS, job_name(job));
}

/* ---- changes ---- */

static void changed(void *ctx, enum store_result result)
{
    struct exchange *x = ctx;
    if (result != STORE_OK) {
        exchange_store_failed(x, result);
        return;
    }
    /* A reload may have taken the job away while we waited. */
    const struct job *job = path_job(x);
    if (job)
        exchange_json(x, 200, job_to_json(x->rooms->jobs, job));
}

static void change(struct exchange *x, int (*apply)(struct jobs *, struct job *, struct error *))
{
    struct job *job = path_job(x);
    struct error e;
    if (!job || !api_accepts(x))
        return;
    if (apply(x->rooms->jobs, job, &e))
        exchange_error(x, 409, &e);
    else
        store_commit(x->rooms->store, changed, x);
}

/* POST /api/v1/jobs/NAME/pause
 * 200 with the job once it is on disk; 404; 409 if it cannot be paused now; 507 and 503 as the store says. */
static void post_pause(struct exchange *x)
{
    change(x, jobs_pause);
}

/* POST /api/v1/jobs/NAME/resume, likewise. */
static void post_resume(struct exchange *x)
{
    change(x, jobs_resume);
}

const struct http_route api_job_routes[] = {
    {METHOD_GET, "/api/v1/jobs", ROLE_VIEW, get_jobs},
    {METHOD_GET, "/api/v1/jobs/*", ROLE_VIEW, get_job},
    {METHOD_GET, "/api/v1/jobs/*/runs", ROLE_VIEW, get_runs},
    {METHOD_GET, "/api/v1/jobs/*/pings", ROLE_VIEW, get_pings},
    {METHOD_POST, "/api/v1/jobs/*/pause", ROLE_OPERATE | ROLE_ADMIN, post_pause},
    {METHOD_POST, "/api/v1/jobs/*/resume", ROLE_OPERATE | ROLE_ADMIN, post_resume},
    {0},
};
