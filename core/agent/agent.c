/* SPDX-License-Identifier: Apache-2.0 */
/* The life of an agent: start, run, stop. */
#include "agent/wiring.h"

#include <event2/event.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

enum { DRAIN_MS = 10 * SECOND, DRAIN_AFTER_FAILURE_MS = 200 };

/* ---- between the rooms ---- */

static void on_job_event(void *ctx, struct cloud_event *event)
{
    struct agent *agent = ctx;
    engine_process(agent->engine, event);
    cloud_event_free(event);
}

static void on_tell(void *ctx, const struct alert *alert, enum tell what, const struct belfry_list *channels,
                    const struct belfry_list *recipients)
{
    struct agent *agent = ctx;
    notify_alert(agent->notify, alert, what, channels, recipients);
}

static int on_http_check(void *ctx, const struct cloud_event *event, struct error *e)
{
    return agent_check(ctx, event, e);
}

static int on_http_event(void *ctx, struct cloud_event *event, void (*done)(void *data, enum store_result), void *data,
                         struct error *e)
{
    return agent_ingest(ctx, event, NULL, done, data, e);
}

static int on_http_reload(void *ctx, struct buf *out)
{
    return agent_reload(ctx, out);
}

static bool on_ready(void *ctx, struct error *e)
{
    struct agent *agent = ctx;
    if (agent->stopping) {
        error_set(e, "the agent is stopping");
        return false;
    }
    return store_accepts(agent->store, e) == 0;
}

/* ---- stop ---- */

static void part_is_done(void *ctx)
{
    struct agent *agent = ctx;
    if (--agent->draining == 0)
        loop_stop(agent->loop);
}

static void stop(struct agent *agent, int exit_code, int64_t grace)
{
    if (agent->stopping)
        return;
    agent->stopping = true;
    agent->exit_code = exit_code;
    systemd_stopping();
    agent_stop_sources(agent);
    agent->draining = 2;
    http_drain(agent->http, grace, part_is_done, agent);
    notify_drain(agent->notify, grace, part_is_done, agent);
}

static void on_store_failed(void *ctx, const char *why)
{
    struct agent *agent = ctx;
    log_at(LOG_ERROR, "agent", "the store failed, the agent stops and must be started again: %s", why);
    stop(agent, EX_SOFTWARE, DRAIN_AFTER_FAILURE_MS);
}

static void on_stop_signal(evutil_socket_t number, short what, void *ctx)
{
    (void)what;
    struct agent *agent = ctx;
    if (agent->stopping) {
        log_at(LOG_WARNING, "agent", "a second signal: stopping at once");
        loop_stop(agent->loop);
        return;
    }
    log_at(LOG_INFO, "agent", "%s: finishing what is under way", strsignal((int)number));
    stop(agent, 0, DRAIN_MS);
}

static void on_reload_signal(evutil_socket_t number, short what, void *ctx)
{
    (void)number, (void)what;
    struct agent *agent = ctx;
    AUTOBUF out = {0};
    if (!agent->stopping)
        agent_reload(agent, &out);
}

/* ---- start ---- */

static void watch_signals(struct agent *agent)
{
    static const struct {
        int number;
        event_callback_fn handle;
    } signals[] = {{SIGTERM, on_stop_signal}, {SIGINT, on_stop_signal}, {SIGHUP, on_reload_signal}};
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a write beyond the limit of a file is an error like any other */
    for (size_t i = 0; i < COUNT(signals); i++) {
        agent->signals[i] = evsignal_new(loop_base(agent->loop), signals[i].number, signals[i].handle, agent);
        event_add(agent->signals[i], NULL);
    }
}

/* Secrets do not go into core files, and what we make is not for others. */
static void harden(void)
{
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    umask(077);
}

static int make_loop(struct agent *agent)
{
    agent->loop = loop_new();
    if (!agent->loop) {
        log_at(LOG_ERROR, "agent", "no event loop: %m");
        return EX_OSERR;
    }
    const char *clock = getenv("BELFRY_TEST_CLOCK");
    int64_t at;
    if (!text_empty(clock)) {
        if (!time_parse(clock, &at)) {
            log_at(LOG_ERROR, "agent", "BELFRY_TEST_CLOCK is not an RFC 3339 time: %s", clock);
            return EX_USAGE;
        }
        loop_set_virtual(agent->loop, at);
        log_at(LOG_WARNING, "agent", "time is virtual: nothing happens by itself");
    }
    return 0;
}

static int report(const struct error *e, int exit_code)
{
    char text[1024];
    log_at(LOG_ERROR, "agent", "%s", error_text(e, text, sizeof text));
    return exit_code;
}

static int load_generation(struct agent *agent, struct generation **generation)
{
    struct problems problems = {0};
    AUTOBUF out = {0};
    struct plugins_options host = agent_plugin_host(agent);
    *generation = generation_load(agent->options, &host, &agent->plugins, &problems);
    problems_write(&problems, &out);
    problems_free(&problems);
    (void)!write(STDERR_FILENO, buf_str(&out), out.len);
    return *generation ? 0 : EX_CONFIG;
}

