/* SPDX-License-Identifier: Apache-2.0 */
/* Pings to the letter of healthchecks.io. */
#include "fakes.h"

#define UUID "5bf66975-d4c7-4bf5-bcc8-b8d8a82ea278"
static const char *const route = "/ping/**";

static void ping(enum http_method method, const char *rest)
{
    assert_int_equal(call(ping_routes, method, route, rest), ROLE_OPEN);
    settle(STORE_OK);
}

static void assert_pinged(enum report_kind kind, const char *job)
{
    assert_text(200, "OK");
    assert_string_equal(answer.type, "text/plain");
    assert_int_equal(world.report.kind, kind);
    assert_string_equal(world.reported->name, job);
}

static void a_uuid_pings_its_job(void **state)
{
    (void)state;
    add_job("nightly", UUID, "nightly");
    ping(METHOD_GET, UUID);
    assert_pinged(REPORT_SUCCESS, "nightly");
    assert_non_null(strstr(answer.headers, "Ping-Body-Limit: 10000\n"));
    assert_non_null(strstr(answer.headers, "Access-Control-Allow-Origin: *\n"));
    assert_false(world.report.has_exit_code);
    assert_null(world.report.body);
    assert_string_equal(world.report.node, "192.0.2.7");
    assert_string_equal(world.report.source, "http");
    assert_int_equal(world.report.time, 0);
    assert_int_equal(world.report.duration, -1);
    ping(METHOD_HEAD, UUID);
    assert_pinged(REPORT_SUCCESS, "nightly");
    ping(METHOD_POST, UUID "/");
    assert_pinged(REPORT_SUCCESS, "nightly");
    assert_int_equal(world.n_reports, 3);
}

static void the_action_stands_behind_the_job(void **state)
{
    (void)state;
    static const struct {
        const char *action;
        enum report_kind kind;
        int exit_code; /* -1: none */
    } cases[] = {
        {"/start", REPORT_START, -1}, {"/fail", REPORT_FAIL, -1}, {"/log", REPORT_LOG, -1}, {"/0", REPORT_SUCCESS, 0},
        {"/1", REPORT_FAIL, 1},       {"/255", REPORT_FAIL, 255}, {"/007", REPORT_FAIL, 7},
    };
    add_job("nightly", UUID, "night-ly_1");
    for (size_t i = 0; i < COUNT(cases); i++) {
        char url[80];
        for (int form = 0; form < 2; form++) {
            snprintf(url, sizeof url, "%s%s", form ? UUID : "s3cret-key/night-ly_1", cases[i].action);
            ping(METHOD_GET, url);
            assert_pinged(cases[i].kind, "nightly");
            assert_int_equal(world.report.has_exit_code, cases[i].exit_code >= 0);
            if (cases[i].exit_code >= 0)
                assert_int_equal(world.report.exit_code, cases[i].exit_code);
        }
    }
}

static void what_is_no_ping_is_not_found(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "/",
        "5bf66975-d4c7-4bf5-bcc8-b8d8a82ea279",
        UUID "/other",
        UUID "/-1",
        UUID "/1x",
        UUID "/start/now",
        UUID "//start",
        "nightly",
        "s3cret-key",
        "s3cret-key/",
        "s3cret-key/other",
        "s3cret-key/night.ly",
        "s3cret-key/nightly/other",
        "s3cret-key/nightly/start/now",
        "s3cret-kez/nightly",
        "s3cret-ke/nightly",
        "s3cret-key2/nightly",
        "/nightly",
    };
    add_job("nightly", UUID, "nightly");
    for (size_t i = 0; i < COUNT(wrong); i++) {
        ping(METHOD_GET, wrong[i]);
        assert_text(404, "not found");
    }
    assert_int_equal(world.n_reports, 0);
}

static void without_a_ping_key_there_are_no_slugs(void **state)
{
    (void)state;
    add_job("nightly", UUID, "nightly");
    static const char *const none[] = {"", NULL};
    for (size_t i = 0; i < COUNT(none); i++) {
        exchange.ping_key = none[i];
        ping(METHOD_GET, "/nightly");
        assert_text(404, "not found");
        ping(METHOD_GET, "key/nightly");
        assert_text(404, "not found");
    }
}

static void a_ping_key_may_look_like_a_uuid(void **state)
{
    (void)state;
    exchange.ping_key = "11111111-2222-3333-4444-555555555555";
    add_job("nightly", UUID, "nightly");
    ping(METHOD_GET, "11111111-2222-3333-4444-555555555555/nightly");
    assert_pinged(REPORT_SUCCESS, "nightly");
    ping(METHOD_GET, "11111111-2222-3333-4444-555555555555/nightly/fail");
    assert_pinged(REPORT_FAIL, "nightly");
}

static void malformed_urls_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {UUID "/256", UUID "/99999999999999999999", "s3cret-key/nightly/256",
                                        "s3cret-key/Nightly"};
    add_job("nightly", UUID, "nightly");
    for (size_t i = 0; i < COUNT(wrong); i++) {
        ping(METHOD_GET, wrong[i]);
        assert_text(400, "invalid url format");
    }
    assert_int_equal(world.n_reports, 0);
}

static void a_run_id_is_a_uuid(void **state)
{
    (void)state;
    add_job("nightly", UUID, "nightly");
    set_query("rid", "ABCDEF00-0000-4000-8000-000000000001");
    ping(METHOD_GET, UUID "/start");
    assert_pinged(REPORT_START, "nightly");
    assert_string_equal(world.report.rid, "ABCDEF00-0000-4000-8000-000000000001");
    set_query("rid", "abc");
    ping(METHOD_GET, UUID);
    assert_text(400, "invalid uuid format");
    set_query("rid", "");
    ping(METHOD_GET, UUID);
    assert_text(400, "invalid uuid format");
    ping(METHOD_GET, "5bf66975-d4c7-4bf5-bcc8-b8d8a82ea279");
    assert_text(404, "not found");
    assert_int_equal(world.n_reports, 1);
}

