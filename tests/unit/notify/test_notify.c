/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include "../fake_store.h"
#include "notify/notify.h"

#include <string.h>

static const int64_t midnight = 1772323200000; /* 2026-03-01T00:00:00Z */

/* ---- channels whose attempts end when the test says so ---- */

struct instance {
    const char *name;
};
struct attempt {
    struct instance *channel;
    void (*done)(void *ctx, const struct channel_result *);
    void *ctx;
    char id[64], title[256], recipients[256];
    unsigned number;
    bool cancelled;
};
static struct attempt *under_way[100];
static size_t n_under_way;
static char last_id[64], last_title[256], last_recipients[256];

struct attempt *channel_send(struct instance *channel, const struct belfry_notification *n,
                             void (*done)(void *ctx, const struct channel_result *), void *ctx)
{
    struct attempt *a = NEW(struct attempt);
    *a = (struct attempt){.channel = channel, .done = done, .ctx = ctx, .number = n->attempt};
    snprintf(a->id, sizeof a->id, "%s", n->id);
    snprintf(a->title, sizeof a->title, "%s", n->title);
    for (size_t i = 0; i < n->recipients.n; i++) {
        strncat(a->recipients, n->recipients.item[i], sizeof a->recipients - strlen(a->recipients) - 1);
        strncat(a->recipients, " ", sizeof a->recipients - strlen(a->recipients) - 1);
    }
    under_way[n_under_way++] = a;
    return a;
}

void attempt_cancel(struct attempt *attempt)
{
    attempt->cancelled = true;
}

/* End the oldest attempt of a channel. */
static void answer(const char *channel, struct channel_result result)
{
    size_t i = 0;
    while (i < n_under_way && (strcmp(under_way[i]->channel->name, channel) != 0 || under_way[i]->cancelled))
        i++;
    if (i == n_under_way)
        fail_msg("no attempt of %s is under way", channel);
    struct attempt *a = under_way[i];
    memmove(&under_way[i], &under_way[i + 1], (n_under_way - i - 1) * sizeof *under_way);
    n_under_way--;
    snprintf(last_id, sizeof last_id, "%s", a->id);
    snprintf(last_title, sizeof last_title, "%s", a->title);
    snprintf(last_recipients, sizeof last_recipients, "%s", a->recipients);
    result.text = result.text ? result.text : "because";
    a->done(a->ctx, &result);
    free(a);
}

static size_t count(const char *channel)
{
    size_t n = 0;
    for (size_t i = 0; i < n_under_way; i++)
        n += !under_way[i]->cancelled && strcmp(under_way[i]->channel->name, channel) == 0;
    return n;
}

/* ---- a house with three channels ---- */

struct world {
    struct loop *loop;
    struct store *store;
    struct notify *notify;
    struct config_channel config[3];
    struct instance instances[3];
    int released;
    bool drained;
};

static void on_released(void *generation)
{
    ++*(int *)generation;
}

static void configure(struct world *w, size_t n)
{
    struct notify_channel channels[3];
    for (size_t i = 0; i < n; i++)
        channels[i] = (struct notify_channel){&w->config[i], &w->instances[i]};
    notify_set_external_url(w->notify, "http://belfry.example.com");
    notify_configure(w->notify, channels, n, on_released, &w->released);
}

static void open_notify(struct world *w)
{
    struct error e;
    w->notify = notify_new(&(struct notify_options){w->loop, w->store, "0123456789ab"});
    assert_int_equal(notify_restore(w->notify, &e), 0);
    configure(w, 3);
}

static void setup(struct world *w)
{
    static const char *const names[] = {"mail", "hook", "spare"};
    *w = (struct world){.loop = loop_new(), .store = fake_store_new()};
    for (size_t i = 0; i < 3; i++) {
        w->instances[i].name = names[i];
        w->config[i] = (struct config_channel){
            .name = names[i],
            .plugin = "x",
            .language = "en",
            .fallback = "",
            .send_resolved = 1,
            .retry = {.delay = 10 * SECOND, .factor = 2, .max_delay = MINUTE, .give_up_after = HOUR}};
    }
    loop_set_virtual(w->loop, midnight);
    open_notify(w);
}

