/* SPDX-License-Identifier: Apache-2.0 */
/* The host's services to a source, and that nothing of a source outlives it. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kit.h"

static int set_up(void **state)
{
    *state = kit_new();
    return 0;
}

static int tear_down(void **state)
{
    kit_free(*state);
    return 0;
}

static void start(struct instance *source)
{
    struct error e;
    assert_non_null(source);
    assert_int_equal(instance_start(source, &e), 0);
}

static size_t count(struct kit *kit, const char *part)
{
    size_t n = 0;
    for (const char *p = buf_str(&kit->events); (p = strstr(p, part)); p++)
        n++;
    return n;
}

static void on_stats(void *ctx, const struct plugin_stats *stats)
{
    *(struct plugin_stats *)ctx = *stats;
}

static struct plugin_stats stats_of(struct kit *kit)
{
    struct plugin_stats stats = {0};
    plugins_each_stats(kit->plugins, on_stats, &stats);
    return stats;
}

static void timers_follow_the_loops_time(void **state)
{
    struct kit *kit = *state;
    loop_set_virtual(kit->loop, 1000000);
    struct instance *source = kit_source(kit, "t_source", "every", "10s", "after", "25s", NULL);
    start(source);
    loop_advance(kit->loop, 9999);
    assert_int_equal(count(kit, "test.timer"), 0);
    loop_advance(kit->loop, 1);
    assert_int_equal(count(kit, "test.timer every"), 1);
    loop_advance(kit->loop, 30000);
    assert_int_equal(count(kit, "test.timer every"), 4);
    assert_int_equal(count(kit, "test.timer once"), 1);
    assert_int_equal(stats_of(kit).timers, 1);
    instance_stop(source);
    assert_int_equal(stats_of(kit).timers, 0);
    loop_advance(kit->loop, 60000);
    assert_int_equal(count(kit, "test.timer every"), 4);
    instance_free(source);
    loop_advance(kit->loop, 60000); /* also what close() started is gone */
    assert_int_equal(count(kit, "test.timer every"), 4);
}

static void a_timer_may_stop_itself(void **state)
{
    struct kit *kit = *state;
    loop_set_virtual(kit->loop, 1000000);
    struct instance *source = kit_source(kit, "t_source", "every", "1s", "stop_in_fire", "2", NULL);
    start(source);
    loop_advance(kit->loop, 10000);
    assert_int_equal(count(kit, "test.timer every"), 2);
    instance_free(source);
}

static void descriptors_are_watched(void **state)
{
    struct kit *kit = *state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    struct instance *source = kit_source(kit, "t_source", "watch_fd", arena_printf(kit->arena, "%d", ends[0]), NULL);
    start(source);
    assert_int_equal(write(ends[1], "hello", 5), 5);
    assert_true(kit_until_event(kit, "test.watch hello\n"));
    assert_int_equal(stats_of(kit).watches, 1);
    close(ends[1]);
    assert_true(kit_until_event(kit, "test.watch end\n")); /* it stopped itself */
    assert_int_equal(stats_of(kit).watches, 0);
    instance_free(source);
    close(ends[0]);
}

static void transfers_are_made(void **state)
{
    struct kit *kit = *state;
    struct peer *peer =
        peer_new(kit, &(struct peer_script){.answers = {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}});
    struct instance *source = kit_source(kit, "t_source", "url", peer_url(kit, peer, "http", "/poll"), NULL);
    start(source);
    assert_true(kit_until_event(kit, "test.transfer net=0 code=200\n"));
    assert_has(peer_heard(peer), "GET /poll HTTP/1.1\r\n");
    assert_int_equal(stats_of(kit).transfers, 0);
    instance_free(source);
    source = kit_source(kit, "t_source", "url", "nonsense", NULL);
    start(source);
    assert_true(kit_until_event(kit, "test.transfer net=7 code=0\n"));
    instance_free(source);
    peer_free(peer);
}

/* ---- children ---- */

static void child_ends(struct kit *kit, const char *command, const char *input, const char *expected)
{
    struct instance *source =
        kit_source(kit, "t_source", "child", command, "child_input", input, "child_deadline", "200ms", NULL);
    start(source);
    assert_true(kit_until_event(kit, "test.child "));
    assert_has(buf_str(&kit->events), expected);
    assert_int_equal(stats_of(kit).children, 0);
    instance_free(source);
    buf_free(&kit->events);
}

static void commands_end_as_they_end(void **state)
{
    struct kit *kit = *state;
    child_ends(kit, "[sh,-c,echo out; echo err >&2; exit 3]", "",
               "test.child code=3 signal=0 timed_out=0 truncated=0 error= output=8:out err");
    child_ends(kit, "[cat]", "fed", "test.child code=0 signal=0 timed_out=0 truncated=0 error= output=3:fed");
    child_ends(kit, "[true]", "unread input is no error", "test.child code=0 signal=0");
    child_ends(kit, "[sh,-c,kill -9 $$]", "", "test.child code=0 signal=9");
    child_ends(kit, "[/nowhere/program]", "",
               "test.child code=-1 signal=0 timed_out=0 truncated=0 error=/nowhere/program: No such file");
}

