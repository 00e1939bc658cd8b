/* SPDX-License-Identifier: Apache-2.0 */
/* Pings as healthchecks.io takes them, so that its clients, URLs and habits work here unchanged. */
#include "http/api.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_NODE = 255, MOST_EXIT_CODE = 255 };

struct ping {
    struct exchange *x;
    const char *uuid;       /* either this, */
    const char *key, *slug; /* or these */
    enum report_kind kind;
    bool has_exit_code;
    int exit_code;
    bool created;
};

static void reply(struct exchange *x, int status, const char *text)
{
    exchange_text(x, status, "text/plain", text, strlen(text));
}

static void reply_store(struct exchange *x, enum store_result result)
{
    exchange_set_header(x, "Retry-After", "30");
    if (result == STORE_FULL)
        reply(x, 507, "no room on the disk");
    else
        reply(x, 503, "the store has failed");
}

/* ---- the URL ---- */

/* What stands behind the job in the URL: nothing, start, fail, log, an exit status. 0: understood; else the HTTP
 * status to refuse it with. */
static int parse_action(struct ping *ping, const char *action)
{
    static const struct {
        const char *name;
        enum report_kind kind;
    } actions[] = {{"start", REPORT_START}, {"fail", REPORT_FAIL}, {"log", REPORT_LOG}};
    ping->kind = REPORT_SUCCESS;
    if (!action)
        return 0;
    for (size_t i = 0; i < COUNT(actions); i++) {
        if (strcmp(action, actions[i].name) == 0) {
            ping->kind = actions[i].kind;
            return 0;
        }
    }
    if (!*action || action[strspn(action, "0123456789")])
        return 404;
    long code = strtol(action, NULL, 10);
    if (code > MOST_EXIT_CODE)
        return 400;
    ping->has_exit_code = true;
    ping->exit_code = (int)code;
    ping->kind = code ? REPORT_FAIL : REPORT_SUCCESS;
    return 0;
}

