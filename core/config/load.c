/* SPDX-License-Identifier: Apache-2.0 */
/* Files to one tree, one tree to a configuration. */
#include "config/build.h"

#include <string.h>

struct section {
    const char *key, *synonym;
    enum node_kind kind;
    const char *noun;
};
enum { AGENT, CHANNELS, SOURCES, ALERTS, JOBS, SECTIONS };
static const struct section sections[SECTIONS] = {
    [AGENT] = {"agent", NULL, NODE_MAP, "agent: option"}, [CHANNELS] = {"channels", NULL, NODE_MAP, "channel"},
    [SOURCES] = {"sources", NULL, NODE_MAP, "source"},    [ALERTS] = {"alerts", NULL, NODE_LIST, "alert"},
    [JOBS] = {"jobs", "tasks", NODE_MAP, "job"},
};

struct loading {
    struct config *config;
    struct problems *problems;
    struct node *roots[FILES_MOST]; /* one a file, maps only */
    size_t n_roots;
    size_t errors_known; /* more than these: a file was left out in between */
    bool incomplete;
};

/* ---- Reading ---- */

static void check_keys(struct loading *loading, const struct node *root)
{
    static const char *const known[] = {"agent", "channels", "sources", "alerts", "jobs", "tasks"};
    char hint[HINT_TEXT];
    for (size_t i = 0; i < root->n; i++) {
        const char *key = root->keys[i]->text;
        bool good = false;
        for (size_t k = 0; k < COUNT(known); k++)
            good |= strcmp(key, known[k]) == 0;
        if (!good)
            problems_add(loading->problems, root->keys[i]->at, "unknown key '%s'%s", key,
                         names_hint(key, known, COUNT(known), hint));
    }
}

static void read_text(void *ctx, const char *path, const char *data, size_t size)
{
    struct loading *loading = ctx;
    struct problems *problems = loading->problems;
    loading->incomplete |= problems->errors != loading->errors_known;
    size_t before = problems->errors;
    struct node *root = yaml_read(path, data, size, loading->config->arena, problems);
    if (!root) {
        loading->incomplete |= problems->errors != before;
    } else if (root->kind == NODE_MAP) {
        interpolate_tree(root, loading->config->arena, problems);
        check_keys(loading, root);
        loading->roots[loading->n_roots++] = root;
    } else if (!node_is_nothing(root)) {
        problems_add(problems, root->at, "a configuration file is a map: agent:, channels:, alerts:, jobs: …");
    }
    loading->errors_known = problems->errors;
}

/* ---- Merging ---- */

/* The block of a section in one file, if it is what it must be. */
static const struct node *block_of(const struct loading *loading, const struct node *root,
                                   const struct section *section, const char *key)
{
    const struct node *block = key ? node_get(root, key) : NULL;
    if (!block || block->broken || node_is_nothing(block))
        return NULL;
    if (block->kind == section->kind)
        return block;
    problems_add(loading->problems, block->at, "%s: must be %s", key,
                 section->kind == NODE_MAP ? "a map (name: value)" : "a list (- name: value)");
    return NULL;
}

static void append(struct loading *loading, const struct section *section, struct node *merged,
                   const struct node *block, struct names *seen)
{
    for (size_t i = 0; i < block->n; i++) {
        if (block->kind == NODE_MAP) {
            struct node *key = block->keys[i];
            const struct name *first = names_add(seen, key->text, key->at, 0);
            if (first) {
                problems_add(loading->problems, key->at, "%s '%s' is defined twice: first in %s:%d:%d", section->noun,
                             key->text, first->at.file, first->at.line, first->at.column);
                continue;
            }
            merged->keys[merged->n] = key;
        }
        merged->items[merged->n++] = block->items[i];
    }
}