static void deadlines_end_commands(void **state)
{
    child_ends(*state, "[sleep,60]", "", "test.child code=0 signal=15 timed_out=1");
}

static void commands_that_ignore_the_deadline_are_killed(void **state)
{
    child_ends(*state, "[sh,-c,trap '' TERM; echo on; while :; do sleep 60; done]", "",
               "test.child code=0 signal=9 timed_out=1 truncated=0 error= output=3:on");
}

static void output_is_bounded(void **state)
{
    struct kit *kit = *state;
    struct instance *source = kit_source(kit, "t_source", "child", "[sh,-c,head -c 300000 /dev/zero | tr '\\0' x]",
                                         "child_output", "1000", NULL);
    start(source);
    assert_true(kit_until_event(kit, "test.child "));
    assert_has(buf_str(&kit->events), "code=0 signal=0 timed_out=0 truncated=1 error= output=1000:xxx");
    instance_free(source);
}

static void the_environment_is_small(void **state)
{
    setenv("BELFRY_TEST_SECRET", "geheim", 1);
    child_ends(*state, "[sh,-c,echo \"secret: $BELFRY_TEST_SECRET.\"]", "", "output=10:secret: .");
    unsetenv("BELFRY_TEST_SECRET");
}

static bool is_running(struct kit *kit, const char *pid_file)
{
    char path[100];
    FILE *f = fopen(arena_printf(kit->arena, "%s/%s", kit->dir, pid_file), "r");
    int pid = 0;
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%d", &pid), 1);
    fclose(f);
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    f = fopen(path, "r");
    if (!f)
        return false;
    char state = 'Z';
    int n = fscanf(f, "%*d %*s %c", &state);
    fclose(f);
    return n == 1 && state != 'Z';
}

static bool ends_soon(struct kit *kit, const char *pid_file)
{
    for (int64_t end = time_monotonic() + 5 * SECOND; time_monotonic() < end; kit_turns(kit, 1))
        if (!is_running(kit, pid_file))
            return true;
    return false;
}

static void what_a_command_leaves_behind_is_killed(void **state)
{
    struct kit *kit = *state;
    struct instance *source = kit_source(
        kit, "t_source", "child", arena_printf(kit->arena, "[sh,-c,sleep 60 & echo $! >%s/left]", kit->dir), NULL);
    start(source);
    assert_true(kit_until_event(kit, "test.child code=0 signal=0"));
    assert_true(ends_soon(kit, "left"));
    instance_free(source);
}

/* ---- hooks ---- */

struct answered {
    int times, status;
    char body[64];
};

static void on_answer(void *ctx, int status, const char *content_type, const char *body, size_t size)
{
    struct answered *answered = ctx;
    assert_non_null(content_type);
    answered->times++;
    answered->status = status;
    snprintf(answered->body, sizeof answered->body, "%.*s", (int)size, body);
}

static const struct belfry_hook_request request = {.method = "POST", .body = "payload", .body_size = 7};

static void hooks_are_answered_once(void **state)
{
    struct kit *kit = *state;
    struct answered answered = {0};
    struct instance *source = kit_source(kit, "t_source", NULL);
    assert_int_equal(plugins_hook(kit->plugins, "mine", &request, on_answer, &answered), -1);
    start(source);
    assert_int_equal(plugins_hook(kit->plugins, "other", &request, on_answer, &answered), -1);
    assert_int_equal(plugins_hook(kit->plugins, "mine", &request, on_answer, &answered), 0);
    assert_int_equal(answered.times, 1);
    assert_int_equal(answered.status, 202);
    assert_string_equal(answered.body, "payload");
    assert_has(buf_str(&kit->events), "test.hook POST\n");
    instance_stop(source);
    assert_int_equal(plugins_hook(kit->plugins, "mine", &request, on_answer, &answered), -1);
    instance_free(source);
    assert_int_equal(answered.times, 1);
}

static void hooks_that_wait_are_answered_at_stop(void **state)
{
    struct kit *kit = *state;
    struct answered answered = {0};
    struct instance *source = kit_source(kit, "t_source", "late_hooks", "true", NULL);
    start(source);
    assert_int_equal(plugins_hook(kit->plugins, "mine", &request, on_answer, &answered), 0);
    assert_int_equal(answered.times, 0);
    instance_free(source);
    assert_int_equal(answered.times, 1);
    assert_int_equal(answered.status, 503);
}

/* ---- events ---- */

static void events_carry_their_checkpoint_and_are_told_of_the_commit(void **state)
{
    struct kit *kit = *state;
    struct instance *source = kit_source(kit, "t_source", "data", " {\"a\": 1}", "checkpoint", "43", NULL);
    start(source);
    assert_string_equal(buf_str(&kit->events), "test.start offset 42\n");
    assert_string_equal(buf_str(&kit->checkpoints), "43\n");
    assert_null(strstr(kit_log(kit), "committed"));
    kit_commit(kit, 0);
    assert_has(kit_log(kit), "component=mine msg=\"committed 0\"");
    instance_free(source);
}

