/* SPDX-License-Identifier: Apache-2.0 */
/* ${…} in values, and `config show`, which must give no secret away. */
#include "help.h"

static bool is_secret(void *ctx, const char *plugin, const char *option)
{
    (void)ctx;
    return strcmp(plugin, "smtp") == 0 && strcmp(option, "pass") == 0;
}

static char *show(const struct loaded *loaded)
{
    AUTOBUF out = {0};
    config_show(loaded->config, is_secret, NULL, &out);
    return buf_take(&out);
}

/* The value of an option of the channel `c` after loading "c: {x: …}". */
static void assert_value(const char *written, const char *value)
{
    AUTOFREE char *text = x_printf("channels:\n  c:\n    x: %s\n", written);
    AUTOLOADED l = load_text(text);
    assert_quiet(&l);
    assert_string_equal(node_get(l.config->channels[0].block, "x")->text, value);
}

static void put_secret(const char *name, const char *data, size_t size)
{
    put_bytes(name, data, size);
    AUTOFREE char *path = in_folder(name);
    assert_int_equal(chmod(path, 0600), 0);
}

/* What is told of a value that names the file `secret` of the folder. */
static void assert_secret_refused(const char *words)
{
    AUTOFREE char *text = x_printf("channels:\n  c:\n    x: \"${file:%s/secret}\"\n", folder);
    AUTOLOADED l = load_text(text);
    assert_said(&l, "c.yaml:3:8", words);
    assert_int_equal(l.problems.n, 1);
}

static void variables_are_filled_in(void **state)
{
    (void)state;
    assert_int_equal(setenv("BELFRY_TEST_A", "value: [x]", 1), 0);
    assert_int_equal(setenv("BELFRY_TEST_EMPTY", "", 1), 0);
    assert_value("${env:BELFRY_TEST_A}", "value: [x]");
    assert_value("\"a ${env:BELFRY_TEST_A} b ${env:BELFRY_TEST_A}\"", "a value: [x] b value: [x]");
    assert_value("'${env:BELFRY_TEST_A}'", "value: [x]");
    assert_value("\"${env:BELFRY_TEST_EMPTY}\"", "");
    assert_value("${env:BELFRY_TEST_EMPTY:-other}", "other");
    assert_value("${env:BELFRY_TEST_UNSET:-}", "");
    assert_value("${env:BELFRY_TEST_UNSET:-a:-b}", "a:-b");
    assert_value("${env:BELFRY_TEST_A:-other}", "value: [x]");
    unsetenv("BELFRY_TEST_A");
    unsetenv("BELFRY_TEST_EMPTY");
}

static void dollars_stand_for_themselves(void **state)
{
    (void)state;
    assert_value("costs $5", "costs $5");
    assert_value("\"^a$\"", "^a$");
    assert_value("$$", "$");
    assert_value("\"$${env:HOME}\"", "${env:HOME}");
    assert_value("\"$$$$\"", "$$");
    assert_value("a $", "a $");
}

static void what_is_filled_in_is_not_looked_into(void **state)
{
    (void)state;
    assert_int_equal(setenv("BELFRY_TEST_A", "${env:BELFRY_TEST_B} $$ \"", 1), 0);
    assert_value("${env:BELFRY_TEST_A}", "${env:BELFRY_TEST_B} $$ \"");
    AUTOLOADED l = load_text("channels:\n  c:\n    ${env:BELFRY_TEST_A}: x\n");
    assert_string_equal(l.config->channels[0].block->keys[0]->text, "${env:BELFRY_TEST_A}");
    unsetenv("BELFRY_TEST_A");
}

static void files_are_filled_in(void **state)
{
    (void)state;
    static const struct {
        const char *content, *value;
    } cases[] = {{"canary", "canary"}, {"canary\n", "canary"}, {"canary\r\n", "canary"},
                 {"a\n\n", "a\n"},     {"a\nb\n", "a\nb"},     {"", ""}};
    AUTOFREE char *written = x_printf("${file:%s/secret}", folder);
    for (size_t i = 0; i < COUNT(cases); i++) {
        put_secret("secret", cases[i].content, strlen(cases[i].content));
        assert_value(written, cases[i].value);
    }
}

