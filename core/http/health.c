/* SPDX-License-Identifier: Apache-2.0 */
/* For supervisors and operators: is it alive, is it ready, read the configuration again, move the clock of a test. */
#include "http/server.h"

#include <string.h>

static const char *const plain = "text/plain; charset=utf-8";
static const int64_t most_advance = (int64_t)366 * DAY;

/* GET /-/healthy
 * 200 OK as long as the loop answers. */
static void get_healthy(struct exchange *x)
{
    exchange_text(x, 200, plain, "OK\n", 3);
}

/* GET /-/ready
 * 200 OK, or 503 and one line that says why not. */
static void get_ready(struct exchange *x)
{
    struct error e;
    char text[sizeof e + 8];
    if (x->rooms->ready(x->rooms->ctx, &e)) {
        exchange_text(x, 200, plain, "OK\n", 3);
        return;
    }
    error_text(&e, text, sizeof text - 1);
    strcat(text, "\n");
    exchange_text(x, 503, plain, text, strlen(text));
}

/* POST /-/reload
 * 200 OK (warnings, if any, before it), or 400 with the problems, a line each: then nothing has changed. */
static void post_reload(struct exchange *x)
{
    AUTOBUF out = {0};
    bool ok = x->rooms->reload(x->rooms->ctx, &out) == 0;
    if (ok)
        buf_adds(&out, "OK\n");
    exchange_text(x, ok ? 200 : 400, plain, buf_str(&out), out.len);
}

static void answer_now(struct exchange *x)
{
    json_t *body = json_object();
    json_put_time(body, "now", loop_now(x->rooms->loop));
    exchange_json(x, 200, body);
}

/* The clock can be seen and moved only where it is virtual; elsewhere there is no such path. */
static bool has_clock(struct exchange *x)
{
    if (loop_is_virtual(x->rooms->loop))
        return true;
    exchange_fail(x, 404, NULL, "no such path");
    return false;
}

/* GET /-/clock
 * 200 {"now"}; 404 unless time is virtual. */
static void get_clock(struct exchange *x)
{
    if (has_clock(x))
        answer_now(x);
}

/* POST /-/clock?advance=15s
 * Everything that comes due until then happens, in order; 200 {"now"}; 400 {"error", "field": "advance"}; 404 unless
 * time is virtual. */
static void post_clock(struct exchange *x)
{
    int64_t ms;
    const char *advance = exchange_query(x, "advance");
    if (!has_clock(x))
        return;
    if (!advance || !duration_parse(advance, &ms) || ms > most_advance) {
        exchange_fail(x, 400, "advance", "must be a duration such as 15s, at most 366d");
        return;
    }
    loop_advance(x->rooms->loop, ms);
    answer_now(x);
}

const struct http_route health_routes[] = {
    {METHOD_GET, "/-/healthy", ROLE_OPEN, get_healthy},  {METHOD_GET, "/-/ready", ROLE_OPEN, get_ready},
    {METHOD_POST, "/-/reload", ROLE_ADMIN, post_reload}, {METHOD_GET, "/-/clock", ROLE_VIEW, get_clock},
    {METHOD_POST, "/-/clock", ROLE_ADMIN, post_clock},   {0},
};
