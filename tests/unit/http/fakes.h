/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rooms behind the surfaces and the server in front of them, as far as the surfaces can tell. A test fills `world`,
 * calls a route, settles what waits for the disk, and looks at `answer`. Included once by each test program.
 */
#ifndef TEST_HTTP_FAKES_H
#define TEST_HTTP_FAKES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "http/server.h"

enum { MANY = 1200 };

struct job {
    char name[64], uuid[40], slug[64], method[8];
    enum job_state state;
};

/* What the surfaces find, and what they did. */
static struct {
    struct job jobs[MANY];
    size_t n_jobs;
    struct job_report report; /* the last one, its texts copied */
    struct job *reported;
    int n_reports, n_created;
    char body[256], rid[64], node[64], key[64];
    const char *create_error, *pause_error;

    struct alert alerts[8];
    size_t n_alerts;

    struct store_record records[16]; /* of whatever table is asked for, newest first */
    size_t n_records;
    struct store_query query; /* the last one */
    int find_status;
    bool full, failed, full_meanwhile;

    json_t *pending; /* notifications, newest first */

    struct cloud_event *events[8];
    size_t n_events, refuse_from; /* ingest refuses from this one on; 0: none */
    struct error refusal;
    const char *problems, *not_ready;
    struct belfry_hook_request hook;
} world;

static struct {
    int times, status;
    char type[96];
    char *text;
    json_t *json;
    char headers[512];
} answer;

/* What waits: commits, events and searches, told by settle(). */
static struct {
    void (*commit)(void *ctx, enum store_result);
    void (*found)(void *ctx, int status, const struct store_record *records, size_t n);
    void *ctx;
} waiting[32];
static size_t n_waiting;

struct pair {
    const char *name, *value;
};
static struct pair query[8], header[8];

static struct exchange *live; /* the one under way: gone, with its arena, as soon as it is answered */
static struct loop *loop;

/* ---- the exchange ---- */

static const char *look_up(const struct pair *pairs, const char *name)
{
    for (size_t i = 0; pairs[i].name; i++)
        if (strcmp(pairs[i].name, name) == 0)
            return pairs[i].value;
    return NULL;
}

const char *exchange_query(const struct exchange *x, const char *name)
{
    (void)x;
    return look_up(query, name);
}

const char *exchange_header(const struct exchange *x, const char *name)
{
    (void)x;
    return look_up(header, name);
}

int exchange_query_int(struct exchange *x, const char *name, int64_t low, int64_t high, int64_t *out)
{
    const char *text = exchange_query(x, name);
    if (!text || text_int(text, low, high, out))
        return 0;
    exchange_fail(x, 400, name, "not a number");
    return -1;
}

void exchange_set_header(struct exchange *x, const char *name, const char *value)
{
    (void)x;
    size_t len = strlen(answer.headers);
    snprintf(answer.headers + len, sizeof answer.headers - len, "%s: %s\n", name, value);
}

static void finish(struct exchange *x, int status)
{
    assert_ptr_equal(x, live);
    answer.times++;
    answer.status = status;
    arena_free(x->arena);
    free(x);
    live = NULL;
}

void exchange_json(struct exchange *x, int status, json_t *body)
{
    finish(x, status);
    json_decref(answer.json);
    answer.json = body;
}

void exchange_text(struct exchange *x, int status, const char *content_type, const char *data, size_t size)
{
    snprintf(answer.type, sizeof answer.type, "%s", content_type);
    free(answer.text);
    answer.text = x_strndup(data, size);
    finish(x, status);
}

static void fail_with(struct exchange *x, int status, const char *field, const char *text, const char *hint)
{
    json_t *body = json_object();
    json_put_str(body, "error", text);
    json_put_str(body, "field", field);
    json_put_str(body, "hint", hint);
    exchange_json(x, status, body);
}

void exchange_fail(struct exchange *x, int status, const char *field, const char *format, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    fail_with(x, status, field, text, NULL);
}

