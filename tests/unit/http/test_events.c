/* SPDX-License-Identifier: Apache-2.0 */
/* CloudEvents in: structured, binary, batch. */
#include "fakes.h"

static const char *const one = "application/cloudevents+json", *const many = "application/cloudevents-batch+json";

static unsigned post_events(void)
{
    return call(api_event_routes, METHOD_POST, "/api/v1/events", NULL);
}

static void a_structured_event_is_accepted_once_it_is_on_disk(void **state)
{
    (void)state;
    set_body(
        one,
        "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\",\"subject\":\"x\",\"data\":{\"a\":1}}");
    assert_int_equal(post_events(), ROLE_INGEST | ROLE_OPERATE | ROLE_ADMIN);
    assert_int_equal(answer.times, 0);
    settle(STORE_OK);
    assert_json(200, "{\"accepted\":1}");
    assert_string_equal(world.events[0]->subject, "x");
    assert_int_equal(json_int(world.events[0]->data, "a", 0), 1);
}

static void plain_json_is_taken_if_it_says_what_it_is(void **state)
{
    (void)state;
    set_body("application/json", "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"}");
    post_events();
    settle(STORE_OK);
    assert_json(200, "{\"accepted\":1}");
    set_body("application/json", "{\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"}");
    post_events();
    assert_field(400, "specversion");
}

static void mistakes_in_an_event_are_named(void **state)
{
    (void)state;
    set_body(one, "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\"}");
    post_events();
    assert_field(400, "type");
    set_body(one, "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\",\"data_base64\":\"AA==\"}");
    post_events();
    assert_field(400, "data_base64");
    set_body(one, "{\"specversion\"");
    post_events();
    assert_answer(400);
    set_body("text/plain", "x");
    post_events();
    assert_field(415, "content-type");
    set_body("", "{}");
    post_events();
    assert_answer(415);
    assert_int_equal(world.n_events, 0);
}

static void header_values_are_decoded(void **state)
{
    (void)state;
    set_header("ce-specversion", "1.0");
    set_header("ce-id", "Euro%20%E2%82%AC%20%F0%9F%98%80");
    set_header("ce-source", "\"with \\\"quotes\\\"\"");
    set_header("ce-type", "t");
    set_header("ce-time", "2026-03-01T02:00:00Z");
    set_body("application/json", "{\"a\":2}");
    post_events();
    settle(STORE_OK);
    assert_json(200, "{\"accepted\":1}");
    assert_string_equal(world.events[0]->id, "Euro € 😀");
    assert_string_equal(world.events[0]->source, "with \"quotes\"");
    assert_int_equal(world.events[0]->time, 1772330400000);
    assert_int_equal(json_int(world.events[0]->data, "a", 0), 2);
}

static void a_binary_event_may_have_no_data(void **state)
{
    (void)state;
    set_header("ce-specversion", "1.0");
    set_header("ce-id", "1");
    set_header("ce-source", "s");
    set_header("ce-type", "t");
    post_events();
    settle(STORE_OK);
    assert_json(200, "{\"accepted\":1}");
    set_body("text/plain", "not JSON");
    post_events();
    assert_answer(415);
}

static void header_values_that_mean_nothing_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"%", "%4", "%zz", "a%00b", "%ff%fe"};
    set_header("ce-specversion", "1.0");
    set_header("ce-source", "s");
    set_header("ce-type", "t");
    set_header("ce-id", "1");
    set_body("application/json", "{}");
    for (size_t i = 0; i < COUNT(wrong); i++) {
        header[3].value = wrong[i];
        post_events();
        assert_field(400, "ce-id");
    }
    header[3].name = "ce-subject"; /* now there is no id */
    header[3].value = "x";
    post_events();
    assert_field(400, "ce-id");
    header[0].name = "ce-other";
    post_events();
    assert_field(400, "ce-specversion");
}

static void a_batch_is_checked_before_any_of_it_is_taken(void **state)
{
    (void)state;
    set_body(many, "[{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"},"
                   "{\"specversion\":\"1.0\",\"id\":\"2\",\"source\":\"s\"}]");
    post_events();
    assert_field(400, "events[1].type");
    assert_int_equal(world.n_events, 0);
    set_body(many, "[{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"},7]");
    post_events();
    assert_field(400, "events[1]");
    set_body(many,
             "[{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"},"
             "{\"specversion\":\"1.0\",\"id\":\"2\",\"source\":\"s\",\"type\":\"job.report\",\"subject\":\"nobody\"}]");
    post_events();
    assert_field(404, "events[1].subject");
    assert_int_equal(world.n_events, 0);
    set_body(many, "{}");
    post_events();
    assert_answer(400);
}