/* All of one section, from all files, in their order. Its position has no file if it is in none. */
static struct node *merge_section(struct loading *loading, const struct section *section)
{
    const struct node *blocks[2 * FILES_MOST];
    size_t n_blocks = 0, n_items = 0;
    for (size_t i = 0; i < loading->n_roots; i++) {
        for (int synonym = 0; synonym < 2; synonym++) {
            const struct node *block =
                block_of(loading, loading->roots[i], section, synonym ? section->synonym : section->key);
            if (!block)
                continue;
            blocks[n_blocks++] = block;
            n_items += block->n;
        }
    }
    struct arena *arena = loading->config->arena;
    struct node *merged = arena_alloc(arena, sizeof *merged);
    struct names seen = {0};
    *merged = (struct node){.kind = section->kind, .text = "", .written = ""};
    merged->at = n_blocks ? blocks[0]->at : (struct position){0};
    merged->keys = arena_alloc(arena, n_items * sizeof *merged->keys);
    merged->items = arena_alloc(arena, n_items * sizeof *merged->items);
    for (size_t i = 0; i < n_blocks; i++)
        append(loading, section, merged, blocks[i], &seen);
    names_free(&seen);
    return merged;
}

static struct node *new_key(struct arena *arena, const char *text, struct position at)
{
    struct node *key = arena_alloc(arena, sizeof *key);
    *key = (struct node){.kind = NODE_SCALAR, .at = at, .text = text, .written = text};
    return key;
}

static struct node *merge(struct loading *loading)
{
    struct arena *arena = loading->config->arena;
    struct node *root = arena_alloc(arena, sizeof *root);
    *root = (struct node){.kind = NODE_MAP, .text = "", .written = ""};
    root->keys = arena_alloc(arena, SECTIONS * sizeof *root->keys);
    root->items = arena_alloc(arena, SECTIONS * sizeof *root->items);
    for (size_t i = 0; i < SECTIONS; i++) {
        root->items[root->n] = merge_section(loading, &sections[i]);
        root->keys[root->n] = new_key(arena, sections[i].key, root->items[root->n]->at);
        root->n++;
    }
    return root;
}

/* ---- Building ---- */

static void build_all(struct loading *loading)
{
    struct node *root = merge(loading);
    struct build build = {
        .config = loading->config,
        .problems = loading->problems,
        .agent = root->items[AGENT],
        .channels = root->items[CHANNELS],
        .sources = root->items[SOURCES],
        .alerts = root->items[ALERTS],
        .jobs = root->items[JOBS],
        .incomplete = loading->incomplete,
    };
    loading->config->root = root;
    build_channels(&build);
    build_sources(&build);
    build_agent(&build);
    build_jobs(&build);
    build_alerts(&build);
    finish_jobs(&build);
    names_free(&build.channel_names);
    names_free(&build.job_names);
}

static struct config *new_config(void)
{
    struct config *config = NEW(struct config);
    config->arena = arena_new();
    return config;
}

struct config *config_load_from(const struct file_places *places, struct problems *problems)
{
    struct loading loading = {.config = new_config(), .problems = problems, .errors_known = problems->errors};
    files_each(places, loading.config->arena, problems, read_text, &loading);
    loading.incomplete |= problems->errors != loading.errors_known;
    build_all(&loading);
    return loading.config;
}

struct config *config_load_text(const char *file, const char *data, size_t size, struct problems *problems)
{
    struct loading loading = {.config = new_config(), .problems = problems, .errors_known = problems->errors};
    read_text(&loading, arena_strdup(loading.config->arena, file), data, size);
    build_all(&loading);
    return loading.config;
}

struct config *config_load(const char *const *paths, size_t n_paths, struct problems *problems)
{
    struct file_places places = {paths, n_paths, BELFRY_CONF_DIR, BELFRY_VENDOR_DIR};
    return config_load_from(&places, problems);
}

void config_free(struct config *config)
{
    if (!config)
        return;
    for (size_t i = 0; i < config->n_jobs; i++)
        schedule_free(config->jobs[i].schedule);
    arena_free(config->arena);
    free(config);
}
