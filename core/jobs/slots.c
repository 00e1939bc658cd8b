/* SPDX-License-Identifier: Apache-2.0 */
/* Slots and deadlines: when the next word of a job is due, and what it means that it did not come. */
#include "jobs/job.h"

/* After the agent was down, reports that could not be delivered get this long to arrive before anything is called
 * missed. */
static const int64_t forgiveness = MINUTE;

enum { MOST_COUNTED = 1000 }; /* missed slots */

static bool has_plan(const struct config_job *config)
{
    return config && (config->schedule || config->every);
}

static char *plan_text(const struct config_job *config)
{
    if (!has_plan(config))
        return NULL;
    if (config->every)
        return x_printf("every %lld", (long long)config->every);
    return x_printf("%s %s", config->schedule_text, config->timezone ? config->timezone : "");
}

int64_t job_next_slot(const struct job *job, int64_t after)
{
    if (!has_plan(job->config))
        return 0;
    if (job->config->every)
        return after + job->config->every;
    int64_t next = schedule_next(job->config->schedule, after);
    return next == INT64_MAX ? 0 : next;
}

/* How long before its time a slot may be kept: the grace, but not more than half the way back to the slot before. */
static int64_t early(const struct job *job, int64_t slot)
{
    int64_t grace = job_grace(job);
    if (job->config->every)
        return slot; /* any report starts the interval anew */
    int64_t before = schedule_previous(job->config->schedule, slot - 1);
    int64_t half = before == INT64_MIN ? grace : (slot - before) / 2;
    return grace < half ? grace : half;
}

/* Beyond the slot after the next one, no report can have moved what is expected: the clock was ahead when it was set.
 */
static bool is_too_far(const struct job *job, int64_t now)
{
    int64_t next = job_next_slot(job, now), after = job->config->every ? next : job_next_slot(job, next);
    return job->expected && after && job->expected > after;
}

bool job_plan(struct job *job)
{
    AUTOFREE char *plan = plan_text(job->config);
    if (text_equal(plan, job->plan) &&
        (!plan || (job->expected && !is_too_far(job, loop_now(job->jobs->options.loop)))))
        return false;
    free(job->plan);
    job->plan = TAKE(plan);
    job->late_told = false;
    job->missed = 0;
    job->expected = job_next_slot(job, loop_now(job->jobs->options.loop));
    if (job->state == JOB_NEW && job->expected)
        job->state = JOB_SCHEDULED;
    else if (job->state == JOB_SCHEDULED && !job->expected)
        job->state = JOB_NEW;
    return true;
}

void job_keep_slot(struct job *job, int64_t at, struct run *run)
{
    if (!job->expected || at < job->expected - early(job, job->expected))
        return;
    /* The newest slot whose time has come is kept; older ones that were still open within their grace are kept with it.
     */
    int64_t slot = job->expected, next;
    if (job->config->every) {
        next = at + job->config->every;
    } else {
        int64_t newest = schedule_previous(job->config->schedule, at);
        if (newest > slot)
            slot = newest;
        next = job_next_slot(job, slot);
        if (next && at >= next - early(job, next)) {
            slot = next;
            next = job_next_slot(job, slot);
        }
    }
    run->slot = slot;
    job->expected = next;
    job->late_told = false;
    job->missed = 0;
}

/* ---- deadlines ---- */

static int64_t missed_at(const struct job *job)
{
    return job->expected + job_grace(job);
}

static int64_t late_at(const struct job *job)
{
    int64_t within = job->config->start_within;
    return within && within < job_grace(job) && !job->late_told ? job->expected + within : 0;
}

static int64_t run_late_at(const struct job *job, const struct run *run)
{
    return run->slot && job->config && job->config->finish_within && !run->late_told
               ? run->slot + job->config->finish_within
               : 0;
}

static int64_t run_timeout_at(const struct job *job, const struct run *run)
{
    return run->started_at && job->config && job->config->max_runtime && !run->timeout_told
               ? run->started_at + job->config->max_runtime
               : 0;
}

static int64_t forgive(const struct job *job, int64_t due)
{
    if (!job->restored)
        return due;
    int64_t grace = job_grace(job) ? job_grace(job) : forgiveness;
    int64_t until = job->jobs->started_at + (grace < forgiveness ? grace : forgiveness);
    return due < until ? until : due;
}

static void earlier(int64_t *first, int64_t due)
{
    if (due && (!*first || due < *first))
        *first = due;
}

