/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../tests/plugins/mock_host.h"

extern const struct belfry_plugin smtp_LTX_belfry_plugin;
static const struct belfry_plugin *const smtp = &smtp_LTX_belfry_plugin;

#define OPTIONS(...)                                                                                                   \
    (const struct belfry_pair[])                                                                                       \
    {                                                                                                                  \
        __VA_ARGS__,                                                                                                   \
        {                                                                                                              \
            0                                                                                                          \
        }                                                                                                              \
    }
#define SERVER                                                                                                         \
    {"url", "smtp://mail.example.com:587"},                                                                            \
    {                                                                                                                  \
        "from", "Belfry <belfry@example.com>"                                                                          \
    }
#define USUAL                                                                                                          \
    SERVER,                                                                                                            \
    {                                                                                                                  \
        "to", "admin@example.com"                                                                                      \
    }

static struct belfry_list list_of(const char *const *items, size_t n)
{
    return (struct belfry_list){n, items};
}
#define LIST(...)                                                                                                      \
    list_of((const char *const[]){__VA_ARGS__}, sizeof(const char *const[]){__VA_ARGS__} / sizeof(const char *))

/* The message of these options for a notification with this title. Valid until the mock is closed. */
static const char *message_for(struct mock_host *mock, const char *title)
{
    struct belfry_notification notification = mock_notification();
    notification.title = title;
    struct mock_request *request = mock_compose(mock, &notification);
    assert_non_null(request);
    assert_int_equal(strlen(request->pub.body), request->pub.body_size);
    return request->pub.body;
}

static void assert_line(const char *message, const char *line)
{
    char wanted[1200];
    snprintf(wanted, sizeof wanted, "\r\n%s\r\n", line);
    if (!strstr(message, wanted) && strncmp(message, wanted + 2, strlen(wanted) - 2) != 0)
        fail_msg("no line \"%s\" in:\n%s", line, message);
}

/* What RFC 5321 and 5322 demand of every message: \r\n only in pairs, no line over 998 bytes, ASCII, and of a head: 76
 * characters where there is an encoded-word. */
static void assert_well_formed(const char *message)
{
    bool head = true;
    for (const char *line = message; *line;) {
        const char *end = strstr(line, "\r\n");
        assert_non_null(end);
        size_t n = (size_t)(end - line);
        assert_true(n <= 998);
        assert_null(memchr(line, '\r', n));
        assert_null(memchr(line, '\n', n));
        for (size_t i = 0; i < n; i++)
            assert_true((unsigned char)line[i] < 0x80);
        if (head && memmem(line, n, "=?", 2))
            assert_true(n <= 76);
        head = head && n > 0;
        line = end + 2;
    }
}

/* A word that began within a code point would not be UTF-8 by itself. */
static void assert_words_are_whole(const char *message)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (const char *word = message; (word = strstr(word, "=?UTF-8?B?")); word++) {
        long high = strchr(digits, word[10]) - digits, low = strchr(digits, word[11]) - digits;
        assert_true(((high << 2 | low >> 4) & 0xc0) != 0x80);
    }
}

static void writes_a_whole_message(void **state)
{
    (void)state;
    struct mock_host *mock =
        mock_open(smtp, OPTIONS(USUAL, {"reply_to", "team@example.com"}, {"headers", "X-Team: ml"}));
    struct belfry_notification notification = mock_notification();
    struct mock_request *request = mock_compose(mock, &notification);
    assert_non_null(request);
    const char *message = request->pub.body;
    assert_well_formed(message);
    assert_line(message, "Date: Tue, 14 Nov 2023 22:13:20 +0000");
    assert_line(message, "From: \"Belfry\" <belfry@example.com>");
    assert_line(message, "To: admin@example.com");
    assert_line(message, "Reply-To: team@example.com");
    assert_line(message, "Subject: [FIRING] JobFailed nightly");
    assert_line(message, "Message-ID: <01hf-7x@example.com>");
    assert_line(message, "Auto-Submitted: auto-generated");
    assert_line(message, "X-Auto-Response-Suppress: All");
    assert_line(message, "X-Team: ml");
    assert_line(message, "MIME-Version: 1.0");
    assert_line(message, "Content-Type: text/plain; charset=UTF-8");
    assert_non_null(strstr(message, "\r\n\r\nThe job failed.\r\nExit code 3.\r\n"));
    assert_string_equal(request->pub.url, "smtp://mail.example.com:587");
    assert_string_equal(request->pub.mail_from, "belfry@example.com");
    assert_int_equal(request->pub.starttls, 1);
    assert_int_equal(request->n_recipients, 1);
    assert_string_equal(request->recipients[0], "admin@example.com");
    mock_close(mock);
}

