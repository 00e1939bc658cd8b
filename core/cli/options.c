/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/base.h"

enum { MOST_OPTIONS = 24, HELP_COLUMN = 30, FIRST_CODE = 256 /* above any letter: getopt's code of the i-th option */ };

void texts_free(struct texts *texts)
{
    free(texts->item);
    *texts = (struct texts){0};
}

static size_t count(const struct option_def *options)
{
    size_t n = 0;
    while (options[n].name)
        n++;
    return n;
}

/* ---- help ---- */

static void print_option(char letter, const char *name, const char *value, const char *help)
{
    AUTOBUF left = {0};
    if (letter)
        buf_addf(&left, "  -%c, --%s", letter, name);
    else
        buf_addf(&left, "      --%s", name);
    if (value)
        buf_addf(&left, " %s", value);
    if (left.len < HELP_COLUMN)
        printf("%-*s%s\n", HELP_COLUMN, left.data, help);
    else
        printf("%s\n%*s%s\n", left.data, HELP_COLUMN, "", help);
}

static void print_help(const struct usage *usage)
{
    const char *lead = "Usage:", *form = usage->synopsis;
    while (form) {
        size_t len = strcspn(form, "\n");
        printf("%s belfry %s %.*s\n", lead, usage->name, (int)len, form);
        form = form[len] ? form + len + 1 : NULL;
        lead = "   or:";
    }
    printf("\n%s\n\nOptions:\n", usage->about);
    for (const struct option_def *o = usage->options; o->name; o++)
        print_option(o->letter, o->name, o->value, o->help);
    print_option('h', "help", NULL, "print this");
}

int usage_fail(const struct usage *usage, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    AUTOBUF text = {0};
    buf_vaddf(&text, format, ap);
    va_end(ap);
    fprintf(stderr, "belfry %s: %s\nTry 'belfry %s --help'.\n", usage->name, text.data, usage->name);
    return EX_USAGE;
}

/* ---- parsing ---- */

static int fail_unknown(const struct usage *usage, const char *given, int letter)
{
    if (letter)
        return usage_fail(usage, "unknown option '-%c'", letter);
    const char *names[MOST_OPTIONS + 1] = {"help"};
    size_t n = 1;
    for (const struct option_def *o = usage->options; o->name; o++)
        names[n++] = o->name;
    AUTOFREE char *name = x_strndup(given + 2, strcspn(given + 2, "="));
    const char *nearest = text_nearest(name, names, n);
    if (nearest)
        return usage_fail(usage, "unknown option '--%s' (did you mean '--%s'?)", name, nearest);
    return usage_fail(usage, "unknown option '--%s'", name);
}

/* 0, or EX_USAGE. */
static int set_value(const struct usage *usage, const struct option_def *option, const char *value)
{
    struct texts *texts;
    switch (option->kind) {
    case OPTION_FLAG:
        *(bool *)option->target = true;
        return 0;
    case OPTION_TEXT:
        *(const char **)option->target = value;
        return 0;
    case OPTION_TEXTS:
        texts = option->target;
        texts->item = x_realloc(texts->item, (texts->n + 1) * sizeof *texts->item);
        texts->item[texts->n++] = value;
        return 0;
    case OPTION_DURATION:
        if (duration_parse(value, option->target))
            return 0;
        return usage_fail(usage, "--%s: '%s' is not a duration (write 500ms, 30s, 5m)", option->name, value);
    case OPTION_COUNT:
        if (text_int(value, 1, INT32_MAX, option->target))
            return 0;
        return usage_fail(usage, "--%s: '%s' is not a whole number from 1", option->name, value);
    }
    abort();
}

/* getopt's two descriptions of the table. */
static void describe(const struct usage *usage, struct option *longs, char *shorts)
{
    *shorts++ = ':'; /* a missing value is told apart from an unknown option */
    *shorts++ = 'h';
    for (const struct option_def *o = usage->options; o->name; o++) {
        *longs++ = (struct option){o->name, o->kind == OPTION_FLAG ? no_argument : required_argument, NULL,
                                   FIRST_CODE + (int)(o - usage->options)};
        if (o->letter)
            *shorts++ = o->letter;
        if (o->letter && o->kind != OPTION_FLAG)
            *shorts++ = ':';
    }
    *longs++ = (struct option){"help", no_argument, NULL, 'h'};
    *longs = (struct option){0};
    *shorts = '\0';
}

static const struct option_def *find_option(const struct usage *usage, int code)
{
    if (code >= FIRST_CODE)
        return &usage->options[code - FIRST_CODE];
    const struct option_def *option = usage->options;
    while (option->letter != code)
        option++;
    return option;
}

/* -1: go on; else the status to leave with. */
static int take(const struct usage *usage, int code, char **argv)
{
    if (code == 'h') {
        print_help(usage);
        return 0;
    }
    if (code == ':')
        return usage_fail(usage, "option '--%s' needs a value", find_option(usage, optopt)->name);
    if (code == '?' && optopt >= FIRST_CODE)
        return usage_fail(usage, "option '--%s' takes no value", find_option(usage, optopt)->name);
    if (code == '?')
        return fail_unknown(usage, argv[optind - 1], optopt);
    return set_value(usage, find_option(usage, code), optarg) ? EX_USAGE : -1;
}

bool options_parse(const struct usage *usage, int *argc, char ***argv, int *status)
{
    struct option longs[MOST_OPTIONS + 2];
    char shorts[2 * MOST_OPTIONS + 3];
    if (count(usage->options) > MOST_OPTIONS)
        abort();
    describe(usage, longs, shorts);
    opterr = 0;
    optind = 0; /* GNU: begin anew */
    *status = -1;
    for (int code; *status < 0 && (code = getopt_long(*argc, *argv, shorts, longs, NULL)) != -1;)
        *status = take(usage, code, *argv);
    *argc -= optind;
    *argv += optind;
    return *status < 0;
}
