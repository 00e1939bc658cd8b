/* SPDX-License-Identifier: Apache-2.0 */
/* belfry alerts: what is wrong now, or was. */
#include <string.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/options.h"
#include "cli/show.h"
#include "cli/table.h"

/* Keep what is about `job` (null: all), at most `limit`. */
static json_t *filter(const json_t *items, const char *job, int64_t limit)
{
    json_t *kept = json_array(), *alert;
    size_t i;
    json_array_foreach(items, i, alert)
    {
        const char *its_job = json_str(json_object_get(alert, "labels"), "job", "");
        if ((!job || strcmp(its_job, job) == 0) && (int64_t)json_array_size(kept) < limit)
            json_array_append(kept, alert);
    }
    return kept;
}

static void print_table(const json_t *items)
{
    static const char *const heads[] = {"ALERT", "STATE", "SINCE", "ENDED", "TIMES", "SUMMARY", NULL};
    AUTOTABLE *table = table_new(heads);
    int64_t now = time_wall();
    size_t i;
    json_t *alert;
    json_array_foreach(items, i, alert)
    {
        AUTOFREE char *name = show_alert(alert);
        char text[SHOW_TEXT];
        table_cell(table, name);
        table_cell(table, json_str(alert, "state", NULL));
        table_cell(table, show_when(alert, "starts_at", now, text));
        table_cell(table, show_when(alert, "ends_at", now, text));
        table_cellf(table, "%d", (int)json_int(alert, "occurrences", 0));
        table_cell(table, json_str(json_object_get(alert, "annotations"), "summary", NULL));
    }
    table_print(table);
}

int cli_alerts(int argc, char **argv)
{
    struct client_options agent = {0};
    const char *job = NULL;
    int64_t limit = 100;
    bool history = false, json = false;
    const struct option_def options[] = {
        {OPTION_FLAG, 0, "history", NULL, "those that are over, the newest first", &history},
        {OPTION_TEXT, 0, "job", "NAME", "about this job only", &job},
        {OPTION_COUNT, 'n', "limit", "N", "at most so many (100)", &limit},
        OPTIONS_CLIENT(&agent),
        OPTION_JSON(&json),
        {0},
    };
    const struct usage usage = {"alerts", "[OPTION]…", "List the alerts that are not over, the oldest first.", options};
    int status;
    if (!options_parse(&usage, &argc, &argv, &status))
        return status;
    if (argc)
        return usage_fail(&usage, "'%s' is too much", argv[0]);
    AUTOJSON *all = NULL;
    const char *path = history ? "/api/v1/alerts/history" : "/api/v1/alerts";
    status = client_get_items(&agent, path, job ? INT32_MAX : limit, &all);
    if (status)
        return status;
    AUTOJSON *items = filter(all, job, limit);
    if (json)
        cli_print_json(items);
    else
        print_table(items);
    return 0;
}
