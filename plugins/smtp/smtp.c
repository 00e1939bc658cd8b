/* SPDX-License-Identifier: Apache-2.0 */
/* Mail. compose writes the whole message and the envelope, the host speaks SMTP, judge reads the server's answers. */
#include <belfry/plugin.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"

struct smtp {
    const struct belfry_host *host;
    const char *url, *starttls, *ca_file;
    const char *username, *password, *bearer;
    const char *from, *reply_to;
    struct belfry_list to;
    struct belfry_map headers;
    const struct belfry_template *subject, *body, *html;
    struct mailbox sender; /* from, read */
};

/* ---- Options ---- */

static bool is_tls(const struct smtp *smtp)
{
    return strncmp(smtp->url, "smtps:", 6) == 0;
}

/* Is the server on this machine? Only what is written so counts, since names can lead anywhere. */
static bool is_loopback(const char *url)
{
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    size_t n = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/");
    if ((n == 9 && strncmp(host, "localhost", 9) == 0) || (n == 5 && strncmp(host, "[::1]", 5) == 0))
        return true;
    return strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == n;
}

static int read_mailbox(const struct smtp *smtp, const char *option, const char *text, struct mailbox *out,
                        struct belfry_error *e)
{
    const char *why = mailbox_parse(text, out);
    return why ? smtp->host->fail(e, option, "'%.80s' %s", text, why) : 0;
}

static int check_credentials(const struct smtp *smtp, struct belfry_error *e)
{
    const struct belfry_host *host = smtp->host;
    if (*smtp->password && *smtp->bearer)
        return host->fail(e, "bearer", "give a password or a bearer token, not both");
    if (*smtp->username && !*smtp->password && !*smtp->bearer)
        return host->fail(e, "username", "username needs a password or a bearer token beside it");
    if (!*smtp->username && (*smtp->password || *smtp->bearer))
        return host->fail(e, "username", "a password or a bearer token needs a username beside it");
    if (*smtp->username && !is_tls(smtp) && strcmp(smtp->starttls, "none") == 0 && !is_loopback(smtp->url))
        return host->fail(e, "starttls",
                          "with starttls: none the password would cross the network in the clear: write required");
    return 0;
}

static int smtp_open(void *self, const struct belfry_host *host, struct belfry_error *e)
{
    struct smtp *smtp = self;
    struct mailbox ignored;
    smtp->host = host;
    if (read_mailbox(smtp, "from", smtp->from, &smtp->sender, e) ||
        (*smtp->reply_to && read_mailbox(smtp, "reply_to", smtp->reply_to, &ignored, e)) || check_credentials(smtp, e))
        return -1;
    for (size_t i = 0; i < smtp->to.n; i++)
        if (read_mailbox(smtp, "to", smtp->to.item[i], &ignored, e))
            return -1;
    for (size_t i = 0; i < smtp->headers.n; i++) {
        const struct belfry_pair *header = &smtp->headers.pair[i];
        const char *why = message_check_header(header->key, header->value);
        if (why)
            return host->fail(e, "headers", "%.64s: %s", header->key, why);
    }
    return 0;
}

/* ---- Compose ---- */

static const struct belfry_list *whom(const struct smtp *smtp, const struct belfry_notification *notification)
{
    return notification->recipients.n ? &notification->recipients : &smtp->to;
}

/* The envelope. One that is no address must not cost the others their mail: it is left out, and told by judge. */
static int address_request(const struct smtp *smtp, const struct belfry_list *list, struct belfry_request *request,
                           struct belfry_error *e)
{
    const struct belfry_host *host = smtp->host;
    struct mailbox mailbox;
    size_t n = 0;
    for (size_t i = 0; i < list->n; i++) {
        if (mailbox_parse(list->item[i], &mailbox))
            continue;
        if (host->recipient(request, host->text(request, "%s", mailbox.address), e))
            return -1;
        n++;
    }
    if (n)
        return 0;
    if (!list->n)
        return host->fail(e, "to", "nobody to send to: the alert names no recipients, and `to` is not given");
    return host->fail(e, "to", "no recipient is usable: '%.80s' %s", list->item[0],
                      mailbox_parse(list->item[0], &mailbox));
}

/* One line without control characters. In the built-in title, which comes from labels, they become spaces; in a
 * template they are the user's own mistake (values are cleaned by the escaping), but for the last line's end. */
static const char *subject_line(const struct smtp *smtp, const struct belfry_notification *notification,
                                struct belfry_request *request, struct belfry_error *e)
{
    const struct belfry_host *host = smtp->host;
    const char *text = notification->title;
    if (smtp->subject && !(text = host->render(request, smtp->subject, notification, BELFRY_HEADER, e)))
        return NULL;
    char *line = host->text(request, "%s", text);
    for (size_t n = strlen(line); n && strchr(" \r\n", line[n - 1]); n--)
        line[n - 1] = '\0';
    for (char *p = line; *p; p++) {
        if ((unsigned char)*p >= 0x20 && *p != 0x7f)
            continue;
        if (smtp->subject)
            return host->fail(e, "subject", "the subject must be one line, without control characters"), NULL;
        *p = ' ';
    }
    return line;
}

