/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs that say how they are: by UDP or a Unix datagram socket, where nobody is told what became of it, and by POST to
 * /hooks/NAME, which answers 200 once the report is on disk.
 */
#include <arpa/inet.h>
#include <belfry/plugin.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "report.h"

enum {
    BATCH = 64,                     /* datagrams read before the loop gets its turn */
    RECEIVE_BUFFER = 1024 * 1024,   /* what the kernel keeps meanwhile, as far as it allows */
    MOST_AHEAD = 5 * 60 * 1000,     /* ms that a sender's clock may be fast */
    BETWEEN_COMPLAINTS = 10 * 1000, /* ms */
};

struct listener {
    struct heartbeat *heartbeat;
    int fd;
    struct belfry_watch *watch;
    const char *path; /* of a Unix socket, or null */
    dev_t device;     /* the file that we made */
    ino_t inode;
};

struct pending { /* an HTTP report on its way to the disk */
    struct heartbeat *heartbeat;
    struct belfry_hook *hook;
    struct pending *prev, *next;
};

struct heartbeat {
    const struct belfry_host *host;
    struct belfry_list listen;
    int64_t timeout, create;
    const char *token;

    struct listener *listeners;
    size_t n_listeners;
    struct pending *pending;
    int64_t next_complaint; /* monotonic */
    uint64_t unspoken;      /* complaints since the last one that was logged */
};

/* At most one line in a while: whoever can send can also send nonsense, as fast as the network goes. */
static void complain(struct heartbeat *heartbeat, const char *from, const char *field, const char *why)
{
    const struct belfry_host *host = heartbeat->host;
    heartbeat->unspoken++;
    if (host->monotonic(host) < heartbeat->next_complaint)
        return;
    host->log(host, BELFRY_LOG_WARNING, "a report from %s: %s%s%s (%" PRIu64 " such since the last line)", from, field,
              *field ? " " : "", why, heartbeat->unspoken);
    heartbeat->unspoken = 0;
    heartbeat->next_complaint = host->monotonic(host) + BETWEEN_COMPLAINTS;
}

/* ---- From a report to an event ---- */

static void put_text(FILE *out, const char *key, const char *value)
{
    if (!*value)
        return;
    fprintf(out, ",\"%s\":\"", key);
    for (; *value; value++) {
        if ((unsigned char)*value < 0x20)
            fprintf(out, "\\u%04x", *value);
        else
            fprintf(out, *value == '"' || *value == '\\' ? "\\%c" : "%c", *value);
    }
    putc('"', out);
}

/* The event's data; freed by the caller. Null: out of memory. */
static char *write_data(const struct heartbeat *heartbeat, const struct report *report, const char *from,
                        bool is_heartbeat, size_t *size)
{
    char *data = NULL;
    FILE *out = open_memstream(&data, size);
    if (!out)
        return NULL;
    fprintf(out, "{\"heartbeat\":%s,\"create\":%s", is_heartbeat ? "true" : "false",
            heartbeat->create ? "true" : "false");
    if (is_heartbeat)
        fprintf(out, ",\"timeout\":%" PRId64 ".%03d", heartbeat->timeout / 1000, (int)(heartbeat->timeout % 1000));
    if (report->exit_code >= 0)
        fprintf(out, ",\"exit_code\":%d", report->exit_code);
    if (report->start_time)
        fprintf(out, ",\"start_time\":%" PRId64 ".%03d", report->start_time / 1000, (int)(report->start_time % 1000));
    put_text(out, "job_id", report->job_id);
    put_text(out, "status", report->status);
    put_text(out, "rid", report->rid);
    put_text(out, "node_ip", *report->node_ip ? report->node_ip : from);
    put_text(out, "message", report->message);
    fputs("}", out);
    bool failed = ferror(out);
    if (fclose(out) || failed) {
        free(data);
        return NULL;
    }
    return data;
}

