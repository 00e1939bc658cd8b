/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/files.h"

#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli/cli.h"

const char *path_make_absolute(struct arena *arena, const char *path)
{
    if (!path || *path == '/')
        return path;
    AUTOFREE char *here = getcwd(NULL, 0);
    return here ? arena_printf(arena, "%s/%s", here, path) : path;
}

void texts_make_absolute(struct arena *arena, struct texts *texts)
{
    for (size_t i = 0; i < texts->n; i++)
        texts->item[i] = path_make_absolute(arena, texts->item[i]);
}

int files_open(struct files *files)
{
    struct error e;
    files->arena = arena_new();
    texts_make_absolute(files->arena, &files->plugin_dirs);
    files->options = (struct agent_options){
        .paths = files->paths.item,
        .n_paths = files->paths.n,
        .overrides = {.plugin_dirs = files->plugin_dirs.item, .n_plugin_dirs = files->plugin_dirs.n},
    };
    files->loop = loop_new();
    if (!files->loop) {
        error_set(&e, "the system has no event mechanism left");
        return cli_fail(EX_OSERR, &e);
    }
    files->config = config_load(files->paths.item, files->paths.n, &files->problems);
    config_override(files->config, &files->options.overrides);
    const struct plugins_options host = {
        .loop = files->loop,
        .dirs = files->config->agent.plugin_dirs,
        .external_url = files->config->agent.external_url,
    };
    files->plugins = plugins_new(&host);
    return 0;
}

void files_close(struct files *files)
{
    if (files->plugins)
        plugins_free(files->plugins);
    config_free(files->config);
    problems_free(&files->problems);
    if (files->loop)
        loop_free(files->loop);
    arena_free(files->arena);
    texts_free(&files->paths);
    texts_free(&files->plugin_dirs);
}
