/* SPDX-License-Identifier: Apache-2.0 */
/* belfry version. */
#include <stdio.h>

#include "belfry/plugin.h"
#include "cli/cli.h"
#include "cli/options.h"

int cli_version(int argc, char **argv)
{
    bool json = false;
    const struct option_def options[] = {OPTION_JSON(&json), {0}};
    const struct usage usage = {"version", "[OPTION]…", "Print the version, and the folders this binary was built for.",
                                options};
    int status;
    if (!options_parse(&usage, &argc, &argv, &status))
        return status;
    if (argc)
        return usage_fail(&usage, "'%s' is too much", argv[0]);
    AUTOJSON *out = json_object();
    json_put_str(out, "version", PACKAGE_VERSION);
    json_put(out, "plugin_abi", json_sprintf("%d.%d", BELFRY_ABI_MAJOR, BELFRY_ABI_MINOR));
    json_put_str(out, "configuration", BELFRY_CONF_DIR);
    json_put_str(out, "plugins", BELFRY_PLUGIN_DIR);
    json_put_str(out, "state", BELFRY_STATE_DIR);
    if (json) {
        cli_print_json(out);
        return 0;
    }
    const char *key;
    json_t *value;
    printf("belfry %s\n", PACKAGE_VERSION);
    json_object_foreach(out, key, value) if (!text_equal(key, "version"))
        printf("%-16s%s\n", text_equal(key, "plugin_abi") ? "plugin ABI" : key, json_string_value(value));
    return 0;
}
