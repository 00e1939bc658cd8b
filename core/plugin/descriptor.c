/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin's word about itself, checked before anything in it is called or believed. */
#include <string.h>

#include "config/config.h"
#include "expr/expr.h"
#include "plugin/loader.h"

/* A struct up to and with `member`: its size in ABI 1.0, whatever is added to it later. */
#define SIZE_WITH(type, member) (offsetof(type, member) + sizeof((type *)0)->member)
enum {
    PLUGIN_1_0 = SIZE_WITH(struct belfry_plugin, source),
    CHANNEL_1_0 = SIZE_WITH(struct belfry_channel, deliver),
    SOURCE_1_0 = SIZE_WITH(struct belfry_source, stop),
};
enum { INSTANCE_MOST = 1024 * 1024, OPTIONS_MOST = 256 };

static void copy_known(void *to, size_t ours, const void *from, size_t theirs)
{
    memcpy(to, from, theirs < ours ? theirs : ours);
}

static int check_version(const struct belfry_plugin *raw, struct error *e)
{
    if (raw->abi_major != BELFRY_ABI_MAJOR) {
        error_set(e, "it was built for plugin ABI %u.%u, this belfry has %d.%d: another major version", raw->abi_major,
                  raw->abi_minor, BELFRY_ABI_MAJOR, BELFRY_ABI_MINOR);
        return error_mend(e, "build it against this belfry's belfry/plugin.h");
    }
    if (raw->abi_minor > BELFRY_ABI_MINOR) {
        error_set(e, "it was built for plugin ABI %u.%u, this belfry has %d.%d, which is older", raw->abi_major,
                  raw->abi_minor, BELFRY_ABI_MAJOR, BELFRY_ABI_MINOR);
        return error_mend(e, "upgrade belfry, or build the plugin against this one's belfry/plugin.h");
    }
    if (raw->size < PLUGIN_1_0)
        return error_set(e, "its descriptor is %u bytes, less than the %d of ABI 1.0", raw->size, PLUGIN_1_0);
    return 0;
}

/* ---- options ---- */

struct kind_of_field {
    size_t size, align;
};
#define FIELD(type) ((struct kind_of_field){sizeof(type), _Alignof(type)})

static struct kind_of_field field_of(uint32_t type)
{
    switch (type) {
    case BELFRY_INTEGER:
    case BELFRY_BOOL:
    case BELFRY_DURATION:
    case BELFRY_SIZE:
        return FIELD(int64_t);
    case BELFRY_NUMBER:
        return FIELD(double);
    case BELFRY_LIST:
        return FIELD(struct belfry_list);
    case BELFRY_MAP:
        return FIELD(struct belfry_map);
    default:
        return FIELD(const void *);
    }
}

