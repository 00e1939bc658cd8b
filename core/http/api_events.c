/* SPDX-License-Identifier: Apache-2.0 */
/* CloudEvents in: structured, binary or a batch. A 200 means that the effects of every event are on disk. */
#include "http/api.h"

#include <string.h>

enum { MOST_EVENTS = 1000 };

/* How the events came, which decides how a mistake in them is named: "type", "ce-type", "events[3].type". */
enum form { FORM_STRUCTURED, FORM_BINARY, FORM_BATCH };

struct intake {
    struct exchange *x;
    enum form form;
    struct cloud_event **events;
    size_t n, taken, waiting;
    enum store_result worst;
    bool refused; /* by `error`, whose status is `status` */
    int status;
    struct error error;
};

static const char *const attributes[] = {"specversion", "id", "source", "type", "subject", "time"};

static bool is_attribute(const char *name)
{
    for (size_t i = 0; i < COUNT(attributes); i++)
        if (strcmp(name, attributes[i]) == 0)
            return true;
    return false;
}

/* Put the error's place in the terms of the sender. */
static void place_error(struct error *e, enum form form, size_t index)
{
    char field[sizeof e->where];
    memcpy(field, e->where, sizeof field);
    if (form == FORM_BATCH)
        error_where(e, "events[%zu]%s%.200s", index, *field ? "." : "", field);
    else if (form == FORM_BINARY && is_attribute(field))
        error_where(e, "ce-%.200s", field);
}

static void refuse_body(struct intake *in, int status)
{
    in->refused = true;
    in->status = status;
}

static bool is_unknown_job(const struct error *e)
{
    return (strcmp(e->where, "data.job_id") == 0 || strcmp(e->where, "subject") == 0) &&
           text_starts(e->what, "unknown job");
}

static void refuse_event(struct intake *in, size_t index)
{
    refuse_body(in, is_unknown_job(&in->error) ? 404 : 400);
    place_error(&in->error, in->form, index);
}

/* ---- Reading: nothing is taken before everything is understood ---- */

