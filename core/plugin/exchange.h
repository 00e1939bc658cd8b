/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to the room: requests, how they are carried, and replies.
 *
 *   request.c   what a plugin asks for, and whether it may
 *   setup.c     a request as options of a curl handle; the rules of the house for all of them
 *   carrier.c   HTTP: curl's multi interface on the event loop, one per instance
 *   mail.c      SMTP: on a thread, since libcurl waits for a mail server's last word without giving control back
 *   smtp.c      who said what in an SMTP conversation
 *   transfer.c  one request on its way, whoever carries it
 *   reply.c     what came back
 */
#ifndef BELFRY_PLUGIN_EXCHANGE_H
#define BELFRY_PLUGIN_EXCHANGE_H

#include <curl/curl.h>

#include "plugin/handle.h"
#include "plugin/instance.h"

/* ---- request.c ---- */

struct header {
    const char *name, *value;
    struct header *next;
};

struct request {
    struct belfry_request pub; /* first: the plugin's pointer is ours */
    struct instance *instance;
    struct arena *arena;
    struct header *headers, **headers_end;
    size_t n_headers, header_bytes;
    const char **recipients;
    size_t n_recipients;
    struct request *prev, *next; /* in instance->requests, until it is started */
};

struct request *request_make(struct instance *instance);
void request_free(struct request *request); /* null is fine */
static inline struct request *request_of(struct belfry_request *pub)
{
    return (struct request *)pub;
}

char *request_text(struct belfry_request *pub, const char *format, ...) __attribute__((format(printf, 2, 3)));
int request_header(struct belfry_request *pub, const char *name, const char *value, struct belfry_error *e);
int request_recipient(struct belfry_request *pub, const char *address, struct belfry_error *e);
const char *request_render(struct belfry_request *pub, const struct belfry_template *template,
                           const struct belfry_notification *notification, int escape,
                           struct belfry_error *e); /* render.c */

enum scheme { SCHEME_OTHER, SCHEME_HTTP, SCHEME_SMTP };
enum scheme request_scheme(const struct request *request);
bool request_has_header(const struct request *request, const char *name);
/* The rules of the house, before anything is sent. -1: see `e`. */
int request_check(struct request *request, struct error *e);

/* ---- smtp.c ---- */

enum smtp_verb {
    SMTP_GREETING,
    SMTP_HELLO,
    SMTP_STARTTLS,
    SMTP_AUTH,
    SMTP_MAIL,
    SMTP_RCPT,
    SMTP_DATA,
    SMTP_DOT,
    SMTP_OTHER
};

struct smtp_answer {
    int code;
    char text[200];
};
struct smtp {
    bool wants_auth, wants_tls; /* of the request */
    enum smtp_verb verb;        /* what the next reply answers */
    bool is_helo, has_tls, offers_auth;
    bool no_auth; /* authentication was demanded and is not offered: give up */
    bool doomed;  /* the reply just read ends the matter; nothing more is to be waited for */
    size_t n_recipients, n_asked, n_accepted;
    struct smtp_answer *recipients; /* n_recipients */
    struct smtp_answer last;        /* the last whole reply, but for that to QUIT */
    enum smtp_verb last_verb;
};
void smtp_init(struct smtp *smtp, size_t n_recipients);
void smtp_free(struct smtp *smtp);
void smtp_sent(struct smtp *smtp, const char *line, size_t length);
/* -1: give up (no_auth). */
int smtp_received(struct smtp *smtp, const char *line, size_t length);

/* ---- reply.c ---- */

enum { REPLY_BODY = 64 * 1024, REPLY_HEAD = 64 * 1024, REPLY_LINES = 200 };

