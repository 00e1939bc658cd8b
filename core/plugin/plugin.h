/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plugins: loading them, giving them the host's services, running their transfers. What an instance creates (timers,
 * watches, transfers, children, its route) belongs to the instance and is swept when it stops; late completions are
 * dropped. Every call into a plugin is timed, and one that holds the loop is named.
 */
#ifndef BELFRY_PLUGIN_ROOM_H
#define BELFRY_PLUGIN_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "belfry/plugin.h"
#include "config/config.h"

struct plugins;  /* all that is loaded */
struct instance; /* one configured channel or source */

struct plugins_options {
    struct loop *loop;
    struct belfry_list dirs; /* absolute folders, searched in this order */
    const char *external_url;
    /* A source's event. 0: taken, `committed` will be called once; -1: refused, see `e`. Takes the event over in either
     * case. `checkpoint` may be null. */
    int (*emit)(void *ctx, const char *source, struct cloud_event *event, const char *checkpoint,
                void (*committed)(void *data, int status), void *data, struct error *e);
    const char *(*checkpoint)(void *ctx, const char *source); /* "" if none */
    void *ctx;
};
struct plugins *plugins_new(const struct plugins_options *options);
void plugins_free(struct plugins *plugins);

/* Load NAME.so (once; it stays for good) and check its descriptor. Null: see `e`, which names the file and says why:
 * not found (in which folders), writable by others, not owned by root or us, no descriptor, other ABI major, newer
 * minor, wrong name. */
const struct belfry_plugin *plugins_find(struct plugins *plugins, const char *name, struct error *e);
/* Every plugin file in the folders, also those that do not load: `descriptor` null and `why` set. */
void plugins_each(struct plugins *plugins,
                  void (*each)(void *ctx, const char *file, const struct belfry_plugin *descriptor, const char *why),
                  void *ctx);

/* Make an instance: plugin found, of the right kind, options bound, open() satisfied. Null: problems added. No side
 * effects outside memory, so `belfry check` does just this. What it needs of `config` is copied. */
struct instance *instance_new_channel(struct plugins *plugins, const struct config_channel *config,
                                      struct problems *problems);
struct instance *instance_new_source(struct plugins *plugins, const struct config_source *config,
                                     struct problems *problems);
/* Stops it first; attempts that are under way end as unavailable, before this returns. Null is fine. Never from inside
 * a plugin's call. */
void instance_free(struct instance *instance);
const char *instance_name(const struct instance *instance);
const struct belfry_plugin *instance_plugin(const struct instance *instance);

/* ---- channels ---- */

struct recipient_failure {
    const char *address;
    bool again; /* worth another try */
    int code;
    const char *text;
};
struct channel_result {
    enum belfry_outcome outcome; /* never BELFRY_AGAIN */
    int code;
    int64_t retry_after; /* 0: none given */
    const char *text;
    const struct recipient_failure *failures; /* BELFRY_PARTIAL */
    size_t n_failures;
    int64_t latency; /* ms, real time */
};
struct attempt;
/* Start one attempt: compose, transfer (maybe several), judge; or deliver. `done` is called exactly once, never from
 * inside this call, unless attempt_cancel() comes first. The notification and what it points to must live until then.
 */
struct attempt *channel_send(struct instance *channel, const struct belfry_notification *notification,
                             void (*done)(void *ctx, const struct channel_result *), void *ctx);
void attempt_cancel(struct attempt *attempt);

/* ---- sources ---- */

int instance_start(struct instance *source, struct error *e);
void instance_stop(struct instance *source); /* not started is fine */
bool instance_is_started(const struct instance *source);

/* The handler of /hooks/NAME. -1: no such route. Else `answer` is called exactly once, now or later, also when the
 * instance is stopped (503). */
int plugins_hook(struct plugins *plugins, const char *name, const struct belfry_hook_request *request,
                 void (*answer)(void *ctx, int status, const char *content_type, const char *body, size_t size),
                 void *ctx);

/* ---- what it costs ---- */

struct plugin_stats {
    const char *instance, *plugin;
    uint64_t calls, slow_calls; /* slow: held the loop for more than 50 ms */
    int64_t worst_us, total_us;
    size_t timers, watches, transfers, children;
};
void plugins_each_stats(struct plugins *plugins, void (*each)(void *ctx, const struct plugin_stats *), void *ctx);

#endif