static int64_t time_of(struct heartbeat *heartbeat, const struct report *report, const char *from)
{
    int64_t now = heartbeat->host->now(heartbeat->host);
    if (report->time <= now + MOST_AHEAD)
        return report->time;
    complain(heartbeat, from, "timestamp", "lies in the future, taken as now: its clock is wrong");
    return now;
}

static int emit(struct heartbeat *heartbeat, const struct report *report, const char *from,
                void (*committed)(void *data, int status), void *data, struct belfry_error *e)
{
    const struct belfry_host *host = heartbeat->host;
    bool runs = strcmp(report->status, "running") == 0 || strcmp(report->status, "start") == 0;
    bool is_heartbeat = report->is_heartbeat && runs;
    struct belfry_event event = {
        .size = sizeof event,
        .type = is_heartbeat ? "job.heartbeat" : "job.report",
        .subject = report->job_id,
        .time = time_of(heartbeat, report, from),
    };
    char *json = write_data(heartbeat, report, from, is_heartbeat, &event.data_size);
    if (!json)
        return host->fail(e, NULL, "out of memory");
    event.data = json;
    int failed = host->emit(host, &event, committed, data, e);
    free(json);
    return failed;
}

/* Takes as long for a wrong token as for the right one. */
static bool has_token(const struct heartbeat *heartbeat, const struct report *report)
{
    size_t length = strlen(heartbeat->token), given = strlen(report->token);
    volatile unsigned char differs = length != given;
    for (size_t i = 0; i < length; i++)
        differs |= (unsigned char)(heartbeat->token[i] ^ report->token[given ? i % given : 0]);
    return !differs;
}

/* ---- Datagrams ---- */

static void on_datagram_committed(void *data, int status)
{
    if (status)
        complain(data, "a datagram", "", "could not be stored and is lost");
}

static void take_datagram(struct heartbeat *heartbeat, const char *bytes, size_t size, const char *from)
{
    struct report report;
    struct report_fault fault;
    struct belfry_error e = {.size = sizeof e};
    const char *shown = *from ? from : "the Unix socket";
    if (report_read(&report, bytes, size, &fault))
        complain(heartbeat, shown, fault.field, fault.why);
    else if (*heartbeat->token && !has_token(heartbeat, &report))
        complain(heartbeat, shown, "token", report.is_ping ? "is demanded, so send JSON" : "is missing or wrong");
    else if (emit(heartbeat, &report, from, on_datagram_committed, heartbeat, &e))
        complain(heartbeat, shown, "", e.text);
}

static void on_readable(void *data, int events)
{
    const struct listener *listener = data;
    char bytes[REPORT_MOST + 1]; /* one more, so that what is cut off is seen as too large */
    (void)events;
    for (int i = 0; i < BATCH; i++) {
        struct sockaddr_storage peer = {0};
        socklen_t length = sizeof peer;
        char from[INET6_ADDRSTRLEN] = "";
        ssize_t n = recvfrom(listener->fd, bytes, sizeof bytes, MSG_DONTWAIT, (struct sockaddr *)&peer, &length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            if (errno != EAGAIN)
                complain(listener->heartbeat, "the network", "", strerror(errno));
            return;
        }
        if (peer.ss_family == AF_INET)
            inet_ntop(AF_INET, &((const struct sockaddr_in *)&peer)->sin_addr, from, sizeof from);
        else if (peer.ss_family == AF_INET6)
            inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)&peer)->sin6_addr, from, sizeof from);
        take_datagram(listener->heartbeat, bytes, (size_t)n, from);
    }
}

/* ---- Sockets ---- */

struct endpoint {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
    } address;
    socklen_t length;
};

