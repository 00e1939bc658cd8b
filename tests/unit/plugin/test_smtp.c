/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a mail, by what the server does. */
#include <stdio.h>
#include <string.h>

#include "kit.h"

#define MAIL "Subject: x\r\n\r\nhello\r\n.dot\r\n"
#define THREE "[a@example.com,b@example.com,c@example.com]"

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

struct wish {
    const char *scheme, *username, *ca_file, *starttls, *timeout, *bearer;
};

static struct instance *make(struct kit *kit, const struct peer *peer, const struct wish *wish)
{
    return kit_channel(
        kit, "t_channel", "url", peer_url(kit, peer, wish->scheme ? wish->scheme : "smtp", "/me.example"), "body", MAIL,
        "to", THREE, "username", wish->username ? wish->username : "", "password", wish->username ? "secret" : "",
        "bearer", wish->bearer ? wish->bearer : "", "ca_file", wish->ca_file ? wish->ca_file : "", "starttls",
        wish->starttls ? wish->starttls : "false", "request_timeout", wish->timeout ? wish->timeout : "5s", NULL);
}

/* One mail to such a server; gives the reply as t_channel reports it, and what the server heard. */
static const char *mail(struct kit *kit, struct peer_script script, struct wish wish, const char **heard)
{
    struct sent sent;
    script.is_smtp = true;
    struct peer *peer = peer_new(kit, &script);
    struct instance *channel = make(kit, peer, &wish);
    kit_send(kit, channel, &sent);
    assert_int_equal(sent.times, 1);
    assert_in_range(sent.result.latency, 0, 4000);
    if (heard)
        *heard = arena_strdup(kit->arena, peer_heard(peer));
    int64_t began = time_monotonic();
    instance_free(channel); /* closes the connection, politely, but without waiting for the answer to QUIT */
    assert_in_range(time_monotonic() - began, 0, 500);
    peer_free(peer);
    return arena_strdup(kit->arena, sent.text);
}

#define PLAIN                                                                                                          \
    (struct wish)                                                                                                      \
    {                                                                                                                  \
        0                                                                                                              \
    }

static void a_mail_is_accepted(void **state)
{
    const char *heard;
    assert_has(
        mail(*state, (struct peer_script){0}, PLAIN, &heard),
        "net=0 code=250 retry=0 body=0 x= a@example.com=250 b@example.com=250 c@example.com=250 text=250 2.0.0 queued");
    assert_has(heard, "EHLO me.example\n");
    assert_has(heard, "MAIL FROM:<belfry@example.com>");
    assert_has(heard, "RCPT TO:<c@example.com>\nDATA\nSubject: x\n\nhello\n..dot\n.\n");
    assert_null(strstr(heard, "AUTH"));
}

static void one_recipient_is_refused(void **state)
{
    struct peer_script script = {.bad_recipients = "b@example.com=550 5.1.1 no such user\n"};
    assert_has(mail(*state, script, PLAIN, NULL),
               "net=0 code=250 retry=0 body=0 x= a@example.com=250 b@example.com=550 c@example.com=250");
}

static void one_recipient_is_put_off(void **state)
{
    struct peer_script script = {.bad_recipients = "c@example.com=451 4.7.1 greylisted\n"};
    assert_has(mail(*state, script, PLAIN, NULL),
               "net=0 code=250 retry=0 body=0 x= a@example.com=250 b@example.com=250 c@example.com=451");
}

static void all_recipients_are_refused(void **state)
{
    struct peer_script script = {.bad_recipients =
                                     "a@example.com=550 no\nb@example.com=451 later\nc@example.com=552 full\n"};
    const char *heard;
    assert_has(mail(*state, script, PLAIN, &heard),
               "net=0 code=552 retry=0 body=0 x= a@example.com=550 b@example.com=451 c@example.com=552 text=552 full");
    assert_null(strstr(heard, "DATA"));
}

