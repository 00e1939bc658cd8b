/* SPDX-License-Identifier: Apache-2.0 */
/* The table of jobs: who there is, and how to find them. */
#include "jobs/job.h"

#include <stdlib.h>
#include <string.h>

struct jobs *jobs_new(const struct jobs_options *options)
{
    struct jobs *jobs = NEW(struct jobs);
    jobs->options = *options;
    jobs->started_at = loop_now(options->loop);
    return jobs;
}

struct job *job_new(struct jobs *jobs, const char *name)
{
    struct job *job = NEW(struct job);
    job->jobs = jobs;
    job->name = x_strdup(name);
    job->last.duration = -1;
    job_init_timers(job);
    HASH_ADD_KEYPTR(by_name, jobs->by_name, job->name, strlen(job->name), job);
    jobs->sorted_is_current = false;
    return job;
}

static void job_free(struct job *job)
{
    timer_stop(&job->deadline);
    timer_stop(&job->alive);
    for (size_t i = 0; i < job->n_open; i++)
        run_free(&job->open[i]);
    run_free(&job->last);
    free(job->open);
    free(job->plan);
    free(job->reason);
    free(job->name);
    free(job);
}

static void clear_lookups(struct jobs *jobs)
{
    struct slug *slug, *next;
    HASH_ITER(hh, jobs->slugs, slug, next)
    {
        HASH_DEL(jobs->slugs, slug);
        free(slug);
    }
    HASH_CLEAR(by_uuid, jobs->by_uuid);
}

void jobs_free(struct jobs *jobs)
{
    if (!jobs)
        return;
    clear_lookups(jobs);
    struct job *job, *next;
    HASH_ITER(by_name, jobs->by_name, job, next)
    {
        HASH_DELETE(by_name, jobs->by_name, job);
        job_free(job);
    }
    free(jobs->sorted);
    free(jobs);
}

static int load_one(void *ctx, const struct store_record *record)
{
    struct error e;
    if (job_load(ctx, record, &e))
        log_at(LOG_ERROR, "jobs", "the record of job '%s' cannot be read, it begins anew: %s", record->key, e.what);
    return 0;
}

int jobs_restore(struct jobs *jobs, struct error *e)
{
    jobs->started_at = loop_now(jobs->options.loop);
    return store_load(jobs->options.store, STORE_JOBS, load_one, jobs, e);
}

/* `text` stands in the configuration or is the job's name: either lives until the look-ups are made anew. */
static void add_slug(struct jobs *jobs, struct job *job, const char *text)
{
    struct slug *slug;
    HASH_FIND_STR(jobs->slugs, text, slug);
    if (!slug) {
        slug = NEW(struct slug);
        slug->slug = text;
        HASH_ADD_KEYPTR(hh, jobs->slugs, slug->slug, strlen(slug->slug), slug);
    }
    job->next_of_slug = slug->jobs;
    slug->jobs = job;
}

static bool is_slug(const char *s)
{
    return *s && s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_-")] == '\0';
}

static void add_lookups(struct jobs *jobs, struct job *job)
{
    if (job->config && !text_empty(job->config->uuid)) {
        const char *uuid = job->config->uuid;
        HASH_ADD_KEYPTR(by_uuid, jobs->by_uuid, uuid, strlen(uuid), job);
    }
    if (job->config && !text_empty(job->config->slug))
        add_slug(jobs, job, job->config->slug);
    else if (!job->config && is_slug(job->name))
        add_slug(jobs, job, job->name);
}

void jobs_configure(struct jobs *jobs, const struct config *config)
{
    clear_lookups(jobs);
    struct job *job, *next;
    HASH_ITER(by_name, jobs->by_name, job, next)
    {
        job->config = NULL;
    }
    for (size_t i = 0; i < config->n_jobs; i++) {
        job = jobs_find(jobs, config->jobs[i].name);
        if (!job) {
            job = job_new(jobs, config->jobs[i].name);
            job->id = store_next_id(jobs->options.store, STORE_JOBS);
            job_store(job);
        }
        job->config = &config->jobs[i];
    }
    HASH_ITER(by_name, jobs->by_name, job, next)
    {
        if (!job->config && !job->created) {
            store_delete(jobs->options.store, STORE_JOBS, job->id);
            HASH_DELETE(by_name, jobs->by_name, job);
            job_free(job);
            continue;
        }
        if (job_plan(job)) /* what stays as it was is on disk already */
            job_store(job);
        add_lookups(jobs, job);
        job_arm(job);
    }
    jobs->sorted_is_current = false;
}

struct job *jobs_find(struct jobs *jobs, const char *name)
{
    struct job *job;
    HASH_FIND(by_name, jobs->by_name, name, strlen(name), job);
    return job;
}

struct job *jobs_find_uuid(struct jobs *jobs, const char *uuid)
{
    char lower[37];
    if (!text_is_uuid(uuid))
        return NULL;
    memcpy(lower, uuid, sizeof lower);
    text_lower(lower);
    struct job *job;
    HASH_FIND(by_uuid, jobs->by_uuid, lower, 36, job);
    return job;
}

