/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON surfaces and what operators call: every status and body, without a network. */
#include "fakes.h"

/* ---- jobs ---- */

static void jobs_come_in_pages(void **state)
{
    (void)state;
    add_job("a", "", "");
    add_job("b", "", "")->state = JOB_FAILED;
    add_job("c", "", "");
    set_query("limit", "2");
    assert_int_equal(call(api_job_routes, METHOD_GET, "/api/v1/jobs", NULL), ROLE_VIEW);
    assert_json(
        200, "{\"items\":[{\"name\":\"a\",\"state\":\"new\"},{\"name\":\"b\",\"state\":\"failed\"}],\"next\":\"b\"}");
    set_query("cursor", "b");
    call(api_job_routes, METHOD_GET, "/api/v1/jobs", NULL);
    assert_json(200, "{\"items\":[{\"name\":\"c\",\"state\":\"new\"}],\"next\":null}");
    set_query("limit", "0");
    call(api_job_routes, METHOD_GET, "/api/v1/jobs", NULL);
    assert_field(400, "limit");
    set_query("limit", "1001");
    call(api_job_routes, METHOD_GET, "/api/v1/jobs", NULL);
    assert_field(400, "limit");
}

static void jobs_are_filtered_by_state(void **state)
{
    (void)state;
    for (int i = 0; i < 1100; i++) {
        char name[16];
        snprintf(name, sizeof name, "j%04d", i);
        add_job(name, "", "")->state = i % 500 == 499 ? JOB_LATE : JOB_NEW;
    }
    set_query("state", "late");
    call(api_job_routes, METHOD_GET, "/api/v1/jobs", NULL);
    assert_json(
        200,
        "{\"items\":[{\"name\":\"j0499\",\"state\":\"late\"},{\"name\":\"j0999\",\"state\":\"late\"}],\"next\":null}");
    set_query("state", "new");
    call(api_job_routes, METHOD_GET, "/api/v1/jobs", NULL);
    assert_int_equal(json_array_size(json_object_get(answer.json, "items")), 100);
    assert_string_equal(json_str(answer.json, "next", ""), "j0099");
    set_query("state", "lat");
    call(api_job_routes, METHOD_GET, "/api/v1/jobs", NULL);
    assert_field(400, "state");
    assert_non_null(strstr(json_str(answer.json, "hint", ""), "'late'"));
}

static void the_last_full_page_of_jobs_says_so(void **state)
{
    (void)state;
    add_job("a", "", "");
    add_job("b", "", "");
    set_query("limit", "2");
    call(api_job_routes, METHOD_GET, "/api/v1/jobs", NULL);
    assert_true(json_is_null(json_object_get(answer.json, "next")));
}

static void one_job_is_shown(void **state)
{
    (void)state;
    add_job("nightly", "", "");
    call(api_job_routes, METHOD_GET, "/api/v1/jobs/*", "nightly");
    assert_json(200, "{\"name\":\"nightly\",\"state\":\"new\"}");
    call(api_job_routes, METHOD_GET, "/api/v1/jobs/*", "nigthly");
    assert_field(404, "name");
    assert_non_null(strstr(json_str(answer.json, "hint", ""), "'nightly'"));
}

static void runs_and_pings_come_from_history(void **state)
{
    (void)state;
    add_job("nightly", "", "");
    add_record(9, "{\"state\":\"failed\"}");
    add_record(7, "{\"id\":7,\"state\":\"succeeded\"}");
    set_query("since", "2026-03-01T00:00:00Z");
    call(api_job_routes, METHOD_GET, "/api/v1/jobs/*/runs", "nightly");
    assert_int_equal(answer.times, 0);
    settle(STORE_OK);
    assert_json(200, "{\"items\":[{\"id\":9,\"state\":\"failed\"},{\"id\":7,\"state\":\"succeeded\"}],\"next\":null}");
    assert_int_equal(world.query.table, STORE_RUNS);
    assert_string_equal(world.query.key, "nightly");
    assert_int_equal(world.query.since, 1772323200000);
    set_query("limit", "1");
    call(api_job_routes, METHOD_GET, "/api/v1/jobs/*/pings", "nightly");
    settle(STORE_OK);
    assert_string_equal(json_str(answer.json, "next", ""), "9");
    assert_int_equal(world.query.table, STORE_PINGS);
    set_query("cursor", "9");
    call(api_job_routes, METHOD_GET, "/api/v1/jobs/*/runs", "nightly");
    settle(STORE_OK);
    assert_json(200, "{\"items\":[{\"id\":7,\"state\":\"succeeded\"}],\"next\":\"7\"}");
}

