/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "http/internal.h"

enum { BACKLOG = 256 };

/* libevent calls back about a failed accept() with evhttp's argument, not with ours: this finds the listener again. */
static struct listener *all;

/* ---- Addresses ---- */

struct endpoint {
    const char *path; /* of a Unix socket, or null */
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un un;
    } address;
    socklen_t size;
    bool loopback;
};

static int bad_address(const char *text, struct error *e)
{
    error_set(e, "'%s' is no address to listen on", text);
    error_where(e, "agent.listen");
    return error_mend(e, "write it as 127.0.0.1:8080, [::1]:8080 or unix:/run/belfry/belfry.sock");
}

static int parse_unix(const char *text, struct endpoint *out, struct error *e)
{
    struct sockaddr_un *un = &out->address.un;
    out->path = text + strlen("unix:");
    if (*out->path != '/')
        return bad_address(text, e);
    if (strlen(out->path) >= sizeof un->sun_path) {
        error_set(e, "the path of the socket %s is too long", out->path);
        return error_mend(e, "at most %zu bytes", sizeof un->sun_path - 1);
    }
    un->sun_family = AF_UNIX;
    strcpy(un->sun_path, out->path);
    out->size = sizeof *un;
    out->loopback = true;
    return 0;
}

static int parse_tcp(const char *text, struct endpoint *out, struct error *e)
{
    const char *colon = strrchr(text, ':');
    int64_t port;
    if (!colon || colon == text || !text_int(colon + 1, 0, 65535, &port))
        return bad_address(text, e);
    bool brackets = *text == '[' && colon[-1] == ']';
    AUTOFREE char *host =
        brackets ? x_strndup(text + 1, (size_t)(colon - text) - 2) : x_strndup(text, (size_t)(colon - text));
    struct sockaddr_in *v4 = &out->address.v4;
    struct sockaddr_in6 *v6 = &out->address.v6;
    if (brackets && inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
        out->size = sizeof *v6;
        out->loopback = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
        return 0;
    }
    if (!brackets && inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        out->size = sizeof *v4;
        out->loopback = ntohl(v4->sin_addr.s_addr) >> 24 == 127;
        return 0;
    }
    return bad_address(text, e);
}

static int parse(const char *text, struct endpoint *out, struct error *e)
{
    *out = (struct endpoint){0};
    return text_starts(text, "unix:") ? parse_unix(text, out, e) : parse_tcp(text, out, e);
}

int listener_check(const char *address, bool has_tokens, bool has_tls, struct error *e)
{
    struct endpoint endpoint;
    if (parse(address, &endpoint, e) < 0)
        return -1;
    if (endpoint.loopback || (has_tokens && has_tls))
        return 0;
    error_set(e, "%s can be reached by others, and %s", address,
              has_tls      ? "no tokens are configured"
              : has_tokens ? "TLS is not configured"
                           : "neither tokens nor TLS are configured");
    error_where(e, "agent.listen");
    return error_mend(e, "set agent.tokens and agent.tls (cert and key), or listen on 127.0.0.1 behind a proxy");
}

/* ---- Sockets ---- */

static int fail(struct error *e, const char *address, int error)
{
    error_set(e, "cannot listen on %s: %s", address, strerror(error));
    error_where(e, "agent.listen");
    if (error == EADDRINUSE)
        return error_mend(e, "another program, or another agent, listens there");
    if (error == ENOENT)
        return error_mend(e, "the folder of the socket must exist");
    return -1;
}

/* A socket file that nobody answers on is a dead agent's. */
static bool is_stale(const struct endpoint *endpoint)
{
    struct stat st;
    if (lstat(endpoint->path, &st) < 0 || !S_ISSOCK(st.st_mode))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool refused = fd >= 0 && connect(fd, &endpoint->address.any, endpoint->size) < 0 && errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    return refused;
}

static int bind_socket(int fd, const struct endpoint *endpoint)
{
    if (bind(fd, &endpoint->address.any, endpoint->size) == 0)
        return 0;
    if (errno != EADDRINUSE || !endpoint->path || !is_stale(endpoint))
        return -1;
    unlink(endpoint->path);
    return bind(fd, &endpoint->address.any, endpoint->size);
}

static int prepare(int fd, const struct endpoint *endpoint)
{
    int on = 1;
    if (endpoint->path)
        return fchmod(fd, 0660); /* before bind(), so that the file is never open to more */
    if (endpoint->address.any.sa_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0)
        return -1;
    return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
}

