/* SPDX-License-Identifier: Apache-2.0 */
/* Private to http/: listeners, the request in hand, routes, and how to answer. */
#ifndef BELFRY_HTTP_SERVER_H
#define BELFRY_HTTP_SERVER_H

#include "http/http.h"

/* Who may call. Roles of a token: view → VIEW; ingest → INGEST; operate → VIEW INGEST OPERATE; admin → all. The Unix
 * socket, and a loopback listener when no tokens are configured, have all. OPEN: no token is asked for (health; pings,
 * whose key is in the URL). */
enum http_role { ROLE_OPEN = 0, ROLE_VIEW = 1, ROLE_INGEST = 2, ROLE_OPERATE = 4, ROLE_ADMIN = 8, ROLE_ALL = 15 };
enum http_method { METHOD_GET = 1, METHOD_HEAD = 2, METHOD_POST = 4, METHOD_PUT = 8, METHOD_DELETE = 16 };

enum {
    HTTP_MOST_HEAD = 16 * 1024,
    HTTP_MOST_FIELDS = 64,
    HTTP_MOST_TARGET = 4096,
    HTTP_MOST_BODY = 1024 * 1024,
    HTTP_MOST_CONNECTIONS = 512,
    HTTP_MOST_PER_PEER = 32,
    HTTP_HEAD_MS = 10000,
    HTTP_BODY_MS = 20000,
    HTTP_IDLE_MS = 30000,
    HTTP_WRITE_MS = 30000,
    HTTP_RESERVED_FDS = 32,
};

/* One request and its answer. Valid until it is answered, which every handler does exactly once, at once or later; if
 * the peer has gone by then the answer is dropped. All texts are NUL-terminated UTF-8, checked, without control
 * characters. */
struct exchange {
    const struct http_rooms *rooms;
    struct arena *arena; /* freed with the exchange: for what a handler must remember */
    enum http_method method;
    const char *method_name;
    const char *path;    /* decoded once, prefix of external_url taken off */
    const char *wild[4]; /* what stood for each * of the route */
    const char *query;   /* as it was sent, without the ?; "" if none */
    const char *body;    /* NUL behind it; not checked for UTF-8 */
    size_t body_size;
    const char *content_type; /* lower case, without parameters; "" if absent */
    const char *peer;         /* address, or "unix" */
    const char *token_name;   /* "" if none */
    unsigned roles;           /* of the caller */
    const char *ping_key;     /* the agent's, for /ping/KEY/SLUG; "" if none */
};
/* A parameter of the query, decoded; null if absent. */
const char *exchange_query(const struct exchange *x, const char *name);
/* Where a parameter may be given several times: the nth, from 0; null: not so many. */
const char *exchange_query_nth(const struct exchange *x, const char *name, size_t nth);
/* A header field of the request; null if absent. */
const char *exchange_header(const struct exchange *x, const char *name);
/* Whole numbers in the query: *out is left alone if absent. -1: answered with 400 already. */
int exchange_query_int(struct exchange *x, const char *name, int64_t low, int64_t high, int64_t *out);

void exchange_set_header(struct exchange *x, const char *name, const char *value);
void exchange_json(struct exchange *x, int status, json_t *body); /* takes it over */
/* A null content type: no body, as 204 and 304 have it. */
void exchange_text(struct exchange *x, int status, const char *content_type, const char *data, size_t size);
/* {"error": message, "field": field}; field null or "" is left out. */
void exchange_fail(struct exchange *x, int status, const char *field, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The same from an error value: its where is the field, its mend goes into "hint". */
void exchange_error(struct exchange *x, int status, const struct error *e);
/* 507 with Retry-After for STORE_FULL, 503 with Retry-After for STORE_FAILED. */
void exchange_store_failed(struct exchange *x, enum store_result result);

struct http_route {
    unsigned methods;    /* enum http_method; HEAD comes with GET */
    const char *pattern; /* "/api/v1/jobs/X/pause" with * for one segment, or ** at the end for the rest */
    unsigned roles;      /* any of these is enough; ROLE_OPEN: everyone */
    void (*handle)(struct exchange *x);
};
/* One table per surface, ended by a null pattern. */
extern const struct http_route api_event_routes[], api_job_routes[], api_alert_routes[], api_notification_routes[],
    ping_routes[], hook_routes[], health_routes[], metrics_routes[];

struct http_stats {
    size_t connections, per_status[6]; /* 1xx..5xx, [0] unused */
    uint64_t refused_by_gate, refused_connections, unauthorized, timeouts;
    uint64_t requests;
};
void http_get_stats(const struct http *http, struct http_stats *out);
/* For surfaces that need the server itself. */
struct http *exchange_http(const struct exchange *x);

#endif
