/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be told: an alert as the outbox keeps it, and as a plugin sees it. */
#include "notify/outbox.h"

#include <stdlib.h>
#include <string.h>

/* Alertmanager's "not over yet". */
static const char *const no_end = "0001-01-01T00:00:00Z";

static json_t *alert_json(const struct alert *alert, bool resolved)
{
    char text[TIME_TEXT];
    json_t *json = json_object();
    json_put_str(json, "status", resolved ? "resolved" : "firing");
    json_put(json, "labels", json_deep_copy(alert->labels));
    json_put(json, "annotations", json_deep_copy(alert->annotations));
    json_put_str(json, "startsAt", time_format(alert->starts_at, text));
    json_put_str(json, "endsAt", alert->ends_at ? time_format(alert->ends_at, text) : no_end);
    json_put_str(json, "fingerprint", alert->fingerprint);
    return json;
}

/* Alerts that name their channels are not grouped: each is a group of its own. */
static char *group_key(const struct alert *alert)
{
    return x_printf("{}/{rule=\"%s\"}:{alertname=\"%s\", job=\"%s\"}", alert->rule,
                    json_str(alert->labels, "alertname", ""), json_str(alert->labels, "job", ""));
}

json_t *message_from_alert(const struct alert *alert, enum tell what, const char *channel,
                           const struct belfry_list *recipients, int64_t now)
{
    json_t *data = json_object();
    json_put_str(data, "channel", channel);
    json_put_str(data, "receiver", channel);
    json_put_str(data, "state", "queued");
    json_put_time(data, "created_at", now);
    json_put(data, "resolved", json_boolean(what == TELL_RESOLVED));
    json_put(data, "once", json_boolean(what == TELL_ONCE));
    AUTOFREE char *key = group_key(alert);
    json_put_str(data, "group_key", key);
    json_t *names = json_array();
    for (size_t i = 0; i < recipients->n; i++)
        json_array_append_new(names, json_utf8(recipients->item[i]));
    json_put(data, "recipients", names);
    json_t *alerts = json_array();
    json_array_append_new(alerts, alert_json(alert, what == TELL_RESOLVED));
    json_put(data, "alerts", alerts);
    json_put(data, "attempts", json_array());
    return data;
}

/* ---- views ---- */

static int compare_pairs(const void *a, const void *b)
{
    return strcmp(((const struct belfry_pair *)a)->key, ((const struct belfry_pair *)b)->key);
}

/* Sorted by name, so that messages do not change with the order in a hash. */
static struct belfry_map map_view(const json_t *object, struct arena *arena)
{
    size_t n = json_object_size(object), i = 0;
    struct belfry_pair *pairs = arena_alloc(arena, (n + 1) * sizeof *pairs);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        pairs[i++] = (struct belfry_pair){arena_strdup(arena, key),
                                          arena_strdup(arena, json_is_string(value) ? json_string_value(value) : "")};
    }
    qsort(pairs, n, sizeof *pairs, compare_pairs);
    return (struct belfry_map){n, pairs};
}

static int64_t read_time(const char *text)
{
    int64_t ms = 0;
    return strcmp(text, no_end) != 0 && time_parse(text, &ms) ? ms : 0;
}

static const struct belfry_alert *alert_view(const json_t *json, const char *external_url, struct arena *arena)
{
    const json_t *labels = json_object_get(json, "labels");
    struct belfry_alert *view = arena_alloc(arena, sizeof *view);
    *view = (struct belfry_alert){
        .size = sizeof *view,
        .resolved = strcmp(json_str(json, "status", ""), "resolved") == 0,
        .name = arena_strdup(arena, json_str(labels, "alertname", "")),
        .fingerprint = arena_strdup(arena, json_str(json, "fingerprint", "")),
        .labels = map_view(labels, arena),
        .annotations = map_view(json_object_get(json, "annotations"), arena),
        .starts_at = read_time(json_str(json, "startsAt", no_end)),
        .ends_at = read_time(json_str(json, "endsAt", no_end)),
        .generator_url = external_url,
    };
    return view;
}

