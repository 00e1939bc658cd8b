/* SPDX-License-Identifier: Apache-2.0 */
/* config_bind(): every type of option into a struct, as a plugin sees it. */
#include "help.h"

#include "expr/expr.h"

struct instance {
    const char *string, *choice, *url, *any_url, *path, *regex, *expression, *secret;
    int64_t integer, flag, duration, size;
    double number;
    const struct belfry_template *template;
    struct belfry_list list;
    struct belfry_map map;
};

#define AT(field) offsetof(struct instance, field)
static const struct belfry_option table[] = {
    {"string", BELFRY_STRING, .offset = AT(string)},
    {"choice", BELFRY_STRING, .initial = "red", .choices = "red|green|blue", .offset = AT(choice)},
    {"url", BELFRY_URL, BELFRY_REQUIRED, .choices = "smtp|smtps", .doc = "the mail server", .offset = AT(url)},
    {"any_url", BELFRY_URL, .offset = AT(any_url)},
    {"path", BELFRY_PATH, .offset = AT(path)},
    {"regex", BELFRY_REGEX, .offset = AT(regex)},
    {"expression", BELFRY_EXPRESSION, .offset = AT(expression)},
    {"secret", BELFRY_SECRET, .offset = AT(secret)},
    {"integer", BELFRY_INTEGER, .initial = "42", .offset = AT(integer)},
    {"flag", BELFRY_BOOL, .initial = "true", .offset = AT(flag)},
    {"duration", BELFRY_DURATION, .initial = "1h30m", .offset = AT(duration)},
    {"size", BELFRY_SIZE, .initial = "64KiB", .offset = AT(size)},
    {"number", BELFRY_NUMBER, .initial = "0.5", .offset = AT(number)},
    {"template", BELFRY_TEMPLATE, .initial = "{{ title }}: {{ text }}", .offset = AT(template)},
    {"list", BELFRY_LIST, .initial = "[a, \"b c\"]", .offset = AT(list)},
    {"map", BELFRY_MAP, .initial = "{k: v}", .offset = AT(map)},
    {0},
};
static const char *const others[] = {"plugin", NULL};

/* Bind channel `c` of a configuration by the table. */
struct bound {
    struct loaded loaded;
    struct instance it;
};

static struct bound bind_block(const char *options)
{
    AUTOFREE char *text = x_printf("channels:\n  c: {%s}\n", options);
    struct bound b = {.loaded = load_text(text)};
    assert_string_equal(b.loaded.said, "");
    const struct config_channel *channel = &b.loaded.config->channels[0];
    config_bind(channel->block, channel->at, "channel 'c'", table, others, &b.it, b.loaded.config->arena,
                &b.loaded.problems);
    free(b.loaded.said);
    hear(&b.loaded);
    return b;
}

static void unbind(struct bound *b)
{
    template_free((struct belfry_template *)(uintptr_t)b->it.template);
    unload(&b->loaded);
}
#define AUTOBOUND __attribute__((cleanup(unbind))) struct bound

static void defaults_are_filled_in(void **state)
{
    (void)state;
    AUTOBOUND b = bind_block("url: \"smtp://h\"");
    assert_quiet(&b.loaded);
    assert_string_equal(b.it.string, "");
    assert_string_equal(b.it.choice, "red");
    assert_string_equal(b.it.any_url, "");
    assert_string_equal(b.it.secret, "");
    assert_int_equal(b.it.integer, 42);
    assert_int_equal(b.it.flag, 1);
    assert_int_equal(b.it.duration, 90 * MINUTE);
    assert_int_equal(b.it.size, 65536);
    assert_true(b.it.number == 0.5);
    assert_non_null(b.it.template);
    assert_int_equal(b.it.list.n, 2);
    assert_string_equal(b.it.list.item[1], "b c");
    assert_int_equal(b.it.map.n, 1);
    assert_string_equal(b.it.map.pair[0].key, "k");
    assert_string_equal(b.it.map.pair[0].value, "v");
}

static void what_is_written_goes_over_them(void **state)
{
    (void)state;
    AUTOBOUND b = bind_block("url: \"smtps://h:465\", plugin: x, string: \"010\", choice: blue, path: /x/y, "
                             "regex: \"^a+$\", expression: a > 1, secret: s, integer: -7, flag: false, "
                             "duration: \"500ms\", size: 512, number: -0.25, template: \"{{ labels.x }}\", "
                             "list: [], map: {b: 1, a: no}, any_url: \"https://u:p@[::1]:8080/p?q#f\"");
    assert_quiet(&b.loaded);
    assert_string_equal(b.it.url, "smtps://h:465");
    assert_string_equal(b.it.string, "010");
    assert_string_equal(b.it.choice, "blue");
    assert_string_equal(b.it.path, "/x/y");
    assert_string_equal(b.it.regex, "^a+$");
    assert_string_equal(b.it.expression, "a > 1");
    assert_string_equal(b.it.secret, "s");
    assert_int_equal(b.it.integer, -7);
    assert_int_equal(b.it.flag, 0);
    assert_int_equal(b.it.duration, 500);
    assert_int_equal(b.it.size, 512);
    assert_true(b.it.number == -0.25);
    assert_non_null(b.it.template);
    assert_int_equal(b.it.list.n, 0);
    assert_int_equal(b.it.map.n, 2);
    assert_string_equal(b.it.map.pair[0].key, "b");
    assert_string_equal(b.it.map.pair[1].value, "no");
    assert_string_equal(b.it.any_url, "https://u:p@[::1]:8080/p?q#f");
}

