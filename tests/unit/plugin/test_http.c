/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of an HTTP request, by what the peer does. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "kit.h"

#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Test: seen\r\n\r\nok"

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

/* One request to a peer with this one answer; gives the reply as t_channel reports it. */
static const char *ask(struct kit *kit, const char *answer, const char *key, const char *value, struct sent *sent)
{
    struct peer_script script = {.answers = {answer}, .close_after = true};
    struct peer *peer = peer_new(kit, &script);
    struct instance *channel = kit_channel(kit, "t_channel", "url", peer_url(kit, peer, "http", "/x"),
                                           key ? key : "body", key ? value : "hello", NULL);
    kit_send(kit, channel, sent);
    instance_free(channel);
    peer_free(peer);
    return sent->text;
}

static void a_request_is_sent_as_described(void **state)
{
    struct kit *kit = *state;
    struct sent sent;
    struct peer *peer = peer_new(kit, &(struct peer_script){.answers = {OK_ANSWER}});
    struct instance *channel =
        kit_channel(kit, "t_channel", "url", peer_url(kit, peer, "http", "/a?b=c"), "body", "hello", "method", "PUT",
                    "headers", "{X-One=1,Content-Type=text/plain}", "subject", "job {{ labels.job }} is {{ status }}",
                    "username", "u", "password", "p", NULL);
    assert_has(kit_send(kit, channel, &sent), "net=0 code=200 retry=0 body=2 x=seen text=HTTP/1.1 200 OK");
    const char *heard = peer_heard(peer);
    assert_has(heard, "PUT /a?b=c HTTP/1.1\r\n");
    assert_has(heard, "\r\nX-One: 1\r\n");
    assert_has(heard, "\r\nX-Subject: job backup is firing\r\n");
    assert_has(heard, "\r\nAuthorization: Basic dTpw\r\n");
    assert_has(heard, "\r\n\r\nhello");
    assert_null(strstr(heard, "Expect:"));
    instance_free(channel);
    peer_free(peer);
}

static void no_content_type_is_guessed_and_bearer_is_sent(void **state)
{
    struct kit *kit = *state;
    struct sent sent;
    struct peer *peer = peer_new(kit, &(struct peer_script){.answers = {OK_ANSWER}});
    struct instance *channel =
        kit_channel(kit, "t_channel", "url", peer_url(kit, peer, "http", "/"), "body", "x", "bearer", "token-1", NULL);
    kit_send(kit, channel, &sent);
    assert_has(peer_heard(peer), "POST / HTTP/1.1\r\n");
    assert_has(peer_heard(peer), "\r\nAuthorization: Bearer token-1\r\n");
    assert_null(strstr(peer_heard(peer), "Content-Type"));
    instance_free(channel);
    peer_free(peer);
}

static void connections_are_used_again_but_not_by_others(void **state)
{
    struct kit *kit = *state;
    struct sent sent;
    struct peer *peer = peer_new(kit, &(struct peer_script){.answers = {OK_ANSWER}});
    char *url = peer_url(kit, peer, "http", "/");
    struct instance *one = kit_channel(kit, "t_channel", "url", url, NULL);
    struct instance *other = kit_channel(kit, "t_channel", "url", url, NULL);
    kit_send(kit, one, &sent);
    kit_send(kit, one, &sent);
    assert_int_equal(peer_connections(peer), 1);
    kit_send(kit, other, &sent);
    assert_int_equal(peer_connections(peer), 2);
    instance_free(one);
    instance_free(other);
    peer_free(peer);
}

static void answers_are_judged(void **state)
{
    static const struct {
        const char *answer;
        enum belfry_outcome outcome;
        int code;
    } cases[] = {
        {"HTTP/1.1 204 No Content\r\n\r\n", BELFRY_DELIVERED, 204},
        {"HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n", BELFRY_REJECTED, 302},
        {"HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n", BELFRY_REJECTED, 400},
        {"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", BELFRY_DISABLED, 401},
        {"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", BELFRY_REJECTED, 404},
        {"HTTP/1.1 408 Slow\r\nContent-Length: 0\r\n\r\n", BELFRY_UNAVAILABLE, 408},
        {"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n", BELFRY_DISABLED, 410},
        {"HTTP/1.1 425 Early\r\nContent-Length: 0\r\n\r\n", BELFRY_UNAVAILABLE, 425},
        {"HTTP/1.1 429 Many\r\nContent-Length: 0\r\n\r\n", BELFRY_RATE_LIMITED, 429},
        {"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", BELFRY_UNAVAILABLE, 500},
        {"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", BELFRY_UNAVAILABLE, 503},
        {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", BELFRY_UNAVAILABLE, 0},
    };
    struct kit *kit = *state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sent sent;
        ask(kit, cases[i].answer, "judge", "http", &sent);
        assert_int_equal(sent.result.outcome, cases[i].outcome);
        assert_int_equal(sent.result.code, cases[i].code);
        assert_int_equal(sent.times, 1);
    }
}

