/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP requests to /hooks/INSTANCE, on their way to a source and back. */
#include <string.h>
#include <utlist.h>

#include "plugin/handle.h"
#include "plugin/instance.h"

struct hook {
    struct handle handle;
    struct instance *instance;
    void (*answer)(void *ctx, int status, const char *content_type, const char *body, size_t size);
    void *ctx;
    struct hook *prev, *next;
};

int hook_route(const struct belfry_host *host,
               void (*handle)(void *data, const struct belfry_hook_request *, struct belfry_hook *), void *data)
{
    struct instance *instance = host->internal;
    if (!instance->plugin->source || !instance->is_started)
        return -1;
    instance->handle = handle;
    instance->handle_data = data;
    return 0;
}

static void answer(struct hook *hook, int status, const char *content_type, const char *body, size_t size)
{
    DL_DELETE(hook->instance->hooks, hook);
    handle_close(&hook->handle);
    hook->answer(hook->ctx, status, content_type, body, size);
    free(hook);
}

static bool is_content_type(const char *s)
{
    for (const char *c = s; *c; c++)
        if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f)
            return false;
    return *s && strlen(s) <= 200;
}

void hook_answer(struct belfry_hook *value, int status, const char *content_type, const char *body, size_t size)
{
    struct handle *handle = handle_find(value, HANDLE_HOOK);
    if (!handle)
        return; /* answered already, or swept */
    struct hook *hook = CONTAINER_OF(handle, struct hook, handle);
    if (status < 200 || status > 599) {
        log_at(LOG_WARNING, "plugin", "%s answered a hook with status %d", hook->instance->title, status);
        status = 500;
    }
    if (text_empty(content_type) || !is_content_type(content_type))
        content_type = "text/plain; charset=utf-8";
    answer(hook, status, content_type, body ? body : "", body ? size : 0);
}

void hooks_sweep(struct instance *instance)
{
    static const char text[] = "the source was stopped\n";
    while (instance->hooks)
        answer(instance->hooks, 503, "text/plain; charset=utf-8", text, sizeof text - 1);
}

static struct instance *find_route(struct plugins *plugins, const char *name)
{
    struct instance *instance;
    DL_FOREACH(plugins->instances, instance)
    {
        if (instance->handle && strcmp(instance->name, name) == 0)
            return instance;
    }
    return NULL;
}

int plugins_hook(struct plugins *plugins, const char *name, const struct belfry_hook_request *request,
                 void (*answer_)(void *ctx, int status, const char *content_type, const char *body, size_t size),
                 void *ctx)
{
    struct instance *instance = find_route(plugins, name);
    if (!instance)
        return -1;
    struct hook *hook = NEW(struct hook);
    *hook = (struct hook){.instance = instance, .answer = answer_, .ctx = ctx};
    DL_APPEND(instance->hooks, hook);
    struct belfry_hook_request whole = *request;
    whole.size = sizeof whole;
    const char **texts[] = {&whole.method, &whole.query, &whole.peer, &whole.body};
    for (size_t i = 0; i < COUNT(texts); i++)
        if (!*texts[i])
            *texts[i] = "";
    void *value = handle_open(&hook->handle, HANDLE_HOOK);
    struct call call = call_begin(instance, "its hook");
    instance->handle(instance->handle_data, &whole, value);
    call_end(&call);
    return 0;
}
