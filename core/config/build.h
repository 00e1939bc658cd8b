/* SPDX-License-Identifier: Apache-2.0 */
/* Private to config/: from one merged tree to typed sections. A file per section. */
#ifndef BELFRY_CONFIG_BUILD_H
#define BELFRY_CONFIG_BUILD_H

#include "config/config.h"
#include "config/names.h"
#include "config/tree.h"

struct job_draft;

struct build {
    struct config *config;
    struct problems *problems;
    const struct node *agent, *channels, *sources, *alerts, *jobs; /* merged; maps, alerts a list */
    bool incomplete; /* a file could not be read: what is not there may well be in it */
    struct names channel_names;
    struct names job_names; /* index: of the draft */
    struct job_draft *drafts;
    size_t n_drafts;
};

/* A job while alerts may still add to it. */
struct job_draft {
    struct config_job job;
    struct belfry_list recipients; /* of its notify: block */
    const struct node *block;      /* null: implicit */
    /* where each was given; file null: was not */
    struct position schedule_at, every_at, timezone_at, grace_at;
};

/* In this order. */
void build_channels(struct build *build);
void build_sources(struct build *build);
void build_agent(struct build *build);
void build_jobs(struct build *build);
void build_alerts(struct build *build);
void finish_jobs(struct build *build);

/* The draft of that name, made (implicit) if there is none yet. */
struct job_draft *job_draft_get(struct build *build, const char *name, struct position at);

/* Each item of `list` (may be null) must be a channel, and not twice. */
void check_channel_list(struct build *build, const struct node *list, const char *block);

/* 1 to 200 bytes, no control characters, no '/'; `strict`: only A-Z a-z 0-9 _ . - */
bool check_name(struct build *build, const char *name, struct position at, const char *what, bool strict);

/* What config_bind() does, but unknown keys are someone else's to judge. */
void bind_options(const struct node *map, struct position at, const char *block, const struct belfry_option *table,
                  void *target, struct arena *arena, struct problems *problems);
/* The map, or null: absent, nothing, or something else, which is told. */
const struct node *bind_map(const struct node *node, const char *block, struct problems *problems);
/* A duration of 0 where that makes no sense: false, and told. */
bool check_positive(struct build *build, const struct node *map, struct position at, const char *block,
                    const char *option, int64_t value);

/* config_load() with other folders by default, or with one text instead of files. */
struct config *config_load_from(const struct file_places *places, struct problems *problems);
struct config *config_load_text(const char *file, const char *data, size_t size, struct problems *problems);

#endif