static int read_unix(struct heartbeat *heartbeat, const char *path, struct endpoint *out, struct belfry_error *e)
{
    size_t length = strlen(path);
    if (*path != '/' || length >= sizeof out->address.local.sun_path)
        return heartbeat->host->fail(e, "listen", "unix:%s: the path must be absolute, and shorter than %zu bytes",
                                     path, sizeof out->address.local.sun_path);
    out->address.local.sun_family = AF_UNIX;
    memcpy(out->address.local.sun_path, path, length + 1);
    out->length = sizeof out->address.local;
    return 0;
}

/* ADDRESS:PORT, both numbers, since nothing may wait for a name; an IPv6 address in brackets. */
static int read_udp(struct heartbeat *heartbeat, const char *text, struct endpoint *out, struct belfry_error *e)
{
    char address[INET6_ADDRSTRLEN] = "";
    unsigned port = 0;
    int end = 0;
    if (sscanf(text, "[%45[0-9a-fA-F:.]]:%5u%n", address, &port, &end) == 2 && !text[end] && port <= UINT16_MAX &&
        inet_pton(AF_INET6, address, &out->address.v6.sin6_addr) == 1) {
        out->address.v6.sin6_family = AF_INET6;
        out->address.v6.sin6_port = htons((uint16_t)port);
        out->length = sizeof out->address.v6;
    } else if (sscanf(text, "%15[0-9.]:%5u%n", address, &port, &end) == 2 && !text[end] && port <= UINT16_MAX &&
               inet_pton(AF_INET, address, &out->address.v4.sin_addr) == 1) {
        out->address.v4.sin_family = AF_INET;
        out->address.v4.sin_port = htons((uint16_t)port);
        out->length = sizeof out->address.v4;
    } else {
        return heartbeat->host->fail(
            e, "listen", "udp://%s: write an address and a port, as in udp://127.0.0.1:8125 or udp://[::1]:8125", text);
    }
    return 0;
}

static int read_endpoint(struct heartbeat *heartbeat, const char *text, struct endpoint *out, struct belfry_error *e)
{
    *out = (struct endpoint){0};
    if (strncmp(text, "unix:", 5) == 0)
        return read_unix(heartbeat, text + 5, out, e);
    if (strncmp(text, "udp://", 6) == 0)
        return read_udp(heartbeat, text + 6, out, e);
    return heartbeat->host->fail(e, "listen", "'%s' is neither udp://ADDRESS:PORT nor unix:PATH", text);
}

static bool is_on_this_machine(const struct endpoint *endpoint)
{
    if (endpoint->address.any.sa_family == AF_INET)
        return ntohl(endpoint->address.v4.sin_addr.s_addr) >> 24 == 127;
    return endpoint->address.any.sa_family != AF_INET6 || IN6_IS_ADDR_LOOPBACK(&endpoint->address.v6.sin6_addr);
}

/* A socket's file that nobody is bound to is left from a crash. Anything else is somebody's. */
static bool is_stale(const struct endpoint *endpoint)
{
    struct stat file;
    if (lstat(endpoint->address.local.sun_path, &file) || !S_ISSOCK(file.st_mode))
        return false;
    int probe = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool refused = probe >= 0 && connect(probe, &endpoint->address.any, endpoint->length) && errno == ECONNREFUSED;
    if (probe >= 0)
        close(probe);
    return refused;
}

