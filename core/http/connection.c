/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>

#include "http/internal.h"

/* All that evhttp ever reads. */
static const char stand_in[] = "GET / HTTP/1.1\r\n\r\n";

/* Of the answers that evhttp does not write. */
#define COMMON_FIELDS "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"

static void on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *data);
static void on_deadline(evutil_socket_t fd, short what, void *data);
static void on_kick(evutil_socket_t fd, short what, void *data);
static void on_closed(struct evhttp_connection *evcon, void *data);
static void start_refusal(struct connection *c);

static struct http *http_of(const struct connection *c)
{
    return c->listener->http;
}

static void set_deadline(struct connection *c, int64_t ms)
{
    struct timeval tv = {.tv_sec = ms / SECOND, .tv_usec = ms % SECOND * 1000};
    event_add(c->deadline, &tv);
}

static void kick(struct connection *c)
{
    event_active(c->kick, 0, 0);
}

/* ---- Beginning ---- */

static struct bufferevent *new_bufferevent(struct connection *c, struct event_base *base)
{
    SSL_CTX *tls = c->listener->path ? NULL : http_of(c)->tls;
    SSL *ssl = tls ? SSL_new(tls) : NULL;
    c->is_tls = tls != NULL;
    if (tls && !ssl)
        abort();
    struct bufferevent *bev =
        ssl ? bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE)
            : bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    if (!bev)
        abort();
    if (ssl)
        bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
    return bev;
}

/* A flood from the network must not shut out those on this machine, who look after the agent: the last places are
 * theirs. */
static size_t most_for(const struct listener *l)
{
    size_t most = l->http->limits.connections;
    return l->path ? most : most - most / 16;
}

struct bufferevent *connection_new(struct event_base *base, void *data)
{
    struct listener *l = data;
    struct http *http = l->http;
    struct connection *c = NEW(struct connection);
    c->listener = l;
    c->gate = gate_new();
    c->bev = new_bufferevent(c, base);
    /* evhttp may fail to set it up and free it without a word: kept until adopt() has looked. */
    bufferevent_incref(c->bev);
    c->watch = evbuffer_add_cb(bufferevent_get_input(c->bev), on_input, c);
    c->deadline = evtimer_new(base, on_deadline, c);
    c->kick = event_new(base, -1, 0, on_kick, c);
    if (!c->watch || !c->deadline || !c->kick)
        abort();
    HASH_ADD_PTR(http->connections, bev, c);
    l->connections++;
    c->surplus = ++http->n_connections > most_for(l);
    if (c->surplus)
        listener_set_full(l, true);
    kick(c);
    return c->bev;
}

static void forget(struct connection *c)
{
    struct listener *l = c->listener;
    struct http *http = l->http;
    evbuffer_remove_cb_entry(bufferevent_get_input(c->bev), c->watch);
    HASH_DEL(http->connections, c);
    if (c->counted)
        peer_drop_connection(http, c->peer_key);
    event_free(c->deadline);
    event_free(c->kick);
    gate_free(c->gate);
    gate_request_free(c->passed);
    free(c);
    l->connections--;
    http->n_connections--;
    for (size_t i = 0; i < http->n_listeners; i++)
        if (http->n_connections <= most_for(http->listeners[i]))
            listener_set_full(http->listeners[i], false);
    event_active(http->chores, 0, 0);
}

