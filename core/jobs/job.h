/* SPDX-License-Identifier: Apache-2.0 */
/* Private to jobs/: what is remembered of one job. */
#ifndef BELFRY_JOBS_JOB_H
#define BELFRY_JOBS_JOB_H

#include "jobs/jobs.h"

#include <uthash.h>

enum { JOB_MOST_OPEN_RUNS = 100 };

/* One execution, as far as it was reported. */
struct run {
    int64_t id; /* in STORE_RUNS */
    enum job_state state;
    char *rid, *node, *reason, *output; /* null: unknown */
    int64_t started_at, finished_at;    /* 0: unknown, not yet */
    int64_t duration;                   /* ms; -1: unknown */
    int64_t slot;                       /* the slot that it keeps; 0: none */
    bool has_exit_code;
    int exit_code;
    bool late_told, timeout_told;
};

struct job {
    struct jobs *jobs;
    int64_t id; /* in STORE_JOBS */
    char *name;
    const struct config_job *config; /* null: nobody configured it */
    bool created;                    /* a report made it: it stays without a configuration */

    enum job_state state;
    char *reason; /* why it is in this state, for people; null: nothing to say */
    uint64_t pings;
    int64_t last_report; /* time of the newest report that was applied */

    char *plan;       /* the schedule that `expected` was computed from */
    int64_t expected; /* the next slot that nobody has kept yet; 0: none */
    bool late_told;   /* of that slot */
    uint64_t missed;  /* slots missed in a row */

    int64_t alive_for;   /* a heartbeat promised the next word within this; 0: none */
    int64_t alive_until; /* monotonic */
    bool silent;         /* its heartbeats stopped, and that was told */

    struct run *open; /* oldest first */
    size_t n_open;
    struct run last; /* the newest that ended; id 0: none */

    struct timer deadline; /* wall clock: slots and run times */
    struct timer alive;    /* monotonic: heartbeats */
    bool restored;         /* read from disk in this life: its deadlines get some forgiveness */

    UT_hash_handle by_name, by_uuid;
    struct job *next_of_slug; /* jobs of one slug */
};

struct slug {
    const char *slug;
    struct job *jobs;
    UT_hash_handle hh;
};

struct jobs {
    struct jobs_options options;
    struct job *by_name;
    struct job *by_uuid;
    struct slug *slugs;
    struct job **sorted; /* by name, made when asked for */
    bool sorted_is_current;
    size_t n_created;
    int64_t started_at; /* wall clock at restore */
    struct jobs_stats stats;
};

/* slots.c: what is due, and what happens when it does not come */
bool job_plan(struct job *job); /* after a change of configuration: which slot is expected next; has it changed? */
void job_keep_slot(struct job *job, int64_t at, struct run *run); /* a start or an end came at this time */
void job_arm(struct job *job);                                    /* set the timers by all that is due */
void job_init_timers(struct job *job);
int64_t job_next_slot(const struct job *job, int64_t after); /* 0: none */

/* events.c: what is told upward */
void job_emit(struct job *job, const char *type, const struct run *run, int64_t time);

/* record.c: to and from the store */
void job_store(struct job *job);
int job_load(struct jobs *jobs, const struct store_record *record, struct error *e);
void run_store(const struct job *job, const struct run *run);
void run_free(struct run *run); /* its texts */

/* jobs.c */
struct job *job_new(struct jobs *jobs, const char *name);
int job_check_new(const struct jobs *jobs, const char *name, struct error *e); /* could a report make this job? */
void job_leave_pause(struct job *job);
void job_set_state(struct job *job, enum job_state state, const char *reason); /* reason null: none */

static inline int64_t job_grace(const struct job *job)
{
    return job->config ? job->config->grace : 0;
}

#endif