static void forget_attempts(void)
{
    while (n_under_way)
        free(under_way[--n_under_way]);
}

static void teardown(struct world *w)
{
    fake_store_commit(w->store, STORE_FAILED); /* waits that are left, as the store tells them when it is closed */
    notify_free(w->notify);
    forget_attempts();
    fake_store_free(w->store);
    loop_free(w->loop);
}

/* As a crash: nothing is finished, the store is what is left. */
static void restart(struct world *w)
{
    fake_store_commit(w->store, STORE_OK);
    notify_free(w->notify);
    forget_attempts();
    open_notify(w);
}

static void tell_job(struct world *w, const char *channel, const char *job, enum tell what)
{
    AUTOJSON *labels = json_pack("{s:s, s:s}", "alertname", "JobFailed", "job", job);
    AUTOJSON *annotations = json_pack("{s:s, s:s}", "summary", "it failed", "reason", "it exited with code 3");
    struct alert alert = {.id = 1,
                          .rule = (char[]){"r"},
                          .labels = labels,
                          .annotations = annotations,
                          .starts_at = midnight,
                          .ends_at = what == TELL_RESOLVED ? loop_now(w->loop) : 0,
                          .fingerprint = "00"};
    const char *const to[] = {"a@example.com", "b@example.com"};
    notify_alert(w->notify, &alert, what, &(struct belfry_list){1, &channel}, &(struct belfry_list){2, to});
}

static void tell(struct world *w, const char *channel, const char *job)
{
    tell_job(w, channel, job, TELL_FIRING);
    fake_store_commit(w->store, STORE_OK);
}

static const struct channel_result delivered = {.outcome = BELFRY_DELIVERED, .code = 200},
                                   unavailable = {.outcome = BELFRY_UNAVAILABLE, .code = 503},
                                   rejected = {.outcome = BELFRY_REJECTED, .code = 400},
                                   disabled = {.outcome = BELFRY_DISABLED, .code = 401};

static const char *history(struct world *w)
{
    const char *data = fake_store_newest(w->store, STORE_NOTIFICATIONS);
    return data ? data : "";
}

#define assert_has(text, part)                                                                                         \
    do {                                                                                                               \
        if (!strstr(text, part))                                                                                       \
            fail_msg("no %s in %s", part, text);                                                                       \
    } while (0)

/* ---- tests ---- */

static void nothing_is_sent_before_it_is_on_disk(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    tell_job(&w, "mail", "j", TELL_FIRING);
    loop_advance(w.loop, MINUTE);
    assert_int_equal(count("mail"), 0);
    assert_int_equal(fake_store_count(w.store, STORE_OUTBOX), 1);
    fake_store_commit(w.store, STORE_OK);
    assert_int_equal(count("mail"), 1);
    answer("mail", delivered);
    assert_string_equal(last_title, "[FIRING] Job failed: j");
    assert_string_equal(last_recipients, "a@example.com b@example.com ");
    assert_true(text_starts(last_id, "0123456789ab-"));
    assert_int_equal(fake_store_count(w.store, STORE_OUTBOX), 0);
    assert_has(history(&w), "\"state\":\"delivered\"");
    assert_has(history(&w), "\"verdict\":\"delivered\"");
    teardown(&w);
}

static void a_second_of_a_group_waits_for_its_own_commit_and_for_the_first(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    tell(&w, "mail", "j");
    tell_job(&w, "mail", "j", TELL_RESOLVED); /* not committed yet */
    answer("mail", delivered);
    assert_int_equal(count("mail"), 0);
    fake_store_commit(w.store, STORE_OK);
    assert_int_equal(count("mail"), 1);
    tell(&w, "mail", "j");
    assert_int_equal(count("mail"), 1);
    answer("mail", delivered);
    assert_string_equal(last_title, "[RESOLVED] Job failed: j");
    assert_int_equal(count("mail"), 1);
    answer("mail", delivered);
    teardown(&w);
}