/* What all alerts agree on. The caller owns it. */
static json_t *common(const json_t *alerts, const char *what)
{
    json_t *out = json_deep_copy(json_object_get(json_array_get(alerts, 0), what));
    size_t i;
    json_t *alert;
    json_array_foreach(alerts, i, alert)
    {
        const char *key;
        json_t *value;
        void *next;
        const json_t *own = json_object_get(alert, what);
        json_object_foreach_safe(out, next, key, value) if (!json_equal(value, json_object_get(own, key)))
            json_object_del(out, key);
    }
    return out ? out : json_object();
}

static json_t *group_labels(const json_t *common_labels)
{
    json_t *out = json_object();
    json_put_str(out, "alertname", json_str(common_labels, "alertname", NULL));
    json_put_str(out, "job", json_str(common_labels, "job", NULL));
    return out;
}

/* Alertmanager's webhook body, version 4. */
static char *webhook_body(const struct notification *n, const json_t *labels, const json_t *annotations,
                          const json_t *group, const char *external_url)
{
    AUTOJSON *body = json_object();
    json_put_str(body, "version", "4");
    json_put_str(body, "groupKey", json_str(n->data, "group_key", ""));
    json_put_int(body, "truncatedAlerts", 0);
    json_put_str(body, "status", json_flag(n->data, "resolved", false) ? "resolved" : "firing");
    json_put_str(body, "receiver", json_str(n->data, "receiver", ""));
    json_put(body, "groupLabels", json_deep_copy(group));
    json_put(body, "commonLabels", json_deep_copy(labels));
    json_put(body, "commonAnnotations", json_deep_copy(annotations));
    json_put(body, "externalURL", json_utf8(external_url));
    json_t *alerts = json_deep_copy(json_object_get(n->data, "alerts"));
    size_t i;
    json_t *alert;
    json_array_foreach(alerts, i, alert) json_put(alert, "generatorURL", json_utf8(external_url));
    json_put(body, "alerts", alerts);
    return json_text(body);
}

struct belfry_notification message_view(const struct notification *n, const char *language, const char *external_url,
                                        struct arena *arena)
{
    const json_t *alerts = json_object_get(n->data, "alerts"), *recipients = json_object_get(n->data, "recipients");
    AUTOJSON *labels = common(alerts, "labels");
    AUTOJSON *annotations = common(alerts, "annotations");
    AUTOJSON *group = group_labels(labels);
    size_t n_alerts = json_array_size(alerts), n_recipients = json_array_size(recipients);
    const struct belfry_alert **views = arena_alloc(arena, (n_alerts + 1) * sizeof *views);
    for (size_t i = 0; i < n_alerts; i++)
        views[i] = alert_view(json_array_get(alerts, i), external_url, arena);
    const char **names = arena_alloc(arena, (n_recipients + 1) * sizeof *names);
    for (size_t i = 0; i < n_recipients; i++)
        names[i] = arena_strdup(arena, json_string_value(json_array_get(recipients, i)));
    AUTOFREE char *body = webhook_body(n, labels, annotations, group, external_url);
    struct belfry_notification view = {
        .size = sizeof view,
        .resolved = json_flag(n->data, "resolved", false),
        .id = n->public_id,
        .attempt = n->attempts + 1,
        .channel = arena_strdup(arena, json_str(n->data, "channel", "")),
        .receiver = arena_strdup(arena, json_str(n->data, "receiver", "")),
        .group_key = arena_strdup(arena, json_str(n->data, "group_key", "")),
        .language = language,
        .group_labels = map_view(group, arena),
        .common_labels = map_view(labels, arena),
        .common_annotations = map_view(annotations, arena),
        .alerts = views,
        .n_alerts = n_alerts,
        .recipients = {n_recipients, names},
        .json = arena_strdup(arena, body),
        .external_url = external_url,
        .created_at = n->created_at,
    };
    view.title = render_title(&view, json_flag(n->data, "once", false), arena);
    view.text = render_text(&view, arena);
    return view;
}
