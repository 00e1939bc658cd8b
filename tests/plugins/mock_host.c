/* SPDX-License-Identifier: Apache-2.0 */
#include "mock_host.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

struct mock_memory {
    struct mock_memory *next;
    char bytes[];
};

static struct mock_host *mock_of(const struct belfry_host *host)
{
    return (struct mock_host *)(uintptr_t)host->internal;
}

void *mock_keep(struct mock_host *mock, size_t size)
{
    struct mock_memory *memory = calloc(1, sizeof *memory + size);
    assert_non_null(memory);
    memory->next = mock->memory;
    mock->memory = memory;
    return memory->bytes;
}

char *mock_keep_text(struct mock_host *mock, const char *text, size_t size)
{
    char *copy = mock_keep(mock, size + 1);
    memcpy(copy, text, size);
    return copy;
}

static char *keep_string(struct mock_host *mock, const char *text)
{
    return text ? mock_keep_text(mock, text, strlen(text)) : NULL;
}

BELFRY_PRINTF(2, 0) static char *keep_format(struct mock_host *mock, const char *format, va_list args)
{
    char *text;
    assert_true(vasprintf(&text, format, args) >= 0);
    char *copy = keep_string(mock, text);
    free(text);
    return copy;
}

/* ---- The table: texts and clocks ---- */

BELFRY_PRINTF(3, 4) static void host_log(const struct belfry_host *host, int level, const char *format, ...)
{
    struct mock_host *mock = mock_of(host);
    char line[1024];
    int n = snprintf(line, sizeof line, "%d ", level);
    va_list args;
    va_start(args, format);
    vsnprintf(line + n, sizeof line - (size_t)n, format, args);
    va_end(args);
    assert_in_range(mock->n_logs, 0, MOCK_MOST - 1);
    mock->logs[mock->n_logs++] = keep_string(mock, line);
}

BELFRY_PRINTF(3, 4) static int host_fail(struct belfry_error *e, const char *option, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    e->option = option;
    vsnprintf(e->text, sizeof e->text, format, args);
    va_end(args);
    return -1;
}

static int64_t host_now(const struct belfry_host *host)
{
    return mock_of(host)->now;
}

static int64_t host_monotonic(const struct belfry_host *host)
{
    return mock_of(host)->monotonic;
}

/* Requests lead back to their host by the memory that they are in. */
struct owned_request {
    struct mock_host *mock;
    struct mock_request request;
};

static struct mock_host *mock_of_request(struct belfry_request *request)
{
    return ((struct owned_request *)((char *)request - offsetof(struct owned_request, request.pub)))->mock;
}

BELFRY_PRINTF(2, 3) static char *host_text(struct belfry_request *request, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = keep_format(mock_of_request(request), format, args);
    va_end(args);
    return text;
}

