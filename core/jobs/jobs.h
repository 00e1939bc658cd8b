/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The job table: what should run, what was reported of it, and by when the next word is due. Reports come in (pings,
 * heartbeats, events), events go out (job.started job.succeeded job.failed job.retried job.timed_out job.late
 * job.missed); what they mean for people is the engine's business.
 *
 * Slots. A schedule makes slots; each is accounted for once. Slot S is kept by a start or an end reported from S −
 * early on (early: the grace, at most half the distance to the next slot). Nothing by S + start_within: late. Started,
 * but no end by S + finish_within: late. Nothing at all by S + grace: missed. A run that lasts longer than max_runtime:
 * timed_out. Each is told once a slot or run.
 */
#ifndef BELFRY_JOBS_H
#define BELFRY_JOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "config/config.h"
#include "store/store.h"

struct jobs;
struct job;

enum job_state {
    JOB_NEW,
    JOB_SCHEDULED,
    JOB_RUNNING,
    JOB_SUCCEEDED,
    JOB_FAILED,
    JOB_LATE,
    JOB_MISSED,
    JOB_TIMED_OUT,
    JOB_SKIPPED,
    JOB_CANCELLED,
    JOB_PAUSED,
};
const char *job_state_name(enum job_state state);

enum report_kind { REPORT_START, REPORT_SUCCESS, REPORT_FAIL, REPORT_LOG, REPORT_ALIVE, REPORT_RETRY };

struct job_report {
    enum report_kind kind;
    int64_t time; /* when it happened; 0: now */
    bool has_exit_code;
    int exit_code;             /* 0..255, or 128 + signal */
    const char *rid;           /* pairs a start with its end; null: none */
    const char *node, *reason; /* null: unknown */
    const char *source;        /* who brought it: "http", a source's name */
    const char *body;          /* output or message; the last 10 000 bytes are kept; null: none */
    size_t body_size;
    int64_t duration;  /* ms, as the reporter measured it; -1: unknown */
    int64_t alive_for; /* REPORT_ALIVE: the next word is due within this (ms); 0: no such promise */
};

struct jobs_options {
    struct loop *loop;
    struct store *store;
    void (*emit)(void *ctx, struct cloud_event *event); /* takes the event over */
    void *ctx;
};
struct jobs *jobs_new(const struct jobs_options *options);
/* Read back what the store knows; before jobs_configure(). */
int jobs_restore(struct jobs *jobs, struct error *e);
/* The configuration at start or after a reload: jobs that stay keep their state and their slot; jobs that are gone are
 * forgotten unless they came from reports. `config` must live until the next call. */
void jobs_configure(struct jobs *jobs, const struct config *config);
void jobs_free(struct jobs *jobs);

struct job *jobs_find(struct jobs *jobs, const char *name);
struct job *jobs_find_uuid(struct jobs *jobs, const char *uuid);
struct job *jobs_find_slug(struct jobs *jobs, const char *slug, bool *ambiguous); /* null also if ambiguous */
/* A job that nobody configured, made by its first report; durable. Null: see `e` (bad name, too many, there already).
 */
struct job *jobs_create(struct jobs *jobs, const char *name, struct error *e);
enum { JOBS_MOST_CREATED = 100000, JOB_MOST_NAME = 200, PING_MOST_BODY = 10000 };

const char *job_name(const struct job *job);
bool job_takes_method(const struct job *job, const char *method);
/* Apply a report; its effects are put in the store, wait with store_commit(). Reports older than what is known change
 * history only. */
void jobs_report(struct jobs *jobs, struct job *job, const struct job_report *report);
/* An event of type job.report or job.heartbeat with {job_id or subject, status, …} is a report (job_id: a name, UUID or
 * slug). 0: it is one and can be taken; 1: it is no such event; -1: see `e`, whose where is the field. Changes nothing.
 */
int jobs_check(struct jobs *jobs, const struct cloud_event *event, struct error *e);
/* The same, and take it. */
int jobs_observe(struct jobs *jobs, const struct cloud_event *event, struct error *e);
/* An event that cannot be taken (the disk is full) still shows that its job is alive: what is due is put off. Writes
 * nothing. */
void jobs_hear(struct jobs *jobs, const struct cloud_event *event);

int jobs_pause(struct jobs *jobs, struct job *job, struct error *e);
int jobs_resume(struct jobs *jobs, struct job *job, struct error *e);

/* {name, state, reason, depends_on, next_run, pings, last_run: {…}}, as in the API. */
json_t *job_to_json(const struct jobs *jobs, const struct job *job);
/* In order of names, from the first after `after` (null: all), at most `limit`. */
size_t jobs_list(struct jobs *jobs, const char *after, size_t limit, const struct job **out);

struct jobs_stats {
    size_t total, by_state[JOB_PAUSED + 1];
    uint64_t reports[REPORT_RETRY + 1], stale; /* stale: older than what was known */
};
void jobs_get_stats(const struct jobs *jobs, struct jobs_stats *out);

#endif
