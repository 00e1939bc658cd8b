/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

static struct report report;
static struct report_fault fault;

static void reads(const char *text)
{
    if (report_read(&report, text, strlen(text), &fault))
        fail_msg("%s: %s %s", text, fault.field, fault.why);
}

static void reads_the_seeds_form(void **state)
{
    (void)state;
    reads("{\"job_id\": \"j-1\", \"status\": \"running\", \"timestamp\": 1700000000, \"heartbeat\": true}");
    assert_string_equal(report.job_id, "j-1");
    assert_string_equal(report.status, "running");
    assert_true(report.is_heartbeat);
    assert_int_equal(report.time, 1700000000000);
    assert_int_equal(report.exit_code, -1);
    assert_string_equal(report.rid, "");
    assert_string_equal(report.node_ip, "");
}

static void reads_every_field(void **state)
{
    (void)state;
    reads("\r\n {\"message\":\"l1\\nl2 \\\"\\\\\\/\\b\\f\\r\\t \\u00e9\\u78c1\\ud83d\\ude00 "
          "盘\",\"job_id\":\"a/b\",\"status\":\"failed\","
          "\"timestamp\":\"2023-11-14T23:13:20.25+01:00\",\"start_time\":1699999999500,\"node_ip\":\"10.0.0.7\","
          "\"heartbeat\":false,"
          "\"exit_code\":3,\"rid\":\"01234567-89ab-cdef-0123-456789ABCDEF\",\"token\":\"t\",\"other\":null,\"gpu\":-1."
          "5e3,\"x\":\"y\"} \n");
    assert_string_equal(report.message, "l1\nl2 \"\\/\b\f\r\t é磁😀 盘");
    assert_string_equal(report.job_id, "a/b");
    assert_int_equal(report.time, 1700000000250);
    assert_int_equal(report.start_time, 1699999999500);
    assert_string_equal(report.node_ip, "10.0.0.7");
    assert_int_equal(report.exit_code, 3);
    assert_string_equal(report.rid, "01234567-89ab-cdef-0123-456789ABCDEF");
    assert_string_equal(report.token, "t");
    assert_false(report.is_heartbeat);
}

static void finds_the_status(void **state)
{
    (void)state;
    reads("{\"job_id\":\"a\",\"heartbeat\":true}");
    assert_string_equal(report.status, "running");
    reads("{\"job_id\":\"a\",\"exit_code\":0}");
    assert_string_equal(report.status, "success");
    reads("{\"job_id\":\"a\",\"exit_code\":9}");
    assert_string_equal(report.status, "failed");
}

static void reads_times(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {
        {"1700000000", 1700000000000},
        {"1700000000.125", 1700000000125},
        {"1.7e9", 1700000000000},
        {"1700000000125", 1700000000125},
        {"\"2023-11-14T22:13:20Z\"", 1700000000000},
        {"\"2023-11-14T22:13:20.1239Z\"", 1700000000123},
        {"\"2024-02-29T00:00:00-08:00\"", 1709193600000},
    };
    static const char *const bad[] = {"0",
                                      "-5",
                                      "1e300",
                                      "true",
                                      "\"\"",
                                      "\"yesterday\"",
                                      "\"2023-02-29T00:00:00Z\"",
                                      "\"2023-11-14T22:13:20\"",
                                      "\"2023-11-14T22:13:20Zx\"",
                                      "\"2023-11-14 22:13:20Z\"",
                                      "\"2023-1-14T22:13:20Z\"",
                                      "\"2023-11-14T24:13:20Z\""};
    char text[200];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        snprintf(text, sizeof text, "{\"job_id\":\"a\",\"status\":\"log\",\"timestamp\":%s}", good[i].text);
        reads(text);
        assert_int_equal(report.time, good[i].ms);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(text, sizeof text, "{\"job_id\":\"a\",\"status\":\"log\",\"timestamp\":%s}", bad[i]);
        assert_int_equal(report_read(&report, text, strlen(text), &fault), -1);
        assert_string_equal(fault.field, "timestamp");
    }
}

static void reads_pings(void **state)
{
    (void)state;
    static const struct {
        const char *text, *job, *status, *message;
        int exit_code;
    } cases[] = {
        {"backup", "backup", "success", "", -1},
        {"backup\n", "backup", "success", "", -1},
        {"backup/start\r\n", "backup", "start", "", -1},
        {"01234567-89ab-cdef-0123-456789abcdef/fail\ndisk full\nbye", "01234567-89ab-cdef-0123-456789abcdef", "fail",
         "disk full\nbye", -1},
        {"b_1.x/log\nhello", "b_1.x", "log", "hello", -1},
        {"b/0", "b", "success", "", 0},
        {"b/255\nout \xff\xfe cut \xe7\xa3", "b", "failed", "out ?? cut ??", 255},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        reads(cases[i].text);
        assert_true(report.is_ping);
        assert_string_equal(report.job_id, cases[i].job);
        assert_string_equal(report.status, cases[i].status);
        assert_string_equal(report.message, cases[i].message);
        assert_int_equal(report.exit_code, cases[i].exit_code);
    }
}

