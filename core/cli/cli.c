/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <stdio.h>

int cli_fail(int status, const struct error *e)
{
    char text[sizeof *e + 16];
    fprintf(stderr, "belfry: %s\n", error_text(e, text, sizeof text));
    return status;
}

void cli_print_json(const json_t *json)
{
    json_dumpf(json, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
    putchar('\n');
}
