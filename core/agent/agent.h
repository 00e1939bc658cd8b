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
/* Run until a signal ends it. Returns the process' exit code, as in sysexits(3): 0 stopped; 69 an address is in use; 70
 * the store failed, start again; 74 the state cannot be opened; 75 another agent has it; 78 the configuration has
 * problems. BELFRY_TEST_CLOCK (an RFC 3339 time) in the environment makes time virtual: it stands still there until
 * POST /-/clock moves it. */
int agent_run(const struct agent_options *options);

/* A configuration and the instances of its channels and sources: what a reload replaces as a whole. */
struct generation {
    struct config *config;
    struct instance **channels; /* as config->channels */
    struct instance **sources;  /* as config->sources */
};
/* Load and check everything, plugins included, without side effects outside memory: what start, reload and `belfry
 * check` share. *plugins is made, from `host` and the folders that the configuration names, if it is null; it must
 * outlive the generation. Null: see `problems`, which also hold warnings when all is well. */
struct generation *generation_load(const struct agent_options *options, const struct plugins_options *host,
                                   struct plugins **plugins, struct problems *problems);
void generation_free(struct generation *generation); /* null is fine */

#endif
