/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "plugin/exchange.h"

struct reply *reply_new(uint32_t stage)
{
    struct reply *reply = NEW(struct reply);
    reply->arena = arena_new();
    reply->pub =
        (struct belfry_reply){.size = sizeof reply->pub, .stage = stage, .text = "", .body = "", .internal = reply};
    return reply;
}

void reply_free(struct reply *reply)
{
    if (!reply)
        return;
    buf_free(&reply->body);
    arena_free(reply->arena);
    free(reply);
}

void reply_clean(char *out, size_t size, const char *text, size_t length)
{
    while (length && (unsigned char)text[length - 1] <= ' ')
        length--;
    AUTOBUF clean = {0};
    text_add_utf8(&clean, text, length);
    for (size_t i = 0; i < clean.len; i++)
        if ((unsigned char)clean.data[i] < ' ' || clean.data[i] == 0x7f)
            clean.data[i] = ' ';
    snprintf(out, size, "%s", buf_str(&clean));
    if (clean.len >= size)
        text_truncate(out, size - 1);
}

/* ---- while it comes in ---- */

static void add_header(struct reply *reply, const char *line, size_t length)
{
    const char *colon = memchr(line, ':', length);
    if (!colon)
        return;
    const char *value = colon + 1, *end = line + length;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (unsigned char)end[-1] <= ' ')
        end--;
    struct header *header = arena_alloc(reply->arena, sizeof *header);
    header->name = arena_strndup(reply->arena, line, (size_t)(colon - line));
    header->value = arena_strndup(reply->arena, value, (size_t)(end - value));
    header->next = reply->headers;
    reply->headers = header;
}

bool reply_add_head(struct reply *reply, const char *line, size_t length)
{
    reply->head_bytes += length;
    if (reply->head_bytes > REPLY_HEAD || ++reply->head_lines > REPLY_LINES) {
        reply->head_too_large = true;
        return false;
    }
    if (length >= 5 && strncasecmp(line, "HTTP/", 5) == 0) { /* a new head: what came before was interim */
        reply->headers = NULL;
        reply->head_is_whole = false;
        reply_clean(reply->status, sizeof reply->status, line, length);
    } else if (length && (*line == '\r' || *line == '\n')) {
        reply->head_is_whole = true;
    } else {
        add_header(reply, line, length);
    }
    return true;
}

bool reply_add_body(struct reply *reply, const char *data, size_t size)
{
    size_t room = REPLY_BODY - reply->body.len;
    buf_add(&reply->body, data, size < room ? size : room);
    if (size <= room)
        return true;
    reply->body_is_cut = true;
    return false;
}

const char *reply_header(const struct belfry_reply *pub, const char *name)
{
    const struct reply *reply = pub->internal;
    for (const struct header *h = reply->headers; h; h = h->next)
        if (strcasecmp(h->name, name) == 0)
            return h->value;
    return "";
}

/* ---- what it comes to ---- */

static enum belfry_net net_of(CURLcode result)
{
    switch (result) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return BELFRY_NET_RESOLVE;
    case CURLE_COULDNT_CONNECT:
    case CURLE_INTERFACE_FAILED:
        return BELFRY_NET_CONNECT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_SHUTDOWN_FAILED:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_USE_SSL_FAILED:
        return BELFRY_NET_TLS;
    case CURLE_OPERATION_TIMEDOUT:
        return BELFRY_NET_TIMEOUT;
    case CURLE_LOGIN_DENIED:
    case CURLE_AUTH_ERROR:
        return BELFRY_NET_AUTH;
    case CURLE_URL_MALFORMAT:
        return BELFRY_NET_REFUSED;
    default:
        return BELFRY_NET_BROKEN;
    }
}

static void conclude(struct reply *reply, enum belfry_net net, long code, const char *text)
{
    char clean[256];
    reply_clean(clean, sizeof clean, text, strlen(text));
    reply->pub.net = net;
    reply->pub.code = (int)code;
    reply->pub.text = arena_strdup(reply->arena, clean);
    reply->pub.body = buf_str(&reply->body);
    reply->pub.body_size = reply->body.len;
}