static int load_id(void *ctx, const struct store_record *record)
{
    struct agent *agent = ctx;
    struct error e;
    AUTOJSON *json = json_parse(record->data, record->size, &e);
    if (strcmp(record->key, "agent") == 0)
        snprintf(agent->id, sizeof agent->id, "%s", json_str(json, "id", ""));
    return 0;
}

/* The id of this state folder: made once. */
static int restore_id(struct agent *agent, struct error *e)
{
    if (store_load(agent->store, STORE_META, load_id, agent, e))
        return -1;
    if (agent->id[0])
        return 0;
    snprintf(agent->id, sizeof agent->id, "%012" PRIx64, text_random() >> 16);
    AUTOJSON *json = json_pack("{s:s}", "id", agent->id);
    store_put_json(agent->store, STORE_META, store_next_id(agent->store, STORE_META), "agent", loop_now(agent->loop),
                   json);
    return 0;
}

static int open_store(struct agent *agent, const struct config_agent *config, char **salvaged)
{
    struct error e;
    struct store_options options = {
        .dir = config->state_dir,
        .ballast = config->ballast,
        .keep = config->history,
        .keep_records = config->history_records,
        .failed = on_store_failed,
        .ctx = agent,
    };
    agent->store = store_open(agent->loop, &options, salvaged, &e);
    if (!agent->store)
        return report(&e, e.again ? EX_TEMPFAIL : EX_IOERR);
    return restore_id(agent, &e) ? report(&e, EX_IOERR) : 0;
}

static int make_rooms(struct agent *agent)
{
    struct error e;
    agent->jobs = jobs_new(&(struct jobs_options){agent->loop, agent->store, on_job_event, agent});
    agent->engine = engine_new(&(struct engine_options){agent->loop, agent->store, on_tell, agent});
    agent->notify = notify_new(&(struct notify_options){agent->loop, agent->store, agent->id});
    if (jobs_restore(agent->jobs, &e) || engine_restore(agent->engine, &e) || notify_restore(agent->notify, &e) ||
        checkpoints_restore(agent, &e))
        return report(&e, EX_IOERR);
    return 0;
}

static int start_http(struct agent *agent)
{
    struct error e;
    struct http_rooms rooms = {
        .loop = agent->loop,
        .store = agent->store,
        .jobs = agent->jobs,
        .engine = agent->engine,
        .notify = agent->notify,
        .plugins = agent->plugins,
        .check = on_http_check,
        .ingest = on_http_event,
        .reload = on_http_reload,
        .status = agent_status,
        .ready = on_ready,
        .ctx = agent,
    };
    agent->http = http_start(&agent->generation->config->agent, &rooms, &e);
    if (!agent->http)
        return report(&e, EX_UNAVAILABLE);
    agent_show_url(agent);
    return 0;
}

static int start(struct agent *agent)
{
    struct error e;
    struct generation *generation = NULL;
    AUTOFREE char *salvaged = NULL;
    int code = make_loop(agent);
    if (!code)
        code = load_generation(agent, &generation);
    if (!code)
        code = open_store(agent, &generation->config->agent, &salvaged);
    if (!code)
        code = make_rooms(agent);
    if (code) {
        generation_free(generation);
        return code;
    }
    agent->started_at = loop_now(agent->loop);
    if (agent_apply(agent, generation, &e))
        return report(&e, EX_CONFIG);
    if (salvaged)
        agent_tell(agent, "BelfryStoreDamaged", salvaged);
    return start_http(agent);
}

static void end(struct agent *agent)
{
    systemd_watchdog_free(agent->watchdog);
    for (size_t i = 0; i < COUNT(agent->signals); i++)
        if (agent->signals[i])
            event_free(agent->signals[i]);
    agent_stop_sources(agent);
    /* Whoever waits for a commit is told while the rooms are still there. */
    if (agent->store)
        store_close(agent->store);
    http_free(agent->http);
    notify_free(agent->notify); /* the generation goes with its last user */
    engine_free(agent->engine);
    jobs_free(agent->jobs);
    plugins_free(agent->plugins);
    checkpoints_free(agent);
    free(agent->reload_error);
    loop_free(agent->loop);
}

int agent_run(const struct agent_options *options)
{
    struct agent *agent = NEW(struct agent);
    agent->options = options;
    log_setup(LOG_INFO, false);
    harden();
    int code = start(agent);
    if (!code) {
        watch_signals(agent);
        agent->watchdog = systemd_watchdog(agent->loop);
        log_at(LOG_INFO, "agent", "belfry " PACKAGE_VERSION " is ready");
        systemd_ready();
        loop_run(agent->loop);
        code = agent->exit_code;
        log_at(LOG_INFO, "agent", "stopped");
    }
    end(agent);
    free(agent);
    return code;
}