/* Filled by whoever carries the request, on whatever thread; belongs to one transfer. */
struct reply {
    struct belfry_reply pub;
    struct arena *arena;
    struct buf body;
    struct header *headers; /* of the last head; names in lower case */
    char status[200];       /* HTTP: the status line */
    size_t head_bytes, head_lines;
    bool head_is_whole, head_too_large, body_is_cut;
    const char *forbidden; /* an address that must not be connected to was; static */
};
struct reply *reply_new(uint32_t stage);
void reply_free(struct reply *reply);                                      /* null is fine */
bool reply_add_head(struct reply *reply, const char *line, size_t length); /* false: too large */
bool reply_add_body(struct reply *reply, const char *data, size_t size);   /* false: that was enough */
/* The outcome in the plugin's terms. `detail` is curl's own message, maybe "". */
void reply_conclude_http(struct reply *reply, CURLcode result, const char *detail, long code, long retry_after_s);
void reply_conclude_smtp(struct reply *reply, CURLcode result, const char *detail, const struct smtp *smtp,
                         const char *const *recipients);
void reply_conclude_refused(struct reply *reply, const char *why);
void reply_conclude_lost(struct reply *reply, const char *why); /* our own trouble: try again */
const char *reply_header(const struct belfry_reply *pub, const char *name);
/* What a peer said, fit for people and logs: one line of UTF-8, cut to the size. */
void reply_clean(char *out, size_t size, const char *text, size_t length);

/* ---- setup.c ---- */

void setup_curl(void); /* once for the process */
/* What curl does not copy of a request, and so must live as long as its transfer. */
struct setup {
    struct curl_slist *headers, *recipients;
    char error[CURL_ERROR_SIZE];
};
/* All options but where the reply and an SMTP body go. */
CURLcode setup_easy(CURL *easy, struct setup *setup, const struct request *request, struct reply *reply);
void setup_free(struct setup *setup);
long setup_timeout(const struct request *request); /* ms */
/* Makes a socket, unless the address is one that nothing may connect to. */
curl_socket_t setup_open_socket(void *reply, curlsocktype purpose, struct curl_sockaddr *address);

/* ---- transfer.c ---- */

/* Takes the request over. `done` is called once, later, unless transfer_cancel() comes first; then the transfer is
 * gone. */
struct transfer *transfer_begin(struct request *request, void (*done)(void *ctx, const struct belfry_reply *),
                                void *ctx);
void transfer_cancel(struct transfer *transfer);
void transfers_sweep(struct instance *instance);
/* For the plugin: host->transfer_start and host->transfer_stop. */
struct belfry_transfer *transfer_start(struct belfry_request *pub,
                                       void (*done)(void *data, const struct belfry_reply *), void *data);
void transfer_stop(struct belfry_transfer *transfer);

/* ---- carrier.c: HTTP ---- */

struct parcel; /* one request at the carrier */
/* `done`: the reply is concluded; the parcel is gone after it. Null: it cannot be sent, the reply is concluded. */
struct parcel *carrier_send(const struct request *request, struct reply *reply, void (*done)(void *ctx), void *ctx);
void carrier_recall(struct parcel *parcel); /* done is not called */
void carrier_free(struct carrier *carrier); /* null is fine; nothing is on its way any more */

/* ---- mail.c: SMTP ---- */

struct mailroom *mailroom_new(struct loop *loop);
void mailroom_free(struct mailroom *room); /* waits for the threads, which are told to give up */
struct mail;                               /* one request on a thread of its own */
/* As carrier_send(). */
struct mail *mail_send(struct mailroom *room, const struct request *request, struct reply *reply,
                       void (*done)(void *ctx), void *ctx);
/* Done is not called. The reply is the thread's from now on, and freed by it. */
void mail_recall(struct mail *mail);
void mail_forget(struct mailroom *room, const struct instance *owner); /* its idle connections */

/* ---- notification.c ---- */

const struct belfry_notification *notification_copy(const struct belfry_notification *from, struct arena *arena);

/* ---- judge.c ---- */

struct verdict_memory {
    struct arena *arena;
    struct recipient_failure *failures;
    size_t n, cap;
};
void judge_http(const struct belfry_reply *reply, struct belfry_verdict *verdict);
void judge_undelivered(struct belfry_verdict *verdict, const char *address, int again, int code, const char *text);
void judge_forget(struct belfry_verdict *verdict); /* what judge_undelivered() noted */

#endif
