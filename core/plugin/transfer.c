/* SPDX-License-Identifier: Apache-2.0 */
#include <event2/event.h>
#include <utlist.h>

#include "plugin/exchange.h"

struct transfer {
    struct handle handle; /* open if a plugin holds it */
    struct instance *instance;
    struct request *request;
    struct reply *reply;
    struct parcel *parcel; /* at the carrier, or */
    struct mail *mail;     /* on its thread, or neither: concluded, and told in the next turn */
    struct event *later;
    void (*done)(void *ctx, const struct belfry_reply *);
    void *ctx;
    void (*plugin_done)(void *data, const struct belfry_reply *);
    void *plugin_data;
    struct transfer *prev, *next;
};

static void transfer_free(struct transfer *transfer)
{
    if (transfer->later)
        event_free(transfer->later);
    reply_free(transfer->reply);
    request_free(transfer->request);
    free(transfer);
}

static void detach(struct transfer *transfer)
{
    DL_DELETE(transfer->instance->transfers, transfer);
    transfer->instance->stats.transfers--;
    handle_close(&transfer->handle);
}

static void on_done(void *data)
{
    struct transfer *transfer = data;
    detach(transfer);
    transfer->done(transfer->ctx, &transfer->reply->pub);
    transfer_free(transfer);
}

static void on_later(evutil_socket_t fd, short what, void *data)
{
    (void)fd, (void)what;
    on_done(data);
}

static void send_off(struct transfer *transfer)
{
    struct request *request = transfer->request;
    struct error e;
    if (request_check(request, &e))
        reply_conclude_refused(transfer->reply, e.what);
    else if (request_scheme(request) == SCHEME_SMTP)
        transfer->mail = mail_send(transfer->instance->plugins->mailroom, request, transfer->reply, on_done, transfer);
    else
        transfer->parcel = carrier_send(request, transfer->reply, on_done, transfer);
}

struct transfer *transfer_begin(struct request *request, void (*done)(void *ctx, const struct belfry_reply *),
                                void *ctx)
{
    struct instance *instance = request->instance;
    struct transfer *transfer = NEW(struct transfer);
    DL_DELETE(instance->requests, request);
    request->prev = NULL;
    transfer->instance = instance;
    transfer->request = request;
    transfer->reply = reply_new(request->pub.stage);
    transfer->done = done;
    transfer->ctx = ctx;
    DL_APPEND(instance->transfers, transfer);
    instance->stats.transfers++;
    send_off(transfer);
    if (!transfer->parcel && !transfer->mail) {
        transfer->later = event_new(loop_base(instance->plugins->options.loop), -1, 0, on_later, transfer);
        event_active(transfer->later, 0, 0);
    }
    return transfer;
}

void transfer_cancel(struct transfer *transfer)
{
    detach(transfer);
    if (transfer->parcel)
        carrier_recall(transfer->parcel);
    if (transfer->mail) {
        mail_recall(transfer->mail);
        transfer->reply = NULL;
    }
    transfer_free(transfer);
}

void transfers_sweep(struct instance *instance)
{
    while (instance->transfers)
        transfer_cancel(instance->transfers);
}

/* ---- for the plugin ---- */

static void tell_plugin(void *ctx, const struct belfry_reply *reply)
{
    struct transfer *transfer = ctx;
    struct call call = call_begin(transfer->instance, "a transfer's reply");
    transfer->plugin_done(transfer->plugin_data, reply);
    call_end(&call);
}

struct belfry_transfer *transfer_start(struct belfry_request *pub,
                                       void (*done)(void *data, const struct belfry_reply *), void *data)
{
    if (!pub || !done)
        return NULL;
    struct transfer *transfer = transfer_begin(request_of(pub), tell_plugin, NULL);
    transfer->ctx = transfer;
    transfer->plugin_done = done;
    transfer->plugin_data = data;
    return handle_open(&transfer->handle, HANDLE_TRANSFER);
}

void transfer_stop(struct belfry_transfer *value)
{
    struct handle *handle = handle_find(value, HANDLE_TRANSFER);
    if (handle)
        transfer_cancel(CONTAINER_OF(handle, struct transfer, handle));
}