static bool option_name_is_valid(const char *name)
{
    return *name && strlen(name) <= 64 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

static int check_option(const struct belfry_option *option, size_t instance_size, struct error *e)
{
    if (!option_name_is_valid(option->name))
        return error_set(e, "option '%s': a name is of a-z 0-9 _", option->name);
    if (option->type < BELFRY_STRING || option->type > BELFRY_SECRET)
        return error_set(e, "option '%s': type %u is unknown", option->name, option->type);
    if (option->flags & ~BELFRY_REQUIRED)
        return error_set(e, "option '%s': flags %#x are unknown", option->name, option->flags);
    struct kind_of_field field = field_of(option->type);
    if (option->offset % field.align || option->offset > instance_size || instance_size - option->offset < field.size)
        return error_set(e, "option '%s': offset %zu is no place for it in an instance of %zu bytes", option->name,
                         option->offset, instance_size);
    return 0;
}

/* Binds the initial values to memory that is thrown away, just as an instance would that sets no option. */
static int check_initial_values(const struct belfry_option *table, size_t n, size_t instance_size, struct error *e)
{
    AUTOFREE struct belfry_option *optional = x_calloc(n + 1, sizeof *optional);
    for (size_t i = 0; i < n; i++) {
        optional[i] = table[i];
        optional[i].flags = 0;
    }
    AUTOFREE char *target = x_calloc(1, instance_size);
    struct arena *arena = arena_new();
    struct problems problems = {0};
    config_bind(NULL, (struct position){.file = "initial values"}, "its options", optional, NULL, target, arena,
                &problems);
    int result = problems.errors ? error_set(e, "the initial values of %s", problems.list[0].text) : 0;
    for (size_t i = 0; i < n; i++)
        if (table[i].type == BELFRY_TEMPLATE)
            template_free(*(struct belfry_template **)(void *)(target + table[i].offset));
    problems_free(&problems);
    arena_free(arena);
    return result;
}

static int check_options(const struct belfry_option *table, size_t instance_size, struct error *e)
{
    size_t n = 0;
    for (; table && table[n].name; n++) {
        if (n == OPTIONS_MOST)
            return error_set(e, "its option table has no end within %d entries", OPTIONS_MOST);
        if (check_option(&table[n], instance_size, e))
            return -1;
        for (size_t j = 0; j < n; j++)
            if (strcmp(table[n].name, table[j].name) == 0)
                return error_set(e, "option '%s' is declared twice", table[n].name);
    }
    return n ? check_initial_values(table, n, instance_size, e) : 0;
}

/* ---- functions ---- */

static int read_channel(const struct belfry_channel *raw, struct descriptor *out, struct error *e)
{
    if (!raw || raw->size < CHANNEL_1_0)
        return error_set(e, "it is a channel, but has no table of a channel's functions");
    copy_known(&out->channel, sizeof out->channel, raw, raw->size);
    bool composes = out->channel.compose && out->channel.judge;
    bool some = out->channel.compose || out->channel.judge;
    if (out->channel.deliver ? some : !composes)
        return error_set(e, "a channel has either compose and judge, or deliver");
    out->plugin.channel = &out->channel;
    out->plugin.source = NULL;
    return 0;
}

static int read_source(const struct belfry_source *raw, struct descriptor *out, struct error *e)
{
    if (!raw || raw->size < SOURCE_1_0)
        return error_set(e, "it is a source, but has no table of a source's functions");
    copy_known(&out->source, sizeof out->source, raw, raw->size);
    if (!out->source.start || !out->source.stop)
        return error_set(e, "a source has both start and stop");
    out->plugin.source = &out->source;
    out->plugin.channel = NULL;
    return 0;
}

static const char *or_empty(const char *s)
{
    return s ? s : "";
}

int descriptor_read(const struct belfry_plugin *raw, const char *name, struct descriptor *out, struct error *e)
{
    *out = (struct descriptor){0};
    if (check_version(raw, e))
        return -1;
    struct belfry_plugin *plugin = &out->plugin;
    copy_known(plugin, sizeof *plugin, raw, raw->size);
    plugin->size = sizeof *plugin;
    plugin->version = or_empty(plugin->version);
    plugin->licence = or_empty(plugin->licence);
    plugin->summary = or_empty(plugin->summary);
    if (!text_equal(plugin->name, name))
        return error_set(e, "it calls itself '%s', but its file says '%s'", or_empty(plugin->name), name);
    if (!plugin->open)
        return error_set(e, "it has no function open");
    if (plugin->instance_size == 0 || plugin->instance_size > INSTANCE_MOST)
        return error_set(e, "its instances are %zu bytes: not within 1 to %d", plugin->instance_size, INSTANCE_MOST);
    if (check_options(plugin->options, plugin->instance_size, e))
        return -1;
    switch (plugin->kind) {
    case BELFRY_CHANNEL:
        return read_channel(plugin->channel, out, e);
    case BELFRY_SOURCE:
        return read_source(plugin->source, out, e);
    default:
        return error_set(e, "it is of kind %u, which this belfry does not know", plugin->kind);
    }
}