static void a_slug_may_be_ambiguous(void **state)
{
    (void)state;
    add_job("a", "", "same");
    add_job("b", "", "same");
    ping(METHOD_GET, "s3cret-key/same");
    assert_text(409, "ambiguous slug");
    set_query("create", "1");
    ping(METHOD_GET, "s3cret-key/same");
    assert_text(409, "ambiguous slug");
    add_job("taken", "", "other");
    ping(METHOD_GET, "s3cret-key/taken");
    assert_text(409, "ambiguous slug");
    assert_int_equal(world.n_created, 0);
}

static void an_unknown_slug_is_made_on_demand(void **state)
{
    (void)state;
    ping(METHOD_GET, "s3cret-key/new");
    assert_text(404, "not found");
    set_query("create", "0");
    ping(METHOD_GET, "s3cret-key/new");
    assert_text(404, "not found");
    set_query("create", "1");
    ping(METHOD_GET, "wrong-key/new");
    assert_text(404, "not found");
    ping(METHOD_GET, UUID);
    assert_text(404, "not found");
    assert_int_equal(world.n_created, 0);
    ping(METHOD_GET, "s3cret-key/new/start");
    assert_text(201, "Created");
    assert_non_null(strstr(answer.headers, "Ping-Body-Limit: 10000\n"));
    assert_int_equal(world.report.kind, REPORT_START);
    assert_string_equal(world.reported->name, "new");
    ping(METHOD_GET, "s3cret-key/new");
    assert_pinged(REPORT_SUCCESS, "new");
    assert_int_equal(world.n_created, 1);
}

static void nothing_is_made_by_a_bad_request(void **state)
{
    (void)state;
    set_query("create", "1");
    set_query("rid", "abc");
    ping(METHOD_GET, "s3cret-key/new");
    assert_text(400, "invalid uuid format");
    query[1].name = NULL;
    ping(METHOD_GET, "s3cret-key/New");
    assert_text(400, "invalid url format");
    world.create_error = "there are too many jobs";
    ping(METHOD_GET, "s3cret-key/new");
    assert_text(403, "there are too many jobs");
    assert_int_equal(world.n_created, 0);
    assert_int_equal(world.n_reports, 0);
}

static void other_methods_are_answered_but_only_logged(void **state)
{
    (void)state;
    strcpy(add_job("nightly", UUID, "nightly")->method, "POST");
    ping(METHOD_GET, UUID "/1");
    assert_pinged(REPORT_LOG, "nightly");
    assert_false(world.report.has_exit_code);
    assert_string_equal(world.body, "ignored: this job takes no GET");
    ping(METHOD_HEAD, UUID);
    assert_pinged(REPORT_LOG, "nightly");
    ping(METHOD_POST, UUID);
    assert_pinged(REPORT_SUCCESS, "nightly");
}

static void the_body_and_the_node_go_with_it(void **state)
{
    (void)state;
    add_job("nightly", UUID, "nightly");
    set_body("text/plain", "line one\nline two\n");
    set_query("node", "db-1");
    ping(METHOD_POST, UUID "/fail");
    assert_pinged(REPORT_FAIL, "nightly");
    assert_string_equal(world.body, "line one\nline two\n");
    assert_string_equal(world.report.node, "db-1");
    query[0].name = NULL;
    exchange.peer = "unix";
    ping(METHOD_POST, UUID);
    assert_null(world.report.node);
}

static void ok_is_said_only_when_it_is_on_disk(void **state)
{
    (void)state;
    add_job("nightly", UUID, "nightly");
    call(ping_routes, METHOD_GET, route, UUID);
    assert_int_equal(answer.times, 0);
    settle(STORE_FULL);
    assert_text(507, "no room on the disk");
    assert_non_null(strstr(answer.headers, "Retry-After: "));
    assert_null(strstr(answer.headers, "Ping-Body-Limit"));
    call(ping_routes, METHOD_GET, route, UUID);
    settle(STORE_FAILED);
    assert_text(503, "the store has failed");
}

static void nothing_is_taken_while_the_store_takes_nothing(void **state)
{
    (void)state;
    add_job("nightly", UUID, "nightly");
    set_query("create", "1");
    world.full = true;
    ping(METHOD_GET, UUID);
    assert_text(507, "no room on the disk");
    ping(METHOD_GET, "s3cret-key/new");
    assert_text(507, "no room on the disk");
    world.failed = true;
    ping(METHOD_GET, UUID);
    assert_text(503, "the store has failed");
    assert_int_equal(world.n_reports + world.n_created, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_uuid_pings_its_job),
        TEST(the_action_stands_behind_the_job),
        TEST(what_is_no_ping_is_not_found),
        TEST(without_a_ping_key_there_are_no_slugs),
        TEST(a_ping_key_may_look_like_a_uuid),
        TEST(malformed_urls_are_refused),
        TEST(a_run_id_is_a_uuid),
        TEST(a_slug_may_be_ambiguous),
        TEST(an_unknown_slug_is_made_on_demand),
        TEST(nothing_is_made_by_a_bad_request),
        TEST(other_methods_are_answered_but_only_logged),
        TEST(the_body_and_the_node_go_with_it),
        TEST(ok_is_said_only_when_it_is_on_disk),
        TEST(nothing_is_taken_while_the_store_takes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