static void a_retry_is_the_same_message(void **state)
{
    (void)state;
    struct mock_host *mock = mock_open(smtp, OPTIONS(USUAL));
    struct belfry_notification notification = mock_notification();
    const char *first = mock_compose(mock, &notification)->pub.body;
    mock_advance(mock, 3600 * 1000);
    notification.attempt = 2;
    assert_string_equal(mock_compose(mock, &notification)->pub.body, first);
    mock_close(mock);
}

static void mails_of_a_group_share_a_root(void **state)
{
    (void)state;
    struct mock_host *mock = mock_open(smtp, OPTIONS(USUAL));
    struct belfry_notification firing = mock_notification(), resolved = mock_notification(),
                               other = mock_notification();
    resolved.id = "01hf-8y";
    resolved.resolved = 1;
    other.group_key = "{}:{alertname=\"JobLate\"}";
    const char *a = mock_compose(mock, &firing)->pub.body, *b = mock_compose(mock, &resolved)->pub.body,
               *c = mock_compose(mock, &other)->pub.body;
    char root[128];
    assert_int_equal(sscanf(strstr(a, "\r\nReferences: "), "\r\nReferences: %127[^\r]", root), 1);
    assert_non_null(strstr(root, "@example.com>"));
    char line[160];
    snprintf(line, sizeof line, "In-Reply-To: %s", root);
    assert_line(a, line);
    assert_line(b, line);
    assert_null(strstr(c, root));
    assert_line(b, "Message-ID: <01hf-8y@example.com>");
    mock_close(mock);
}

static void encodes_the_subject(void **state)
{
    (void)state;
    struct mock_host *mock = mock_open(smtp, OPTIONS(USUAL));
    assert_line(message_for(mock, "[严重] 磁盘空间不足 node-01"),
                "Subject: =?UTF-8?B?W+S4pemHjV0g56OB55uY56m66Ze05LiN6LazIG5vZGUtMDE=?=");
    const char *message = message_for(mock, "[严重] 生产环境数据库主节点磁盘空间不足，请立即处理 node-01");
    assert_well_formed(message);
    /* The header's name stands before the first word, so that one is shorter than an encoded-word may be. */
    assert_non_null(strstr(message, "Subject: =?UTF-8?B?W+S4pemHjV0g55Sf5Lqn546v5aKD5pWw5o2u5bqT5Li76IqC54K5?=\r\n "
                                    "=?UTF-8?B?56OB55uY56m66Ze05LiN6Laz77yM6K+356uL5Y2z5aSE55CGIG5vZGUtMDE=?=\r\n"));
    mock_close(mock);
}

static void keeps_every_head_line_short(void **state)
{
    (void)state;
    struct mock_host *mock = mock_open(smtp, OPTIONS(USUAL));
    char title[3000];
    for (size_t shift = 0; shift < 4; shift++) { /* four-byte code points at each distance from the cut */
        memset(title, 'x', shift);
        title[shift] = '\0';
        for (size_t i = 0; i < 60; i++)
            strcat(title, "😀");
        assert_well_formed(message_for(mock, title));
        assert_words_are_whole(message_for(mock, title));
    }
    memset(title, 'w', sizeof title - 1); /* nowhere to fold */
    title[sizeof title - 1] = '\0';
    assert_well_formed(message_for(mock, title));
    for (size_t i = 5; i < sizeof title - 1; i += 6)
        title[i] = ' ';
    const char *message = message_for(mock, title);
    assert_well_formed(message);
    assert_non_null(strstr(message, "wwwww\r\n wwwww")); /* folded at spaces, still readable */
    assert_line(message_for(mock, "costs =?now?="), "Subject: =?UTF-8?B?Y29zdHMgPT9ub3c/PQ==?=");
    mock_close(mock);
}