static int smtp_compose(void *self, const struct belfry_notification *notification, struct belfry_request *request,
                        struct belfry_error *e)
{
    const struct smtp *smtp = self;
    const struct belfry_host *host = smtp->host;
    struct message message = {
        .id = notification->id,
        .domain = strchr(smtp->sender.address, '@') + 1,
        .thread = notification->group_key,
        .date = notification->created_at ? notification->created_at : host->now(host),
        .from = {1, &smtp->from},
        .reply_to = {*smtp->reply_to != '\0', &smtp->reply_to},
        .to = *whom(smtp, notification),
        .headers = smtp->headers,
        .text = notification->text,
    };
    if (address_request(smtp, &message.to, request, e) ||
        !(message.subject = subject_line(smtp, notification, request, e)) ||
        (smtp->body && !(message.text = host->render(request, smtp->body, notification, BELFRY_PLAIN, e))) ||
        (smtp->html && !(message.html = host->render(request, smtp->html, notification, BELFRY_HTML, e))))
        return -1;
    char *bytes = message_write(&message, &request->body_size);
    if (!bytes)
        return host->fail(e, NULL, "out of memory");
    request->body = host->text(request, "%s", bytes);
    free(bytes);
    request->mail_from = smtp->sender.address;
    request->url = smtp->url;
    request->starttls = !is_tls(smtp) && strcmp(smtp->starttls, "required") == 0;
    request->username = smtp->username;
    request->password = smtp->password;
    request->bearer = smtp->bearer;
    request->ca_file = smtp->ca_file;
    return 0;
}

/* ---- Judge ---- */

static void say(struct belfry_verdict *verdict, uint32_t outcome, const char *format, ...) BELFRY_PRINTF(3, 4);
static void say(struct belfry_verdict *verdict, uint32_t outcome, const char *format, ...)
{
    va_list args;
    verdict->outcome = outcome;
    va_start(args, format);
    int wanted = vsnprintf(verdict->text, sizeof verdict->text, format, args);
    va_end(args);
    if (wanted < (int)sizeof verdict->text)
        return;
    size_t n = sizeof verdict->text - 1; /* was cut: drop the code point that the cut may have gone through */
    while (n && (verdict->text[n - 1] & 0xc0) == 0x80)
        n--;
    verdict->text[n ? n - 1 : 0] = '\0';
}

static const struct belfry_recipient_reply *answer_to(const struct belfry_reply *reply, const char *address)
{
    for (size_t i = 0; i < reply->n_recipients; i++)
        if (strcmp(reply->recipients[i].address, address) == 0)
            return &reply->recipients[i];
    return NULL;
}

struct tally {
    size_t later, never; /* recipients refused for now, for good */
};

/* Count those who were refused, and name them to the host if `verdict` is given. */
static struct tally count_refused(const struct smtp *smtp, const struct belfry_list *list,
                                  const struct belfry_reply *reply, struct belfry_verdict *verdict)
{
    struct tally tally = {0};
    for (size_t i = 0; i < list->n; i++) {
        struct mailbox mailbox;
        const char *why = mailbox_parse(list->item[i], &mailbox); /* not null: compose left it out */
        const struct belfry_recipient_reply *answer = why ? NULL : answer_to(reply, mailbox.address);
        int code = why ? 553 : answer ? answer->code : 0;
        tally.later += code >= 400 && code < 500;
        tally.never += code >= 500;
        if (verdict && code >= 400)
            smtp->host->undelivered(verdict, list->item[i], code < 500, code, answer ? answer->text : why);
    }
    return tally;
}

/* The last code alone says nothing: it depends on how far the conversation came. The first row that fits counts. */
static const struct meaning {
    uint32_t net;
    int from, to;
    uint32_t outcome;
    const char *advice;
} meanings[] = {
    {BELFRY_NET_OK, 200, 299, BELFRY_DELIVERED, "taken by the server"},
    {BELFRY_NET_OK, 421, 421, BELFRY_UNAVAILABLE, "the server is closing or overloaded; tried again later"},
    {BELFRY_NET_OK, 400, 499, BELFRY_UNAVAILABLE, "refused for now; tried again later"},
    {BELFRY_NET_OK, 530, 530, BELFRY_DISABLED,
     "the server wants a login (username, password) or encryption (starttls)"},
    {BELFRY_NET_OK, 500, 599, BELFRY_REJECTED, "refused for good; look at the reason, the size and `from`"},
    {BELFRY_NET_AUTH, 400, 499, BELFRY_UNAVAILABLE, "the server cannot check the login now; tried again later"},
    {BELFRY_NET_AUTH, 500, 599, BELFRY_DISABLED, "the login was refused; check username and password (or bearer)"},
    {BELFRY_NET_AUTH, 0, 399, BELFRY_DISABLED,
     "the server offers no login; use port 587 or smtps:// on 465, or leave out username"},
    {BELFRY_NET_REFUSED, 0, 999, BELFRY_REJECTED, "not sent"},
    {BELFRY_NET_TLS, 0, 999, BELFRY_UNAVAILABLE,
     "no encryption; check the certificate (ca_file), the name in url, and the port (465: smtps://, 587: smtp://)"},
    {BELFRY_NET_RESOLVE, 0, 999, BELFRY_UNAVAILABLE, "the server's name was not found; check url and DNS"},
    {BELFRY_NET_CONNECT, 0, 999, BELFRY_UNAVAILABLE, "no connection; check url, the server and the firewall"},
    {BELFRY_NET_TIMEOUT, 0, 999, BELFRY_UNAVAILABLE, "no answer in time; check the network, or raise timeout"},
    {BELFRY_NET_BROKEN, 0, 999, BELFRY_UNAVAILABLE, "the conversation broke off; tried again with the same Message-ID"},
};

