/* SPDX-License-Identifier: Apache-2.0 */
#include "http/api.h"

#include <inttypes.h>
#include <stdio.h>

int api_limit(struct exchange *x, int64_t *limit)
{
    *limit = API_LIMIT;
    return exchange_query_int(x, "limit", 1, API_MOST_LIMIT, limit);
}

int api_page(struct exchange *x, int64_t *limit, int64_t *cursor)
{
    *cursor = 0;
    return api_limit(x, limit) || exchange_query_int(x, "cursor", 1, INT64_MAX, cursor) ? -1 : 0;
}

void api_list(struct exchange *x, json_t *items, const char *next)
{
    json_t *body = json_object();
    json_put(body, "items", items);
    json_put(body, "next", next ? json_utf8(next) : json_null());
    exchange_json(x, 200, body);
}

void api_list_by_id(struct exchange *x, json_t *items, int64_t next)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, next);
    api_list(x, items, next ? text : NULL);
}

/* ---- history ---- */

/* A record that cannot be read is shown as such: one bad row must not hide the others. */
static json_t *unreadable(const struct store_record *record, const char *why)
{
    log_at(LOG_WARNING, "http", "record %" PRId64 " of '%s' cannot be read: %s", record->id, record->key, why);
    json_t *json = json_object();
    json_put_str(json, "error", "this record cannot be read");
    return json;
}

json_t *api_record(const struct store_record *record)
{
    json_error_t why;
    json_t *json = json_loadb(record->data, record->size, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(json)) {
        json_t *other = json;
        json = unreadable(record, other ? "not an object" : why.text);
        json_decref(other);
    }
    if (!json_object_get(json, "id"))
        json_put_int(json, "id", record->id);
    return json;
}

static int query_time(struct exchange *x, const char *name, int64_t *ms)
{
    const char *text = exchange_query(x, name);
    if (!text || time_parse(text, ms))
        return 0;
    exchange_fail(x, 400, name, "'%.60s' is not an RFC 3339 time", text);
    return -1;
}

struct history {
    struct exchange *x;
    size_t limit;
};

static void history_found(void *ctx, int status, const struct store_record *records, size_t n)
{
    const struct history *history = ctx;
    if (status) {
        exchange_fail(history->x, 500, NULL, "the history cannot be read; the log says why");
        return;
    }
    json_t *items = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(items, api_record(&records[i]));
    api_list_by_id(history->x, items, n && n == history->limit ? records[n - 1].id : 0);
}

void api_history(struct exchange *x, enum store_table table, const char *key)
{
    int64_t limit;
    struct store_query query = {.table = table, .key = arena_strdup(x->arena, key)};
    if (api_page(x, &limit, &query.before) || query_time(x, "since", &query.since) ||
        query_time(x, "until", &query.until))
        return;
    query.limit = (size_t)limit;
    struct history *history = arena_alloc(x->arena, sizeof *history);
    *history = (struct history){x, query.limit};
    store_find(x->rooms->store, &query, history_found, history);
}

/* ---- changes ---- */

enum store_result api_store_state(const struct exchange *x)
{
    struct store_stats stats;
    if (store_accepts(x->rooms->store, NULL) == 0)
        return STORE_OK;
    store_get_stats(x->rooms->store, &stats);
    return stats.is_failed ? STORE_FAILED : STORE_FULL;
}

bool api_accepts(struct exchange *x)
{
    enum store_result state = api_store_state(x);
    if (state != STORE_OK)
        exchange_store_failed(x, state);
    return state == STORE_OK;
}
