/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to the server's own files (server.c listener.c connection.c exchange.c route.c auth.c tls.c); the surfaces
 * see server.h only.
 *
 * evhttp is given a plain bufferevent per connection, and an evbuffer callback empties its input into the gate before
 * evhttp looks. Once a whole request has passed, evhttp finds one constant request line there instead, calls back, and
 * from then on does what it is good at: write the answer, keep the connection, begin anew. No byte of a peer's reaches
 * its parser.
 */
#ifndef BELFRY_HTTP_INTERNAL_H
#define BELFRY_HTTP_INTERNAL_H

#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <openssl/ssl.h>

#include "http/gate.h"
#include "http/server.h"

#include <uthash.h>

enum { PEER_TEXT = INET6_ADDRSTRLEN };

/* Tests shorten them. */
struct http_limits {
    int64_t head_ms, body_ms, idle_ms, write_ms, linger_ms, pause_ms;
    size_t connections, per_peer;
};

struct http {
    struct http_rooms rooms;
    struct event_base *base;
    struct http_limits limits;
    struct policy *policy;
    SSL_CTX *tls; /* null: TCP listeners speak plain HTTP */
    struct listener **listeners;
    size_t n_listeners;
    struct listener **retired; /* closed, but with connections left */
    size_t n_retired;
    struct connection *connections;
    size_t n_connections;
    struct exchange_inner *exchanges; /* not answered yet */
    struct peer *peers;
    struct event *chores; /* what must not be done inside evhttp's or a connection's own callbacks */
    struct event *grace;
    bool draining;
    void (*drained)(void *ctx);
    void *drained_ctx;
    struct http_stats stats;
    struct log_limit full_limit, accept_limit;
    char address[256]; /* of the last http_address() */
};

void http_set_limits(struct http *http, const struct http_limits *limits);

/* ---- tls.c ---- */

SSL_CTX *tls_context_new(const char *cert, const char *key, struct error *e);

/* ---- listener.c ---- */

struct listener {
    struct http *http;
    char *wanted; /* as configured */
    char *path;   /* of a Unix socket; null: TCP */
    dev_t device; /* and inode: ours, so that only ours is removed */
    ino_t inode;
    struct sockaddr_storage address; /* really bound; TCP only */
    struct evhttp *evhttp;
    struct evconnlistener *accepter; /* null: retired */
    struct evhttp_bound_socket *bound;
    struct event *pause; /* set: no descriptors left, not accepting for a while */
    bool full;           /* not accepting since there are too many connections */
    bool kept;           /* marked while a new configuration is compared */
    size_t connections;
    struct listener *next; /* of all in the process */
};
/* Is `address` one that may be listened on? -1: see `e`. */
int listener_check(const char *address, bool has_tokens, bool has_tls, struct error *e);
/* Bound, but not accepting yet. Null: see `e`. */
struct listener *listener_open(struct http *http, const char *address, struct error *e);
void listener_start(struct listener *l);
void listener_set_full(struct listener *l, bool full);
/* Stop accepting for good and remove a Unix socket's file; its connections stay. */
void listener_retire(struct listener *l);
void listener_free(struct listener *l); /* its connections end */
void listener_write_address(const struct listener *l, char *out, size_t size);

/* ---- connection.c ---- */

enum connection_phase {
    FRESH,       /* accepted, evhttp is still setting it up */
    TURNED_AWAY, /* too many: to be closed */
    READING,     /* the gate reads */
    HANDLING,    /* evhttp has, or is about to get, a request that passed */
    ANSWERING,   /* evhttp writes the answer */
    REFUSING,    /* the gate said no, or time is up: taken over from evhttp */
    LINGERING,   /* the refusal is written; what still comes is thrown away so that it is not lost to a reset */
};

struct connection {
    struct bufferevent *bev; /* the table's key */
    struct listener *listener;
    struct evhttp_connection *evcon; /* null while FRESH */
    enum connection_phase phase;
    enum gate_phase seen; /* the gate's, when the deadline was last set */
    struct gate *gate;
    struct gate_request *passed;     /* for evhttp's callback to pick up */
    struct exchange_inner *exchange; /* while HANDLING */
    struct evhttp_request *request;  /* likewise */
    bool keep_alive, http_1_0, last; /* of that request; last: the connection ends with its answer */
    int refusal_status;
    const char *refusal_reason;
    bool continue_due, counted, surplus;
    bool is_tls, is_local; /* local: Unix socket, or to a loopback address */
    char peer[PEER_TEXT], peer_key[PEER_TEXT], local[PEER_TEXT];
    struct evbuffer_cb_entry *watch;
    struct event *deadline, *kick;
    UT_hash_handle hh;
};
/* For evhttp_set_bevcb() and evhttp_set_gencb(); `listener` is a struct listener. */
struct bufferevent *connection_new(struct event_base *base, void *listener);
void connection_on_request(struct evhttp_request *request, void *listener);
/* Not inside evhttp's callbacks for it. */
void connection_close(struct connection *c);
bool connection_is_idle(const struct connection *c);
void connections_free(struct http *http);

struct answer {
    int status;
    const struct gate_field *fields;
    size_t n_fields;
    const char *content_type; /* null: no body at all */
    const char *data;
    size_t size;
};
void connection_answer(struct connection *c, const struct answer *answer);

/* ---- exchange.c ---- */

enum { MOST_ANSWER_FIELDS = 16 };

struct exchange_inner {
    struct exchange x;
    struct http *http;             /* null: the server has gone */
    struct connection *connection; /* null: the peer has gone */
    struct gate_request *request;
    struct gate_field fields[MOST_ANSWER_FIELDS];
    size_t n_fields;
    struct exchange_inner *prev, *next;
};
struct exchange_inner *exchange_new(struct connection *c, struct gate_request *request);
/* The server goes: the answer will be dropped. */
void exchange_detach(struct exchange_inner *inner);
const char *status_reason(int status);

/* ---- route.c ---- */

/* Find who handles it and whether the caller may, and call that, or answer. */
void route_exchange(struct exchange_inner *inner);
/* Do the segments of a path, as sent, match a pattern? Fills wild, decoded. */
bool route_matches(const char *pattern, const char *path, struct arena *arena, const char *wild[4]);

/* ---- auth.c ---- */

struct policy;
struct policy *policy_new(const struct config_agent *agent, struct error *e);
void policy_free(struct policy *policy); /* null is fine */
bool policy_has_tokens(const struct policy *policy);
const char *policy_ping_key(const struct policy *policy); /* "" if none */
/* The path of external_url, without / at its end. */
const char *policy_prefix(const struct policy *policy);
/* May a request on this connection be for `host`? */
bool auth_host_allowed(const struct policy *policy, const struct connection *c, const char *host);
/* Does a browser's Origin belong to us, reached as `host`? */
bool auth_origin_allowed(const struct policy *policy, const char *origin, const char *host);

enum auth_result { AUTH_KNOWN, AUTH_NO_TOKEN, AUTH_BAD_TOKEN, AUTH_THROTTLED };
/* Who calls: fills roles and token_name. `counts`: a bad token is held against the address. */
enum auth_result auth_identify(struct exchange_inner *inner, bool counts);
/* Seconds until an address that tried too many bad tokens may try again. */
int64_t auth_retry_after(const struct http *http, const char *peer_key);

/* An address as seen by limits: IPv6 by its /64. */
void peer_write_key(const struct sockaddr *address, char out[PEER_TEXT]);
size_t peer_add_connection(struct http *http, const char *key); /* how many it has now */
void peer_drop_connection(struct http *http, const char *key);
void peers_free(struct http *http);

#endif
