/* SPDX-License-Identifier: Apache-2.0 */
/* What the templates of channels may speak of. */
#include <string.h>

#include "expr/expr.h"
#include "plugin/exchange.h"

enum name {
    NAME_STATUS,
    NAME_TITLE,
    NAME_TEXT,
    NAME_ID,
    NAME_CHANNEL,
    NAME_RECEIVER,
    NAME_GROUP_KEY,
    NAME_EXTERNAL_URL,
    NAME_LANGUAGE,
    NAME_RECIPIENTS,
    NAME_LABELS,
    NAME_ANNOTATIONS,
    NAME_GROUP_LABELS,
};

static const struct template_name names[] = {
    [NAME_STATUS] = {"status", false},
    [NAME_TITLE] = {"title", false},
    [NAME_TEXT] = {"text", false},
    [NAME_ID] = {"id", false},
    [NAME_CHANNEL] = {"channel", false},
    [NAME_RECEIVER] = {"receiver", false},
    [NAME_GROUP_KEY] = {"group_key", false},
    [NAME_EXTERNAL_URL] = {"external_url", false},
    [NAME_LANGUAGE] = {"language", false},
    [NAME_RECIPIENTS] = {"recipients", false},
    [NAME_LABELS] = {"labels", true},
    [NAME_ANNOTATIONS] = {"annotations", true},
    [NAME_GROUP_LABELS] = {"group_labels", true},
};

const struct template_name *plugin_template_names(size_t *n)
{
    *n = COUNT(names);
    return names;
}

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
    switch ((enum name)name) {
    case NAME_STATUS:
        return n->resolved ? "resolved" : "firing";
    case NAME_TITLE:
        return n->title;
    case NAME_TEXT:
        return n->text;
    case NAME_ID:
        return n->id;
    case NAME_CHANNEL:
        return n->channel;
    case NAME_RECEIVER:
        return n->receiver;
    case NAME_GROUP_KEY:
        return n->group_key;
    case NAME_EXTERNAL_URL:
        return n->external_url;
    case NAME_LANGUAGE:
        return n->language;
    case NAME_RECIPIENTS:
        return joined(speaker);
    case NAME_LABELS:
        return in_map(&n->common_labels, key);
    case NAME_ANNOTATIONS:
        return in_map(&n->common_annotations, key);
    case NAME_GROUP_LABELS:
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
