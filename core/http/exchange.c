/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "http/gate_head.h"
#include "http/internal.h"

#include <utlist.h>

const char *status_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } known[] = {{200, "OK"},
                 {201, "Created"},
                 {202, "Accepted"},
                 {204, "No Content"},
                 {303, "See Other"},
                 {304, "Not Modified"},
                 {400, "Bad Request"},
                 {401, "Unauthorized"},
                 {403, "Forbidden"},
                 {404, "Not Found"},
                 {405, "Method Not Allowed"},
                 {408, "Request Timeout"},
                 {409, "Conflict"},
                 {410, "Gone"},
                 {413, "Content Too Large"},
                 {414, "URI Too Long"},
                 {415, "Unsupported Media Type"},
                 {417, "Expectation Failed"},
                 {421, "Misdirected Request"},
                 {422, "Unprocessable Content"},
                 {429, "Too Many Requests"},
                 {431, "Request Header Fields Too Large"},
                 {500, "Internal Server Error"},
                 {501, "Not Implemented"},
                 {503, "Service Unavailable"},
                 {504, "Gateway Timeout"},
                 {505, "HTTP Version Not Supported"},
                 {507, "Insufficient Storage"}};
    for (size_t i = 0; i < COUNT(known); i++)
        if (known[i].status == status)
            return known[i].reason;
    return "Other";
}

static struct exchange_inner *inner_of(const struct exchange *x)
{
    return (struct exchange_inner *)(uintptr_t)x;
}

/* ---- Life ---- */

static void name_method(struct exchange *x, const char *name)
{
    static const struct {
        const char *name;
        enum http_method method;
    } known[] = {{"GET", METHOD_GET},
                 {"HEAD", METHOD_HEAD},
                 {"POST", METHOD_POST},
                 {"PUT", METHOD_PUT},
                 {"DELETE", METHOD_DELETE}};
    x->method_name = name;
    for (size_t i = 0; i < COUNT(known); i++)
        if (strcmp(known[i].name, name) == 0)
            x->method = known[i].method;
}

static const char *media_type(struct arena *arena, const char *value)
{
    if (!value)
        return "";
    char *type = arena_strndup(arena, value, strcspn(value, "; "));
    for (char *c = type; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return type;
}

struct exchange_inner *exchange_new(struct connection *c, struct gate_request *request)
{
    struct exchange_inner *inner = NEW(struct exchange_inner);
    struct http *http = c->listener->http;
    inner->http = http;
    inner->connection = c;
    inner->request = request;
    inner->x = (struct exchange){
        .rooms = &http->rooms,
        .arena = request->arena,
        .path = "",
        .query = request->query,
        .ping_key = arena_strdup(request->arena, policy_ping_key(http->policy)),
        .body = buf_str(&request->body),
        .body_size = request->body.len,
        .content_type = media_type(request->arena, gate_find(request, "content-type")),
        .peer = arena_strdup(request->arena, c->peer),
        .token_name = "",
    };
    name_method(&inner->x, request->method);
    DL_APPEND(http->exchanges, inner);
    return inner;
}

static void exchange_free(struct exchange_inner *inner)
{
    if (inner->http)
        DL_DELETE(inner->http->exchanges, inner);
    gate_request_free(inner->request);
    free(inner);
}

void exchange_detach(struct exchange_inner *inner)
{
    struct http_rooms *rooms = arena_alloc(inner->x.arena, sizeof *rooms);
    *rooms = inner->http->rooms;
    inner->x.rooms = rooms;
    DL_DELETE(inner->http->exchanges, inner);
    inner->http = NULL;
    inner->connection = NULL;
}

struct http *exchange_http(const struct exchange *x)
{
    return inner_of(x)->http;
}

/* ---- Reading ---- */

const char *exchange_header(const struct exchange *x, const char *name)
{
    const struct gate_request *request = inner_of(x)->request;
    for (size_t i = 0; i < request->n_fields; i++)
        if (strcasecmp(request->fields[i].name, name) == 0)
            return request->fields[i].value;
    return NULL;
}

const char *exchange_query_nth(const struct exchange *x, const char *name, size_t nth)
{
    for (const char *p = inner_of(x)->request->query; *p;) {
        size_t n = strcspn(p, "&"), key = 0;
        while (key < n && p[key] != '=')
            key++;
        const char *decoded = decode_percent(x->arena, p, key, true);
        if (text_equal(decoded, name) && nth-- == 0)
            return key < n ? decode_percent(x->arena, p + key + 1, n - key - 1, true) : "";
        p += n + (p[n] == '&');
    }
    return NULL;
}

const char *exchange_query(const struct exchange *x, const char *name)
{
    return exchange_query_nth(x, name, 0);
}

int exchange_query_int(struct exchange *x, const char *name, int64_t low, int64_t high, int64_t *out)
{
    const char *text = exchange_query(x, name);
    if (!text || text_int(text, low, high, out))
        return 0;
    exchange_fail(x, 400, name, "must be a whole number from %lld to %lld", (long long)low, (long long)high);
    return -1;
}

/* ---- Answering ---- */

void exchange_set_header(struct exchange *x, const char *name, const char *value)
{
    struct exchange_inner *inner = inner_of(x);
    if (inner->n_fields == MOST_ANSWER_FIELDS)
        abort();
    inner->fields[inner->n_fields++] = (struct gate_field){arena_strdup(x->arena, name), arena_strdup(x->arena, value)};
}

static void answer(struct exchange *x, int status, const char *content_type, const char *data, size_t size)
{
    struct exchange_inner *inner = inner_of(x);
    struct answer a = {.status = status,
                       .fields = inner->fields,
                       .n_fields = inner->n_fields,
                       .content_type = content_type,
                       .data = data,
                       .size = size};
    if (inner->connection)
        connection_answer(inner->connection, &a);
    exchange_free(inner);
}

void exchange_text(struct exchange *x, int status, const char *content_type, const char *data, size_t size)
{
    answer(x, status, content_type, data, size);
}

void exchange_json(struct exchange *x, int status, json_t *body)
{
    AUTOFREE char *text = json_text(body);
    json_decref(body);
    answer(x, status, "application/json", text, strlen(text));
}

static json_t *failure(const char *what, const char *field, const char *hint)
{
    json_t *body = json_object();
    json_put_str(body, "error", what);
    json_put_str(body, "field", field);
    json_put_str(body, "hint", hint);
    return body;
}

void exchange_fail(struct exchange *x, int status, const char *field, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    const char *what = arena_vprintf(x->arena, format, ap);
    va_end(ap);
    exchange_json(x, status, failure(what, field, NULL));
}

void exchange_error(struct exchange *x, int status, const struct error *e)
{
    exchange_json(x, status, failure(e->what, e->where, e->mend));
}

void exchange_store_failed(struct exchange *x, enum store_result result)
{
    exchange_set_header(x, "Retry-After", result == STORE_FULL ? "30" : "5");
    if (result == STORE_FULL)
        exchange_fail(x, 507, NULL, "the disk is full: nothing is taken until there is room again");
    else
        exchange_fail(x, 503, NULL, "the store failed: the agent starts again");
}
