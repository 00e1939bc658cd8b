/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP by curl's multi interface on the event loop. Each instance has its own, so that connections are used again, but
 * never by another instance; it is made for the first request and goes when nothing was sent for a while.
 *
 * curl's callbacks below only note what it wants: no curl_multi function may be called from inside them.
 */
#include <event2/event.h>
#include <utlist.h>

#include "plugin/exchange.h"

enum { IDLE = 60 };

struct wanted { /* a socket that curl wants watched */
    curl_socket_t fd;
    struct event *event;
    struct wanted *prev, *next;
};

struct carrier {
    struct instance *instance;
    CURLM *multi;
    struct event *timer, *idle;
    struct wanted *wanted;
    size_t on_the_way;
};

struct parcel {
    struct carrier *carrier;
    CURL *easy;
    struct setup setup;
    struct reply *reply;
    void (*done)(void *ctx);
    void *ctx;
};

static void must(bool done)
{
    if (!done)
        abort(); /* curl and libevent fail here only without memory */
}

static void parcel_free(struct parcel *parcel)
{
    struct carrier *carrier = parcel->carrier;
    curl_multi_remove_handle(carrier->multi, parcel->easy);
    curl_easy_cleanup(parcel->easy);
    setup_free(&parcel->setup);
    free(parcel);
    if (--carrier->on_the_way == 0)
        event_add(carrier->idle, &(struct timeval){.tv_sec = IDLE});
}

static void deliver(struct parcel *parcel, CURLcode result)
{
    long code = 0;
    curl_off_t retry_after = 0;
    curl_easy_getinfo(parcel->easy, CURLINFO_RESPONSE_CODE, &code);
    curl_easy_getinfo(parcel->easy, CURLINFO_RETRY_AFTER, &retry_after);
    reply_conclude_http(parcel->reply, result, parcel->setup.error, code, (long)retry_after);
    parcel->done(parcel->ctx);
    parcel_free(parcel);
}

static void act(struct carrier *carrier, curl_socket_t fd, int what)
{
    int running;
    curl_multi_socket_action(carrier->multi, fd, what, &running);
    CURLMsg *message;
    while ((message = curl_multi_info_read(carrier->multi, &running))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        struct parcel *parcel;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &parcel);
        deliver(parcel, message->data.result);
    }
}

/* ---- what curl asks of the loop ---- */

static void on_timer(evutil_socket_t fd, short what, void *data)
{
    (void)fd, (void)what;
    act(data, CURL_SOCKET_TIMEOUT, 0);
}

static int want_timer(CURLM *multi, long ms, void *data)
{
    (void)multi;
    struct carrier *carrier = data;
    if (ms < 0)
        event_del(carrier->timer);
    else
        event_add(carrier->timer, &(struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000});
    return 0;
}

static void on_socket(evutil_socket_t fd, short what, void *data)
{
    act(data, fd, (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static void unwant(struct carrier *carrier, struct wanted *wanted)
{
    DL_DELETE(carrier->wanted, wanted);
    event_free(wanted->event);
    free(wanted);
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *unused)
{
    (void)easy, (void)unused;
    struct carrier *carrier = data;
    struct wanted *wanted;
    DL_SEARCH_SCALAR(carrier->wanted, wanted, fd, fd);
    if (wanted)
        unwant(carrier, wanted);
    if (what == CURL_POLL_REMOVE)
        return 0;
    wanted = NEW(struct wanted);
    wanted->fd = fd;
    short events = EV_PERSIST | (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);
    must((wanted->event =
              event_new(loop_base(carrier->instance->plugins->options.loop), fd, events, on_socket, carrier)) != NULL);
    event_add(wanted->event, NULL);
    DL_APPEND(carrier->wanted, wanted);
    return 0;
}

/* ---- life ---- */

static void on_idle(evutil_socket_t fd, short what, void *data)
{
    (void)fd, (void)what;
    struct carrier *carrier = data;
    carrier->instance->carrier = NULL;
    carrier_free(carrier);
}

static struct carrier *carrier_new(struct instance *instance)
{
    struct carrier *carrier = NEW(struct carrier);
    struct event_base *base = loop_base(instance->plugins->options.loop);
    carrier->instance = instance;
    must((carrier->multi = curl_multi_init()) != NULL);
    must((carrier->timer = evtimer_new(base, on_timer, carrier)) != NULL);
    must((carrier->idle = evtimer_new(base, on_idle, carrier)) != NULL);
    curl_multi_setopt(carrier->multi, CURLMOPT_TIMERFUNCTION, want_timer);
    curl_multi_setopt(carrier->multi, CURLMOPT_TIMERDATA, carrier);
    curl_multi_setopt(carrier->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    curl_multi_setopt(carrier->multi, CURLMOPT_SOCKETDATA, carrier);
    return carrier;
}

void carrier_free(struct carrier *carrier)
{
    if (!carrier)
        return;
    curl_multi_cleanup(carrier->multi);
    while (carrier->wanted)
        unwant(carrier, carrier->wanted);
    event_free(carrier->timer);
    event_free(carrier->idle);
    free(carrier);
}

/* ---- parcels ---- */

static size_t on_head(char *line, size_t size, size_t n, void *data)
{
    return reply_add_head(data, line, size * n) ? size * n : 0;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *data)
{
    return reply_add_body(data, bytes, size * n) ? size * n : 0;
}

static CURLcode set_up(struct parcel *parcel, const struct request *request)
{
    CURLcode result = setup_easy(parcel->easy, &parcel->setup, request, parcel->reply);
    curl_easy_setopt(parcel->easy, CURLOPT_HEADERFUNCTION, on_head);
    curl_easy_setopt(parcel->easy, CURLOPT_HEADERDATA, parcel->reply);
    curl_easy_setopt(parcel->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(parcel->easy, CURLOPT_WRITEDATA, parcel->reply);
    curl_easy_setopt(parcel->easy, CURLOPT_PRIVATE, parcel);
    return result;
}

struct parcel *carrier_send(const struct request *request, struct reply *reply, void (*done)(void *ctx), void *ctx)
{
    struct instance *instance = request->instance;
    if (!instance->carrier)
        instance->carrier = carrier_new(instance);
    struct carrier *carrier = instance->carrier;
    struct parcel *parcel = NEW(struct parcel);
    *parcel = (struct parcel){.carrier = carrier, .reply = reply, .done = done, .ctx = ctx};
    must((parcel->easy = curl_easy_init()) != NULL);
    carrier->on_the_way++;
    event_del(carrier->idle);
    CURLcode result = set_up(parcel, request);
    if (result) {
        reply_conclude_refused(reply, curl_easy_strerror(result));
        parcel_free(parcel);
        return NULL;
    }
    must(curl_multi_add_handle(carrier->multi, parcel->easy) == CURLM_OK);
    return parcel;
}

void carrier_recall(struct parcel *parcel)
{
    parcel_free(parcel);
}
