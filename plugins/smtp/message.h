/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An Internet message (RFC 5322 and MIME) from its parts. Addresses and headers are checked here before they may be
 * part of one: a control character in them is a mistake to be told, never a line break in the message.
 */
#ifndef BELFRY_SMTP_MESSAGE_H
#define BELFRY_SMTP_MESSAGE_H

#include <belfry/plugin.h>
#include <stddef.h>
#include <stdint.h>

struct mailbox {
    char name[256];    /* for display, UTF-8; "" if none */
    char address[324]; /* local@domain, ASCII */
};

/* Read "Name <local@domain>" or "local@domain". Null, or why it is no mailbox ("has no @"). */
const char *mailbox_parse(const char *text, struct mailbox *out);

/* May a user add this header? Null, or why not. */
const char *message_check_header(const char *name, const char *value);

struct message {
    const char *id, *domain;               /* unique and the same in every retry: Message-ID is <id@domain> */
    const char *thread;                    /* messages of the same one are shown together; "": none */
    int64_t date;                          /* ms since 1970 */
    struct belfry_list from, reply_to, to; /* what is no mailbox is left out; an empty list: no such header */
    const char *subject;                   /* UTF-8, without control characters */
    struct belfry_map headers;             /* checked by message_check_header() */
    const char *text, *html;               /* UTF-8, lines ended by \n; html: null if none */
};

/* The whole message, lines ended by \r\n, to be freed by the caller. Null: out of memory. */
char *message_write(const struct message *message, size_t *size);

#endif
