/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"
#include "cli/table.h"

static void expect(const struct table *table, size_t width, bool colour, const char *text)
{
    AUTOBUF out = {0};
    table_render(table, width, colour, &out);
    assert_string_equal(buf_str(&out), text);
}

static void test_columns_are_aligned(void **state)
{
    (void)state;
    static const char *const heads[] = {"JOB", "STATE", "REASON", NULL};
    AUTOTABLE *table = table_new(heads);
    expect(table, 0, false, "JOB  STATE  REASON\n");
    table_cell(table, "backup");
    table_cell(table, "failed");
    table_cellf(table, "exit %d", 3);
    table_cell(table, "x");
    table_cell(table, NULL);
    table_cell(table, "");
    expect(table, 0, false,
           "JOB     STATE   REASON\n"
           "backup  failed  exit 3\n"
           "x       -       -\n");
}

static void test_width_is_what_a_terminal_shows(void **state)
{
    (void)state;
    assert_int_equal(text_width("backup"), 6);
    assert_int_equal(text_width("Prüfung"), 7);
    assert_int_equal(text_width("备份"), 4);
    assert_int_equal(text_width("e\xcc\x81"), 1); /* e and a combining accent */
    static const char *const heads[] = {"A", "B", NULL};
    AUTOTABLE *table = table_new(heads);
    table_cell(table, "备份");
    table_cell(table, "1");
    table_cell(table, "abcd");
    table_cell(table, "2");
    expect(table, 0, false, "A     B\n备份  1\nabcd  2\n");
}

static void test_last_column_is_cut_to_the_terminal(void **state)
{
    (void)state;
    static const char *const heads[] = {"A", "WHY", NULL};
    AUTOTABLE *table = table_new(heads);
    table_cell(table, "xx");
    table_cell(table, "the quick brown fox jumps over the dog");
    expect(table, 24, false, "A   WHY\nxx  the quick brown fox…\n");
    expect(table, 5, false, "A   WHY\nxx  the quick brown…\n"); /* not below 16 columns */
    table_cell(table, "yy");
    table_cell(table, "备份备份备份备份备份备份备份");
    expect(table, 24, false, "A   WHY\nxx  the quick brown fox…\nyy  备份备份备份备份备…\n");
}

static void test_others_text_does_not_steer_the_terminal(void **state)
{
    (void)state;
    static const char *const heads[] = {"A", NULL};
    AUTOTABLE *table = table_new(heads);
    table_cell(table, "a\033[2Jb\rc\nd\xff\xe2\x80\xae"
                      "e\xc2\x9b"
                      "f");
    expect(table, 0, false, "A\na?[2Jb?c d??e?f\n");
    AUTOFREE char *lines = text_make_showable("a\n\tb\a", true);
    assert_string_equal(lines, "a\n\tb?");
}

static void test_colour_only_where_asked_for(void **state)
{
    (void)state;
    static const char *const heads[] = {"S", "T", NULL};
    AUTOTABLE *table = table_new(heads);
    table_cell(table, "failed");
    table_cell(table, "x");
    expect(table, 0, true, "\033[1mS\033[0m       \033[1mT\033[0m\n\033[31mfailed\033[0m  x\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_are_aligned),
        cmocka_unit_test(test_width_is_what_a_terminal_shows),
        cmocka_unit_test(test_last_column_is_cut_to_the_terminal),
        cmocka_unit_test(test_others_text_does_not_steer_the_terminal),
        cmocka_unit_test(test_colour_only_where_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
