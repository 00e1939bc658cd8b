/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include "../fake_store.h"
#include "jobs/jobs.h"

#include <string.h>

static const int64_t midnight = 1772323200000; /* 2026-03-01T00:00:00Z, a Sunday */

/* A table of jobs on virtual time, with what it told. */
struct world {
    struct loop *loop;
    struct store *store;
    struct jobs *jobs;
    struct config config;
    char told[4096]; /* "job.started job.failed(reason) " */
};

static void on_event(void *ctx, struct cloud_event *event)
{
    struct world *w = ctx;
    size_t n = strlen(w->told);
    snprintf(w->told + n, sizeof w->told - n, "%s ", event->type);
    cloud_event_free(event);
}

static void open_jobs(struct world *w)
{
    struct error e;
    w->jobs = jobs_new(&(struct jobs_options){w->loop, w->store, on_event, w});
    assert_int_equal(jobs_restore(w->jobs, &e), 0);
    jobs_configure(w->jobs, &w->config);
}

static void setup(struct world *w, struct config_job *jobs, size_t n)
{
    *w = (struct world){.loop = loop_new(), .store = fake_store_new(), .config = {.jobs = jobs, .n_jobs = n}};
    loop_set_virtual(w->loop, midnight);
    open_jobs(w);
}

static void teardown(struct world *w)
{
    jobs_free(w->jobs);
    for (size_t i = 0; i < w->config.n_jobs; i++)
        schedule_free(w->config.jobs[i].schedule);
    fake_store_free(w->store);
    loop_free(w->loop);
}

static void restart(struct world *w)
{
    jobs_free(w->jobs);
    open_jobs(w);
}

static struct schedule *cron(const char *text)
{
    struct error e;
    struct schedule *schedule = schedule_parse(text, NULL, "j", &e);
    assert_non_null(schedule);
    return schedule;
}

static void report(struct world *w, enum report_kind kind, const char *rid)
{
    jobs_report(w->jobs, jobs_find(w->jobs, "j"),
                &(struct job_report){.kind = kind, .rid = rid, .duration = -1, .source = "test"});
}

#define assert_told(w, text)                                                                                           \
    do {                                                                                                               \
        assert_string_equal((w)->told, text);                                                                          \
        (w)->told[0] = '\0';                                                                                           \
    } while (0)

static const char *state_of(struct world *w)
{
    static char state[40];
    AUTOJSON *json = job_to_json(w->jobs, jobs_find(w->jobs, "j"));
    snprintf(state, sizeof state, "%s", json_str(json, "state", ""));
    return state;
}

static int observe(struct world *w, const char *type, const char *subject, const char *data, struct error *e)
{
    struct cloud_event *event =
        cloud_event_new(NULL, "s", type, subject, loop_now(w->loop), json_parse(data, strlen(data), e));
    int result = jobs_observe(w->jobs, event, e);
    cloud_event_free(event);
    return result;
}

static const char *rid_a = "11111111-1111-4111-8111-111111111111", *rid_b = "22222222-2222-4222-8222-222222222222";

static void a_run_is_followed(void **state)
{
    (void)state;
    struct world w;
    struct config_job job = {.name = "j"};
    setup(&w, &job, 1);
    assert_string_equal(state_of(&w), "new");
    report(&w, REPORT_START, rid_a);
    assert_string_equal(state_of(&w), "running");
    loop_advance(w.loop, 12500);
    jobs_report(w.jobs, jobs_find(w.jobs, "j"),
                &(struct job_report){.kind = REPORT_FAIL,
                                     .rid = rid_a,
                                     .has_exit_code = true,
                                     .exit_code = 3,
                                     .duration = -1,
                                     .body = "boom",
                                     .body_size = 4});
    assert_told(&w, "job.started job.failed ");
    AUTOJSON *json = job_to_json(w.jobs, jobs_find(w.jobs, "j"));
    const json_t *run = json_object_get(json, "last_run");
    assert_string_equal(json_str(json, "state", ""), "failed");
    assert_string_equal(json_str(json, "reason", ""), "it exited with code 3");
    assert_int_equal(json_int(json, "pings", 0), 2);
    assert_int_equal(json_int(run, "exit_code", 0), 3);
    assert_true(json_real_value(json_object_get(run, "duration")) == 12.5);
    assert_string_equal(json_str(run, "rid", ""), rid_a);
    assert_int_equal(fake_store_count(w.store, STORE_RUNS), 1);
    assert_int_equal(fake_store_count(w.store, STORE_PINGS), 2);
    assert_non_null(strstr(fake_store_newest(w.store, STORE_RUNS), "boom"));
    report(&w, REPORT_SUCCESS, NULL);
    assert_string_equal(state_of(&w), "succeeded");
    assert_told(&w, "job.succeeded ");
    teardown(&w);
}