static void a_title_cannot_add_headers(void **state)
{
    (void)state;
    struct mock_host *mock = mock_open(smtp, OPTIONS(USUAL));
    const char *message = message_for(mock, "disk\r\nBcc: evil@example.net");
    assert_well_formed(message);
    assert_line(message, "Subject: =?UTF-8?B?ZGlzayAgQmNjOiBldmlsQGV4YW1wbGUubmV0?=");
    mock_close(mock);

    mock = mock_open(smtp, OPTIONS(USUAL, {"subject", "{{ labels.job }}\nBcc: evil@example.net"}));
    struct belfry_notification notification = mock_notification();
    assert_null(mock_compose(mock, &notification));
    assert_string_equal(mock->error_option, "subject");
    mock_close(mock);
}

static void renders_the_templates(void **state)
{
    (void)state;
    struct mock_host *mock =
        mock_open(smtp, OPTIONS(USUAL, {"subject", "{{ status }}: {{ annotations.summary }}\n"},
                                {"body", "Job {{ labels.job }}"}, {"html", "<b>{{ labels.job }}</b>"}));
    struct belfry_notification notification = mock_notification();
    const char *message = mock_compose(mock, &notification)->pub.body;
    assert_well_formed(message);
    assert_line(message, "Subject: firing: line one line two");
    assert_line(message, "Job nightly \"etl\"");
    assert_line(message, "<b>nightly &#34;etl&#34;</b>");
    char boundary[80], line[100];
    assert_int_equal(sscanf(strstr(message, "boundary=\""), "boundary=\"%79[^\"]", boundary), 1);
    snprintf(line, sizeof line, "--%s--", boundary);
    assert_line(message, line);
    assert_true(strstr(message, "text/plain") < strstr(message, "text/html"));
    mock_close(mock);
}

static void encodes_the_body(void **state)
{
    (void)state;
    struct mock_host *mock = mock_open(smtp, OPTIONS(USUAL));
    struct belfry_notification notification = mock_notification();
    notification.text = "a=b \n\n.dot\r\n磁盘\tend\t";
    const char *message = mock_compose(mock, &notification)->pub.body;
    assert_well_formed(message);
    assert_non_null(strstr(message, "\r\n\r\na=3Db=20\r\n\r\n.dot\r\n=E7=A3=81=E7=9B=98\tend=09\r\n"));
    char text[5000];
    for (const char *fill = "=x"; *fill; fill++) {
        memset(text, *fill, sizeof text - 1);
        text[sizeof text - 1] = '\0';
        notification.text = text;
        message = mock_compose(mock, &notification)->pub.body;
        assert_well_formed(message);
        for (const char *line = strstr(message, "\r\n\r\n") + 4, *end; (end = strstr(line, "\r\n")); line = end + 2)
            assert_true(end - line <= 76);
    }
    mock_close(mock);
}

static void writes_names_of_any_script(void **state)
{
    (void)state;
    struct mock_host *mock =
        mock_open(smtp, OPTIONS({"url", "smtps://mail.example.com"}, {"from", "\"运维, 一组\" <ops@example.com>"},
                                {"to", "Ann, \"the\" boss <ann@example.com>\nbob@example.com"}));
    const char *message = message_for(mock, "x");
    assert_well_formed(message);
    assert_line(message, "From: =?UTF-8?B?6L+Q57u0LCDkuIDnu4Q=?= <ops@example.com>");
    assert_non_null(strstr(message, "To: =?UTF-8?B?QW5uLCAidGhlIiBib3Nz?= <ann@example.com>, bob@example.com\r\n"));
    assert_int_equal(mock->requests[0]->pub.starttls, 0); /* smtps is encrypted from the start */
    assert_string_equal(mock->requests[0]->recipients[0], "ann@example.com");
    mock_close(mock);
}