static void a_channel_may_hear_of_no_recovery(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    w.config[0].send_resolved = 0;
    tell_job(&w, "mail", "j", TELL_RESOLVED);
    tell_job(&w, "hook", "j", TELL_RESOLVED);
    fake_store_commit(w.store, STORE_OK);
    assert_int_equal(count("mail"), 0);
    assert_int_equal(count("hook"), 1);
    teardown(&w);
}

static void a_failed_write_sends_nothing_and_a_full_disk_does(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    tell_job(&w, "mail", "j", TELL_FIRING);
    fake_store_commit(w.store, STORE_FAILED);
    assert_int_equal(count("mail"), 0);
    tell_job(&w, "hook", "j", TELL_FIRING);
    fake_store_commit(w.store, STORE_FULL);
    assert_int_equal(count("hook"), 1);
    teardown(&w);
}

static void retries_back_off_within_their_bounds_and_keep_the_id(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    tell(&w, "mail", "j");
    char id[64];
    int64_t bound = 10 * SECOND;
    for (unsigned i = 1; i <= 8; i++) {
        assert_int_equal(under_way[0]->number, i);
        answer("mail", unavailable);
        if (i == 1)
            strcpy(id, last_id);
        assert_string_equal(last_id, id);
        int64_t before = loop_now(w.loop);
        while (!count("mail"))
            loop_advance(w.loop, 100);
        assert_true(loop_now(w.loop) - before <= bound + 100);
        bound = bound * 2 > MINUTE ? MINUTE : bound * 2;
    }
    answer("mail", delivered);
    assert_string_equal(last_id, id);
    assert_has(history(&w), "\"attempt_count\":9");
    teardown(&w);
}

static void retry_after_is_obeyed_and_holds_the_whole_channel(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    tell(&w, "mail", "a");
    answer("mail", (struct channel_result){.outcome = BELFRY_RATE_LIMITED, .code = 429, .retry_after = 5 * MINUTE});
    tell(&w, "mail", "b");
    tell(&w, "hook", "a");
    assert_int_equal(count("hook"), 1); /* others go on */
    loop_advance(w.loop, 5 * MINUTE - 1);
    assert_int_equal(count("mail"), 0);
    loop_advance(w.loop, 1);
    assert_int_equal(count("mail"), 2);
    teardown(&w);
}

static void retry_after_longer_than_the_time_left_gives_up(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    tell(&w, "mail", "a");
    answer("mail", (struct channel_result){
                       .outcome = BELFRY_UNAVAILABLE, .code = 503, .retry_after = 2 * HOUR, .text = "down"});
    assert_has(history(&w), "\"state\":\"failed\"");
    assert_has(history(&w), "given up after 1h and 1 attempts; the last said: down");
    teardown(&w);
}

static void a_dead_receiver_is_given_up_in_the_end(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    tell(&w, "mail", "a");
    int attempts = 0;
    while (fake_store_count(w.store, STORE_OUTBOX)) {
        if (count("mail")) {
            answer("mail", unavailable);
            attempts++;
        }
        loop_advance(w.loop, SECOND);
    }
    assert_true(attempts > 50);
    assert_true(loop_now(w.loop) <= midnight + HOUR + SECOND);
    assert_has(history(&w), "\"state\":\"failed\"");
    assert_true(strlen(history(&w)) < 20000); /* attempts kept are bounded */
    teardown(&w);
}

static void what_is_rejected_goes_to_the_fallback(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    w.config[0].fallback = "spare";
    tell(&w, "mail", "a");
    answer("mail", rejected);
    char id[64];
    strcpy(id, last_id);
    assert_has(history(&w), "\"state\":\"failed\"");
    assert_int_equal(count("spare"), 0); /* not before it is on disk */
    fake_store_commit(w.store, STORE_OK);
    assert_int_equal(count("spare"), 1);
    answer("spare", delivered);
    assert_string_not_equal(last_id, id);
    assert_has(history(&w), id); /* fallback_of */
    tell(&w, "hook", "a");
    answer("hook", rejected); /* no fallback: failed, visibly */
    assert_has(history(&w), "\"state\":\"failed\"");
    assert_int_equal(n_under_way, 0);
    teardown(&w);
}