static void trouble_of_the_network_is_judged(void **state)
{
    static const struct {
        const char *url;
        enum belfry_outcome outcome;
    } cases[] = {
        {"http://127.0.0.1:1/", BELFRY_UNAVAILABLE},
        {"http://169.254.169.254/", BELFRY_REJECTED},
        {"ftp://127.0.0.1/", BELFRY_REJECTED},
    };
    struct kit *kit = *state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sent sent;
        struct instance *channel = kit_channel(kit, "t_channel", "url", cases[i].url, "judge", "http", NULL);
        kit_send(kit, channel, &sent);
        assert_int_equal(sent.result.outcome, cases[i].outcome);
        assert_true(*sent.text != '\0');
        instance_free(channel);
    }
}

static void retry_after_is_read_in_both_forms(void **state)
{
    struct kit *kit = *state;
    struct sent sent;
    ask(kit, "HTTP/1.1 429 Many\r\nRetry-After: 17\r\nContent-Length: 0\r\n\r\n", "judge", "http", &sent);
    assert_int_equal(sent.result.retry_after, 17000);
    ask(kit, "HTTP/1.1 503 Busy\r\nRetry-After: 999999999\r\nContent-Length: 0\r\n\r\n", "judge", "http", &sent);
    assert_int_equal(sent.result.retry_after, DAY);
    ask(kit, "HTTP/1.1 429 Many\r\nRetry-After: Thu, 01 Jan 1998 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n", "judge",
        "http", &sent);
    assert_int_equal(sent.result.retry_after, 0);
    ask(kit, "HTTP/1.1 429 Many\r\nRetry-After: -5\r\nContent-Length: 0\r\n\r\n", "judge", "http", &sent);
    assert_int_equal(sent.result.retry_after, 0);
    time_t then = time(NULL) + 100;
    char date[64], answer[200];
    struct tm tm;
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&then, &tm));
    snprintf(answer, sizeof answer, "HTTP/1.1 429 Many\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n", date);
    ask(kit, answer, "judge", "http", &sent);
    assert_in_range(sent.result.retry_after, 90 * SECOND, 100 * SECOND);
}

static void broken_answers_are_broken(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "",
        "hello, this is no HTTP\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
    };
    struct kit *kit = *state;
    for (size_t i = 0; i < COUNT(answers); i++) {
        struct sent sent;
        struct peer_script script = {.answers = {answers[i]}, .close_after = true, .then_bytes = *answers[i] ? 0 : 1};
        struct peer *peer = peer_new(kit, &script);
        struct instance *channel = kit_channel(kit, "t_channel", "url", peer_url(kit, peer, "http", "/x"), NULL);
        if (!*answers[i])
            peer_free(TAKE(peer)); /* nobody listens any more */
        kit_send(kit, channel, &sent);
        assert_has(sent.text, *answers[i] ? "net=5 code=0" : "net=2 code=0");
        instance_free(channel);
        if (peer)
            peer_free(peer);
    }
}

static void silence_times_out(void **state)
{
    struct kit *kit = *state;
    struct sent sent;
    struct peer *peer = peer_new(kit, &(struct peer_script){.is_smtp = false});
    struct instance *channel =
        kit_channel(kit, "t_channel", "url", peer_url(kit, peer, "http", "/"), "request_timeout", "300ms", NULL);
    int64_t began = time_monotonic();
    assert_has(kit_send(kit, channel, &sent), "net=4 code=0");
    assert_in_range(time_monotonic() - began, 290, 3000);
    assert_in_range(sent.result.latency, 290, 3000);
    instance_free(channel);
    peer_free(peer);
}

static void a_name_that_does_not_exist_is_not_resolved(void **state)
{
    struct kit *kit = *state;
    struct sent sent;
    /* A label of 64 bytes cannot exist, so that no name server is asked. */
    struct instance *channel = kit_channel(
        kit, "t_channel", "url", "http://a123456789b123456789c123456789d123456789e123456789f123456789g123.test/", NULL);
    assert_has(kit_send(kit, channel, &sent), "net=1 code=0");
    instance_free(channel);
}