void exchange_error(struct exchange *x, int status, const struct error *e)
{
    fail_with(x, status, e->where, e->what, e->mend);
}

void exchange_store_failed(struct exchange *x, enum store_result result)
{
    exchange_fail(x, result == STORE_FULL ? 507 : 503, NULL, "store");
}

struct http *exchange_http(const struct exchange *x)
{
    (void)x;
    return NULL;
}

void http_get_stats(const struct http *http, struct http_stats *out)
{
    (void)http;
    *out = (struct http_stats){.connections = 3, .per_status = {0, 0, 40, 0, 2, 1}, .requests = 43, .timeouts = 5};
}

/* ---- jobs ---- */

const char *job_state_name(enum job_state state)
{
    static const char *const names[] = {"new",    "scheduled", "running", "succeeded", "failed", "late",
                                        "missed", "timed_out", "skipped", "cancelled", "paused"};
    return names[state];
}

static inline struct job *add_job(const char *name, const char *uuid, const char *slug)
{
    struct job *job = &world.jobs[world.n_jobs++];
    snprintf(job->name, sizeof job->name, "%s", name);
    snprintf(job->uuid, sizeof job->uuid, "%s", uuid);
    snprintf(job->slug, sizeof job->slug, "%s", slug);
    return job;
}

struct job *jobs_find(struct jobs *jobs, const char *name)
{
    (void)jobs;
    for (size_t i = 0; i < world.n_jobs; i++)
        if (strcmp(world.jobs[i].name, name) == 0)
            return &world.jobs[i];
    return NULL;
}

struct job *jobs_find_uuid(struct jobs *jobs, const char *uuid)
{
    (void)jobs;
    for (size_t i = 0; i < world.n_jobs; i++)
        if (strcmp(world.jobs[i].uuid, uuid) == 0)
            return &world.jobs[i];
    return NULL;
}

struct job *jobs_find_slug(struct jobs *jobs, const char *slug, bool *ambiguous)
{
    struct job *found = NULL;
    (void)jobs;
    *ambiguous = false;
    for (size_t i = 0; i < world.n_jobs; i++) {
        if (strcmp(world.jobs[i].slug, slug) != 0)
            continue;
        *ambiguous = found != NULL;
        found = &world.jobs[i];
    }
    return *ambiguous ? NULL : found;
}

struct job *jobs_create(struct jobs *jobs, const char *name, struct error *e)
{
    (void)jobs;
    if (world.create_error) {
        error_set(e, "%s", world.create_error);
        return NULL;
    }
    world.n_created++;
    return add_job(name, "", name);
}

const char *job_name(const struct job *job)
{
    return job->name;
}

bool job_takes_method(const struct job *job, const char *method)
{
    return !*job->method || strcmp(job->method, method) == 0;
}

static const char *keep(char *out, size_t size, const char *text)
{
    return text && snprintf(out, size, "%s", text) >= 0 ? out : NULL;
}

void jobs_report(struct jobs *jobs, struct job *job, const struct job_report *report)
{
    (void)jobs;
    world.n_reports++;
    world.reported = job;
    world.report = *report;
    world.report.rid = keep(world.rid, sizeof world.rid, report->rid);
    world.report.node = keep(world.node, sizeof world.node, report->node);
    snprintf(world.body, sizeof world.body, "%.*s", (int)report->body_size, report->body ? report->body : "");
}

int jobs_pause(struct jobs *jobs, struct job *job, struct error *e)
{
    (void)jobs;
    if (world.pause_error)
        return error_set(e, "%s", world.pause_error);
    job->state = JOB_PAUSED;
    return 0;
}

int jobs_resume(struct jobs *jobs, struct job *job, struct error *e)
{
    (void)jobs;
    (void)e;
    job->state = JOB_SCHEDULED;
    return 0;
}