static int host_header(struct belfry_request *pub, const char *name, const char *value, struct belfry_error *e)
{
    struct mock_request *request = (struct mock_request *)pub;
    for (const char *p = value; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return host_fail(e, NULL, "the value of the header %s has a control character", name);
    if (!*name || name[strcspn(name, " :\t\r\n")])
        return host_fail(e, NULL, "'%s' is no name of a header", name);
    assert_in_range(request->n_headers, 0, MOCK_MOST - 1);
    struct mock_host *mock = mock_of_request(pub);
    request->headers[request->n_headers++] = (struct belfry_pair){keep_string(mock, name), keep_string(mock, value)};
    return 0;
}

static int host_recipient(struct belfry_request *pub, const char *address, struct belfry_error *e)
{
    struct mock_request *request = (struct mock_request *)pub;
    if (!*address || address[strcspn(address, ",;<>\" \r\n")])
        return host_fail(e, NULL, "'%s' is no mail address", address);
    assert_in_range(request->n_recipients, 0, MOCK_MOST - 1);
    request->recipients[request->n_recipients++] = keep_string(mock_of_request(pub), address);
    return 0;
}

/* ---- The table: templates ---- */

static const char *find_pair(struct belfry_map map, const char *key)
{
    for (size_t i = 0; i < map.n; i++)
        if (strcmp(map.pair[i].key, key) == 0)
            return map.pair[i].value;
    return "";
}

static const char *look_up(const struct belfry_notification *n, const char *name)
{
    const struct belfry_pair known[] = {{"title", n->title},
                                        {"text", n->text},
                                        {"id", n->id},
                                        {"channel", n->channel},
                                        {"receiver", n->receiver},
                                        {"group_key", n->group_key},
                                        {"language", n->language},
                                        {"external_url", n->external_url},
                                        {"status", n->resolved ? "resolved" : "firing"}};
    if (strncmp(name, "labels.", 7) == 0)
        return find_pair(n->common_labels, name + 7);
    if (strncmp(name, "annotations.", 12) == 0)
        return find_pair(n->common_annotations, name + 12);
    return find_pair((struct belfry_map){sizeof known / sizeof *known, known}, name);
}

static void put_escaped(FILE *out, const char *value, int escape)
{
    for (; *value; value++) {
        unsigned char c = (unsigned char)*value;
        if (escape == BELFRY_JSON && (c < 0x20 || c == '"' || c == '\\'))
            fprintf(out, "\\u%04x", c);
        else if (escape == BELFRY_HTML && strchr("<>&\"'", c))
            fprintf(out, "&#%d;", c);
        else
            putc(escape == BELFRY_HEADER && (c < 0x20 || c == 0x7f) ? ' ' : c, out);
    }
}

static const char *host_render(struct belfry_request *request, const struct belfry_template *template,
                               const struct belfry_notification *notification, int escape, struct belfry_error *e)
{
    struct mock_host *mock = mock_of_request(request);
    char *bytes, *copy = NULL;
    size_t size;
    FILE *out = open_memstream(&bytes, &size);
    assert_non_null(out);
    const char *p = template->text;
    for (const char *open; (open = strstr(p, "{{"));) {
        char name[64] = "";
        int end = 0;
        fwrite(p, 1, (size_t)(open - p), out);
        assert_int_equal(sscanf(open, "{{ %63[a-z_.] }}%n", name, &end), 1);
        put_escaped(out, look_up(notification, name), escape);
        p = open + end;
    }
    fputs(p, out);
    fclose(out);
    if (size > 1024 * 1024)
        host_fail(e, NULL, "the text is longer than 1 MiB");
    else
        copy = mock_keep_text(mock, bytes, size);
    free(bytes);
    return copy;
}

/* ---- The table: replies ---- */

static const char *host_reply_header(const struct belfry_reply *reply, const char *name)
{
    const struct mock_host *mock = reply->internal;
    for (size_t i = 0; mock && i < mock->n_reply_headers; i++)
        if (strcasecmp(mock->reply_headers[i].key, name) == 0)
            return mock->reply_headers[i].value;
    return "";
}

static void host_judge_http(const struct belfry_reply *reply, struct belfry_verdict *verdict)
{
    int code = reply->code;
    verdict->code = code;
    verdict->retry_after = reply->retry_after;
    snprintf(verdict->text, sizeof verdict->text, "HTTP %d %s", code, reply->text);
    if (reply->net == BELFRY_NET_REFUSED)
        verdict->outcome = BELFRY_REJECTED;
    else if (reply->net == BELFRY_NET_AUTH || code == 401 || code == 410)
        verdict->outcome = BELFRY_DISABLED;
    else if (reply->net != BELFRY_NET_OK || code == 408 || code == 425 || code >= 500)
        verdict->outcome = BELFRY_UNAVAILABLE;
    else if (code == 429)
        verdict->outcome = BELFRY_RATE_LIMITED;
    else
        verdict->outcome = code / 100 == 2 ? BELFRY_DELIVERED : BELFRY_REJECTED;
}

static void host_undelivered(struct belfry_verdict *verdict, const char *address, int again, int code, const char *text)
{
    struct mock_host *mock = verdict->internal;
    assert_in_range(mock->n_undelivered, 0, MOCK_MOST - 1);
    mock->undelivered[mock->n_undelivered++] =
        (struct mock_undelivered){keep_string(mock, address), keep_string(mock, text), again, code};
}

static void host_complete(struct belfry_delivery *delivery, const struct belfry_verdict *verdict)
{
    assert_false(delivery->complete); /* exactly once */
    delivery->complete = true;
    delivery->verdict = *verdict;
}

/* ---- The table: work in the background ---- */

static struct belfry_timer *host_timer_start(const struct belfry_host *host, int64_t after, int64_t every,
                                             void (*fire)(void *), void *data)
{
    struct mock_host *mock = mock_of(host);
    assert_in_range(mock->n_timers, 0, MOCK_MOST - 1);
    struct belfry_timer *timer = &mock->timers[mock->n_timers++];
    *timer = (struct belfry_timer){mock->monotonic + after, every, fire, data, true};
    return timer;
}

static void host_timer_stop(struct belfry_timer *timer)
{
    assert_true(timer->active);
    timer->active = false;
}

static struct belfry_watch *host_watch_start(const struct belfry_host *host, int fd, int events,
                                             void (*ready)(void *, int), void *data)
{
    struct mock_host *mock = mock_of(host);
    assert_in_range(mock->n_watches, 0, MOCK_MOST - 1);
    struct belfry_watch *watch = &mock->watches[mock->n_watches++];
    *watch = (struct belfry_watch){fd, events, ready, data, true};
    return watch;
}

static void host_watch_stop(struct belfry_watch *watch)
{
    assert_true(watch->active);
    watch->active = false;
}

static struct belfry_request *host_request_new(const struct belfry_host *host)
{
    struct mock_host *mock = mock_of(host);
    struct owned_request *owned = mock_keep(mock, sizeof *owned);
    owned->mock = mock;
    owned->request.pub = (struct belfry_request){.size = sizeof owned->request.pub,
                                                 .url = "",
                                                 .method = "POST",
                                                 .username = "",
                                                 .password = "",
                                                 .bearer = "",
                                                 .mail_from = "",
                                                 .unix_socket = "",
                                                 .ca_file = "",
                                                 .cert_file = "",
                                                 .key_file = ""};
    assert_in_range(mock->n_requests, 0, MOCK_MOST - 1);
    mock->requests[mock->n_requests++] = &owned->request;
    return &owned->request.pub;
}

static struct belfry_transfer *host_transfer_start(struct belfry_request *pub,
                                                   void (*done)(void *, const struct belfry_reply *), void *data)
{
    struct mock_request *request = (struct mock_request *)pub;
    request->done = done;
    request->data = data;
    return (struct belfry_transfer *)request;
}

static void host_transfer_stop(struct belfry_transfer *transfer)
{
    struct mock_request *request = (struct mock_request *)transfer;
    assert_false(request->stopped);
    request->stopped = true;
}

static struct belfry_child *host_child_start(const struct belfry_host *host, const struct belfry_command *command,
                                             void (*done)(void *, const struct belfry_exit *), void *data)
{
    struct mock_host *mock = mock_of(host);
    assert_in_range(mock->n_children, 0, MOCK_MOST - 1);
    struct belfry_child *child = &mock->children[mock->n_children++];
    *child = (struct belfry_child){*command, done, data, true};
    return child;
}

static void host_child_stop(struct belfry_child *child)
{
    assert_true(child->active);
    child->active = false;
}

static int host_route(const struct belfry_host *host,
                      void (*handle)(void *, const struct belfry_hook_request *, struct belfry_hook *), void *data)
{
    struct mock_host *mock = mock_of(host);
    assert_null(mock->handle);
    mock->handle = handle;
    mock->handle_data = data;
    return 0;
}

static void host_answer(struct belfry_hook *hook, int status, const char *content_type, const char *body, size_t size)
{
    assert_int_equal(hook->status, 0); /* exactly once */
    assert_true(status >= 200 && status <= 599);
    hook->status = status;
    hook->content_type = strdup(content_type);
    hook->body = strndup(body, size);
}

static int host_emit(const struct belfry_host *host, const struct belfry_event *event, void (*committed)(void *, int),
                     void *data, struct belfry_error *e)
{
    struct mock_host *mock = mock_of(host);
    if (mock->refuse_events) {
        host_fail(e, NULL, mock->refuse_for_good ? "unknown job" : "the store is full");
        e->again = !mock->refuse_for_good;
        return -1;
    }
    assert_non_null(event->type);
    assert_in_range(mock->n_events, 0, MOCK_MOST - 1);
    mock->events[mock->n_events++] = (struct mock_event){
        .type = keep_string(mock, event->type),
        .subject = keep_string(mock, event->subject),
        .id = keep_string(mock, event->id),
        .data = event->data ? mock_keep_text(mock, event->data, event->data_size) : NULL,
        .checkpoint = keep_string(mock, event->checkpoint),
        .time = event->time,
        .committed = committed,
        .committed_data = data,
    };
    return 0;
}

static const char *host_checkpoint(const struct belfry_host *host)
{
    const struct mock_host *mock = mock_of(host);
    return mock->stored_checkpoint ? mock->stored_checkpoint : "";
}

static const struct belfry_host table = {
    .size = sizeof table,
    .abi_major = BELFRY_ABI_MAJOR,
    .abi_minor = BELFRY_ABI_MINOR,
    .instance = "test",
    .log = host_log,
    .fail = host_fail,
    .now = host_now,
    .monotonic = host_monotonic,
    .text = host_text,
    .render = host_render,
    .header = host_header,
    .recipient = host_recipient,
    .reply_header = host_reply_header,
    .judge_http = host_judge_http,
    .undelivered = host_undelivered,
    .complete = host_complete,
    .timer_start = host_timer_start,
    .timer_stop = host_timer_stop,
    .watch_start = host_watch_start,
    .watch_stop = host_watch_stop,
    .request_new = host_request_new,
    .transfer_start = host_transfer_start,
    .transfer_stop = host_transfer_stop,
    .child_start = host_child_start,
    .child_stop = host_child_stop,
    .route = host_route,
    .answer = host_answer,
    .emit = host_emit,
    .checkpoint = host_checkpoint,
};

/* ---- Instances ---- */

static void note_option(struct mock_host *mock)
{
    snprintf(mock->error_option, sizeof mock->error_option, "%s", mock->error.option ? mock->error.option : "");
}

static struct mock_host *mock_new(const struct belfry_plugin *plugin)
{
    struct mock_host *mock = calloc(1, sizeof *mock);
    assert_non_null(mock);
    mock->host = table;
    mock->host.internal = mock;
    mock->plugin = plugin;
    mock->self = calloc(1, plugin->instance_size);
    mock->error.size = sizeof mock->error;
    mock->now = 1700000000000;
    mock->monotonic = 1000000;
    assert_non_null(mock->self);
    return mock;
}

static void mock_free(struct mock_host *mock)
{
    for (struct mock_memory *memory = mock->memory, *next; memory; memory = next) {
        next = memory->next;
        free(memory);
    }
    free(mock->hook.content_type);
    free(mock->hook.body);
    free(mock->self);
    free(mock);
}

static int mock_try(struct mock_host *mock, const struct belfry_pair *options)
{
    int failed = mock_bind(mock, options);
    if (!failed && mock->plugin->open)
        failed = mock->plugin->open(mock->self, &mock->host, &mock->error);
    note_option(mock);
    return failed;
}

struct mock_host *mock_open(const struct belfry_plugin *plugin, const struct belfry_pair *options)
{
    struct mock_host *mock = mock_new(plugin);
    if (mock_try(mock, options))
        fail_msg("%s: %s", mock->error_option, mock->error.text);
    return mock;
}

void mock_expect_refusal(const struct belfry_plugin *plugin, const struct belfry_pair *options, const char *option,
                         const char *part)
{
    struct mock_host *mock = mock_new(plugin);
    assert_int_equal(mock_try(mock, options), -1);
    assert_string_equal(mock->error_option, option);
    if (!strstr(mock->error.text, part))
        fail_msg("\"%s\" does not speak of \"%s\"", mock->error.text, part);
    mock_free(mock);
}

void mock_close(struct mock_host *mock)
{
    if (mock->plugin->close)
        mock->plugin->close(mock->self);
    mock_free(mock);
}

/* ---- Channels ---- */

struct belfry_notification mock_notification(void)
{
    static const struct belfry_pair labels[] = {{"alertname", "JobFailed"}, {"job", "nightly \"etl\""}};
    static const struct belfry_pair annotations[] = {{"summary", "line one\nline two"}};
    static const struct belfry_alert alert = {.size = sizeof alert,
                                              .name = "JobFailed",
                                              .fingerprint = "0123456789abcdef",
                                              .labels = {2, labels},
                                              .annotations = {1, annotations},
                                              .starts_at = 1700000000000,
                                              .generator_url = ""};
    static const struct belfry_alert *const pointer = &alert;
    return (struct belfry_notification){.size = sizeof(struct belfry_notification),
                                        .id = "01hf-7x",
                                        .attempt = 1,
                                        .channel = "test",
                                        .receiver = "ops",
                                        .group_key = "{}:{alertname=\"JobFailed\"}",
                                        .language = "en",
                                        .group_labels = {1, labels},
                                        .common_labels = {2, labels},
                                        .common_annotations = {1, annotations},
                                        .alerts = &pointer,
                                        .n_alerts = 1,
                                        .title = "[FIRING] JobFailed nightly",
                                        .text = "The job failed.\nExit code 3.\n",
                                        .json = "{\"version\":\"4\",\"status\":\"firing\",\"alerts\":[]}",
                                        .external_url = "http://127.0.0.1:8080",
                                        .created_at = 1700000000000};
}

struct mock_request *mock_compose(struct mock_host *mock, const struct belfry_notification *notification)
{
    struct belfry_request *pub = host_request_new(&mock->host);
    int failed = mock->plugin->channel->compose(mock->self, notification, pub, &mock->error);
    note_option(mock);
    return failed ? NULL : (struct mock_request *)pub;
}

struct belfry_verdict mock_judge(struct mock_host *mock, const struct belfry_notification *notification,
                                 const struct belfry_reply *given)
{
    struct belfry_verdict verdict = {.size = sizeof verdict, .internal = mock};
    struct belfry_reply reply = *given;
    reply.size = sizeof reply;
    reply.internal = mock;
    reply.text = reply.text ? reply.text : "";
    reply.body = reply.body ? reply.body : "";
    mock->n_undelivered = 0;
    mock->plugin->channel->judge(mock->self, notification, &reply, host_request_new(&mock->host), &verdict);
    assert_in_range(verdict.outcome, BELFRY_DELIVERED, BELFRY_AGAIN);
    return verdict;
}

const char *mock_header(const struct mock_request *request, const char *name)
{
    for (size_t i = 0; i < request->n_headers; i++)
        if (strcasecmp(request->headers[i].key, name) == 0)
            return request->headers[i].value;
    return NULL;
}

/* ---- Sources ---- */

int mock_start(struct mock_host *mock)
{
    int failed = mock->plugin->source->start(mock->self, &mock->error);
    note_option(mock);
    return failed;
}

void mock_stop(struct mock_host *mock)
{
    mock->plugin->source->stop(mock->self);
    for (size_t i = 0; i < mock->n_timers; i++)
        mock->timers[i].active = false;
    for (size_t i = 0; i < mock->n_watches; i++)
        mock->watches[i].active = false;
    mock->handle = NULL;
}

void mock_advance(struct mock_host *mock, int64_t ms)
{
    int64_t target = mock->monotonic + ms;
    for (;;) {
        struct belfry_timer *next = NULL;
        for (size_t i = 0; i < mock->n_timers; i++)
            if (mock->timers[i].active && mock->timers[i].due <= target && (!next || mock->timers[i].due < next->due))
                next = &mock->timers[i];
        int64_t at = next ? next->due : target;
        if (at > mock->monotonic) {
            mock->now += at - mock->monotonic;
            mock->monotonic = at;
        }
        if (!next)
            return;
        next->active = next->every > 0;
        next->due += next->every;
        next->fire(next->data);
    }
}

bool mock_pump(struct mock_host *mock)
{
    struct pollfd fds[MOCK_MOST];
    for (size_t i = 0; i < mock->n_watches; i++) {
        const struct belfry_watch *watch = &mock->watches[i];
        short events =
            (short)((watch->events & BELFRY_READ ? POLLIN : 0) | (watch->events & BELFRY_WRITE ? POLLOUT : 0));
        fds[i] = (struct pollfd){.fd = watch->active ? watch->fd : -1, .events = events};
    }
    if (poll(fds, mock->n_watches, 5000) <= 0)
        return false;
    for (size_t i = 0; i < mock->n_watches; i++) {
        struct belfry_watch *watch = &mock->watches[i];
        int events = (fds[i].revents & (POLLIN | POLLERR | POLLHUP) ? BELFRY_READ : 0) |
                     (fds[i].revents & POLLOUT ? BELFRY_WRITE : 0);
        if (watch->active && events & watch->events)
            watch->ready(watch->data, events & watch->events);
    }
    return true;
}

void mock_hook(struct mock_host *mock, const char *method, const char *body, size_t size)
{
    free(mock->hook.content_type);
    free(mock->hook.body);
    mock->hook = (struct belfry_hook){0};
    struct belfry_hook_request request = {
        .size = sizeof request, .method = method, .query = "", .peer = "192.0.2.7", .body = body, .body_size = size};
    assert_non_null(mock->handle);
    mock->handle(mock->handle_data, &request, &mock->hook);
}

void mock_commit(struct mock_host *mock, size_t event, int status)
{
    assert_in_range(event, 0, mock->n_events - 1);
    void (*committed)(void *, int) = mock->events[event].committed;
    assert_non_null(committed);
    mock->events[event].committed = NULL; /* once */
    committed(mock->events[event].committed_data, status);
}

const char *mock_log(const struct mock_host *mock, const char *part)
{
    for (size_t i = mock->n_logs; i-- > 0;)
        if (strstr(mock->logs[i], part))
            return mock->logs[i];
    return NULL;
}
