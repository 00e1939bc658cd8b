/* SPDX-License-Identifier: Apache-2.0 */
/* Scripted HTTP and SMTP servers on the test's own loop. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>
#include <utlist.h>

#include "kit.h"

struct guest {
    struct peer *peer;
    struct bufferevent *io;
    size_t more; /* bytes still to be written */
    bool in_message, is_secure, in_auth;
    struct guest *prev, *next;
};

struct peer {
    struct peer_script script;
    struct event_base *base;
    struct evconnlistener *listener;
    struct guest *guests;
    int connections;
    size_t unsent;
    size_t requests;
    struct buf heard;
    struct event *later; /* for what cannot be done from inside a bufferevent's callback */
    struct guest *to_secure;
};

static void guest_free(struct guest *guest)
{
    DL_DELETE(guest->peer->guests, guest);
    guest->peer->unsent += guest->more;
    bufferevent_free(guest->io);
    free(guest);
}

static void say(struct guest *guest, const char *text)
{
    if (*text)
        bufferevent_write(guest->io, text, strlen(text));
}

/* ---- HTTP ---- */

static bool take_request(struct guest *guest)
{
    struct evbuffer *in = bufferevent_get_input(guest->io);
    struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
    if (end.pos < 0)
        return false;
    size_t size = evbuffer_get_length(in), head = (size_t)end.pos + 4, body = 0;
    char *bytes = (char *)evbuffer_pullup(in, -1);
    struct buf copy = {0};
    buf_add(&copy, bytes, size);
    const char *length = strcasestr(buf_str(&copy), "\r\nContent-Length:");
    if (length)
        body = (size_t)atoi(length + 17);
    buf_free(&copy);
    if (size < head + body)
        return false;
    buf_add(&guest->peer->heard, bytes, head + body);
    evbuffer_drain(in, head + body);
    return true;
}

static void answer_http(struct guest *guest)
{
    struct peer *peer = guest->peer;
    while (take_request(guest)) {
        size_t i = peer->requests++;
        while (i && !peer->script.answers[i])
            i--;
        if (!peer->script.answers[i])
            continue;
        guest->more = peer->script.then_bytes;
        say(guest, peer->script.answers[i]);
    }
}

static void on_written(struct bufferevent *io, void *data)
{
    static const char filler[64 * 1024];
    struct guest *guest = data;
    if (guest->more) {
        size_t part = guest->more < sizeof filler ? guest->more : sizeof filler;
        guest->more -= part;
        bufferevent_write(io, filler, part);
    } else if (guest->peer->script.close_after && guest->peer->requests) {
        guest_free(guest);
    }
}

/* ---- SMTP ---- */

static const char *usual(const char *scripted, const char *otherwise)
{
    return scripted ? scripted : otherwise;
}

static const char *answer_recipient(struct peer *peer, const char *line)
{
    static char reply[200];
    for (const char *bad = usual(peer->script.bad_recipients, ""); *bad; bad += strcspn(bad, "\n") + 1) {
        size_t n = strcspn(bad, "=");
        char address[100];
        snprintf(address, sizeof address, "<%.*s>", (int)n, bad);
        if (!strstr(line, address))
            continue;
        snprintf(reply, sizeof reply, "%.*s\r\n", (int)strcspn(bad + n + 1, "\n"), bad + n + 1);
        return reply;
    }
    return "250 ok\r\n";
}

static const char *answer_smtp(struct guest *guest, const char *line)
{
    struct peer *peer = guest->peer;
    const struct peer_script *script = &peer->script;
    if (guest->in_message) {
        if (strcmp(line, ".") != 0)
            return "";
        guest->in_message = false;
        return usual(script->dot, "250 2.0.0 queued\r\n");
    }
    if (strncasecmp(line, "EHLO", 4) == 0 && guest->is_secure && script->ehlo_secure)
        return script->ehlo_secure;
    if (strncasecmp(line, "EHLO", 4) == 0)
        return usual(script->ehlo, "250-peer\r\n250-AUTH PLAIN LOGIN\r\n250 SIZE 1000000\r\n");
    if (strncasecmp(line, "STARTTLS", 8) == 0) {
        if (!script->starttls) {
            peer->to_secure = guest;
            event_active(peer->later, 0, 0);
        }
        return usual(script->starttls, "220 go ahead\r\n");
    }
    if (strncasecmp(line, "AUTH", 4) == 0)
        return usual(script->auth, "235 2.7.0 welcome\r\n");
    if (strncasecmp(line, "MAIL", 4) == 0)
        return usual(script->mail, "250 ok\r\n");
    if (strncasecmp(line, "RCPT", 4) == 0)
        return answer_recipient(peer, line);
    if (strncasecmp(line, "DATA", 4) == 0) {
        guest->in_message = !script->data;
        return usual(script->data, "354 go on\r\n");
    }
    if (strncasecmp(line, "QUIT", 4) == 0)
        return usual(script->quit, "221 bye\r\n");
    return "500 what?\r\n";
}