struct job *jobs_find_slug(struct jobs *jobs, const char *slug, bool *ambiguous)
{
    struct slug *found;
    HASH_FIND_STR(jobs->slugs, slug, found);
    *ambiguous = found && found->jobs->next_of_slug;
    return found && !*ambiguous ? found->jobs : NULL;
}

static int check_name(const char *name, struct error *e)
{
    size_t len = strlen(name);
    if (!len || len > JOB_MOST_NAME)
        return error_set(e, "a job's name has 1 to %d bytes", JOB_MOST_NAME);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f || name[i] == '/')
            return error_set(e, "a job's name has no '/' and no control characters");
    return text_is_utf8(name, len, NULL) ? 0 : error_set(e, "a job's name is UTF-8");
}

int job_check_new(const struct jobs *jobs, const char *name, struct error *e)
{
    if (check_name(name, e))
        return -1;
    if (jobs->n_created < JOBS_MOST_CREATED)
        return 0;
    error_set(e, "there are %d jobs that nobody configured", JOBS_MOST_CREATED);
    return error_mend(e, "name the jobs in the configuration, or check who makes so many");
}

struct job *jobs_create(struct jobs *jobs, const char *name, struct error *e)
{
    if (job_check_new(jobs, name, e))
        return NULL;
    if (jobs_find(jobs, name)) {
        error_set(e, "there is a job '%s' already", name);
        return NULL;
    }
    struct job *job = job_new(jobs, name);
    job->id = store_next_id(jobs->options.store, STORE_JOBS);
    job->created = true;
    jobs->n_created++;
    add_lookups(jobs, job);
    job_store(job);
    log_at(LOG_INFO, "jobs", "job '%s' was made by its first report", name);
    return job;
}

const char *job_name(const struct job *job)
{
    return job->name;
}

bool job_takes_method(const struct job *job, const char *method)
{
    if (!job->config || !job->config->methods.n)
        return true;
    for (size_t i = 0; i < job->config->methods.n; i++)
        if (strcmp(job->config->methods.item[i], method) == 0)
            return true;
    return false;
}

void job_set_state(struct job *job, enum job_state state, const char *reason)
{
    char *copy = x_strdup(reason); /* it may be the old one */
    free(job->reason);
    job->reason = copy;
    job->state = state;
}

int jobs_pause(struct jobs *jobs, struct job *job, struct error *e)
{
    (void)jobs;
    if (job->state == JOB_PAUSED)
        return error_set(e, "job '%s' is paused already", job->name);
    job_set_state(job, JOB_PAUSED, "paused by hand");
    job_store(job);
    job_arm(job);
    return 0;
}

/* What came due meanwhile is nobody's fault: the next slot is the first one from now, a promise begins anew. */
void job_leave_pause(struct job *job)
{
    struct loop *loop = job->jobs->options.loop;
    job->expected = job_next_slot(job, loop_now(loop));
    job->late_told = false;
    job->alive_until = loop_monotonic(loop) + job->alive_for;
    job_set_state(job, job->n_open ? JOB_RUNNING : job->expected ? JOB_SCHEDULED : JOB_NEW, NULL);
}

int jobs_resume(struct jobs *jobs, struct job *job, struct error *e)
{
    (void)jobs;
    if (job->state != JOB_PAUSED)
        return error_set(e, "job '%s' is not paused", job->name);
    job_leave_pause(job);
    job_store(job);
    job_arm(job);
    return 0;
}

static int compare(const void *a, const void *b)
{
    return strcmp((*(struct job *const *)a)->name, (*(struct job *const *)b)->name);
}

static void sort(struct jobs *jobs)
{
    size_t n = 0;
    jobs->sorted = x_realloc(jobs->sorted, HASH_CNT(by_name, jobs->by_name) * sizeof *jobs->sorted);
    for (struct job *job = jobs->by_name; job; job = job->by_name.next)
        jobs->sorted[n++] = job;
    qsort(jobs->sorted, n, sizeof *jobs->sorted, compare);
    jobs->sorted_is_current = true;
}

size_t jobs_list(struct jobs *jobs, const char *after, size_t limit, const struct job **out)
{
    if (!jobs->sorted_is_current)
        sort(jobs);
    size_t total = HASH_CNT(by_name, jobs->by_name), low = 0, high = total, n = 0;
    while (after && low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(jobs->sorted[middle]->name, after) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < total && n < limit; low++)
        out[n++] = jobs->sorted[low];
    return n;
}

void jobs_get_stats(const struct jobs *jobs, struct jobs_stats *out)
{
    *out = jobs->stats;
    out->total = HASH_CNT(by_name, jobs->by_name);
    memset(out->by_state, 0, sizeof out->by_state);
    for (const struct job *job = jobs->by_name; job; job = job->by_name.next)
        out->by_state[job->state]++;
}
