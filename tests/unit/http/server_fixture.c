/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "server_fixture.h"

enum { PATIENCE_MS = 5000 };

/* ---- Surfaces ---- */

static struct fixture *current;

static void echo(struct exchange *x)
{
    json_t *body = json_object();
    json_put_str(body, "method", x->method_name);
    json_put_str(body, "path", x->path);
    json_put_str(body, "wild0", x->wild[0]);
    json_put_str(body, "wild1", x->wild[1]);
    json_put_str(body, "body", x->body);
    json_put_int(body, "size", (int64_t)x->body_size);
    json_put_str(body, "type", x->content_type);
    json_put_str(body, "peer", x->peer);
    json_put_str(body, "token", x->token_name);
    json_put_int(body, "roles", x->roles);
    json_put_str(body, "q", exchange_query(x, "q"));
    json_put_str(body, "q1", exchange_query_nth(x, "q", 1));
    json_put_str(body, "agent", exchange_header(x, "User-Agent"));
    if (x->method == METHOD_HEAD)
        exchange_set_header(x, "X-Head", "yes");
    exchange_json(x, 200, body);
}

static void hold(struct exchange *x)
{
    current->held = x;
    current->held_count++;
}

static void large(struct exchange *x)
{
    int64_t size = 1;
    if (exchange_query_int(x, "size", 0, 64 << 20, &size))
        return;
    char *data = arena_alloc(x->arena, (size_t)size + 1);
    memset(data, 'x', (size_t)size);
    exchange_text(x, 200, "text/plain", data, (size_t)size);
}

static void no_content(struct exchange *x)
{
    exchange_text(x, 204, NULL, NULL, 0);
}

static void full(struct exchange *x)
{
    exchange_store_failed(x, STORE_FULL);
}

static void failed(struct exchange *x)
{
    exchange_store_failed(x, STORE_FAILED);
}

static void error(struct exchange *x)
{
    struct error e;
    error_set(&e, "it is \"wrong\"");
    error_where(&e, "name");
    error_mend(&e, "do it right");
    exchange_error(x, 400, &e);
}

enum { EVERY_METHOD = METHOD_GET | METHOD_POST | METHOD_PUT | METHOD_DELETE };
const struct http_route api_event_routes[] = {{METHOD_POST, "/api/events", ROLE_INGEST | ROLE_OPERATE, echo}, {0}};
const struct http_route api_job_routes[] = {{METHOD_GET, "/api/jobs", ROLE_VIEW, echo},
                                            {METHOD_GET, "/api/jobs/*", ROLE_VIEW, echo},
                                            {METHOD_POST, "/api/jobs/*/runs/*", ROLE_OPERATE, echo},
                                            {0}};
const struct http_route api_alert_routes[] = {
    {METHOD_GET, "/hold", ROLE_VIEW, hold},   {METHOD_GET, "/large", ROLE_VIEW, large},
    {METHOD_GET, "/full", ROLE_OPEN, full},   {METHOD_GET, "/failed", ROLE_OPEN, failed},
    {METHOD_GET, "/error", ROLE_OPEN, error}, {0}};
const struct http_route api_notification_routes[] = {{METHOD_POST, "/reload", ROLE_ADMIN, echo}, {0}};
const struct http_route ping_routes[] = {{METHOD_GET | METHOD_POST, "/ping/**", ROLE_OPEN, echo}, {0}};
const struct http_route hook_routes[] = {{METHOD_POST, "/hooks/*", ROLE_INGEST, echo}, {0}};
const struct http_route health_routes[] = {{METHOD_GET, "/-/healthy", ROLE_OPEN, no_content}, {0}};
/* Anything else, for the rows of the gate; not below /api/ or /missing. */
const struct http_route metrics_routes[] = {
    {METHOD_GET, "/metrics", ROLE_VIEW, echo}, {EVERY_METHOD, "/**", ROLE_OPEN, echo}, {0}};

/* ---- The server ---- */

