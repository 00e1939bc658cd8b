/* SPDX-License-Identifier: Apache-2.0 */
/* What is refused, where the error points and how it says to mend it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vectors.h"

struct refusal {
    const char *text, *where, *mend; /* mend: a part of it */
};

static void check_refusals(const struct refusal *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct error e = {0};
        struct schedule *schedule = schedule_parse(rows[i].text, NULL, "seed", &e);
        if (schedule)
            fail_msg("accepted: %s", rows[i].text);
        if (strcmp(e.where, rows[i].where) != 0 || !strstr(e.mend, rows[i].mend) || !e.what[0])
            fail_msg("%s: \"%s: %s (%s)\" instead of \"%s: … (%s)\"", rows[i].text, e.where, e.what, e.mend,
                     rows[i].where, rows[i].mend);
        if (!text_is_utf8(e.what, strlen(e.what), NULL))
            fail_msg("%s: the message is not UTF-8", rows[i].text);
        assert_null(schedule_parse(rows[i].text, NULL, NULL, NULL)); /* an error need not be asked for */
    }
}
#define CHECK_REFUSALS(...)                                                                                            \
    do {                                                                                                               \
        static const struct refusal rows_[] = {__VA_ARGS__};                                                           \
        check_refusals(rows_, COUNT(rows_));                                                                           \
    } while (0)

#define SECONDS(n) "field " #n " (seconds)"
#define MINUTES(n) "field " #n " (minutes)"
#define HOURS(n) "field " #n " (hours)"
#define DAYS(n) "field " #n " (day of month)"
#define MONTHS(n) "field " #n " (month)"
#define WEEKDAYS(n) "field " #n " (day of week)"

static void test_number_of_fields(void **state)
{
    (void)state;
    CHECK_REFUSALS({"", "", "5 fields"}, {" \t ", "", "5 fields"}, {"*", "", "0 2 * * *"}, {"* * * *", "", "0 2 * * *"},
                   {"0 0 0 1 1 ? 2026", "", "years"}, {"* * * * * * * *", "", "years"}, {"daily", "", "0 2 * * *"});
}

static void test_numbers(void **state)
{
    (void)state;
    CHECK_REFUSALS({"60 * * * *", MINUTES(1), "write 0 to 59"}, {"61 * * * *", MINUTES(1), "write 0 to 59"},
                   {"60 * * * * *", SECONDS(1), "write 0 to 59"}, {"0 60 * * * *", MINUTES(2), "write 0 to 59"},
                   {"0 24 * * *", HOURS(2), "write 0 to 23"}, {"0 0 24 * * *", HOURS(3), "write 0 to 23"},
                   {"0 0 0 * *", DAYS(3), "write 1 to 31"}, {"0 0 32 * *", DAYS(3), "write 1 to 31"},
                   {"0 0 * 0 *", MONTHS(4), "write 1 to 12"}, {"0 0 * 13 *", MONTHS(4), "write 1 to 12"},
                   {"0 0 * * 8", WEEKDAYS(5), "write 0 to 7"}, {"0 0 0 * * 8", WEEKDAYS(6), "write 0 to 7"},
                   {"0-60 * * * *", MINUTES(1), "write 0 to 59"}, {"1,2,99 * * * *", MINUTES(1), "write 0 to 59"},
                   {"00001 * * * *", MINUTES(1), "write 0 to 59"}, {"12345 * * * *", MINUTES(1), "write 0 to 59"},
                   {"99999999999999999999 * * * *", MINUTES(1), "write 0 to 59"},
                   {"18446744073709551616 * * * *", MINUTES(1), "write 0 to 59"},
                   {"4294967296 * * * *", MINUTES(1), "0 to 59"}, {"1-00002 * * * *", MINUTES(1), "write 0 to 59"},
                   {"+5 * * * *", MINUTES(1), "write 0 to 59"}, {"-5 * * * *", MINUTES(1), "write 0 to 59"},
                   {"1,-5 * * * *", MINUTES(1), "write 0 to 59"}, {"1-+5 * * * *", MINUTES(1), "write 0 to 59"},
                   {"*/-5 * * * *", MINUTES(1), ""}, {"*/+5 * * * *", MINUTES(1), ""},
                   {"0 -1 * * *", HOURS(2), "write 0 to 23"}, {"1.5 * * * *", MINUTES(1), "write 0 to 59"},
                   {"0x5 * * * *", MINUTES(1), "write 0 to 59"}, {"1e1 * * * *", MINUTES(1), ""},
                   {"5m * * * *", MINUTES(1), ""}, {"\xef\xbc\x91 * * * *", MINUTES(1), "digits 0 to 9"},
                   {"\xd9\xa3 * * * *", MINUTES(1), "digits 0 to 9"}, {"\xc2\xb9 * * * *", MINUTES(1), "digits 0 to 9"},
                   {"1\xc2\xb2 * * * *", MINUTES(1), "digits 0 to 9"}, {"0 \xff * * *", HOURS(2), "digits 0 to 9"},
                   {"0 0 \xe2\x88\x97 * *", DAYS(3), "digits 0 to 9"},
                   {"0\xc2\xa0"
                    "2 * * *",
                    "", "0 2 * * *"},
                   {"x * * * *", MINUTES(1), "write 0 to 59"}, {"0 2\n * * *", HOURS(2), ""},
                   {"0 0 * * *\n", WEEKDAYS(5), ""}, {"\x01 * * * *", MINUTES(1), ""}, {"5# * * * *", MINUTES(1), ""},
                   {"~ * * * *", MINUTES(1), ""}, {"1~5 * * * *", MINUTES(1), ""});
}

