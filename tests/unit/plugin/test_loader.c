/* SPDX-License-Identifier: Apache-2.0 */
/* Which files are believed, and what is said of the others; and that the SDK header stands alone. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit.h"

static int set_up(void **state)
{
    *state = kit_new();
    return 0;
}

static int tear_down(void **state)
{
    kit_free(*state);
    return 0;
}

static const char *file(struct kit *kit, const char *name)
{
    return arena_printf(kit->arena, "%s/%s.so", kit->dir, name);
}

/* Why it is not loaded. */
static const char *refusal(struct kit *kit, const char *name)
{
    struct error e = {{0}, {0}, {0}};
    assert_null(plugins_find(kit->plugins, name, &e));
    char *text = arena_alloc(kit->arena, 1024);
    return error_text(&e, text, 1024);
}

static void a_plugin_is_loaded_once(void **state)
{
    struct kit *kit = *state;
    kit_install(kit, "t_channel", NULL);
    struct error e;
    const struct belfry_plugin *plugin = plugins_find(kit->plugins, "t_channel", &e);
    assert_non_null(plugin);
    assert_string_equal(plugin->name, "t_channel");
    assert_int_equal(plugin->kind, BELFRY_CHANNEL);
    assert_non_null(plugin->channel->compose);
    assert_null(plugin->source);
    assert_ptr_equal(plugins_find(kit->plugins, "t_channel", &e), plugin);
}

static void what_is_absent_is_empty_not_null(void **state)
{
    struct kit *kit = *state;
    kit_install(kit, "t_slow", NULL);
    struct error e;
    const struct belfry_plugin *plugin = plugins_find(kit->plugins, "t_slow", &e);
    assert_non_null(plugin);
    assert_string_equal(plugin->version, "");
    assert_string_equal(plugin->licence, "");
    assert_string_equal(plugin->summary, "");
}

static void bad_descriptors_are_refused_by_name(void **state)
{
    static const struct {
        const char *name, *part;
    } cases[] = {
        {"t_bad_major", "another major version"},
        {"t_bad_major", "2.0"},
        {"t_bad_minor", "1.7"},
        {"t_bad_minor", "upgrade belfry"},
        {"t_bad_descriptor", "no descriptor"},
        {"t_bad_kind", "kind 9"},
        {"t_bad_functions", "source"},
        {"t_bad_name", "calls itself 'somebody_else'"},
        {"t_bad_type", "option 'number': type 99"},
        {"t_bad_twice", "option 'number' is declared twice"},
        {"t_bad_offset", "option 'number': offset"},
        {"t_bad_initial", "'number'"},
        {"t_bad_no_open", "no function open"},
        {"t_bad_size", "16 bytes"},
        {"t_bad_undefined", "nobody_defines_this"},
    };
    struct kit *kit = *state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (access(file(kit, cases[i].name), F_OK))
            kit_install(kit, cases[i].name, NULL);
        const char *why = refusal(kit, cases[i].name);
        assert_has(why, cases[i].part);
        assert_has(why, file(kit, cases[i].name));
    }
}

static void the_file_must_bear_the_plugins_name(void **state)
{
    struct kit *kit = *state;
    kit_install(kit, "t_channel", "other");
    assert_has(refusal(kit, "other"), "no descriptor");
}

static void names_are_checked(void **state)
{
    static const char *const bad[] = {"", "../x", "a/b", "A", "a.so", "a b", "a123456789b123456789c123456789d12"};
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_has(refusal(*state, bad[i]), "is no name of a plugin");
}

static void what_is_not_there_is_told_with_the_folders(void **state)
{
    struct kit *kit = *state;
    const char *why = refusal(kit, "absent");
    assert_has(why, "absent.so");
    assert_has(why, kit->dir);
}

static void files_that_others_can_write_are_refused(void **state)
{
    struct kit *kit = *state;
    kit_install(kit, "t_channel", NULL);
    chmod(file(kit, "t_channel"), 0664);
    assert_has(refusal(kit, "t_channel"), "can be written by its group");
    chmod(file(kit, "t_channel"), 0646);
    assert_has(refusal(kit, "t_channel"), "can be written by everyone");
    chmod(file(kit, "t_channel"), 0644);
    chmod(kit->dir, 0777);
    assert_has(refusal(kit, "t_channel"), "can be written by everyone");
    chmod(kit->dir, 01777); /* sticky: others cannot replace our file */
    struct error e;
    assert_non_null(plugins_find(kit->plugins, "t_channel", &e));
    chmod(kit->dir, 0700);
}

