/* SPDX-License-Identifier: Apache-2.0 */
/* belfry status: the agent on one screen. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/options.h"
#include "cli/show.h"
#include "cli/table.h"

enum { MOST_ALERTS = 20 };

static void print_agent(const json_t *status)
{
    const json_t *config = json_object_get(status, "config"), *store = json_object_get(status, "store");
    char text[SHOW_TEXT], size[SHOW_TEXT];
    printf("%-14sbelfry %s, up %s%s\n", "agent", json_str(status, "version", "?"), show_seconds(status, "uptime", text),
           json_flag(status, "virtual_time", false) ? ", on a virtual clock" : "");
    printf("%-14sgeneration %d, loaded %s\n", "configuration", (int)json_int(config, "generation", 0),
           show_when(config, "loaded_at", time_wall(), text));
    if (!json_flag(config, "last_reload_successful", true))
        printf("%-14sthe last reload was refused:\n%s", "", json_str(config, "last_reload_error", ""));
    printf("%-14s%s, %s, %d waiting\n", "store", json_str(store, "state", "?"),
           show_size(json_int(store, "size_bytes", 0), size), (int)json_int(store, "waiting", 0));
}

static void print_jobs(const json_t *jobs)
{
    const char *state, *lead = ": ";
    json_t *count;
    printf("%-14s%d", "jobs", (int)json_int(jobs, "total", 0));
    json_object_foreach((json_t *)(uintptr_t)jobs, state, count)
    {
        if (strcmp(state, "total") == 0)
            continue;
        printf("%s%d %s", lead, (int)json_integer_value(count), state);
        lead = ", ";
    }
    putchar('\n');
}

static void print_channels(const json_t *channels)
{
    static const char *const heads[] = {"CHANNEL",   "PLUGIN", "STATE",      "WAITING",
                                        "DELIVERED", "FAILED", "LAST ERROR", NULL};
    AUTOTABLE *table = table_new(heads);
    size_t i;
    json_t *channel;
    json_array_foreach(channels, i, channel)
    {
        table_cell(table, json_str(channel, "name", NULL));
        table_cell(table, json_str(channel, "plugin", NULL));
        table_cell(table, json_str(channel, "state", NULL));
        table_cellf(table, "%d", (int)json_int(channel, "waiting", 0));
        table_cellf(table, "%d", (int)json_int(channel, "delivered", 0));
        table_cellf(table, "%d", (int)json_int(channel, "failed", 0));
        table_cell(table, json_str(channel, "last_error", NULL));
    }
    putchar('\n');
    table_print(table);
}

static void print_sources(const json_t *sources)
{
    static const char *const heads[] = {"SOURCE", "PLUGIN", "STATE", "ERROR", NULL};
    AUTOTABLE *table = table_new(heads);
    size_t i;
    json_t *source;
    json_array_foreach(sources, i, source)
    {
        table_cell(table, json_str(source, "name", NULL));
        table_cell(table, json_str(source, "plugin", NULL));
        table_cell(table, json_str(source, "state", NULL));
        table_cell(table, json_str(source, "error", NULL));
    }
    putchar('\n');
    table_print(table);
}

static void print_alerts(const json_t *alerts)
{
    static const char *const heads[] = {"FIRING", "SINCE", "SUMMARY", NULL};
    AUTOTABLE *table = table_new(heads);
    size_t i;
    json_t *alert;
    json_array_foreach(alerts, i, alert)
    {
        AUTOFREE char *name = show_alert(alert);
        char text[SHOW_TEXT];
        table_cell(table, name);
        table_cell(table, show_when(alert, "starts_at", time_wall(), text));
        table_cell(table, json_str(json_object_get(alert, "annotations"), "summary", NULL));
    }
    putchar('\n');
    table_print(table);
}

static void print_screen(const json_t *status, const json_t *alerts)
{
    int firing = (int)json_int(json_object_get(status, "alerts"), "firing", 0);
    print_agent(status);
    print_jobs(json_object_get(status, "jobs"));
    printf("%-14s%d firing\n", "alerts", firing);
    if (json_array_size(json_object_get(status, "channels")))
        print_channels(json_object_get(status, "channels"));
    if (json_array_size(json_object_get(status, "sources")))
        print_sources(json_object_get(status, "sources"));
    if (json_array_size(alerts))
        print_alerts(alerts);
    if (firing > MOST_ALERTS)
        printf("and %d more: see 'belfry alerts'\n", firing - MOST_ALERTS);
}

static bool any_is(const json_t *list, const char *state)
{
    size_t i;
    json_t *one;
    json_array_foreach(list, i, one) if (strcmp(json_str(one, "state", ""), state) == 0) return true;
    return false;
}

static bool is_healthy(const json_t *status)
{
    return json_flag(json_object_get(status, "config"), "last_reload_successful", true) &&
           strcmp(json_str(json_object_get(status, "store"), "state", ""), "ok") == 0 &&
           !any_is(json_object_get(status, "channels"), "disabled") &&
           !any_is(json_object_get(status, "sources"), "failed");
}

int cli_status(int argc, char **argv)
{
    struct client_options agent = {0};
    bool json = false;
    const struct option_def options[] = {OPTIONS_CLIENT(&agent), OPTION_JSON(&json), {0}};
    const struct usage usage = {"status", "[OPTION]…",
                                "Show the agent, its channels and sources, and the alerts that fire. Exit code 0: the "
                                "agent is well;\n1: a channel is disabled, a source or the store has failed, or the "
                                "last reload was refused.",
                                options};
    int code;
    if (!options_parse(&usage, &argc, &argv, &code))
        return code;
    if (argc)
        return usage_fail(&usage, "'%s' is too much", argv[0]);
    AUTOJSON *status = NULL, *alerts = NULL;
    code = client_get(&agent, "/api/v1/status", &status);
    if (!code && !json)
        code = client_get_items(&agent, "/api/v1/alerts", MOST_ALERTS, &alerts);
    if (code)
        return code;
    if (json)
        cli_print_json(status);
    else
        print_screen(status, alerts);
    return is_healthy(status) ? 0 : EXIT_FAILURE;
}
