/* SPDX-License-Identifier: Apache-2.0 */
/* The channels: and sources: blocks, as far as their plugins have no say in them. */
#include "config/build.h"

#include <ctype.h>
#include <string.h>

const char *const config_channel_keys[] = {"plugin", "language", "fallback", "send_resolved", "timeout", "retry", NULL};
const char *const config_source_keys[] = {"plugin", NULL};

#define CHANNEL(field) offsetof(struct config_channel, field)
static const struct belfry_option channel_table[] = {
    {"plugin", BELFRY_STRING, .offset = CHANNEL(plugin)},
    {"language", BELFRY_STRING, .initial = "en", .choices = "en|zh", .offset = CHANNEL(language)},
    {"fallback", BELFRY_STRING, .offset = CHANNEL(fallback)},
    {"send_resolved", BELFRY_BOOL, .initial = "true", .offset = CHANNEL(send_resolved)},
    {"timeout", BELFRY_DURATION, .initial = "30s", .offset = CHANNEL(timeout)},
    {0},
};
#define RETRY(field) offsetof(struct config_retry, field)
static const struct belfry_option retry_table[] = {
    {"delay", BELFRY_DURATION, .initial = "1s", .offset = RETRY(delay)},
    {"factor", BELFRY_NUMBER, .initial = "2", .offset = RETRY(factor)},
    {"max_delay", BELFRY_DURATION, .initial = "5m", .offset = RETRY(max_delay)},
    {"give_up_after", BELFRY_DURATION, .initial = "24h", .offset = RETRY(give_up_after)},
    {0},
};
static const struct belfry_option source_table[] = {
    {"plugin", BELFRY_STRING, .offset = offsetof(struct config_source, plugin)},
    {0},
};

/* ---- Checks that other sections share ---- */

bool check_name(struct build *build, const char *name, struct position at, const char *what, bool strict)
{
    enum { MOST = 200 };
    size_t length = strlen(name);
    if (length == 0 || length > MOST) {
        problems_add(build->problems, at, "the name of a %s has 1 to %d bytes, this one %zu", what, MOST, length);
        return false;
    }
    for (const char *p = name; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if (strict ? !isalnum(c) && !strchr("_.-", c) : c < 0x20 || c == 0x7f || c == '/') {
            problems_add(build->problems, at, "%s '%s': a name %s", what, name,
                         strict ? "has only letters, digits and _ . -" : "has no '/' and no control characters");
            return false;
        }
    }
    return true;
}

bool check_positive(struct build *build, const struct node *map, struct position at, const char *block,
                    const char *option, int64_t value)
{
    const struct node *node = node_get(map, option);
    int64_t written;
    if (value > 0 || !node || node->kind != NODE_SCALAR || !duration_parse(node->text, &written))
        return value > 0;
    problems_add(build->problems, config_option_position(map, at, option), "%s: '%s' must be more than 0", block,
                 option);
    return false;
}

static void check_channel(struct build *build, const struct node *node, const char *block)
{
    char hint[HINT_TEXT];
    if (!build->incomplete && !names_find(&build->channel_names, node->text))
        problems_add(build->problems, node->at, "%s: unknown channel '%s'%s", block, node->text,
                     names_hint_from(node->text, &build->channel_names, hint));
}

void check_channel_list(struct build *build, const struct node *list, const char *block)
{
    struct names seen = {0};
    for (size_t i = 0; list && list->kind == NODE_LIST && i < list->n; i++) {
        const struct node *item = list->items[i];
        if (item->kind != NODE_SCALAR || item->broken || node_is_nothing(item))
            continue;
        if (names_add(&seen, item->text, item->at, i))
            problems_add(build->problems, item->at, "%s: channel '%s' is named twice", block, item->text);
        else
            check_channel(build, item, block);
    }
    names_free(&seen);
}

static bool is_plugin_name(const char *text)
{
    enum { MOST = 64 };
    size_t length = strlen(text);
    return length > 0 && length <= MOST && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-") == length;
}

/* The plugin's name, which becomes a file's name: the block's own if it names none. "": what was written is no name,
 * and that is a problem already told. */
static const char *settle_plugin(struct build *build, const char *plugin, const char *name, const struct node *map,
                                 struct position at, const char *block)
{
    const struct node *written = node_get(map, "plugin");
    if (!written && is_plugin_name(name))
        return name;
    if (!written)
        problems_add(build->problems, at, "%s: which plugin is it of? Add plugin: NAME", block);
    else if (is_plugin_name(plugin))
        return plugin;
    else if (written->kind == NODE_SCALAR && !written->broken && !node_is_nothing(written))
        problems_add(build->problems, written->at, "%s: 'plugin' has lower-case letters, digits, - and _, not '%.60s'",
                     block, written->written);
    return "";
}

/* ---- Channels ---- */