static void files_that_others_see_are_refused(void **state)
{
    (void)state;
    AUTOFREE char *path = in_folder("secret");
    put_secret("secret", "canary", 6);
    assert_int_equal(chmod(path, 0640), 0);
    AUTOFREE char *written = x_printf("${file:%s/secret}", folder);
    assert_value(written, "canary");
    assert_int_equal(chmod(path, 0644), 0);
    assert_secret_refused("can be read by everybody (mode 0644)");
    assert_int_equal(chmod(path, 0620), 0);
    assert_secret_refused("can be written by others (mode 0620)");
    put_secret("secret", "a\0b", 3);
    assert_secret_refused("NUL");
    put_secret("secret", "\xff", 1);
    assert_secret_refused("not UTF-8");
    AUTOFREE char *big = x_calloc(70000, 1);
    memset(big, 'x', 70000);
    put_secret("secret", big, 70000);
    assert_secret_refused("cannot read");
    assert_int_equal(unlink(path), 0);
    assert_secret_refused("cannot open");
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_secret_refused("not a regular file");
    assert_int_equal(unlink(path), 0);
}

static void credentials_come_from_their_folder(void **state)
{
    (void)state;
    put_secret("cred", "canary\n", 7);
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", folder, 1), 0);
    assert_value("${credential:cred}", "canary");
    AUTOLOADED l = load_text("channels:\n  c:\n    x: ${credential:none}\n");
    assert_said(&l, "c.yaml:3:8", "cannot open|/none");
    unsetenv("CREDENTIALS_DIRECTORY");
}

static void a_value_cannot_grow_without_end(void **state)
{
    (void)state;
    AUTOFREE char *big = x_calloc(1, 40001);
    memset(big, 'x', 40000);
    assert_int_equal(setenv("BELFRY_TEST_BIG", big, 1), 0);
    AUTOLOADED l = load_text("channels:\n  c:\n    x: ${env:BELFRY_TEST_BIG}${env:BELFRY_TEST_BIG}\n");
    assert_said(&l, "c.yaml:3:8", "64 KiB");
    unsetenv("BELFRY_TEST_BIG");
}

static void everything_is_shown_with_its_origin(void **state)
{
    (void)state;
    make_sub_folder("show");
    put("show/a.yaml", "agent: {listen: [\"127.0.0.1:1\"], log: {level: debug}}\n"
                       "channels: {mail: {plugin: webhook, text: \"a\\nb: \\\"c\\\"\", empty: {}, none: []}}\n");
    put("show/b.yaml", "alerts:\n  - job_name: \"010\"\n    trigger_condition: on_late\n    notify: [mail]\n"
                       "jobs:\n  bare:\n  \"a b\": {every: 5m}\n");
    AUTOLOADED l = load("show");
    assert_quiet(&l);
    AUTOFREE char *shown = show(&l);
    AUTOFREE char *expected = x_printf("agent:\n"
                                       "  listen: # %1$s/show/a.yaml:1\n"
                                       "    - \"127.0.0.1:1\" # %1$s/show/a.yaml:1\n"
                                       "  log: # %1$s/show/a.yaml:1\n"
                                       "    level: debug # %1$s/show/a.yaml:1\n"
                                       "channels:\n"
                                       "  mail: # %1$s/show/a.yaml:2\n"
                                       "    plugin: webhook # %1$s/show/a.yaml:2\n"
                                       "    text: \"a\\nb: \\\"c\\\"\" # %1$s/show/a.yaml:2\n"
                                       "    empty: {} # %1$s/show/a.yaml:2\n"
                                       "    none: [] # %1$s/show/a.yaml:2\n"
                                       "alerts:\n"
                                       "  - # %1$s/show/b.yaml:2\n"
                                       "    job_name: \"010\" # %1$s/show/b.yaml:2\n"
                                       "    trigger_condition: on_late # %1$s/show/b.yaml:3\n"
                                       "    notify: # %1$s/show/b.yaml:4\n"
                                       "      - mail # %1$s/show/b.yaml:4\n"
                                       "jobs:\n"
                                       "  bare: # %1$s/show/b.yaml:6\n"
                                       "  \"a b\": # %1$s/show/b.yaml:7\n"
                                       "    every: 5m # %1$s/show/b.yaml:7\n",
                                       folder);
    assert_string_equal(shown, expected);
}

/* Without the comments, which name another file. */
static char *bare(const char *shown)
{
    AUTOBUF out = {0};
    for (const char *p = shown; *p;) {
        const char *comment = strstr(p, " # "), *end = strchr(p, '\n') + 1;
        buf_add(&out, p, (size_t)((comment && comment < end ? comment : end - 1) - p));
        buf_addc(&out, '\n');
        p = end;
    }
    return buf_take(&out);
}

