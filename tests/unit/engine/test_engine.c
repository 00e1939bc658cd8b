/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include "../fake_store.h"
#include "engine/engine.h"

#include <string.h>

static const int64_t midnight = 1772323200000; /* 2026-03-01T00:00:00Z */

struct world {
    struct loop *loop;
    struct store *store;
    struct engine *engine;
    struct config config;
    char told[4096]; /* "JobFailed+ JobFailed- JobStarted! " */
    char channels[256];
    char summary[512];
};

static void on_tell(void *ctx, const struct alert *alert, enum tell what, const struct belfry_list *channels,
                    const struct belfry_list *recipients)
{
    struct world *w = ctx;
    (void)recipients;
    size_t n = strlen(w->told);
    snprintf(w->told + n, sizeof w->told - n, "%s%c ", json_str(alert->labels, "alertname", ""),
             what == TELL_FIRING     ? '+'
             : what == TELL_RESOLVED ? '-'
                                     : '!');
    snprintf(w->channels, sizeof w->channels, "%s", channels->item[0]);
    snprintf(w->summary, sizeof w->summary, "%s", json_str(alert->annotations, "summary", ""));
}

static void open_engine(struct world *w)
{
    struct error e;
    w->engine = engine_new(&(struct engine_options){w->loop, w->store, on_tell, w});
    assert_int_equal(engine_restore(w->engine, &e), 0);
    engine_configure(w->engine, &w->config);
}

static void setup(struct world *w, struct config_alert *alerts, size_t n)
{
    static const char *const mail[] = {"mail"};
    for (size_t i = 0; i < n; i++) {
        alerts[i].notify = (struct belfry_list){1, mail};
        alerts[i].repeat_interval = 4 * HOUR;
    }
    *w = (struct world){.loop = loop_new(), .store = fake_store_new(), .config = {.alerts = alerts, .n_alerts = n}};
    loop_set_virtual(w->loop, midnight);
    open_engine(w);
}

static void teardown(struct world *w)
{
    engine_free(w->engine);
    fake_store_free(w->store);
    loop_free(w->loop);
}

static void happen(struct world *w, const char *type, const char *job, json_t *data)
{
    struct cloud_event *event = cloud_event_new(NULL, "belfry", type, job, loop_now(w->loop), data);
    engine_process(w->engine, event);
    cloud_event_free(event);
}

#define assert_told(w, text)                                                                                           \
    do {                                                                                                               \
        assert_string_equal((w)->told, text);                                                                          \
        (w)->told[0] = '\0';                                                                                           \
    } while (0)

static void each_trigger_tells_what_it_says(void **state)
{
    (void)state;
    static const struct {
        unsigned trigger;
        const char *told; /* over the life below */
    } rows[] = {
        {ON_START, "JobStarted! JobStarted! "},
        {ON_SUCCESS, "JobSucceeded! "},
        {ON_FAILURE, "JobFailed+ "},
        {ON_RETRY, "JobRetried! "},
        {ON_TIMEOUT, "JobTimedOut+ "},
        {ON_LATE, "JobLate+ "},
        {ON_MISSED, "JobMissed+ "},
        {ON_RECOVERY, "JobFailed- JobLate- JobMissed- JobTimedOut- "},
        {ON_COMPLETE, "JobCompleted! JobCompleted! JobCompleted! "},
        {ON_FAILURE | ON_RECOVERY, "JobFailed+ JobFailed- "},
        {ON_MISSED | ON_LATE | ON_RECOVERY, "JobMissed+ JobLate+ JobLate- JobMissed- "},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct world w;
        struct config_alert alert = {.id = "r", .job = "j", .triggers = rows[i].trigger};
        setup(&w, &alert, 1);
        const char *const life[] = {"job.missed",    "job.late",   "job.started", "job.retried",
                                    "job.timed_out", "job.failed", "job.started", "job.succeeded"};
        for (size_t k = 0; k < COUNT(life); k++) {
            happen(&w, life[k], "other", NULL);
            happen(&w, life[k], "j", NULL);
        }
        if (strcmp(w.told, rows[i].told) != 0)
            fail_msg("triggers %u told: %s", rows[i].trigger, w.told);
        assert_int_equal(fake_store_count(w.store, STORE_ALERTS), 0); /* all is over at the end of this life */
        teardown(&w);
    }
}