static void a_lone_text_is_a_list_of_one(void **state)
{
    (void)state;
    AUTOBOUND b = bind_block("url: \"smtp://h\", list: a b");
    assert_quiet(&b.loaded);
    assert_int_equal(b.it.list.n, 1);
    assert_string_equal(b.it.list.item[0], "a b");
}

static void text_is_text_whatever_it_looks_like(void **state)
{
    (void)state;
    static const char *const texts[] = {"no", "010", "1:30", "~", "null", "true", "1e3", "0x1f", "2024-01-01"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        AUTOFREE char *options = x_printf("url: \"smtp://h\", string: %s", texts[i]);
        AUTOBOUND b = bind_block(options);
        assert_quiet(&b.loaded);
        assert_string_equal(b.it.string, texts[i]);
    }
}

static void each_type_says_what_it_wants(void **state)
{
    (void)state;
    static const struct {
        const char *option, *words;
        size_t offset; /* of the place told, in `option` */
    } bad[] = {
        {"choice: rde", "'choice' must be one of red|green|blue, not 'rde' (did you mean 'red'?)", 8},
        {"string: ", "'string' has no value", 8},
        {"string: [a]", "'string' must be text, not a list", 8},
        {"string: {a: b}", "'string' must be text, not a map", 8},
        {"any_url: example.com", "'any_url' must be a URL|scheme://host", 9},
        {"any_url: \"http://\"", "'any_url' must be a URL", 9},
        {"any_url: \"http:///x\"", "'any_url' must be a URL", 9},
        {"any_url: \"http://a b\"", "'any_url' must be a URL", 9},
        {"any_url: \"http://[::1\"", "'any_url' must be a URL", 9},
        {"path: x/y", "'path' must be an absolute path, not 'x/y'", 6},
        {"regex: \"(a\"", "'regex' must be a regular expression", 7},
        {"expression: \"\"", "'expression' must be a condition", 12},
        {"secret: \"\"", "'secret' is empty", 8},
        {"integer: 4.2", "'integer' must be a whole number", 9},
        {"integer: +4", "'integer' must be a whole number", 9},
        {"integer: 0x10", "'integer' must be a whole number", 9},
        {"integer: -0", "'integer' must be a whole number", 9},
        {"integer: 1_000", "'integer' must be a whole number", 9},
        {"integer: many", "'integer' must be a whole number|not 'many'", 9},
        {"flag: yes", "'flag' must be true or false, not 'yes'", 6},
        {"flag: on", "'flag' must be true or false, not 'on'", 6},
        {"flag: 1", "'flag' must be true or false, not '1'", 6},
        {"duration: 30", "'duration' must be a duration|not '30'", 10},
        {"duration: 1m1h", "'duration' must be a duration", 10},
        {"duration: -5m", "'duration' must be a duration", 10},
        {"size: 10MBit", "'size' must be a size", 6},
        {"number: .inf", "'number' must be a number", 8},
        {"number: \"1\"", "'number' must be a number without quotes", 8},
        {"number: 1:30", "'number' must be a number", 8},
        {"template: \"{{ nonsense }}\"", "'template' must be a template: |nonsense", 10},
        {"list: {a: b}", "'list' must be a list, not a map", 6},
        {"list: [{a: b}]", "'list' may hold only text", 7},
        {"map: a", "'map' must be a map: write map: {name: value}", 5},
        {"map: [a]", "'map' must be a map, not a list", 5},
        {"map: {a: [b]}", "'map' may hold only text", 9},
        {"map: {a: }", "'map' has an item without a value", 9},
        {"stirng: x", "channel 'c': unknown key 'stirng' (did you mean 'string'?)", 0},
        {"pluign: x", "channel 'c': unknown key 'pluign' (did you mean 'plugin'?)", 0},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        AUTOFREE char *options = x_printf("url: \"smtp://h\", %s", bad[i].option);
        AUTOFREE char *place = x_printf("c.yaml:2:%zu", strlen("  c: {url: \"smtp://h\", ") + 1 + bad[i].offset);
        AUTOBOUND b = bind_block(options);
        assert_said(&b.loaded, place, bad[i].words);
        assert_int_equal(b.loaded.problems.n, 1);
    }
}