static void check_retry(struct build *build, const struct config_retry *retry, const struct node *map,
                        struct position at, const char *block)
{
    check_positive(build, map, at, block, "delay", retry->delay);
    check_positive(build, map, at, block, "give_up_after", retry->give_up_after);
    const struct node *factor = node_get(map, "factor");
    double number;
    if (factor && factor->kind == NODE_SCALAR && text_number(factor->text, &number) && number < 1)
        problems_add(build->problems, factor->at, "%s: 'factor' must be at least 1", block);
    if (retry->max_delay < retry->delay && node_get(map, "max_delay"))
        problems_add(build->problems, config_option_position(map, at, "max_delay"),
                     "%s: 'max_delay' must not be less than 'delay'", block);
}

static void bind_channel(struct build *build, struct config_channel *channel, const struct node *block)
{
    struct arena *arena = build->config->arena;
    AUTOFREE char *what = x_printf("channel '%s'", channel->name);
    const struct node *map = bind_map(block, what, build->problems);
    bind_options(map, channel->at, what, channel_table, channel, arena, build->problems);
    channel->plugin = settle_plugin(build, channel->plugin, channel->name, map, channel->at, what);
    channel->block = block;
    check_positive(build, map, channel->at, what, "timeout", channel->timeout);

    AUTOFREE char *retry_what = x_printf("channel '%s', retry", channel->name);
    const struct node *retry = node_get(map, "retry");
    struct position at = config_option_position(map, channel->at, "retry");
    config_bind(retry, at, retry_what, retry_table, NULL, &channel->retry, arena, build->problems);
    check_retry(build, &channel->retry, retry, at, retry_what);
}

/* The index of the channel's fallback, or n_channels. */
static size_t fallback_of(const struct build *build, size_t channel)
{
    const struct name *name = names_find(&build->channel_names, build->config->channels[channel].fallback);
    return name ? name->index : build->config->n_channels;
}

static void complain_cycle(struct build *build, size_t start)
{
    const struct config_channel *channels = build->config->channels;
    enum { MOST_SHOWN = 10 };
    AUTOBUF path = {0};
    buf_adds(&path, channels[start].name);
    size_t shown = 1;
    for (size_t i = fallback_of(build, start); i != start && shown < MOST_SHOWN; i = fallback_of(build, i), shown++)
        buf_addf(&path, " → %s", channels[i].name);
    buf_addf(&path, " → %s", shown < MOST_SHOWN ? channels[start].name : "…");
    problems_add(build->problems, config_option_position(channels[start].block, channels[start].at, "fallback"),
                 "channel '%s': 'fallback' leads in a circle: %s", channels[start].name, buf_str(&path));
}

/* Each channel has at most one fallback, so a walk that meets itself has found the circle. */
static void check_fallbacks(struct build *build)
{
    size_t n = build->config->n_channels;
    AUTOFREE size_t *walk = x_calloc(n, sizeof *walk); /* by which walk a channel was first met */
    for (size_t start = 0; start < n; start++) {
        const struct config_channel *channel = &build->config->channels[start];
        const struct node *node = node_get(channel->block, "fallback");
        AUTOFREE char *what = x_printf("channel '%s', fallback", channel->name);
        if (channel->fallback[0] && node)
            check_channel(build, node, what);
        size_t i = start;
        for (; i < n && !walk[i]; i = fallback_of(build, i))
            walk[i] = start + 1;
        if (i < n && walk[i] == start + 1)
            complain_cycle(build, i);
    }
}

void build_channels(struct build *build)
{
    const struct node *map = build->channels;
    struct config *config = build->config;
    config->n_channels = map->n;
    config->channels = arena_alloc(config->arena, map->n * sizeof *config->channels);
    for (size_t i = 0; i < map->n; i++) {
        struct config_channel *channel = &config->channels[i];
        channel->name = map->keys[i]->text;
        channel->at = map->keys[i]->at;
        check_name(build, channel->name, channel->at, "channel", true);
        names_add(&build->channel_names, channel->name, channel->at, i);
        bind_channel(build, channel, map->items[i]);
    }
    check_fallbacks(build);
}

/* ---- Sources ---- */

void build_sources(struct build *build)
{
    const struct node *map = build->sources;
    struct config *config = build->config;
    config->n_sources = map->n;
    config->sources = arena_alloc(config->arena, map->n * sizeof *config->sources);
    for (size_t i = 0; i < map->n; i++) {
        struct config_source *source = &config->sources[i];
        source->name = map->keys[i]->text;
        source->at = map->keys[i]->at;
        source->block = map->items[i];
        AUTOFREE char *what = x_printf("source '%s'", source->name);
        const struct node *options = bind_map(source->block, what, build->problems);
        check_name(build, source->name, source->at, "source", true);
        bind_options(options, source->at, what, source_table, source, config->arena, build->problems);
        source->plugin = settle_plugin(build, source->plugin, source->name, options, source->at, what);
    }
}