json_t *job_to_json(const struct jobs *jobs, const struct job *job)
{
    (void)jobs;
    return json_pack("{s:s, s:s}", "name", job->name, "state", job_state_name(job->state));
}

size_t jobs_list(struct jobs *jobs, const char *after, size_t limit, const struct job **out)
{
    size_t n = 0;
    (void)jobs;
    for (size_t i = 0; i < world.n_jobs && n < limit; i++)
        if (!after || strcmp(world.jobs[i].name, after) > 0)
            out[n++] = &world.jobs[i];
    return n;
}

void jobs_get_stats(const struct jobs *jobs, struct jobs_stats *out)
{
    (void)jobs;
    *out = (struct jobs_stats){.total = 7, .by_state = {[JOB_FAILED] = 2}, .reports = {[REPORT_FAIL] = 9}};
}

/* ---- engine ---- */

const char *alert_state_name(enum alert_state state)
{
    static const char *const names[] = {"pending", "firing", "resolved"};
    return names[state];
}

size_t engine_list(const struct engine *engine, int64_t after, size_t limit, const struct alert **out)
{
    size_t n = 0;
    (void)engine;
    for (size_t i = 0; i < world.n_alerts && n < limit; i++)
        if (world.alerts[i].id > after)
            out[n++] = &world.alerts[i];
    return n;
}

json_t *alert_to_json(const struct alert *alert)
{
    return json_pack("{s:I}", "id", (json_int_t)alert->id);
}

json_t *engine_facts(const struct engine *engine, const char *subject)
{
    (void)engine;
    return strcmp(subject, "host/a") == 0 ? json_pack("{s:{s:i}}", "cpu", "value", 91) : NULL;
}

void engine_get_stats(const struct engine *engine, struct engine_stats *out)
{
    (void)engine;
    *out = (struct engine_stats){.events = 1234, .firing = 2, .rules = 5};
}

/* ---- notify ---- */

int64_t notify_parse_id(const struct notify *notify, const char *id)
{
    int64_t number;
    (void)notify;
    return text_starts(id, "abc-") && text_int(id + 4, 1, INT64_MAX, &number) ? number : -1;
}

json_t *notify_list_pending(const struct notify *notify, int64_t before, size_t limit)
{
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(world.pending) && json_array_size(list) < limit; i++) {
        json_t *one = json_array_get(world.pending, i);
        if (!before || notify_parse_id(notify, json_str(one, "id", "")) < before)
            json_array_append(list, one);
    }
    return list;
}

const char *verdict_name(enum belfry_outcome outcome)
{
    static const char *const names[] = {"",         "delivered", "partial", "rate_limited", "unavailable",
                                        "rejected", "disabled"};
    return names[outcome];
}

void notify_each_channel(const struct notify *notify, void (*each)(void *ctx, const struct channel_status *), void *ctx)
{
    (void)notify;
    each(ctx, &(struct channel_status){
                  .name = "odd \"name\"\\\n",
                  .plugin = "smtp",
                  .state = "ok",
                  .last_error = "",
                  .waiting = 4,
                  .oldest = loop_now(loop) - 2500,
                  .attempts = {[BELFRY_DELIVERED] = 3, [BELFRY_UNAVAILABLE] = 1},
                  .delivered = 3,
                  .latency_sum_ms = 1250,
              });
    each(ctx, &(struct channel_status){
                  .name = "hook", .plugin = "webhook", .state = "disabled", .last_error = "gone", .failed = 2});
}

/* ---- plugins ---- */

void plugins_each(struct plugins *plugins,
                  void (*each)(void *ctx, const char *file, const struct belfry_plugin *descriptor, const char *why),
                  void *ctx)
{
    static const struct belfry_plugin smtp = {
        .kind = BELFRY_CHANNEL, .name = "smtp", .version = "1.0", .licence = "Apache-2.0", .summary = "mail"};
    (void)plugins;
    each(ctx, "/p/smtp.so", &smtp, NULL);
    each(ctx, "/p/bad.so", NULL, "writable by others");
}