static void on_read(struct bufferevent *io, void *data)
{
    struct guest *guest = data;
    if (!guest->peer->script.is_smtp) {
        answer_http(guest);
        return;
    }
    char *line;
    while ((line = evbuffer_readln(bufferevent_get_input(io), NULL, EVBUFFER_EOL_CRLF))) {
        buf_addf(&guest->peer->heard, "%s\n", line);
        say(guest, answer_smtp(guest, line));
        free(line);
    }
}

static void on_event(struct bufferevent *io, short what, void *data)
{
    (void)io;
    struct guest *guest = data;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) {
        guest_free(guest);
    } else if ((what & BEV_EVENT_CONNECTED) && guest->peer->script.is_smtp && guest->peer->script.tls &&
               !guest->is_secure) {
        guest->is_secure = true;
        say(guest, usual(guest->peer->script.greeting, "220 peer ready\r\n"));
    }
}

/* After STARTTLS: the reply is out in plain, the rest is wrapped. */
static void on_later(evutil_socket_t fd, short what, void *data)
{
    (void)fd, (void)what;
    struct peer *peer = data;
    struct guest *guest = peer->to_secure;
    guest->is_secure = true;
    guest->io = bufferevent_openssl_filter_new(peer->base, guest->io, SSL_new(peer->script.tls->context),
                                               BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(guest->io, on_read, NULL, on_event, guest);
    bufferevent_enable(guest->io, EV_READ | EV_WRITE);
}

/* ---- life ---- */

static bool is_implicit(const struct peer *peer)
{
    return peer->script.tls && !(peer->script.is_smtp && peer->script.ehlo && strstr(peer->script.ehlo, "STARTTLS"));
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address, int size,
                      void *data)
{
    (void)listener, (void)address, (void)size;
    struct peer *peer = data;
    struct guest *guest = NEW(struct guest);
    guest->peer = peer;
    peer->connections++;
    if (is_implicit(peer))
        guest->io = bufferevent_openssl_socket_new(peer->base, fd, SSL_new(peer->script.tls->context),
                                                   BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    else
        guest->io = bufferevent_socket_new(peer->base, fd, BEV_OPT_CLOSE_ON_FREE);
    DL_APPEND(peer->guests, guest);
    bufferevent_setcb(guest->io, on_read, peer->script.is_smtp ? NULL : on_written, on_event, guest);
    bufferevent_enable(guest->io, EV_READ | EV_WRITE);
    if (peer->script.is_smtp && !is_implicit(peer))
        say(guest, usual(peer->script.greeting, "220 peer ready\r\n"));
}

struct peer *peer_new(struct kit *kit, const struct peer_script *script)
{
    struct peer *peer = NEW(struct peer);
    peer->script = *script;
    peer->base = loop_base(kit->loop);
    peer->later = event_new(peer->base, -1, 0, on_later, peer);
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *address = (struct sockaddr *)&v4;
    int size = sizeof v4;
    if (script->path) {
        snprintf(local.sun_path, sizeof local.sun_path, "%s", script->path);
        address = (struct sockaddr *)&local;
        size = sizeof local;
    }
    peer->listener = evconnlistener_new_bind(peer->base, on_accept, peer, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
                                             16, address, size);
    assert_non_null(peer->listener);
    return peer;
}

void peer_free(struct peer *peer)
{
    while (peer->guests)
        guest_free(peer->guests);
    evconnlistener_free(peer->listener);
    event_free(peer->later);
    buf_free(&peer->heard);
    free(peer);
}

int peer_port(const struct peer *peer)
{
    struct sockaddr_in v4;
    socklen_t size = sizeof v4;
    assert_int_equal(getsockname(evconnlistener_get_fd(peer->listener), (struct sockaddr *)&v4, &size), 0);
    return ntohs(v4.sin_port);
}

int peer_connections(const struct peer *peer)
{
    return peer->connections;
}

const char *peer_heard(const struct peer *peer)
{
    return buf_str(&peer->heard);
}

size_t peer_unsent(const struct peer *peer)
{
    return peer->unsent;
}

char *peer_url(struct kit *kit, const struct peer *peer, const char *scheme, const char *path)
{
    return arena_printf(kit->arena, "%s://127.0.0.1:%d%s", scheme, peer_port(peer), path);
}

/* ---- certificates ---- */

static X509 *make_certificate(EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
    X509_set_pubkey(certificate, key);
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"127.0.0.1", -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
    X509_add_ext(certificate, san, -1);
    X509_EXTENSION_free(san);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    return certificate;
}

struct tls *tls_new(struct kit *kit)
{
    struct tls *tls = NEW(struct tls);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = make_certificate(key);
    tls->context = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate(tls->context, certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(tls->context, key), 1);
    snprintf(tls->file, sizeof tls->file, "%s/ca.pem", kit->dir);
    FILE *file = fopen(tls->file, "w");
    assert_non_null(file);
    PEM_write_X509(file, certificate);
    fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return tls;
}

void tls_free(struct tls *tls)
{
    SSL_CTX_free(tls->context);
    free(tls);
}