static void history_says_what_it_cannot_do(void **state)
{
    (void)state;
    add_job("nightly", "", "");
    call(api_job_routes, METHOD_GET, "/api/v1/jobs/*/runs", "other");
    assert_answer(404);
    set_query("cursor", "x");
    call(api_job_routes, METHOD_GET, "/api/v1/jobs/*/runs", "nightly");
    assert_field(400, "cursor");
    set_query("cursor", "5");
    set_query("until", "yesterday");
    call(api_job_routes, METHOD_GET, "/api/v1/jobs/*/runs", "nightly");
    assert_field(400, "until");
    set_query("until", "2026-03-01T00:00:00Z");
    world.find_status = -1;
    call(api_job_routes, METHOD_GET, "/api/v1/jobs/*/runs", "nightly");
    settle(STORE_OK);
    assert_answer(500);
}

static void a_damaged_record_hides_no_other(void **state)
{
    (void)state;
    log_setup(LOG_ERROR, false);
    add_job("nightly", "", "");
    add_record(3, "{\"state\"");
    add_record(2, "[]");
    add_record(1, "{\"state\":\"failed\"}");
    call(api_job_routes, METHOD_GET, "/api/v1/jobs/*/runs", "nightly");
    settle(STORE_OK);
    assert_json(200,
                "{\"items\":[{\"error\":\"this record cannot be read\",\"id\":3},"
                "{\"error\":\"this record cannot be read\",\"id\":2},{\"id\":1,\"state\":\"failed\"}],\"next\":null}");
}

static void a_job_is_paused_and_resumed(void **state)
{
    (void)state;
    add_job("nightly", "", "");
    assert_int_equal(call(api_job_routes, METHOD_POST, "/api/v1/jobs/*/pause", "nightly"), ROLE_OPERATE | ROLE_ADMIN);
    assert_int_equal(answer.times, 0);
    settle(STORE_OK);
    assert_json(200, "{\"name\":\"nightly\",\"state\":\"paused\"}");
    call(api_job_routes, METHOD_POST, "/api/v1/jobs/*/resume", "nightly");
    settle(STORE_OK);
    assert_json(200, "{\"name\":\"nightly\",\"state\":\"scheduled\"}");
}

static void a_change_that_cannot_be_kept_is_told(void **state)
{
    (void)state;
    add_job("nightly", "", "");
    call(api_job_routes, METHOD_POST, "/api/v1/jobs/*/pause", "other");
    assert_answer(404);
    world.pause_error = "it is paused already";
    call(api_job_routes, METHOD_POST, "/api/v1/jobs/*/pause", "nightly");
    assert_answer(409);
    world.pause_error = NULL;
    call(api_job_routes, METHOD_POST, "/api/v1/jobs/*/pause", "nightly");
    settle(STORE_FULL);
    assert_answer(507);
    call(api_job_routes, METHOD_POST, "/api/v1/jobs/*/pause", "nightly");
    world.n_jobs = 0; /* gone by a reload */
    settle(STORE_OK);
    assert_answer(404);
    add_job("nightly", "", "");
    world.failed = true;
    call(api_job_routes, METHOD_POST, "/api/v1/jobs/*/pause", "nightly");
    assert_answer(503);
}

/* ---- alerts, facts ---- */

static void alerts_come_in_pages(void **state)
{
    (void)state;
    for (int64_t id = 1; id <= 3; id++)
        world.alerts[world.n_alerts++].id = id;
    set_query("limit", "2");
    assert_int_equal(call(api_alert_routes, METHOD_GET, "/api/v1/alerts", NULL), ROLE_VIEW);
    assert_json(200, "{\"items\":[{\"id\":1},{\"id\":2}],\"next\":\"2\"}");
    set_query("cursor", "2");
    call(api_alert_routes, METHOD_GET, "/api/v1/alerts", NULL);
    assert_json(200, "{\"items\":[{\"id\":3}],\"next\":null}");
    set_query("cursor", "3");
    call(api_alert_routes, METHOD_GET, "/api/v1/alerts", NULL);
    assert_json(200, "{\"items\":[],\"next\":null}");
}

