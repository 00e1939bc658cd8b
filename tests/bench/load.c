/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests as fast as they are answered, or so many a second whatever comes back. Usage:
 *
 *   load [-c CONNECTIONS] [-n REQUESTS] [-s SECONDS] [-r RATE] [-m MODULUS] [-o FILE] ADDRESS PATH
 *
 * ADDRESS is 127.x.y.z:PORT or unix:/PATH; all connections are kept alive. Requests are numbered from 0, and the number
 * (its remainder by MODULUS) stands for a run of # in PATH, with zeros in front. It ends after so many requests or
 * seconds and prints a line of JSON. With -r, latency counts from when a request was due: one that had to wait for a
 * connection is not flattered. FILE gets a line for each request, "NUMBER SENT ANSWERED STATUS", by CLOCK_MONOTONIC.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench.h"

enum { MOST_CONNECTIONS = 512, MOST_REQUESTS = 2000000, MOST_SECONDS = 300, MOST_RATE = 100000 };
enum { PER_SOURCE = 30, ANSWER = 4096, REQUEST = 1024 };
#define LATE 10000000000 /* ns: an answer that is not there by then will not come */

struct request {
    int64_t due, sent, answered; /* answered 0: not yet */
    int status;
};

struct connection {
    int fd;
    struct request *request; /* null: idle */
    size_t got;
    char answer[ANSWER + 1];
};

struct load {
    const char *address, *path, *output;
    long most, seconds, rate, modulus;
    size_t n_connections, idle;
    struct connection *connections;
    struct request *requests;
    long sent, answered, failed;
    int64_t began, end;
    int epoll;
};

/* ---- Connections ---- */

static int connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        die("load", "the socket's path is too long");
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ? fd : -1;
}

/* A server bounds the connections of one address: every few of them come from another one. */
static int connect_loopback(const char *text, size_t nth)
{
    char host[INET_ADDRSTRLEN];
    size_t n = strcspn(text, ":");
    struct sockaddr_in to = {.sin_family = AF_INET}, from = {.sin_family = AF_INET};
    snprintf(host, sizeof host, "%.*s", (int)(n < sizeof host ? n : 0), text);
    if (text[n] != ':' || inet_pton(AF_INET, host, &to.sin_addr) != 1 || ntohl(to.sin_addr.s_addr) >> 24 != 127)
        die("load", "the address is neither on the loopback device nor a Unix socket");
    to.sin_port = htons((uint16_t)read_number("load", text + n + 1, 65535));
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(nth / PER_SOURCE));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return bind(fd, (struct sockaddr *)&from, sizeof from) == 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0
               ? fd
               : -1;
}

static void open_connections(struct load *load)
{
    for (size_t i = 0; i < load->n_connections; i++) {
        struct connection *c = &load->connections[i];
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        c->fd = strncmp(load->address, "unix:", 5) == 0 ? connect_unix(load->address + 5)
                                                        : connect_loopback(load->address, i);
        if (c->fd < 0 || epoll_ctl(load->epoll, EPOLL_CTL_ADD, c->fd, &event) < 0)
            die("load", "cannot connect");
    }
    load->idle = load->n_connections;
}

/* ---- Sending ---- */

static size_t write_request(const struct load *load, long number, char *out)
{
    size_t before = strcspn(load->path, "#"), width = strspn(load->path + before, "#");
    char digits[32] = "";
    if (width)
        snprintf(digits, sizeof digits, "%0*ld", (int)width, load->modulus ? number % load->modulus : number);
    int n =
        snprintf(out, REQUEST, "GET %.*s%s%s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n",
                 (int)before, load->path, digits, load->path + before + width);
    if (n >= REQUEST)
        die("load", "the path is too long");
    return (size_t)n;
}

/* When the next request is due; INT64_MAX: no more. */
static int64_t next_due(const struct load *load)
{
    if (load->sent == load->most)
        return INT64_MAX;
    int64_t due = load->rate ? load->began + load->sent * 1000000000 / load->rate : now_ns();
    return due < load->end ? due : INT64_MAX;
}

static void send_one(struct load *load, struct connection *c, int64_t due)
{
    char text[REQUEST];
    size_t size = write_request(load, load->sent, text);
    c->request = &load->requests[load->sent++];
    c->got = 0;
    load->idle--;
    *c->request = (struct request){.due = due, .sent = now_ns()};
    if (send(c->fd, text, size, MSG_NOSIGNAL) != (ssize_t)size)
        die("load", "a request could not be sent");
}

static void send_due(struct load *load)
{
    for (size_t i = 0; i < load->n_connections && load->idle; i++) {
        int64_t due = next_due(load);
        if (due > now_ns())
            return;
        if (!load->connections[i].request)
            send_one(load, &load->connections[i], due);
    }
}

/* ---- Answers ---- */