static int open_socket(const char *text, const struct endpoint *endpoint, struct error *e)
{
    int fd = socket(endpoint->address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail(e, text, errno);
    if (prepare(fd, endpoint) < 0 || bind_socket(fd, endpoint) < 0 ||
        (endpoint->path && chmod(endpoint->path, 0660) < 0) || listen(fd, BACKLOG) < 0) {
        fail(e, text, errno);
        close(fd);
        return -1;
    }
    return fd;
}

/* ---- Accepting ---- */

static void accept_or_not(struct listener *l)
{
    if (!l->accepter)
        return;
    if (l->full || event_pending(l->pause, EV_TIMEOUT, NULL))
        evconnlistener_disable(l->accepter);
    else
        evconnlistener_enable(l->accepter);
}

static void on_pause_over(evutil_socket_t fd, short what, void *data)
{
    (void)fd, (void)what;
    accept_or_not(data);
}

/* No descriptors, or no memory in the kernel: trying again at once would only spin. */
static void on_accept_error(struct evconnlistener *accepter, void *data)
{
    (void)data;
    int error = errno;
    struct listener *l = all;
    while (l && l->accepter != accepter)
        l = l->next;
    if (!l)
        return;
    if (log_allowed(&l->http->accept_limit, 1, "http"))
        log_at(LOG_WARNING, "http", "cannot accept connections on %s for now: %s", l->wanted, strerror(error));
    int64_t ms = l->http->limits.pause_ms;
    struct timeval tv = {.tv_sec = ms / SECOND, .tv_usec = ms % SECOND * 1000};
    event_add(l->pause, &tv);
    accept_or_not(l);
}

void listener_set_full(struct listener *l, bool full)
{
    if (l->full == full)
        return;
    l->full = full;
    accept_or_not(l);
}

static void set_up_evhttp(struct listener *l)
{
    l->evhttp = evhttp_new(l->http->base);
    if (!l->evhttp)
        abort();
    evhttp_set_bevcb(l->evhttp, connection_new, l);
    evhttp_set_gencb(l->evhttp, connection_on_request, l);
    evhttp_set_default_content_type(l->evhttp, NULL);
}

static void remember(struct listener *l, int fd)
{
    struct stat st;
    socklen_t size = sizeof l->address;
    getsockname(fd, (struct sockaddr *)&l->address, &size);
    if (l->path && lstat(l->path, &st) == 0) {
        l->device = st.st_dev;
        l->inode = st.st_ino;
    }
}

struct listener *listener_open(struct http *http, const char *address, struct error *e)
{
    struct endpoint endpoint;
    if (parse(address, &endpoint, e) < 0)
        return NULL;
    int fd = open_socket(address, &endpoint, e);
    if (fd < 0)
        return NULL;
    struct listener *l = NEW(struct listener);
    l->http = http;
    l->wanted = x_strdup(address);
    l->path = x_strdup(endpoint.path);
    remember(l, fd);
    set_up_evhttp(l);
    l->pause = evtimer_new(http->base, on_pause_over, l);
    l->accepter = evconnlistener_new(http->base, NULL, NULL,
                                     LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_DISABLED, 0, fd);
    l->bound = l->accepter ? evhttp_bind_listener(l->evhttp, l->accepter) : NULL;
    if (!l->bound)
        abort();
    evconnlistener_set_error_cb(l->accepter, on_accept_error);
    l->next = all;
    all = l;
    return l;
}

void listener_start(struct listener *l)
{
    char address[256];
    listener_write_address(l, address, sizeof address);
    log_at(LOG_INFO, "http", "listening on %s%s", address, !l->path && l->http->tls ? " (TLS)" : "");
    accept_or_not(l);
}

static void remove_file(const struct listener *l)
{
    struct stat st;
    if (l->path && lstat(l->path, &st) == 0 && st.st_dev == l->device && st.st_ino == l->inode)
        unlink(l->path);
}

void listener_retire(struct listener *l)
{
    if (!l->accepter)
        return;
    remove_file(l);
    evtimer_del(l->pause);
    evhttp_del_accept_socket(l->evhttp, l->bound);
    l->accepter = NULL;
    l->bound = NULL;
}

void listener_free(struct listener *l)
{
    listener_retire(l);
    for (struct listener **p = &all; *p; p = &(*p)->next) {
        if (*p == l) {
            *p = l->next;
            break;
        }
    }
    evhttp_free(l->evhttp);
    event_free(l->pause);
    free(l->wanted);
    free(l->path);
    free(l);
}

void listener_write_address(const struct listener *l, char *out, size_t size)
{
    char text[INET6_ADDRSTRLEN];
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&l->address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&l->address;
    if (l->path)
        snprintf(out, size, "unix:%s", l->path);
    else if (l->address.ss_family == AF_INET6)
        snprintf(out, size, "[%s]:%d", inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text), ntohs(v6->sin6_port));
    else
        snprintf(out, size, "%s:%d", inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text), ntohs(v4->sin_port));
}