static void ended_alerts_come_from_history(void **state)
{
    (void)state;
    add_record(4, "{\"state\":\"resolved\"}");
    call(api_alert_routes, METHOD_GET, "/api/v1/alerts/history", NULL);
    settle(STORE_OK);
    assert_json(200, "{\"items\":[{\"id\":4,\"state\":\"resolved\"}],\"next\":null}");
    assert_int_equal(world.query.table, STORE_ALERT_HISTORY);
    assert_null(world.query.key);
}

static void facts_are_found_by_subject(void **state)
{
    (void)state;
    call(api_alert_routes, METHOD_GET, "/api/v1/facts/**", "host/a");
    assert_json(200, "{\"facts\":{\"cpu\":{\"value\":91}},\"subject\":\"host/a\"}");
    call(api_alert_routes, METHOD_GET, "/api/v1/facts/**", "host/b");
    assert_field(404, "subject");
}

/* ---- notifications ---- */

static void add_pending(int64_t id, const char *channel, const char *verdict_state)
{
    if (!world.pending)
        world.pending = json_array();
    json_t *one_pending =
        json_pack("{s:o, s:s, s:s, s:[{s:s, s:{s:s}}], s:[{s:i}, {s:i}]}", "id", json_sprintf("abc-%d", (int)id),
                  "channel", channel, "state", verdict_state, "alerts", "fingerprint", "0123456789abcdef", "labels",
                  "alertname", "JobFailed", "attempts", "code", 500, "code", 503);
    json_array_append_new(world.pending, one_pending);
}

static void list_notifications(void)
{
    assert_int_equal(call(api_notification_routes, METHOD_GET, "/api/v1/notifications", NULL), ROLE_VIEW);
    settle(STORE_OK);
    assert_answer(200);
}

/* The ids shown, as "9 7 5 | next". */
static const char *shown(void)
{
    static char text[2048];
    const json_t *items = json_object_get(answer.json, "items");
    size_t len = 0;
    for (size_t i = 0; i < json_array_size(items); i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s ",
                                json_str(json_array_get(items, i), "id", "?") + strlen("abc-"));
    snprintf(text + len, sizeof text - len, "| %s", json_str(answer.json, "next", "null"));
    return text;
}

static void pending_and_finished_are_one_list(void **state)
{
    (void)state;
    add_pending(9, "email", "queued");
    add_pending(6, "email", "queued");
    add_pending(2, "email", "queued");
    add_record(8, "{\"id\":\"abc-8\"}");
    add_record(7, "{\"id\":\"abc-7\"}");
    add_record(3, "{\"id\":\"abc-3\"}");
    list_notifications();
    assert_string_equal(shown(), "9 8 7 6 3 2 | null");
    set_query("limit", "2");
    list_notifications();
    assert_string_equal(shown(), "9 8 | 8");
    set_query("cursor", "8");
    list_notifications();
    assert_string_equal(shown(), "7 6 | 6");
    set_query("cursor", "6");
    list_notifications();
    assert_string_equal(shown(), "3 2 | 2");
    set_query("cursor", "2");
    list_notifications();
    assert_string_equal(shown(), "| null");
}

static void one_that_finishes_meanwhile_is_shown_once(void **state)
{
    (void)state;
    add_pending(5, "email", "queued");
    add_record(5, "{\"id\":\"abc-5\",\"state\":\"delivered\"}");
    list_notifications();
    assert_json(200, "{\"items\":[{\"id\":\"abc-5\",\"state\":\"delivered\"}],\"next\":null}");
}

static void many_pending_ones_are_looked_at_in_parts(void **state)
{
    (void)state;
    for (int64_t id = 6000; id > 1000; id--)
        add_pending(id, id == 1001 || id == 5999 ? "rare" : "email", "queued");
    add_record(5500, "{\"id\":\"abc-5500\"}");
    add_record(10, "{\"id\":\"abc-10\"}");
    set_query("channel", "rare");
    AUTOBUF all = {0};
    char cursor[24];
    for (int page = 0; page < 10; page++) {
        list_notifications();
        const char *text = shown(), *next = strstr(text, "| ") + 2;
        buf_add(&all, text, (size_t)(next - 2 - text));
        if (strcmp(next, "null") == 0)
            break;
        snprintf(cursor, sizeof cursor, "%s", next);
        set_query("cursor", cursor);
    }
    assert_string_equal(buf_str(&all), "5999 5500 1001 10 ");
}

