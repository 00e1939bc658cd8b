/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A webhook receiver that costs next to nothing: takes every request, answers 200, and notes when each was there in
 * full. Usage: sink [-l] [-n REQUESTS] [-s SECONDS]. The first line that it prints is its port on 127.0.0.1; then one
 * line for each request, "NUMBER NANOSECONDS", by CLOCK_MONOTONIC, NUMBER being what stands behind "bench-" in the
 * request. Lines come at once with -l, otherwise at the end. It ends after so many requests or seconds, or when its
 * standard input ends.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

enum { MOST_CONNECTIONS = 1024, MOST_REQUEST = 64 * 1024, MOST_REQUESTS = 1000000, MOST_SECONDS = 600 };

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

struct connection {
    size_t got;
    char data[MOST_REQUEST + 1];
};

struct sink {
    int epoll, listener;
    struct connection *connections[MOST_CONNECTIONS]; /* by descriptor */
    long left;
    int64_t end;
};

static void watch(struct sink *sink, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(sink->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        die("sink", "epoll_ctl");
}

static void listen_on_loopback(struct sink *sink)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    sink->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (sink->listener < 0 || bind(sink->listener, (struct sockaddr *)&address, size) < 0 ||
        listen(sink->listener, 512) < 0 || getsockname(sink->listener, (struct sockaddr *)&address, &size) < 0)
        die("sink", "cannot listen");
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    watch(sink, sink->listener);
}

static void accept_one(struct sink *sink)
{
    int fd = accept4(sink->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
    if (fd < 0)
        return;
    if (fd >= MOST_CONNECTIONS || !(sink->connections[fd] = calloc(1, sizeof(struct connection))))
        die("sink", "too many connections");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch(sink, fd);
}

static void forget(struct sink *sink, int fd)
{
    close(fd);
    free(sink->connections[fd]);
    sink->connections[fd] = NULL;
}

/* How long the request at the beginning of the data is; 0: it is not there in full. */
static size_t request_size(const struct connection *c)
{
    const char *head_end = strstr(c->data, "\r\n\r\n");
    if (!head_end)
        return 0;
    size_t size = (size_t)(head_end - c->data) + 4;
    const char *length = strcasestr(c->data, "\r\nContent-Length:");
    if (length && length < head_end)
        size += strtoul(length + 17, NULL, 10);
    return size <= c->got ? size : 0;
}

static void note(const char *request, int64_t now)
{
    static const char mark[] = "bench-";
    for (const char *p = strstr(request, mark); p; p = strstr(p, mark)) {
        p += sizeof mark - 1;
        if (*p >= '0' && *p <= '9') {
            printf("%ld %lld\n", strtol(p, NULL, 10), (long long)now);
            return;
        }
    }
    printf("-1 %lld\n", (long long)now);
}

static void receive(struct sink *sink, int fd)
{
    struct connection *c = sink->connections[fd];
    ssize_t n = read(fd, c->data + c->got, MOST_REQUEST - c->got);
    int64_t now = now_ns();
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        forget(sink, fd);
        return;
    }
    c->got += (size_t)n;
    c->data[c->got] = '\0';
    for (size_t size; (size = request_size(c)) > 0 && sink->left > 0;) {
        if (write(fd, answer, sizeof answer - 1) != sizeof answer - 1)
            die("sink", "an answer could not be written");
        note(c->data, now);
        sink->left--;
        c->got -= size;
        memmove(c->data, c->data + size, c->got + 1);
    }
    if (c->got == MOST_REQUEST)
        die("sink", "a request is too large");
}

static void serve(struct sink *sink)
{
    struct epoll_event events[64];
    for (int64_t left; sink->left > 0 && (left = sink->end - now_ns()) > 0;) {
        int n = epoll_wait(sink->epoll, events, 64, (int)(left / 1000000) + 1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == STDIN_FILENO)
                return;
            if (events[i].data.fd == sink->listener)
                accept_one(sink);
            else
                receive(sink, events[i].data.fd);
        }
    }
}

int main(int argc, char **argv)
{
    static char output[4 * 1024 * 1024];
    long seconds = 120;
    bool at_once = false;
    struct sink sink = {.epoll = epoll_create1(EPOLL_CLOEXEC), .left = MOST_REQUESTS};
    for (int option; (option = getopt(argc, argv, "ln:s:")) != -1;) {
        if (option == 'l')
            at_once = true;
        else if (option == 'n')
            sink.left = read_number("sink", optarg, MOST_REQUESTS);
        else if (option == 's')
            seconds = read_number("sink", optarg, MOST_SECONDS);
        else
            return 2;
    }
    setvbuf(stdout, output, at_once ? _IOLBF : _IOFBF, sizeof output);
    sink.end = now_ns() + seconds * 1000000000;
    watch(&sink, STDIN_FILENO);
    listen_on_loopback(&sink);
    serve(&sink);
    return fflush(stdout) == 0 ? 0 : 1;
}
