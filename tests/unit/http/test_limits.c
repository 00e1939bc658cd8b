/* SPDX-License-Identifier: Apache-2.0 */
/* How many connections are taken, and what happens to those that are too many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server_fixture.h"

#define HEAD "Host: localhost\r\n\r\n"

static struct fixture *start(void)
{
    struct fixture *f = fixture_new();
    fixture_start(f);
    return f;
}

static bool has_no_connections(void *data)
{
    return fixture_stats(data).connections == 0;
}

static void peer_has_so_many_connections_and_no_more(void **state)
{
    (void)state;
    struct fixture *f = start();
    struct peer_socket *all[HTTP_MOST_PER_PEER + 1];
    for (size_t i = 0; i < COUNT(all); i++) {
        all[i] = peer_open(f, 0);
        fixture_run(f, 1);
    }
    struct peer_socket *last = all[HTTP_MOST_PER_PEER];
    assert_true(peer_await_close(last));
    assert_int_equal(peer_status(last, 0), 503);
    assert_non_null(strstr(peer_answer(last, 0), "Retry-After: "));
    peer_say(all[0], "GET /-/healthy HTTP/1.1\r\n" HEAD);
    assert_int_equal(peer_await(all[0], 1), 1);
    assert_int_equal(fixture_stats(f).refused_connections, 1);
    for (size_t i = 0; i < COUNT(all); i++)
        peer_close(all[i]);
    assert_true(fixture_until(f, has_no_connections, f));
    assert_int_equal(ask(f, "GET /-/healthy HTTP/1.1\r\n" HEAD, NULL), 204);
    fixture_free(f);
}

static void all_together_have_so_many(void **state)
{
    (void)state;
    struct fixture *f = start();
    struct http_limits limits = f->http->limits;
    limits.connections = 5;
    http_set_limits(f->http, &limits);
    struct peer_socket *all[12];
    for (size_t i = 0; i < COUNT(all); i++)
        all[i] = peer_open(f, 0);
    for (size_t i = 5; i < COUNT(all); i++)
        assert_true(peer_await_close(all[i]));
    assert_int_equal(fixture_stats(f).connections, 5);
    assert_int_equal(fixture_stats(f).refused_connections, 7);
    for (size_t i = 0; i < 5; i++) {
        peer_say(all[i], "GET /-/healthy HTTP/1.1\r\n" HEAD);
        assert_int_equal(peer_await(all[i], 1), 1);
    }
    for (size_t i = 0; i < COUNT(all); i++)
        peer_close(all[i]);
    assert_true(fixture_until(f, has_no_connections, f));
    assert_int_equal(ask(f, "GET /-/healthy HTTP/1.1\r\n" HEAD, NULL), 204);
    fixture_free(f);
}

static void count_turn(evutil_socket_t fd, short what, void *data)
{
    (void)fd, (void)what;
    *(bool *)data = true;
}

/* How often the loop wakes up in that time. */
static int wakeups(struct fixture *f, int64_t ms)
{
    bool over = false;
    int n = 0;
    struct event *timer = evtimer_new(loop_base(f->loop), count_turn, &over);
    event_add(timer, &(struct timeval){ms / 1000, ms % 1000 * 1000});
    for (; !over && n < 100000; n++)
        event_base_loop(loop_base(f->loop), EVLOOP_ONCE);
    event_free(timer);
    return n;
}

/* In a process of its own with 64 descriptors. Returns what went wrong, 0: nothing. */
static int live_with_few_descriptors(void)
{
    int taken[64], n = 0;
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){64, 64});
    struct fixture *f = start();
    if (f->http->limits.connections != 32)
        return 1;
    struct http_limits limits = f->http->limits;
    limits.pause_ms = 50;
    http_set_limits(f->http, &limits);
    struct peer_socket *p = peer_open(f, 0);
    while (n < 64 && (taken[n] = dup(0)) >= 0)
        n++;
    int woken = wakeups(f, 300);
    if (woken > 40)
        return 2;
    if (fixture_stats(f).connections)
        return 3;
    while (n)
        close(taken[--n]);
    peer_say(p, "GET /-/healthy HTTP/1.1\r\n" HEAD);
    if (peer_await(p, 1) != 1 || peer_status(p, 0) != 204)
        return 4;
    peer_close(p);
    fixture_free(f);
    return 0;
}

static void few_descriptors_are_lived_with(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(live_with_few_descriptors());
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peer_has_so_many_connections_and_no_more),
        cmocka_unit_test(all_together_have_so_many),
        cmocka_unit_test(few_descriptors_are_lived_with),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