static void refuses_bad_options(void **state)
{
    (void)state;
    static const struct {
        struct belfry_pair from;
        const char *part;
    } addresses[] = {
        {{"from", "nobody"}, "no @"},
        {{"from", "a@b.example\r\nRCPT TO:<evil@x>"}, "control character"},
        {{"from", "a\x7f@b.example"}, "control character"},
        {{"from", "größe@b.example"}, "ASCII"},
        {{"from", "a@bücher.example"}, "punycode"},
        {{"from", "a@b.example, c@d.example"}, "domain"},
        {{"from", "a b@c.example"}, "before the @"},
        {{"from", "@c.example"}, "before the @"},
        {{"from", "a@"}, "domain"},
        {{"from", "a@c..example"}, "domain"},
        {{"from", "A <a@c.example"}, "before the @"},
        {{"from", "a@c.example>"}, "<"},
    };
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++)
        mock_expect_refusal(smtp, OPTIONS({"url", "smtp://h"}, addresses[i].from), "from", addresses[i].part);
    mock_expect_refusal(smtp, OPTIONS(SERVER, {"to", "ok@example.com\nbad"}), "to", "'bad'");
    mock_expect_refusal(smtp, OPTIONS(USUAL, {"reply_to", "bad"}), "reply_to", "no @");
    mock_expect_refusal(smtp, OPTIONS(USUAL, {"headers", "X-A: b\x01"}), "headers", "X-A");
    mock_expect_refusal(smtp, OPTIONS(USUAL, {"headers", "X A: b"}), "headers", "name");
    mock_expect_refusal(smtp, OPTIONS(USUAL, {"headers", "subject: b"}), "headers", "itself");
    mock_expect_refusal(smtp, OPTIONS(USUAL, {"headers", "Content-Language: b"}), "headers", "itself");
    mock_expect_refusal(smtp, OPTIONS(USUAL, {"url", "http://h"}), "url", "smtp");
    mock_expect_refusal(smtp, OPTIONS(USUAL, {"starttls", "try"}), "starttls", "required|none");
}

static void refuses_half_a_login(void **state)
{
    (void)state;
    mock_expect_refusal(smtp, OPTIONS(USUAL, {"username", "u"}), "username", "password");
    mock_expect_refusal(smtp, OPTIONS(USUAL, {"password", "p"}), "username", "password");
    mock_expect_refusal(smtp, OPTIONS(USUAL, {"username", "u"}, {"password", "p"}, {"bearer", "b"}), "bearer", "both");
}

static void keeps_passwords_off_the_wire(void **state)
{
    (void)state;
    static const char *const here[] = {"smtp://127.0.0.1:25", "smtp://localhost", "smtp://[::1]:2525/me"};
    static const char *const elsewhere[] = {"smtp://mail.example.com", "smtp://127.0.0.1.example.com",
                                            "smtp://localhost.example.com", "smtp://127.0.0.1@mail.example.com"};
#define CLEAR(address)                                                                                                 \
    OPTIONS({"url", address}, {"from", "a@b.example"}, {"username", "u"}, {"password", "p"}, {"starttls", "none"})
    for (size_t i = 0; i < sizeof here / sizeof *here; i++) {
        struct mock_host *mock = mock_open(smtp, CLEAR(here[i]));
        mock_close(mock);
    }
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
        mock_expect_refusal(smtp, CLEAR(elsewhere[i]), "starttls", "in the clear");
}

static void hands_over_the_login(void **state)
{
    (void)state;
    struct mock_host *mock =
        mock_open(smtp, OPTIONS(USUAL, {"username", "u"}, {"bearer", "t0ken"}, {"ca_file", "/ca.pem"}));
    message_for(mock, "x");
    const struct belfry_request *request = &mock->requests[0]->pub;
    assert_string_equal(request->username, "u");
    assert_string_equal(request->password, "");
    assert_string_equal(request->bearer, "t0ken");
    assert_string_equal(request->ca_file, "/ca.pem");
    assert_null(strstr(request->body, "t0ken"));
    mock_close(mock);
}

