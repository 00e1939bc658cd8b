/* SPDX-License-Identifier: Apache-2.0 */
/* belfry reload: have the agent read its configuration anew, all of it or nothing. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/options.h"

static int reload(const struct client_options *agent, bool quiet)
{
    struct error e;
    AUTOANSWER answer = {0};
    AUTOCLIENT *client = NULL;
    int status = client_open(agent, &client, &e);
    if (!status)
        status = client_call(client, "POST", "/-/reload", NULL, MINUTE, &answer, &e);
    if (answer.code == 400) { /* its own words are the problems, a line each */
        fputs(answer.text, stdout);
        error_set(&e, "the new configuration was refused; the agent goes on with the old one");
        return cli_fail(EXIT_FAILURE, &e);
    }
    if (status)
        return cli_fail(status, &e);
    size_t len = strlen(answer.text), warnings = len < 3 ? 0 : len - 3; /* "OK\n" is its last line */
    fwrite(answer.text, 1, warnings, stdout);
    if (!quiet)
        puts("reloaded");
    return 0;
}

int cli_reload(int argc, char **argv)
{
    struct client_options agent = {0};
    bool quiet = false;
    const struct option_def options[] = {
        OPTIONS_CLIENT(&agent),
        {OPTION_FLAG, 'q', "quiet", NULL, "print problems only", &quiet},
        {0},
    };
    const struct usage usage = {"reload", "[OPTION]…",
                                "Have the agent read its configuration anew. It takes all of it or nothing; problems "
                                "are printed, and the exit code is 1.",
                                options};
    int status;
    if (!options_parse(&usage, &argc, &argv, &status))
        return status;
    if (argc)
        return usage_fail(&usage, "'%s' is too much", argv[0]);
    return reload(&agent, quiet);
}
