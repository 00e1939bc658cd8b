/* SPDX-License-Identifier: Apache-2.0 */
/* What others send to a source: /hooks/NAME, answered by its plugin. */
#include "http/server.h"

static void answered(void *ctx, int status, const char *content_type, const char *body, size_t size)
{
    exchange_text(ctx, status, text_empty(content_type) ? "text/plain; charset=utf-8" : content_type, body ? body : "",
                  body ? size : 0);
}

/* GET, POST /hooks/NAME
 * Whatever the plugin of the source NAME answers; 404 {"error", "field": "name"} if no source of that name takes
 * requests. The plugin may check a signature of its own; where tokens are configured one that may ingest is asked for
 * as well. */
static void handle_hook(struct exchange *x)
{
    struct belfry_hook_request *request = arena_alloc(x->arena, sizeof *request);
    *request = (struct belfry_hook_request){
        .size = sizeof *request,
        .method = x->method_name,
        .query = x->query,
        .peer = x->peer,
        .body = x->body_size ? x->body : "",
        .body_size = x->body_size,
    };
    if (plugins_hook(x->rooms->plugins, x->wild[0], request, answered, x))
        exchange_fail(x, 404, "name", "no source '%.80s' takes requests", x->wild[0]);
}

const struct http_route hook_routes[] = {
    {METHOD_GET | METHOD_POST, "/hooks/*", ROLE_INGEST | ROLE_OPERATE | ROLE_ADMIN, handle_hook},
    {0},
};