static bool is_whole(const struct connection *c)
{
    const char *head_end = strstr(c->answer, "\r\n\r\n");
    if (!head_end)
        return false;
    const char *length = strcasestr(c->answer, "\r\nContent-Length:");
    size_t body = length && length < head_end ? strtoul(length + 17, NULL, 10) : 0;
    return (size_t)(head_end - c->answer) + 4 + body <= c->got;
}

static void receive(struct load *load, struct connection *c)
{
    ssize_t n = read(c->fd, c->answer + c->got, ANSWER - c->got);
    if (n <= 0 || !c->request)
        die("load", "a connection was closed");
    c->got += (size_t)n;
    c->answer[c->got] = '\0';
    if (!is_whole(c))
        return;
    struct request *request = c->request;
    c->request = NULL;
    load->idle++;
    request->answered = now_ns();
    request->status = atoi(c->answer + strlen("HTTP/1.1 "));
    load->answered++;
    load->failed += request->status / 100 != 2;
    int64_t due = next_due(load);
    if (due <= request->answered || (!load->rate && due != INT64_MAX))
        send_one(load, c, due);
}

/* Until the next request is due and could be sent, but not beyond what is given to late answers. */
static int64_t patience(const struct load *load)
{
    int64_t due = next_due(load), left = due - now_ns();
    if (due == INT64_MAX || !load->idle)
        return LATE;
    return left > 0 ? left : 0;
}

static void run(struct load *load)
{
    struct epoll_event events[64];
    load->began = now_ns();
    load->end = load->began + load->seconds * 1000000000;
    for (send_due(load); load->idle < load->n_connections || next_due(load) != INT64_MAX; send_due(load)) {
        int64_t wait = patience(load);
        struct timespec timeout = {.tv_sec = wait / 1000000000, .tv_nsec = wait % 1000000000};
        int n = epoll_pwait2(load->epoll, events, 64, &timeout, NULL);
        if (n == 0 && wait == LATE)
            die("load", "an answer did not come");
        for (int i = 0; i < n; i++)
            receive(load, events[i].data.ptr);
    }
}

/* ---- Results ---- */

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void report(const struct load *load)
{
    int64_t *latencies = calloc((size_t)load->sent + 1, sizeof *latencies), last = load->began + 1;
    if (!latencies)
        die("load", "no memory");
    for (long i = 0; i < load->sent; i++) {
        const struct request *request = &load->requests[i];
        latencies[i] = request->answered - (load->rate ? request->due : request->sent);
        last = request->answered > last ? request->answered : last;
    }
    qsort(latencies, (size_t)load->sent, sizeof *latencies, compare);
    const double at[] = {0.5, 0.99, 1};
    double us[3] = {0};
    for (size_t i = 0; i < 3 && load->sent; i++)
        us[i] = (double)latencies[(long)(at[i] * (double)(load->sent - 1))] / 1000;
    printf("{\"requests\": %ld, \"failed\": %ld, \"seconds\": %.6f, \"p50_us\": %.1f, \"p99_us\": %.1f, "
           "\"worst_us\": %.1f}\n",
           load->answered, load->failed, (double)(last - load->began) / 1e9, us[0], us[1], us[2]);
    free(latencies);
}

static void write_requests(const struct load *load)
{
    FILE *file = fopen(load->output, "w");
    if (!file)
        die("load", "cannot write the output");
    for (long i = 0; i < load->sent; i++) {
        const struct request *request = &load->requests[i];
        fprintf(file, "%ld %lld %lld %d\n", i, (long long)request->sent, (long long)request->answered, request->status);
    }
    if (fclose(file))
        die("load", "cannot write the output");
}

static void parse(struct load *load, int argc, char **argv)
{
    for (int option; (option = getopt(argc, argv, "c:n:s:r:m:o:")) != -1;) {
        if (option == 'c')
            load->n_connections = (size_t)read_number("load", optarg, MOST_CONNECTIONS);
        else if (option == 'n')
            load->most = read_number("load", optarg, MOST_REQUESTS);
        else if (option == 's')
            load->seconds = read_number("load", optarg, MOST_SECONDS);
        else if (option == 'r')
            load->rate = read_number("load", optarg, MOST_RATE);
        else if (option == 'm')
            load->modulus = read_number("load", optarg, MOST_REQUESTS);
        else if (option == 'o')
            load->output = optarg;
        else
            exit(2);
    }
    if (argc - optind != 2) {
        fputs("usage: load [OPTION]... ADDRESS PATH\n", stderr);
        exit(2);
    }
    load->address = argv[optind];
    load->path = argv[optind + 1];
}

int main(int argc, char **argv)
{
    struct load load = {
        .most = MOST_REQUESTS, .seconds = 10, .n_connections = 1, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    parse(&load, argc, argv);
    load.connections = calloc(load.n_connections, sizeof *load.connections);
    load.requests = calloc((size_t)load.most, sizeof *load.requests);
    if (!load.connections || !load.requests || load.epoll < 0)
        die("load", "no memory");
    open_connections(&load);
    run(&load);
    report(&load);
    if (load.output)
        write_requests(&load);
    free(load.connections);
    free(load.requests);
    return 0;
}