static void what_is_shown_loads_again(void **state)
{
    (void)state;
    AUTOLOADED l = load_text("agent: {listen: [\"[::1]:0\"], tls: {cert: /c, key: /k}}\n"
                             "channels:\n  c:\n    body: |\n      {\"a\": \"b\"}\n      - x: y\n"
                             "    folded: plain text\n      over lines\n\n      and more\n"
                             "    odd: \"- \\t# \\u00e9 \\\\ ' %\"\n    list: [[a, {b: c}], \"*\", '&', -, -1, a:b, ]\n"
                             "    \"key: odd\": '***'\n    ? \n    : empty key\n");
    assert_quiet(&l);
    AUTOFREE char *shown = show(&l);
    AUTOLOADED again = load_text(shown);
    assert_quiet(&again);
    AUTOFREE char *shown_again = show(&again);
    AUTOFREE char *first = bare(shown), *second = bare(shown_again);
    assert_string_equal(first, second);
    assert_string_equal(node_get(again.config->channels[0].block, "folded")->text, "plain text over lines\nand more");
}

static void no_secret_is_shown(void **state)
{
    (void)state;
    put_secret("secret", "canary-filled-in", 16);
    assert_int_equal(setenv("BELFRY_TEST_SECRET", "canary-0123456789", 1), 0);
    AUTOFREE char *text = x_printf("agent:\n"
                                   "  ping_key: canary\n"
                                   "  tokens:\n"
                                   "    - {name: ci, token: canary-0123456789, role: view}\n"
                                   "    - {name: cd, token: \"${env:BELFRY_TEST_SECRET}0\", role: view}\n"
                                   "    - {name: ce, token: \"${file:%1$s/secret}\", role: view}\n"
                                   "channels:\n"
                                   "  mail:\n"
                                   "    plugin: smtp\n"
                                   "    url: \"smtps://user:canary@mail.example.com\"\n"
                                   "    pass: canary\n"
                                   "  file: {plugin: smtp, pass: \"${file:%1$s/secret}\"}\n"
                                   "  half: {plugin: smtp, pass: \"canary${file:%1$s/secret}\"}\n"
                                   "  both: {plugin: smtp, pass: \"${env:BELFRY_TEST_UNSET:-canary}\"}\n"
                                   "  list: {plugin: smtp, pass: [canary, {a: canary}]}\n"
                                   "  hook:\n"
                                   "    plugin: webhook\n"
                                   "    url: \"https://hooks.example.com/services/canarycanarycanary?key=canary\"\n"
                                   "    pass: of no plugin\n"
                                   "    headers: {Authorization: Bearer canary, X-Team: ml}\n"
                                   "    other: \"${file:%1$s/secret}\"\n",
                                   folder);
    AUTOLOADED l = load_text(text);
    assert_quiet(&l);
    AUTOFREE char *shown = show(&l);
    assert_has_not(shown, "canary");
    assert_has_not(shown, "user");
    assert_has(shown, "ping_key: \"***\" #");
    assert_has(shown, "token: \"***\" #");
    assert_has(shown, "url: \"smtps://mail.example.com\" #");
    assert_has(shown, "c.yaml:10, shortened\n");
    assert_has(shown, "url: \"https://hooks.example.com/services/***\" #");
    assert_has(shown, "pass: \"***\" #");
    assert_has(shown, "pass: of no plugin #");
    assert_has(shown, "X-Team: ml #");
    assert_has(shown, "Authorization: \"***\" #");
    AUTOFREE char *reference = x_printf("pass: \"${file:%s/secret}\" #", folder);
    assert_has(shown, reference);
    AUTOFREE char *other = x_printf("other: \"${file:%s/secret}\" #", folder);
    assert_has(shown, other);
    unsetenv("BELFRY_TEST_SECRET");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variables_are_filled_in),
        cmocka_unit_test(dollars_stand_for_themselves),
        cmocka_unit_test(what_is_filled_in_is_not_looked_into),
        cmocka_unit_test(files_are_filled_in),
        cmocka_unit_test(files_that_others_see_are_refused),
        cmocka_unit_test(credentials_come_from_their_folder),
        cmocka_unit_test(a_value_cannot_grow_without_end),
        cmocka_unit_test(everything_is_shown_with_its_origin),
        cmocka_unit_test(what_is_shown_loads_again),
        cmocka_unit_test(no_secret_is_shown),
    };
    return cmocka_run_group_tests_name("config: show", tests, make_folder, remove_folder);
}