static void notifications_are_filtered(void **state)
{
    (void)state;
    add_pending(3, "email", "queued");
    add_pending(2, "hook", "retrying");
    static const struct {
        const char *name, *value, *shown;
    } cases[] = {
        {"channel", "hook", "2 | null"},
        {"state", "queued", "3 | null"},
        {"code", "503", "3 2 | null"},
        {"code", "500", "| null"},
        {"alert", "JobFailed", "3 2 | null"},
        {"alert", "JobLate", "| null"},
        {"alert", "0123456789abcdef", "3 2 | null"},
        {"alert", "fedcba9876543210", "| null"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        memset(query, 0, sizeof query);
        set_query(cases[i].name, cases[i].value);
        list_notifications();
        assert_string_equal(shown(), cases[i].shown);
    }
    memset(query, 0, sizeof query);
    set_query("channel", "hook");
    set_query("state", "failed");
    set_query("code", "410");
    set_query("alert", "JobFailed");
    list_notifications();
    assert_int_equal(world.query.table, STORE_NOTIFICATIONS);
    assert_string_equal(world.query.key, "hook");
    assert_string_equal(world.query.match[0].path, "$.state");
    assert_string_equal(world.query.match[0].value, "failed");
    assert_string_equal(world.query.match[1].path, "$.attempts[#-1].code");
    assert_string_equal(world.query.match[1].value, "410");
    assert_string_equal(world.query.match[2].path, "$.alerts[0].labels.alertname");
    assert_null(world.query.match[3].path);
}

static void a_list_that_cannot_be_read_is_an_error(void **state)
{
    (void)state;
    add_pending(3, "email", "queued");
    world.find_status = -1;
    call(api_notification_routes, METHOD_GET, "/api/v1/notifications", NULL);
    settle(STORE_OK);
    assert_answer(500);
}

static void one_notification_is_found_wherever_it_is(void **state)
{
    (void)state;
    add_pending(9, "email", "queued");
    add_record(8, "{\"id\":\"abc-8\",\"state\":\"delivered\"}");
    call(api_notification_routes, METHOD_GET, "/api/v1/notifications/*", "abc-9");
    assert_answer(200);
    assert_string_equal(json_str(answer.json, "state", ""), "queued");
    call(api_notification_routes, METHOD_GET, "/api/v1/notifications/*", "abc-8");
    settle(STORE_OK);
    assert_json(200, "{\"id\":\"abc-8\",\"state\":\"delivered\"}");
    static const char *const unknown[] = {"abc-7", "abc-10", "other-9", "9", "abc-9223372036854775807"};
    for (size_t i = 0; i < COUNT(unknown); i++) {
        call(api_notification_routes, METHOD_GET, "/api/v1/notifications/*", unknown[i]);
        settle(STORE_OK);
        assert_field(404, "id");
    }
    world.find_status = -1;
    call(api_notification_routes, METHOD_GET, "/api/v1/notifications/*", "abc-8");
    settle(STORE_OK);
    assert_answer(500);
}

static void channels_and_plugins_are_shown(void **state)
{
    (void)state;
    call(api_notification_routes, METHOD_GET, "/api/v1/channels", NULL);
    assert_answer(200);
    const json_t *first = json_array_get(json_object_get(answer.json, "items"), 0);
    assert_int_equal(json_int(json_object_get(first, "attempts"), "unavailable", -1), 1);
    assert_int_equal(json_int(first, "waiting", -1), 4);
    assert_string_equal(json_str(json_array_get(json_object_get(answer.json, "items"), 1), "last_error", ""), "gone");
    call(api_notification_routes, METHOD_GET, "/api/v1/plugins", NULL);
    assert_json(
        200, "{\"items\":[{\"file\":\"/p/smtp.so\",\"kind\":\"channel\",\"licence\":\"Apache-2.0\",\"name\":\"smtp\","
             "\"summary\":\"mail\",\"version\":\"1.0\"},{\"error\":\"writable by others\",\"file\":\"/p/bad.so\"}],"
             "\"next\":null}");
    call(api_notification_routes, METHOD_GET, "/api/v1/status", NULL);
    assert_answer(200);
    assert_string_equal(json_str(answer.json, "version", ""), "1.2.3");
}

/* ---- hooks ---- */

static void a_hook_is_the_plugins_to_answer(void **state)
{
    (void)state;
    exchange.query = "a=1&b=%20";
    set_body("application/json", "{\"x\":1}");
    assert_int_equal(call(hook_routes, METHOD_POST, "/hooks/*", "heartbeat"), ROLE_INGEST | ROLE_OPERATE | ROLE_ADMIN);
    assert_text(202, "taken");
    assert_string_equal(answer.type, "text/plain; charset=utf-8");
    assert_string_equal(world.hook.method, "POST");
    assert_string_equal(world.hook.query, "a=1&b=%20");
    assert_string_equal(world.hook.peer, "192.0.2.7");
    assert_string_equal(world.hook.body, "{\"x\":1}");
    assert_int_equal(world.hook.body_size, 7);
    assert_int_equal(world.hook.size, sizeof world.hook);
    call(hook_routes, METHOD_GET, "/hooks/*", "nobody");
    assert_field(404, "name");
}

/* ---- health ---- */

static void health_is_open_to_everyone(void **state)
{
    (void)state;
    assert_int_equal(call(health_routes, METHOD_GET, "/-/healthy", NULL), ROLE_OPEN);
    assert_text(200, "OK\n");
    assert_int_equal(call(health_routes, METHOD_GET, "/-/ready", NULL), ROLE_OPEN);
    assert_text(200, "OK\n");
    world.not_ready = "the disk is full";
    call(health_routes, METHOD_GET, "/-/ready", NULL);
    assert_text(503, "the disk is full\n");
}

static void a_reload_tells_its_problems(void **state)
{
    (void)state;
    assert_int_equal(call(health_routes, METHOD_POST, "/-/reload", NULL), ROLE_ADMIN);
    assert_text(200, "OK\n");
    world.problems = "a.yaml:1:2: error: no\n";
    call(health_routes, METHOD_POST, "/-/reload", NULL);
    assert_text(400, "a.yaml:1:2: error: no\n");
}

static void there_is_no_clock_in_real_time(void **state)
{
    (void)state;
    set_query("advance", "15s");
    call(health_routes, METHOD_GET, "/-/clock", NULL);
    assert_answer(404);
    assert_int_equal(call(health_routes, METHOD_POST, "/-/clock", NULL), ROLE_ADMIN);
    assert_answer(404);
}

static void virtual_time_is_moved(void **state)
{
    (void)state;
    loop_set_virtual(loop, 1772330400000);
    call(health_routes, METHOD_GET, "/-/clock", NULL);
    assert_json(200, "{\"now\":\"2026-03-01T02:00:00.000Z\"}");
    set_query("advance", "1m30s");
    call(health_routes, METHOD_POST, "/-/clock", NULL);
    assert_json(200, "{\"now\":\"2026-03-01T02:01:30.000Z\"}");
    static const char *const wrong[] = {"", "15", "-1s", "99y"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        set_query("advance", wrong[i]);
        call(health_routes, METHOD_POST, "/-/clock", NULL);
        assert_field(400, "advance");
    }
    query[0].name = NULL;
    call(health_routes, METHOD_POST, "/-/clock", NULL);
    assert_field(400, "advance");
    assert_int_equal(loop_now(loop), 1772330490000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(jobs_come_in_pages),
        TEST(jobs_are_filtered_by_state),
        TEST(the_last_full_page_of_jobs_says_so),
        TEST(one_job_is_shown),
        TEST(runs_and_pings_come_from_history),
        TEST(history_says_what_it_cannot_do),
        TEST(a_damaged_record_hides_no_other),
        TEST(a_job_is_paused_and_resumed),
        TEST(a_change_that_cannot_be_kept_is_told),
        TEST(alerts_come_in_pages),
        TEST(ended_alerts_come_from_history),
        TEST(facts_are_found_by_subject),
        TEST(pending_and_finished_are_one_list),
        TEST(one_that_finishes_meanwhile_is_shown_once),
        TEST(many_pending_ones_are_looked_at_in_parts),
        TEST(notifications_are_filtered),
        TEST(a_list_that_cannot_be_read_is_an_error),
        TEST(one_notification_is_found_wherever_it_is),
        TEST(channels_and_plugins_are_shown),
        TEST(a_hook_is_the_plugins_to_answer),
        TEST(health_is_open_to_everyone),
        TEST(a_reload_tells_its_problems),
        TEST(there_is_no_clock_in_real_time),
        TEST(virtual_time_is_moved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
