/* SPDX-License-Identifier: Apache-2.0 */
/* Private to agent/: the rooms of a running agent and what runs between them. */
#ifndef BELFRY_AGENT_WIRING_H
#define BELFRY_AGENT_WIRING_H

#include "agent/agent.h"
#include "agent/systemd.h"
#include "engine/engine.h"
#include "http/http.h"
#include "jobs/jobs.h"
#include "notify/notify.h"
#include "store/store.h"

enum { SEEN_EVENTS = 16384 };

struct agent {
    const struct agent_options *options;
    struct loop *loop;
    struct store *store;
    struct plugins *plugins;
    struct jobs *jobs;
    struct engine *engine;
    struct notify *notify;
    struct http *http;
    struct generation *generation;
    char id[13];

    int64_t started_at; /* wall clock */
    int64_t loaded_at;  /* when the configuration in force was loaded */
    unsigned generation_number;
    char *reload_error;   /* of the last reload; null: it went well */
    char **source_errors; /* as config->sources, each null: it runs; null: all are stopped */

    uint64_t
        seen[SEEN_EVENTS]; /* hashes of source and id of events taken in: a sender's repeat is not a second event */
    struct checkpoint *checkpoints;

    struct event *signals[3];
    struct watchdog *watchdog;
    bool stopping;
    unsigned draining; /* parts that have not finished yet */
    int exit_code;
};

/* ingest.c: the way of an event, from wherever it came */
int agent_check(struct agent *agent, const struct cloud_event *event,
                struct error *e); /* could it be taken? changes nothing */
int agent_ingest(struct agent *agent, struct cloud_event *event, const char *checkpoint,
                 void (*done)(void *data, enum store_result), void *data, struct error *e);
int checkpoints_restore(struct agent *agent, struct error *e);
void checkpoints_free(struct agent *agent);
const char *checkpoint_of(struct agent *agent, const char *source);
/* The agent's own trouble, to the channels under `agent.notify`. */
void agent_tell(struct agent *agent, const char *alertname, const char *summary);

/* reload.c */
int agent_apply(struct agent *agent, struct generation *generation,
                struct error *e); /* takes it over; -1: nothing has changed */
int agent_reload(struct agent *agent, struct buf *out);
void agent_show_url(struct agent *agent);     /* tell messages where we are, by the port that was really bound */
void agent_stop_sources(struct agent *agent); /* stopped already is fine */
struct plugins_options agent_plugin_host(struct agent *agent);

/* status.c */
json_t *agent_status(void *ctx);

#endif
