/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin's own copy of a notification: without nulls, and alive for as long as a slow deliver() may look at it. */
#include "plugin/exchange.h"

static const char *text(const char *s, struct arena *arena)
{
    return s && *s ? arena_strdup(arena, s) : "";
}

static struct belfry_map copy_map(const struct belfry_map *from, struct arena *arena)
{
    struct belfry_pair *pairs = arena_alloc(arena, (from->n + 1) * sizeof *pairs);
    for (size_t i = 0; i < from->n; i++)
        pairs[i] = (struct belfry_pair){text(from->pair[i].key, arena), text(from->pair[i].value, arena)};
    return (struct belfry_map){from->n, pairs};
}

static struct belfry_list copy_list(const struct belfry_list *from, struct arena *arena)
{
    const char **items = arena_alloc(arena, (from->n + 1) * sizeof *items);
    for (size_t i = 0; i < from->n; i++)
        items[i] = text(from->item[i], arena);
    return (struct belfry_list){from->n, items};
}

static const struct belfry_alert *copy_alert(const struct belfry_alert *from, struct arena *arena)
{
    struct belfry_alert *alert = arena_alloc(arena, sizeof *alert);
    *alert = *from;
    alert->size = sizeof *alert;
    alert->name = text(from->name, arena);
    alert->fingerprint = text(from->fingerprint, arena);
    alert->labels = copy_map(&from->labels, arena);
    alert->annotations = copy_map(&from->annotations, arena);
    alert->generator_url = text(from->generator_url, arena);
    return alert;
}

static const struct belfry_alert *const *copy_alerts(const struct belfry_notification *from, struct arena *arena)
{
    const struct belfry_alert **alerts = arena_alloc(arena, (from->n_alerts + 1) * sizeof *alerts);
    for (size_t i = 0; i < from->n_alerts; i++)
        alerts[i] = copy_alert(from->alerts[i], arena);
    return alerts;
}

const struct belfry_notification *notification_copy(const struct belfry_notification *from, struct arena *arena)
{
    struct belfry_notification *n = arena_alloc(arena, sizeof *n);
    *n = *from;
    n->size = sizeof *n;
    const char **texts[] = {&n->id,    &n->channel, &n->receiver, &n->group_key,   &n->language,
                            &n->title, &n->text,    &n->json,     &n->external_url};
    for (size_t i = 0; i < COUNT(texts); i++)
        *texts[i] = text(*texts[i], arena);
    n->group_labels = copy_map(&from->group_labels, arena);
    n->common_labels = copy_map(&from->common_labels, arena);
    n->common_annotations = copy_map(&from->common_annotations, arena);
    n->recipients = copy_list(&from->recipients, arena);
    n->alerts = copy_alerts(from, arena);
    return n;
}