static void the_alert_names_its_recipients(void **state)
{
    (void)state;
    struct mock_host *mock = mock_open(smtp, OPTIONS(USUAL));
    struct belfry_notification notification = mock_notification();
    notification.recipients = LIST("Ann <ann@example.com>", "13800000000", "bob@example.com");
    struct mock_request *request = mock_compose(mock, &notification);
    assert_non_null(request);
    assert_int_equal(request->n_recipients, 2); /* a phone number does not cost the others their mail */
    assert_string_equal(request->recipients[1], "bob@example.com");
    assert_line(request->pub.body, "To: \"Ann\" <ann@example.com>, bob@example.com");

    struct belfry_verdict verdict = mock_judge(mock, &notification, &(struct belfry_reply){.code = 250});
    assert_int_equal(verdict.outcome, BELFRY_PARTIAL);
    assert_int_equal(mock->n_undelivered, 1);
    assert_string_equal(mock->undelivered[0].address, "13800000000");
    assert_false(mock->undelivered[0].again);

    notification.recipients = LIST("13800000000");
    assert_null(mock_compose(mock, &notification));
    assert_non_null(strstr(mock->error.text, "13800000000"));
    mock_close(mock);
}

static void somebody_must_be_named(void **state)
{
    (void)state;
    struct mock_host *mock = mock_open(smtp, OPTIONS(SERVER));
    struct belfry_notification notification = mock_notification();
    assert_null(mock_compose(mock, &notification));
    assert_string_equal(mock->error_option, "to");
    mock_close(mock);
}

static void judges_by_exchange_and_code(void **state)
{
    (void)state;
    static const struct {
        uint32_t net;
        int code;
        uint32_t outcome;
        const char *part;
    } cases[] = {
        {BELFRY_NET_OK, 250, BELFRY_DELIVERED, ""},
        {BELFRY_NET_OK, 421, BELFRY_UNAVAILABLE, "closing"},
        {BELFRY_NET_OK, 451, BELFRY_UNAVAILABLE, "later"},
        {BELFRY_NET_OK, 452, BELFRY_UNAVAILABLE, "later"},
        {BELFRY_NET_OK, 530, BELFRY_DISABLED, "username"},
        {BELFRY_NET_OK, 552, BELFRY_REJECTED, "size"},
        {BELFRY_NET_OK, 554, BELFRY_REJECTED, "reason"},
        {BELFRY_NET_OK, 0, BELFRY_UNAVAILABLE, "mail server"},
        {BELFRY_NET_AUTH, 535, BELFRY_DISABLED, "password"},
        {BELFRY_NET_AUTH, 454, BELFRY_UNAVAILABLE, "later"},
        {BELFRY_NET_AUTH, 250, BELFRY_DISABLED, "587"},
        {BELFRY_NET_AUTH, 0, BELFRY_DISABLED, "587"},
        {BELFRY_NET_TLS, 250, BELFRY_UNAVAILABLE, "certificate"},
        {BELFRY_NET_TLS, 0, BELFRY_UNAVAILABLE, "ca_file"},
        {BELFRY_NET_RESOLVE, 0, BELFRY_UNAVAILABLE, "DNS"},
        {BELFRY_NET_CONNECT, 0, BELFRY_UNAVAILABLE, "firewall"},
        {BELFRY_NET_TIMEOUT, 354, BELFRY_UNAVAILABLE, "timeout"},
        {BELFRY_NET_BROKEN, 250, BELFRY_UNAVAILABLE, "Message-ID"},
        {BELFRY_NET_BROKEN, 554, BELFRY_UNAVAILABLE, "Message-ID"},
        {BELFRY_NET_REFUSED, 0, BELFRY_REJECTED, "not sent"},
        {99, 250, BELFRY_UNAVAILABLE, ""},
    };
    struct mock_host *mock = mock_open(smtp, OPTIONS(USUAL));
    struct belfry_notification notification = mock_notification();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct belfry_reply reply = {.net = cases[i].net, .code = cases[i].code, .text = "the server's words"};
        struct belfry_verdict verdict = mock_judge(mock, &notification, &reply);
        assert_int_equal(verdict.outcome, cases[i].outcome);
        assert_int_equal(verdict.code, cases[i].code);
        assert_non_null(strstr(verdict.text, cases[i].part));
        assert_non_null(strstr(verdict.text, "the server's words"));
        assert_int_equal(mock->n_undelivered, 0);
    }
    mock_close(mock);
}