static void conclude_trouble(struct reply *reply, CURLcode result, const char *detail)
{
    if (result == CURLE_COULDNT_CONNECT && reply->forbidden)
        conclude(reply, BELFRY_NET_REFUSED, 0, reply->forbidden);
    else if (reply->head_too_large)
        conclude(reply, BELFRY_NET_REFUSED, 0, "the peer's answer has more headers than any needs");
    else
        conclude(reply, net_of(result), 0, *detail ? detail : curl_easy_strerror(result));
}

void reply_conclude_http(struct reply *reply, CURLcode result, const char *detail, long code, long retry_after_s)
{
    /* We hung up ourselves when the body was more than anyone wants to read; the answer is known all the same. */
    if (result == CURLE_WRITE_ERROR && reply->body_is_cut)
        result = CURLE_OK;
    /* curl is content with a head that breaks off. */
    if (!result && !reply->head_is_whole)
        result = CURLE_PARTIAL_FILE;
    if (result) {
        conclude_trouble(reply, result, detail);
        return;
    }
    conclude(reply, BELFRY_NET_OK, code, reply->status);
    /* Before 8.12 curl gives a negative number for a date that has passed. */
    if (retry_after_s > 0)
        reply->pub.retry_after = retry_after_s < DAY / SECOND ? (int64_t)retry_after_s * SECOND : DAY;
}

static void add_recipients(struct reply *reply, const struct smtp *smtp, const char *const *recipients)
{
    struct belfry_recipient_reply *list = arena_alloc(reply->arena, (smtp->n_recipients + 1) * sizeof *list);
    for (size_t i = 0; i < smtp->n_recipients; i++) {
        list[i].address = arena_strdup(reply->arena, recipients[i]);
        list[i].code = smtp->recipients[i].code;
        list[i].text = arena_strdup(reply->arena, smtp->recipients[i].text);
    }
    reply->pub.recipients = list;
    reply->pub.n_recipients = smtp->n_recipients;
}

/* curl's result and the server's word belong together: the code alone may be that of an earlier reply. */
static void conclude_refusal(struct reply *reply, const struct smtp *smtp)
{
    enum belfry_net net = BELFRY_NET_OK;
    if (smtp->last_verb == SMTP_STARTTLS)
        net = BELFRY_NET_TLS;
    else if (smtp->last_verb == SMTP_AUTH && smtp->last.code >= 500)
        net = BELFRY_NET_AUTH;
    conclude(reply, net, smtp->last.code, smtp->last.text);
}

void reply_conclude_smtp(struct reply *reply, CURLcode result, const char *detail, const struct smtp *smtp,
                         const char *const *recipients)
{
    add_recipients(reply, smtp, recipients);
    if (result == CURLE_OK)
        conclude(reply, BELFRY_NET_OK, smtp->last.code, smtp->last.text);
    else if (smtp->no_auth)
        conclude(reply, BELFRY_NET_AUTH, 0,
                 "a user name or token is configured, but the server offers no authentication");
    else if (result == CURLE_USE_SSL_FAILED && smtp->last_verb != SMTP_STARTTLS)
        conclude(reply, BELFRY_NET_TLS, 0, "the server does not offer STARTTLS");
    else if (smtp->doomed)
        conclude_refusal(reply, smtp);
    else if (result == CURLE_LOGIN_DENIED)
        conclude(reply, BELFRY_NET_AUTH, 0, "the server offers no way of authentication that is supported here");
    else
        conclude_trouble(reply, result, detail);
}

void reply_conclude_refused(struct reply *reply, const char *why)
{
    conclude(reply, BELFRY_NET_REFUSED, 0, why);
}

void reply_conclude_lost(struct reply *reply, const char *why)
{
    conclude(reply, BELFRY_NET_BROKEN, 0, why);
}