static void a_partial_delivery_goes_on_with_those_who_are_left(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    tell(&w, "mail", "a");
    struct recipient_failure failures[] = {{"a@example.com", false, 550, "no such user"},
                                           {"b@example.com", true, 451, "later"}};
    answer("mail",
           (struct channel_result){.outcome = BELFRY_PARTIAL, .code = 250, .failures = failures, .n_failures = 2});
    loop_advance(w.loop, MINUTE);
    answer("mail", delivered);
    assert_string_equal(last_recipients, "b@example.com ");
    assert_has(history(&w), "no such user");
    tell(&w, "mail", "a");
    answer("mail",
           (struct channel_result){.outcome = BELFRY_PARTIAL, .code = 250, .failures = failures, .n_failures = 1});
    assert_has(history(&w), "\"state\":\"partial\"");
    teardown(&w);
}

static void who_was_refused_for_good_is_not_forgotten_when_the_rest_got_it_later(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    const struct recipient_failure failures[] = {{"a@example.com", false, 550, "no such user"},
                                                 {"b@example.com", true, 451, "later"}};
    tell(&w, "mail", "etl");
    answer("mail",
           (struct channel_result){.outcome = BELFRY_PARTIAL, .code = 250, .failures = failures, .n_failures = 2});
    restart(&w);
    loop_advance(w.loop, 10 * SECOND);
    answer("mail", delivered);
    assert_has(history(&w), "\"state\":\"partial\"");
    assert_has(history(&w), "\"refused\":[\"a@example.com\"]");
    teardown(&w);
}

static void a_disabled_channel_waits_for_a_new_configuration(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    tell(&w, "mail", "a");
    answer("mail", disabled);
    tell(&w, "mail", "b");
    loop_advance(w.loop, 30 * MINUTE);
    assert_int_equal(count("mail"), 0);
    assert_int_equal(fake_store_count(w.store, STORE_OUTBOX), 2);
    configure(&w, 3);
    assert_int_equal(count("mail"), 2);
    answer("mail", disabled);
    answer("mail", delivered);
    loop_advance(w.loop, HOUR); /* but not for ever */
    assert_int_equal(fake_store_count(w.store, STORE_OUTBOX), 0);
    assert_has(history(&w), "delivered");
    teardown(&w);
}

static void all_of_a_disabled_channel_goes_to_its_fallback(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    w.config[0].fallback = "spare";
    tell(&w, "mail", "a");
    tell_job(&w, "mail", "a", TELL_RESOLVED);
    tell(&w, "mail", "b");
    answer("mail", unavailable);
    answer("mail", disabled);
    tell(&w, "mail", "c");
    loop_advance(w.loop, MINUTE);
    fake_store_commit(w.store, STORE_OK);
    size_t n = 0;
    for (; count("spare"); n++)
        answer("spare", delivered);
    assert_int_equal(n, 4);
    assert_int_equal(fake_store_count(w.store, STORE_OUTBOX), 0);
    teardown(&w);
}

static void a_long_lane_of_a_disabled_channel_goes_to_the_fallback(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    w.config[0].fallback = "spare";
    for (int i = 0; i < 20000; i++) { /* deep enough to end a stack, if each took a piece of it */
        tell_job(&w, "mail", "a", TELL_FIRING);
        fake_store_commit(w.store, STORE_OK);
    }
    answer("mail", disabled);
    while (fake_store_count(w.store, STORE_OUTBOX) > fake_store_count(w.store, STORE_NOTIFICATIONS))
        fake_store_commit(w.store, STORE_OK);
    assert_int_equal(fake_store_count(w.store, STORE_NOTIFICATIONS), 20000);
    teardown(&w);
}