static void files_of_others_are_refused(void **state)
{
    struct kit *kit = *state;
    if (geteuid() != 0)
        skip(); /* only root can give a file away */
    kit_install(kit, "t_channel", NULL);
    assert_int_equal(chown(file(kit, "t_channel"), 4711, 4711), 0);
    assert_has(refusal(kit, "t_channel"), "belongs to user 4711");
}

static void a_folder_within_one_that_others_can_write_is_refused(void **state)
{
    struct kit *kit = *state;
    char *outer = arena_printf(kit->arena, "%s/outer", kit->dir), *inner = arena_printf(kit->arena, "%s/inner", outer);
    mkdir(outer, 0700);
    mkdir(inner, 0700);
    chmod(outer, 0777);
    kit_install(kit, "t_channel", NULL);
    assert_int_equal(rename(file(kit, "t_channel"), arena_printf(kit->arena, "%s/t_channel.so", inner)), 0);
    const char *dirs[] = {inner};
    struct plugins *plugins = plugins_new(&(struct plugins_options){.loop = kit->loop, .dirs = {1, dirs}});
    struct error e;
    assert_null(plugins_find(plugins, "t_channel", &e));
    assert_has(e.what, outer);
    plugins_free(plugins);
}

static void only_regular_files_in_absolute_folders_count(void **state)
{
    struct kit *kit = *state;
    kit_install(kit, "t_channel", NULL);
    assert_int_equal(rename(file(kit, "t_channel"), file(kit, "real")), 0);
    assert_int_equal(symlink(file(kit, "real"), file(kit, "t_channel")), 0);
    assert_has(refusal(kit, "t_channel"), "symbolic link");
    assert_int_equal(mkfifo(file(kit, "fifo"), 0600), 0);
    assert_has(refusal(kit, "fifo"), "not a regular file");
    assert_int_equal(mkdir(file(kit, "dir"), 0700), 0);
    assert_has(refusal(kit, "dir"), "not a regular file");

    const char *dirs[] = {"."};
    struct plugins *plugins = plugins_new(&(struct plugins_options){.loop = kit->loop, .dirs = {1, dirs}});
    struct error e;
    assert_int_equal(chdir(kit->dir), 0);
    assert_int_equal(rename(file(kit, "real"), file(kit, "t_channel")), 0);
    assert_null(plugins_find(plugins, "t_channel", &e));
    assert_has(e.what, "not found");
    assert_int_equal(chdir("/"), 0);
    plugins_free(plugins);
}

static void no_plugin_at_all_is_refused(void **state)
{
    struct kit *kit = *state;
    FILE *f = fopen(file(kit, "text"), "w");
    assert_non_null(f);
    fputs("not a library\n", f);
    fclose(f);
    chmod(file(kit, "text"), 0644);
    assert_has(refusal(kit, "text"), "does not load");
}

static void on_each(void *ctx, const char *path, const struct belfry_plugin *descriptor, const char *why)
{
    buf_addf(ctx, "%s %s %s\n", strrchr(path, '/') + 1, descriptor ? descriptor->name : "-", why ? why : "");
    assert_true((descriptor == NULL) == (why != NULL));
}

static void all_files_are_listed(void **state)
{
    struct kit *kit = *state;
    kit_install(kit, "t_slow", NULL);
    kit_install(kit, "t_deliver", NULL);
    kit_install(kit, "t_bad_major", NULL);
    kit_install(kit, "t_slow", "Strange");
    AUTOBUF all = {0};
    plugins_each(kit->plugins, on_each, &all);
    assert_has(buf_str(&all), "t_slow.so t_slow \n");
    assert_has(buf_str(&all), "t_deliver.so t_deliver \n");
    assert_has(buf_str(&all), "t_bad_major.so - ");
    assert_has(buf_str(&all), "Strange.so - its name is not");
}

