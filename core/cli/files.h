/* SPDX-License-Identifier: Apache-2.0 */
/* Private to cli/: for the commands that read the configuration and the plugins themselves, without an agent. */
#ifndef BELFRY_CLI_FILES_H
#define BELFRY_CLI_FILES_H

#include "agent/agent.h"
#include "cli/options.h"

struct files {
    struct texts paths, plugin_dirs; /* from the command line */
    struct arena *arena;
    struct agent_options options; /* the two, for the agent's room */
    struct loop *loop;
    struct config *config; /* what could be read of it */
    struct problems problems;
    struct plugins *plugins;
};
#define OPTIONS_FILES(f) OPTION_CONFIG(&(f)->paths), OPTION_PLUGIN_DIR(&(f)->plugin_dirs)

/* Read the configuration and make a host for its plugins. 0, or an exit code, reported. Look at `problems`. */
int files_open(struct files *files);
void files_close(struct files *files);
#define AUTOFILES __attribute__((cleanup(files_close))) struct files

/* A path on the command line is meant from where the user stands. */
const char *path_make_absolute(struct arena *arena, const char *path);
void texts_make_absolute(struct arena *arena, struct texts *texts);

#endif