static void what_a_former_receiver_says_does_not_bind_the_new_one(void **state)
{
    (void)state;
    const struct channel_result *verdicts[] = {&disabled, &rejected};
    for (size_t i = 0; i < COUNT(verdicts); i++) {
        struct world w;
        setup(&w);
        tell(&w, "mail", "a");
        configure(&w, 3);
        answer("mail", *verdicts[i]);
        loop_advance(w.loop, MINUTE);
        assert_int_equal(count("mail"), 1);
        answer("mail", delivered);
        assert_has(history(&w), "\"state\":\"delivered\"");
        teardown(&w);
    }
}

static void time_away_does_not_count_towards_giving_up(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    tell(&w, "mail", "a");
    answer("mail", unavailable);
    notify_free(w.notify);
    forget_attempts();
    loop_advance(w.loop, 2LL * DAY);
    open_notify(&w);
    answer("mail", unavailable);
    assert_int_equal(fake_store_count(w.store, STORE_OUTBOX), 1);
    teardown(&w);
}

static void ids_of_two_lives_differ(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    tell(&w, "mail", "a");
    char first[64];
    strcpy(first, under_way[0]->id);
    teardown(&w);
    setup(&w); /* the same folder, but nothing of it reached the disk: the numbers start again */
    tell(&w, "mail", "a");
    assert_string_not_equal(under_way[0]->id, first);
    assert_int_equal(notify_parse_id(w.notify, first), notify_parse_id(w.notify, under_way[0]->id));
    teardown(&w);
}

static void a_shorter_quiet_does_not_end_a_longer_one(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    tell(&w, "mail", "a");
    tell(&w, "mail", "b");
    answer("mail", (struct channel_result){.outcome = BELFRY_RATE_LIMITED, .code = 429, .retry_after = 5 * MINUTE});
    answer("mail", (struct channel_result){.outcome = BELFRY_RATE_LIMITED, .code = 429, .retry_after = SECOND});
    loop_advance(w.loop, 5 * MINUTE - 1);
    assert_int_equal(count("mail"), 0);
    teardown(&w);
}

static void a_channel_has_only_so_many_attempts_under_way(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    for (int i = 0; i < 50; i++) {
        char job[16];
        snprintf(job, sizeof job, "j%d", i);
        tell(&w, "mail", job);
    }
    assert_int_equal(count("mail"), 8);
    tell(&w, "hook", "a");
    assert_int_equal(count("hook"), 1); /* a busy channel delays no other */
    for (int i = 0; i < 50; i++)
        answer("mail", delivered);
    assert_int_equal(count("mail"), 0);
    assert_int_equal(fake_store_count(w.store, STORE_NOTIFICATIONS), 50);
    teardown(&w);
}

static void a_restart_repeats_what_was_under_way_with_the_same_id(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    tell(&w, "mail", "a");
    char id[64];
    strcpy(id, under_way[0]->id);
    restart(&w);
    assert_int_equal(count("mail"), 1);
    assert_string_equal(under_way[0]->id, id);
    answer("mail", (struct channel_result){.outcome = BELFRY_UNAVAILABLE, .retry_after = 10 * MINUTE});
    restart(&w);
    loop_advance(w.loop, 10 * MINUTE - 1);
    assert_int_equal(count("mail"), 0); /* the wait goes on after the restart */
    loop_advance(w.loop, 1);
    assert_int_equal(under_way[0]->number, 2);
    answer("mail", delivered);
    restart(&w);
    assert_int_equal(count("mail"), 0);
    teardown(&w);
}

static void a_reload_lets_the_old_instances_finish(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    tell(&w, "mail", "a");
    configure(&w, 3);
    configure(&w, 3);
    assert_int_equal(w.released, 1); /* the one in between; the first is in use */
    answer("mail", delivered);
    assert_int_equal(w.released, 2);
    tell(&w, "mail", "a");
    configure(&w, 1); /* hook and spare are gone */
    tell(&w, "hook", "a");
    assert_int_equal(count("hook"), 0);
    configure(&w, 3);
    assert_int_equal(count("hook"), 1);
    teardown(&w);
}

static void on_drained(void *ctx)
{
    struct world *w = ctx;
    w->drained = true;
    loop_stop(w->loop);
}

