/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to http/: the gate. It alone reads what peers send: a strict, incremental RFC 9112 parser that takes one
 * request at a time out of a stream of bytes, whatever the pieces they come in. What it passes is complete, within the
 * limits, and has one meaning only; what could be read in two ways is refused. Nothing behind it parses HTTP again.
 */
#ifndef BELFRY_HTTP_GATE_H
#define BELFRY_HTTP_GATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/base.h"
#include "http/server.h"

enum gate_verdict {
    GATE_MORE,    /* fine so far, all bytes used */
    GATE_REQUEST, /* a request ended: take it with gate_take() before the next gate_feed() */
    GATE_REFUSED, /* see gate_status(); for good, since nobody knows where the next request would begin */
};
enum gate_phase { GATE_IDLE, GATE_HEAD, GATE_BODY };

struct gate_field {
    const char *name, *value; /* the name in lower case; the value UTF-8, trimmed, without control characters */
};

struct gate_request {
    struct arena *arena;
    const char *method; /* GET HEAD POST PUT DELETE OPTIONS PATCH */
    bool http_1_0, keep_alive;
    const char *host;  /* with its port if it was given, lower case; "" where HTTP/1.0 leaves it out */
    const char *path;  /* as sent: begins with /, each %XX valid; or "*" for OPTIONS * */
    const char *query; /* as sent, behind the ?; "" if none */
    struct gate_field fields[HTTP_MOST_FIELDS];
    size_t n_fields;
    struct buf body; /* without its chunks; buf_str() ends it with NUL */
};

struct gate *gate_new(void);
void gate_free(struct gate *gate); /* null is fine */

/* Look at the next bytes of the stream. *used of them were needed: all, unless a request ended before. */
enum gate_verdict gate_feed(struct gate *gate, const char *data, size_t size, size_t *used);
/* The request that ended; the caller frees it. */
struct gate_request *gate_take(struct gate *gate);
void gate_request_free(struct gate_request *request); /* null is fine */

enum gate_phase gate_phase(const struct gate *gate);
/* True once per request: its head has passed and the peer waits for 100 Continue before it sends the body. */
bool gate_take_continue(struct gate *gate);

/* After GATE_REFUSED: the status to answer with and one line that says why. */
int gate_status(const struct gate *gate);
const char *gate_reason(const struct gate *gate);

/* The value of the first field of that name (lower case), or null. */
const char *gate_find(const struct gate_request *request, const char *name);

#endif
