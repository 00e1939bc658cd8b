/* SPDX-License-Identifier: Apache-2.0 */
/* Configured channels and sources: made from a plugin and a block of the configuration, opened, stopped, swept. */
#include "plugin/instance.h"

#include <string.h>
#include <utlist.h>

#include "expr/expr.h"
#include "plugin/exchange.h"
#include "plugin/loader.h"

enum { TIMEOUT = 30 * SECOND };

struct plugins *plugins_new(const struct plugins_options *options)
{
    setup_curl();
    blame_crashes();
    struct plugins *plugins = NEW(struct plugins);
    plugins->options = *options;
    plugins->loader = loader_new(&options->dirs);
    plugins->mailroom = mailroom_new(options->loop);
    return plugins;
}

void plugins_free(struct plugins *plugins)
{
    if (!plugins)
        return;
    while (plugins->instances)
        instance_free(plugins->instances);
    children_forget(plugins);
    mailroom_free(plugins->mailroom);
    loader_free(plugins->loader);
    free(plugins);
}

const struct belfry_plugin *plugins_find(struct plugins *plugins, const char *name, struct error *e)
{
    return loader_find(plugins->loader, name, e);
}

void plugins_each(struct plugins *plugins,
                  void (*each)(void *ctx, const char *file, const struct belfry_plugin *descriptor, const char *why),
                  void *ctx)
{
    loader_each(plugins->loader, each, ctx);
}

/* ---- options ---- */

static void *field(const struct instance *instance, const struct belfry_option *option)
{
    return (char *)instance->self + option->offset;
}

static bool is_text(uint32_t type)
{
    return type == BELFRY_STRING || type == BELFRY_URL || type == BELFRY_PATH || type == BELFRY_REGEX ||
           type == BELFRY_EXPRESSION || type == BELFRY_SECRET;
}

/* An option that is absent and has no initial value is "", never null. */
static void fill_texts(struct instance *instance)
{
    for (const struct belfry_option *option = instance->plugin->options; option && option->name; option++) {
        const char **text = field(instance, option);
        if (is_text(option->type) && !*text)
            *text = "";
    }
}

static void free_templates(struct instance *instance)
{
    for (const struct belfry_option *option = instance->plugin->options; option && option->name; option++)
        if (option->type == BELFRY_TEMPLATE)
            template_free(*(struct belfry_template **)field(instance, option));
}

/* ---- life ---- */

struct block {
    const char *what, *name, *plugin;
    enum belfry_kind kind;
    struct position at;
    const struct node *map;
    const char *const *others;
    int64_t timeout;
};

static const struct belfry_plugin *find(struct plugins *plugins, const struct block *block, struct problems *problems)
{
    if (text_empty(block->plugin))
        return NULL; /* told by those who read the configuration */
    struct error e = {{0}, {0}, {0}};
    const struct belfry_plugin *plugin = plugins_find(plugins, block->plugin, &e);
    struct position at = config_option_position(block->map, block->at, "plugin");
    if (!plugin) {
        char text[1024];
        problems_add(problems, at, "%s '%s': %s", block->what, block->name, error_text(&e, text, sizeof text));
        return NULL;
    }
    if (plugin->kind != block->kind) {
        problems_add(problems, at, "%s '%s': plugin '%s' is a %s, not a %s", block->what, block->name, block->plugin,
                     plugin->kind == BELFRY_CHANNEL ? "channel" : "source", block->what);
        return NULL;
    }
    return plugin;
}

/* Is every value there? One whose text could not be had was told already; to the plugin it would seem to be absent. */
static bool is_whole(const struct node *node)
{
    for (size_t i = 0; node && i < node->n; i++)
        if (!is_whole(node->items[i]))
            return false;
    return !node || !node->broken;
}

static int open_it(struct instance *instance, const struct block *block, struct problems *problems)
{
    struct belfry_error error = {.size = sizeof error};
    struct call call = call_begin(instance, "open");
    int failed = instance->plugin->open(instance->self, &instance->host, &error);
    call_end(&call);
    if (!failed) {
        instance->is_open = true;
        return 0;
    }
    struct position at = error.option ? config_option_position(block->map, block->at, error.option) : block->at;
    problems_add(problems, at, "%s '%s': %s", block->what, block->name,
                 *error.text ? error.text : "the plugin does not accept these options");
    return -1;
}