int plugins_hook(struct plugins *plugins, const char *name, const struct belfry_hook_request *request,
                 void (*hook_answer)(void *ctx, int status, const char *content_type, const char *body, size_t size),
                 void *ctx)
{
    (void)plugins;
    if (strcmp(name, "heartbeat") != 0)
        return -1;
    world.hook = *request;
    hook_answer(ctx, 202, "", "taken", 5);
    return 0;
}

void plugins_each_stats(struct plugins *plugins, void (*each)(void *ctx, const struct plugin_stats *), void *ctx)
{
    (void)plugins;
    struct plugin_stats former = {.instance = "email", .plugin = "smtp", .calls = 10, .total_us = 1500, .worst_us = 90};
    struct plugin_stats present = {.instance = "email", .plugin = "smtp", .calls = 5, .total_us = 500, .worst_us = 70};
    each(ctx, &former);
    each(ctx, &present);
}

/* ---- store ---- */

int store_accepts(struct store *store, struct error *e)
{
    (void)store;
    return world.full || world.failed ? error_set(e, "no") : 0;
}

void store_get_stats(const struct store *store, struct store_stats *out)
{
    (void)store;
    *out = (struct store_stats){
        .batches = 11, .is_full = world.full, .is_failed = world.failed, .last_sync_us = 1500, .size_bytes = 8192};
}

static void wait_for_disk(void (*done)(void *ctx, enum store_result), void *ctx)
{
    waiting[n_waiting].commit = done;
    waiting[n_waiting++].ctx = ctx;
}

void store_commit(struct store *store, void (*done)(void *ctx, enum store_result), void *ctx)
{
    (void)store;
    wait_for_disk(done, ctx);
}

void store_find(struct store *store, const struct store_query *wanted,
                void (*done)(void *ctx, int status, const struct store_record *records, size_t n), void *ctx)
{
    (void)store;
    world.query = *wanted;
    world.query.key = keep(world.key, sizeof world.key, wanted->key);
    waiting[n_waiting].commit = NULL;
    waiting[n_waiting].found = done;
    waiting[n_waiting++].ctx = ctx;
}

static void tell_found(void (*done)(void *ctx, int status, const struct store_record *records, size_t n), void *ctx)
{
    struct store_record found[COUNT(world.records)];
    size_t n = 0;
    for (size_t i = 0; i < world.n_records && n < world.query.limit; i++)
        if (!world.query.before || world.records[i].id < world.query.before)
            found[n++] = world.records[i];
    done(ctx, world.find_status, found, world.find_status ? 0 : n);
}

/* Let everything that waits end so, and what that leads to. */
static inline void settle(enum store_result result)
{
    for (size_t i = 0; i < n_waiting; i++) {
        if (waiting[i].commit)
            waiting[i].commit(waiting[i].ctx, result);
        else
            tell_found(waiting[i].found, waiting[i].ctx);
    }
    n_waiting = 0;
}

static inline void add_record(int64_t id, const char *data)
{
    world.records[world.n_records++] = (struct store_record){id, "key", 0, data, strlen(data)};
}

/* ---- what only the agent can do ---- */

static int fake_check(void *ctx, const struct cloud_event *event, struct error *e)
{
    (void)ctx;
    if (strcmp(event->subject, "nobody") != 0)
        return 0;
    error_set(e, "unknown job 'nobody'");
    return error_where(e, "subject");
}

static int fake_ingest(void *ctx, struct cloud_event *event, void (*done)(void *data, enum store_result), void *data,
                       struct error *e)
{
    (void)ctx;
    if (world.refuse_from && world.n_events + 1 >= world.refuse_from) {
        cloud_event_free(event);
        *e = world.refusal;
        world.full = world.full_meanwhile;
        return -1;
    }
    world.events[world.n_events++] = event;
    wait_for_disk(done, data);
    return 0;
}

