/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts that are not over, alerts that are, and the facts that they rest on. */
#include "http/api.h"

/* GET /api/v1/alerts?limit=&cursor=
 * 200 {"items": [{id, fingerprint, rule, labels, annotations, state, starts_at, …}…], "next": the last id or null},
 * oldest first: pending and firing ones. */
static void get_alerts(struct exchange *x)
{
    int64_t limit, after;
    if (api_page(x, &limit, &after))
        return;
    size_t most = (size_t)limit;
    const struct alert **list = arena_alloc(x->arena, (most + 1) * sizeof *list);
    size_t n = engine_list(x->rooms->engine, after, most + 1, list);
    size_t shown = n > most ? most : n;
    json_t *items = json_array();
    for (size_t i = 0; i < shown; i++)
        json_array_append_new(items, alert_to_json(list[i]));
    api_list_by_id(x, items, n > shown ? list[shown - 1]->id : 0);
}

/* GET /api/v1/alerts/history?limit=&cursor=&since=&until=
 * 200 {"items": [alert…], "next"}, newest first: alerts that ended, in the same form. */
static void get_alert_history(struct exchange *x)
{
    api_history(x, STORE_ALERT_HISTORY, NULL);
}

/* GET /api/v1/facts/SUBJECT (which may hold slashes)
 * 200 {"subject", "facts": {field: {value, time, source}…}}; 404 if nothing is known of it. */
static void get_facts(struct exchange *x)
{
    const char *subject = x->wild[0];
    json_t *facts = engine_facts(x->rooms->engine, subject);
    if (!facts) {
        exchange_fail(x, 404, "subject", "nothing is known of '%.*s'", (int)CLOUD_EVENT_MOST_NAME, subject);
        return;
    }
    json_t *body = json_object();
    json_put(body, "subject", json_utf8(subject));
    json_put(body, "facts", facts);
    exchange_json(x, 200, body);
}

const struct http_route api_alert_routes[] = {
    {METHOD_GET, "/api/v1/alerts", ROLE_VIEW, get_alerts},
    {METHOD_GET, "/api/v1/alerts/history", ROLE_VIEW, get_alert_history},
    {METHOD_GET, "/api/v1/facts/**", ROLE_VIEW, get_facts},
    {0},
};