static struct cloud_event *read_structured(const struct exchange *x, const json_t *json, struct error *e)
{
    if (json_object_get(json, "data_base64")) {
        error_set(e, "binary data cannot be read");
        error_where(e, "data_base64");
        error_mend(e, "send a JSON object in \"data\"");
        return NULL;
    }
    return cloud_event_from_json(json, loop_now(x->rooms->loop), e);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int percent_decode(const char *s, struct buf *out)
{
    for (; *s; s++) {
        if (*s != '%') {
            buf_addc(out, *s);
            continue;
        }
        int high = hex_digit(s[1]), low = high < 0 ? -1 : hex_digit(s[2]);
        if (low < 0 || (high == 0 && low == 0))
            return -1;
        buf_addc(out, (char)(high * 16 + low));
        s += 2;
    }
    return 0;
}

/* Senders of CloudEvents before 1.0.2 put values with spaces in double quotes. */
static void unquote(const char *s, struct buf *out)
{
    size_t len = strlen(s);
    if (len < 2 || s[0] != '"' || s[len - 1] != '"') {
        buf_adds(out, s);
        return;
    }
    for (size_t i = 1; i < len - 1; i++) {
        if (s[i] == '\\' && i + 1 < len - 1)
            i++;
        buf_addc(out, s[i]);
    }
}

static int read_header(const struct exchange *x, json_t *json, const char *attribute, struct error *e)
{
    const char *value = exchange_header(x, arena_printf(x->arena, "ce-%s", attribute));
    if (!value)
        return 0;
    AUTOBUF plain = {0}, decoded = {0};
    unquote(value, &plain);
    if (percent_decode(buf_str(&plain), &decoded) || !text_is_utf8(buf_str(&decoded), decoded.len, NULL)) {
        error_set(e, "is not percent-encoded UTF-8");
        return error_where(e, "%s", attribute);
    }
    json_put_str(json, attribute, buf_str(&decoded));
    return 0;
}

static bool is_json_type(const char *type)
{
    size_t len = strlen(type);
    return strcmp(type, "application/json") == 0 || (len > 5 && strcmp(type + len - 5, "+json") == 0);
}

static struct cloud_event *read_binary(const struct exchange *x, struct error *e)
{
    AUTOJSON *json = json_object();
    for (size_t i = 0; i < COUNT(attributes); i++)
        if (read_header(x, json, attributes[i], e))
            return NULL;
    if (x->body_size) {
        json_t *data = json_parse(x->body, x->body_size, e);
        if (!data)
            return NULL;
        json_put(json, "data", data);
    }
    return cloud_event_from_json(json, loop_now(x->rooms->loop), e);
}

/* Keep an event that was read; -1: it was not, or it cannot be taken. Found before anything is taken, so that one bad
 * event spoils no half of a batch. */
static int keep_event(struct intake *in, struct cloud_event *event, size_t index)
{
    const struct http_rooms *rooms = in->x->rooms;
    if (event && rooms->check(rooms->ctx, event, &in->error) == 0) {
        in->events[in->n++] = event;
        return 0;
    }
    cloud_event_free(event);
    refuse_event(in, index);
    return -1;
}

static void read_batch(struct intake *in, const json_t *batch)
{
    struct exchange *x = in->x;
    size_t n = json_array_size(batch);
    if (!json_is_array(batch)) {
        error_set(&in->error, "a batch must be a JSON array");
        refuse_body(in, 400);
        return;
    }
    if (n > MOST_EVENTS) {
        error_set(&in->error, "a batch has at most %d events", MOST_EVENTS);
        refuse_body(in, 413);
        return;
    }
    in->events = arena_alloc(x->arena, (n + 1) * sizeof(struct cloud_event *));
    for (size_t i = 0; i < n; i++)
        if (keep_event(in, read_structured(x, json_array_get(batch, i), &in->error), i))
            return;
}

static void read_events(struct intake *in)
{
    struct exchange *x = in->x;
    in->events = arena_alloc(x->arena, sizeof(struct cloud_event *));
    if (in->form == FORM_BINARY) {
        keep_event(in, read_binary(x, &in->error), 0);
        return;
    }
    AUTOJSON *json = json_parse(x->body, x->body_size, &in->error);
    if (!json) {
        refuse_body(in, 400);
    } else if (in->form == FORM_BATCH) {
        read_batch(in, json);
    } else {
        keep_event(in, read_structured(x, json, &in->error), 0);
    }
}

/* ---- Taking ---- */

static void answer(struct intake *in)
{
    struct exchange *x = in->x;
    if (in->worst != STORE_OK) {
        exchange_store_failed(x, in->worst);
    } else if (in->refused) {
        exchange_error(x, in->status, &in->error);
    } else {
        json_t *body = json_object();
        json_put_int(body, "accepted", (int64_t)in->taken);
        exchange_json(x, 200, body);
    }
}

static void worsen(struct intake *in, enum store_result result)
{
    if (result > in->worst)
        in->worst = result;
}

static void settled(void *data, enum store_result result)
{
    struct intake *in = data;
    worsen(in, result);
    if (--in->waiting == 0)
        answer(in);
}

static void drop_events(struct intake *in)
{
    for (size_t i = 0; i < in->n; i++)
        cloud_event_free(TAKE(in->events[i]));
}

static void say_taken(struct intake *in)
{
    char mend[sizeof in->error.mend];
    memcpy(mend, in->error.mend, sizeof mend);
    error_mend(&in->error, "%.120s%sthe %zu events before it were taken, send the rest again", mend, *mend ? "; " : "",
               in->taken);
}

/* What is refused only here was not to be seen before; what came before it in the batch has been taken then. */
static void take_events(struct intake *in)
{
    const struct http_rooms *rooms = in->x->rooms;
    in->waiting = 1; /* our own, so that no answer is given before the last was handed over */
    for (size_t i = 0; i < in->n && !in->refused; i++) {
        in->waiting++;
        if (rooms->ingest(rooms->ctx, TAKE(in->events[i]), settled, in, &in->error) == 0) {
            in->taken++;
            continue;
        }
        in->waiting--;
        worsen(in, api_store_state(in->x)); /* or was it the disk that filled up just now? */
        refuse_event(in, i);
        if (in->taken)
            say_taken(in);
    }
    drop_events(in);
    settled(in, STORE_OK);
}

static bool has_attributes(const struct exchange *x)
{
    return exchange_header(x, "ce-specversion") || exchange_header(x, "ce-id") || exchange_header(x, "ce-source") ||
           exchange_header(x, "ce-type");
}

static int read_form(struct exchange *x, enum form *form)
{
    const char *type = x->content_type;
    if (strcmp(type, "application/cloudevents+json") == 0)
        *form = FORM_STRUCTURED;
    else if (strcmp(type, "application/cloudevents-batch+json") == 0)
        *form = FORM_BATCH;
    else if (has_attributes(x) && (is_json_type(type) || (!*type && !x->body_size)))
        *form = FORM_BINARY;
    else if (strcmp(type, "application/json") == 0)
        *form = FORM_STRUCTURED;
    else
        return -1;
    return 0;
}

/*
 * POST /api/v1/events
 *   application/cloudevents+json, or application/json with specversion in it: one event
 *   application/cloudevents-batch+json: an array of at most 1000
 *   ce-* header fields: one event whose data is the body, JSON or nothing
 * 200 {"accepted": N} once all effects are on disk. 400 {"error", "field": "events[3].type", "hint"}, 404 for a report
 * of an unknown job, 413 for a batch too large, 415 for another content type, 507 and 503 as the store says; then
 * nothing was taken, unless the hint says so.
 */
static void post_events(struct exchange *x)
{
    enum form form;
    if (read_form(x, &form)) {
        exchange_fail(x, 415, "content-type",
                      "'%.80s' is not taken here; send application/cloudevents+json, "
                      "application/cloudevents-batch+json, or ce-* header fields with a JSON body",
                      x->content_type);
        return;
    }
    if (!api_accepts(x))
        return;
    struct intake *in = arena_alloc(x->arena, sizeof *in);
    in->x = x;
    in->form = form;
    read_events(in);
    if (in->refused) {
        drop_events(in);
        answer(in);
    } else {
        take_events(in);
    }
}

const struct http_route api_event_routes[] = {
    {METHOD_POST, "/api/v1/events", ROLE_INGEST | ROLE_OPERATE | ROLE_ADMIN, post_events},
    {0},
};