static int fake_reload(void *ctx, struct buf *out)
{
    (void)ctx;
    if (world.problems)
        buf_adds(out, world.problems);
    return world.problems ? -1 : 0;
}

static json_t *fake_status(void *ctx)
{
    (void)ctx;
    return json_pack("{s:s, s:{s:b, s:s}}", "version", "1.2.3", "config", "last_reload_successful", 1, "loaded_at",
                     "2026-03-01T02:00:00.500Z");
}

static bool fake_ready(void *ctx, struct error *e)
{
    (void)ctx;
    if (world.not_ready)
        error_set(e, "%s", world.not_ready);
    return !world.not_ready;
}

/* ---- calling a surface ---- */

static struct http_rooms rooms;
static struct exchange exchange;

static inline int begin(void **state)
{
    (void)state;
    memset(&world, 0, sizeof world);
    memset(&answer, 0, sizeof answer);
    memset(query, 0, sizeof query);
    memset(header, 0, sizeof header);
    n_waiting = 0;
    loop = loop_new();
    rooms = (struct http_rooms){.loop = loop,
                                .check = fake_check,
                                .ingest = fake_ingest,
                                .reload = fake_reload,
                                .status = fake_status,
                                .ready = fake_ready};
    exchange = (struct exchange){.rooms = &rooms,
                                 .body = "",
                                 .content_type = "",
                                 .query = "",
                                 .peer = "192.0.2.7",
                                 .token_name = "",
                                 .ping_key = "s3cret-key"};
    return 0;
}

static inline int end(void **state)
{
    (void)state;
    for (size_t i = 0; i < world.n_events; i++)
        cloud_event_free(world.events[i]);
    json_decref(world.pending);
    json_decref(answer.json);
    free(answer.text);
    loop_free(loop);
    return 0;
}

static inline void set_query(const char *name, const char *value)
{
    size_t i = 0;
    while (query[i].name && strcmp(query[i].name, name) != 0)
        i++;
    query[i].name = name;
    query[i].value = value;
}

static inline void set_header(const char *name, const char *value)
{
    size_t i = 0;
    while (header[i].name)
        i++;
    header[i].name = name;
    header[i].value = value;
}

static inline void set_body(const char *type, const char *body)
{
    exchange.content_type = type;
    exchange.body = body;
    exchange.body_size = strlen(body);
}

/* Call the handler of a route; its answer may come only with settle(). Returns the roles that may call it. */
static inline unsigned call(const struct http_route *routes, enum http_method method, const char *pattern,
                            const char *wild)
{
    answer.times = answer.status = 0;
    answer.headers[0] = '\0';
    exchange.method = method;
    exchange.method_name = method == METHOD_POST ? "POST" : method == METHOD_HEAD ? "HEAD" : "GET";
    exchange.wild[0] = wild;
    for (; routes->pattern; routes++) {
        if (strcmp(routes->pattern, pattern) == 0 && routes->methods & method) {
            live = NEW(struct exchange);
            *live = exchange;
            live->arena = arena_new();
            routes->handle(live);
            return routes->roles;
        }
    }
    fail_msg("no route %s", pattern);
    return 0;
}

static inline void assert_answer(int status)
{
    assert_int_equal(answer.times, 1);
    assert_int_equal(answer.status, status);
}

static inline void assert_json(int status, const char *text)
{
    assert_answer(status);
    AUTOFREE char *got = json_dumps(answer.json, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(got, text);
}

static inline void assert_text(int status, const char *text)
{
    assert_answer(status);
    assert_string_equal(answer.text, text);
}

static inline void assert_field(int status, const char *field)
{
    assert_answer(status);
    assert_string_equal(json_str(answer.json, "field", ""), field);
    assert_string_not_equal(json_str(answer.json, "error", ""), "");
}

#endif
