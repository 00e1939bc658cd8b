/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration comes into force: all at once, or not at all. */
#include "agent/wiring.h"

#include <string.h>

/* ---- what plugins ask of the agent ---- */

struct committed {
    void (*committed)(void *data, int status);
    void *data;
};

static void on_committed(void *data, enum store_result result)
{
    struct committed *c = data;
    if (c->committed)
        c->committed(c->data, result == STORE_OK ? 0 : -1);
    free(c);
}

static int on_emit(void *ctx, const char *source, struct cloud_event *event, const char *checkpoint,
                   void (*committed)(void *data, int status), void *data, struct error *e)
{
    (void)source; /* it stands in the event */
    struct committed *c = NEW(struct committed);
    *c = (struct committed){committed, data};
    if (agent_ingest(ctx, event, checkpoint, on_committed, c, e)) {
        free(c);
        return -1;
    }
    return 0;
}

static const char *on_checkpoint(void *ctx, const char *source)
{
    return checkpoint_of(ctx, source);
}

struct plugins_options agent_plugin_host(struct agent *agent)
{
    return (struct plugins_options){.loop = agent->loop, .emit = on_emit, .checkpoint = on_checkpoint, .ctx = agent};
}

/* ---- sources ---- */

void agent_stop_sources(struct agent *agent)
{
    if (!agent->source_errors)
        return;
    for (size_t i = 0; i < agent->generation->config->n_sources; i++) {
        if (agent->generation->sources[i])
            instance_stop(agent->generation->sources[i]);
        free(agent->source_errors[i]);
    }
    free(TAKE(agent->source_errors));
}

static struct instance **find_source(struct generation *generation, const char *name,
                                     const struct config_source **config)
{
    for (size_t i = 0; i < generation->config->n_sources; i++) {
        *config = &generation->config->sources[i];
        if (strcmp((*config)->name, name) == 0)
            return &generation->sources[i];
    }
    return NULL;
}

/* A source that runs and whose block says the same goes on running: what waits in its sockets is not lost. */
static void carry_over(struct generation *old, struct generation *next)
{
    for (size_t i = 0; i < next->config->n_sources; i++) {
        const struct config_source *new_config = &next->config->sources[i], *old_config;
        struct instance **running = find_source(old, new_config->name, &old_config);
        if (!running || !instance_is_started(*running) || strcmp(old_config->plugin, new_config->plugin) != 0 ||
            !node_equal(old_config->block, new_config->block))
            continue;
        instance_free(next->sources[i]);
        next->sources[i] = TAKE(*running);
    }
}

/* One that does not start is named, and the rest runs. */
static void start_sources(struct agent *agent)
{
    const struct config *config = agent->generation->config;
    agent->source_errors = x_calloc(config->n_sources, sizeof *agent->source_errors);
    for (size_t i = 0; i < config->n_sources; i++) {
        struct error e;
        char text[1024];
        if (instance_is_started(agent->generation->sources[i]) || !instance_start(agent->generation->sources[i], &e))
            continue;
        agent->source_errors[i] = x_strdup(error_text(&e, text, sizeof text));
        AUTOFREE char *summary =
            x_printf("source '%s' (%s) does not run: %s", config->sources[i].name, config->sources[i].plugin, text);
        agent_tell(agent, "BelfrySourceDown", summary);
    }
}

/* ---- in force ---- */

static void on_released(void *generation)
{
    generation_free(generation);
}

void agent_show_url(struct agent *agent)
{
    const char *url = agent->generation->config->agent.external_url, *port = strrchr(url, ':'), *bound = NULL;
    for (size_t i = 0; agent->http && text_equal(port, ":0") && (bound = http_address(agent->http, i)); i++)
        if (!text_starts(bound, "unix:"))
            break;
    AUTOFREE char *real = bound ? x_printf("%.*s://%s", (int)strcspn(url, ":"), url, bound) : x_strdup(url);
    notify_set_external_url(agent->notify, real);
}

static void configure_notify(struct agent *agent)
{
    const struct generation *generation = agent->generation;
    size_t n = generation->config->n_channels;
    AUTOFREE struct notify_channel *channels = x_calloc(n, sizeof *channels);
    for (size_t i = 0; i < n; i++)
        channels[i] = (struct notify_channel){&generation->config->channels[i], generation->channels[i]};
    agent_show_url(agent);
    notify_configure(agent->notify, channels, n, on_released, agent->generation);
}

static bool same_list(const struct belfry_list *a, const struct belfry_list *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (strcmp(a->item[i], b->item[i]) != 0)
            return false;
    return true;
}

static void warn_of_what_stays(const struct config_agent *old, const struct config_agent *new)
{
    if (!text_equal(old->state_dir, new->state_dir) || !same_list(&old->plugin_dirs, &new->plugin_dirs) ||
        old->ballast != new->ballast || old->history != new->history || old->history_records != new->history_records)
        log_at(LOG_WARNING, "agent", "state_dir, plugin_dirs, history and ballast change at the next start only");
}

int agent_apply(struct agent *agent, struct generation *generation, struct error *e)
{
    const struct config_agent *config = &generation->config->agent;
    if (agent->http && http_configure(agent->http, config, e)) {
        generation_free(generation);
        return -1;
    }
    if (agent->generation) {
        warn_of_what_stays(&agent->generation->config->agent, config);
        carry_over(agent->generation, generation);
    }
    enum log_level level = LOG_INFO;
    log_level_parse(config->log_level, &level);
    log_setup(level, strcmp(config->log_format, "json") == 0);
    agent_stop_sources(agent);
    agent->generation = generation;
    jobs_configure(agent->jobs, generation->config);
    engine_configure(agent->engine, generation->config);
    configure_notify(agent); /* lets the former generation go, as soon as no attempt uses it */
    start_sources(agent);
    agent->generation_number++;
    agent->loaded_at = loop_now(agent->loop);
    return 0;
}

int agent_reload(struct agent *agent, struct buf *out)
{
    systemd_reloading();
    struct problems problems = {0};
    struct error e;
    struct plugins_options host = agent_plugin_host(agent);
    struct generation *generation = generation_load(agent->options, &host, &agent->plugins, &problems);
    int result = generation ? agent_apply(agent, generation, &e) : -1;
    char text[1024];
    if (problems.n)
        problems_write(&problems, out);
    if (generation && result)
        buf_addf(out, "%s\n", error_text(&e, text, sizeof text));
    problems_free(&problems);
    free(agent->reload_error);
    agent->reload_error = result ? x_strdup(buf_str(out)) : NULL;
    if (result)
        log_at(LOG_ERROR, "agent", "the new configuration is refused, the old one stays: %s", buf_str(out));
    else
        log_at(LOG_INFO, "agent", "configuration %u is in force", agent->generation_number);
    systemd_ready();
    return result;
}
