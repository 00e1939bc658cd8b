/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

static void rfc3339(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
        int64_t ms;
    } rows[] = {
        {"1970-01-01T00:00:00Z", true, 0},
        {"2026-03-01T02:00:00.123Z", true, 1772330400123},
        {"2026-03-01T02:00:00.1239Z", true, 1772330400123},
        {"2026-03-01T04:00:00+02:00", true, 1772330400000},
        {"2026-02-28T21:00:00-05:00", true, 1772330400000},
        {"2024-02-29T00:00:00Z", true, 1709164800000},
        {"1969-12-31T23:59:59.999Z", true, -1},
        {"2026-03-01 02:00:00z", true, 1772330400000},
        {"2023-02-29T00:00:00Z", false, 0},
        {"2026-13-01T00:00:00Z", false, 0},
        {"2026-03-01T24:00:00Z", false, 0},
        {"2026-03-01T02:00:00", false, 0},
        {"2026-03-01T02:00:00.Z", false, 0},
        {"2026-03-01T02:00:00Zx", false, 0},
        {"2026-03-01", false, 0},
        {"", false, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t ms = 0;
        if (time_parse(rows[i].text, &ms) != rows[i].good || (rows[i].good && ms != rows[i].ms))
            fail_msg("%s gives %lld", rows[i].text, (long long)ms);
    }
    char text[TIME_TEXT];
    assert_string_equal(time_format(1772330400123, text), "2026-03-01T02:00:00.123Z");
    assert_string_equal(time_format(-1, text), "1969-12-31T23:59:59.999Z");
}

static void durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms; /* -1: refused */
        const char *shown;
    } rows[] = {
        {"0", 0, "0"},
        {"500ms", 500, "500ms"},
        {"15s", 15000, "15s"},
        {"1h30m", 5400000, "1h30m"},
        {"90m", 5400000, "1h30m"},
        {"1d", 86400000, "1d"},
        {"1w", 604800000, "7d"},
        {"1m1ms", 60001, "1m1ms"},
        {"", -1, NULL},
        {"5", -1, NULL},
        {"-5s", -1, NULL},
        {"1s1h", -1, NULL},
        {"1m1m", -1, NULL},
        {"1.5h", -1, NULL},
        {"h", -1, NULL},
        {"1h ", -1, NULL},
        {"1hm", -1, NULL},
        {"9223372036854775807y", -1, NULL},
        {"99999999999999999999s", -1, NULL},
        {"1M", -1, NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t ms = -1;
        char text[DURATION_TEXT];
        bool good = duration_parse(rows[i].text, &ms);
        if (good != (rows[i].ms >= 0) || (good && ms != rows[i].ms))
            fail_msg("'%s' gives %d %lld", rows[i].text, good, (long long)ms);
        if (good)
            assert_string_equal(duration_format(ms, text), rows[i].shown);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rfc3339), cmocka_unit_test(durations)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