static void test_lists_and_steps(void **state)
{
    (void)state;
    CHECK_REFUSALS({"1,,2 * * * *", MINUTES(1), "remove the comma"}, {",1 * * * *", MINUTES(1), "remove the comma"},
                   {"1, * * * *", MINUTES(1), "remove the comma"}, {", * * * *", MINUTES(1), "remove the comma"},
                   {",, * * * *", MINUTES(1), "remove the comma"}, {"*,,* * * * *", MINUTES(1), "remove the comma"},
                   {"0 0 1,,L * *", DAYS(3), "remove the comma"}, {"0 0 * * MON,", WEEKDAYS(5), "remove the comma"},
                   {"*/0 * * * *", MINUTES(1), "write 1 to"}, {"5/0 * * * *", MINUTES(1), "write 1 to"},
                   {"1-5/0 * * * *", MINUTES(1), "write 1 to"}, {"*/00 * * * *", MINUTES(1), "write 1 to"},
                   {"*/10000 * * * *", MINUTES(1), "write 1 to"}, {"*/ * * * *", MINUTES(1), "write one"},
                   {"1/ * * * *", MINUTES(1), "write one"}, {"*/,1 * * * *", MINUTES(1), "write one"},
                   {"*/2/2 * * * *", MINUTES(1), ""}, {"*/* * * * *", MINUTES(1), ""}, {"/5 * * * *", MINUTES(1), ""},
                   {"*5 * * * *", MINUTES(1), ""}, {"** * * * *", MINUTES(1), ""}, {"*-5 * * * *", MINUTES(1), ""},
                   {"5* * * * *", MINUTES(1), ""}, {"*/MON * * * *", MINUTES(1), ""},
                   {"0 0 * * */MON", WEEKDAYS(5), ""}, {"0 0 * */JAN *", MONTHS(4), ""},
                   {"1;2 * * * *", MINUTES(1), ""});
}

