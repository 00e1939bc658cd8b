/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include <stdio.h>
#include <string.h>

static void utf8(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
        int bad_at; /* -1: good */
    } rows[] = {
        {"", 0, -1},
        {"abc", 3, -1},
        {"\xe4\xb8\xa5\xe9\x87\x8d", 6, -1},
        {"\xf0\x9f\x98\x80", 4, -1},
        {"a\x80", 2, 1},
        {"\xc0\xaf", 2, 0},             /* overlong */
        {"\xe0\x80\xaf", 3, 0},         /* overlong */
        {"\xed\xa0\x80", 3, 0},         /* surrogate */
        {"\xf4\x90\x80\x80", 4, 0},     /* beyond U+10FFFF */
        {"\xf8\x88\x80\x80\x80", 5, 0}, /* no such form */
        {"ab\xe4\xb8", 4, 2},           /* cut */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t at = 999;
        bool good = text_is_utf8(rows[i].text, rows[i].len, &at);
        if (good != (rows[i].bad_at < 0) || (!good && (int)at != rows[i].bad_at))
            fail_msg("row %zu: %d at %zu", i, good, at);
        AUTOBUF mended = {0};
        text_add_utf8(&mended, rows[i].text, rows[i].len);
        assert_true(text_is_utf8(buf_str(&mended), mended.len, NULL));
    }
}

static void truncation_keeps_characters_whole(void **state)
{
    (void)state;
    for (size_t most = 0; most < 12; most++) {
        char text[] = "a\xe4\xb8\xa5\xf0\x9f\x98\x80z";
        text_truncate(text, most);
        assert_true(strlen(text) <= most);
        assert_true(text_is_utf8(text, strlen(text), NULL));
    }
}

static void quoting_makes_one_line_of_json(void **state)
{
    (void)state;
    AUTOBUF out = {0};
    text_quote(&out, "a\"b\\c\nd\te\x01\x7f\xc2\x85\xe2\x80\xae\xff\xe4\xb8\xa5");
    assert_string_equal(out.data, "\"a\\\"b\\\\c\\nd\\te\\u0001\\u007f\\u0085\\u202e\\ufffd\xe4\xb8\xa5\"");
    json_t *back = json_loads(out.data, JSON_DECODE_ANY, NULL);
    assert_non_null(back);
    json_decref(back);
}

static void numbers_and_sizes(void **state)
{
    (void)state;
    int64_t n;
    double d;
    assert_true(text_int("42", 0, 100, &n) && n == 42);
    assert_true(text_int("-7", -10, 0, &n) && n == -7);
    const char *const not_ints[] = {"", "-", "4 2", " 42", "42 ", "0x10", "1e3", "+5", "99999999999999999999", "101"};
    for (size_t i = 0; i < COUNT(not_ints); i++)
        assert_false(text_int(not_ints[i], 0, 100, &n));
    assert_true(text_number("0.5", &d) && d == 0.5);
    assert_true(text_number("-1e3", &d) && d == -1000);
    const char *const not_numbers[] = {"", "nan", "inf", "0x1p3", "1,5", " 1", "1e999", "e", "."};
    for (size_t i = 0; i < COUNT(not_numbers); i++)
        assert_false(text_number(not_numbers[i], &d));
    assert_true(text_size("64KiB", &n) && n == 65536);
    assert_true(text_size("10MB", &n) && n == 10000000);
    assert_true(text_size("512", &n) && n == 512);
    assert_false(text_size("10mib", &n) || text_size("-1", &n) || text_size("", &n) || text_size("99999999999GiB", &n));
}

static void nearest_name(void **state)
{
    (void)state;
    const char *const names[] = {"schedule", "timezone", "grace", "every", "uuid"};
    assert_string_equal(text_nearest("shedule", names, 5), "schedule");
    assert_string_equal(text_nearest("scheudle", names, 5), "schedule");
    assert_string_equal(text_nearest("Grace", names, 5), "grace");
    assert_null(text_nearest("something", names, 5));
    assert_null(text_nearest("x", names, 5));
    char longest[200];
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_null(text_nearest(longest, names, 5));
}

static void secrets_compare_by_bytes(void **state)
{
    (void)state;
    assert_true(text_same_secret("abc", 3, "abc", 3));
    assert_false(text_same_secret("abc", 3, "abd", 3));
    assert_false(text_same_secret("abc\0", 4, "abc", 3));
    assert_false(text_same_secret("", 0, "abc", 3));
}

static void uuids(void **state)
{
    (void)state;
    char a[37], b[37];
    text_new_uuid(a);
    text_new_uuid(b);
    assert_true(text_is_uuid(a) && text_is_uuid(b));
    assert_string_not_equal(a, b);
    assert_int_equal(a[14], '4');
    assert_false(text_is_uuid("") || text_is_uuid("0123") || text_is_uuid("01234567-89ab-cdef-0123-456789abcdef0"));
    assert_false(text_is_uuid("01234567-89ab-cdef-0123-456789abcdeg"));
}

static void urls_are_shown_without_secrets(void **state)
{
    (void)state;
    static const struct {
        const char *url, *shown;
    } rows[] = {
        {"https://user:pass@example.com:8443/a/b?key=1#f", "https://example.com:8443/a/b"},
        {"https://hooks.example.com/services/T00000000/B00000000/abcdefghijklmnopqrst",
         "https://hooks.example.com/services/T00000000/B00000000/***"},
        {"http://127.0.0.1:80", "http://127.0.0.1:80"},
        {"https://a@b@c/x", "https://c/x"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTOBUF out = {0};
        text_add_url(&out, rows[i].url);
        assert_string_equal(buf_str(&out), rows[i].shown);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8),
        cmocka_unit_test(truncation_keeps_characters_whole),
        cmocka_unit_test(quoting_makes_one_line_of_json),
        cmocka_unit_test(numbers_and_sizes),
        cmocka_unit_test(nearest_name),
        cmocka_unit_test(secrets_compare_by_bytes),
        cmocka_unit_test(uuids),
        cmocka_unit_test(urls_are_shown_without_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