static void judge_exchange(const struct belfry_reply *reply, struct belfry_verdict *verdict)
{
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        const struct meaning *m = &meanings[i];
        if (m->net == reply->net && m->from <= reply->code && reply->code <= m->to) {
            say(verdict, m->outcome, *reply->text ? "%s: %s" : "%s", m->advice, reply->text);
            return;
        }
    }
    say(verdict, BELFRY_UNAVAILABLE, "the answer makes no sense; is url a mail server? %s", reply->text);
}

static void smtp_judge(void *self, const struct belfry_notification *notification, const struct belfry_reply *reply,
                       struct belfry_request *next, struct belfry_verdict *verdict)
{
    const struct smtp *smtp = self;
    const struct belfry_list *list = whom(smtp, notification);
    struct tally refused = {0};
    (void)next;
    verdict->code = reply->code;
    if (reply->net == BELFRY_NET_OK)
        refused = count_refused(smtp, list, reply, NULL);
    size_t n = refused.later + refused.never;
    bool taken = reply->code >= 200 && reply->code < 300;
    if (n == list->n && !refused.later) {
        say(verdict, BELFRY_REJECTED, "every recipient was refused for good; check the addresses: %s", reply->text);
    } else if (n == list->n && !refused.never) {
        say(verdict, BELFRY_UNAVAILABLE, "every recipient was refused for now; tried again later: %s", reply->text);
    } else if (n == list->n || (n && taken)) {
        count_refused(smtp, list, reply, verdict);
        say(verdict, BELFRY_PARTIAL, "%zu of %zu recipients were refused, %zu of them for good; check the addresses", n,
            list->n, refused.never);
    } else {
        judge_exchange(reply, verdict);
    }
}

#define AT(field) offsetof(struct smtp, field)
static const struct belfry_option options[] = {
    {"url", BELFRY_URL, BELFRY_REQUIRED, NULL, "smtp|smtps", "smtp://host:587 or smtps://host:465", AT(url)},
    {"starttls", BELFRY_STRING, 0, "required", "required|none", "smtp:// only: encrypt, or do without", AT(starttls)},
    {"from", BELFRY_STRING, BELFRY_REQUIRED, NULL, NULL, "the sender: address, or Name <address>", AT(from)},
    {"to", BELFRY_LIST, 0, NULL, NULL, "who gets what names no recipients itself", AT(to)},
    {"reply_to", BELFRY_STRING, 0, NULL, NULL, "where answers go", AT(reply_to)},
    {"username", BELFRY_STRING, 0, NULL, NULL, "log in as; the server must then offer a login", AT(username)},
    {"password", BELFRY_SECRET, 0, NULL, NULL, "the password of username", AT(password)},
    {"bearer", BELFRY_SECRET, 0, NULL, NULL, "an OAuth token instead of a password", AT(bearer)},
    {"ca_file", BELFRY_PATH, 0, NULL, NULL, "PEM file of the authorities to trust", AT(ca_file)},
    {"subject", BELFRY_TEMPLATE, 0, NULL, NULL, "instead of the built-in title", AT(subject)},
    {"body", BELFRY_TEMPLATE, 0, NULL, NULL, "plain text, instead of the built-in one", AT(body)},
    {"html", BELFRY_TEMPLATE, 0, NULL, NULL, "HTML beside the plain text; values are escaped", AT(html)},
    {"headers", BELFRY_MAP, 0, NULL, NULL, "further headers of the message", AT(headers)},
    {0},
};

static const struct belfry_channel channel = {
    .size = sizeof channel,
    .compose = smtp_compose,
    .judge = smtp_judge,
};

BELFRY_PLUGIN(smtp, .kind = BELFRY_CHANNEL, .name = "smtp", .version = PACKAGE_VERSION, .licence = "Apache-2.0",
              .summary = "Mail by SMTP, with STARTTLS or TLS", .options = options, .instance_size = sizeof(struct smtp),
              .open = smtp_open, .channel = &channel);
