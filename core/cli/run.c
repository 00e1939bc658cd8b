/* SPDX-License-Identifier: Apache-2.0 */
/* belfry run: the agent. */
#include "agent/agent.h"
#include "cli/cli.h"
#include "cli/files.h"
#include "cli/options.h"

int cli_run(int argc, char **argv)
{
    AUTOTEXTS listen = {0}, paths = {0}, plugin_dirs = {0};
    const char *state = NULL;
    const struct option_def options[] = {
        OPTION_CONFIG(&paths),
        OPTION_PLUGIN_DIR(&plugin_dirs),
        {OPTION_TEXT, 0, "state", "DIR", "keep the state here", &state},
        {OPTION_TEXTS, 0, "listen", "WHERE", "listen at ADDRESS:PORT or unix:PATH; repeat for more", &listen},
        {0},
    };
    const struct usage usage = {"run", "[OPTION]…",
                                "Run the agent in the foreground until SIGTERM. SIGHUP reads the configuration anew.\n"
                                "Options go over the agent: block of the configuration.",
                                options};
    int status;
    if (!options_parse(&usage, &argc, &argv, &status))
        return status;
    if (argc)
        return usage_fail(&usage, "'%s' is too much (a configuration is given with -c)", argv[0]);
    struct arena *arena = arena_new();
    texts_make_absolute(arena, &plugin_dirs);
    const struct agent_options agent = {
        .paths = paths.item,
        .n_paths = paths.n,
        .overrides = {.state_dir = path_make_absolute(arena, state),
                      .listen = listen.item,
                      .n_listen = listen.n,
                      .plugin_dirs = plugin_dirs.item,
                      .n_plugin_dirs = plugin_dirs.n},
    };
    status = agent_run(&agent);
    arena_free(arena);
    return status;
}
