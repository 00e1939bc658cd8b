/* SPDX-License-Identifier: Apache-2.0 */
/* Wires the rooms together from the configuration; start, reload, stop. */
#ifndef BELFRY_AGENT_H
#define BELFRY_AGENT_H

#include "base/base.h"
#include "config/config.h"
#include "plugin/plugin.h"

struct agent_options {
    const char *const *paths; /* of the configuration; none: the system's */
    size_t n_paths;
    struct config_overrides overrides;
};
/* Run until a signal ends it. Returns the process' exit code (sysexits: 0, 70, 75, 78). */
int agent_run(const struct agent_options *options);

/* A configuration and the instances of its channels and sources: what a reload replaces as a whole. */
struct generation {
    struct config *config;
    struct instance **channels; /* as config->channels */
    struct instance **sources;
};
/* Load and check everything, plugins included, without side effects. Null: see problems. The caller frees it. */
struct generation *generation_load(struct plugins *plugins, const struct agent_options *options,
                                   struct problems *problems);
void generation_free(struct generation *generation);

#endif
