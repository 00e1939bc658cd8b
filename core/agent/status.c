/* SPDX-License-Identifier: Apache-2.0 */
/* The agent as a whole, in one JSON object: what `belfry status` and /api/v1/status show. */
#include "agent/wiring.h"

static json_t *config_status(const struct agent *agent)
{
    json_t *json = json_object();
    json_put_int(json, "generation", agent->generation_number);
    json_put_time(json, "loaded_at", agent->loaded_at);
    json_put(json, "last_reload_successful", json_boolean(!agent->reload_error));
    json_put_str(json, "last_reload_error", agent->reload_error);
    return json;
}

static json_t *store_status(const struct agent *agent)
{
    struct store_stats stats;
    store_get_stats(agent->store, &stats);
    json_t *json = json_object();
    json_put_str(json, "state", stats.is_failed ? "failed" : stats.is_full ? "full" : "ok");
    json_put_int(json, "waiting", (int64_t)stats.waiting);
    json_put_int(json, "size_bytes", stats.size_bytes);
    json_put(json, "last_sync_seconds", json_real((double)stats.last_sync_us / 1e6));
    json_put_seconds(json, "oldest_waiting_seconds", stats.oldest_waiting_ms);
    return json;
}

static void add_channel(void *ctx, const struct channel_status *status)
{
    json_t *json = json_object();
    json_put_str(json, "name", status->name);
    json_put_str(json, "plugin", status->plugin);
    json_put_str(json, "state", status->state);
    json_put_str(json, "last_error", status->last_error);
    json_put_time(json, "last_attempt", status->last_attempt);
    json_put_int(json, "waiting", (int64_t)status->waiting);
    json_put_time(json, "oldest", status->oldest);
    json_put_int(json, "delivered", (int64_t)status->delivered);
    json_put_int(json, "failed", (int64_t)status->failed);
    json_array_append_new(ctx, json);
}

static json_t *source_status(const struct agent *agent)
{
    const struct config *config = agent->generation->config;
    json_t *list = json_array();
    for (size_t i = 0; i < config->n_sources; i++) {
        json_t *json = json_object();
        json_put_str(json, "name", config->sources[i].name);
        json_put_str(json, "plugin", config->sources[i].plugin);
        const char *error = agent->source_errors ? agent->source_errors[i] : "the agent is stopping";
        json_put_str(json, "state", error ? "failed" : "running");
        json_put_str(json, "error", error);
        json_array_append_new(list, json);
    }
    return list;
}

static json_t *job_status(const struct agent *agent)
{
    struct jobs_stats stats;
    jobs_get_stats(agent->jobs, &stats);
    json_t *json = json_object();
    json_put_int(json, "total", (int64_t)stats.total);
    for (size_t i = 0; i < COUNT(stats.by_state); i++)
        if (stats.by_state[i])
            json_put_int(json, job_state_name((enum job_state)i), (int64_t)stats.by_state[i]);
    return json;
}

json_t *agent_status(void *ctx)
{
    struct agent *agent = ctx;
    struct engine_stats engine;
    engine_get_stats(agent->engine, &engine);
    int64_t now = loop_now(agent->loop);
    json_t *json = json_object(), *channels = json_array();
    notify_each_channel(agent->notify, add_channel, channels);
    json_put_str(json, "version", PACKAGE_VERSION);
    json_put_str(json, "id", agent->id);
    json_put_time(json, "now", now);
    json_put_time(json, "started_at", agent->started_at);
    json_put_seconds(json, "uptime", now - agent->started_at);
    json_put(json, "virtual_time", json_boolean(loop_is_virtual(agent->loop)));
    json_put(json, "config", config_status(agent));
    json_put(json, "store", store_status(agent));
    json_put(json, "channels", channels);
    json_put(json, "sources", source_status(agent));
    json_put(json, "jobs", job_status(agent));
    json_put(json, "alerts", json_pack("{s:I}", "firing", (json_int_t)engine.firing));
    return json;
}
