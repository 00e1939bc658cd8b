/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../../tests/plugins/mock_host.h"
#include "json.h"

extern const struct belfry_plugin webhook_LTX_belfry_plugin;
static const struct belfry_plugin *const webhook = &webhook_LTX_belfry_plugin;

#define OPTIONS(...)                                                                                                   \
    (const struct belfry_pair[])                                                                                       \
    {                                                                                                                  \
        __VA_ARGS__,                                                                                                   \
        {                                                                                                              \
            0                                                                                                          \
        }                                                                                                              \
    }
#define URL                                                                                                            \
    {                                                                                                                  \
        "url", "https://hooks.example.com/x"                                                                           \
    }

static void sends_alertmanagers_json(void **state)
{
    (void)state;
    struct mock_host *mock = mock_open(webhook, OPTIONS(URL, {"headers", "X-Team: ml\nX-Note: a: b"}));
    struct belfry_notification notification = mock_notification();
    struct mock_request *request = mock_compose(mock, &notification);
    assert_non_null(request);
    assert_string_equal(request->pub.url, "https://hooks.example.com/x");
    assert_string_equal(request->pub.method, "POST");
    assert_string_equal(request->pub.body, notification.json);
    assert_int_equal(request->pub.body_size, strlen(notification.json));
    assert_string_equal(mock_header(request, "Content-Type"), "application/json; charset=utf-8");
    assert_string_equal(mock_header(request, "X-Team"), "ml");
    assert_string_equal(mock_header(request, "X-Note"), "a: b");
    assert_int_equal(strncmp(mock_header(request, "User-Agent"), "belfry/", 7), 0);
    mock_close(mock);
}

static void a_retry_has_the_same_id_and_a_new_time(void **state)
{
    (void)state;
    struct mock_host *mock = mock_open(webhook, OPTIONS(URL));
    struct belfry_notification notification = mock_notification();
    struct mock_request *first = mock_compose(mock, &notification);
    mock_advance(mock, 61000);
    notification.attempt = 2;
    struct mock_request *second = mock_compose(mock, &notification);
    assert_string_equal(mock_header(first, "webhook-id"), "01hf-7x");
    assert_string_equal(mock_header(second, "webhook-id"), "01hf-7x");
    assert_string_equal(mock_header(first, "Idempotency-Key"), "01hf-7x");
    assert_string_equal(mock_header(second, "Idempotency-Key"), "01hf-7x");
    assert_string_equal(mock_header(first, "webhook-timestamp"), "1700000000");
    assert_string_equal(mock_header(second, "webhook-timestamp"), "1700000061");
    mock_close(mock);
}

static void hands_over_what_the_transfer_needs(void **state)
{
    (void)state;
    struct mock_host *mock =
        mock_open(webhook, OPTIONS(URL, {"method", "PUT"}, {"username", "u"}, {"password", "p"}, {"ca_file", "/ca"},
                                   {"cert_file", "/cert"}, {"key_file", "/key"}, {"unix_socket", "/run/x.sock"},
                                   {"headers", "user-agent: mine"}));
    struct belfry_notification notification = mock_notification();
    struct mock_request *request = mock_compose(mock, &notification);
    assert_string_equal(request->pub.method, "PUT");
    assert_string_equal(request->pub.username, "u");
    assert_string_equal(request->pub.password, "p");
    assert_string_equal(request->pub.ca_file, "/ca");
    assert_string_equal(request->pub.cert_file, "/cert");
    assert_string_equal(request->pub.key_file, "/key");
    assert_string_equal(request->pub.unix_socket, "/run/x.sock");
    assert_string_equal(mock_header(request, "User-Agent"), "mine");
    for (size_t i = 0, n = 0; i < request->n_headers; i++)
        assert_true((n += strcasecmp(request->headers[i].key, "User-Agent") == 0) <= 1);
    mock_close(mock);

    mock = mock_open(webhook, OPTIONS(URL, {"bearer", "t0ken"}));
    assert_string_equal(mock_compose(mock, &notification)->pub.bearer, "t0ken");
    mock_close(mock);
}