static void test_ranges(void **state)
{
    (void)state;
    CHECK_REFUSALS(
        {"0 22-6 * * *", HOURS(2), "write 22-23,0-6"}, {"0 23-0 * * *", HOURS(2), "write 23,0"},
        {"50-10 * * * *", MINUTES(1), "write 50-59,0-10"}, {"0 0 25-5 * *", DAYS(3), "write 25-31,1-5"},
        {"50-10 0 0 * * *", SECONDS(1), "write 50-59,0-10"}, {"0 0 * 11-2 *", MONTHS(4), "write 11-12,1-2"},
        {"0 0 * NOV-FEB *", MONTHS(4), "write NOV-DEC,JAN-FEB"}, {"0 0 * DEC-JAN *", MONTHS(4), "write DEC,JAN"},
        {"0 0 * * FRI-MON", WEEKDAYS(5), "write FRI-SAT,SUN-MON"}, {"0 0 * * 5-1", WEEKDAYS(5), "write 5-6,0-1"},
        {"0 0 * * SAT-SUN", WEEKDAYS(5), "write SAT,SUN"}, {"0 0 * * 7-2", WEEKDAYS(5), "write 0-2"},
        {"0 22-6/2 * * *", HOURS(2), "write 22-23,0-6"}, {"0 1,22-6 * * *", HOURS(2), "write 22-23,0-6"},
        {"1- * * * *", MINUTES(1), "write one"}, {"1-,2 * * * *", MINUTES(1), "write one"},
        {"- * * * *", MINUTES(1), ""}, {"1--2 * * * *", MINUTES(1), ""}, {"1-2-3 * * * *", MINUTES(1), ""},
        {"1-* * * * *", MINUTES(1), ""}, {"0 0 * * MON-", WEEKDAYS(5), "write one"},
        {"0 0 L-15 * MON-SUN", WEEKDAYS(5), "write MON-SAT,SUN"});
}

static void test_names(void **state)
{
    (void)state;
    CHECK_REFUSALS({"0 0 * * MONDAY", WEEKDAYS(5), "three letters"}, {"0 0 * JANUARY *", MONTHS(4), "three letters"},
                   {"0 0 * * MO", WEEKDAYS(5), "name"}, {"0 0 * * XYZ", WEEKDAYS(5), "name"},
                   {"0 0 * MON *", MONTHS(4), "name"}, {"0 0 * * JAN", WEEKDAYS(5), "name"},
                   {"MON * * * *", MINUTES(1), ""}, {"0 0 JAN * *", DAYS(3), ""},
                   {"0 0 * * MONTUE", WEEKDAYS(5), "three letters"}, {"0 0 * JAN1 *", MONTHS(4), "three letters"},
                   {"0 0 * * 1MON", WEEKDAYS(5), ""}, {"0 0 * * MON-5X", WEEKDAYS(5), ""});
}

static void test_special_days(void **state)
{
    (void)state;
    CHECK_REFUSALS(
        {"0 0 * * L", WEEKDAYS(5), "5L"}, {"L * * * *", MINUTES(1), ""}, {"0 L * * *", HOURS(2), ""},
        {"0 0 * L *", MONTHS(4), ""}, {"0 0 L-0 * *", DAYS(3), "write 1 to 30"},
        {"0 0 L-31 * *", DAYS(3), "write 1 to 30"}, {"0 0 L- * *", DAYS(3), "write one"}, {"0 0 LL * *", DAYS(3), ""},
        {"0 0 L/2 * *", DAYS(3), ""}, {"0 0 L3 * *", DAYS(3), ""}, {"0 0 1-L * *", DAYS(3), ""},
        {"0 0 L-3W * *", DAYS(3), ""}, {"0 0 LW-3 * *", DAYS(3), ""}, {"0 0 W * *", DAYS(3), ""},
        {"0 0 0W * *", DAYS(3), "write 1 to 31"}, {"0 0 32W * *", DAYS(3), "write 1 to 31"},
        {"0 0 1-5W * *", DAYS(3), ""}, {"0 0 15W/2 * *", DAYS(3), ""}, {"0 0 15WL * *", DAYS(3), ""},
        {"0 0 WL * *", DAYS(3), ""}, {"0 0 * * 5W", WEEKDAYS(5), ""}, {"15W * * * *", MINUTES(1), ""},
        {"0 0 5L * *", DAYS(3), ""}, {"0 0 * * 8L", WEEKDAYS(5), "write 0 to 7"}, {"0 0 * * 5L-1", WEEKDAYS(5), ""},
        {"0 0 * * 1-5L", WEEKDAYS(5), ""}, {"0 0 * * L5", WEEKDAYS(5), ""}, {"0 0 * * 5LL", WEEKDAYS(5), ""},
        {"0 0 * * 1#0", WEEKDAYS(5), "write 1 to 5"}, {"0 0 * * 1#6", WEEKDAYS(5), "write 1 to 5"},
        {"0 0 * * 8#1", WEEKDAYS(5), "write 0 to 7"}, {"0 0 * * 1#", WEEKDAYS(5), "write one"},
        {"0 0 * * #1", WEEKDAYS(5), ""}, {"0 0 * * 1#1#1", WEEKDAYS(5), ""}, {"0 0 * * 1#1-3", WEEKDAYS(5), ""},
        {"0 0 * * 1-3#1", WEEKDAYS(5), ""}, {"0 0 * * 1#L", WEEKDAYS(5), ""}, {"0 0 * * 1#1/2", WEEKDAYS(5), ""},
        {"0 0 1#1 * *", DAYS(3), ""}, {"? * * * *", MINUTES(1), "write *"}, {"0 ? * * *", HOURS(2), "write *"},
        {"? * * * * *", SECONDS(1), "write *"}, {"0 0 * ? *", MONTHS(4), "write *"},
        {"0 0 ?/2 * *", DAYS(3), "write ? alone"}, {"0 0 ?,1 * *", DAYS(3), "write ? alone"},
        {"0 0 1,? * *", DAYS(3), "write ? alone"}, {"0 0 * * ?5", WEEKDAYS(5), "write ? alone"});
}

