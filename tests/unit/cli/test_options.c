/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "cli/options.h"

enum { MOST_WORDS = 16 };

static bool flag;
static const char *text;
static struct texts texts;
static int64_t duration, number;
static const struct option_def options[] = {
    {OPTION_FLAG, 'q', "quiet", NULL, "say less", &flag},
    {OPTION_TEXT, 0, "state", "DIR", "keep the state here", &text},
    {OPTION_TEXTS, 'c', "config", "PATH", "a file", &texts},
    {OPTION_DURATION, 0, "timeout", "TIME", "so long", &duration},
    {OPTION_COUNT, 'n', "limit", "N", "so many", &number},
    {0},
};
static const struct usage usage = {"try", "[OPTION]… THING\nother [OPTION]…", "Does a thing.", options};

/* What options_parse() made of a command line, and what it printed. */
struct outcome {
    bool ok;
    int status, argc;
    char **argv;
    char *words[MOST_WORDS + 1];
    char storage[256], printed[2048];
};

static void capture(FILE *stream, int *saved, FILE **file)
{
    fflush(stream);
    *file = tmpfile();
    *saved = dup(fileno(stream));
    dup2(fileno(*file), fileno(stream));
}

static void release(FILE *stream, int saved, FILE *file, char *out, size_t size)
{
    fflush(stream);
    dup2(saved, fileno(stream));
    close(saved);
    rewind(file);
    out[fread(out, 1, size - 1, file)] = '\0';
    fclose(file);
}

static void parse(struct outcome *o, FILE *stream, const char *line)
{
    int saved;
    FILE *file;
    flag = false, text = NULL, duration = number = -1;
    texts_free(&texts);
    *o = (struct outcome){.argc = 0};
    snprintf(o->storage, sizeof o->storage, "try %s", line);
    char *rest = o->storage, *word;
    while ((word = strsep(&rest, " ")))
        o->words[o->argc++] = word;
    o->argv = o->words;
    capture(stream, &saved, &file);
    o->ok = options_parse(&usage, &o->argc, &o->argv, &o->status);
    release(stream, saved, file, o->printed, sizeof o->printed);
}

static void test_each_kind_is_read(void **state)
{
    (void)state;
    struct outcome o;
    parse(&o, stderr, "-q --state /s -c a --config=b --timeout 1m30s -n 5 thing");
    assert_true(o.ok);
    assert_true(flag);
    assert_string_equal(text, "/s");
    assert_int_equal(texts.n, 2);
    assert_string_equal(texts.item[0], "a");
    assert_string_equal(texts.item[1], "b");
    assert_int_equal(duration, 90 * SECOND);
    assert_int_equal(number, 5);
    assert_int_equal(o.argc, 1);
    assert_string_equal(o.argv[0], "thing");
}

static void test_options_may_follow_operands(void **state)
{
    (void)state;
    struct outcome o;
    parse(&o, stderr, "one -q two -- -n --state");
    assert_true(o.ok);
    assert_true(flag);
    assert_int_equal(o.argc, 4);
    assert_string_equal(o.argv[0], "one");
    assert_string_equal(o.argv[1], "two");
    assert_string_equal(o.argv[2], "-n");
    assert_string_equal(o.argv[3], "--state");
}

static void test_mistakes_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *line, *said;
    } cases[] = {
        {"--stat=x --stte y", "unknown option '--stte' (did you mean '--state'?)"},
        {"--zzzzzzzz", "unknown option '--zzzzzzzz'\n"},
        {"-qx", "unknown option '-x'"},
        {"thing --state", "option '--state' needs a value"},
        {"-n", "option '--limit' needs a value"},
        {"--quiet=yes", "option '--quiet' takes no value"},
        {"--timeout soon", "--timeout: 'soon' is not a duration"},
        {"-n 0", "--limit: '0' is not a whole number from 1"},
        {"-n 5x", "--limit: '5x' is not a whole number from 1"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct outcome o;
        parse(&o, stderr, cases[i].line);
        assert_false(o.ok);
        assert_int_equal(o.status, EX_USAGE);
        assert_non_null(strstr(o.printed, cases[i].said));
        assert_non_null(strstr(o.printed, "belfry try: "));
        assert_non_null(strstr(o.printed, "Try 'belfry try --help'."));
    }
}

static void test_help_shows_the_table(void **state)
{
    (void)state;
    static const char *const lines[] = {"thing --help", "-h"};
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct outcome o;
        parse(&o, stdout, lines[i]);
        assert_false(o.ok);
        assert_int_equal(o.status, 0);
        assert_non_null(strstr(o.printed, "Usage: belfry try [OPTION]… THING\n   or: belfry try other [OPTION]…\n"));
        assert_non_null(strstr(o.printed, "\n  -c, --config PATH           a file\n"));
        assert_non_null(strstr(o.printed, "\n      --state DIR             keep the state here\n"));
    }
}

static int release_texts(void **state)
{
    (void)state;
    texts_free(&texts);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_kind_is_read),
        cmocka_unit_test(test_options_may_follow_operands),
        cmocka_unit_test(test_mistakes_are_named),
        cmocka_unit_test(test_help_shows_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, release_texts);
}
