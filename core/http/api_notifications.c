/* SPDX-License-Identifier: Apache-2.0 */
/* What people were told, and through what: notifications, channels, plugins, the agent as a whole. */
#include "http/api.h"

#include <string.h>

enum { CHUNK = 256, MOST_EXAMINED = 2048 /* pending ones looked at for one page */ };

/*
 * Pending notifications are in memory, finished ones in the store, and their ids are one sequence. A page is the
 * newest of both below the cursor. Of the pending ones it may look at a part only: then nothing older than `floor`, the
 * last one looked at, is shown on this page.
 */
struct listing {
    struct exchange *x;
    size_t limit;
    int64_t before, floor;                      /* 0: none */
    const char *channel, *state, *code, *alert; /* null: any */
    json_t *pending;                            /* those that match, newest first; owned */
};

/* ---- filters: the same for memory and store ---- */

static bool looks_like_fingerprint(const char *alert)
{
    return strlen(alert) == 16 && strspn(alert, "0123456789abcdef") == 16;
}

/* The fields that ?alert= is compared with; each notification speaks of one alert. */
static const char *alert_path(const char *alert)
{
    return looks_like_fingerprint(alert) ? "$.alerts[0].fingerprint" : "$.alerts[0].labels.alertname";
}

static const char *alert_field(const char *alert, const json_t *notification)
{
    const json_t *first = json_array_get(json_object_get(notification, "alerts"), 0);
    return looks_like_fingerprint(alert) ? json_str(first, "fingerprint", "")
                                         : json_str(json_object_get(first, "labels"), "alertname", "");
}

static bool has_code(const json_t *notification, const char *code)
{
    const json_t *attempts = json_object_get(notification, "attempts");
    size_t n = json_array_size(attempts);
    int64_t wanted;
    return n && text_int(code, 0, INT32_MAX, &wanted) &&
           json_int(json_array_get(attempts, n - 1), "code", -1) == wanted;
}

static bool matches(const struct listing *l, const json_t *notification)
{
    return (!l->channel || strcmp(json_str(notification, "channel", ""), l->channel) == 0) &&
           (!l->state || strcmp(json_str(notification, "state", ""), l->state) == 0) &&
           (!l->code || has_code(notification, l->code)) &&
           (!l->alert || strcmp(alert_field(l->alert, notification), l->alert) == 0);
}

static struct store_query history_query(const struct listing *l)
{
    struct store_query query = {
        .table = STORE_NOTIFICATIONS, .key = l->channel, .before = l->before, .limit = l->limit};
    size_t n = 0;
    if (l->state)
        query.match[n].path = "$.state", query.match[n++].value = l->state;
    if (l->code)
        query.match[n].path = "$.attempts[#-1].code", query.match[n++].value = l->code;
    if (l->alert)
        query.match[n].path = alert_path(l->alert), query.match[n++].value = l->alert;
    return query;
}

/* ---- the list ---- */

static int64_t number_of(const struct exchange *x, const json_t *notification)
{
    return notify_parse_id(x->rooms->notify, json_str(notification, "id", ""));
}

static void collect_pending(struct listing *l)
{
    int64_t before = l->before;
    l->pending = json_array();
    for (size_t examined = 0; json_array_size(l->pending) < l->limit;) {
        AUTOJSON *chunk = notify_list_pending(l->x->rooms->notify, before, CHUNK);
        size_t n = json_array_size(chunk);
        for (size_t i = 0; i < n && json_array_size(l->pending) < l->limit; i++) {
            json_t *notification = json_array_get(chunk, i);
            before = number_of(l->x, notification);
            if (matches(l, notification))
                json_array_append(l->pending, notification);
        }
        examined += n;
        if (n < CHUNK && json_array_size(l->pending) < l->limit)
            return;
        if (examined >= MOST_EXAMINED)
            break;
    }
    l->floor = before;
}

/* The newer of what is left on both sides goes next. One that finished while we read is in both: the store's word is
 * the later one. */
static void merge(const struct listing *l, const struct store_record *records, size_t n)
{
    size_t p = 0, h = 0, n_pending = json_array_size(l->pending);
    int64_t last = 0;
    json_t *items = json_array();
    while (json_array_size(items) < l->limit) {
        int64_t pending = p < n_pending ? number_of(l->x, json_array_get(l->pending, p)) : 0;
        int64_t finished = h < n && records[h].id >= l->floor ? records[h].id : 0;
        if (!pending && !finished)
            break;
        bool from_store = finished && finished >= pending;
        if (from_store)
            json_array_append_new(items, api_record(&records[h++]));
        else
            json_array_append(items, json_array_get(l->pending, p));
        if (!from_store || finished == pending)
            p++;
        last = from_store ? finished : pending;
    }
    bool full = json_array_size(items) == l->limit;
    api_list_by_id(l->x, items, full ? last : l->floor);
}

static void history_found(void *ctx, int status, const struct store_record *records, size_t n)
{
    struct listing *l = ctx;
    AUTOJSON *pending = l->pending; /* the listing ends with its answer */
    if (status)
        exchange_fail(l->x, 500, NULL, "the history cannot be read; the log says why");
    else
        merge(l, records, n);
}

/* What finished a moment ago is not in memory any more and must be on disk to be found. On a full disk it is missing
 * from the list until there is room. */
static void find_history(void *ctx, enum store_result result)
{
    struct listing *l = ctx;
    (void)result;
    struct store_query query = history_query(l);
    store_find(l->x->rooms->store, &query, history_found, l);
}