void job_arm(struct job *job)
{
    int64_t first = 0;
    if (job->state != JOB_PAUSED) {
        if (job->expected) {
            earlier(&first, forgive(job, missed_at(job)));
            if (late_at(job))
                earlier(&first, forgive(job, late_at(job)));
        }
        for (size_t i = 0; i < job->n_open; i++) {
            if (run_late_at(job, &job->open[i]))
                earlier(&first, forgive(job, run_late_at(job, &job->open[i])));
            if (run_timeout_at(job, &job->open[i]))
                earlier(&first, forgive(job, run_timeout_at(job, &job->open[i])));
        }
    }
    if (first)
        timer_at(&job->deadline, first);
    else
        timer_stop(&job->deadline);
    if (job->alive_for && job->state != JOB_PAUSED)
        timer_after(&job->alive, job->alive_until - loop_monotonic(job->jobs->options.loop));
    else
        timer_stop(&job->alive);
}

static void tell_missed(struct job *job, int64_t now)
{
    int64_t slot = job->expected;
    /* All slots whose grace is over are one piece of news. After a long time away they are not all counted. */
    int steps = 0;
    do {
        job->missed++;
        job->expected = job_next_slot(job, job->expected);
    } while (job->expected && !job->config->every && missed_at(job) <= now && ++steps < MOST_COUNTED);
    if (job->config->every ? job->expected <= now : job->expected && missed_at(job) <= now)
        job->expected = job_next_slot(job, job->config->every ? now : now - job_grace(job));
    job->late_told = false;
    char when[TIME_TEXT], grace[DURATION_TEXT];
    AUTOFREE char *open =
        job->n_open ? x_printf("; a run is open since %s", time_format(job->open[0].started_at, when)) : x_strdup("");
    AUTOFREE char *reason = x_printf("nothing was reported by %s plus %s%s", time_format(slot, when),
                                     duration_format(job_grace(job), grace), open);
    job_set_state(job, JOB_MISSED, reason);
    job_emit(job, "job.missed", NULL, now);
}

static void tell_late(struct job *job, const struct run *run, int64_t now, const char *what, int64_t slot,
                      int64_t within)
{
    char when[TIME_TEXT], text[DURATION_TEXT];
    AUTOFREE char *reason =
        x_printf("%s within %s of %s", what, duration_format(within, text), time_format(slot, when));
    job_set_state(job, JOB_LATE, reason);
    job_emit(job, "job.late", run, now);
}

static void check_run(struct job *job, struct run *run, int64_t now)
{
    int64_t late = run_late_at(job, run), timeout = run_timeout_at(job, run);
    if (late && forgive(job, late) <= now) {
        run->late_told = true;
        tell_late(job, run, now, "it did not finish", run->slot, job->config->finish_within);
    }
    if (timeout && forgive(job, timeout) <= now) {
        char text[DURATION_TEXT];
        run->timeout_told = true;
        run->state = JOB_TIMED_OUT;
        AUTOFREE char *reason = x_printf("it runs longer than %s", duration_format(job->config->max_runtime, text));
        free(run->reason);
        run->reason = x_strdup(reason);
        run_store(job, run);
        job_set_state(job, JOB_TIMED_OUT, reason);
        job_emit(job, "job.timed_out", run, now);
    }
}

static void on_deadline(void *data)
{
    struct job *job = data;
    int64_t now = loop_now(job->jobs->options.loop);
    for (size_t i = 0; i < job->n_open; i++)
        check_run(job, &job->open[i], now);
    if (job->expected && late_at(job) && forgive(job, late_at(job)) <= now) {
        job->late_told = true;
        tell_late(job, NULL, now, "it did not start", job->expected, job->config->start_within);
    }
    if (job->expected && forgive(job, missed_at(job)) <= now)
        tell_missed(job, now);
    job_store(job);
    job_arm(job);
}

static void on_silence(void *data)
{
    struct job *job = data;
    char text[DURATION_TEXT];
    AUTOFREE char *reason = x_printf("no heartbeat for %s", duration_format(job->alive_for, text));
    job->alive_for = 0;
    job->silent = true;
    job->missed++;
    job_set_state(job, JOB_MISSED, reason);
    job_emit(job, "job.missed", job->n_open ? &job->open[job->n_open - 1] : NULL, loop_now(job->jobs->options.loop));
    job_store(job);
    job_arm(job);
}

void job_init_timers(struct job *job)
{
    timer_init(&job->deadline, job->jobs->options.loop, on_deadline, job);
    timer_init(&job->alive, job->jobs->options.loop, on_silence, job);
}
