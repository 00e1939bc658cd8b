/* SPDX-License-Identifier: Apache-2.0 */
/* Connections and answers: keeping, pipelining, deadlines, peers that leave, TLS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <string.h>
#include <sys/socket.h>

#include "server_fixture.h"

#define HEAD "Host: localhost\r\n\r\n"

static struct fixture *start(void)
{
    struct fixture *f = fixture_new();
    fixture_start(f);
    return f;
}

/* ---- Answers ---- */

static void answer_has_its_fields(void **state)
{
    (void)state;
    struct fixture *f = start();
    char *text;
    assert_int_equal(ask(f, "GET /x HTTP/1.1\r\n" HEAD, &text), 200);
    assert_non_null(strstr(text, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(text, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(text, "\r\nX-Content-Type-Options: nosniff\r\n"));
    assert_non_null(strstr(text, "\r\nCache-Control: no-store\r\n"));
    assert_non_null(strstr(text, "\r\nDate: "));
    assert_null(strstr(text, "\r\nServer:"));
    assert_null(strstr(text, "\r\nConnection:"));
    free(text);
    fixture_free(f);
}

static void request_reaches_its_handler_whole(void **state)
{
    (void)state;
    struct fixture *f = start();
    char *text;
    assert_int_equal(ask(f,
                         "POST /a%20b?q=one+1&x&q=%C3%A9 HTTP/1.1\r\nHost: localhost\r\nUser-Agent: me\r\n"
                         "Content-Type: Text/Plain; charset=utf-8\r\nContent-Length: 5\r\n\r\nhello",
                         &text),
                     200);
    assert_non_null(strstr(text, "\"method\":\"POST\""));
    assert_non_null(strstr(text, "\"path\":\"/a b\""));
    assert_non_null(strstr(text, "\"body\":\"hello\""));
    assert_non_null(strstr(text, "\"size\":5"));
    assert_non_null(strstr(text, "\"type\":\"text/plain\""));
    assert_non_null(strstr(text, "\"q\":\"one 1\""));
    assert_non_null(strstr(text, "\"q1\":\"\xc3\xa9\""));
    assert_non_null(strstr(text, "\"agent\":\"me\""));
    assert_non_null(strstr(text, "\"peer\":\"127.0.0.1\""));
    free(text);
    fixture_free(f);
}

static void head_has_no_body_but_its_length(void **state)
{
    (void)state;
    struct fixture *f = start();
    struct peer_socket *p = peer_open(f, 0);
    peer_say(p, "HEAD /x HTTP/1.1\r\n" HEAD "GET /-/healthy HTTP/1.1\r\nConnection: close\r\n" HEAD);
    assert_int_equal(peer_await(p, 2), 2);
    assert_non_null(strstr(peer_answer(p, 0), "Content-Length: "));
    assert_null(strstr(peer_answer(p, 0), "Content-Length: 0"));
    assert_int_equal(peer_status(p, 1), 204);
    assert_null(strstr(peer_answer(p, 1), "Content-Length"));
    peer_close(p);
    fixture_free(f);
}

static void failures_are_json(void **state)
{
    (void)state;
    struct fixture *f = start();
    char *text;
    assert_int_equal(ask(f, "GET /error HTTP/1.1\r\n" HEAD, &text), 400);
    assert_non_null(strstr(text, "{\"error\":\"it is \\\"wrong\\\"\",\"field\":\"name\",\"hint\":\"do it right\"}"));
    free(text);
    assert_int_equal(ask(f, "GET /large?size=x HTTP/1.1\r\n" HEAD, &text), 400);
    assert_non_null(strstr(text, "\"field\":\"size\""));
    free(text);
    assert_int_equal(ask(f, "GET /full HTTP/1.1\r\n" HEAD, &text), 507);
    assert_non_null(strstr(text, "Retry-After: "));
    free(text);
    assert_int_equal(ask(f, "GET /failed HTTP/1.1\r\n" HEAD, &text), 503);
    assert_non_null(strstr(text, "Retry-After: "));
    free(text);
    fixture_free(f);
}

/* ---- Connections ---- */

static void connection_is_kept(void **state)
{
    (void)state;
    struct fixture *f = start();
    struct peer_socket *p = peer_open(f, 0);
    for (size_t i = 1; i <= 5; i++) {
        peer_say(p, "GET /x HTTP/1.1\r\n" HEAD);
        assert_int_equal(peer_await(p, i), i);
    }
    assert_int_equal(fixture_stats(f).connections, 1);
    peer_say(p, "GET /x HTTP/1.1\r\nConnection: close\r\n" HEAD);
    assert_true(peer_await_close(p));
    assert_int_equal(peer_status(p, 5), 200);
    assert_non_null(strstr(peer_answer(p, 5), "Connection: close\r\n"));
    assert_int_equal(fixture_stats(f).requests, 6);
    assert_int_equal(fixture_stats(f).per_status[2], 6);
    peer_close(p);
    fixture_free(f);
}

static void http_1_0_is_closed_unless_asked(void **state)
{
    (void)state;
    struct fixture *f = start();
    struct peer_socket *p = peer_open(f, 0);
    peer_say(p, "GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_int_equal(peer_await(p, 1), 1);
    assert_non_null(strstr(peer_answer(p, 0), "Connection: keep-alive\r\n"));
    peer_say(p, "GET /x HTTP/1.0\r\n\r\n");
    assert_true(peer_await_close(p));
    assert_int_equal(peer_status(p, 1), 200);
    peer_close(p);
    fixture_free(f);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    enum { MANY = 300 };
    struct fixture *f = start();
    struct peer_socket *p = peer_open(f, 0);
    AUTOBUF text = {0};
    for (int i = 0; i < MANY; i++)
        buf_addf(&text, "POST /n%d HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc", i);
    peer_send(p, text.data, text.len);
    assert_int_equal(peer_await(p, MANY), MANY);
    for (int i = 0; i < MANY; i += 37) {
        char path[32];
        snprintf(path, sizeof path, "\"path\":\"/n%d\"", i);
        assert_non_null(strstr(peer_answer(p, (size_t)i), path));
    }
    peer_close(p);
    fixture_free(f);
}

static void large_bodies_go_both_ways(void **state)
{
    (void)state;
    struct fixture *f = start();
    struct peer_socket *p = peer_open(f, 0);
    AUTOBUF text = {0};
    buf_addf(&text, "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n", HTTP_MOST_BODY);
    for (int i = 0; i < HTTP_MOST_BODY / 64; i++)
        buf_addf(&text, "%064d", i);
    buf_adds(&text, "GET /large?size=8000000 HTTP/1.1\r\n" HEAD);
    peer_send(p, text.data, text.len);
    assert_int_equal(peer_await(p, 2), 2);
    assert_non_null(strstr(peer_answer(p, 0), "\"size\":1048576"));
    assert_true(strlen(peer_answer(p, 1)) > 8000000);
    peer_close(p);
    fixture_free(f);
}

static void body_is_asked_for_by_100(void **state)
{
    (void)state;
    struct fixture *f = start();
    struct peer_socket *p = peer_open(f, 0);
    for (size_t i = 0; i < 6; i += 2) {
        peer_say(p, "POST /x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n" HEAD);
        assert_int_equal(peer_await(p, i + 1), i + 1);
        assert_int_equal(peer_status(p, i), 100);
        peer_say(p, "ok");
        assert_int_equal(peer_await(p, i + 2), i + 2);
        assert_int_equal(peer_status(p, i + 1), 200);
    }
    peer_close(p);
    fixture_free(f);
}

static void too_large_a_body_is_refused_before_it_comes(void **state)
{
    (void)state;
    struct fixture *f = start();
    struct peer_socket *p = peer_open(f, 0);
    peer_say(p, "POST /x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2000000\r\n" HEAD);
    assert_int_equal(peer_await(p, 1), 1);
    assert_int_equal(peer_status(p, 0), 413);
    peer_close(p);

    /* One that sends it all the same still gets to read why. */
    p = peer_open(f, 0);
    AUTOBUF text = {0};
    buf_adds(&text, "POST /x HTTP/1.1\r\nContent-Length: 2000000\r\n" HEAD);
    for (int i = 0; i < 2000; i++)
        buf_addf(&text, "%01000d", i);
    peer_send(p, text.data, text.len);
    peer_await(p, 1);
    assert_int_equal(peer_status(p, 0), 413);
    peer_close(p);
    fixture_free(f);
}

static void peer_that_only_ended_its_side_is_answered(void **state)
{
    (void)state;
    struct fixture *f = start();
    struct peer_socket *p = peer_open(f, 0);
    peer_say(p, "GET /x HTTP/1.1\r\n" HEAD);
    shutdown(p->fd, SHUT_WR);
    assert_true(peer_await_close(p));
    assert_int_equal(peer_status(p, 0), 200);
    peer_close(p);

    p = peer_open(f, 0);
    peer_say(p, "GET /large?size=20000000 HTTP/1.1\r\n" HEAD);
    shutdown(p->fd, SHUT_WR);
    fixture_run(f, 20);
    assert_true(peer_await_close(p));
    assert_int_equal(peer_status(p, 0), 200);
    peer_close(p);

    p = peer_open(f, 0);
    peer_say(p, "GET /hold HTTP/1.1\r\n" HEAD);
    shutdown(p->fd, SHUT_WR);
    fixture_run(f, 20);
    assert_int_equal(f->held_count, 1);
    exchange_text(f->held, 200, "text/plain", "late", 4);
    assert_true(peer_await_close(p));
    assert_int_equal(peer_status(p, 0), 200);
    peer_close(p);
    fixture_free(f);
}

/* ---- Answers that come later ---- */

static bool is_held(void *data)
{
    return ((struct fixture *)data)->held_count > 0;
}

static bool has_no_connections(void *data)
{
    return fixture_stats(data).connections == 0;
}

static struct peer_socket *hold_one(struct fixture *f)
{
    struct peer_socket *p = peer_open(f, 0);
    f->held_count = 0;
    peer_say(p, "GET /hold HTTP/1.1\r\n" HEAD);
    assert_true(fixture_until(f, is_held, f));
    return p;
}

static void deferred_answer_arrives(void **state)
{
    (void)state;
    struct fixture *f = start();
    struct peer_socket *p = hold_one(f);
    peer_say(p, "GET /x HTTP/1.1\r\n" HEAD);
    fixture_run(f, 20);
    assert_int_equal(p->in.len, 0);
    assert_string_equal(f->held->path, "/hold");
    exchange_fail(f->held, 409, NULL, "later");
    assert_int_equal(peer_await(p, 2), 2);
    assert_int_equal(peer_status(p, 0), 409);
    assert_int_equal(peer_status(p, 1), 200);
    peer_close(p);
    fixture_free(f);
}

static void answer_to_a_peer_that_left_is_dropped(void **state)
{
    (void)state;
    struct fixture *f = start();
    for (int reset = 0; reset < 2; reset++) {
        struct peer_socket *p = hold_one(f);
        if (reset)
            setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
        peer_close(p);
        fixture_run(f, 10);
        assert_string_equal(exchange_header(f->held, "host"), "localhost");
        exchange_text(f->held, 200, "text/plain", "late", 4);
        assert_true(fixture_until(f, has_no_connections, f));
    }
    fixture_free(f);
}

static void answer_after_the_server_went_is_dropped(void **state)
{
    (void)state;
    struct fixture *f = start();
    struct peer_socket *p = hold_one(f);
    struct exchange *held = f->held;
    http_free(f->http);
    f->http = NULL;
    assert_ptr_equal(held->rooms->loop, f->loop);
    assert_string_equal(exchange_header(held, "host"), "localhost");
    assert_null(exchange_http(held));
    exchange_fail(held, 500, NULL, "too late");
    assert_true(peer_await_close(p));
    assert_int_equal(p->in.len, 0);
    peer_close(p);
    fixture_free(f);
}

/* ---- Time ---- */

static struct http_limits short_limits(const struct fixture *f)
{
    struct http_limits limits = f->http->limits;
    limits.head_ms = limits.body_ms = limits.idle_ms = limits.write_ms = 300;
    limits.linger_ms = 100;
    return limits;
}

/* Sends a byte now and then, far more often than the deadline is long; false: it was cut off. */
static bool drip(struct peer_socket *p, const char *text)
{
    int64_t end = time_monotonic() + 3000;
    for (const char *c = text; time_monotonic() < end && !p->closed && peer_status(p, 0) == 0; c = c[1] ? c + 1 : c) {
        peer_send(p, c, 1);
        fixture_run(p->f, 20);
        peer_await(p, 0);
    }
    return time_monotonic() >= end;
}

static void slow_peers_are_cut_off(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "GET /a-long-and-slow-path-that-never-comes-to-its-end-before-the-deadline-does",
        "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: this one never comes to its end either, it goes on and on",
    };
    struct fixture *f = start();
    struct http_limits limits = short_limits(f);
    limits.idle_ms = limits.write_ms = 10 * SECOND;
    http_set_limits(f->http, &limits);
    for (size_t i = 0; i < COUNT(heads); i++) {
        struct peer_socket *p = peer_open(f, 0);
        assert_false(drip(p, heads[i]));
        assert_int_equal(peer_status(p, 0), 408);
        peer_close(p);
    }
    struct peer_socket *p = peer_open(f, 0);
    peer_say(p, "POST / HTTP/1.1\r\nContent-Length: 1000\r\n" HEAD);
    assert_false(drip(p, "xxxxxxxxx"));
    assert_int_equal(peer_status(p, 0), 408);
    peer_close(p);
    p = peer_open(f, 0);
    peer_say(p, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" HEAD);
    assert_false(drip(p, "1\r\nx\r\n1\r\ny\r\n1\r\nz\r\n1\r\na\r\n1\r\nb\r\n1\r\nc\r\n1\r\nd\r\n1\r\ne\r\n1\r\n"));
    assert_int_equal(peer_status(p, 0), 408);
    peer_close(p);
    /* On a kept connection the time begins with the first byte. */
    p = peer_open(f, 0);
    peer_say(p, "GET /-/healthy HTTP/1.1\r\n" HEAD);
    assert_int_equal(peer_await(p, 1), 1);
    p->in.len = 0;
    assert_false(drip(p, heads[0]));
    assert_int_equal(peer_status(p, 0), 408);
    peer_close(p);
    assert_int_equal(fixture_stats(f).timeouts, 5);
    fixture_free(f);
}

static void idle_connections_are_closed_without_a_word(void **state)
{
    (void)state;
    struct fixture *f = start();
    struct http_limits limits = short_limits(f);
    limits.write_ms = 10 * SECOND;
    http_set_limits(f->http, &limits);
    struct peer_socket *p = peer_open(f, 0), *mute = peer_open(f, 0);
    peer_say(p, "GET /-/healthy HTTP/1.1\r\n" HEAD);
    assert_true(peer_await_close(p));
    assert_true(peer_await_close(mute));
    assert_int_equal(peer_await(p, 2), 1);
    assert_int_equal(mute->in.len, 0);
    peer_close(p);
    peer_close(mute);
    fixture_free(f);
}

static void peer_that_never_reads_is_cut_off(void **state)
{
    (void)state;
    struct fixture *f = start();
    struct http_limits limits = short_limits(f);
    limits.write_ms = SECOND;
    http_set_limits(f->http, &limits);
    struct peer_socket *p = peer_open(f, 0);
    AUTOBUF more = {0};
    for (int i = 0; i < 4000; i++)
        buf_adds(&more, "GET /large?size=30000000 HTTP/1.1\r\n" HEAD);
    peer_say(p, "GET /large?size=30000000 HTTP/1.1\r\n" HEAD);
    fixture_run(f, 20);
    assert_true(send(p->fd, more.data, more.len, MSG_NOSIGNAL) > 100000);
    fixture_run(f, 20);
    /* Nor does it fill our memory with what it says meanwhile. */
    assert_non_null(f->http->connections);
    assert_true(evbuffer_get_length(bufferevent_get_input(f->http->connections->bev)) < 65536);
    assert_true(fixture_until(f, has_no_connections, f));
    assert_int_equal(fixture_stats(f).timeouts, 1);
    assert_int_equal(fixture_stats(f).requests, 1);
    peer_close(p);
    fixture_free(f);
}

static void handlers_may_take_longer_than_any_deadline(void **state)
{
    (void)state;
    struct fixture *f = start();
    struct http_limits limits = short_limits(f);
    http_set_limits(f->http, &limits);
    struct peer_socket *p = hold_one(f);
    fixture_run(f, 700);
    exchange_text(f->held, 200, "text/plain", "", 0);
    assert_int_equal(peer_await(p, 1), 1);
    peer_close(p);
    fixture_free(f);
}

/* ---- TLS ---- */

static void tls_is_spoken_from_1_2_on(void **state)
{
    (void)state;
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct fixture *f = fixture_new();
    fixture_use_tls(f);
    fixture_start(f);
    for (size_t i = 0; i < COUNT(versions); i++) {
        struct peer_socket *p = peer_open_tls(f, 0, versions[i]);
        assert_int_equal(SSL_version(p->ssl), versions[i]);
        peer_say(p, "GET /large?size=3000000 HTTP/1.1\r\n" HEAD "GET /x HTTP/1.1\r\n" HEAD);
        assert_int_equal(peer_await(p, 2), 2);
        peer_say(p, "GET /x HTTP/1.1\r\nConnection: close\r\n" HEAD);
        assert_true(peer_await_close(p));
        assert_int_equal(peer_status(p, 2), 200);
        /* Ended by a word, not by cutting the line. */
        assert_true(SSL_get_shutdown(p->ssl) & SSL_RECEIVED_SHUTDOWN);
        peer_close(p);
    }
    assert_int_equal(SSL_CTX_get_min_proto_version(f->http->tls), TLS1_2_VERSION);
    struct peer_socket *old = peer_open_tls(f, 0, TLS1_1_VERSION);
    assert_true(old->closed);
    peer_close(old);
    struct peer_socket *plain = peer_open(f, 0);
    peer_say(plain, "GET / HTTP/1.1\r\n" HEAD);
    assert_true(peer_await_close(plain));
    assert_int_equal(peer_status(plain, 0), 0);
    peer_close(plain);
    assert_true(fixture_until(f, has_no_connections, f));
    fixture_free(f);
}

static void tls_peers_are_guarded_alike(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    fixture_use_tls(f);
    fixture_start(f);
    struct http_limits limits = short_limits(f);
    limits.head_ms = SECOND;
    http_set_limits(f->http, &limits);
    struct peer_socket *mute = peer_open(f, 0); /* never shakes hands */
    assert_true(peer_await_close(mute));
    peer_close(mute);
    struct peer_socket *p = peer_open_tls(f, 0, TLS1_3_VERSION);
    assert_false(drip(p, "GET /a-long-and-slow-path-that-never-comes-to-its-end-before-the-deadline-does"));
    assert_int_equal(peer_status(p, 0), 408);
    peer_close(p);
    p = peer_open_tls(f, 0, TLS1_3_VERSION);
    peer_say(p, "POST /x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n" HEAD);
    assert_int_equal(peer_await(p, 1), 1);
    peer_say(p, "ok");
    assert_int_equal(peer_await(p, 2), 2);
    peer_close(p);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answer_has_its_fields),
        cmocka_unit_test(request_reaches_its_handler_whole),
        cmocka_unit_test(head_has_no_body_but_its_length),
        cmocka_unit_test(failures_are_json),
        cmocka_unit_test(connection_is_kept),
        cmocka_unit_test(http_1_0_is_closed_unless_asked),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(large_bodies_go_both_ways),
        cmocka_unit_test(body_is_asked_for_by_100),
        cmocka_unit_test(too_large_a_body_is_refused_before_it_comes),
        cmocka_unit_test(peer_that_only_ended_its_side_is_answered),
        cmocka_unit_test(deferred_answer_arrives),
        cmocka_unit_test(answer_to_a_peer_that_left_is_dropped),
        cmocka_unit_test(answer_after_the_server_went_is_dropped),
        cmocka_unit_test(slow_peers_are_cut_off),
        cmocka_unit_test(idle_connections_are_closed_without_a_word),
        cmocka_unit_test(peer_that_never_reads_is_cut_off),
        cmocka_unit_test(handlers_may_take_longer_than_any_deadline),
        cmocka_unit_test(tls_is_spoken_from_1_2_on),
        cmocka_unit_test(tls_peers_are_guarded_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