static void a_lasting_problem_is_told_again_by_repeat_interval(void **state)
{
    (void)state;
    struct world w;
    struct config_alert alert = {.id = "r", .job = "j", .triggers = ON_FAILURE};
    setup(&w, &alert, 1);
    happen(&w, "job.failed", "j", NULL);
    assert_told(&w, "JobFailed+ ");
    for (int i = 0; i < 23; i++) {
        loop_advance(w.loop, 10 * MINUTE);
        happen(&w, "job.failed", "j", NULL);
    }
    assert_told(&w, "");
    loop_advance(w.loop, 10 * MINUTE);
    happen(&w, "job.failed", "j", NULL);
    assert_told(&w, "JobFailed+ ");
    const struct alert *list[2];
    assert_int_equal(engine_list(w.engine, 0, 2, list), 1);
    assert_int_equal(list[0]->occurrences, 25);
    assert_int_equal(list[0]->starts_at, midnight);
    teardown(&w);
}

static void alerts_survive_a_restart(void **state)
{
    (void)state;
    struct world w;
    struct config_alert alert = {.id = "r", .job = "j", .triggers = ON_FAILURE | ON_RECOVERY};
    setup(&w, &alert, 1);
    happen(&w, "job.failed", "j", NULL);
    assert_told(&w, "JobFailed+ ");
    engine_free(w.engine);
    open_engine(&w);
    const struct alert *list[1];
    assert_int_equal(engine_list(w.engine, 0, 1, list), 1);
    assert_int_equal(list[0]->starts_at, midnight);
    happen(&w, "job.failed", "j", NULL);
    assert_told(&w, "");
    happen(&w, "job.succeeded", "j", NULL);
    assert_told(&w, "JobFailed- ");
    assert_int_equal(fake_store_count(w.store, STORE_ALERT_HISTORY), 1);
    assert_non_null(strstr(fake_store_newest(w.store, STORE_ALERT_HISTORY), "\"state\":\"resolved\""));
    teardown(&w);
}

static void alerts_of_rules_that_are_gone_end_untold(void **state)
{
    (void)state;
    struct world w;
    struct config_alert alerts[] = {{.id = "a", .job = "j", .triggers = ON_FAILURE | ON_RECOVERY},
                                    {.id = "b", .job = "j", .triggers = ON_FAILURE | ON_RECOVERY}};
    setup(&w, alerts, 2);
    happen(&w, "job.failed", "j", NULL);
    assert_told(&w, "JobFailed+ JobFailed+ ");
    w.config.n_alerts = 1;
    engine_configure(w.engine, &w.config);
    happen(&w, "job.succeeded", "j", NULL);
    assert_told(&w, "JobFailed- ");
    assert_int_equal(fake_store_count(w.store, STORE_ALERT_HISTORY), 2);
    teardown(&w);
}

static void patterns_match_jobs(void **state)
{
    (void)state;
    struct world w;
    struct config_alert alerts[] = {{.id = "a", .job = "model-*", .job_is_pattern = true, .triggers = ON_FAILURE}};
    setup(&w, alerts, 1);
    happen(&w, "job.failed", "model-a", NULL);
    happen(&w, "job.failed", "model-b", NULL);
    happen(&w, "job.failed", "other", NULL);
    assert_told(&w, "JobFailed+ JobFailed+ ");
    teardown(&w);
}