/* Lower case letters, digits, _ and -. 0: one; else the HTTP status to refuse it with. */
static int check_slug(const char *slug)
{
    if (!*slug || strlen(slug) > JOB_MOST_NAME)
        return 404;
    if (slug[strspn(slug, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")])
        return 404;
    return strpbrk(slug, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") ? 400 : 0;
}

/* UUID[/ACTION] or KEY/SLUG[/ACTION], a slash at the end being as good as none. A key may look like a UUID. */
static int parse_url(struct ping *ping, const char *rest)
{
    char *parts[4] = {0}, *at = arena_strdup(ping->x->arena, rest);
    size_t n = 0;
    for (char *part; n < COUNT(parts) && (part = strsep(&at, "/")) != NULL;)
        if (*part || at)
            parts[n++] = part;
    if (n == 0 || n > 3)
        return 404;
    if (n <= 2 && text_is_uuid(parts[0])) {
        int status = parse_action(ping, parts[1]);
        if (status != 404) {
            ping->uuid = parts[0];
            return status;
        }
    }
    if (n < 2)
        return 404;
    ping->key = parts[0];
    ping->slug = parts[1];
    int status = check_slug(ping->slug);
    return status ? status : parse_action(ping, parts[2]);
}

/* ---- the job ---- */

static bool is_ping_key(const struct exchange *x, const char *key)
{
    return !text_empty(x->ping_key) && text_same_secret(key, strlen(key), x->ping_key, strlen(x->ping_key));
}

/* The job that is meant, or null with the status to answer with: 404, or 201 if it may be made. */
static struct job *find_job(const struct ping *ping, int *status)
{
    struct exchange *x = ping->x;
    struct jobs *jobs = x->rooms->jobs;
    *status = 404;
    if (ping->uuid)
        return jobs_find_uuid(jobs, ping->uuid);
    if (!is_ping_key(x, ping->key))
        return NULL;
    bool ambiguous = false;
    struct job *job = jobs_find_slug(jobs, ping->slug, &ambiguous);
    if (job)
        return job;
    const char *create = exchange_query(x, "create");
    /* A job of that name which goes by another slug must not be made a second time. */
    if (ambiguous || (text_equal(create, "1") && jobs_find(jobs, ping->slug)))
        *status = 409;
    else if (text_equal(create, "1"))
        *status = 201;
    return NULL;
}

static struct job *create_job(struct ping *ping)
{
    struct error e;
    struct job *job = jobs_create(ping->x->rooms->jobs, ping->slug, &e);
    ping->created = job != NULL;
    if (!job)
        reply(ping->x, 403, e.what);
    return job;
}

/* ---- the report ---- */

static const char *node_of(const struct exchange *x)
{
    const char *node = exchange_query(x, "node");
    if (text_empty(node))
        return strcmp(x->peer, "unix") == 0 ? NULL : x->peer;
    char *copy = arena_strdup(x->arena, node);
    text_truncate(copy, MOST_NODE);
    return copy;
}

static void report(const struct ping *ping, struct job *job)
{
    const struct exchange *x = ping->x;
    struct job_report report = {
        .kind = ping->kind,
        .has_exit_code = ping->has_exit_code,
        .exit_code = ping->exit_code,
        .rid = exchange_query(x, "rid"),
        .node = node_of(x),
        .source = "http",
        .body = x->body_size ? x->body : NULL,
        .body_size = x->body_size,
        .duration = -1,
    };
    if (!job_takes_method(job, x->method_name)) {
        report.kind = REPORT_LOG;
        report.has_exit_code = false;
        report.body = arena_printf(x->arena, "ignored: this job takes no %s", x->method_name);
        report.body_size = strlen(report.body);
    }
    jobs_report(x->rooms->jobs, job, &report);
}

static void reported(void *ctx, enum store_result result)
{
    const struct ping *ping = ctx;
    struct exchange *x = ping->x;
    if (result != STORE_OK) {
        reply_store(x, result);
        return;
    }
    exchange_set_header(x, "Ping-Body-Limit", "10000");
    exchange_set_header(x, "Access-Control-Allow-Origin", "*");
    if (ping->created)
        reply(x, 201, "Created");
    else
        reply(x, 200, "OK");
}

static void refuse(struct exchange *x, int status)
{
    if (status == 400)
        reply(x, 400, "invalid url format");
    else if (status == 409)
        reply(x, 409, "ambiguous slug");
    else
        reply(x, 404, "not found");
}

/*
 * GET, HEAD, POST /ping/UUID[/start|/fail|/log|/EXIT] and /ping/KEY/SLUG[/…]; ?rid=UUID pairs a start with its end,
 * ?create=1 makes the job of an unknown slug, ?node= says where it ran if that is not the sender's address. Text:
 *   200 OK, 201 Created: it is on disk
 *   400 invalid url format, invalid uuid format; 403 no more jobs are made; 404 not found; 409 ambiguous slug
 *   507 no room on the disk, 503 the store has failed: come back
 */
static void handle_ping(struct exchange *x)
{
    struct ping *ping = arena_alloc(x->arena, sizeof *ping);
    ping->x = x;
    int status = parse_url(ping, x->wild[0]);
    if (status) {
        refuse(x, status);
        return;
    }
    struct job *job = find_job(ping, &status);
    if (!job && status != 201) {
        refuse(x, status);
        return;
    }
    const char *rid = exchange_query(x, "rid");
    if (rid && !text_is_uuid(rid)) {
        reply(x, 400, "invalid uuid format");
        return;
    }
    enum store_result state = api_store_state(x);
    if (state != STORE_OK) {
        reply_store(x, state);
        return;
    }
    if (!job && !(job = create_job(ping)))
        return;
    report(ping, job);
    store_commit(x->rooms->store, reported, ping);
}

const struct http_route ping_routes[] = {
    {METHOD_GET | METHOD_HEAD | METHOD_POST, "/ping/**", ROLE_OPEN, handle_ping},
    {0},
};
