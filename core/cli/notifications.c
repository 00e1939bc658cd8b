/* SPDX-License-Identifier: Apache-2.0 */
/* belfry notifications: what people were told, or should have been, and how it ended. */
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/options.h"
#include "cli/show.h"
#include "cli/table.h"

static void add_row(struct table *table, const json_t *notification, int64_t now)
{
    const json_t *attempts = json_object_get(notification, "attempts");
    const json_t *last = json_array_get(attempts, json_array_size(attempts) - 1);
    AUTOFREE char *alert = show_alert(json_array_get(json_object_get(notification, "alerts"), 0));
    char text[SHOW_TEXT];
    table_cell(table, json_str(notification, "id", NULL));
    table_cell(table, json_str(notification, "channel", NULL));
    table_cell(table, json_str(notification, "state", NULL));
    table_cell(table, alert);
    table_cell(table, show_when(notification, "created_at", now, text));
    table_cell(table, json_str(last, "verdict", NULL));
    if (json_int(last, "code", 0))
        table_cellf(table, "%d", (int)json_int(last, "code", 0));
    else
        table_cell(table, NULL);
    table_cellf(table, "%d", (int)json_int(notification, "attempt_count", (int64_t)json_array_size(attempts)));
    table_cell(table, show_advice(json_str(last, "verdict", "")));
    table_cell(table, json_str(last, "error", json_str(notification, "reason", NULL)));
}

static void print_table(const json_t *items)
{
    static const char *const heads[] = {"ID",   "CHANNEL", "STATE",  "ALERT", "MADE", "VERDICT",
                                        "CODE", "TRIES",   "ADVICE", "ERROR", NULL};
    AUTOTABLE *table = table_new(heads);
    int64_t now = time_wall();
    size_t i;
    json_t *notification;
    json_array_foreach(items, i, notification) add_row(table, notification, now);
    table_print(table);
}

int cli_notifications(int argc, char **argv)
{
    struct client_options agent = {0};
    const char *channel = NULL, *state = NULL, *code = NULL, *alert = NULL;
    int64_t limit = 50;
    bool json = false;
    const struct option_def options[] = {
        {OPTION_TEXT, 0, "channel", "NAME", "of this channel only", &channel},
        {OPTION_TEXT, 0, "state", "STATE", "in this state only: queued, delivered, failed", &state},
        {OPTION_TEXT, 0, "code", "CODE", "whose last attempt ended with this code only", &code},
        {OPTION_TEXT, 0, "alert", "ALERT", "about this alert only: its name or its fingerprint", &alert},
        {OPTION_COUNT, 'n', "limit", "N", "at most so many (50)", &limit},
        OPTIONS_CLIENT(&agent),
        OPTION_JSON(&json),
        {0},
    };
    const struct usage usage = {"notifications", "[OPTION]…",
                                "List notifications, the newest first: how the last attempt to deliver each ended, and "
                                "what can be done.",
                                options};
    int status;
    if (!options_parse(&usage, &argc, &argv, &status))
        return status;
    if (argc)
        return usage_fail(&usage, "'%s' is too much", argv[0]);
    AUTOBUF path = {0};
    AUTOJSON *items = NULL;
    buf_adds(&path, "/api/v1/notifications");
    path_add_query(&path, "channel", channel);
    path_add_query(&path, "state", state);
    path_add_query(&path, "code", code);
    path_add_query(&path, "alert", alert);
    status = client_get_items(&agent, path.data, limit, &items);
    if (status)
        return status;
    if (json)
        cli_print_json(items);
    else
        print_table(items);
    return 0;
}