static void the_first_folder_wins(void **state)
{
    struct kit *kit = *state;
    char *second = arena_printf(kit->arena, "%s/second", kit->dir);
    mkdir(second, 0700);
    kit_install(kit, "t_slow", "second/t_slow");
    kit_install(kit, "t_slow", NULL);
    const char *dirs[] = {kit->dir, second};
    struct plugins *plugins = plugins_new(&(struct plugins_options){.loop = kit->loop, .dirs = {2, dirs}});
    AUTOBUF all = {0};
    plugins_each(plugins, on_each, &all);
    assert_has(buf_str(&all), "t_slow.so t_slow \n");
    assert_has(buf_str(&all), "hidden by");
    plugins_free(plugins);
}

static void instances_are_checked(void **state)
{
    struct kit *kit = *state;
    assert_null(kit_channel(kit, "t_channel", "url", "bad:", NULL));
    assert_has(kit_problems(kit), "test.yaml:2:5: error: channel 'mine': the URL is bad");
    assert_null(kit_channel(kit, "t_bad_open", NULL));
    assert_has(kit_problems(kit), "test.yaml:1:1: error: channel 'mine': not today");
    assert_null(kit_channel(kit, "t_source", NULL));
    assert_has(kit_problems(kit), "plugin 't_source' is a source, not a channel");
    assert_null(kit_channel(kit, "t_channel", "url", "http://x/", "unheard_of", "1", NULL));
    assert_has(kit_problems(kit), "unheard_of");
    assert_null(kit_channel(kit, "t_channel", NULL));
    assert_has(kit_problems(kit), "'url' is required");
    struct instance *channel = kit_channel(kit, "t_channel", "url", "http://x/", NULL);
    assert_non_null(channel);
    assert_string_equal(instance_name(channel), "mine");
    assert_string_equal(instance_plugin(channel)->name, "t_channel");
    instance_free(channel);
    instance_free(NULL);
}

/* ---- the SDK header ---- */

static bool have(const char *program)
{
    AUTOFREE char *command = x_printf("command -v %s >/dev/null 2>&1", program);
    return system(command) == 0;
}

static void compiles(struct kit *kit, const char *compiler, const char *suffix)
{
    if (!have(strtok(arena_strdup(kit->arena, compiler), " ")))
        skip();
    char *path = arena_printf(kit->arena, "%s/alone.%s", kit->dir, suffix);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("#include <belfry/plugin.h>\nint main(void) { return BELFRY_ABI_MAJOR - 1; }\n", f);
    fclose(f);
    AUTOFREE char *command = x_printf("%s -pedantic-errors -Wall -Wextra -Werror -fsyntax-only -I'%s/sdk/include' '%s'",
                                      compiler, TEST_SRCDIR, path);
    if (system(command)) {
        printf("%s\n%s", command, kit_log(kit));
        fail();
    }
}

static void the_header_is_c99(void **state)
{
    compiles(*state, "cc -std=c99", "c");
}

static void the_header_is_cpp(void **state)
{
    compiles(*state, "c++ -std=c++11", "cc");
}

static int count_lines(struct kit *kit, const char *path)
{
    FILE *f = fopen(arena_printf(kit->arena, "%s/%s", TEST_SRCDIR, path), "r");
    assert_non_null(f);
    int lines = 0;
    for (int c; (c = getc(f)) != EOF;)
        lines += c == '\n';
    fclose(f);
    return lines;
}

/* Growth of these two is a decision. */
static void budgets_are_kept(void **state)
{
    assert_in_range(count_lines(*state, "sdk/include/belfry/plugin.h"), 1, 300);
    assert_in_range(count_lines(*state, "core/plugin/loader.c"), 1, 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(a_plugin_is_loaded_once),
        TEST(what_is_absent_is_empty_not_null),
        TEST(bad_descriptors_are_refused_by_name),
        TEST(the_file_must_bear_the_plugins_name),
        TEST(names_are_checked),
        TEST(what_is_not_there_is_told_with_the_folders),
        TEST(files_that_others_can_write_are_refused),
        TEST(files_of_others_are_refused),
        TEST(a_folder_within_one_that_others_can_write_is_refused),
        TEST(only_regular_files_in_absolute_folders_count),
        TEST(no_plugin_at_all_is_refused),
        TEST(all_files_are_listed),
        TEST(the_first_folder_wins),
        TEST(instances_are_checked),
        TEST(the_header_is_c99),
        TEST(the_header_is_cpp),
        TEST(budgets_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
