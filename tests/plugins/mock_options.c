/* SPDX-License-Identifier: Apache-2.0 */
/* Options as a configuration would give them, by the plugin's own table. */
#include "mock_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int64_t read_scaled(const char *text, const struct belfry_pair *units) /* "1h30m", "64KiB" */
{
    int64_t sum = 0;
    while (*text) {
        char *rest;
        int64_t n = strtoll(text, &rest, 10);
        size_t length = strcspn(rest, "0123456789");
        const struct belfry_pair *unit = units;
        while (unit->key && (strlen(unit->key) != length || strncmp(unit->key, rest, length) != 0))
            unit++;
        assert_non_null(unit->key);
        sum += n * strtoll(unit->value, NULL, 10);
        text = rest + length;
    }
    return sum;
}

static char **read_lines(struct mock_host *mock, const char *text, size_t *n)
{
    char *copy = mock_keep_text(mock, text, strlen(text)),
         **lines = mock_keep(mock, (strlen(text) + 1) * sizeof *lines);
    if (strncmp(text, "[\"", 2) == 0) /* as a default is written: ["a", "b"] */
        for (char *p = copy; *p; p++)
            if (strchr("[]\", ", *p))
                *p = '\n';
    for (char *line; (line = strsep(&copy, "\n"));)
        if (*line)
            lines[(*n)++] = line;
    return lines;
}

static void read_map(struct mock_host *mock, const char *text, struct belfry_map *out)
{
    char **lines = read_lines(mock, text, &out->n);
    struct belfry_pair *pairs = mock_keep(mock, (out->n + 1) * sizeof *pairs);
    for (size_t i = 0; i < out->n; i++) {
        char *colon = strstr(lines[i], ": ");
        assert_non_null(colon);
        *colon = '\0';
        pairs[i] = (struct belfry_pair){lines[i], colon + 2};
    }
    out->pair = pairs;
}

static void bind(struct mock_host *mock, const struct belfry_option *option, const char *text)
{
    static const struct belfry_pair times[] = {{"ms", "1"},      {"s", "1000"},     {"m", "60000"},
                                               {"h", "3600000"}, {"d", "86400000"}, {0}};
    static const struct belfry_pair sizes[] = {{"", "1"}, {"KiB", "1024"}, {"MiB", "1048576"}, {0}};
    void *field = (char *)mock->self + option->offset;
    switch ((enum belfry_type)option->type) {
    case BELFRY_INTEGER:
        *(int64_t *)field = strtoll(text, NULL, 10);
        break;
    case BELFRY_NUMBER:
        *(double *)field = strtod(text, NULL);
        break;
    case BELFRY_BOOL:
        *(int64_t *)field = strcmp(text, "true") == 0;
        break;
    case BELFRY_DURATION:
        *(int64_t *)field = read_scaled(text, times);
        break;
    case BELFRY_SIZE:
        *(int64_t *)field = read_scaled(text, sizes);
        break;
    case BELFRY_TEMPLATE:
        if (*text) {
            struct belfry_template *template = mock_keep(mock, sizeof *template);
            template->text = mock_keep_text(mock, text, strlen(text));
            *(const struct belfry_template **)field = template;
        }
        break;
    case BELFRY_LIST:
        ((struct belfry_list *)field)->item =
            (const char *const *)read_lines(mock, text, &((struct belfry_list *)field)->n);
        break;
    case BELFRY_MAP:
        read_map(mock, text, field);
        break;
    default:
        *(const char **)field = mock_keep_text(mock, text, strlen(text));
    }
}

static bool is_choice(const struct belfry_option *option, const char *text)
{
    size_t n = option->type == BELFRY_URL ? strcspn(text, ":") : strlen(text);
    for (const char *p = option->choices; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
        if (strcspn(p, "|") == n && strncmp(p, text, n) == 0)
            return true;
    return !option->choices;
}

/* (host.fail): cmocka has a macro of that name. */
int mock_bind(struct mock_host *mock, const struct belfry_pair *given)
{
    const struct belfry_option *options = mock->plugin->options;
    for (const struct belfry_pair *pair = given; pair->key; pair++) {
        const struct belfry_option *option = options;
        while (option->name && strcmp(option->name, pair->key) != 0)
            option++;
        if (!option->name)
            return (mock->host.fail)(&mock->error, pair->key, "unknown option");
    }
    for (const struct belfry_option *option = options; option->name; option++) {
        const char *text = NULL;
        for (const struct belfry_pair *pair = given; pair->key; pair++)
            if (strcmp(option->name, pair->key) == 0)
                text = pair->value;
        if (!text && option->flags & BELFRY_REQUIRED)
            return (mock->host.fail)(&mock->error, option->name, "is required");
        if (text && !is_choice(option, text))
            return (mock->host.fail)(&mock->error, option->name, "must be one of %s", option->choices);
        bind(mock, option, text ? text : option->initial ? option->initial : "");
    }
    return 0;
}
