/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: a source that uses every service of the host and tells what happened by its events' subjects. */
#include <belfry/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 64 };

struct source {
    const struct belfry_host *host;
    const char *fail_start, *url, *data, *checkpoint;
    int64_t every, after, watch_fd, child_deadline, child_output, stop_in_fire, late_hooks;
    struct belfry_list child;
    const char *child_input;
    struct belfry_timer *timer, *once;
    struct belfry_watch *watch;
    struct belfry_transfer *transfer;
    struct belfry_child *process;
    struct belfry_hook *hook;
    int fires;
};

static const struct belfry_option options[] = {
    {"fail_start", BELFRY_STRING, 0, NULL, NULL, "", offsetof(struct source, fail_start)},
    {"every", BELFRY_DURATION, 0, "0", NULL, "a timer", offsetof(struct source, every)},
    {"after", BELFRY_DURATION, 0, "0", NULL, "a timer that fires once", offsetof(struct source, after)},
    {"stop_in_fire", BELFRY_INTEGER, 0, "0", NULL, "the timer's n-th call stops it",
     offsetof(struct source, stop_in_fire)},
    {"watch_fd", BELFRY_INTEGER, 0, "-1", NULL, "", offsetof(struct source, watch_fd)},
    {"url", BELFRY_STRING, 0, NULL, NULL, "a transfer", offsetof(struct source, url)},
    {"child", BELFRY_LIST, 0, NULL, NULL, "a command", offsetof(struct source, child)},
    {"child_input", BELFRY_STRING, 0, NULL, NULL, "", offsetof(struct source, child_input)},
    {"child_deadline", BELFRY_DURATION, 0, "5s", NULL, "", offsetof(struct source, child_deadline)},
    {"child_output", BELFRY_SIZE, 0, "0", NULL, "", offsetof(struct source, child_output)},
    {"late_hooks", BELFRY_BOOL, 0, "false", NULL, "answer at stop only", offsetof(struct source, late_hooks)},
    {"data", BELFRY_STRING, 0, NULL, NULL, "of the events", offsetof(struct source, data)},
    {"checkpoint", BELFRY_STRING, 0, NULL, NULL, "", offsetof(struct source, checkpoint)},
    {NULL},
};

static int open_(void *self, const struct belfry_host *host, struct belfry_error *error)
{
    (void)error;
    ((struct source *)self)->host = host;
    return 0;
}

static void on_committed(void *data, int status)
{
    struct source *source = data;
    source->host->log(source->host, BELFRY_LOG_INFO, "committed %d", status);
}

static void tell(struct source *source, const char *type, const char *subject)
{
    struct belfry_error error = {.size = sizeof error};
    struct belfry_event event = {.size = sizeof event, .type = type, .subject = subject};
    if (*source->data) {
        event.data = source->data;
        event.data_size = strlen(source->data);
    }
    if (*source->checkpoint)
        event.checkpoint = source->checkpoint;
    if (source->host->emit(source->host, &event, on_committed, source, &error))
        source->host->log(source->host, BELFRY_LOG_ERROR, "refused: %s", error.text);
}

static void on_timer(void *data)
{
    struct source *source = data;
    tell(source, "test.timer", "every");
    if (++source->fires == source->stop_in_fire)
        source->host->timer_stop(source->timer);
}

static void on_once(void *data)
{
    struct source *source = data;
    source->host->timer_stop(source->once); /* of no use, and harmless */
    tell(source, "test.timer", "once");
}

static void on_watch(void *data, int events)
{
    struct source *source = data;
    char bytes[MOST] = "";
    ssize_t n = read((int)source->watch_fd, bytes, sizeof bytes - 1);
    if (n <= 0)
        source->host->watch_stop(source->watch);
    tell(source, "test.watch", events == BELFRY_READ && n > 0 ? bytes : "end");
}

static void on_reply(void *data, const struct belfry_reply *reply)
{
    struct source *source = data;
    char subject[MOST];
    snprintf(subject, sizeof subject, "net=%u code=%d", reply->net, reply->code);
    tell(source, "test.transfer", subject);
}

static void on_exit_(void *data, const struct belfry_exit *end)
{
    struct source *source = data;
    char subject[400];
    snprintf(subject, sizeof subject, "code=%d signal=%d timed_out=%d truncated=%d error=%.40s output=%zu:%.*s",
             end->code, end->signal, end->timed_out, end->truncated, end->error, end->output_size,
             (int)(end->output_size < 100 ? end->output_size : 100), end->output);
    for (char *c = subject; *c; c++)
        if ((unsigned char)*c < ' ')
            *c = ' ';
    tell(source, "test.child", subject);
}

static void on_hook(void *data, const struct belfry_hook_request *request, struct belfry_hook *hook)
{
    struct source *source = data;
    tell(source, "test.hook", request->method);
    source->hook = hook;
    if (source->late_hooks)
        return;
    source->host->answer(hook, 202, "text/plain", request->body, request->body_size);
    source->host->answer(hook, 500, "text/plain", "", 0); /* a second answer is dropped */
}

static void start_child(struct source *source)
{
    const char *argv[8] = {NULL};
    for (size_t i = 0; i < source->child.n && i < 7; i++)
        argv[i] = source->child.item[i];
    struct belfry_command command = {.size = sizeof command,
                                     .argv = argv,
                                     .input = source->child_input,
                                     .input_size = strlen(source->child_input),
                                     .deadline = source->child_deadline,
                                     .max_output = (size_t)source->child_output};
    source->process = source->host->child_start(source->host, &command, on_exit_, source);
}

static int start(void *self, struct belfry_error *error)
{
    struct source *source = self;
    const struct belfry_host *host = source->host;
    if (source->every)
        source->timer = host->timer_start(host, source->every, source->every, on_timer, source);
    if (*source->fail_start)
        return host->fail(error, NULL, "%s", source->fail_start);
    if (source->after)
        source->once = host->timer_start(host, source->after, 0, on_once, source);
    if (source->watch_fd >= 0)
        source->watch = host->watch_start(host, (int)source->watch_fd, BELFRY_READ, on_watch, source);
    if (*source->url) {
        struct belfry_request *request = host->request_new(host);
        request->url = source->url;
        request->method = "GET";
        source->transfer = host->transfer_start(request, on_reply, source);
        host->request_new(host); /* never started: swept */
    }
    if (source->child.n)
        start_child(source);
    tell(source, "test.start", host->checkpoint(host));
    return host->route(host, on_hook, source);
}

static void stop(void *self)
{
    tell(self, "test.stop", "");
}

/* All of these are stale by now, and must be harmless. */
static void close_(void *self)
{
    struct source *source = self;
    const struct belfry_host *host = source->host;
    host->timer_stop(source->timer);
    host->watch_stop(source->watch);
    host->transfer_stop(source->transfer);
    host->child_stop(source->process);
    host->answer(source->hook, 200, "text/plain", "late", 4);
    host->timer_start(host, 1, 1, on_timer, source); /* against the rules */
}

static const struct belfry_source functions = {.size = sizeof functions, .start = start, .stop = stop};

BELFRY_PLUGIN(t_source, .kind = BELFRY_SOURCE, .name = "t_source", .version = "1.0", .licence = "Apache-2.0",
              .summary = "test source", .options = options, .instance_size = sizeof(struct source), .open = open_,
              .close = close_, .source = &functions);