/* GET /api/v1/notifications?limit=&cursor=&channel=&state=&code=&alert=
 * 200 {"items": [{id, channel, state, alerts, created_at, next_attempt, attempts: [{time, verdict, code, latency,
 * error}]}…], "next": id or null}, newest first, pending and finished ones. `code` is the last attempt's; `alert` a
 * fingerprint or an alertname. */
static void get_notifications(struct exchange *x)
{
    struct listing *l = arena_alloc(x->arena, sizeof *l);
    int64_t limit;
    if (api_page(x, &limit, &l->before))
        return;
    l->x = x;
    l->limit = (size_t)limit;
    l->channel = exchange_query(x, "channel");
    l->state = exchange_query(x, "state");
    l->code = exchange_query(x, "code");
    l->alert = exchange_query(x, "alert");
    collect_pending(l);
    store_commit(x->rooms->store, find_history, l);
}

/* ---- one ---- */

static void fail_unknown(struct exchange *x)
{
    exchange_fail(x, 404, "id", "no notification '%.80s'", x->wild[0]);
}

static void one_found(void *ctx, int status, const struct store_record *records, size_t n)
{
    struct exchange *x = ctx;
    if (status)
        exchange_fail(x, 500, NULL, "the history cannot be read; the log says why");
    else if (n && records[0].id == notify_parse_id(x->rooms->notify, x->wild[0]))
        exchange_json(x, 200, api_record(&records[0]));
    else
        fail_unknown(x);
}

static void find_one(void *ctx, enum store_result result)
{
    struct exchange *x = ctx;
    (void)result;
    struct store_query query = {
        .table = STORE_NOTIFICATIONS, .before = notify_parse_id(x->rooms->notify, x->wild[0]) + 1, .limit = 1};
    store_find(x->rooms->store, &query, one_found, x);
}

/* GET /api/v1/notifications/ID
 * 200 with the notification as in the list; 404. */
static void get_notification(struct exchange *x)
{
    int64_t id = notify_parse_id(x->rooms->notify, x->wild[0]);
    if (id <= 0 || id == INT64_MAX) {
        fail_unknown(x);
        return;
    }
    AUTOJSON *pending = notify_list_pending(x->rooms->notify, id + 1, 1);
    json_t *newest = json_array_get(pending, 0);
    if (newest && number_of(x, newest) == id)
        exchange_json(x, 200, json_incref(newest));
    else
        store_commit(x->rooms->store, find_one, x);
}

/* ---- channels ---- */

static json_t *attempts_to_json(const struct channel_status *channel)
{
    json_t *json = json_object();
    for (int outcome = BELFRY_DELIVERED; outcome < BELFRY_AGAIN; outcome++)
        json_put_int(json, verdict_name((enum belfry_outcome)outcome), (int64_t)channel->attempts[outcome]);
    return json;
}

static void add_channel(void *ctx, const struct channel_status *channel)
{
    json_t *json = json_object();
    json_put(json, "name", json_utf8(channel->name));
    json_put_str(json, "plugin", channel->plugin);
    json_put_str(json, "state", channel->state);
    json_put_str(json, "last_error", channel->last_error);
    json_put_time(json, "last_attempt", channel->last_attempt);
    json_put_int(json, "waiting", (int64_t)channel->waiting);
    json_put_int(json, "under_way", (int64_t)channel->under_way);
    json_put_time(json, "oldest", channel->oldest);
    json_put_int(json, "delivered", (int64_t)channel->delivered);
    json_put_int(json, "failed", (int64_t)channel->failed);
    json_put(json, "attempts", attempts_to_json(channel));
    json_array_append_new(ctx, json);
}

/* GET /api/v1/channels
 * 200 {"items": [{name, plugin, state, last_error, last_attempt, waiting, under_way, oldest, delivered, failed,
 * attempts: {verdict: count…}}…], "next": null}; state: ok, waiting or disabled. */
static void get_channels(struct exchange *x)
{
    json_t *items = json_array();
    notify_each_channel(x->rooms->notify, add_channel, items);
    api_list(x, items, NULL);
}

/* ---- plugins ---- */

static void add_plugin(void *ctx, const char *file, const struct belfry_plugin *plugin, const char *why)
{
    json_t *json = json_object();
    json_put_str(json, "file", file);
    if (plugin) {
        json_put_str(json, "name", plugin->name);
        json_put_str(json, "kind", plugin->kind == BELFRY_CHANNEL ? "channel" : "source");
        json_put_str(json, "version", plugin->version);
        json_put_str(json, "licence", plugin->licence);
        json_put_str(json, "summary", plugin->summary);
    }
    json_put_str(json, "error", why);
    json_array_append_new(ctx, json);
}

/* GET /api/v1/plugins
 * 200 {"items": [{file, name, kind, version, licence, summary} or {file, error}…], "next": null} */
static void get_plugins(struct exchange *x)
{
    json_t *items = json_array();
    plugins_each(x->rooms->plugins, add_plugin, items);
    api_list(x, items, NULL);
}

/* GET /api/v1/status
 * 200 {version, …}: what the agent says of itself. */
static void get_status(struct exchange *x)
{
    exchange_json(x, 200, x->rooms->status(x->rooms->ctx));
}

const struct http_route api_notification_routes[] = {
    {METHOD_GET, "/api/v1/notifications", ROLE_VIEW, get_notifications},
    {METHOD_GET, "/api/v1/notifications/*", ROLE_VIEW, get_notification},
    {METHOD_GET, "/api/v1/channels", ROLE_VIEW, get_channels},
    {METHOD_GET, "/api/v1/plugins", ROLE_VIEW, get_plugins},
    {METHOD_GET, "/api/v1/status", ROLE_VIEW, get_status},
    {0},
};