static void a_huge_answer_is_cut(void **state)
{
    struct kit *kit = *state;
    struct sent sent;
    struct peer_script script = {.answers = {"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n"},
                                 .then_bytes = 104857600};
    struct peer *peer = peer_new(kit, &script);
    struct instance *channel = kit_channel(kit, "t_channel", "url", peer_url(kit, peer, "http", "/"), NULL);
    assert_has(kit_send(kit, channel, &sent), "net=0 code=200 retry=0 body=65536");
    instance_free(channel);
    for (int64_t end = time_monotonic() + 5 * SECOND; !peer_unsent(peer) && time_monotonic() < end;)
        kit_turns(kit, 1);
    assert_true(peer_unsent(peer) > 50000000); /* we hung up, instead of reading it all */
    peer_free(peer);
}

static void endless_headers_are_refused(void **state)
{
    struct kit *kit = *state;
    struct sent sent;
    AUTOBUF answer = {0};
    buf_adds(&answer, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 300; i++)
        buf_addf(&answer, "X-%d: y\r\n", i);
    buf_adds(&answer, "\r\n");
    assert_has(ask(kit, buf_str(&answer), NULL, NULL, &sent), "net=7");
    buf_free(&answer);
    for (int i = 0; i < 300; i++)
        buf_adds(&answer, "HTTP/1.1 102 Processing\r\n\r\n");
    buf_adds(&answer, OK_ANSWER);
    assert_has(ask(kit, buf_str(&answer), NULL, NULL, &sent), "net=7");
}

static void interim_answers_are_passed_over(void **state)
{
    struct sent sent;
    assert_has(ask(*state, "HTTP/1.1 103 Early Hints\r\nX-Other: early\r\n\r\n" OK_ANSWER, NULL, NULL, &sent),
               "net=0 code=200 retry=0 body=2 x=seen");
    assert_has(ask(*state,
                   "HTTP/1.1 103 Early Hints\r\nX-Test: early\r\n\r\n"
                   "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                   NULL, NULL, &sent),
               "net=0 code=200 retry=0 body=0 x= ");
}

static void redirects_are_not_followed(void **state)
{
    struct kit *kit = *state;
    struct sent sent;
    struct peer *peer = peer_new(
        kit, &(struct peer_script){
                 .answers = {"HTTP/1.1 301 Moved\r\nLocation: /else\r\nContent-Length: 0\r\n\r\n", OK_ANSWER}});
    struct instance *channel =
        kit_channel(kit, "t_channel", "url", peer_url(kit, peer, "http", "/"), "judge", "http", NULL);
    kit_send(kit, channel, &sent);
    assert_int_equal(sent.result.outcome, BELFRY_REJECTED);
    assert_has(sent.text, "redirect");
    assert_null(strstr(peer_heard(peer), "/else"));
    instance_free(channel);
    peer_free(peer);
}

static void the_house_refuses(void **state)
{
    static const struct {
        const char *url, *part;
    } cases[] = {
        {"ftp://127.0.0.1/x", "net=7"},          {"file:///etc/passwd", "net=7"},
        {"gopher://127.0.0.1/", "net=7"},        {"nonsense", "net=7"},
        {"http://127.0.0.1:99999/", "net=7"},    {"http://127.0.0.1/a b", "net=7"},
        {"http://127.0.0.1/a\r\nX: y", "net=7"}, {"http://169.254.169.254/latest/meta-data", "link-local"},
        {"http://[fe80::1]/", "link-local"},     {"http://[::ffff:169.254.169.254]/", "link-local"},
        {"http://0xa9fea9fe/", "link-local"},    {"http://2852039166/", "link-local"},
        {"http://[fd00:ec2::254]/", "metadata"}, {"http://100.100.100.200/", "metadata"},
    };
    struct kit *kit = *state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sent sent;
        struct instance *channel = kit_channel(kit, "t_channel", "url", cases[i].url, NULL);
        kit_send(kit, channel, &sent);
        assert_has(sent.text, "net=7 code=0");
        assert_has(sent.text, cases[i].part);
        instance_free(channel);
    }
}

static void secrets_of_a_url_are_not_shown(void **state)
{
    struct kit *kit = *state;
    struct sent sent;
    struct instance *channel = kit_channel(kit, "t_channel", "url", "ftp://u:geheim@127.0.0.1/x?key=geheim", NULL);
    kit_send(kit, channel, &sent);
    assert_null(strstr(sent.text, "geheim"));
    instance_free(channel);
}

