/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/resource.h>

#include "http/internal.h"

#include <utlist.h>

/* ---- What must wait until no callback of evhttp's is on the stack ---- */

static void free_retired(struct http *http)
{
    size_t left = 0;
    for (size_t i = 0; i < http->n_retired; i++) {
        if (http->retired[i]->connections)
            http->retired[left++] = http->retired[i];
        else
            listener_free(http->retired[i]);
    }
    http->n_retired = left;
}

static void on_chores(evutil_socket_t fd, short what, void *data)
{
    (void)fd, (void)what;
    struct http *http = data;
    free_retired(http);
    if (http->drained && !http->n_connections) {
        event_del(http->grace);
        void (*done)(void *) = TAKE(http->drained);
        done(http->drained_ctx); /* may free us */
    }
}

static void close_connections(struct http *http, const struct listener *of, bool only_idle)
{
    struct connection *c, *next;
    HASH_ITER(hh, http->connections, c, next)
    if (c->phase != FRESH && (!of || c->listener == of) && (!only_idle || connection_is_idle(c)))
        connection_close(c);
}

static void retire(struct http *http, struct listener *l)
{
    listener_retire(l);
    close_connections(http, l, true);
    http->retired = x_realloc(http->retired, (http->n_retired + 1) * sizeof(struct listener *));
    http->retired[http->n_retired++] = l;
    event_active(http->chores, 0, 0);
}

/* ---- Configuration: made ready beside the old one, then swapped ---- */

struct plan {
    struct policy *policy;
    SSL_CTX *tls;
    struct listener **listeners; /* those of the new configuration, kept or new */
    size_t n;
};

static void drop_plan(struct plan *plan)
{
    for (size_t i = 0; i < plan->n; i++)
        if (!plan->listeners[i]->kept)
            listener_free(plan->listeners[i]);
    free(plan->listeners);
    policy_free(plan->policy);
    SSL_CTX_free(plan->tls);
}

static struct listener *find_listener(struct listener *const *list, size_t n, const char *address)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i]->wanted, address) == 0)
            return list[i];
    return NULL;
}

static int plan_listener(struct http *http, struct plan *plan, const char *address, struct error *e)
{
    if (listener_check(address, policy_has_tokens(plan->policy), plan->tls != NULL, e) < 0)
        return -1;
    if (find_listener(plan->listeners, plan->n, address)) {
        error_set(e, "%s is listed twice", address);
        return error_where(e, "agent.listen");
    }
    struct listener *l = find_listener(http->listeners, http->n_listeners, address);
    if (l)
        l->kept = true;
    else if (!(l = listener_open(http, address, e)))
        return -1;
    plan->listeners[plan->n++] = l;
    return 0;
}

static int make_plan(struct http *http, const struct config_agent *agent, struct plan *plan, struct error *e)
{
    for (size_t i = 0; i < http->n_listeners; i++)
        http->listeners[i]->kept = false;
    plan->policy = policy_new(agent, e);
    if (!plan->policy)
        return -1;
    if (!text_empty(agent->tls_cert) || !text_empty(agent->tls_key)) {
        plan->tls = tls_context_new(agent->tls_cert, agent->tls_key, e);
        if (!plan->tls)
            return -1;
    }
    plan->listeners = x_calloc(agent->listen.n + 1, sizeof(struct listener *));
    for (size_t i = 0; i < agent->listen.n; i++)
        if (plan_listener(http, plan, agent->listen.item[i], e) < 0)
            return -1;
    return 0;
}

static void carry_out(struct http *http, struct plan *plan)
{
    for (size_t i = 0; i < http->n_listeners; i++)
        if (!http->listeners[i]->kept)
            retire(http, http->listeners[i]);
    free(http->listeners);
    policy_free(http->policy);
    SSL_CTX_free(http->tls);
    http->listeners = plan->listeners;
    http->n_listeners = plan->n;
    http->policy = plan->policy;
    http->tls = plan->tls;
    for (size_t i = 0; i < http->n_listeners; i++)
        if (!http->listeners[i]->kept)
            listener_start(http->listeners[i]);
}

int http_configure(struct http *http, const struct config_agent *agent, struct error *e)
{
    struct plan plan = {0};
    if (make_plan(http, agent, &plan, e) < 0) {
        drop_plan(&plan);
        return -1;
    }
    carry_out(http, &plan);
    return 0;
}

/* ---- Life ---- */

static void on_grace_over(evutil_socket_t fd, short what, void *data)
{
    (void)fd, (void)what;
    close_connections(data, NULL, false);
}

/* Descriptors that files, deliveries and workers need are not given to peers. */
static size_t most_connections(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= HTTP_MOST_CONNECTIONS + HTTP_RESERVED_FDS)
        return HTTP_MOST_CONNECTIONS;
    return limit.rlim_cur > HTTP_RESERVED_FDS ? (size_t)limit.rlim_cur - HTTP_RESERVED_FDS : 1;
}

struct http *http_start(const struct config_agent *agent, const struct http_rooms *rooms, struct error *e)
{
    struct http *http = NEW(struct http);
    http->rooms = *rooms;
    http->base = loop_base(rooms->loop);
    http->limits = (struct http_limits){.head_ms = HTTP_HEAD_MS,
                                        .body_ms = HTTP_BODY_MS,
                                        .idle_ms = HTTP_IDLE_MS,
                                        .write_ms = HTTP_WRITE_MS,
                                        .linger_ms = 2 * SECOND,
                                        .pause_ms = SECOND,
                                        .connections = most_connections(),
                                        .per_peer = HTTP_MOST_PER_PEER};
    http->chores = event_new(http->base, -1, 0, on_chores, http);
    http->grace = evtimer_new(http->base, on_grace_over, http);
    if (!http->chores || !http->grace)
        abort();
    if (http_configure(http, agent, e) < 0) {
        http_free(http);
        return NULL;
    }
    return http;
}

void http_set_limits(struct http *http, const struct http_limits *limits)
{
    http->limits = *limits;
}

void http_drain(struct http *http, int64_t grace, void (*done)(void *ctx), void *ctx)
{
    struct timeval tv = {.tv_sec = grace / SECOND, .tv_usec = grace % SECOND * 1000};
    http->draining = true;
    http->drained = done;
    http->drained_ctx = ctx;
    for (size_t i = 0; i < http->n_listeners; i++)
        listener_retire(http->listeners[i]);
    close_connections(http, NULL, true);
    event_add(http->grace, &tv);
    event_active(http->chores, 0, 0);
}

void http_free(struct http *http)
{
    if (!http)
        return;
    http->drained = NULL;
    while (http->exchanges) {
        struct exchange_inner *inner = http->exchanges;
        if (inner->connection)
            inner->connection->exchange = NULL;
        exchange_detach(inner);
    }
    connections_free(http);
    for (size_t i = 0; i < http->n_listeners; i++)
        listener_free(http->listeners[i]);
    for (size_t i = 0; i < http->n_retired; i++)
        listener_free(http->retired[i]);
    free(http->listeners);
    free(http->retired);
    event_free(http->chores);
    event_free(http->grace);
    peers_free(http);
    policy_free(http->policy);
    SSL_CTX_free(http->tls);
    free(http);
}

/* ---- Questions ---- */

const char *http_address(const struct http *http, size_t i)
{
    struct http *self = (struct http *)(uintptr_t)http;
    if (i >= http->n_listeners)
        return NULL;
    listener_write_address(http->listeners[i], self->address, sizeof self->address);
    return self->address;
}

void http_get_stats(const struct http *http, struct http_stats *out)
{
    *out = http->stats;
    out->connections = http->n_connections;
}
