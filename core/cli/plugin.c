/* SPDX-License-Identifier: Apache-2.0 */
/* belfry plugin: what there is in the plugin folders, and what options a plugin takes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/files.h"
#include "cli/options.h"
#include "cli/table.h"

static const char *kind_name(const struct belfry_plugin *plugin)
{
    return plugin->kind == BELFRY_CHANNEL ? "channel" : "source";
}

static const char *type_name(uint32_t type)
{
    static const char *const names[] = {
        [BELFRY_STRING] = "string",     [BELFRY_INTEGER] = "integer",
        [BELFRY_NUMBER] = "number",     [BELFRY_BOOL] = "bool",
        [BELFRY_DURATION] = "duration", [BELFRY_SIZE] = "size",
        [BELFRY_URL] = "url",           [BELFRY_PATH] = "path",
        [BELFRY_REGEX] = "regex",       [BELFRY_EXPRESSION] = "expression",
        [BELFRY_TEMPLATE] = "template", [BELFRY_LIST] = "list",
        [BELFRY_MAP] = "map",           [BELFRY_SECRET] = "secret",
    };
    return type < COUNT(names) && names[type] ? names[type] : "unknown";
}

static json_t *describe(const struct belfry_plugin *plugin)
{
    json_t *json = json_object();
    json_put_str(json, "name", plugin->name);
    json_put_str(json, "kind", kind_name(plugin));
    json_put_str(json, "version", plugin->version);
    json_put(json, "abi", json_sprintf("%u.%u", plugin->abi_major, plugin->abi_minor));
    json_put_str(json, "licence", plugin->licence);
    json_put_str(json, "summary", plugin->summary);
    return json;
}

/* ---- list ---- */

static void add_plugin(void *ctx, const char *file, const struct belfry_plugin *plugin, const char *why)
{
    json_t *json = plugin ? describe(plugin) : json_object();
    json_put_str(json, "file", file);
    json_put_str(json, "error", why);
    json_array_append_new(ctx, json);
}

static void print_list(const json_t *list)
{
    static const char *const heads[] = {"NAME", "KIND", "VERSION", "FILE", "SUMMARY", NULL};
    AUTOTABLE *table = table_new(heads);
    size_t i;
    json_t *plugin;
    json_array_foreach(list, i, plugin)
    {
        const char *error = json_str(plugin, "error", NULL);
        table_cell(table, json_str(plugin, "name", NULL));
        table_cell(table, json_str(plugin, "kind", NULL));
        table_cell(table, json_str(plugin, "version", NULL));
        table_cell(table, json_str(plugin, "file", NULL));
        if (error)
            table_cellf(table, "does not load: %s", error);
        else
            table_cell(table, json_str(plugin, "summary", NULL));
    }
    table_print(table);
}

static int list(const struct files *files, bool as_json)
{
    AUTOJSON *all = json_array();
    plugins_each(files->plugins, add_plugin, all);
    if (as_json) {
        cli_print_json(all);
    } else if (json_array_size(all)) {
        print_list(all);
    } else {
        fputs("no plugins in:", stdout);
        for (size_t i = 0; i < files->config->agent.plugin_dirs.n; i++)
            printf(" %s", files->config->agent.plugin_dirs.item[i]);
        putchar('\n');
    }
    return 0;
}

/* ---- info ---- */

static json_t *describe_option(const struct belfry_option *option)
{
    json_t *json = json_object();
    json_put_str(json, "name", option->name);
    json_put_str(json, "type", type_name(option->type));
    json_put(json, "required", json_boolean(option->flags & BELFRY_REQUIRED));
    json_put_str(json, "default", option->initial);
    json_put_str(json, "choices", option->choices);
    json_put_str(json, "doc", option->doc);
    return json;
}

static json_t *describe_options(const struct belfry_plugin *plugin)
{
    json_t *all = json_array();
    for (const struct belfry_option *o = plugin->options; o && o->name; o++)
        json_array_append_new(all, describe_option(o));
    return all;
}

static void print_options(const json_t *all)
{
    static const char *const heads[] = {"OPTION", "TYPE", "REQUIRED", "DEFAULT", "CHOICES", "MEANING", NULL};
    AUTOTABLE *table = table_new(heads);
    size_t i;
    json_t *option;
    json_array_foreach(all, i, option)
    {
        table_cell(table, json_str(option, "name", NULL));
        table_cell(table, json_str(option, "type", NULL));
        table_cell(table, json_flag(option, "required", false) ? "yes" : "no");
        table_cell(table, json_str(option, "default", NULL));
        table_cell(table, json_str(option, "choices", NULL));
        table_cell(table, json_str(option, "doc", NULL));
    }
    table_print(table);
}

static int info(const struct files *files, const char *name, bool as_json)
{
    struct error e;
    const struct belfry_plugin *plugin = plugins_find(files->plugins, name, &e);
    if (!plugin)
        return cli_fail(EXIT_FAILURE, &e);
    AUTOJSON *json = describe(plugin);
    json_put(json, "options", describe_options(plugin));
    if (as_json) {
        cli_print_json(json);
        return 0;
    }
    printf("%s %s: a %s. %s (plugin ABI %s, %s)\n\n", plugin->name, plugin->version, kind_name(plugin), plugin->summary,
           json_str(json, "abi", ""), plugin->licence);
    print_options(json_object_get(json, "options"));
    return 0;
}

int cli_plugin(int argc, char **argv)
{
    AUTOFILES files = {0};
    bool json = false;
    const struct option_def options[] = {OPTIONS_FILES(&files), OPTION_JSON(&json), {0}};
    const struct usage usage = {"plugin", "list [OPTION]…\ninfo NAME [OPTION]…",
                                "Show the plugins in the plugin folders, or one plugin's options.", options};
    int status;
    if (!options_parse(&usage, &argc, &argv, &status))
        return status;
    bool wants_list = argc == 1 && strcmp(argv[0], "list") == 0;
    bool wants_info = argc == 2 && strcmp(argv[0], "info") == 0;
    if (!wants_list && !wants_info)
        return usage_fail(&usage, "say list, or info and the name of one plugin");
    status = files_open(&files);
    if (status)
        return status;
    return wants_list ? list(&files, json) : info(&files, argv[1], json);
}