struct fixture *fixture_new(void)
{
    struct fixture *f = NEW(struct fixture);
    signal(SIGPIPE, SIG_IGN);
    log_setup(LOG_ERROR, false);
    strcpy(f->dir, "/tmp/belfry-http-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->loop = loop_new();
    f->listen[0] = "127.0.0.1:0";
    f->agent.listen = (struct belfry_list){1, f->listen};
    f->agent.hosts = (struct belfry_list){0, f->hosts};
    f->agent.external_url = "";
    f->agent.tokens = f->tokens;
    current = f;
    return f;
}

void fixture_start(struct fixture *f)
{
    struct http_rooms rooms = {.loop = f->loop};
    struct error e;
    char text[1024];
    f->http = http_start(&f->agent, &rooms, &e);
    if (!f->http)
        fail_msg("%s", error_text(&e, text, sizeof text));
}

static char *path_in(const struct fixture *f, const char *name)
{
    return x_printf("%s/%s", f->dir, name);
}

void fixture_free(struct fixture *f)
{
    static const char *const names[] = {"cert.pem", "key.pem", "socket"};
    http_free(f->http);
    loop_turn(f->loop);
    loop_free(f->loop);
    for (size_t i = 0; i < COUNT(names); i++) {
        AUTOFREE char *path = path_in(f, names[i]);
        unlink(path);
    }
    rmdir(f->dir);
    if (f->agent.tls_cert) {
        free((char *)(uintptr_t)f->agent.tls_cert);
        free((char *)(uintptr_t)f->agent.tls_key);
    }
    free(f);
}

void fixture_add_tokens(struct fixture *f)
{
    static const struct config_token tokens[] = {{"v", "view-token", "view"},
                                                 {"i", "ingest-token", "ingest"},
                                                 {"o", "operate-token", "operate"},
                                                 {"a", "admin-token", "admin"}};
    memcpy(f->tokens, tokens, sizeof tokens);
    f->agent.n_tokens = COUNT(tokens);
}

void fixture_use_tls(struct fixture *f)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
    X509_set_issuer_name(cert, name);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    f->agent.tls_cert = path_in(f, "cert.pem");
    f->agent.tls_key = path_in(f, "key.pem");
    FILE *out = fopen(f->agent.tls_cert, "w");
    assert_int_equal(PEM_write_X509(out, cert), 1);
    fclose(out);
    out = fopen(f->agent.tls_key, "w");
    assert_int_equal(PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(out);
    X509_free(cert);
    EVP_PKEY_free(key);
}

struct http_stats fixture_stats(const struct fixture *f)
{
    struct http_stats stats;
    http_get_stats(f->http, &stats);
    return stats;
}

bool fixture_until(struct fixture *f, bool (*done)(void *data), void *data)
{
    for (int64_t end = time_monotonic() + PATIENCE_MS; time_monotonic() < end;) {
        loop_turn(f->loop);
        if (done(data))
            return true;
        poll(NULL, 0, 1);
    }
    return false;
}

static bool never(void *data)
{
    return time_monotonic() >= *(int64_t *)data;
}

void fixture_run(struct fixture *f, int64_t ms)
{
    int64_t end = time_monotonic() + ms;
    fixture_until(f, never, &end);
}

/* ---- Peers ---- */

static int connect_tcp(const char *address)
{
    struct sockaddr_storage to = {0};
    int size = sizeof to;
    assert_int_equal(evutil_parse_sockaddr_port(address, (struct sockaddr *)&to, &size), 0);
    int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, (socklen_t)size), 0);
    return fd;
}