static void test_hash(void **state)
{
    (void)state;
    CHECK_REFUSALS({"H( * * * *", MINUTES(1), "write one"}, {"H() * * * *", MINUTES(1), ""},
                   {"H(5) * * * *", MINUTES(1), "write H(0-29)"}, {"H(1-2 * * * *", MINUTES(1), "write H(0-29)"},
                   {"H(2-1) * * * *", MINUTES(1), "smaller"}, {"H(0-60) * * * *", MINUTES(1), "write 0 to 59"},
                   {"H(1-2)3 * * * *", MINUTES(1), ""}, {"H/0 * * * *", MINUTES(1), "write 1 to"},
                   {"HH * * * *", MINUTES(1), ""}, {"H-5 * * * *", MINUTES(1), ""}, {"5-H * * * *", MINUTES(1), ""},
                   {"H(0-5) H(0-24) * * *", HOURS(2), "0 to 23"}, {"0 0 HL * *", DAYS(3), ""},
                   {"0 0 * * H#1", WEEKDAYS(5), ""});
}

static void test_dates_that_never_come(void **state)
{
    (void)state;
    CHECK_REFUSALS({"0 0 30 2 *", DAYS(3), "write L"}, {"0 0 31 2 *", DAYS(3), "write L"},
                   {"0 0 30,31 2 *", DAYS(3), "write L"}, {"0 0 30-31 FEB *", DAYS(3), "write L"},
                   {"0 0 31 4 *", DAYS(3), "write L"}, {"0 0 31 4,6,9,11 *", DAYS(3), "write L"},
                   {"0 0 31 2,4 *", DAYS(3), "write L"}, {"0 0 0 30 2 *", DAYS(4), "write L"},
                   {"0 0 30 2 MON", DAYS(3), "write L"}, {"0 0 31 4 FRI", DAYS(3), "write L"},
                   {"0 0 30W 2 *", DAYS(3), "write L"}, {"0 0 31W 9 *", DAYS(3), "write L"},
                   {"0 0 L-29 2 *", DAYS(3), "write L"}, {"0 0 L-30 2,4,6,9,11 *", DAYS(3), "write L"},
                   {"0 0 30/1 2 *", DAYS(3), "write L"},
                   {"0 0 */31 2 MON#5", "fields 3 to 5 (day of month, month, day of week)", "write * or ?"},
                   {"0 0 */31 * MON#2", "fields 3 to 5 (day of month, month, day of week)", "write * or ?"},
                   {"0 0 0 */31 * MONL", "fields 4 to 6 (day of month, month, day of week)", "write * or ?"},
                   {"TZ=America/New_York * 2 * 3 SUN#2", "", "another hour"},
                   {"TZ=Europe/London */5 1 * 3 SUNL", "", "another hour"});
    /* their neighbours do come */
    static const char *const good[] = {"0 0 29 2 *",
                                       "0 0 30 2,3 *",
                                       "0 0 31 4,5 *",
                                       "0 0 L-28 2 *",
                                       "0 0 29W 2 *",
                                       "0 0 */31 2 MON#1",
                                       "TZ=America/New_York 0 2 * 3 SUN#2",
                                       "TZ=Europe/London * 1 * 3 SUN",
                                       "TZ=America/New_York * 2 * 3 SUN"};
    for (size_t i = 0; i < COUNT(good); i++)
        schedule_free(must_parse(good[i], NULL));
}