static void labels_and_annotations(void **state)
{
    (void)state;
    struct world w;
    const struct belfry_pair labels[] = {{"severity", "critical"}, {"job", "not this"}},
                             annotations[] = {{"runbook", "https://example.com/r"}};
    struct config_alert alert = {
        .id = "r", .job = "j", .triggers = ON_FAILURE, .labels = {2, labels}, .annotations = {1, annotations}};
    setup(&w, &alert, 1);
    happen(&w, "job.failed", "j",
           json_pack("{s:s, s:i, s:f, s:s, s:s}", "reason", "it exited with code 3", "exit_code", 3, "duration", 12.5,
                     "node", "n1", "output", "boom"));
    const struct alert *list[1];
    assert_int_equal(engine_list(w.engine, 0, 1, list), 1);
    const json_t *l = list[0]->labels, *a = list[0]->annotations;
    assert_string_equal(json_str(l, "alertname", ""), "JobFailed");
    assert_string_equal(json_str(l, "job", ""), "j");
    assert_string_equal(json_str(l, "severity", ""), "critical");
    assert_string_equal(json_str(a, "summary", ""), "j failed: it exited with code 3");
    assert_string_equal(json_str(a, "exit_code", ""), "3");
    assert_string_equal(json_str(a, "duration", ""), "12s500ms");
    assert_string_equal(json_str(a, "output", ""), "boom");
    assert_string_equal(json_str(a, "runbook", ""), "https://example.com/r");
    teardown(&w);
}

static void fingerprints_are_alertmanagers(void **state)
{
    (void)state;
    char out[17];
    AUTOJSON *one = json_pack("{s:s}", "alertname", "ok");
    alert_fingerprint(one, out);
    assert_string_equal(out, "01167342b0fed1b2");
    AUTOJSON *ab = json_pack("{s:s, s:s}", "a", "1", "b", "2");
    AUTOJSON *ba = json_pack("{s:s, s:s}", "b", "2", "a", "1");
    char other[17];
    alert_fingerprint(ab, out);
    alert_fingerprint(ba, other);
    assert_string_equal(out, other);
}

static void sample(struct world *w, int64_t time, const char *source, const char *data)
{
    struct error e;
    struct cloud_event *event =
        cloud_event_new(NULL, source, "metric.sample", "web-1", time, json_parse(data, strlen(data), &e));
    engine_process(w->engine, event);
    cloud_event_free(event);
}

static const char *fact(struct world *w, const char *name)
{
    static char text[100];
    AUTOJSON *facts = engine_facts(w->engine, "web-1");
    AUTOFREE char *value = json_text(json_object_get(json_object_get(facts, name), "value"));
    snprintf(text, sizeof text, "%s", value);
    return text;
}

static void facts_are_merged_by_event_time(void **state)
{
    (void)state;
    struct world w;
    setup(&w, NULL, 0);
    assert_null(engine_facts(w.engine, "web-1"));
    sample(&w, midnight, "a", "{\"cpu\":90,\"user\":\"x\"}");
    sample(&w, midnight - SECOND, "b", "{\"cpu\":10,\"disk\":7}"); /* late: only what is not known newer */
    assert_string_equal(fact(&w, "cpu"), "90");
    assert_string_equal(fact(&w, "disk"), "7");
    sample(&w, midnight + SECOND, "b", "{\"cpu\":20}");
    assert_string_equal(fact(&w, "cpu"), "20");
    struct engine_stats stats;
    engine_get_stats(w.engine, &stats);
    assert_int_equal(stats.late_facts, 1);
    fake_store_writes(w.store);
    sample(&w, midnight + 2 * SECOND, "b", "{\"cpu\":20}");
    assert_int_equal(fake_store_writes(w.store), 0); /* an unchanged repeat writes nothing */
    engine_free(w.engine);
    open_engine(&w);
    assert_string_equal(fact(&w, "cpu"), "20");
    loop_advance(w.loop, 8LL * DAY);
    assert_null(engine_facts(w.engine, "web-1"));
    assert_int_equal(fake_store_count(w.store, STORE_FACTS), 0);
    teardown(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_trigger_tells_what_it_says),
        cmocka_unit_test(a_lasting_problem_is_told_again_by_repeat_interval),
        cmocka_unit_test(alerts_survive_a_restart),
        cmocka_unit_test(alerts_of_rules_that_are_gone_end_untold),
        cmocka_unit_test(patterns_match_jobs),
        cmocka_unit_test(labels_and_annotations),
        cmocka_unit_test(fingerprints_are_alertmanagers),
        cmocka_unit_test(facts_are_merged_by_event_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
