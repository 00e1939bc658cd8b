/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An SMTP conversation, overheard. libcurl tells neither which recipients were refused nor, reliably, which reply it
 * failed on, and sends mail without authentication where a server offers none. So the commands and replies that pass by
 * are matched here.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "plugin/exchange.h"

static const struct {
    const char *text;
    enum smtp_verb verb;
} commands[] = {
    {"EHLO ", SMTP_HELLO},     {"HELO ", SMTP_HELLO},   {"STARTTLS", SMTP_STARTTLS}, {"AUTH ", SMTP_AUTH},
    {"MAIL FROM:", SMTP_MAIL}, {"RCPT TO:", SMTP_RCPT}, {"DATA", SMTP_DATA},         {"QUIT", SMTP_OTHER},
};

void smtp_init(struct smtp *smtp, size_t n_recipients)
{
    *smtp = (struct smtp){.n_recipients = n_recipients};
    smtp->recipients = x_calloc(n_recipients, sizeof *smtp->recipients);
}

void smtp_free(struct smtp *smtp)
{
    free(smtp->recipients);
    smtp->recipients = NULL;
}

void smtp_sent(struct smtp *smtp, const char *line, size_t length)
{
    /* "*" calls an authentication off; its reply says nothing about the password. */
    if (smtp->verb == SMTP_AUTH && length >= 1 && *line == '*') {
        smtp->verb = SMTP_OTHER;
        return;
    }
    for (size_t i = 0; i < COUNT(commands); i++) {
        size_t n = strlen(commands[i].text);
        if (length < n || strncasecmp(line, commands[i].text, n) != 0)
            continue;
        smtp->verb = commands[i].verb;
        if (smtp->verb == SMTP_RCPT)
            smtp->n_asked++;
        if (smtp->verb == SMTP_HELLO) {
            smtp->is_helo = strncasecmp(line, "HELO", 4) == 0;
            smtp->offers_auth = false;
        }
        return;
    }
    /* Anything else goes on with the command before: the lines of an authentication. */
}

static bool is_end_of_reply(const char *line, size_t length)
{
    return length >= 3 && isdigit((unsigned char)line[0]) && isdigit((unsigned char)line[1]) &&
           isdigit((unsigned char)line[2]) && (length == 3 || line[3] != '-');
}

static void note(struct smtp_answer *answer, const char *line, size_t length)
{
    answer->code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
    reply_clean(answer->text, sizeof answer->text, line, length);
}

/* Whether libcurl gives up on this refusal. After HELLO it may try the older HELO. */
static bool is_final(const struct smtp *smtp)
{
    switch (smtp->last_verb) {
    case SMTP_HELLO:
        return smtp->is_helo || (smtp->wants_tls && !smtp->has_tls);
    case SMTP_RCPT:
        return smtp->n_asked == smtp->n_recipients && !smtp->n_accepted;
    case SMTP_OTHER:
        return false;
    default:
        return true;
    }
}

static int accepted(struct smtp *smtp)
{
    switch (smtp->last_verb) {
    case SMTP_STARTTLS:
        smtp->has_tls = true;
        break;
    case SMTP_HELLO:
        if (smtp->wants_auth && !smtp->offers_auth && (!smtp->wants_tls || smtp->has_tls)) {
            smtp->no_auth = smtp->doomed = true;
            return -1;
        }
        break;
    case SMTP_RCPT:
        smtp->n_accepted++;
        break;
    case SMTP_DATA:
        smtp->verb = SMTP_DOT;
        break;
    default:
        break;
    }
    return 0;
}

int smtp_received(struct smtp *smtp, const char *line, size_t length)
{
    if (smtp->verb == SMTP_HELLO && length > 9 && strncasecmp(line + 4, "AUTH ", 5) == 0)
        smtp->offers_auth = true;
    if (!is_end_of_reply(line, length) || smtp->verb == SMTP_OTHER)
        return 0;
    note(&smtp->last, line, length);
    smtp->last_verb = smtp->verb;
    if (smtp->verb == SMTP_RCPT && smtp->n_asked >= 1 && smtp->n_asked <= smtp->n_recipients)
        smtp->recipients[smtp->n_asked - 1] = smtp->last;
    if (smtp->last.code < 400)
        return accepted(smtp);
    smtp->doomed = is_final(smtp);
    return 0;
}
