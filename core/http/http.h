/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP face. A strict RFC 9112 gate (gate.h) reads what peers send and lets whole requests pass that have one
 * meaning; evhttp, which would take much more, sees none of it and writes the answers. Deadlines are absolute. Behind
 * the gate: host check, tokens and roles, routing, one file per API surface. The process must ignore SIGPIPE.
 */
#ifndef BELFRY_HTTP_H
#define BELFRY_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "config/config.h"
#include "engine/engine.h"
#include "jobs/jobs.h"
#include "notify/notify.h"
#include "plugin/plugin.h"
#include "store/store.h"

struct http;

/* The rooms that the surfaces show, and what only the agent can do. */
struct http_rooms {
    struct loop *loop;
    struct store *store;
    struct jobs *jobs;
    struct engine *engine;
    struct notify *notify;
    struct plugins *plugins;
    /* Could this event be taken in? 0, or -1 and see `e`, whose where is the field. Changes nothing. */
    int (*check)(void *ctx, const struct cloud_event *event, struct error *e);
    /* Take an event in: 0 and `done` is called once its effects are on disk or cannot be, or -1 and see `e`. Takes the
     * event over. */
    int (*ingest)(void *ctx, struct cloud_event *event, void (*done)(void *data, enum store_result), void *data,
                  struct error *e);
    /* POST /-/reload: 0, or -1 with the problems' text in `out`. */
    int (*reload)(void *ctx, struct buf *out);
    /* What status and metrics say of the agent as a whole. */
    json_t *(*status)(void *ctx);
    bool (*ready)(void *ctx, struct error *e);
    void *ctx;
};

/* Listen as `agent` says. Null: see `e` (address in use, not loopback without token and TLS, …). `agent` must outlive
 * it or be replaced. */
struct http *http_start(const struct config_agent *agent, const struct http_rooms *rooms, struct error *e);
/* A new configuration: tokens, hosts, prefix at once; listeners are opened and closed as needed. -1: see `e`, nothing
 * has changed. */
int http_configure(struct http *http, const struct config_agent *agent, struct error *e);
/* No new connections; answers under way are finished, at most `grace` ms. Then `done`. */
void http_drain(struct http *http, int64_t grace, void (*done)(void *ctx), void *ctx);
void http_free(struct http *http);
/* The address of a listener as "127.0.0.1:PORT" or "unix:PATH", the port as really bound; null: no i-th. Valid until
 * the next call. */
const char *http_address(const struct http *http, size_t i);

#endif