static void a_get_has_no_body(void **state)
{
    (void)state;
    struct mock_host *mock = mock_open(webhook, OPTIONS(URL, {"method", "GET"}));
    struct belfry_notification notification = mock_notification();
    struct mock_request *request = mock_compose(mock, &notification);
    assert_int_equal(request->pub.body_size, 0);
    assert_null(mock_header(request, "Content-Type"));
    assert_non_null(mock_header(request, "webhook-id"));
    mock_close(mock);
}

static void escapes_by_the_content_type(void **state)
{
    (void)state;
    static const struct {
        const char *type, *template, *body;
    } cases[] = {
        {"application/json", "{\"job\": \"{{ labels.job }}\"}", "{\"job\": \"nightly \\u0022etl\\u0022\"}"},
        {"Application/Problem+JSON; charset=utf-8", "[\"{{ labels.job }}\"]", "[\"nightly \\u0022etl\\u0022\"]"},
        {"text/plain; charset=utf-8", "{{ labels.job }}!", "nightly \"etl\"!"},
        {"text/html", "<b>{{ labels.job }}</b>", "<b>nightly &#34;etl&#34;</b>"},
        {"application/xml", "<a b=\"{{ labels.job }}\"/>", "<a b=\"nightly &#34;etl&#34;\"/>"},
    };
    struct belfry_notification notification = mock_notification();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mock_host *mock =
            mock_open(webhook, OPTIONS(URL, {"content_type", cases[i].type}, {"body", cases[i].template}));
        struct mock_request *request = mock_compose(mock, &notification);
        assert_string_equal(request->pub.body, cases[i].body);
        assert_int_equal(request->pub.body_size, strlen(cases[i].body));
        assert_string_equal(mock_header(request, "content-type"), cases[i].type);
        mock_close(mock);
    }
}

static void a_body_that_is_not_json_is_found_at_load(void **state)
{
    (void)state;
    mock_expect_refusal(webhook, OPTIONS(URL, {"body", "{\"a\": {{ title }}}"}), "body", "line 1, column 7");
    mock_expect_refusal(webhook, OPTIONS(URL, {"body", "{\n  \"a\": 1,\n}"}), "body", "line 3, column 1");
    mock_expect_refusal(webhook, OPTIONS(URL, {"body", "status={{ status }}"}), "body", "content_type");
}

static void what_only_real_values_break_is_refused_then(void **state)
{
    (void)state;
    struct mock_host *mock = mock_open(webhook, OPTIONS(URL, {"body", "{\"a\": 1{{ labels.job }}}"}));
    struct belfry_notification notification = mock_notification();
    assert_null(mock_compose(mock, &notification));
    assert_string_equal(mock->error_option, "body");
    mock_close(mock);
}

static void refuses_bad_options(void **state)
{
    (void)state;
    mock_expect_refusal(webhook, OPTIONS({"url", "ftp://x"}), "url", "http");
    mock_expect_refusal(webhook, OPTIONS(URL, {"method", "DELETE"}), "method", "POST");
    mock_expect_refusal(webhook, OPTIONS(URL, {"headers", "X-A: b\x01"}), "headers", "X-A");
    mock_expect_refusal(webhook, OPTIONS(URL, {"headers", "X A: b"}), "headers", "X A");
    mock_expect_refusal(webhook, OPTIONS(URL, {"headers", "webhook-ID: b"}), "headers", "itself");
    mock_expect_refusal(webhook, OPTIONS(URL, {"headers", "content-type: b"}), "headers", "itself");
    mock_expect_refusal(webhook, OPTIONS(URL, {"username", "u"}, {"bearer", "b"}), "bearer", "both");
    mock_expect_refusal(webhook, OPTIONS(URL, {"password", "p"}), "password", "username");
    mock_expect_refusal(webhook, OPTIONS(URL, {"key_file", "/k"}), "key_file", "cert_file");
    mock_expect_refusal(webhook, OPTIONS({"url", "http://x"}, {"ca_file", "/c"}), "ca_file", "https");
    mock_expect_refusal(webhook, OPTIONS(URL, {"method", "GET"}, {"body", "{}"}), "body", "GET");
    mock_expect_refusal(webhook, OPTIONS(URL, {"content_type", "text/plain"}), "content_type", "body");
    mock_expect_refusal(webhook, OPTIONS(URL, {"content_type", "application/x-www-form-urlencoded"}, {"body", "a=b"}),
                        "content_type", "forms");
}

