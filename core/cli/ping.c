/* SPDX-License-Identifier: Apache-2.0 */
/* belfry ping: one report about a job. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "cli/report.h"
#include "cli/tail.h"

struct ping {
    const char *rid, *message;
    bool create;
    int64_t duration, timeout;
    struct client_options agent;
};

/* "start" … or an exit code → the report's status. Null: neither. */
static const char *parse_what(const char *what, int64_t *exit_code)
{
    static const struct {
        const char *name, *status;
    } known[] = {{"start", "start"}, {"success", "success"}, {"fail", "failed"}, {"log", "log"}, {"retry", "retry"}};
    for (size_t i = 0; i < COUNT(known); i++)
        if (strcmp(known[i].name, what) == 0)
            return known[i].status;
    if (!text_int(what, 0, 255, exit_code))
        return NULL;
    return *exit_code ? "failed" : "success";
}

static char *read_input(void)
{
    AUTOFREE struct tail *tail = NEW(struct tail);
    char chunk[4096];
    ssize_t n;
    while ((n = read(STDIN_FILENO, chunk, sizeof chunk)) > 0)
        tail_add(tail, chunk, (size_t)n);
    return tail_text(tail);
}

static json_t *make_report(const struct ping *ping, const char *job, const char *status, int64_t exit_code)
{
    json_t *report = report_new(job, status), *data = report_data(report);
    if (exit_code >= 0)
        json_put_int(data, "exit_code", exit_code);
    json_put_str(data, "rid", ping->rid);
    if (ping->duration >= 0)
        json_put_seconds(data, "duration", ping->duration);
    if (ping->create)
        json_put(data, "create", json_true());
    AUTOFREE char *message = text_equal(ping->message, "-") ? read_input() : x_strdup(ping->message);
    json_put_str(data, "message", message);
    return report;
}

static int send(const struct ping *ping, const json_t *report)
{
    struct error e;
    AUTOCLIENT *client = NULL;
    int status = client_open(&ping->agent, &client, &e);
    if (!status)
        status = report_send(client, report, ping->timeout, &e);
    return status ? cli_fail(status, &e) : 0;
}

int cli_ping(int argc, char **argv)
{
    struct ping ping = {.duration = -1, .timeout = 10 * SECOND};
    const struct option_def options[] = {
        {OPTION_TEXT, 0, "rid", "UUID", "pairs a start with its end", &ping.rid},
        {OPTION_TEXT, 'm', "message", "TEXT", "what to keep with the report; - reads it from standard input",
         &ping.message},
        {OPTION_DURATION, 0, "duration", "TIME", "how long the run took", &ping.duration},
        {OPTION_FLAG, 0, "create", NULL, "make the job if the agent does not know it", &ping.create},
        {OPTION_DURATION, 0, "timeout", "TIME", "try again for so long if the agent is away or busy (10s)",
         &ping.timeout},
        OPTIONS_CLIENT(&ping.agent),
        {0},
    };
    const struct usage usage = {"ping", "[OPTION]… JOB [start|success|fail|log|retry|EXIT]",
                                "Report how a job goes; without a word, that it succeeded. EXIT is an exit code: 0 is "
                                "a success.",
                                options};
    int status;
    if (!options_parse(&usage, &argc, &argv, &status))
        return status;
    if (argc < 1 || argc > 2)
        return usage_fail(&usage, argc < 1 ? "the job is missing" : "too many words");
    int64_t exit_code = -1;
    const char *what = parse_what(argc == 2 ? argv[1] : "success", &exit_code);
    if (!what)
        return usage_fail(&usage, "'%s' is none of start, success, fail, log, retry, and no exit code", argv[1]);
    if (ping.rid && !text_is_uuid(ping.rid))
        return usage_fail(&usage, "--rid: '%s' is not a UUID", ping.rid);
    AUTOJSON *report = make_report(&ping, argv[0], what, exit_code);
    return send(&ping, report);
}
