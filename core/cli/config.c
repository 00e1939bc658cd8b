/* SPDX-License-Identifier: Apache-2.0 */
/* belfry config show: the whole configuration as one, with the origin of each value and without secrets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "cli/cli.h"
#include "cli/files.h"
#include "cli/options.h"

/* Of a plugin that does not load nobody knows which options are secret, so all are. */
static bool is_secret(void *ctx, const char *plugin, const char *option)
{
    const struct files *files = ctx;
    struct error e;
    const struct belfry_plugin *descriptor = plugins_find(files->plugins, plugin, &e);
    if (!descriptor)
        return true;
    for (const struct belfry_option *o = descriptor->options; o && o->name; o++)
        if (strcmp(o->name, option) == 0)
            return o->type == BELFRY_SECRET;
    return false;
}

static int show(struct files *files)
{
    AUTOBUF out = {0};
    if (files->problems.errors) {
        problems_write(&files->problems, &out);
        fputs(buf_str(&out), stderr);
        return EX_CONFIG;
    }
    config_show(files->config, is_secret, files, &out);
    fputs(buf_str(&out), stdout);
    return 0;
}

int cli_config(int argc, char **argv)
{
    AUTOFILES files = {0};
    const struct option_def options[] = {OPTIONS_FILES(&files), {0}};
    const struct usage usage = {"config", "show [OPTION]…",
                                "Print the configuration as it is read: all files merged, each value with the place it "
                                "comes from, secrets as ***.",
                                options};
    int status;
    if (!options_parse(&usage, &argc, &argv, &status))
        return status;
    if (argc != 1 || strcmp(argv[0], "show") != 0)
        return usage_fail(&usage, argc ? "'%s' is not 'show'" : "say what to do: show", argv[0]);
    status = files_open(&files);
    return status ? status : show(&files);
}