static void runs_side_by_side_are_paired_by_rid(void **state)
{
    (void)state;
    struct world w;
    struct config_job job = {.name = "j"};
    setup(&w, &job, 1);
    report(&w, REPORT_START, rid_a);
    loop_advance(w.loop, 10 * SECOND);
    report(&w, REPORT_START, rid_b);
    loop_advance(w.loop, 10 * SECOND);
    report(&w, REPORT_SUCCESS, rid_a);
    AUTOJSON *json = job_to_json(w.jobs, jobs_find(w.jobs, "j"));
    assert_string_equal(json_str(json_object_get(json, "last_run"), "rid", ""), rid_b); /* still open */
    loop_advance(w.loop, 5 * SECOND);
    report(&w, REPORT_FAIL, rid_b);
    AUTOJSON *after = job_to_json(w.jobs, jobs_find(w.jobs, "j"));
    assert_true(json_real_value(json_object_get(json_object_get(after, "last_run"), "duration")) == 15);
    assert_told(&w, "job.started job.started job.succeeded job.failed ");
    teardown(&w);
}

static void a_rid_is_the_same_in_either_case(void **state)
{
    (void)state;
    struct world w;
    struct config_job job = {.name = "j"};
    setup(&w, &job, 1);
    report(&w, REPORT_START, "ABCDEF00-1111-4111-8111-111111111111");
    report(&w, REPORT_SUCCESS, "abcdef00-1111-4111-8111-111111111111");
    assert_int_equal(fake_store_count(w.store, STORE_RUNS), 1);
    assert_string_equal(state_of(&w), "succeeded");
    teardown(&w);
}

static void an_end_without_rid_ends_no_run_that_has_one(void **state)
{
    (void)state;
    struct world w;
    struct config_job job = {.name = "j"};
    setup(&w, &job, 1);
    report(&w, REPORT_START, rid_a);
    report(&w, REPORT_SUCCESS, NULL); /* the command pings by itself */
    report(&w, REPORT_FAIL, rid_a);   /* and then its wrapper says how it ended */
    assert_told(&w, "job.started job.succeeded job.failed ");
    report(&w, REPORT_SUCCESS, rid_a); /* another outcome is no repeat */
    assert_told(&w, "job.succeeded ");
    teardown(&w);
}

static void an_end_of_an_open_run_is_never_too_old(void **state)
{
    (void)state;
    struct world w;
    struct config_job job = {.name = "j"};
    setup(&w, &job, 1);
    report(&w, REPORT_START, rid_a);
    loop_advance(w.loop, HOUR);
    report(&w, REPORT_START, rid_b);
    jobs_report(w.jobs, jobs_find(w.jobs, "j"),
                &(struct job_report){.kind = REPORT_FAIL, .rid = rid_a, .time = midnight + MINUTE, .duration = -1});
    assert_told(&w, "job.started job.started job.failed ");
    teardown(&w);
}

static void a_clock_that_was_set_back_silences_nobody(void **state)
{
    (void)state;
    struct world w;
    struct config_job job = {
        .name = "j", .schedule = cron("0 2 * * *"), .schedule_text = "0 2 * * *", .grace = 10 * MINUTE};
    setup(&w, &job, 1);
    report(&w, REPORT_SUCCESS, NULL);
    jobs_free(w.jobs);
    loop_set_virtual(w.loop, midnight - 365LL * DAY);
    open_jobs(&w);
    report(&w, REPORT_FAIL, NULL);
    assert_told(&w, "job.succeeded job.failed ");
    loop_advance(w.loop, 2 * HOUR + 10 * MINUTE);
    assert_told(&w, "job.missed ");
    teardown(&w);
}