static void draining_waits_for_what_is_under_way(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    tell(&w, "mail", "a");
    notify_drain(w.notify, 10 * SECOND, on_drained, &w);
    tell(&w, "hook", "a");
    assert_int_equal(count("hook"), 0); /* nothing is begun any more */
    loop_turn(w.loop);
    assert_false(w.drained);
    answer("mail", delivered);
    assert_true(w.drained);
    teardown(&w);
}

static void draining_ends_at_its_grace(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    tell(&w, "mail", "a");
    notify_drain(w.notify, 10, on_drained, &w);
    loop_run(w.loop);
    assert_true(w.drained);
    assert_int_equal(count("mail"), 0); /* cancelled */
    assert_int_equal(fake_store_count(w.store, STORE_OUTBOX), 1);
    teardown(&w);
}

static void draining_of_nothing_ends_at_once(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    notify_drain(w.notify, HOUR, on_drained, &w);
    assert_false(w.drained); /* not from inside the call */
    loop_run(w.loop);
    assert_true(w.drained);
    teardown(&w);
}

static void lists_show_the_newest_first(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    tell(&w, "mail", "a");
    tell(&w, "hook", "b");
    AUTOJSON *list = notify_list_pending(w.notify, 0, 10);
    assert_int_equal(json_array_size(list), 2);
    const char *newest = json_str(json_array_get(list, 0), "id", "");
    assert_string_equal(json_str(json_array_get(list, 0), "channel", ""), "hook");
    int64_t id = notify_parse_id(w.notify, newest);
    AUTOJSON *rest = notify_list_pending(w.notify, id, 10);
    assert_int_equal(json_array_size(rest), 1);
    assert_int_equal(notify_parse_id(w.notify, "0123456789ac-1"), -1);
    assert_int_equal(notify_parse_id(w.notify, "0123456789ab-x"), -1);
    teardown(&w);
}

int main(void)
{
    log_setup(LOG_ERROR - 1, false);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_sent_before_it_is_on_disk),
        cmocka_unit_test(a_second_of_a_group_waits_for_its_own_commit_and_for_the_first),
        cmocka_unit_test(a_channel_may_hear_of_no_recovery),
        cmocka_unit_test(a_failed_write_sends_nothing_and_a_full_disk_does),
        cmocka_unit_test(retries_back_off_within_their_bounds_and_keep_the_id),
        cmocka_unit_test(retry_after_is_obeyed_and_holds_the_whole_channel),
        cmocka_unit_test(retry_after_longer_than_the_time_left_gives_up),
        cmocka_unit_test(a_dead_receiver_is_given_up_in_the_end),
        cmocka_unit_test(what_is_rejected_goes_to_the_fallback),
        cmocka_unit_test(a_partial_delivery_goes_on_with_those_who_are_left),
        cmocka_unit_test(who_was_refused_for_good_is_not_forgotten_when_the_rest_got_it_later),
        cmocka_unit_test(a_disabled_channel_waits_for_a_new_configuration),
        cmocka_unit_test(all_of_a_disabled_channel_goes_to_its_fallback),
        cmocka_unit_test(a_long_lane_of_a_disabled_channel_goes_to_the_fallback),
        cmocka_unit_test(what_a_former_receiver_says_does_not_bind_the_new_one),
        cmocka_unit_test(time_away_does_not_count_towards_giving_up),
        cmocka_unit_test(ids_of_two_lives_differ),
        cmocka_unit_test(a_shorter_quiet_does_not_end_a_longer_one),
        cmocka_unit_test(a_channel_has_only_so_many_attempts_under_way),
        cmocka_unit_test(a_restart_repeats_what_was_under_way_with_the_same_id),
        cmocka_unit_test(a_reload_lets_the_old_instances_finish),
        cmocka_unit_test(draining_waits_for_what_is_under_way),
        cmocka_unit_test(draining_ends_at_its_grace),
        cmocka_unit_test(draining_of_nothing_ends_at_once),
        cmocka_unit_test(lists_show_the_newest_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