static void learn_addresses(struct connection *c)
{
    struct sockaddr_storage address = {0};
    struct sockaddr *any = (struct sockaddr *)&address;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address;
    int fd = bufferevent_getfd(c->bev), on = 1;
    socklen_t size = sizeof address;
    if (c->listener->path) {
        strcpy(c->peer, "unix");
        strcpy(c->peer_key, "unix");
        c->is_local = true;
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (getsockname(fd, any, &size) == 0 && any->sa_family == AF_INET6) {
        char text[INET6_ADDRSTRLEN];
        inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
        snprintf(c->local, sizeof c->local, "[%.43s]", text);
        c->is_local = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
    } else {
        inet_ntop(AF_INET, &v4->sin_addr, c->local, sizeof c->local);
        c->is_local = ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    }
    size = sizeof address;
    if (getpeername(fd, any, &size) < 0)
        return; /* gone already: evhttp will see that */
    inet_ntop(any->sa_family, any->sa_family == AF_INET6 ? (const void *)&v6->sin6_addr : &v4->sin_addr, c->peer,
              sizeof c->peer);
    peer_write_key(any, c->peer_key);
}

/* evhttp has set the connection up: its own argument of the bufferevent's callbacks is the evhttp_connection, of which
 * it speaks to nobody before a request has come. False: it could not, and the connection is gone. */
static bool adopt(struct connection *c)
{
    struct http *http = http_of(c);
    void *evcon;
    bufferevent_getcb(c->bev, NULL, NULL, NULL, &evcon);
    if (!evcon) {
        struct bufferevent *bev = c->bev;
        forget(c);
        bufferevent_decref(bev);
        return false;
    }
    bufferevent_decref(c->bev);
    c->evcon = evcon;
    evhttp_connection_set_closecb(c->evcon, on_closed, c);
    learn_addresses(c);
    size_t of_peer = peer_add_connection(http, c->peer_key);
    c->counted = true;
    bool too_many = c->surplus || (!c->listener->path && of_peer > http->limits.per_peer);
    c->phase = too_many || http->draining ? TURNED_AWAY : READING;
    c->seen = GATE_HEAD; /* the first head's time began when the connection did */
    set_deadline(c, http->limits.head_ms);
    return true;
}

/* ---- Ending ---- */

static void say_goodbye(struct connection *c)
{
    SSL *ssl = c->is_tls ? bufferevent_openssl_get_ssl(c->bev) : NULL;
    if (ssl && SSL_is_init_finished(ssl))
        SSL_shutdown(ssl);
    ERR_clear_error();
}

void connection_close(struct connection *c)
{
    say_goodbye(c);
    evhttp_connection_free(c->evcon);
}

void connections_free(struct http *http)
{
    struct connection *c, *next;
    HASH_ITER(hh, http->connections, c, next)
    {
        if (c->phase == FRESH && !adopt(c))
            continue;
        connection_close(c);
    }
}

/* Whatever the reason, each connection ends here. If the peer left while a request was being handled, evhttp has let go
 * of the request and it is ours to free; otherwise evhttp frees it itself. */
static void on_closed(struct evhttp_connection *evcon, void *data)
{
    (void)evcon;
    struct connection *c = data;
    if (c->exchange)
        c->exchange->connection = NULL;
    if (c->request && !evhttp_request_get_connection(c->request))
        evhttp_request_free(c->request);
    forget(c);
}

/* The answer must be on its way before the socket closes, and what the peer sent must be read, or a reset eats it. */
static void turn_away(struct connection *c)
{
    static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n" COMMON_FIELDS
                                 "Retry-After: 5\r\nConnection: close\r\nContent-Length: 33\r\n\r\n"
                                 "{\"error\": \"too many connections\"}";
    struct http *http = http_of(c);
    int fd = bufferevent_getfd(c->bev);
    char unread[4096];
    http->stats.refused_connections++;
    if (log_allowed(&http->full_limit, 1, "http"))
        log_at(LOG_WARNING, "http", "too many connections: %s is turned away", c->peer);
    if (!c->is_tls) {
        for (int i = 0; i < 8 && recv(fd, unread, sizeof unread, MSG_DONTWAIT) > 0; i++)
            continue;
        (void)!send(fd, answer, sizeof answer - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    connection_close(c);
}

/* ---- Reading ---- */

static void refuse_with(struct connection *c, int status, const char *reason)
{
    struct evbuffer *input = bufferevent_get_input(c->bev);
    c->phase = REFUSING;
    c->refusal_status = status;
    c->refusal_reason = reason;
    evbuffer_drain(input, evbuffer_get_length(input));
    kick(c);
}

static void refuse_malformed(struct connection *c)
{
    http_of(c)->stats.refused_by_gate++;
    refuse_with(c, gate_status(c->gate), gate_reason(c->gate));
}

/* A whole request has passed: let evhttp find the one that stands for it, before what the peer sent behind it. */
static void pass_on(struct connection *c)
{
    c->phase = HANDLING;
    c->passed = gate_take(c->gate);
    event_del(c->deadline);
    if (evbuffer_prepend(bufferevent_get_input(c->bev), stand_in, sizeof stand_in - 1) < 0)
        abort();
}

static void set_read_deadline(struct connection *c)
{
    const struct http_limits *limits = &http_of(c)->limits;
    enum gate_phase phase = gate_phase(c->gate);
    if (c->phase != READING || phase <= c->seen)
        return;
    c->seen = phase;
    set_deadline(c, phase == GATE_HEAD ? limits->head_ms : limits->body_ms);
}

static void read_more(struct connection *c)
{
    struct evbuffer *input = bufferevent_get_input(c->bev);
    struct evbuffer_iovec piece;
    while (c->phase == READING && evbuffer_peek(input, -1, NULL, &piece, 1) > 0) {
        size_t used;
        enum gate_verdict verdict = gate_feed(c->gate, piece.iov_base, piece.iov_len, &used);
        evbuffer_drain(input, used);
        if (verdict == GATE_REQUEST)
            pass_on(c);
        else if (verdict == GATE_REFUSED)
            refuse_malformed(c);
    }
    set_read_deadline(c);
    if (c->phase == READING && gate_take_continue(c->gate)) {
        c->continue_due = true;
        kick(c);
    }
}

static void on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *data)
{
    struct connection *c = data;
    if (!info->n_added)
        return;
    if (c->phase == FRESH)
        adopt(c);
    if (c->phase == READING)
        read_more(c);
    else if (c->phase == TURNED_AWAY)
        evbuffer_drain(input, evbuffer_get_length(input));
}

/* evhttp's own callback for written data must not see this being written: it would take it for an answer. */
static void send_continue(struct connection *c)
{
    static const char line[] = "HTTP/1.1 100 Continue\r\n\r\n";
    bufferevent_data_cb readcb;
    bufferevent_event_cb eventcb;
    void *arg;
    c->continue_due = false;
    if (c->phase != READING)
        return;
    bufferevent_getcb(c->bev, &readcb, NULL, &eventcb, &arg);
    bufferevent_setcb(c->bev, readcb, NULL, eventcb, arg);
    evbuffer_add(bufferevent_get_output(c->bev), line, sizeof line - 1);
    bufferevent_enable(c->bev, EV_WRITE);
}

/* What could not be done where it was noticed, inside a callback of evhttp's or of the input. */
static void on_kick(evutil_socket_t fd, short what, void *data)
{
    (void)fd, (void)what;
    struct connection *c = data;
    if (c->phase == FRESH && !adopt(c))
        return;
    if (c->phase == TURNED_AWAY)
        turn_away(c);
    else if (c->phase == REFUSING)
        start_refusal(c);
    else if (c->continue_due)
        send_continue(c);
}

/* ---- Refusing ---- */

static void count_answer(struct http *http, int status)
{
    int class = status / 100;
    if (class >= 1 && class <= 5)
        http->stats.per_status[class]++;
}

static void discard(struct bufferevent *bev, void *data)
{
    (void)data; /* may be evhttp's: a read that it had put off ends here as well */
    struct evbuffer *input = bufferevent_get_input(bev);
    evbuffer_drain(input, evbuffer_get_length(input));
}

/* Nothing is left to be written: wait for the peer to read it and go. */
static void on_refusal_written(struct bufferevent *bev, void *data)
{
    struct connection *c = data;
    if (c->phase != REFUSING)
        return;
    c->phase = LINGERING;
    say_goodbye(c);
    shutdown(bufferevent_getfd(bev), SHUT_WR);
    bufferevent_enable(bev, EV_READ);
    set_deadline(c, http_of(c)->limits.linger_ms);
}

static void on_refusal_event(struct bufferevent *bev, short what, void *data)
{
    (void)bev;
    if (what != BEV_EVENT_CONNECTED)
        connection_close(data);
}

/* The bufferevent is taken from evhttp, which is waiting for a request and has nothing of its own to write. */
static void start_refusal(struct connection *c)
{
    struct http *http = http_of(c);
    struct evbuffer *output = bufferevent_get_output(c->bev);
    AUTOBUF body = {0};
    buf_addf(&body, "{\"error\": \"%s\"}", c->refusal_reason);
    log_at(LOG_DEBUG, "http", "refused a request of %s: %s", c->peer, c->refusal_reason);
    count_answer(http, c->refusal_status);
    bufferevent_disable(c->bev, EV_READ);
    bufferevent_setcb(c->bev, discard, on_refusal_written, on_refusal_event, c);
    evbuffer_add_printf(output,
                        "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\n" COMMON_FIELDS
                        "Connection: close\r\nContent-Length: %zu\r\n\r\n%s",
                        c->refusal_status, status_reason(c->refusal_status), body.len, buf_str(&body));
    bufferevent_enable(c->bev, EV_WRITE);
    set_deadline(c, http->limits.write_ms);
}

static void on_deadline(evutil_socket_t fd, short what, void *data)
{
    (void)fd, (void)what;
    struct connection *c = data;
    bool idle = c->phase == LINGERING || connection_is_idle(c);
    if (!idle)
        http_of(c)->stats.timeouts++;
    if (!idle && c->phase == READING)
        refuse_with(c, 408, "the request took too long");
    else
        connection_close(c);
}

bool connection_is_idle(const struct connection *c)
{
    return c->phase == READING && gate_phase(c->gate) == GATE_IDLE;
}

/* ---- Handling and answering ---- */

static void on_answered(struct evhttp_request *request, void *data)
{
    (void)request;
    struct connection *c = data;
    if (c->last) {
        say_goodbye(c); /* evhttp closes it next */
        return;
    }
    c->phase = READING;
    c->seen = GATE_IDLE;
    set_deadline(c, http_of(c)->limits.idle_ms);
    read_more(c);
}

void connection_on_request(struct evhttp_request *request, void *data)
{
    struct listener *l = data;
    struct bufferevent *bev = evhttp_connection_get_bufferevent(evhttp_request_get_connection(request));
    struct connection *c;
    HASH_FIND_PTR(l->http->connections, &bev, c);
    c->request = request;
    c->http_1_0 = c->passed->http_1_0;
    c->keep_alive = c->passed->keep_alive;
    evhttp_request_set_on_complete_cb(request, on_answered, c);
    l->http->stats.requests++;
    c->exchange = exchange_new(c, TAKE(c->passed));
    route_exchange(c->exchange);
}

static void add_field(struct evkeyvalq *fields, const char *name, const char *value)
{
    if (evhttp_add_header(fields, name, value) < 0)
        log_at(LOG_ERROR, "http", "the answer's field %s has a line break in it and was left out", name);
}

static void add_fields(struct connection *c, const struct answer *answer)
{
    struct evkeyvalq *fields = evhttp_request_get_output_headers(c->request);
    char length[24];
    if (answer->content_type) {
        snprintf(length, sizeof length, "%zu", answer->size);
        add_field(fields, "Content-Type", answer->content_type);
        add_field(fields, "Content-Length", length);
    }
    add_field(fields, "X-Content-Type-Options", "nosniff");
    add_field(fields, "Cache-Control", "no-store");
    for (size_t i = 0; i < answer->n_fields; i++) {
        evhttp_remove_header(fields, answer->fields[i].name);
        add_field(fields, answer->fields[i].name, answer->fields[i].value);
    }
    if (c->last)
        add_field(fields, "Connection", "close");
    else if (c->http_1_0)
        add_field(fields, "Connection", "keep-alive");
}

void connection_answer(struct connection *c, const struct answer *answer)
{
    struct http *http = http_of(c);
    struct evbuffer *body = evbuffer_new();
    if (!body)
        abort();
    if (answer->content_type && c->exchange->x.method != METHOD_HEAD)
        evbuffer_add(body, answer->data, answer->size);
    c->last = !c->keep_alive || !c->listener->accepter;
    c->phase = ANSWERING;
    c->exchange = NULL;
    add_fields(c, answer);
    count_answer(http, answer->status);
    evhttp_send_reply(TAKE(c->request), answer->status, status_reason(answer->status), body);
    evbuffer_free(body);
    /* evhttp reads on to see whether the peer goes away, and would take a peer that has only ended its own side for
     * one; what else it reads would pile up. A peer that has gone is known by writing, or by the deadline. */
    bufferevent_disable(c->bev, EV_READ);
    set_deadline(c, http->limits.write_ms);
}