static void a_second_silence_is_told_too(void **state)
{
    (void)state;
    struct world w;
    struct config_job job = {.name = "j"};
    struct job_report alive = {.kind = REPORT_ALIVE, .alive_for = 15 * SECOND, .duration = -1};
    setup(&w, &job, 1);
    jobs_report(w.jobs, jobs_find(w.jobs, "j"), &alive);
    loop_advance(w.loop, 15 * SECOND);
    assert_told(&w, "job.started job.missed ");
    report(&w, REPORT_START, NULL); /* it starts again */
    jobs_report(w.jobs, jobs_find(w.jobs, "j"), &alive);
    assert_told(&w, "job.started job.alive ");
    restart(&w);
    loop_advance(w.loop, 15 * SECOND);
    assert_told(&w, "job.missed ");
    teardown(&w);
}

static void a_heartbeat_that_cannot_be_taken_is_heard(void **state)
{
    (void)state;
    struct world w;
    struct error e;
    struct config_job job = {.name = "j"};
    setup(&w, &job, 1);
    assert_int_equal(observe(&w, "job.heartbeat", "j", "{\"timeout\":15}", &e), 0);
    fake_store_writes(w.store);
    struct cloud_event *beat = cloud_event_new(NULL, "s", "job.heartbeat", "j", 0, json_pack("{s:i}", "timeout", 15));
    for (int i = 0; i < 10; i++) {
        loop_advance(w.loop, 10 * SECOND);
        jobs_hear(w.jobs, beat);
    }
    cloud_event_free(beat);
    assert_told(&w, "job.started ");
    assert_int_equal(fake_store_writes(w.store), 0);
    loop_advance(w.loop, 15 * SECOND);
    assert_told(&w, "job.missed ");
    teardown(&w);
}

static void a_new_promise_of_a_heartbeat_survives_a_restart(void **state)
{
    (void)state;
    struct world w;
    struct config_job job = {.name = "j"};
    setup(&w, &job, 1);
    for (int i = 0; i < 2; i++)
        jobs_report(
            w.jobs, jobs_find(w.jobs, "j"),
            &(struct job_report){.kind = REPORT_ALIVE, .alive_for = i ? 600 * SECOND : 15 * SECOND, .duration = -1});
    restart(&w);
    loop_advance(w.loop, 599 * SECOND);
    assert_told(&w, "job.started ");
    teardown(&w);
}

static void years_away_hold_nobody_up(void **state)
{
    (void)state;
    struct world w;
    struct config_job job = {.name = "j", .schedule = cron("* * * * *"), .schedule_text = "* * * * *", .grace = MINUTE};
    setup(&w, &job, 1);
    jobs_free(w.jobs);
    loop_set_virtual(w.loop, midnight + 60LL * 365 * DAY);
    open_jobs(&w);
    int64_t before = time_monotonic();
    loop_advance(w.loop, MINUTE);
    assert_told(&w, "job.missed ");
    assert_true(time_monotonic() - before < SECOND);
    loop_advance(w.loop, MINUTE); /* and counted from now on as ever */
    assert_told(&w, "job.missed ");
    teardown(&w);
}

static void repeats_and_old_news_change_history_only(void **state)
{
    (void)state;
    struct world w;
    struct config_job job = {.name = "j"};
    setup(&w, &job, 1);
    loop_advance(w.loop, HOUR);
    report(&w, REPORT_START, rid_a);
    report(&w, REPORT_START, rid_a);
    report(&w, REPORT_SUCCESS, rid_a);
    report(&w, REPORT_SUCCESS, rid_a);
    report(&w, REPORT_START, rid_a);
    jobs_report(w.jobs, jobs_find(w.jobs, "j"),
                &(struct job_report){.kind = REPORT_FAIL, .time = midnight + MINUTE, .duration = -1});
    assert_told(&w, "job.started job.succeeded ");
    assert_string_equal(state_of(&w), "succeeded");
    struct jobs_stats stats;
    jobs_get_stats(w.jobs, &stats);
    assert_int_equal(stats.stale, 3);
    teardown(&w);
}

