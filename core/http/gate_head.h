/* SPDX-License-Identifier: Apache-2.0 */
/* Private to http/: what the lines of a request's head mean. Used by gate.c, and decoding by whoever looks into a
 * request's path or query. */
#ifndef BELFRY_HTTP_GATE_HEAD_H
#define BELFRY_HTTP_GATE_HEAD_H

#include "http/gate.h"

enum { GATE_MOST_METHOD = 32 };

struct refusal {
    int status; /* 0: none */
    const char *reason;
};
/* Always returns -1. */
int refuse(struct refusal *why, int status, const char *reason);

bool is_token(const char *s, size_t n); /* RFC 9110's, at least one character */

/* Decode %XX, and + as a space if `plus`. Null: not valid, or the result is no UTF-8 or has control characters. */
char *decode_percent(struct arena *arena, const char *s, size_t n, bool plus);

/* -1: refused. */
int head_request_line(struct gate_request *r, const char *line, size_t n, struct refusal *why);
int head_field(struct gate_request *r, const char *line, size_t n, struct refusal *why);
int head_trailer(const char *line, size_t n, struct refusal *why);

struct framing {
    bool chunked;
    size_t length;
    bool expects_continue;
};
/* All fields are there: what do they say together? */
int head_end(struct gate_request *r, struct framing *framing, struct refusal *why);

/* A chunk's first line: its size, which must be at most `most`, and extensions, which are checked and forgotten. */
int chunk_size(const char *line, size_t n, size_t most, size_t *size, struct refusal *why);

#endif