static struct instance *instance_new(struct plugins *plugins, const struct block *block, struct problems *problems)
{
    const struct belfry_plugin *plugin = find(plugins, block, problems);
    if (!plugin)
        return NULL;
    struct instance *instance = NEW(struct instance);
    instance->plugins = plugins;
    instance->plugin = plugin;
    instance->arena = arena_new();
    instance->name = arena_strdup(instance->arena, block->name);
    instance->title = arena_printf(instance->arena, "plugin %s (instance %s)", plugin->name, block->name);
    instance->timeout = block->timeout > 0 ? block->timeout : TIMEOUT;
    instance->self = x_calloc(1, plugin->instance_size);
    instance->stats.instance = instance->name;
    instance->stats.plugin = plugin->name;
    host_init(instance);
    DL_APPEND(plugins->instances, instance);

    AUTOFREE char *what = x_printf("%s '%s'", block->what, block->name);
    static const struct belfry_option no_options[] = {{0}};
    size_t errors = problems->errors;
    config_bind(block->map, block->at, what, plugin->options ? plugin->options : no_options, block->others,
                instance->self, instance->arena, problems);
    fill_texts(instance);
    if (problems->errors > errors || !is_whole(block->map) || open_it(instance, block, problems)) {
        instance_free(instance);
        return NULL;
    }
    return instance;
}

struct instance *instance_new_channel(struct plugins *plugins, const struct config_channel *config,
                                      struct problems *problems)
{
    struct block block = {.what = "channel",
                          .name = config->name,
                          .plugin = config->plugin,
                          .kind = BELFRY_CHANNEL,
                          .at = config->at,
                          .map = config->block,
                          .others = config_channel_keys,
                          .timeout = config->timeout};
    return instance_new(plugins, &block, problems);
}

struct instance *instance_new_source(struct plugins *plugins, const struct config_source *config,
                                     struct problems *problems)
{
    struct block block = {.what = "source",
                          .name = config->name,
                          .plugin = config->plugin,
                          .kind = BELFRY_SOURCE,
                          .at = config->at,
                          .map = config->block,
                          .others = config_source_keys};
    return instance_new(plugins, &block, problems);
}

void instance_sweep(struct instance *instance)
{
    instance->handle = NULL;
    host_sweep(instance);
    transfers_sweep(instance);
    while (instance->requests)
        request_free(instance->requests);
    children_sweep(instance);
    hooks_sweep(instance);
    carrier_free(TAKE(instance->carrier));
    mail_forget(instance->plugins->mailroom, instance);
}

void instance_free(struct instance *instance)
{
    if (!instance)
        return;
    instance_stop(instance);
    channel_sweep(instance);
    instance_sweep(instance); /* before close() closes descriptors that are watched */
    if (instance->is_open && instance->plugin->close) {
        struct call call = call_begin(instance, "close");
        instance->plugin->close(instance->self);
        call_end(&call);
    }
    instance_sweep(instance); /* what close() began, against the rules */
    channel_forget(instance);
    DL_DELETE(instance->plugins->instances, instance);
    free_templates(instance);
    arena_free(instance->arena);
    free(instance->self);
    free(instance);
}

int instance_start(struct instance *instance, struct error *e)
{
    struct belfry_error error = {.size = sizeof error};
    instance->is_started = true;
    struct call call = call_begin(instance, "start");
    int failed = instance->plugin->source->start(instance->self, &error);
    call_end(&call);
    if (!failed)
        return 0;
    instance->is_started = false;
    instance_sweep(instance);
    return error_set(e, "source '%s': %s", instance->name, *error.text ? error.text : "it does not start");
}

void instance_stop(struct instance *instance)
{
    if (!instance->is_started)
        return;
    struct call call = call_begin(instance, "stop");
    instance->plugin->source->stop(instance->self);
    call_end(&call);
    instance->is_started = false;
    instance_sweep(instance);
}

bool instance_is_started(const struct instance *instance)
{
    return instance->is_started;
}

const char *instance_name(const struct instance *instance)
{
    return instance->name;
}

const struct belfry_plugin *instance_plugin(const struct instance *instance)
{
    return instance->plugin;
}

void plugins_each_stats(struct plugins *plugins, void (*each)(void *ctx, const struct plugin_stats *), void *ctx)
{
    const struct instance *instance;
    DL_FOREACH(plugins->instances, instance)
    {
        each(ctx, &instance->stats);
    }
}