static void refusals_are_told_with_their_own_code(void **state)
{
    struct {
        struct peer_script script;
        const char *expected;
    } cases[] = {
        {{.greeting = "554 go away\r\n"}, "net=0 code=554"},
        {{.greeting = "421 busy\r\n"}, "net=0 code=421"},
        {{.mail = "451 4.3.0 later\r\n"}, "net=0 code=451"},
        {{.mail = "530 5.7.0 authenticate first\r\n"}, "net=0 code=530"},
        {{.data = "451 no room\r\n"}, "net=0 code=451"},
        {{.dot = "452 4.3.1 disk is full\r\n"}, "net=0 code=452"},
        {{.dot = "554-5.7.1 we\r\n554 5.7.1 do not like it\r\n"}, "net=0 code=554"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_has(mail(*state, cases[i].script, PLAIN, NULL), cases[i].expected);
}

static void a_server_that_does_not_answer_quit_delays_nothing(void **state)
{
    assert_has(mail(*state, (struct peer_script){.mail = "550 no\r\n", .quit = ""}, PLAIN, NULL), "net=0 code=550");
    assert_has(mail(*state, (struct peer_script){.quit = ""}, PLAIN, NULL), "net=0 code=250");
}

static void passwords_are_used(void **state)
{
    const char *heard;
    assert_has(mail(*state, (struct peer_script){0}, (struct wish){.username = "u"}, &heard), "net=0 code=250");
    assert_has(heard, "AUTH PLAIN AHUAc2VjcmV0\n");
}

static void a_refused_password_is_an_error_of_authentication(void **state)
{
    struct wish wish = {.username = "u"};
    assert_has(mail(*state, (struct peer_script){.auth = "535 5.7.8 no\r\n"}, wish, NULL), "net=6 code=535");
    assert_has(mail(*state, (struct peer_script){.auth = "454 4.7.0 try later\r\n"}, wish, NULL), "net=0 code=454");
}

static void authentication_that_is_not_offered_is_missed(void **state)
{
    const char *heard;
    struct peer_script none = {.ehlo = "250-peer\r\n250 SIZE 1000\r\n"};
    assert_has(mail(*state, none, (struct wish){.username = "u"}, &heard), "net=6 code=0");
    assert_null(strstr(heard, "MAIL"));
    assert_has(mail(*state, none, (struct wish){.bearer = "t"}, &heard), "net=6 code=0");
    assert_null(strstr(heard, "MAIL"));
    struct peer_script strange = {.ehlo = "250-peer\r\n250 AUTH RIDDLE\r\n"};
    assert_has(mail(*state, strange, (struct wish){.username = "u"}, &heard), "net=6 code=0");
    assert_null(strstr(heard, "MAIL"));
}

static void starttls_is_demanded(void **state)
{
    const char *heard;
    struct wish wish = {.starttls = "true", .username = "u"};
    assert_has(mail(*state, (struct peer_script){0}, wish, &heard), "net=3 code=0");
    assert_null(strstr(heard, "AUTH"));
    assert_null(strstr(heard, "MAIL"));
    struct peer_script refused = {.ehlo = "250-peer\r\n250 STARTTLS\r\n", .starttls = "454 not now\r\n"};
    assert_has(mail(*state, refused, wish, &heard), "net=3 code=454");
    assert_null(strstr(heard, "MAIL"));
}

static void certificates_are_verified(void **state)
{
    struct kit *kit = *state;
    struct tls *tls = tls_new(kit);
    const char *heard;
    struct peer_script implicit = {.tls = tls};
    assert_has(mail(kit, implicit, (struct wish){.scheme = "smtps", .username = "u"}, &heard), "net=3 code=0");
    assert_string_equal(heard, "");
    assert_has(mail(kit, implicit, (struct wish){.scheme = "smtps", .username = "u", .ca_file = tls->file}, &heard),
               "net=0 code=250");
    struct peer_script explicit = {.tls = tls, .ehlo = "250-peer\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n"};
    assert_has(mail(kit, explicit, (struct wish){.starttls = "true", .username = "u"}, &heard), "net=3 code=0");
    assert_null(strstr(heard, "AUTH"));
    assert_has(mail(kit, explicit, (struct wish){.starttls = "true", .username = "u", .ca_file = tls->file}, &heard),
               "net=0 code=250");
    assert_has(heard, "STARTTLS\nEHLO me.example\nAUTH PLAIN");
    /* What was offered before STARTTLS does not count. */
    explicit.ehlo_secure = "250-peer\r\n250 SIZE 1000\r\n";
    assert_has(mail(kit, explicit, (struct wish){.starttls = "true", .username = "u", .ca_file = tls->file}, &heard),
               "net=6 code=0");
    assert_null(strstr(heard, "MAIL"));
    tls_free(tls);
}

static void servers_that_fall_silent_time_out(void **state)
{
    struct wish wish = {.timeout = "300ms"};
    assert_has(mail(*state, (struct peer_script){.greeting = ""}, wish, NULL), "net=4 code=0");
    assert_has(mail(*state, (struct peer_script){.mail = ""}, wish, NULL), "net=4 code=0");
}

static void on_tick(void *data)
{
    ++*(int *)data;
}

/* libcurl itself waits for the answer to the message without giving control back. */
static void the_loop_turns_while_a_server_thinks(void **state)
{
    struct kit *kit = *state;
    struct sent sent;
    int ticks = 0;
    struct peer *peer = peer_new(kit, &(struct peer_script){.is_smtp = true, .dot = ""});
    struct instance *channel = make(kit, peer, &(struct wish){.timeout = "600ms"});
    kit_send_start(kit, channel, &sent);
    struct timer timer;
    timer_init(&timer, kit->loop, on_tick, &ticks);
    int64_t worst = 0, last = time_monotonic();
    while (!sent.done) {
        if (!timer_is_set(&timer))
            timer_after(&timer, 10);
        bool soon = true;
        kit_until(kit, &soon);
        kit_turns(kit, 1);
        int64_t now = time_monotonic();
        worst = now - last > worst ? now - last : worst;
        last = now;
    }
    timer_stop(&timer);
    assert_has(peer_heard(peer), "\n.\n");
    assert_has(sent.text, "net=4 code=0");
    assert_in_range(worst, 0, 250);
    assert_true(ticks > 5);
    instance_free(channel);
    peer_free(peer);
}

static void connections_are_used_again(void **state)
{
    struct kit *kit = *state;
    struct sent sent;
    struct peer *peer = peer_new(
        kit, &(struct peer_script){.is_smtp = true, .bad_recipients = "b@example.com=550 5.1.1 no such user\n"});
    struct instance *channel = make(kit, peer, &(struct wish){.username = "u"});
    for (int i = 0; i < 3; i++)
        assert_has(kit_send(kit, channel, &sent), "a@example.com=250 b@example.com=550 c@example.com=250");
    assert_int_equal(peer_connections(peer), 1);
    instance_free(channel);
    peer_free(peer);
}

static void mails_on_their_way_can_be_called_back(void **state)
{
    struct kit *kit = *state;
    static const char *const silent_at[] = {"greeting", "dot"};
    for (size_t i = 0; i < COUNT(silent_at); i++) {
        struct sent sent;
        struct peer_script script = {.is_smtp = true};
        *(i ? &script.dot : &script.greeting) = "";
        struct peer *peer = peer_new(kit, &script);
        struct instance *channel = make(kit, peer, &PLAIN);
        kit_send_start(kit, channel, &sent);
        for (int64_t end = time_monotonic() + 5 * SECOND;
             time_monotonic() < end && (i ? !strstr(peer_heard(peer), "\n.\n") : !peer_connections(peer));)
            kit_turns(kit, 1);
        attempt_cancel(sent.attempt);
        instance_free(channel);
        kit_turns(kit, 20);
        assert_false(sent.done);
        if (i) { /* its thread does not wait for the server either */
            int64_t began = time_monotonic();
            plugins_free(TAKE(kit->plugins));
            assert_in_range(time_monotonic() - began, 0, 500);
        }
        peer_free(peer);
    }
}

static void addresses_are_checked(void **state)
{
    static const char *const bad[][2] = {
        {"to", "[a@x>\r\nRCPT TO:<evil@x]"},
        {"to", "[a b@x]"},
        {"to", "[<a@x>]"},
        {"to", "[a;b@x]"},
        {"to", "[\"a\"@x]"},
        {"from", "a@x>\r\nDATA"},
        {"from", "a@x SIZE=1"},
        {"to", "[]"},
    };
    struct kit *kit = *state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct sent sent;
        bool is_from = strcmp(bad[i][0], "from") == 0;
        struct instance *channel =
            kit_channel(kit, "t_channel", "url", "smtp://127.0.0.1:1/", "to", is_from ? "[a@example.com]" : bad[i][1],
                        "from", is_from ? bad[i][1] : "b@example.com", NULL);
        kit_send(kit, channel, &sent);
        assert_int_equal(sent.result.outcome, BELFRY_REJECTED);
        assert_null(strstr(sent.text, "net=2")); /* nothing was connected to */
        instance_free(channel);
    }
}

static void trouble_of_the_network_is_told_apart(void **state)
{
    struct kit *kit = *state;
    struct sent sent;
    struct instance *channel =
        kit_channel(kit, "t_channel", "url", "smtp://127.0.0.1:1/", "to", "[a@example.com]", NULL);
    assert_has(kit_send(kit, channel, &sent), "net=2 code=0");
    instance_free(channel);
    channel = kit_channel(kit, "t_channel", "url", "smtp://169.254.169.254/", "to", "[a@example.com]", NULL);
    assert_has(kit_send(kit, channel, &sent), "net=7 code=0");
    instance_free(channel);
    assert_has(mail(kit, (struct peer_script){.greeting = "nonsense\r\n"}, (struct wish){.timeout = "300ms"}, NULL),
               "code=0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(a_mail_is_accepted),
        TEST(one_recipient_is_refused),
        TEST(one_recipient_is_put_off),
        TEST(all_recipients_are_refused),
        TEST(refusals_are_told_with_their_own_code),
        TEST(a_server_that_does_not_answer_quit_delays_nothing),
        TEST(passwords_are_used),
        TEST(a_refused_password_is_an_error_of_authentication),
        TEST(authentication_that_is_not_offered_is_missed),
        TEST(starttls_is_demanded),
        TEST(certificates_are_verified),
        TEST(servers_that_fall_silent_time_out),
        TEST(the_loop_turns_while_a_server_thinks),
        TEST(connections_are_used_again),
        TEST(mails_on_their_way_can_be_called_back),
        TEST(addresses_are_checked),
        TEST(trouble_of_the_network_is_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
