/* SPDX-License-Identifier: Apache-2.0 */
/* belfry jobs: all of them in a table, or one with its runs. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/options.h"
#include "cli/show.h"
#include "cli/table.h"

/* ---- the list ---- */

static void add_exit_code(struct table *table, const json_t *run)
{
    if (json_is_integer(json_object_get(run, "exit_code")))
        table_cellf(table, "%d", (int)json_int(run, "exit_code", 0));
    else
        table_cell(table, NULL);
}

static void print_jobs(const json_t *items)
{
    static const char *const heads[] = {"JOB", "STATE", "LAST RUN", "TOOK", "EXIT", "NEXT RUN", "REASON", NULL};
    AUTOTABLE *table = table_new(heads);
    int64_t now = time_wall();
    size_t i;
    json_t *job;
    json_array_foreach(items, i, job)
    {
        const json_t *run = json_object_get(job, "last_run");
        const char *when = json_is_string(json_object_get(run, "started_at")) ? "started_at" : "finished_at";
        char text[SHOW_TEXT];
        table_cell(table, json_str(job, "name", NULL));
        table_cell(table, json_str(job, "state", NULL));
        table_cell(table, show_when(run, when, now, text));
        table_cell(table, show_seconds(run, "duration", text));
        add_exit_code(table, run);
        table_cell(table, show_when(job, "next_run", now, text));
        table_cell(table, json_str(job, "reason", NULL));
    }
    table_print(table);
}

static int list(const struct client_options *agent, const char *state, int64_t limit, bool as_json)
{
    AUTOBUF path = {0};
    AUTOJSON *items = NULL;
    buf_adds(&path, "/api/v1/jobs");
    path_add_query(&path, "state", state);
    int status = client_get_items(agent, path.data, limit, &items);
    if (status)
        return status;
    if (as_json)
        cli_print_json(items);
    else
        print_jobs(items);
    return 0;
}

/* ---- one ---- */

static void print_field(const char *name, const char *value)
{
    if (!text_empty(value))
        printf("%-12s%s\n", name, value);
}

static void print_runs(const json_t *runs)
{
    static const char *const heads[] = {"RUN", "STATE", "STARTED", "TOOK", "EXIT", "NODE", "REASON", NULL};
    AUTOTABLE *table = table_new(heads);
    int64_t now = time_wall();
    size_t i;
    json_t *run;
    json_array_foreach(runs, i, run)
    {
        char text[SHOW_TEXT];
        table_cellf(table, "%lld", (long long)json_int(run, "id", 0));
        table_cell(table, json_str(run, "state", NULL));
        table_cell(table, show_when(run, "started_at", now, text));
        table_cell(table, show_seconds(run, "duration", text));
        add_exit_code(table, run);
        table_cell(table, json_str(run, "node", NULL));
        table_cell(table, json_str(run, "reason", NULL));
    }
    putchar('\n');
    table_print(table);
}

static void print_job(const json_t *job, const json_t *runs)
{
    char text[SHOW_TEXT];
    print_field("job", json_str(job, "name", ""));
    print_field("state", json_str(job, "state", ""));
    print_field("reason", json_str(job, "reason", ""));
    print_field("schedule", json_str(job, "schedule", ""));
    print_field("time zone", json_str(job, "timezone", ""));
    print_field("grace", show_seconds(job, "grace", text));
    print_field("next run", show_when(job, "next_run", time_wall(), text));
    print_field("last word", show_when(job, "last_ping", time_wall(), text));
    if (json_array_size(runs))
        print_runs(runs);
    AUTOFREE char *output = text_make_showable(json_str(json_array_get(runs, 0), "output", ""), true);
    if (*output)
        printf("\noutput of the last run:\n%s%s", output, output[strlen(output) - 1] == '\n' ? "" : "\n");
}

static int show(const struct client_options *agent, const char *name, int64_t limit, bool as_json)
{
    AUTOBUF path = {0};
    AUTOJSON *job = NULL, *runs = NULL;
    buf_adds(&path, "/api/v1/jobs/");
    path_add_segment(&path, name);
    int status = client_get(agent, path.data, &job);
    if (status)
        return status;
    buf_adds(&path, "/runs");
    status = client_get_items(agent, path.data, limit, &runs);
    if (status)
        return status;
    if (as_json) {
        json_put(job, "runs", json_incref(runs));
        cli_print_json(job);
    } else {
        print_job(job, runs);
    }
    return 0;
}

int cli_jobs(int argc, char **argv)
{
    struct client_options agent = {0};
    const char *state = NULL;
    int64_t limit = 0;
    bool json = false;
    const struct option_def options[] = {
        {OPTION_TEXT, 0, "state", "STATE", "in this state only: failed, late, running, …", &state},
        {OPTION_COUNT, 'n', "limit", "N", "at most so many jobs (1000) or runs (10)", &limit},
        OPTIONS_CLIENT(&agent),
        OPTION_JSON(&json),
        {0},
    };
    const struct usage usage = {"jobs", "[OPTION]…\nshow JOB [OPTION]…",
                                "List the jobs, or show one with its last runs and the output of the last of them.",
                                options};
    int status;
    if (!options_parse(&usage, &argc, &argv, &status))
        return status;
    if (argc == 0)
        return list(&agent, state, limit ? limit : 1000, json);
    if (argc == 2 && strcmp(argv[0], "show") == 0)
        return show(&agent, argv[1], limit ? limit : 10, json);
    return usage_fail(&usage, strcmp(argv[0], "show") == 0 ? "show needs the name of one job" : "'%s' is not 'show'",
                      argv[0]);
}
