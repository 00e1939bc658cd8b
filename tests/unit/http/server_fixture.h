/* SPDX-License-Identifier: Apache-2.0 */
/* A server with small surfaces of its own, and peers that talk to it, all in one thread. */
#ifndef BELFRY_TEST_SERVER_FIXTURE_H
#define BELFRY_TEST_SERVER_FIXTURE_H

#include <openssl/ssl.h>

#include "http/internal.h"

struct fixture {
    struct loop *loop;
    struct http *http;
    struct config_agent agent;
    const char *listen[4];
    const char *hosts[4];
    struct config_token tokens[8];
    char dir[64];          /* of this test alone */
    struct exchange *held; /* what POST or GET /hold left unanswered */
    int held_count;
};

/* Before fixture_start(), set what is to differ from one open listener on 127.0.0.1. */
struct fixture *fixture_new(void);
void fixture_start(struct fixture *f);
void fixture_free(struct fixture *f);
void fixture_add_tokens(struct fixture *f); /* view-token ingest-token operate-token admin-token */
void fixture_use_tls(struct fixture *f);    /* a certificate of its own */
struct http_stats fixture_stats(const struct fixture *f);
/* Let the loop run until `done` says so, at most 5 s. */
bool fixture_until(struct fixture *f, bool (*done)(void *data), void *data);
void fixture_run(struct fixture *f, int64_t ms);

struct peer_socket {
    struct fixture *f;
    int fd;
    SSL *ssl;
    SSL_CTX *ctx;
    struct buf in;
    bool closed;    /* by the server */
    bool head_only; /* answers have no body, as to HEAD */
};
struct peer_socket *peer_open(struct fixture *f, size_t listener);
struct peer_socket *peer_open_tls(struct fixture *f, size_t listener, int version);
void peer_close(struct peer_socket *p);
void peer_send(struct peer_socket *p, const void *data, size_t size);
void peer_say(struct peer_socket *p, const char *text);
/* The loop turns until that many whole answers are there, or the server has closed, or 5 s. How many there are. */
size_t peer_await(struct peer_socket *p, size_t answers);
bool peer_await_close(struct peer_socket *p);
/* Of the nth answer, from 0; 0 or null: there is none. */
int peer_status(const struct peer_socket *p, size_t nth);
/* Its text, head and body; valid until the next call. */
const char *peer_answer(const struct peer_socket *p, size_t nth);

/* One connection, one request, one answer: its status; its text in `out` if not null (freed by the caller). */
int ask(struct fixture *f, const char *request, char **out);

#endif