static void required_options_must_be_there(void **state)
{
    (void)state;
    AUTOBOUND b = bind_block("string: x");
    assert_said(&b.loaded, "c.yaml:2:3", "channel 'c': 'url' is required: the mail server");
    assert_string_equal(b.it.url, "");
    AUTOBOUND scheme = bind_block("url: \"http://h\"");
    assert_said(&scheme.loaded, "c.yaml:2:12", "'url' must be a URL (smtp|smtps://|scheme");
}

static void no_message_shows_a_secret(void **state)
{
    (void)state;
    assert_int_equal(setenv("BELFRY_TEST_SECRET", "canary", 1), 0);
    AUTOBOUND b = bind_block("url: \"http://user:canary@h\", secret: [canary], integer: \"${env:BELFRY_TEST_SECRET}\", "
                             "choice: \"${env:BELFRY_TEST_SECRET}\", duration: \"${env:BELFRY_TEST_SECRET}\"");
    assert_int_equal(b.loaded.problems.n, 5);
    assert_has_not(b.loaded.said, "canary");
    assert_has(b.loaded.said, "not '${env:BELFRY_TEST_SECRET}'");
    unsetenv("BELFRY_TEST_SECRET");
}

static void what_is_filled_in_has_any_type(void **state)
{
    (void)state;
    assert_int_equal(setenv("BELFRY_TEST_NUMBER", "25", 1), 0);
    AUTOBOUND b = bind_block("url: \"smtp://h:${env:BELFRY_TEST_NUMBER}\", integer: \"${env:BELFRY_TEST_NUMBER}\", "
                             "number: \"${env:BELFRY_TEST_NUMBER}\", flag: \"${env:BELFRY_TEST_UNSET:-false}\"");
    assert_quiet(&b.loaded);
    assert_string_equal(b.it.url, "smtp://h:25");
    assert_int_equal(b.it.integer, 25);
    assert_true(b.it.number == 25);
    assert_int_equal(b.it.flag, 0);
    unsetenv("BELFRY_TEST_NUMBER");
}

static void a_missing_map_counts_as_an_empty_one(void **state)
{
    (void)state;
    struct problems problems = {0};
    struct instance it = {0};
    struct arena *arena = arena_new();
    config_bind(NULL, (struct position){"f", 3, 4}, "block", table, NULL, &it, arena, &problems);
    assert_int_equal(problems.n, 1);
    assert_string_equal(problems.list[0].file, "f");
    assert_int_equal(problems.list[0].line, 3);
    assert_int_equal(problems.list[0].column, 4);
    assert_int_equal(it.integer, 42);
    template_free((struct belfry_template *)(uintptr_t)it.template);
    problems_free(&problems);
    arena_free(arena);
}

static void what_is_no_map_is_told_once(void **state)
{
    (void)state;
    AUTOLOADED l = load_text("channels: {c: [a]}\n");
    const struct config_channel *channel = &l.config->channels[0];
    struct instance it = {0};
    config_bind(channel->block, channel->at, "channel 'c'", table, others, &it, l.config->arena, &l.problems);
    free(l.said);
    hear(&l);
    AUTOFREE char *expected =
        x_printf("%s/c.yaml:1:15: error: channel 'c' must be a map (name: value), not a list\n", folder);
    assert_string_equal(l.said, expected);
    assert_int_equal(it.integer, 42);
    template_free((struct belfry_template *)(uintptr_t)it.template);
}

static void options_have_positions(void **state)
{
    (void)state;
    AUTOLOADED l = load_text("channels:\n  c:\n    url: x\n");
    const struct config_channel *channel = &l.config->channels[0];
    struct position at = config_option_position(channel->block, channel->at, "url");
    assert_int_equal(at.line, 3);
    assert_int_equal(at.column, 10);
    at = config_option_position(channel->block, channel->at, "other");
    assert_int_equal(at.line, 2);
    assert_int_equal(at.column, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_filled_in),
        cmocka_unit_test(what_is_written_goes_over_them),
        cmocka_unit_test(a_lone_text_is_a_list_of_one),
        cmocka_unit_test(text_is_text_whatever_it_looks_like),
        cmocka_unit_test(each_type_says_what_it_wants),
        cmocka_unit_test(required_options_must_be_there),
        cmocka_unit_test(no_message_shows_a_secret),
        cmocka_unit_test(what_is_filled_in_has_any_type),
        cmocka_unit_test(a_missing_map_counts_as_an_empty_one),
        cmocka_unit_test(what_is_no_map_is_told_once),
        cmocka_unit_test(options_have_positions),
    };
    return cmocka_run_group_tests_name("config: bind", tests, make_folder, remove_folder);
}