static void judges_as_http(void **state)
{
    (void)state;
    static const struct {
        uint32_t net;
        int code;
        uint32_t outcome;
    } cases[] = {
        {BELFRY_NET_OK, 204, BELFRY_DELIVERED},      {BELFRY_NET_OK, 302, BELFRY_REJECTED},
        {BELFRY_NET_OK, 400, BELFRY_REJECTED},       {BELFRY_NET_OK, 410, BELFRY_DISABLED},
        {BELFRY_NET_OK, 429, BELFRY_RATE_LIMITED},   {BELFRY_NET_OK, 503, BELFRY_UNAVAILABLE},
        {BELFRY_NET_TIMEOUT, 0, BELFRY_UNAVAILABLE},
    };
    struct mock_host *mock = mock_open(webhook, OPTIONS(URL));
    struct belfry_notification notification = mock_notification();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct belfry_reply reply = {.net = cases[i].net, .code = cases[i].code};
        assert_int_equal(mock_judge(mock, &notification, &reply).outcome, cases[i].outcome);
    }
    mock_close(mock);
}

static void knows_json(void **state)
{
    (void)state;
    static const char *const good[] = {
        "{}",
        "[]",
        " [ ] ",
        "null",
        "true",
        "\"\"",
        "-0",
        "0.5e-10",
        "1E+3",
        "{\"a\":[1,2,{\"b\":null}],\"c\":\"\\u00e9\\n\\\\a\\\"\"}",
        "[\"\\\\\"]",
        "\"磁盘\"",
        "[[[[[[[[]]]]]]]]",
        "\n{ \"a\" : 1 }\n",
    };
    static const struct {
        const char *text;
        size_t fault;
    } bad[] = {
        {"", 0},      {"{", 1},   {"[1,]", 3}, {"{\"a\"}", 4}, {"{\"a\":}", 5},    {"{a:1}", 1},  {"{\"a\":1,}", 7},
        {"01", 1},    {"1.", 2},  {".5", 0},   {"+1", 0},      {"1e", 2},          {"-", 1},      {"nul", 0},
        {"truex", 4}, {"'a'", 0}, {"\"a", 2},  {"\"\\x\"", 2}, {"\"\\u12g4\"", 2}, {"\"\n\"", 1}, {"[1 2]", 3},
        {"{} {}", 3}, {"[1}", 2}, {"NaN", 0},  {"\"\\", 2},    {"\"\\u00\"", 2},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (json_find_fault(good[i]))
            fail_msg("%s is JSON", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *fault = json_find_fault(bad[i].text);
        if (fault != bad[i].text + bad[i].fault)
            fail_msg("%s: fault at %td", bad[i].text, fault ? fault - bad[i].text : -1);
    }
    char deep[200] = "";
    memset(deep, '[', 65);
    memset(deep + 65, ']', 65);
    assert_ptr_equal(json_find_fault(deep), deep + 64);
    deep[129] = '\0';
    assert_null(json_find_fault(deep + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_alertmanagers_json),
        cmocka_unit_test(a_retry_has_the_same_id_and_a_new_time),
        cmocka_unit_test(hands_over_what_the_transfer_needs),
        cmocka_unit_test(a_get_has_no_body),
        cmocka_unit_test(escapes_by_the_content_type),
        cmocka_unit_test(a_body_that_is_not_json_is_found_at_load),
        cmocka_unit_test(what_only_real_values_break_is_refused_then),
        cmocka_unit_test(refuses_bad_options),
        cmocka_unit_test(judges_as_http),
        cmocka_unit_test(knows_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