static void test_macros(void **state)
{
    (void)state;
    CHECK_REFUSALS({"@dayly", "", "did you mean @daily?"}, {"@hour", "", "did you mean @hourly?"}, {"@", "", "@daily"},
                   {"@fortnightly", "", "@daily"}, {"@reboot", "", "@hourly"}, {"@start", "", "@hourly"},
                   {"@REBOOT", "", "@hourly"}, {"@daily 5", "", "remove"}, {"@daily * * * * *", "", "remove"},
                   {"@every", "", "@every 1h30m"}, {"@every x", "", "@every 1h30m"}, {"@every -5m", "", "@every 1h30m"},
                   {"@every 5", "", "@every 1h30m"}, {"@every 5m 3s", "", "@every 1h30m"},
                   {"@every 30m1h", "", "@every 1h30m"}, {"@every 1.5h", "", "@every 1h30m"},
                   {"@every 0", "", "@every 1s"}, {"@every 0s", "", "@every 1s"}, {"@every 500ms", "", "@every 1s"},
                   {"@every 1s500ms", "", "@every 1s"}, {"@every 401y", "", ""},
                   {"@every 99999999999999999999s", "", ""}, {"@every5m", "", ""}, {"5 @daily", "", ""});
}

static void test_zones(void **state)
{
    (void)state;
    CHECK_REFUSALS({"TZ=Europe/Berln 0 2 * * *", "prefix TZ=", "did you mean Europe/Berlin?"},
                   {"CRON_TZ=America/New_Yrok @daily", "prefix TZ=", "did you mean America/New_York?"},
                   {"TZ=Asia/Calcuta @daily", "prefix TZ=", "did you mean Asia/Calcutta?"},
                   {"TZ=Mars/Olympus 0 2 * * *", "prefix TZ=", "IANA"}, {"TZ= 0 2 * * *", "prefix TZ=", "IANA"},
                   {"TZ=../../etc/passwd 0 2 * * *", "prefix TZ=", "IANA"},
                   {"TZ=/etc/localtime 0 2 * * *", "prefix TZ=", "IANA"}, {"TZ=UTC", "", "5 fields"},
                   {"TZ=UTC TZ=UTC 0 2 * * *", "", "one prefix"}, {"TZ=UTC CRON_TZ=UTC 0 2 * * *", "", "one prefix"},
                   {"tz=UTC 0 2 * * *", SECONDS(1), ""}, {"TZ=EST5EDT,M3.2.0,M11.1.0 0 2 * * *", "prefix TZ=", "IANA"},
                   {"0 2 * * * TZ=UTC", WEEKDAYS(6), ""});
    struct error e = {0};
    assert_null(schedule_parse("0 2 * * *", "Europe/Pari", "seed", &e));
    assert_string_equal(e.where, "timezone");
    assert_string_equal(e.mend, "did you mean Europe/Paris?");
    assert_null(schedule_parse("0 2 * * *", "", "seed", &e));
    assert_string_equal(e.where, "timezone");
}

/* However long or strange, the answer is short and text. */
static void test_hostile_texts(void **state)
{
    (void)state;
    struct error e;
    char text[8192];
    for (int c = 1; c < 256; c++) {
        memset(text, c, sizeof text - 1);
        text[sizeof text - 1] = '\0';
        assert_null(schedule_parse(text, NULL, "seed", &e));
        assert_true(text_is_utf8(e.what, strlen(e.what), NULL));
        memcpy(text + 4000, " * * * *", 9);
        assert_null(schedule_parse(text, NULL, "seed", &e));
        assert_true(text_is_utf8(e.what, strlen(e.what), NULL));
        *text = '@';
        assert_null(schedule_parse(text, text, "seed", &e));
        assert_null(schedule_parse(text, NULL, "seed", &e));
        assert_true(text_is_utf8(e.what, strlen(e.what), NULL));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_number_of_fields),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_lists_and_steps),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_special_days),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_dates_that_never_come),
        cmocka_unit_test(test_macros),
        cmocka_unit_test(test_zones),
        cmocka_unit_test(test_hostile_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