static void a_slot_without_a_word_is_missed_once(void **state)
{
    (void)state;
    struct world w;
    struct config_job job = {
        .name = "j", .schedule = cron("0 2 * * *"), .schedule_text = "0 2 * * *", .grace = 10 * MINUTE};
    setup(&w, &job, 1);
    assert_string_equal(state_of(&w), "scheduled");
    loop_advance(w.loop, 2 * HOUR + 10 * MINUTE - 1);
    assert_told(&w, "");
    loop_advance(w.loop, 1);
    assert_told(&w, "job.missed ");
    assert_string_equal(state_of(&w), "missed");
    loop_advance(w.loop, 20 * HOUR);
    assert_told(&w, "");
    loop_advance(w.loop, 4 * HOUR);
    assert_told(&w, "job.missed ");
    report(&w, REPORT_SUCCESS, NULL);
    assert_told(&w, "job.succeeded ");
    /* That late success kept the slot of today; tomorrow's is the next. */
    loop_advance(w.loop, 23 * HOUR);
    assert_told(&w, "");
    teardown(&w);
}

static void an_early_report_keeps_the_slot(void **state)
{
    (void)state;
    struct world w;
    struct config_job job = {
        .name = "j", .schedule = cron("0 2 * * *"), .schedule_text = "0 2 * * *", .grace = 10 * MINUTE};
    setup(&w, &job, 1);
    loop_advance(w.loop, 2 * HOUR - 9 * MINUTE);
    report(&w, REPORT_SUCCESS, NULL);
    loop_advance(w.loop, 20 * HOUR);
    assert_told(&w, "job.succeeded ");
    teardown(&w);
}

static void a_report_far_from_the_slot_does_not_keep_it(void **state)
{
    (void)state;
    struct world w;
    struct config_job job = {
        .name = "j", .schedule = cron("0 2 * * *"), .schedule_text = "0 2 * * *", .grace = 10 * MINUTE};
    setup(&w, &job, 1);
    loop_advance(w.loop, HOUR);
    report(&w, REPORT_SUCCESS, NULL); /* a run by hand at 01:00 */
    loop_advance(w.loop, 2 * HOUR);
    assert_told(&w, "job.succeeded job.missed ");
    teardown(&w);
}

static void grace_longer_than_the_period(void **state)
{
    (void)state;
    struct world w;
    struct config_job job = {
        .name = "j", .schedule = cron("*/5 * * * *"), .schedule_text = "*/5 * * * *", .grace = 12 * MINUTE};
    setup(&w, &job, 1);
    loop_advance(w.loop, 5 * MINUTE + 12 * MINUTE);
    assert_told(&w, "job.missed ");
    AUTOJSON *json = job_to_json(w.jobs, jobs_find(w.jobs, "j"));
    assert_string_equal(json_str(json, "next_run", ""), "2026-03-01T00:10:00.000Z"); /* its grace is not over */
    report(&w, REPORT_SUCCESS, NULL); /* at 00:17: keeps the slots up to 00:15 */
    loop_advance(w.loop, 14 * MINUTE);
    assert_told(&w, "job.succeeded ");
    loop_advance(w.loop, MINUTE); /* 00:32: slot 00:20 */
    assert_told(&w, "job.missed ");
    teardown(&w);
}

static void start_finish_and_run_time_have_deadlines_of_their_own(void **state)
{
    (void)state;
    struct world w;
    struct config_job job = {.name = "j",
                             .schedule = cron("0 2 * * *"),
                             .schedule_text = "0 2 * * *",
                             .grace = HOUR,
                             .start_within = 5 * MINUTE,
                             .finish_within = 30 * MINUTE,
                             .max_runtime = 40 * MINUTE};
    setup(&w, &job, 1);
    loop_advance(w.loop, 2 * HOUR + 5 * MINUTE);
    assert_told(&w, "job.late ");
    report(&w, REPORT_START, rid_a); /* 02:05 */
    loop_advance(w.loop, 25 * MINUTE);
    assert_told(&w, "job.started job.late "); /* 02:30 */
    loop_advance(w.loop, 15 * MINUTE);
    assert_told(&w, "job.timed_out "); /* 02:45 */
    assert_string_equal(state_of(&w), "timed_out");
    loop_advance(w.loop, 10 * HOUR);
    assert_told(&w, "");
    report(&w, REPORT_SUCCESS, rid_a);
    assert_told(&w, "job.succeeded ");
    teardown(&w);
}