static int connect_unix(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    strncpy(to.sun_path, path, sizeof to.sun_path - 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

struct peer_socket *peer_open(struct fixture *f, size_t listener)
{
    struct peer_socket *p = NEW(struct peer_socket);
    const char *address = http_address(f->http, listener);
    p->f = f;
    p->fd = text_starts(address, "unix:") ? connect_unix(address + 5) : connect_tcp(address);
    fcntl(p->fd, F_SETFL, O_NONBLOCK);
    return p;
}

static bool shakes_hands(void *data)
{
    struct peer_socket *p = data;
    int result = SSL_do_handshake(p->ssl);
    p->closed = result <= 0 && SSL_get_error(p->ssl, result) != SSL_ERROR_WANT_READ &&
                SSL_get_error(p->ssl, result) != SSL_ERROR_WANT_WRITE;
    return result == 1 || p->closed;
}

struct peer_socket *peer_open_tls(struct fixture *f, size_t listener, int version)
{
    struct peer_socket *p = peer_open(f, listener);
    p->ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(p->ctx, 0);
    SSL_CTX_set_min_proto_version(p->ctx, version);
    SSL_CTX_set_max_proto_version(p->ctx, version);
    p->ssl = SSL_new(p->ctx);
    SSL_set_fd(p->ssl, p->fd);
    SSL_set_connect_state(p->ssl);
    fixture_until(f, shakes_hands, p);
    return p;
}

void peer_close(struct peer_socket *p)
{
    SSL_free(p->ssl);
    SSL_CTX_free(p->ctx);
    close(p->fd);
    buf_free(&p->in);
    free(p);
}

static ssize_t write_some(struct peer_socket *p, const void *data, size_t size)
{
    if (!p->ssl)
        return send(p->fd, data, size, MSG_NOSIGNAL);
    int n = SSL_write(p->ssl, data, size > INT_MAX ? INT_MAX : (int)size);
    errno = n < 0 ? EAGAIN : errno;
    return n;
}

void peer_send(struct peer_socket *p, const void *data, size_t size)
{
    int64_t end = time_monotonic() + PATIENCE_MS;
    for (size_t at = 0; at < size && time_monotonic() < end;) {
        ssize_t n = write_some(p, (const char *)data + at, size - at);
        if (n < 0 && errno != EAGAIN)
            return; /* the server is tired of us: seen when reading */
        if (n > 0)
            at += (size_t)n;
        else
            loop_turn(p->f->loop);
    }
}

void peer_say(struct peer_socket *p, const char *text)
{
    peer_send(p, text, strlen(text));
}

static void read_all(struct peer_socket *p)
{
    char piece[65536];
    for (ssize_t n; !p->closed;) {
        n = p->ssl ? SSL_read(p->ssl, piece, sizeof piece) : recv(p->fd, piece, sizeof piece, 0);
        if (n > 0) {
            buf_add(&p->in, piece, (size_t)n);
            continue;
        }
        if (p->ssl ? SSL_get_error(p->ssl, (int)n) == SSL_ERROR_WANT_READ : n < 0 && errno == EAGAIN)
            return;
        p->closed = true;
    }
}

/* The length of the answer that begins there, 0: not whole. HEAD's and 1xx, 204, 304 have no body. */
static size_t answer_size(const char *data, size_t size, bool head_only)
{
    const char *end = memmem(data, size, "\r\n\r\n", 4);
    if (!end)
        return 0;
    size_t head = (size_t)(end - data) + 4;
    const char *length = memmem(data, head, "Content-Length: ", 16);
    bool empty = head_only || memcmp(data + 9, "1", 1) == 0 || memcmp(data + 9, "204", 3) == 0 ||
                 memmem(data, head, "X-Head", 6);
    size_t body = length && !empty ? strtoul(length + 16, NULL, 10) : 0;
    return head + body <= size ? head + body : 0;
}

static bool find_answer(const struct peer_socket *p, size_t nth, size_t *at, size_t *size)
{
    *at = 0;
    for (;;) {
        *size = p->in.len > *at ? answer_size(p->in.data + *at, p->in.len - *at, p->head_only) : 0;
        if (!*size)
            return false;
        if (nth-- == 0)
            return true;
        *at += *size;
    }
}

struct wanted {
    struct peer_socket *p;
    size_t answers;
};

static size_t count_answers(const struct peer_socket *p)
{
    size_t n = 0, at, size;
    while (find_answer(p, n, &at, &size))
        n++;
    return n;
}

static bool has_answers(void *data)
{
    struct wanted *w = data;
    read_all(w->p);
    return w->p->closed || count_answers(w->p) >= w->answers;
}

size_t peer_await(struct peer_socket *p, size_t answers)
{
    fixture_until(p->f, has_answers, &(struct wanted){p, answers});
    return count_answers(p);
}

static bool is_closed(void *data)
{
    struct peer_socket *p = data;
    read_all(p);
    return p->closed;
}

bool peer_await_close(struct peer_socket *p)
{
    return fixture_until(p->f, is_closed, p);
}

int peer_status(const struct peer_socket *p, size_t nth)
{
    size_t at, size;
    return find_answer(p, nth, &at, &size) ? atoi(p->in.data + at + strlen("HTTP/1.1 ")) : 0;
}

const char *peer_answer(const struct peer_socket *p, size_t nth)
{
    static struct buf text;
    size_t at, size;
    text.len = 0;
    if (!find_answer(p, nth, &at, &size))
        return NULL;
    buf_add(&text, p->in.data + at, size);
    return buf_str(&text);
}

int ask(struct fixture *f, const char *request, char **out)
{
    struct peer_socket *p = peer_open(f, 0);
    p->head_only = text_starts(request, "HEAD ");
    peer_say(p, request);
    peer_await(p, 1);
    int status = peer_status(p, 0);
    if (out)
        *out = x_strdup(peer_answer(p, 0));
    peer_close(p);
    return status;
}