static void a_batch_is_answered_when_all_of_it_is_on_disk(void **state)
{
    (void)state;
    set_body(many, "[{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"},"
                   "{\"specversion\":\"1.0\",\"id\":\"2\",\"source\":\"s\",\"type\":\"t\"}]");
    post_events();
    assert_int_equal(n_waiting, 2);
    waiting[0].commit(waiting[0].ctx, STORE_OK);
    assert_int_equal(answer.times, 0);
    waiting[1].commit(waiting[1].ctx, STORE_OK);
    n_waiting = 0;
    assert_json(200, "{\"accepted\":2}");
    post_events();
    waiting[0].commit(waiting[0].ctx, STORE_FULL);
    waiting[1].commit(waiting[1].ctx, STORE_OK);
    assert_answer(507);
}

static void a_batch_may_be_empty_but_not_endless(void **state)
{
    (void)state;
    set_body(many, "[]");
    post_events();
    assert_json(200, "{\"accepted\":0}");
    AUTOBUF long_one = {0};
    for (int i = 0; i <= 1000; i++)
        buf_adds(&long_one, i ? ",{}" : "[{}");
    buf_addc(&long_one, ']');
    set_body(many, buf_str(&long_one));
    post_events();
    assert_answer(413);
}

static void a_thousand_events_are_not_too_many(void **state)
{
    (void)state;
    AUTOBUF batch = {0};
    for (int i = 0; i < 1000; i++)
        buf_addf(&batch, "%c{\"specversion\":\"1.0\",\"id\":\"%d\",\"source\":\"s\",\"type\":\"t\"}", i ? ',' : '[', i);
    buf_addc(&batch, ']');
    set_body(many, buf_str(&batch));
    world.refuse_from = 1; /* everything was read before the first is handed over */
    error_set(&world.refusal, "enough");
    error_where(&world.refusal, "data.status");
    post_events();
    assert_field(400, "events[0].data.status");
}

static void what_the_engine_refuses_is_told(void **state)
{
    (void)state;
    world.refuse_from = 1;
    error_set(&world.refusal, "unknown job 'x'");
    error_where(&world.refusal, "data.job_id");
    error_mend(&world.refusal, "did you mean 'y'?");
    set_body(one, "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"}");
    post_events();
    assert_field(404, "data.job_id");
    assert_string_equal(json_str(answer.json, "hint", ""), "did you mean 'y'?");
    error_set(&world.refusal, "unknown status 'x'");
    error_where(&world.refusal, "data.status");
    post_events();
    assert_field(400, "data.status");
}

static void a_disk_that_fills_up_meanwhile_is_no_fault_of_the_sender(void **state)
{
    (void)state;
    world.refuse_from = 1;
    world.full_meanwhile = true;
    error_set(&world.refusal, "nothing new can be stored");
    set_body(one, "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"}");
    post_events();
    assert_answer(507);
}

static void what_was_taken_before_a_refusal_is_told_too(void **state)
{
    (void)state;
    world.refuse_from = 2;
    error_set(&world.refusal, "unknown status 'x'");
    error_where(&world.refusal, "data.status");
    set_body(many, "[{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"},"
                   "{\"specversion\":\"1.0\",\"id\":\"2\",\"source\":\"s\",\"type\":\"t\"},"
                   "{\"specversion\":\"1.0\",\"id\":\"3\",\"source\":\"s\",\"type\":\"t\"}]");
    post_events();
    assert_int_equal(answer.times, 0);
    settle(STORE_OK);
    assert_field(400, "events[1].data.status");
    assert_non_null(strstr(json_str(answer.json, "hint", ""), "1 events before"));
}

static void what_the_agent_cannot_take_is_refused_before_it_is_taken(void **state)
{
    (void)state;
    set_body(one,
             "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"job.report\",\"subject\":\"nobody\"}");
    post_events();
    assert_field(404, "subject");
    assert_int_equal(world.n_events, 0);
}

static void nothing_is_taken_while_the_store_takes_nothing(void **state)
{
    (void)state;
    set_body(one, "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"}");
    world.full = true;
    post_events();
    assert_answer(507);
    world.full = false;
    world.failed = true;
    post_events();
    assert_answer(503);
    assert_int_equal(world.n_events, 0);
    world.failed = false;
    post_events();
    settle(STORE_FAILED);
    assert_answer(503);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_structured_event_is_accepted_once_it_is_on_disk),
        TEST(plain_json_is_taken_if_it_says_what_it_is),
        TEST(mistakes_in_an_event_are_named),
        TEST(header_values_are_decoded),
        TEST(a_binary_event_may_have_no_data),
        TEST(header_values_that_mean_nothing_are_refused),
        TEST(a_batch_is_checked_before_any_of_it_is_taken),
        TEST(a_batch_is_answered_when_all_of_it_is_on_disk),
        TEST(a_batch_may_be_empty_but_not_endless),
        TEST(a_thousand_events_are_not_too_many),
        TEST(what_the_engine_refuses_is_told),
        TEST(a_disk_that_fills_up_meanwhile_is_no_fault_of_the_sender),
        TEST(what_was_taken_before_a_refusal_is_told_too),
        TEST(what_the_agent_cannot_take_is_refused_before_it_is_taken),
        TEST(nothing_is_taken_while_the_store_takes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