static void headers_are_checked(void **state)
{
    static const char *const bad[][2] = {
        {"bad_header", "X-Test"},
        {"headers", "{X Test=1}"},
        {"headers", "{=1}"},
        {"headers", "{X:=1}"},
        {"headers", "{X\x7f=1}"},
        {"headers", "{Content-Length=1}"},
        {"headers", "{transfer-encoding=chunked}"},
        {"headers", "{X-A=tab\tinside}"},
    };
    struct kit *kit = *state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct sent sent;
        struct instance *channel =
            kit_channel(kit, "t_channel", "url", "http://127.0.0.1:1/", bad[i][0], bad[i][1], NULL);
        kit_send(kit, channel, &sent);
        assert_int_equal(sent.result.outcome, BELFRY_REJECTED);
        assert_null(strstr(sent.text, "net="));
        instance_free(channel);
    }
}

static void unix_sockets_are_spoken_to(void **state)
{
    struct kit *kit = *state;
    struct sent sent;
    char *path = arena_printf(kit->arena, "%s/peer.sock", kit->dir);
    struct peer *peer = peer_new(kit, &(struct peer_script){.answers = {OK_ANSWER}, .path = path});
    struct instance *channel = kit_channel(kit, "t_channel", "url", "http://anything/hook", "unix_socket", path, NULL);
    assert_has(kit_send(kit, channel, &sent), "net=0 code=200");
    assert_has(peer_heard(peer), "POST /hook");
    instance_free(channel);
    channel = kit_channel(kit, "t_channel", "url", "http://anything/", "unix_socket", "relative.sock", NULL);
    assert_has(kit_send(kit, channel, &sent), "net=7");
    instance_free(channel);
    peer_free(peer);
}

static void certificates_are_verified(void **state)
{
    struct kit *kit = *state;
    struct sent sent;
    struct tls *tls = tls_new(kit);
    struct peer *peer = peer_new(kit, &(struct peer_script){.answers = {OK_ANSWER}, .tls = tls});
    char *url = peer_url(kit, peer, "https", "/");
    struct instance *channel = kit_channel(kit, "t_channel", "url", url, NULL);
    assert_has(kit_send(kit, channel, &sent), "net=3 code=0");
    assert_string_equal(peer_heard(peer), "");
    instance_free(channel);
    channel = kit_channel(kit, "t_channel", "url", url, "ca_file", tls->file, NULL);
    assert_has(kit_send(kit, channel, &sent), "net=0 code=200");
    instance_free(channel);
    char *wrong = arena_printf(kit->arena, "https://localhost:%d/", peer_port(peer));
    channel = kit_channel(kit, "t_channel", "url", wrong, "ca_file", tls->file, NULL);
    assert_has(kit_send(kit, channel, &sent), "net=3 code=0");
    instance_free(channel);
    channel = kit_channel(kit, "t_channel", "url", url, "ca_file", "/nowhere/ca.pem", NULL);
    assert_has(kit_send(kit, channel, &sent), "net=3 code=0");
    instance_free(channel);
    peer_free(peer);
    tls_free(tls);
}

static void the_environments_proxy_is_not_used(void **state)
{
    struct kit *kit = *state;
    struct sent sent;
    setenv("http_proxy", "http://127.0.0.1:1/", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1/", 1);
    assert_has(ask(kit, OK_ANSWER, NULL, NULL, &sent), "net=0 code=200");
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(a_request_is_sent_as_described),
        TEST(no_content_type_is_guessed_and_bearer_is_sent),
        TEST(connections_are_used_again_but_not_by_others),
        TEST(answers_are_judged),
        TEST(trouble_of_the_network_is_judged),
        TEST(retry_after_is_read_in_both_forms),
        TEST(broken_answers_are_broken),
        TEST(silence_times_out),
        TEST(a_name_that_does_not_exist_is_not_resolved),
        TEST(a_huge_answer_is_cut),
        TEST(endless_headers_are_refused),
        TEST(interim_answers_are_passed_over),
        TEST(redirects_are_not_followed),
        TEST(the_house_refuses),
        TEST(secrets_of_a_url_are_not_shown),
        TEST(headers_are_checked),
        TEST(unix_sockets_are_spoken_to),
        TEST(certificates_are_verified),
        TEST(the_environments_proxy_is_not_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
