/* SPDX-License-Identifier: Apache-2.0 */
/* Private to the room: what is loaded, what an instance owns, and how a plugin is called. */
#ifndef BELFRY_PLUGIN_INSTANCE_H
#define BELFRY_PLUGIN_INSTANCE_H

#include "plugin/plugin.h"

struct loader;
struct clock;
struct watch;
struct transfer;
struct child;
struct hook;
struct emission;
struct request;
struct carrier;
struct mailroom;

struct plugins {
    struct plugins_options options;
    struct loader *loader;
    struct instance *instances;
    struct child *dying; /* killed children that are not reaped yet */
    struct mailroom *mailroom;
};

struct instance {
    struct plugins *plugins;
    const struct belfry_plugin *plugin;
    const char *name, *title; /* title: "plugin X (instance Y)" */
    int64_t timeout;          /* of a request that names none */
    struct arena *arena;      /* the options' texts */
    void *self;               /* the plugin's own memory */
    struct belfry_host host;
    bool is_open, is_started;

    /* All of these end with the instance. */
    struct clock *clocks;
    struct watch *watches;
    struct request *requests; /* made, but not started */
    struct transfer *transfers;
    struct child *children;
    struct hook *hooks; /* not answered */
    struct emission *emissions;
    struct attempt *attempts;
    struct attempt *abandoned; /* over, but the plugin may still look at their notifications */
    size_t n_abandoned;
    struct carrier *carrier; /* its connections; null: none open */

    void (*handle)(void *data, const struct belfry_hook_request *, struct belfry_hook *); /* its route, or null */
    void *handle_data;

    struct plugin_stats stats;
    struct log_limit slow;
    struct instance *prev, *next;
};

/* Ends everything that the instance has going, without calling the plugin. */
void instance_sweep(struct instance *instance);

/* ---- blame.c: every call into a plugin stands between these two ---- */

struct call {
    struct instance *instance;
    const char *what;
    int64_t began; /* µs */
    const char *outer;
};
struct call call_begin(struct instance *instance, const char *what);
void call_end(struct call *call);
/* Once for the process: a deadly signal during such a call names the plugin on stderr before it takes its course. */
void blame_crashes(void);
int64_t blame_clock(void); /* µs, monotonic */

/* ---- host.c ---- */

void host_init(struct instance *instance);
void host_sweep(struct instance *instance); /* timers, watches, events on their way */
int host_fail(struct belfry_error *e, const char *option, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- hooks.c ---- */

int hook_route(const struct belfry_host *host,
               void (*handle)(void *data, const struct belfry_hook_request *, struct belfry_hook *), void *data);
void hook_answer(struct belfry_hook *hook, int status, const char *content_type, const char *body, size_t size);
void hooks_sweep(struct instance *instance); /* answers those that wait with 503 */

/* ---- child.c ---- */

struct belfry_child *child_start(const struct belfry_host *host, const struct belfry_command *command,
                                 void (*done)(void *data, const struct belfry_exit *), void *data);
void child_stop(struct belfry_child *child);
void children_sweep(struct instance *instance);
void children_forget(struct plugins *plugins); /* those that are dying */

/* ---- channel.c ---- */

void channel_complete(struct belfry_delivery *delivery, const struct belfry_verdict *verdict);
void channel_sweep(struct instance *instance);  /* attempts on their way end as unavailable */
void channel_forget(struct instance *instance); /* after close: nothing of theirs is looked at any more */

#endif
