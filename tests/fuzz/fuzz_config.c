/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One YAML text as a configuration: it must end, soon, either in problems or in a configuration that can be shown and
 * what is shown can be read again. Each channel is also bound by a table with every type of option (but
 * regular expressions, which are libc's to parse).
 */
#include <stddef.h>
#include <stdint.h>

#include "config/build.h"
#include "expr/expr.h"

struct instance {
    const char *string, *url, *path, *expression, *secret;
    int64_t integer, flag, duration, size;
    double number;
    struct belfry_template *template;
    struct belfry_list list;
    struct belfry_map map;
};

#define AT(field) offsetof(struct instance, field)
static const struct belfry_option table[] = {
    {"string", BELFRY_STRING, .choices = "a|b", .offset = AT(string)},
    {"url", BELFRY_URL, .offset = AT(url)},
    {"path", BELFRY_PATH, .offset = AT(path)},
    {"expression", BELFRY_EXPRESSION, .offset = AT(expression)},
    {"secret", BELFRY_SECRET, .offset = AT(secret)},
    {"integer", BELFRY_INTEGER, .initial = "1", .offset = AT(integer)},
    {"flag", BELFRY_BOOL, .initial = "true", .offset = AT(flag)},
    {"duration", BELFRY_DURATION, .initial = "1s", .offset = AT(duration)},
    {"size", BELFRY_SIZE, .initial = "1KiB", .offset = AT(size)},
    {"number", BELFRY_NUMBER, .initial = "0.5", .offset = AT(number)},
    {"template", BELFRY_TEMPLATE, .initial = "{{ title }}", .offset = AT(template)},
    {"list", BELFRY_LIST, .initial = "[a]", .offset = AT(list)},
    {"map", BELFRY_MAP, .initial = "{a: b}", .offset = AT(map)},
    {0},
};

static bool is_secret(void *ctx, const char *plugin, const char *option)
{
    (void)ctx;
    return plugin[0] == option[0];
}

static void bind_all(const struct config *config, struct problems *problems)
{
    for (size_t i = 0; i < config->n_channels && i < 16; i++) {
        const struct config_channel *channel = &config->channels[i];
        struct instance it = {0};
        config_bind(channel->block, channel->at, channel->name, table, config_channel_keys, &it, config->arena,
                    problems);
        template_free(it.template);
    }
}

static void check_shown(const struct config *config)
{
    AUTOBUF shown = {0};
    config_show(config, is_secret, NULL, &shown);
    struct problems problems = {0};
    struct arena *arena = arena_new();
    yaml_read("shown", buf_str(&shown), shown.len, arena, &problems);
    if (problems.errors)
        abort();
    problems_free(&problems);
    arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct problems problems = {0};
    struct config *config = config_load_text("fuzz.yaml", (const char *)data, size, &problems);
    if (problems.errors == 0)
        check_shown(config);
    bind_all(config, &problems);
    AUTOBUF out = {0};
    problems_write(&problems, &out);
    problems_free(&problems);
    config_free(config);
    return 0;
}