static void every_counts_from_the_last_word(void **state)
{
    (void)state;
    struct world w;
    struct config_job job = {.name = "j", .every = 5 * MINUTE, .grace = MINUTE};
    setup(&w, &job, 1);
    loop_advance(w.loop, 4 * MINUTE);
    report(&w, REPORT_SUCCESS, NULL);
    loop_advance(w.loop, 6 * MINUTE - 1);
    assert_told(&w, "job.succeeded ");
    loop_advance(w.loop, 1);
    assert_told(&w, "job.missed ");
    loop_advance(w.loop, 5 * MINUTE);
    assert_told(&w, "job.missed ");
    teardown(&w);
}

static void a_heartbeat_that_stops_is_missed_and_may_come_back(void **state)
{
    (void)state;
    struct world w;
    struct config_job job = {.name = "j"};
    setup(&w, &job, 1);
    for (int i = 0; i < 10; i++) {
        struct job_report alive = {.kind = REPORT_ALIVE, .alive_for = 15 * SECOND, .duration = -1};
        jobs_report(w.jobs, jobs_find(w.jobs, "j"), &alive);
        if (i)
            assert_int_equal(fake_store_writes(w.store), 0); /* nothing new, nothing written */
        fake_store_writes(w.store);
        loop_advance(w.loop, 5 * SECOND);
    }
    assert_told(&w, "job.started ");
    loop_advance(w.loop, 10 * SECOND);
    assert_told(&w, "job.missed ");
    assert_string_equal(state_of(&w), "missed");
    jobs_report(w.jobs, jobs_find(w.jobs, "j"),
                &(struct job_report){.kind = REPORT_ALIVE, .alive_for = 15 * SECOND, .duration = -1});
    assert_told(&w, "job.alive ");
    report(&w, REPORT_SUCCESS, NULL);
    loop_advance(w.loop, HOUR);
    assert_told(&w, "job.succeeded "); /* an end promises no further heartbeat */
    teardown(&w);
}

static void a_restart_changes_nothing(void **state)
{
    (void)state;
    struct world w;
    struct config_job job = {.name = "j",
                             .schedule = cron("0 2 * * *"),
                             .schedule_text = "0 2 * * *",
                             .grace = 10 * MINUTE,
                             .max_runtime = HOUR};
    setup(&w, &job, 1);
    loop_advance(w.loop, 2 * HOUR);
    report(&w, REPORT_START, rid_a);
    fake_store_writes(w.store);
    restart(&w);
    assert_int_equal(fake_store_writes(w.store), 0);
    assert_string_equal(state_of(&w), "running");
    loop_advance(w.loop, 30 * MINUTE);
    restart(&w);
    loop_advance(w.loop, 30 * MINUTE);
    assert_told(&w, "job.started job.timed_out ");
    restart(&w);
    report(&w, REPORT_SUCCESS, rid_a);
    restart(&w);
    report(&w, REPORT_SUCCESS, rid_a); /* told again after the restart */
    loop_advance(w.loop, 23 * HOUR);
    assert_told(&w, "job.succeeded ");
    loop_advance(w.loop, 10 * MINUTE);
    assert_told(&w, "job.missed ");
    teardown(&w);
}

static void what_came_due_while_the_agent_was_down_gets_a_minute(void **state)
{
    (void)state;
    struct world w;
    struct config_job job = {
        .name = "j", .schedule = cron("0 2 * * *"), .schedule_text = "0 2 * * *", .grace = 10 * MINUTE};
    setup(&w, &job, 1);
    jobs_free(w.jobs);
    w.jobs = NULL;
    loop_advance(w.loop, 3 * HOUR);
    open_jobs(&w);
    loop_advance(w.loop, 59 * SECOND);
    assert_told(&w, "");
    report(&w, REPORT_SUCCESS, NULL);
    loop_advance(w.loop, HOUR);
    assert_told(&w, "job.succeeded ");
    jobs_free(w.jobs);
    loop_advance(w.loop, 23 * HOUR);
    open_jobs(&w);
    loop_advance(w.loop, MINUTE);
    assert_told(&w, "job.missed ");
    teardown(&w);
}

