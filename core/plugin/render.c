/* SPDX-License-Identifier: Apache-2.0 */
/* The values that the templates of channels speak of. */
#include <string.h>

#include "plugin/exchange.h"

struct speaker {
    const struct belfry_notification *notification;
    struct arena *arena;
};

static const char *in_map(const struct belfry_map *map, const char *key)
{
    for (size_t i = 0; key && i < map->n; i++)
        if (strcmp(map->pair[i].key, key) == 0)
            return map->pair[i].value;
    return NULL;
}

static const char *joined(const struct speaker *speaker)
{
    const struct belfry_list *list = &speaker->notification->recipients;
    AUTOBUF all = {0};
    for (size_t i = 0; i < list->n; i++)
        buf_addf(&all, "%s%s", i ? ", " : "", list->item[i]);
    return arena_strdup(speaker->arena, buf_str(&all));
}

static const char *look_up(void *ctx, size_t name, const char *key)
{
    const struct speaker *speaker = ctx;
    const struct belfry_notification *n = speaker->notification;
    switch ((enum template_variable)name) {
    case VARIABLE_STATUS:
        return n->resolved ? "resolved" : "firing";
    case VARIABLE_TITLE:
        return n->title;
    case VARIABLE_TEXT:
        return n->text;
    case VARIABLE_ID:
        return n->id;
    case VARIABLE_CHANNEL:
        return n->channel;
    case VARIABLE_RECEIVER:
        return n->receiver;
    case VARIABLE_GROUP_KEY:
        return n->group_key;
    case VARIABLE_EXTERNAL_URL:
        return n->external_url;
    case VARIABLE_LANGUAGE:
        return n->language;
    case VARIABLE_RECIPIENTS:
        return joined(speaker);
    case VARIABLE_LABELS:
        return in_map(&n->common_labels, key);
    case VARIABLE_ANNOTATIONS:
        return in_map(&n->common_annotations, key);
    case VARIABLE_GROUP_LABELS:
        return in_map(&n->group_labels, key);
    }
    return NULL;
}

const char *request_render(struct belfry_request *pub, const struct belfry_template *template,
                           const struct belfry_notification *notification, int escape, struct belfry_error *e)
{
    struct request *request = request_of(pub);
    if (!template)
        return "";
    if (escape < BELFRY_PLAIN || escape > BELFRY_HEADER) {
        host_fail(e, NULL, "%d is no way of escaping", escape);
        return NULL;
    }
    struct speaker speaker = {notification, request->arena};
    AUTOBUF out = {0};
    struct error why;
    if (template_render(template, look_up, &speaker, (enum template_escape)escape, &out, &why)) {
        host_fail(e, NULL, "%s", why.what);
        return NULL;
    }
    return arena_strdup(request->arena, buf_str(&out));
}
