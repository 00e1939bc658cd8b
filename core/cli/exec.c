/* SPDX-License-Identifier: Apache-2.0 */
/* belfry exec: wraps a crontab line. The command comes first: whatever becomes of the reports, it runs, and its exit
 * code is ours. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "cli/child.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/report.h"

enum { HOLD_BACK = SECOND /* so long the command waits for its start to be reported */ };

struct exec {
    const char *job;
    char *const *command;
    bool create, no_output;
    int64_t report_timeout;
    struct client_options agent;
    struct client *client; /* null: it cannot be set up, as `error` says */
    int client_status;
    struct error error;
    char rid[37];
};

static void warn(const char *what, const struct exec *exec, const struct error *e)
{
    char text[sizeof *e + 16];
    fprintf(stderr, "belfry: %s of '%s' was not reported: %s\n", what, exec->job, error_text(e, text, sizeof text));
}

static json_t *new_report(const struct exec *exec, const char *status)
{
    json_t *report = report_new(exec->job, status), *data = report_data(report);
    json_put_str(data, "rid", exec->rid);
    if (exec->create)
        json_put(data, "create", json_true());
    return report;
}

static json_t *new_end_report(const struct exec *exec, const struct child_end *end, const struct tail *tail)
{
    json_t *report = new_report(exec, end->code ? "failed" : "success"), *data = report_data(report);
    json_put_int(data, "exit_code", end->code);
    json_put_seconds(data, "duration", end->duration);
    json_put_str(data, "reason", end->reason);
    const struct rusage *usage = &end->usage;
    json_put(data, "user_seconds", json_real((double)usage->ru_utime.tv_sec + (double)usage->ru_utime.tv_usec / 1e6));
    json_put(data, "system_seconds", json_real((double)usage->ru_stime.tv_sec + (double)usage->ru_stime.tv_usec / 1e6));
    json_put_int(data, "max_rss_bytes", (int64_t)usage->ru_maxrss * 1024);
    AUTOFREE char *output = tail ? tail_text(tail) : NULL;
    json_put_str(data, "output", output);
    return report;
}

/* Returns the exit code of the report, not of the command. */
static int report_end(const struct exec *exec, const struct child_end *end, const struct tail *tail, struct error *e)
{
    if (!exec->client) {
        *e = exec->error;
        return exec->client_status;
    }
    AUTOJSON *report = new_end_report(exec, end, tail);
    return report_send(exec->client, report, exec->report_timeout, e);
}

static void run_reported(struct exec *exec, struct child *child, struct tail *tail, struct child_end *end)
{
    struct error start_error, end_error;
    struct courier *courier = NULL;
    exec->client_status = client_open(&exec->agent, &exec->client, &exec->error);
    if (exec->client) {
        AUTOJSON *report = new_report(exec, "start");
        courier = courier_send(exec->client, report, 365 * (int64_t)DAY); /* for as long as the command runs */
        courier_wait(courier, HOLD_BACK);
    }
    child_run(child, exec->command, tail, end);
    if (end->code >= 126 && *end->reason && end->code < 128)
        fprintf(stderr, "belfry: %s\n", end->reason);
    bool started = courier && courier_end(courier, &start_error) == 0;
    int status = report_end(exec, end, tail, &end_error);
    if (status == EX_UNAVAILABLE || status == EX_TEMPFAIL)
        error_mend(&end_error, "given up after %s, --report-timeout",
                   duration_format(exec->report_timeout, (char[DURATION_TEXT]){0}));
    if (status)
        warn("the end", exec, &end_error);
    else if (!started)
        warn("the start", exec, &start_error);
    client_close(exec->client);
}

/* Where "--" stands, which getopt swallows; argc: nowhere. */
static int find_dashes(int argc, char **argv)
{
    int i = 1;
    while (i < argc && strcmp(argv[i], "--") != 0)
        i++;
    return i;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

int cli_exec(int argc, char **argv)
{
    struct exec exec = {.report_timeout = 30 * SECOND};
    const struct option_def options[] = {
        {OPTION_FLAG, 0, "create", NULL, "make the job if the agent does not know it", &exec.create},
        {OPTION_FLAG, 0, "no-output", NULL, "leave the output alone: report none of it, pass nothing through",
         &exec.no_output},
        {OPTION_DURATION, 0, "report-timeout", "TIME", "try so long to report the end (30s)", &exec.report_timeout},
        OPTIONS_CLIENT(&exec.agent),
        {0},
    };
    const struct usage usage = {
        "exec", "[OPTION]… JOB -- COMMAND [ARGUMENT]…",
        "Run a command and tell the agent: its start, its end, exit code, duration, resources, and the last 10 000 "
        "bytes\nof its output. The exit code is the command's own (128 + signal; 127 not found; 126 cannot be run), "
        "also when\nthe agent is away: then the command runs all the same, and a line on stderr says what was not "
        "reported.\nFor a command that leaves processes behind in the background, give --no-output.",
        options};
    int status, dashes = find_dashes(argc, argv), n_command = argc - dashes - 1;
    if (n_command < 0 && !asks_for_help(argc, argv)) /* first of all: options behind the job may be the command's */
        return usage_fail(&usage, "write -- before the command: belfry exec JOB -- COMMAND");
    if (!options_parse(&usage, &argc, &argv, &status))
        return status;
    if (n_command == 0)
        return usage_fail(&usage, "the command behind -- is missing");
    if (argc - n_command != 1)
        return usage_fail(&usage, argc == n_command ? "the job before -- is missing" : "give one job before --");
    struct error e;
    struct child *child = child_new(&e);
    if (!child)
        return cli_fail(EX_OSERR, &e);
    exec.job = argv[0];
    exec.command = argv + 1;
    text_new_uuid(exec.rid);
    AUTOFREE struct tail *tail = exec.no_output ? NULL : NEW(struct tail);
    struct child_end end;
    run_reported(&exec, child, tail, &end);
    child_free(child);
    return end.code;
}
