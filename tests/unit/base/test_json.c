/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include <string.h>

static json_t *parse(const char *text, struct error *e)
{
    return json_parse(text, strlen(text), e);
}

static void refusals(void **state)
{
    (void)state;
    AUTOBUF deep = {0}, keys = {0}, text = {0};
    for (int i = 0; i < 40; i++)
        buf_addc(&deep, '[');
    buf_addc(&keys, '{');
    for (int i = 0; i <= JSON_MOST_KEYS; i++)
        buf_addf(&keys, "%s\"k%d\":1", i ? "," : "", i);
    buf_addc(&keys, '}');
    buf_addc(&text, '"');
    for (int i = 0; i <= JSON_MOST_STRING; i++)
        buf_addc(&text, 'x');
    buf_addc(&text, '"');
    const char *const bad[] = {"",         "{",           "{\"a\":1,\"a\":2}", "[1,]",    "nul",     "\"\\u0000\"",
                               "\"\xff\"", "{\"a\":1} x", deep.data,           keys.data, text.data, "'single'"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct error e = {0};
        if (parse(bad[i], &e))
            fail_msg("taken: %.40s", bad[i]);
        assert_true(*e.what);
    }
    struct error e;
    assert_null(parse("{\n  \"a\": tru\n}", &e));
    assert_string_equal(e.where, "line 2, column 10");
}

static void depth_counts_outside_strings_only(void **state)
{
    (void)state;
    struct error e;
    json_t *value = parse("\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[[\"", &e);
    assert_non_null(value);
    json_decref(value);
}

static void members(void **state)
{
    (void)state;
    struct error e;
    AUTOJSON *object = parse("{\"s\":\"x\",\"i\":7,\"r\":3.0,\"f\":1.5,\"b\":true,\"n\":null}", &e);
    assert_string_equal(json_str(object, "s", "-"), "x");
    assert_string_equal(json_str(object, "i", "-"), "-");
    assert_int_equal(json_int(object, "i", 0), 7);
    assert_int_equal(json_int(object, "r", 0), 3);
    assert_int_equal(json_int(object, "f", -1), -1);
    assert_int_equal(json_int(object, "s", -1), -1);
    assert_true(json_flag(object, "b", false));
    assert_true(json_flag(object, "n", true));
    json_put_str(object, "bad", "a\xff");
    assert_string_equal(json_str(object, "bad", ""), "a\xef\xbf\xbd");
    json_put_str(object, "empty", "");
    assert_null(json_object_get(object, "empty"));
}

static void text_without_a_tree(void **state)
{
    (void)state;
    AUTOBUF text = {0};
    json_write_open(&text, NULL, '{');
    json_write_str(&text, "escaped", "a\"b\\c/\n\x01\x7f\xc3\xa4");
    json_write_str(&text, "mended", "a\xff");
    json_write_str(&text, "empty", "");
    json_write_str(&text, "absent", NULL);
    json_write_int(&text, "least", INT64_MIN);
    json_write_int(&text, "zero", 0);
    json_write_open(&text, "list", '[');
    json_write_int(&text, NULL, 1);
    json_write_open(&text, NULL, '{');
    json_write_close(&text, '}');
    json_write_open(&text, NULL, '[');
    json_write_close(&text, ']');
    json_write_close(&text, ']');
    json_write_flag(&text, "yes", true);
    json_write_flag(&text, "no", false);
    json_write_null(&text, "nothing");
    json_write_time(&text, "time", 1772330400123);
    json_write_time(&text, "never", 0);
    json_write_seconds(&text, "seconds", 12345);
    json_write_seconds(&text, "before", -50);
    json_write_close(&text, '}');
    assert_string_equal(buf_str(&text),
                        "{\"escaped\":\"a\\\"b\\\\c/\\u000a\\u0001\x7f\xc3\xa4\",\"mended\":\"a\xef\xbf\xbd\","
                        "\"least\":-9223372036854775808,\"zero\":0,\"list\":[1,{},[]],\"yes\":true,\"no\":false,"
                        "\"nothing\":null,\"time\":\"2026-03-01T02:00:00.123Z\",\"never\":null,"
                        "\"seconds\":12.345,\"before\":-0.050}");
    struct error e;
    AUTOJSON *json = json_parse(buf_str(&text), text.len, &e);
    assert_string_equal(json_str(json, "escaped", ""), "a\"b\\c/\n\x01\x7f\xc3\xa4");
}

static void cloud_events(void **state)
{
    (void)state;
    static const struct {
        const char *json, *where; /* where null: good */
    } rows[] = {
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"}", NULL},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\",\"time\":\"2026-03-01T00:00:00Z\","
         "\"data\":{\"a\":1}}",
         NULL},
        {"{\"specversion\":\"0.3\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"}", "specversion"},
        {"{\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"}", "specversion"},
        {"{\"specversion\":\"1.0\",\"source\":\"s\",\"type\":\"t\"}", "id"},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"type\":\"t\"}", "source"},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\"}", "type"},
        {"{\"specversion\":\"1.0\",\"id\":7,\"source\":\"s\",\"type\":\"t\"}", "id"},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\",\"time\":\"yesterday\"}", "time"},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"a\\u000ab\"}", "type"},
        {"[]", ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct error e = {0};
        AUTOJSON *json = parse(rows[i].json, &e);
        struct cloud_event *event = cloud_event_from_json(json, 42, &e);
        if (!rows[i].where != !!event || (rows[i].where && strcmp(e.where, rows[i].where) != 0))
            fail_msg("row %zu: %s: %s", i, e.where, e.what);
        cloud_event_free(event);
    }
    struct error e;
    AUTOJSON *json = parse("{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\",\"data\":7}", &e);
    struct cloud_event *event = cloud_event_from_json(json, 42, &e);
    assert_int_equal(event->time, 42);
    assert_string_equal(event->subject, "");
    assert_int_equal(json_int(event->data, "value", 0), 7);
    cloud_event_free(event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals),     cmocka_unit_test(depth_counts_outside_strings_only),
        cmocka_unit_test(members),      cmocka_unit_test(text_without_a_tree),
        cmocka_unit_test(cloud_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
