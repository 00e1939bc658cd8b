/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent.h"

void generation_free(struct generation *generation)
{
    if (!generation)
        return;
    for (size_t i = 0; generation->channels && i < generation->config->n_channels; i++)
        instance_free(generation->channels[i]);
    for (size_t i = 0; generation->sources && i < generation->config->n_sources; i++)
        instance_free(generation->sources[i]);
    free(generation->channels);
    free(generation->sources);
    config_free(generation->config);
    free(generation);
}

static void make_instances(struct generation *generation, struct plugins *plugins, struct problems *problems)
{
    struct config *config = generation->config;
    generation->channels = x_calloc(config->n_channels, sizeof *generation->channels);
    generation->sources = x_calloc(config->n_sources, sizeof *generation->sources);
    for (size_t i = 0; i < config->n_channels; i++)
        generation->channels[i] = instance_new_channel(plugins, &config->channels[i], problems);
    for (size_t i = 0; i < config->n_sources; i++)
        generation->sources[i] = instance_new_source(plugins, &config->sources[i], problems);
}

struct generation *generation_load(const struct agent_options *options, const struct plugins_options *host,
                                   struct plugins **plugins, struct problems *problems)
{
    struct generation *generation = NEW(struct generation);
    generation->config = config_load(options->paths, options->n_paths, problems);
    config_override(generation->config, &options->overrides);
    if (!*plugins) {
        struct plugins_options with_dirs = *host;
        with_dirs.dirs = generation->config->agent.plugin_dirs;
        with_dirs.external_url = generation->config->agent.external_url;
        *plugins = plugins_new(&with_dirs);
    }
    make_instances(generation, *plugins, problems);
    if (!problems->errors)
        return generation;
    generation_free(generation);
    return NULL;
}
