/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML to typed configuration. Reading never stops at the first mistake: all of them are collected as problems with
 * file:line:column, and a configuration with problems is not used at all. Files are checked before they are believed
 * (owner, mode, size, depth).
 */
#ifndef BELFRY_CONFIG_H
#define BELFRY_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "belfry/plugin.h"
#include "expr/expr.h"
#include "schedule/schedule.h"

/* ---- Problems ---- */

struct position {
    const char *file; /* lives as long as the configuration it came from */
    int line, column; /* from 1; 0: the file as a whole */
};

struct problem {
    char *file;
    int line, column;
    bool warning;
    char *text; /* "unknown key 'shedule' (did you mean 'schedule'?)" */
};
struct problems {
    struct problem *list;
    size_t n, cap;
    size_t errors;
};
void problems_add(struct problems *problems, struct position at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void problems_warn(struct problems *problems, struct position at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Sorted by file, line, column: "file:line:col: error: text", a line each. */
void problems_write(struct problems *problems, struct buf *out);
void problems_free(struct problems *problems);

/* ---- The tree: YAML as it was written, with positions ---- */

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };
struct node {
    enum node_kind kind;
    struct position at;
    bool quoted;         /* scalar: was written with quotes or as a block, so it is text whatever it looks like */
    bool interpolated;   /* scalar: text came from ${env:…}, ${file:…} or ${credential:…} */
    bool broken;         /* scalar: its text could not be had, which is a problem already told */
    const char *text;    /* scalar: the value */
    const char *written; /* scalar: as it stands in the file, for showing */
    size_t n;            /* list: items; map: entries, in the order written */
    struct node **items;
    struct node **keys; /* map only: scalar nodes */
};
const struct node *node_get(const struct node *map, const char *key); /* null: absent */
/* Do the two say the same, wherever they stand? Values count as they are after ${…}. */
bool node_equal(const struct node *a, const struct node *b);

/*
 * Check and convert a map by a table of options into the fields of `target` (zeroed memory). Keys named in `others` (a
 * null-terminated list, or null) are left to the caller. Reports unknown keys (with the nearest known), wrong types,
 * missing required options, values out of `choices`, and bad durations, sizes, URLs, templates, regular expressions.
 * `block` says what the map is, for messages ("channel 'email'"). A null map counts as an empty one at `at`. Strings
 * live in `arena`. Templates may name what config_template_names() lists; those made are the caller's to give to
 * template_free(), even after problems.
 */
void config_bind(const struct node *map, struct position at, const char *block, const struct belfry_option *table,
                 const char *const *others, void *target, struct arena *arena, struct problems *problems);
/* What the templates of channels may speak of; each value is the index of its name in config_template_names(). */
enum template_variable {
    VARIABLE_STATUS,
    VARIABLE_TITLE,
    VARIABLE_TEXT,
    VARIABLE_ID,
    VARIABLE_CHANNEL,
    VARIABLE_RECEIVER,
    VARIABLE_GROUP_KEY,
    VARIABLE_EXTERNAL_URL,
    VARIABLE_LANGUAGE,
    VARIABLE_RECIPIENTS,
    VARIABLE_LABELS,
    VARIABLE_ANNOTATIONS,
    VARIABLE_GROUP_LABELS,
};
const struct template_name *config_template_names(size_t *n);
/* The position of an option in a map, for a complaint of the plugin's own; `at` if it is not written there. */
struct position config_option_position(const struct node *map, struct position at, const char *option);

/* ---- The configuration ---- */

struct config_token {
    const char *name, *token, *role; /* view, ingest, operate, admin */
};
struct config_agent {
    struct belfry_list listen; /* "127.0.0.1:8080", "[::1]:8080", "unix:/run/belfry/belfry.sock" */
    struct belfry_list hosts;  /* further names that a Host header may give */
    const char *external_url;
    const char *state_dir;
    struct belfry_list plugin_dirs;
    struct config_token *tokens;
    size_t n_tokens;
    const char *tls_cert, *tls_key; /* PEM files; for listeners on TCP */
    const char *ping_key;           /* of /ping/KEY/SLUG */
    struct belfry_list notify;      /* channels that hear of the agent's own troubles */
    const char *log_level, *log_format;
    int64_t history; /* how long history is kept */
    int64_t history_records;
    int64_t ballast;
};

struct config_retry {
    int64_t delay, max_delay, give_up_after;
    double factor;
};
struct config_channel {
    const char *name;
    struct position at;
    const char *plugin;    /* default: the name; "": none that could be, which is a problem already told */
    const char *language;  /* en, zh */
    const char *fallback;  /* another channel, or "" */
    int64_t send_resolved; /* bool */
    int64_t timeout;
    struct config_retry retry;
    const struct node *block; /* the whole map; the plugin's own options are all but config_channel_keys */
};
extern const char *const config_channel_keys[];

struct config_source {
    const char *name;
    struct position at;
    const char *plugin; /* likewise */
    const struct node *block;
};
extern const char *const config_source_keys[];

/* What may happen to a job (the trigger conditions of the short form), as bits. */
enum job_trigger {
    ON_START = 1,
    ON_SUCCESS = 2,
    ON_FAILURE = 4,
    ON_RETRY = 8,
    ON_TIMEOUT = 16,
    ON_LATE = 32,
    ON_MISSED = 64,
    ON_RECOVERY = 128,
    ON_COMPLETE = 256,
};

struct config_alert { /* the short form; jobs' own `notify:` blocks become these too */
    const char *id;   /* stable over reloads: `name:`, else the job and triggers it stands for */
    struct position at;
    const char *job; /* a name, or a pattern with * ? [ ] */
    bool job_is_pattern;
    unsigned triggers;         /* enum job_trigger */
    struct belfry_list notify; /* channel names */
    struct belfry_list recipients;
    struct belfry_map labels, annotations;
    int64_t repeat_interval;
};

struct config_job {
    const char *name;
    struct position at;
    struct schedule *schedule; /* null: none */
    const char *schedule_text, *timezone;
    int64_t every;                                           /* expected at least this often; 0: not given */
    int64_t start_within, finish_within, max_runtime, grace; /* 0: not given; grace has a default */
    const char *uuid, *slug;                                 /* slug: default the name, if it is a valid one */
    struct belfry_list methods;                              /* HTTP methods that count as pings; empty: all */
    bool implicit;                                           /* stands only in an alert's `job_name` */
};

struct config {
    struct arena *arena; /* all that is below */
    struct config_agent agent;
    struct config_channel *channels;
    size_t n_channels;
    struct config_source *sources;
    size_t n_sources;
    struct config_alert *alerts;
    size_t n_alerts;
    struct config_job *jobs;
    size_t n_jobs;
    struct node *root; /* all files merged, for `config show` */
};

/*
 * `paths`: files or folders of drop-ins (*.yaml in byte order); none: /etc/belfry/belfry.yaml if there is one,
 * /etc/belfry/conf.d, and /usr/lib/belfry/conf.d, where a file of the same name in /etc masks the vendor's. The same
 * name defined twice is a problem that names both places. Never null; look at problems->errors before using it.
 * Plugins' own options are not looked at here.
 */
struct config *config_load(const char *const *paths, size_t n_paths, struct problems *problems);
void config_free(struct config *config); /* null is fine */

/* Command-line options go over the agent: block. */
struct config_overrides {
    const char *state_dir;
    const char *const *listen;
    size_t n_listen;
    const char *const *plugin_dirs;
    size_t n_plugin_dirs;
};
void config_override(struct config *config, const struct config_overrides *overrides);

/* The whole configuration as YAML, each value as written with its origin as a comment, secrets as ***. `is_secret`
 * tells whether an option of a channel or source (by plugin name) is one. */
void config_show(const struct config *config, bool (*is_secret)(void *ctx, const char *plugin, const char *option),
                 void *ctx, struct buf *out);

#endif