static int bind_socket(struct listener *listener, const struct endpoint *endpoint)
{
    static const int yes = 1, size = RECEIVE_BUFFER;
    int family = endpoint->address.any.sa_family;
    /* Best effort: the kernel caps it, and works with less. */
    setsockopt(listener->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (family == AF_INET6 && setsockopt(listener->fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes))
        return -1;
    if (family == AF_UNIX && is_stale(endpoint) && unlink(endpoint->address.local.sun_path))
        return -1;
    if (bind(listener->fd, &endpoint->address.any, endpoint->length))
        return -1;
    if (family != AF_UNIX)
        return 0;
    struct stat file;
    if (chmod(listener->path, 0660) || lstat(listener->path, &file)) /* the agent's group may report */
        return -1;
    listener->device = file.st_dev;
    listener->inode = file.st_ino;
    return 0;
}

/* With the port that was really bound: it may have been left to the system by a 0. */
static void log_address(const struct listener *listener, const char *text)
{
    const struct belfry_host *host = listener->heartbeat->host;
    struct endpoint bound = {.length = sizeof bound.address};
    if (listener->path || getsockname(listener->fd, &bound.address.any, &bound.length)) {
        host->log(host, BELFRY_LOG_INFO, "listening on %s", text);
        return;
    }
    bool is_v4 = bound.address.any.sa_family == AF_INET;
    host->log(host, BELFRY_LOG_INFO, "listening on %.*s:%u", (int)(strrchr(text, ':') - text), text,
              ntohs(is_v4 ? bound.address.v4.sin_port : bound.address.v6.sin6_port));
}

static int open_listener(struct heartbeat *heartbeat, const char *text, struct belfry_error *e)
{
    const struct belfry_host *host = heartbeat->host;
    struct endpoint endpoint;
    struct listener *listener = &heartbeat->listeners[heartbeat->n_listeners];
    if (read_endpoint(heartbeat, text, &endpoint, e))
        return -1;
    listener->heartbeat = heartbeat;
    listener->fd = socket(endpoint.address.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->fd < 0)
        return host->fail(e, "listen", "%s: %s", text, strerror(errno));
    heartbeat->n_listeners++;
    listener->path = strncmp(text, "unix:", 5) == 0 ? text + 5 : NULL;
    if (bind_socket(listener, &endpoint))
        return host->fail(e, "listen", "%s: %s", text, strerror(errno));
    listener->watch = host->watch_start(host, listener->fd, BELFRY_READ, on_readable, listener);
    if (!listener->watch)
        return host->fail(e, "listen", "%s: cannot be watched", text);
    log_address(listener, text);
    if (!*heartbeat->token && !is_on_this_machine(&endpoint))
        host->log(host, BELFRY_LOG_WARNING,
                  "%s is open to other machines without a token: whoever reaches it can report", text);
    return 0;
}

static void close_listener(struct heartbeat *heartbeat, struct listener *listener)
{
    struct stat file;
    if (listener->watch)
        heartbeat->host->watch_stop(listener->watch);
    close(listener->fd);
    if (listener->inode && lstat(listener->path, &file) == 0 && file.st_dev == listener->device &&
        file.st_ino == listener->inode)
        unlink(listener->path);
}

/* ---- HTTP ---- */

static void answer(const struct belfry_host *host, struct belfry_hook *hook, int status, const char *field,
                   const char *why)
{
    char *body = NULL;
    size_t size;
    FILE *out = open_memstream(&body, &size);
    if (!out)
        return host->answer(hook, 503, "text/plain", "", 0);
    fputs("{\"accepted\":0", out);
    put_text(out, "error", why);
    put_text(out, "field", field);
    fputs("}", out);
    fclose(out);
    host->answer(hook, status, "application/json", body, size);
    free(body);
}

static void drop_pending(struct pending *pending)
{
    *(pending->prev ? &pending->prev->next : &pending->heartbeat->pending) = pending->next;
    if (pending->next)
        pending->next->prev = pending->prev;
    free(pending);
}

static void on_hook_committed(void *data, int status)
{
    struct pending *pending = data;
    const struct belfry_host *host = pending->heartbeat->host;
    static const char accepted[] = "{\"accepted\":1}";
    if (status)
        answer(host, pending->hook, 503, "", "could not be stored: send it again");
    else
        host->answer(pending->hook, 200, "application/json", accepted, sizeof accepted - 1);
    drop_pending(pending);
}

static void on_hook(void *data, const struct belfry_hook_request *request, struct belfry_hook *hook)
{
    struct heartbeat *heartbeat = data;
    const struct belfry_host *host = heartbeat->host;
    struct report report;
    struct report_fault fault;
    struct belfry_error e = {.size = sizeof e};
    if (strcmp(request->method, "POST") != 0)
        return answer(host, hook, 405, "", "send it by POST");
    if (report_read_json(&report, request->body, request->body_size, &fault))
        return answer(host, hook, 400, fault.field, fault.why);
    if (*heartbeat->token && !has_token(heartbeat, &report))
        return answer(host, hook, 401, "token", "is missing or wrong");
    struct pending *pending = malloc(sizeof *pending);
    if (!pending)
        return answer(host, hook, 503, "", "out of memory");
    *pending = (struct pending){heartbeat, hook, NULL, heartbeat->pending};
    if (pending->next)
        pending->next->prev = pending;
    heartbeat->pending = pending;
    const char *from = strcmp(request->peer, "unix") == 0 ? "" : request->peer;
    if (emit(heartbeat, &report, from, on_hook_committed, pending, &e)) {
        drop_pending(pending);
        answer(host, hook, e.again ? 503 : 400, "", e.text);
    }
}

/* ---- Life ---- */

static int heartbeat_open(void *self, const struct belfry_host *host, struct belfry_error *e)
{
    struct heartbeat *heartbeat = self;
    struct endpoint endpoint;
    heartbeat->host = host;
    for (size_t i = 0; i < heartbeat->listen.n; i++)
        if (read_endpoint(heartbeat, heartbeat->listen.item[i], &endpoint, e))
            return -1;
    return heartbeat->timeout > 0 ? 0 : host->fail(e, "timeout", "timeout must be longer than nothing");
}

static void heartbeat_stop(void *self)
{
    struct heartbeat *heartbeat = self;
    for (size_t i = 0; i < heartbeat->n_listeners; i++)
        close_listener(heartbeat, &heartbeat->listeners[i]);
    free(heartbeat->listeners);
    heartbeat->listeners = NULL;
    heartbeat->n_listeners = 0;
    while (heartbeat->pending) /* the host answers their senders, and calls nobody back */
        drop_pending(heartbeat->pending);
}

static int heartbeat_start(void *self, struct belfry_error *e)
{
    struct heartbeat *heartbeat = self;
    const struct belfry_host *host = heartbeat->host;
    heartbeat->listeners = calloc(heartbeat->listen.n + 1, sizeof *heartbeat->listeners);
    int failed = heartbeat->listeners ? 0 : host->fail(e, NULL, "out of memory");
    for (size_t i = 0; !failed && i < heartbeat->listen.n; i++)
        failed = open_listener(heartbeat, heartbeat->listen.item[i], e);
    if (!failed && host->route(host, on_hook, heartbeat))
        failed = host->fail(e, NULL, "its HTTP route was refused");
    if (failed)
        heartbeat_stop(heartbeat);
    return failed;
}

#define AT(field) offsetof(struct heartbeat, field)
static const struct belfry_option options[] = {
    {"listen", BELFRY_LIST, 0, "[\"udp://127.0.0.1:8125\"]", NULL, "udp://ADDRESS:PORT or unix:PATH, several",
     AT(listen)},
    {"timeout", BELFRY_DURATION, 0, "15s", NULL, "without a heartbeat for this long, a job is lost", AT(timeout)},
    {"create", BELFRY_BOOL, 0, "true", NULL, "an unknown job is made by its first report", AT(create)},
    {"token", BELFRY_SECRET, 0, NULL, NULL, "what reports must carry as \"token\"", AT(token)},
    {0},
};

static const struct belfry_source source = {.size = sizeof source, .start = heartbeat_start, .stop = heartbeat_stop};

BELFRY_PLUGIN(heartbeat, .kind = BELFRY_SOURCE, .name = "heartbeat", .version = PACKAGE_VERSION,
              .licence = "Apache-2.0", .summary = "Job reports and heartbeats by UDP, Unix socket, HTTP",
              .options = options, .instance_size = sizeof(struct heartbeat), .open = heartbeat_open, .source = &source);