static void judges_each_recipient(void **state)
{
    (void)state;
    enum { A = 1, B = 2 };
    static const struct {
        int code, a, b;
        uint32_t outcome;
        size_t n;
        int again;
    } cases[] = {
        {250, 250, 250, BELFRY_DELIVERED, 0, 0},
        {250, 250, 550, BELFRY_PARTIAL, 1, 0},
        {250, 250, 451, BELFRY_PARTIAL, 1, B},
        {250, 452, 550, BELFRY_PARTIAL, 2, A}, /* nobody got it, whatever the last reply of the server was */
        {550, 452, 550, BELFRY_PARTIAL, 2, A},
        {550, 550, 553, BELFRY_REJECTED, 0, 0},
        {221, 550, 553, BELFRY_REJECTED, 0, 0},
        {451, 451, 450, BELFRY_UNAVAILABLE, 0, 0},
        {554, 250, 550, BELFRY_REJECTED, 0, 0}, /* the message itself was refused after DATA */
        {452, 250, 550, BELFRY_UNAVAILABLE, 0, 0},
        {451, 0, 0, BELFRY_UNAVAILABLE, 0, 0}, /* at MAIL FROM: nobody was asked for */
    };
    struct mock_host *mock = mock_open(smtp, OPTIONS(SERVER, {"to", "Ann <a@example.com>\nb@example.com"}));
    struct belfry_notification notification = mock_notification();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct belfry_recipient_reply answers[] = {{"a@example.com", cases[i].a, "of a"},
                                                   {"b@example.com", cases[i].b, "of b"}};
        struct belfry_reply reply = {.code = cases[i].code, .n_recipients = 2, .recipients = answers};
        struct belfry_verdict verdict = mock_judge(mock, &notification, &reply);
        assert_int_equal(verdict.outcome, cases[i].outcome);
        assert_int_equal(mock->n_undelivered, cases[i].n);
        int again = 0;
        for (size_t k = 0; k < mock->n_undelivered; k++) {
            const struct mock_undelivered *undelivered = &mock->undelivered[k];
            bool is_a = strcmp(undelivered->address, "Ann <a@example.com>") == 0;
            assert_true(is_a || strcmp(undelivered->address, "b@example.com") == 0);
            assert_int_equal(undelivered->code, is_a ? cases[i].a : cases[i].b);
            assert_string_equal(undelivered->text, is_a ? "of a" : "of b");
            again |= undelivered->again ? (is_a ? A : B) : 0;
        }
        assert_int_equal(again, cases[i].again);
    }
    mock_close(mock);
}

static void a_long_reason_is_cut_between_code_points(void **state)
{
    (void)state;
    struct mock_host *mock = mock_open(smtp, OPTIONS(USUAL));
    struct belfry_notification notification = mock_notification();
    char reason[600] = "";
    for (size_t shift = 0; shift < 3; shift++) {
        memset(reason, 'x', shift);
        reason[shift] = '\0';
        for (size_t i = 0; i < 150; i++)
            strcat(reason, "错");
        struct belfry_verdict verdict =
            mock_judge(mock, &notification, &(struct belfry_reply){.code = 554, .text = reason});
        const char *last = strrchr(verdict.text, '\xe9');
        assert_non_null(last);
        assert_int_equal(strlen(last), 3);
    }
    mock_close(mock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_a_whole_message),        cmocka_unit_test(a_retry_is_the_same_message),
        cmocka_unit_test(mails_of_a_group_share_a_root), cmocka_unit_test(encodes_the_subject),
        cmocka_unit_test(keeps_every_head_line_short),   cmocka_unit_test(a_title_cannot_add_headers),
        cmocka_unit_test(renders_the_templates),         cmocka_unit_test(encodes_the_body),
        cmocka_unit_test(writes_names_of_any_script),    cmocka_unit_test(refuses_bad_options),
        cmocka_unit_test(refuses_half_a_login),          cmocka_unit_test(keeps_passwords_off_the_wire),
        cmocka_unit_test(hands_over_the_login),          cmocka_unit_test(the_alert_names_its_recipients),
        cmocka_unit_test(somebody_must_be_named),        cmocka_unit_test(judges_by_exchange_and_code),
        cmocka_unit_test(judges_each_recipient),         cmocka_unit_test(a_long_reason_is_cut_between_code_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
