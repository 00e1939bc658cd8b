/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/show.h"

static void test_spans_have_two_units(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {0, "0ms"},
        {250, "250ms"},
        {SECOND, "1s"},
        {12 * SECOND + 400, "12s"},
        {90 * SECOND, "1m30s"},
        {2 * HOUR, "2h"},
        {2 * HOUR + 59 * SECOND, "2h"},
        {3 * (int64_t)DAY + 4 * HOUR + MINUTE, "3d4h"},
    };
    char out[SHOW_TEXT];
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(show_span(cases[i].ms, out), cases[i].text);
}

static void test_times_are_told_from_now(void **state)
{
    (void)state;
    AUTOJSON *json = json_object();
    char out[SHOW_TEXT];
    int64_t now = 1700000000000;
    json_put_time(json, "before", now - 5 * MINUTE);
    json_put_time(json, "after", now + 2 * HOUR);
    json_put_time(json, "never", 0);
    assert_string_equal(show_when(json, "before", now, out), "5m ago");
    assert_string_equal(show_when(json, "after", now, out), "in 2h");
    assert_string_equal(show_when(json, "never", now, out), "");
    assert_string_equal(show_when(json, "absent", now, out), "");
    json_put_seconds(json, "took", 1500);
    assert_string_equal(show_seconds(json, "took", out), "1s");
    assert_string_equal(show_seconds(json, "absent", out), "");
}

static void test_sizes(void **state)
{
    (void)state;
    char out[SHOW_TEXT];
    assert_string_equal(show_size(0, out), "0 bytes");
    assert_string_equal(show_size(1023, out), "1023 bytes");
    assert_string_equal(show_size(1536, out), "1.5 KiB");
    assert_string_equal(show_size(10 * 1024 * 1024, out), "10.0 MiB");
}

static void test_advice_follows_the_verdict(void **state)
{
    (void)state;
    assert_string_equal(show_advice("delivered"), "nothing to do");
    assert_string_equal(show_advice("rate_limited"), "lengthen the interval or raise the quota");
    assert_string_equal(show_advice("unavailable"), "check the network or use the fallback channel");
    assert_string_equal(show_advice(""), "wait: it has not been tried yet");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spans_have_two_units),
        cmocka_unit_test(test_times_are_told_from_now),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_advice_follows_the_verdict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
