/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream of bytes for the gate. However it is cut into pieces, the same requests must pass and the same byte be
 * refused; what passed must keep the gate's promises; and written out again in the plainest way it must pass again and
 * say the same, since a request with two readings is what the gate is there to stop.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/gate_head.h"

enum { MOST_REQUESTS = 64 };

struct outcome {
    struct gate_request *requests[MOST_REQUESTS];
    size_t n, refused_at; /* SIZE_MAX: not refused */
    int status;
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void demand(bool holds)
{
    if (!holds)
        abort();
}

/* In pieces whose length `random` makes; 0: at once. The gate sees each in memory of its own. */
static struct outcome run(const char *data, size_t size, uint64_t random)
{
    struct outcome out = {.refused_at = SIZE_MAX};
    struct gate *gate = gate_new();
    for (size_t at = 0; at < size && out.n < MOST_REQUESTS && !out.status;) {
        size_t n = random ? 1 + (random >> 33) % 17 : size, used;
        random = random ? random * 6364136223846793005u + 1442695040888963407u : 0;
        n = n < size - at ? n : size - at;
        char *piece = x_malloc(n);
        memcpy(piece, data + at, n);
        enum gate_verdict verdict = gate_feed(gate, piece, n, &used);
        free(piece);
        demand(used <= n && (verdict != GATE_MORE || used == n));
        at += used;
        if (verdict == GATE_REQUEST)
            out.requests[out.n++] = gate_take(gate);
        if (verdict == GATE_REFUSED) {
            out.refused_at = at;
            out.status = gate_status(gate);
            demand(out.status >= 400 && out.status <= 505 && gate_reason(gate));
        }
    }
    gate_free(gate);
    return out;
}

static bool is_clean(const char *s)
{
    for (const char *c = s; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return false;
    return text_is_utf8(s, strlen(s), NULL);
}

static void check_promises(const struct gate_request *r)
{
    size_t target = strlen(r->path) + strlen(r->query);
    demand(r->path[0] == '/' || (strcmp(r->path, "*") == 0 && strcmp(r->method, "OPTIONS") == 0));
    demand(target <= HTTP_MOST_TARGET && r->n_fields <= HTTP_MOST_FIELDS && r->body.len <= HTTP_MOST_BODY);
    demand(*r->host || r->http_1_0);
    const char *path = decode_percent(r->arena, r->path, strlen(r->path), false);
    const char *query = decode_percent(r->arena, r->query, strlen(r->query), true);
    demand(path && query && is_clean(path) && is_clean(query) && !strstr(path, "/../"));
    for (size_t i = 0; i < r->n_fields; i++) {
        const char *value = r->fields[i].value;
        size_t n = strlen(value);
        demand(is_token(r->fields[i].name, strlen(r->fields[i].name)) && is_clean(value));
        demand(!n || (value[0] != ' ' && value[n - 1] != ' '));
    }
}

static bool same(const struct gate_request *a, const struct gate_request *b)
{
    return strcmp(a->method, b->method) == 0 && strcmp(a->path, b->path) == 0 && strcmp(a->query, b->query) == 0 &&
           strcmp(a->host, b->host) == 0 && a->keep_alive == b->keep_alive && a->body.len == b->body.len &&
           memcmp(buf_str(&a->body), buf_str(&b->body), a->body.len) == 0;
}

static void write_plainly(const struct gate_request *r, struct buf *out)
{
    buf_addf(out, "%s %s%s%s HTTP/1.%d\r\n", r->method, r->path, *r->query ? "?" : "", r->query, !r->http_1_0);
    for (size_t i = 0; i < r->n_fields; i++) {
        const char *name = r->fields[i].name;
        if (strcmp(name, "transfer-encoding") != 0 && strcmp(name, "content-length") != 0)
            buf_addf(out, "%s: %s\r\n", name, r->fields[i].value);
    }
    if (r->body.len)
        buf_addf(out, "Content-Length: %zu\r\n", r->body.len);
    buf_adds(out, "\r\n");
    buf_add(out, buf_str(&r->body), r->body.len);
}

/* An absolute target gives the host of HTTP/1.0 that no field does, and a head near the limit may grow beyond it. */
static bool can_be_written(const struct gate_request *r)
{
    size_t head = 100;
    for (size_t i = 0; i < r->n_fields; i++)
        head += strlen(r->fields[i].name) + strlen(r->fields[i].value) + 4;
    return r->n_fields < HTTP_MOST_FIELDS && head + HTTP_MOST_TARGET < HTTP_MOST_HEAD &&
           (!*r->host || gate_find(r, "host"));
}

static void check_second_reading(const struct gate_request *r)
{
    AUTOBUF text = {0};
    if (!can_be_written(r))
        return;
    write_plainly(r, &text);
    struct outcome again = run(text.data, text.len, 0);
    demand(again.n == 1 && !again.status && same(r, again.requests[0]));
    gate_request_free(again.requests[0]);
}

static void compare(const struct outcome *a, const struct outcome *b)
{
    demand(a->n == b->n && a->status == b->status && a->refused_at == b->refused_at);
    for (size_t i = 0; i < a->n; i++)
        demand(same(a->requests[i], b->requests[i]));
}

static void drop(struct outcome *out)
{
    for (size_t i = 0; i < out->n; i++)
        gate_request_free(out->requests[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const char *data = (const char *)bytes;
    struct outcome whole = run(data, size, 0), pieces = run(data, size, text_hash(TEXT_HASH, data, size) | 1);
    compare(&whole, &pieces);
    for (size_t i = 0; i < whole.n; i++) {
        check_promises(whole.requests[i]);
        check_second_reading(whole.requests[i]);
    }
    drop(&whole);
    drop(&pieces);
    return 0;
}