static void refuses_what_is_no_report(void **state)
{
    (void)state;
    static const struct {
        const char *text, *field, *part;
    } cases[] = {
        {"", "", "neither"},
        {" \n", "", "neither"},
        {"a b", "", "neither"},
        {"/start", "", "neither"},
        {"\xe7\xa3\x81", "", "neither"},
        {"b/", "", "exit code"},
        {"b/256", "", "exit code"},
        {"b/0255", "", "exit code"},
        {"b/start/now", "", "exit code"},
        {"{", "", "name"},
        {"{}", "job_id", "missing"},
        {"{\"job_id\":\"a\"}", "status", "running"},
        {"{\"job_id\":\"a\",\"status\":\"done\"}", "status", "running"},
        {"{\"job_id\":\"\",\"status\":\"log\"}", "job_id", "1 to 200"},
        {"{\"job_id\":\"a\\nb\",\"status\":\"log\"}", "job_id", "control"},
        {"{\"job_id\":7,\"status\":\"log\"}", "job_id", "string"},
        {"{\"job_id\":\"a\",\"job_id\":\"b\",\"status\":\"log\"}", "job_id", "twice"},
        {"{\"job_id\":{\"a\":1}}", "job_id", "object"},
        {"{\"x\":[1]}", "", "list"},
        {"{\"exit_code\":256}", "exit_code", "0 to 255"},
        {"{\"exit_code\":1.5}", "exit_code", "0 to 255"},
        {"{\"exit_code\":\"1\"}", "exit_code", "0 to 255"},
        {"{\"rid\":\"nope\"}", "rid", "UUID"},
        {"{\"rid\":\"01234567-89ab-cdef-0123-456789abcdefa\"}", "rid", "UUID"},
        {"{\"heartbeat\":1}", "heartbeat", "true or false"},
        {"{\"job_id\":\"a\",}", "", "comma"},
        {"{\"job_id\":\"a\" \"b\":1}", "", "comma"},
        {"{\"job_id\" \"a\"}", "job_id", "colon"},
        {"{job_id:\"a\"}", "", "quotes"},
        {"{\"job_id\":\"a", "job_id", "ends"},
        {"{\"job_id\":\"a\\", "job_id", "escape"},
        {"{\"job_id\":\"\\u00\"}", "job_id", "escape"},
        {"{\"job_id\":\"\\u0000\"}", "job_id", "escape"},
        {"{\"job_id\":\"\\ud800\"}", "job_id", "escape"},
        {"{\"job_id\":\"\\ud800\\u0041\"}", "job_id", "escape"},
        {"{\"job_id\":\"\\udc00\"}", "job_id", "escape"},
        {"{\"job_id\":\"\\x\"}", "job_id", "escape"},
        {"{\"job_id\":\"\xff\"}", "job_id", "UTF-8"},
        {"{\"job_id\":\"\xc0\x80\"}", "job_id", "UTF-8"},
        {"{\"job_id\":\"\xed\xa0\x80\"}", "job_id", "UTF-8"},
        {"{\"job_id\":\"\xf4\x90\x80\x80\"}", "job_id", "UTF-8"},
        {"{\"job_id\":\"\xe7\xa3\"}", "job_id", "UTF-8"},
        {"{\"job_id\":\"a\tb\"}", "job_id", "control"},
        {"{\"x\":01}", "", "value"},
        {"{\"x\":1.}", "", "value"},
        {"{\"x\":+1}", "", "value"},
        {"{\"x\":nul}", "", "value"},
        {"{\"x\":NaN}", "", "value"},
        {"{\"job_id\":\"a\",\"status\":\"log\"} x", "", "behind"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (report_read(&report, cases[i].text, strlen(cases[i].text), &fault) != -1)
            fail_msg("%s was taken", cases[i].text);
        if (strcmp(fault.field, cases[i].field) != 0 || !strstr(fault.why, cases[i].part))
            fail_msg("%s: '%s' %s", cases[i].text, fault.field, fault.why);
    }
    static const char zero[] = "{\"job_id\":\"a\0\"}";
    assert_int_equal(report_read(&report, zero, sizeof zero - 1, &fault), -1);
}

static void takes_exactly_8_KiB(void **state)
{
    (void)state;
    char *text = malloc(2 * REPORT_MOST);
    assert_non_null(text);
    memset(text, 'x', 2 * REPORT_MOST);
    memcpy(text, "b\n", 2);
    assert_int_equal(report_read(&report, text, REPORT_MOST, &fault), 0);
    assert_int_equal(strlen(report.message), REPORT_MOST - 2);
    assert_int_equal(report_read(&report, text, REPORT_MOST + 1, &fault), -1);
    assert_non_null(strstr(fault.why, "8 KiB"));
    memset(text, ' ', 2 * REPORT_MOST);
    assert_int_equal(report_read(&report, text, 2 * REPORT_MOST, &fault), -1);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_seeds_form), cmocka_unit_test(reads_every_field),
        cmocka_unit_test(finds_the_status),     cmocka_unit_test(reads_times),
        cmocka_unit_test(reads_pings),          cmocka_unit_test(refuses_what_is_no_report),
        cmocka_unit_test(takes_exactly_8_KiB),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