static void nobody_is_told_of_a_commit_after_the_stop(void **state)
{
    struct kit *kit = *state;
    struct instance *source = kit_source(kit, "t_source", NULL);
    start(source);
    instance_stop(source);
    kit_commit(kit, 0);
    assert_null(strstr(kit_log(kit), "committed"));
    start(source); /* the same instance again: what came before is not its own any more */
    instance_stop(source);
    kit_commit(kit, -1);
    assert_null(strstr(kit_log(kit), "committed"));
    instance_free(source);
}

static void bad_events_are_refused(void **state)
{
    static const char *const bad[][2] = {
        {"{\"a\": 1", "not valid JSON"},
        {"[1]", "no JSON object"},
        {"{\"a\": 1, \"a\": 2}", "not valid JSON"},
        {"{\"a\": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}", "nested deeper"},
    };
    struct kit *kit = *state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        /* The kit takes { for a map, so the text begins with a space. */
        struct instance *source = kit_source(kit, "t_source", "data", arena_printf(kit->arena, " %s", bad[i][0]), NULL);
        start(source);
        assert_has(kit_log(kit), "refused: ");
        assert_has(kit_log(kit), bad[i][1]);
        assert_int_equal(truncate(kit->log, 0), 0);
        instance_free(source);
    }
    assert_string_equal(buf_str(&kit->events), "");
}

static void a_full_store_refuses_events(void **state)
{
    struct kit *kit = *state;
    kit->refuse_events = true;
    struct instance *source = kit_source(kit, "t_source", NULL);
    start(source);
    assert_has(kit_log(kit), "refused: the store is full");
    instance_free(source);
}

/* ---- the end ---- */

static void a_source_that_does_not_start_leaves_nothing(void **state)
{
    struct kit *kit = *state;
    struct error e;
    struct instance *source = kit_source(kit, "t_source", "every", "1s", "fail_start", "no such queue", NULL);
    assert_non_null(source);
    assert_int_equal(instance_start(source, &e), -1);
    assert_string_equal(e.what, "source 'mine': no such queue");
    assert_int_equal(stats_of(kit).timers, 0);
    instance_free(source);
}

static void everything_in_flight_is_swept(void **state)
{
    struct kit *kit = *state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    struct peer *peer = peer_new(kit, &(struct peer_script){.is_smtp = false});
    for (int turns = 0; turns < 60; turns += 20) {
        struct answered answered = {0};
        struct instance *source = kit_source(
            kit, "t_source", "every", "1h", "after", "1h", "watch_fd", arena_printf(kit->arena, "%d", ends[0]), "url",
            peer_url(kit, peer, "http", "/"), "late_hooks", "true", "child",
            arena_printf(kit->arena, "[sh,-c,echo $$ >%s/pid%d; exec sleep 60]", kit->dir, turns), NULL);
        start(source);
        assert_int_equal(plugins_hook(kit->plugins, "mine", &request, on_answer, &answered), 0);
        kit_turns(kit, turns);
        for (int64_t end = time_monotonic() + 5 * SECOND; time_monotonic() < end;) {
            if (access(arena_printf(kit->arena, "%s/pid%d", kit->dir, turns), F_OK) == 0)
                break;
            kit_turns(kit, 1);
        }
        struct plugin_stats stats = stats_of(kit);
        assert_int_equal(stats.timers, 2);
        assert_int_equal(stats.watches, 1);
        assert_int_equal(stats.transfers, 1);
        assert_int_equal(stats.children, 1);
        instance_stop(source);
        stats = stats_of(kit);
        assert_int_equal(stats.timers + stats.watches + stats.transfers + stats.children, 0);
        assert_int_equal(answered.times, 1);
        buf_free(&kit->events);
        assert_int_equal(write(ends[1], "x", 1), 1);
        kit_turns(kit, 20);
        assert_string_equal(buf_str(&kit->events), "");
        instance_free(source);
    }
    peer_free(peer);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(timers_follow_the_loops_time),
        TEST(a_timer_may_stop_itself),
        TEST(descriptors_are_watched),
        TEST(transfers_are_made),
        TEST(commands_end_as_they_end),
        TEST(deadlines_end_commands),
        TEST(commands_that_ignore_the_deadline_are_killed),
        TEST(output_is_bounded),
        TEST(the_environment_is_small),
        TEST(what_a_command_leaves_behind_is_killed),
        TEST(hooks_are_answered_once),
        TEST(hooks_that_wait_are_answered_at_stop),
        TEST(events_carry_their_checkpoint_and_are_told_of_the_commit),
        TEST(nobody_is_told_of_a_commit_after_the_stop),
        TEST(bad_events_are_refused),
        TEST(a_full_store_refuses_events),
        TEST(a_source_that_does_not_start_leaves_nothing),
        TEST(everything_in_flight_is_swept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