static void a_new_plan_begins_anew_and_an_old_one_goes_on(void **state)
{
    (void)state;
    struct world w;
    struct config_job job = {
        .name = "j", .schedule = cron("0 2 * * *"), .schedule_text = "0 2 * * *", .grace = 10 * MINUTE};
    setup(&w, &job, 1);
    loop_advance(w.loop, 2 * HOUR + 5 * MINUTE);
    jobs_configure(w.jobs, &w.config);
    loop_advance(w.loop, 5 * MINUTE);
    assert_told(&w, "job.missed ");
    schedule_free(job.schedule);
    job.schedule = cron("0 4 * * *");
    job.schedule_text = "0 4 * * *";
    jobs_configure(w.jobs, &w.config);
    loop_advance(w.loop, 2 * HOUR);
    assert_told(&w, "job.missed ");
    w.config.n_jobs = 0;
    jobs_configure(w.jobs, &w.config);
    assert_null(jobs_find(w.jobs, "j"));
    assert_int_equal(fake_store_count(w.store, STORE_JOBS), 0);
    w.config.n_jobs = 1;
    teardown(&w);
}

static void pause_and_resume(void **state)
{
    (void)state;
    struct world w;
    struct error e;
    struct config_job job = {
        .name = "j", .schedule = cron("0 2 * * *"), .schedule_text = "0 2 * * *", .grace = 10 * MINUTE};
    setup(&w, &job, 1);
    struct job *j = jobs_find(w.jobs, "j");
    assert_int_equal(jobs_pause(w.jobs, j, &e), 0);
    assert_int_equal(jobs_pause(w.jobs, j, &e), -1);
    loop_advance(w.loop, 5 * HOUR);
    assert_told(&w, "");
    assert_int_equal(jobs_resume(w.jobs, j, &e), 0);
    assert_int_equal(jobs_resume(w.jobs, j, &e), -1);
    loop_advance(w.loop, 20 * HOUR);
    assert_told(&w, "");
    loop_advance(w.loop, 2 * HOUR);
    assert_told(&w, "job.missed ");
    assert_int_equal(jobs_pause(w.jobs, j, &e), 0);
    report(&w, REPORT_SUCCESS, NULL);
    assert_string_equal(state_of(&w), "succeeded");
    teardown(&w);
}

