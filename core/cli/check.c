/* SPDX-License-Identifier: Apache-2.0 */
/* belfry check: would this configuration be taken? */
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/files.h"
#include "cli/options.h"

static void add_count(struct buf *out, size_t n, const char *what)
{
    buf_addf(out, "%s%zu %s%s", out->len ? ", " : "ok: ", n, what, n == 1 ? "" : "s");
}

static void print_summary(const struct config *config)
{
    AUTOBUF out = {0};
    add_count(&out, config->n_channels, "channel");
    add_count(&out, config->n_sources, "source");
    add_count(&out, config->n_alerts, "alert");
    add_count(&out, config->n_jobs, "job");
    puts(out.data);
}

/* Everything as the agent would do it, plugins included. */
static int check(struct files *files, bool quiet)
{
    struct problems problems = {0};
    AUTOBUF out = {0};
    struct generation *generation = generation_load(&files->options, NULL, &files->plugins, &problems);
    problems_write(&problems, &out);
    fputs(buf_str(&out), stdout);
    if (generation && !quiet)
        print_summary(generation->config);
    int status = generation ? 0 : EXIT_FAILURE;
    generation_free(generation);
    problems_free(&problems);
    return status;
}

int cli_check(int argc, char **argv)
{
    AUTOFILES files = {0};
    bool quiet = false;
    const struct option_def options[] = {
        OPTIONS_FILES(&files),
        {OPTION_FLAG, 'q', "quiet", NULL, "print problems only", &quiet},
        {0},
    };
    const struct usage usage = {"check", "[OPTION]…",
                                "Load a configuration, plugins included, as the agent would, and print its problems, "
                                "a line each:\nfile:line:column: error: what. Exit code 0: the agent would take it; 1: "
                                "it would not.",
                                options};
    int status;
    if (!options_parse(&usage, &argc, &argv, &status))
        return status;
    if (argc)
        return usage_fail(&usage, "'%s' is too much (a configuration is given with -c)", argv[0]);
    status = files_open(&files);
    return status ? status : check(&files, quiet);
}
