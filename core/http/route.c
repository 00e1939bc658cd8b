/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "http/gate_head.h"
#include "http/internal.h"

enum { MOST_WILD = 4 };

static const struct http_route *const tables[] = {api_event_routes,        api_job_routes, api_alert_routes,
                                                  api_notification_routes, ping_routes,    hook_routes,
                                                  health_routes,           metrics_routes};

/* ---- Patterns ---- */

static bool same_segment(const char *pattern, size_t n, const char *decoded)
{
    return strlen(decoded) == n && memcmp(pattern, decoded, n) == 0;
}

bool route_matches(const char *pattern, const char *path, struct arena *arena, const char *wild[4])
{
    size_t n_wild = 0;
    while (*pattern == '/' && strcmp(pattern, "/**") != 0) {
        if (*path != '/')
            return false;
        pattern++;
        path++;
        size_t want = strcspn(pattern, "/"), have = strcspn(path, "/");
        const char *segment = decode_percent(arena, path, have, false);
        if (want == 1 && *pattern == '*' && have && segment && n_wild < MOST_WILD)
            wild[n_wild++] = segment;
        else if (!segment || !same_segment(pattern, want, segment))
            return false;
        pattern += want;
        path += have;
    }
    if (!*pattern || n_wild == MOST_WILD)
        return !*path;
    path += *path == '/';
    wild[n_wild] = decode_percent(arena, path, strlen(path), false);
    return true;
}

struct match {
    const struct http_route *route;
    unsigned methods; /* of all routes with this path */
};

/* The first route that takes the method wins. */
static struct match find_route(struct exchange *x, const char *path)
{
    struct match match = {0};
    for (size_t i = 0; i < COUNT(tables); i++) {
        for (const struct http_route *r = tables[i]; r->pattern; r++) {
            const char *wild[MOST_WILD] = {0};
            if (!route_matches(r->pattern, path, x->arena, wild))
                continue;
            unsigned methods = r->methods | (r->methods & METHOD_GET ? METHOD_HEAD : 0);
            match.methods |= methods;
            if (match.route || !(methods & x->method))
                continue;
            match.route = r;
            memcpy(x->wild, wild, sizeof wild);
        }
    }
    return match;
}

static const char *allowed_methods(struct arena *arena, unsigned methods)
{
    static const struct {
        unsigned method;
        const char *name;
    } names[] = {{METHOD_GET, "GET"},
                 {METHOD_HEAD, "HEAD"},
                 {METHOD_POST, "POST"},
                 {METHOD_PUT, "PUT"},
                 {METHOD_DELETE, "DELETE"}};
    const char *text = "";
    for (size_t i = 0; i < COUNT(names); i++)
        if (methods & names[i].method)
            text = arena_printf(arena, "%s%s%s", text, *text ? ", " : "", names[i].name);
    return text;
}

/* ---- May the caller? Each of these answers if not. ---- */

static bool host_is_ours(struct exchange_inner *inner)
{
    if (auth_host_allowed(inner->http->policy, inner->connection, inner->request->host))
        return true;
    exchange_fail(&inner->x, 421, "host", "this agent does not answer for '%.200s'; name it in agent.hosts",
                  inner->request->host);
    return false;
}

static bool origin_is_ours(struct exchange_inner *inner)
{
    const char *origin = gate_find(inner->request, "origin");
    bool changes = inner->x.method != METHOD_GET && inner->x.method != METHOD_HEAD;
    if (!origin || !changes || auth_origin_allowed(inner->http->policy, origin, inner->request->host))
        return true;
    exchange_fail(&inner->x, 403, "origin", "pages of another origin may not change anything here");
    return false;
}

static bool fail_unauthorized(struct exchange_inner *inner, enum auth_result result)
{
    struct exchange *x = &inner->x;
    inner->http->stats.unauthorized++;
    if (result == AUTH_THROTTLED) {
        int64_t wait = auth_retry_after(inner->http, inner->connection->peer_key);
        exchange_set_header(x, "Retry-After", arena_printf(x->arena, "%lld", (long long)wait));
        exchange_fail(x, 429, NULL, "too many bad tokens from this address");
    } else if (result == AUTH_BAD_TOKEN) {
        exchange_set_header(x, "WWW-Authenticate", "Bearer realm=\"belfry\", error=\"invalid_token\"");
        exchange_fail(x, 401, "authorization", "unknown token");
    } else {
        exchange_set_header(x, "WWW-Authenticate", "Bearer realm=\"belfry\"");
        exchange_fail(x, 401, "authorization", "a token is needed: Authorization: Bearer TOKEN");
    }
    return false;
}

static bool role_suffices(struct exchange_inner *inner, unsigned roles)
{
    enum auth_result result = auth_identify(inner, roles != ROLE_OPEN);
    if (roles == ROLE_OPEN)
        return true;
    if (result != AUTH_KNOWN)
        return fail_unauthorized(inner, result);
    if (inner->x.roles & roles)
        return true;
    inner->http->stats.unauthorized++;
    exchange_fail(&inner->x, 403, "authorization", "the role of the token '%s' does not allow this",
                  inner->x.token_name);
    return false;
}

/* Browsers send text/plain and forms anywhere without asking first; JSON they do not. Pings and hooks take anything. */
static bool content_type_suffices(struct exchange_inner *inner, const char *pattern)
{
    const char *type = inner->x.content_type;
    size_t n = strlen(type);
    if (!inner->x.body_size || !text_starts(pattern, "/api/") || strcmp(type, "application/json") == 0 ||
        (n > 5 && strcmp(type + n - 5, "+json") == 0))
        return true;
    exchange_fail(&inner->x, 415, "content-type", "'%.80s' is not taken here; send application/json", type);
    return false;
}

/* ---- The way of a request ---- */

/* The path behind the prefix of external_url, as sent; null: it does not lie there. */
static const char *strip_prefix(const struct exchange_inner *inner)
{
    const char *prefix = policy_prefix(inner->http->policy), *path = inner->request->path;
    size_t n = strlen(prefix);
    if (strncmp(path, prefix, n) != 0 || (n && path[n] && path[n] != '/'))
        return NULL;
    return path[n] ? path + n : "/";
}

static void answer_options(struct exchange *x)
{
    exchange_set_header(x, "Allow", "GET, HEAD, POST, PUT, DELETE");
    exchange_text(x, 204, NULL, NULL, 0);
}

void route_exchange(struct exchange_inner *inner)
{
    struct exchange *x = &inner->x;
    if (!host_is_ours(inner))
        return;
    if (strcmp(inner->request->path, "*") == 0) {
        answer_options(x);
        return;
    }
    const char *path = strip_prefix(inner);
    struct match match = path ? find_route(x, path) : (struct match){0};
    if (!match.methods) {
        exchange_fail(x, 404, NULL, "no such path");
        return;
    }
    if (!match.route) {
        exchange_set_header(x, "Allow", allowed_methods(x->arena, match.methods));
        exchange_fail(x, 405, NULL, "%s is not allowed here", x->method_name);
        return;
    }
    x->path = decode_percent(x->arena, path, strlen(path), false);
    if (origin_is_ours(inner) && role_suffices(inner, match.route->roles) &&
        content_type_suffices(inner, match.route->pattern))
        match.route->handle(x);
}
