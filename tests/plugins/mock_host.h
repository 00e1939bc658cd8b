/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host for the tests of plugins, in memory and under the test's control: no loop, no network, no clock of its own.
 * It makes an instance from options written as in a configuration, records what the plugin asks for, and lets the test
 * answer. Misuse that the SDK forbids (answering a hook twice, a late timer_stop) fails the test.
 */
#ifndef BELFRY_TESTS_MOCK_HOST_H
#define BELFRY_TESTS_MOCK_HOST_H

#include <belfry/plugin.h>
#include <stdbool.h>

enum { MOCK_MOST = 64 }; /* of each kind of record */

struct mock_request { /* what the plugin described; `pub` is what it sees */
    struct belfry_request pub;
    struct belfry_pair headers[MOCK_MOST];
    size_t n_headers;
    const char *recipients[MOCK_MOST];
    size_t n_recipients;
    void (*done)(void *data, const struct belfry_reply *); /* once it is a transfer */
    void *data;
    bool stopped;
};

struct mock_event {
    char *type, *subject, *id, *data, *checkpoint; /* null as given */
    int64_t time;
    void (*committed)(void *data, int status); /* null: not asked for, or called */
    void *committed_data;
};

struct mock_undelivered {
    char *address, *text;
    int again, code;
};

struct belfry_template {
    const char *text; /* {{ name }} and {{ labels.K }} are understood */
};
struct belfry_timer {
    int64_t due, every;
    void (*fire)(void *);
    void *data;
    bool active;
};
struct belfry_watch {
    int fd, events;
    void (*ready)(void *, int);
    void *data;
    bool active;
};
struct belfry_hook {
    int status; /* 0: not answered */
    char *content_type, *body;
};
struct belfry_child {
    struct belfry_command command;
    void (*done)(void *, const struct belfry_exit *);
    void *data;
    bool active;
};
struct belfry_delivery {
    bool complete;
    struct belfry_verdict verdict;
};

struct mock_host {
    struct belfry_host host; /* the first member, so that the table leads back here */
    const struct belfry_plugin *plugin;
    void *self;
    struct belfry_error error; /* of the last mock_open() or mock_compose() */
    char error_option[64];     /* "" if none was named */

    int64_t now, monotonic; /* set them, or mock_advance() */
    const char *stored_checkpoint;
    bool refuse_events;   /* emit says no: the store is full */
    bool refuse_for_good; /* with it: the event is to blame */
    struct belfry_pair reply_headers[MOCK_MOST];
    size_t n_reply_headers;

    char *logs[MOCK_MOST]; /* "4 text": the level and the line */
    size_t n_logs;
    struct mock_request *requests[MOCK_MOST];
    size_t n_requests;
    struct mock_event events[MOCK_MOST];
    size_t n_events;
    struct mock_undelivered undelivered[MOCK_MOST];
    size_t n_undelivered;
    struct belfry_timer timers[MOCK_MOST];
    size_t n_timers;
    struct belfry_watch watches[MOCK_MOST];
    size_t n_watches;
    struct belfry_child children[MOCK_MOST];
    size_t n_children;
    struct belfry_hook hook;
    void (*handle)(void *data, const struct belfry_hook_request *, struct belfry_hook *); /* its route, or null */
    void *handle_data;
    struct mock_memory *memory; /* all of the above's texts */
};

/* An instance named "test" with these options (ends with a null key). A list's items and a map's "key: value" entries
 * are lines. Null: options do not bind or open() refused, see `error`. */
struct mock_host *mock_open(const struct belfry_plugin *plugin, const struct belfry_pair *options);
/* The same, but a refusal is what is wanted: checks the option named and a part of the text. */
void mock_expect_refusal(const struct belfry_plugin *plugin, const struct belfry_pair *options, const char *option,
                         const char *part);
void mock_close(struct mock_host *mock);

/* Fill the instance's fields; -1: see mock->error. Part of mock_open(). */
int mock_bind(struct mock_host *mock, const struct belfry_pair *options);
/* Zeroed memory, or a copy with a NUL behind it, that lives as long as the mock. */
void *mock_keep(struct mock_host *mock, size_t size);
char *mock_keep_text(struct mock_host *mock, const char *text, size_t size);

/* ---- channels ---- */

/* A notification of one firing alert, as the host would make it; change what the test needs. */
struct belfry_notification mock_notification(void);
/* Null: compose refused, see `error`. */
struct mock_request *mock_compose(struct mock_host *mock, const struct belfry_notification *notification);
struct belfry_verdict mock_judge(struct mock_host *mock, const struct belfry_notification *notification,
                                 const struct belfry_reply *reply);
const char *mock_header(const struct mock_request *request, const char *name); /* null: not set */

/* ---- sources ---- */

int mock_start(struct mock_host *mock);
void mock_stop(struct mock_host *mock);
void mock_advance(struct mock_host *mock, int64_t ms); /* both clocks; fires timers on the way */
/* Wait (at most 5 s, really) until a watched descriptor is ready, and call its watcher. False: none was. */
bool mock_pump(struct mock_host *mock);
/* One request to the route; its answer is in mock->hook, status 0 while it waits. */
void mock_hook(struct mock_host *mock, const char *method, const char *body, size_t size);
void mock_commit(struct mock_host *mock, size_t event, int status);
const char *mock_log(const struct mock_host *mock, const char *part); /* the last line with this part; null: none */

#endif