static void events_become_reports(void **state)
{
    (void)state;
    struct world w;
    struct error e;
    struct config_job job = {.name = "j"};
    setup(&w, &job, 1);
    assert_int_equal(observe(&w, "metric.sample", "j", "{}", &e), 1);
    assert_int_equal(observe(&w, "job.report", "j", "{\"status\":\"start\"}", &e), 0);
    assert_int_equal(observe(&w, "job.report", "", "{\"job_id\":\"j\",\"status\":\"success\",\"exit_code\":1}", &e), 0);
    assert_told(&w, "job.started job.failed ");
    assert_int_equal(observe(&w, "job.heartbeat", "j-1",
                             "{\"status\":\"running\",\"timeout\":15,\"create\":true,\"node_ip\":\"10.0.0.1\"}", &e),
                     0);
    assert_told(&w, "job.started ");
    assert_non_null(jobs_find(w.jobs, "j-1"));
    static const struct {
        const char *data, *where;
    } bad[] = {
        {"{\"status\":\"start\",\"job_id\":\"nobody\"}", "data.job_id"},
        {"{}", "data.status"},
        {"{\"status\":\"sideways\"}", "data.status"},
        {"{\"status\":7}", "data.status"},
        {"{\"status\":\"fail\",\"exit_code\":256}", "data.exit_code"},
        {"{\"status\":\"fail\",\"exit_code\":\"1\"}", "data.exit_code"},
        {"{\"status\":\"fail\",\"rid\":\"x\"}", "data.rid"},
        {"{\"status\":\"fail\",\"duration\":-1}", "data.duration"},
        {"{\"status\":\"start\",\"create\":true,\"job_id\":\"a/b\"}", "data.job_id"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        e = (struct error){0};
        if (observe(&w, "job.report", "j", bad[i].data, &e) != -1 || strcmp(e.where, bad[i].where) != 0)
            fail_msg("%s: %s: %s", bad[i].data, e.where, e.what);
    }
    assert_told(&w, "");
    fake_store_writes(w.store);
    struct cloud_event *good =
        cloud_event_new(NULL, "s", "job.report", "new", 0, json_pack("{s:s, s:b}", "status", "start", "create", 1));
    assert_int_equal(jobs_check(w.jobs, good, &e), 0);
    cloud_event_free(good);
    assert_null(jobs_find(w.jobs, "new")); /* a check changes nothing */
    assert_int_equal(fake_store_writes(w.store), 0);
    teardown(&w);
}

static void jobs_are_found_and_listed(void **state)
{
    (void)state;
    struct world w;
    struct error e;
    bool ambiguous;
    struct config_job jobs[] = {
        {.name = "b",
         .slug = "same",
         .uuid = "0a1b2c3d-0000-4000-8000-000000000001",
         .methods = {1, (const char *const[]){"POST"}}},
        {.name = "a", .slug = "same"},
        {.name = "c", .slug = "c"},
    };
    setup(&w, jobs, 3);
    assert_string_equal(job_name(jobs_find_uuid(w.jobs, "0A1B2C3D-0000-4000-8000-000000000001")), "b");
    assert_null(jobs_find_uuid(w.jobs, "0a1b2c3d-0000-4000-8000-000000000002"));
    assert_null(jobs_find_slug(w.jobs, "same", &ambiguous));
    assert_true(ambiguous);
    assert_null(jobs_find_slug(w.jobs, "none", &ambiguous));
    assert_false(ambiguous);
    assert_string_equal(job_name(jobs_find_slug(w.jobs, "c", &ambiguous)), "c");
    assert_false(job_takes_method(jobs_find(w.jobs, "b"), "GET"));
    assert_true(job_takes_method(jobs_find(w.jobs, "a"), "GET"));
    w.told[0] = '\0';
    assert_int_equal(observe(&w, "job.report", "0A1B2C3D-0000-4000-8000-000000000001", "{\"status\":\"start\"}", &e),
                     0);
    assert_int_equal(observe(&w, "job.report", "c", "{\"status\":\"start\"}", &e), 0);
    assert_int_equal(observe(&w, "job.report", "same", "{\"status\":\"start\"}", &e), -1);
    assert_told(&w, "job.started job.started ");
    assert_non_null(jobs_create(w.jobs, "bb", &e));
    assert_null(jobs_create(w.jobs, "bb", &e));
    const struct job *page[2];
    assert_int_equal(jobs_list(w.jobs, NULL, 2, page), 2);
    assert_string_equal(job_name(page[0]), "a");
    assert_string_equal(job_name(page[1]), "b");
    assert_int_equal(jobs_list(w.jobs, "b", 2, page), 2);
    assert_string_equal(job_name(page[0]), "bb");
    assert_string_equal(job_name(page[1]), "c");
    assert_int_equal(jobs_list(w.jobs, "c", 2, page), 0);
    restart(&w);
    assert_non_null(jobs_find(w.jobs, "bb")); /* made by a report: it stays */
    teardown(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_is_followed),
        cmocka_unit_test(runs_side_by_side_are_paired_by_rid),
        cmocka_unit_test(a_rid_is_the_same_in_either_case),
        cmocka_unit_test(an_end_without_rid_ends_no_run_that_has_one),
        cmocka_unit_test(an_end_of_an_open_run_is_never_too_old),
        cmocka_unit_test(a_clock_that_was_set_back_silences_nobody),
        cmocka_unit_test(a_second_silence_is_told_too),
        cmocka_unit_test(a_heartbeat_that_cannot_be_taken_is_heard),
        cmocka_unit_test(a_new_promise_of_a_heartbeat_survives_a_restart),
        cmocka_unit_test(years_away_hold_nobody_up),
        cmocka_unit_test(repeats_and_old_news_change_history_only),
        cmocka_unit_test(a_slot_without_a_word_is_missed_once),
        cmocka_unit_test(an_early_report_keeps_the_slot),
        cmocka_unit_test(a_report_far_from_the_slot_does_not_keep_it),
        cmocka_unit_test(grace_longer_than_the_period),
        cmocka_unit_test(start_finish_and_run_time_have_deadlines_of_their_own),
        cmocka_unit_test(every_counts_from_the_last_word),
        cmocka_unit_test(a_heartbeat_that_stops_is_missed_and_may_come_back),
        cmocka_unit_test(a_restart_changes_nothing),
        cmocka_unit_test(what_came_due_while_the_agent_was_down_gets_a_minute),
        cmocka_unit_test(a_new_plan_begins_anew_and_an_old_one_goes_on),
        cmocka_unit_test(pause_and_resume),
        cmocka_unit_test(events_become_reports),
        cmocka_unit_test(jobs_are_found_and_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
