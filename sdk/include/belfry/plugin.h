/* SPDX-License-Identifier: Apache-2.0 */
/*
 * belfry/plugin.h: all that a Belfry plugin needs. ABI 1.0.
 *
 * The promise. A plugin built against 1.N loads in every host of 1.N or newer within major 1. Structs only grow at their end
 * and carry their size (those without one never change); functions of the host's table are only added at its end. A host refuses
 * another major and a newer minor.
 * So: fill structs with designated initialisers, compare versions with >=, never with ==.
 *
 * The life of a plugin. The host loads NAME.so once and keeps it for good, so there is nothing to unload. For each configured
 * instance (`channels:` or `sources:` in the configuration) it makes zeroed memory of `instance_size`, writes the options into it,
 * and calls open; then compose/judge or deliver (a channel) or start/stop (a source); at last close. Keep state in the
 * instance only: a plugin has no mutable statics, since the same type serves many instances.
 *
 * Threads. Everything is called on the host's one event loop. Never block: the host does the waiting (transfers, timers,
 * watches, children), times each call, and names the plugin that held the loop. A compose/judge channel may be run in a process of
 * its own, without files or network, so these two may do nothing but compute.
 *
 * Conventions. Strings are UTF-8 and end in NUL. Times are milliseconds since 1970-01-01 UTC, durations are milliseconds. A pointer
 * given to a plugin is valid until the call returns, unless said otherwise; options are valid until close. int functions return 0, or
 * -1 after saying why through the error. The host hands no null for a string or a list: what is absent is "" or has n == 0.
 */
#ifndef BELFRY_PLUGIN_H
#define BELFRY_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#define BELFRY_ABI_MAJOR 1
#define BELFRY_ABI_MINOR 0

#ifdef __GNUC__
#define BELFRY_PRINTF(string, first) __attribute__((__format__(__printf__, string, first)))
#define BELFRY_EXPORT __attribute__((visibility("default")))
#else
#define BELFRY_PRINTF(string, first)
#define BELFRY_EXPORT
#endif

#ifdef __cplusplus
extern "C" {
#endif

struct belfry_pair { const char *key, *value; };
struct belfry_map { size_t n; const struct belfry_pair *pair; };
struct belfry_list { size_t n; const char *const *item; };

struct belfry_error {      /* filled through host->fail() only */
    uint32_t size;
    const char *option;    /* the option at fault: the host adds its file:line:column */
    char text[256];
    uint32_t again;        /* set by emit: 1, the same may be taken later (the disk is full) */
};

/* ---- Options: one table gives validation with positions, `belfry plugin info`, documentation and the redaction of secrets. ---- */

enum belfry_type {         /* how it is written → the C type at `offset` */
    BELFRY_STRING = 1,     /* any text → const char *; with `choices`, one of them */
    BELFRY_INTEGER,        /* 42 → int64_t */
    BELFRY_NUMBER,         /* 0.5 → double */
    BELFRY_BOOL,           /* true or false → int64_t, 1 or 0 */
    BELFRY_DURATION,       /* 500ms, 15s, 1h30m → int64_t, milliseconds */
    BELFRY_SIZE,           /* 512, 64KiB, 10MiB → int64_t, bytes */
    BELFRY_URL,            /* scheme://host… → const char *; with `choices`, the schemes allowed */
    BELFRY_PATH,           /* an absolute path → const char * */
    BELFRY_REGEX,          /* const char * */
    BELFRY_EXPRESSION,     /* a CEL condition → const char * */
    BELFRY_TEMPLATE,       /* text with {{ }} → const struct belfry_template *, for host->render; null if not given */
    BELFRY_LIST,           /* strings → struct belfry_list */
    BELFRY_MAP,            /* strings by name, in the order written → struct belfry_map */
    BELFRY_SECRET,         /* const char *, shown to nobody */
};
#define BELFRY_REQUIRED 1u /* flag: must be given */

struct belfry_option {     /* a table ends with an entry whose name is null */
    const char *name;
    uint32_t type;         /* enum belfry_type */
    uint32_t flags;
    const char *initial;   /* the default, written as a user would; null: "" or 0 */
    const char *choices;   /* "a|b|c", or null */
    const char *doc;       /* one line */
    size_t offset;         /* offsetof(struct of the instance, field) */
};

/* ---- What a channel is told ---- */

struct belfry_alert {
    uint32_t size;
    uint32_t resolved;               /* 0: firing */
    const char *name, *fingerprint;  /* fingerprint: 16 hex digits, the same for the alert's whole life */
    struct belfry_map labels, annotations;
    int64_t starts_at, ends_at;      /* ends_at 0: not over */
    const char *generator_url;
};

struct belfry_notification {
    uint32_t size;
    uint32_t resolved;               /* 1: every alert in it is resolved */
    const char *id;                  /* the same in every retry: Message-ID, Idempotency-Key; [0-9a-z-] */
    uint32_t attempt;                /* 1 for the first */
    uint32_t truncated_alerts;
    const char *channel, *receiver, *group_key, *language;  /* language: "en" or "zh" */
    struct belfry_map group_labels, common_labels, common_annotations;
    const struct belfry_alert *const *alerts;  /* pointers, since the struct may grow */
    size_t n_alerts;
    struct belfry_list recipients;   /* whom the alert names; after a partial delivery those that are left */
    const char *title, *text;        /* built-in rendering in `language`: one line, and plain text with \n */
    const char *json;                /* Alertmanager's webhook body, version 4 */
    const char *external_url;
    int64_t created_at;
};

/* ---- Requests and replies: the plugin describes, the host does the input and output ---- */

struct belfry_template;
enum belfry_escape { BELFRY_PLAIN = 0, BELFRY_JSON, BELFRY_HTML, BELFRY_HEADER };

struct belfry_request {              /* made by the host; text in it: literals, options, or host->text(), which lives as long */
    uint32_t size;
    uint32_t stage;                  /* the plugin's own: which request of several this is; handed back in the reply */
    const char *url;                 /* http https (also with unix_socket), smtp smtps */
    const char *method;              /* HTTP: "POST" unless set */
    const char *body;                /* HTTP: body; SMTP: the message, lines ended by \r\n */
    size_t body_size;
    const char *username, *password, *bearer;  /* given means demanded: a peer that offers no authentication is an error */
    const char *mail_from;           /* SMTP envelope; recipients by host->recipient() */
    const char *unix_socket;         /* connect here instead of to the URL's host */
    const char *ca_file, *cert_file, *key_file;
    uint32_t starttls;               /* smtp://: 1 demands it; certificates are always verified */
    int64_t timeout;                 /* 0: the channel's */
};

enum belfry_net {                    /* how the exchange itself went */
    BELFRY_NET_OK = 0,               /* a complete reply was read: look at `code` */
    BELFRY_NET_RESOLVE, BELFRY_NET_CONNECT, BELFRY_NET_TLS, BELFRY_NET_TIMEOUT, BELFRY_NET_BROKEN /* cut short */,
    BELFRY_NET_AUTH                  /* the peer refused the credentials, or offers no authentication */,
    BELFRY_NET_REFUSED               /* the host's own rules: protocol, address, size, bytes in a header */,
};

struct belfry_recipient_reply { const char *address; int code; const char *text; };

struct belfry_reply {
    uint32_t size;
    uint32_t stage;
    uint32_t net;                    /* enum belfry_net */
    int code;                        /* HTTP status, or the last SMTP code; 0: none */
    const char *text;                /* what went wrong, for people; never holds a secret */
    const char *body;                /* cut at 64 KiB */
    size_t body_size;
    int64_t retry_after;             /* from Retry-After, 0: none */
    size_t n_recipients;             /* SMTP: the answer to each RCPT TO */
    const struct belfry_recipient_reply *recipients;
    const void *internal;
};

enum belfry_outcome {
    BELFRY_DELIVERED = 1,
    BELFRY_PARTIAL,                  /* name those who did not get it by host->undelivered() */
    BELFRY_RATE_LIMITED,             /* try again, not before retry_after */
    BELFRY_UNAVAILABLE,              /* try again */
    BELFRY_REJECTED,                 /* this message, for good */
    BELFRY_DISABLED,                 /* this channel, until its configuration changes */
    BELFRY_AGAIN                     /* judge filled `next`: one more request within this attempt (at most 8) */
};

struct belfry_verdict {
    uint32_t size;
    uint32_t outcome;                /* enum belfry_outcome */
    int code;                        /* the receiver's own code, shown to people */
    int64_t retry_after;
    char text[256];                  /* why, and what to do, in one line */
    void *internal;
};

struct belfry_delivery;              /* one asynchronous attempt */

struct belfry_channel {
    uint32_t size;
    /* Describe the request for this notification. -1: it cannot be sent, ever (rejected, with the error's text). */
    int (*compose)(void *self, const struct belfry_notification *, struct belfry_request *, struct belfry_error *);
    /* Say what the reply means. */
    void (*judge)(void *self, const struct belfry_notification *, const struct belfry_reply *, struct belfry_request *next,
                  struct belfry_verdict *);
    /* Instead of the two, for transports that the host does not speak: start, return, and call host->complete() exactly once.
     * The notification lives until then. At the deadline the host completes it as unavailable and drops a late call. */
    void (*deliver)(void *self, const struct belfry_notification *, struct belfry_delivery *);
};

/* ---- What a source tells ---- */

struct belfry_event {                /* in CloudEvents terms */
    uint32_t size;
    const char *type;                /* required: "job.heartbeat", "metric.sample" */
    const char *subject;             /* what it is about: a job, a host */
    const char *id;                  /* null: made by the host */
    int64_t time;                    /* when it happened; 0: now */
    const char *data;                /* a JSON object, or null */
    size_t data_size;
    const char *checkpoint;          /* stored with the event's effects, read back by host->checkpoint(); null: unchanged */
};

struct belfry_source {
    uint32_t size;
    int (*start)(void *self, struct belfry_error *);
    void (*stop)(void *self);        /* timers, watches, transfers, children and the route are swept by the host afterwards */
};

/* ---- The host ---- */

enum belfry_level { BELFRY_LOG_ERROR = 3, BELFRY_LOG_WARNING = 4, BELFRY_LOG_INFO = 6, BELFRY_LOG_DEBUG = 7 };
enum { BELFRY_READ = 1, BELFRY_WRITE = 2 };

struct belfry_timer;
struct belfry_watch;
struct belfry_transfer;
struct belfry_child;
struct belfry_hook;                  /* one HTTP request to /hooks/INSTANCE; answer it exactly once, at once or later */

struct belfry_hook_request { uint32_t size; const char *method, *query, *peer; const char *body; size_t body_size; const void *internal; };
/* deadline: ms from now, 0: a minute; then the command's process group gets SIGTERM, 2 s later SIGKILL. max_output 0: 64 KiB. */
struct belfry_command { uint32_t size; const char *const *argv; const char *input; size_t input_size; int64_t deadline; size_t max_output; };
struct belfry_exit { uint32_t size; int code, signal, timed_out, truncated; const char *output; size_t output_size; const char *error; };

struct belfry_host {                 /* one table per instance, valid until close */
    uint32_t size;
    uint16_t abi_major, abi_minor;   /* of the host: >= what the plugin was built for */
    const char *instance;            /* its name in the configuration */
    void *internal;

    void (*log)(const struct belfry_host *, int level, const char *format, ...) BELFRY_PRINTF(3, 4);
    int (*fail)(struct belfry_error *, const char *option, const char *format, ...) BELFRY_PRINTF(3, 4);  /* returns -1 */
    int64_t (*now)(const struct belfry_host *);        /* wall clock; virtual in tests */
    int64_t (*monotonic)(const struct belfry_host *);

    /* Text. text() and render() give memory that lives as long as the request; render() null: see the error. */
    char *(*text)(struct belfry_request *, const char *format, ...) BELFRY_PRINTF(2, 3);
    const char *(*render)(struct belfry_request *, const struct belfry_template *, const struct belfry_notification *, int escape,
                          struct belfry_error *);
    int (*header)(struct belfry_request *, const char *name, const char *value, struct belfry_error *);  /* refuses bytes < 0x20 */
    int (*recipient)(struct belfry_request *, const char *address, struct belfry_error *);

    /* Replies. judge_http: 2xx delivered; 408 425 429 5xx and network trouble, again; 410 and 401, disabled; else rejected. */
    const char *(*reply_header)(const struct belfry_reply *, const char *name);  /* "" if absent */
    void (*judge_http)(const struct belfry_reply *, struct belfry_verdict *);
    void (*undelivered)(struct belfry_verdict *, const char *address, int again, int code, const char *text);
    void (*complete)(struct belfry_delivery *, const struct belfry_verdict *);  /* owed to every verdict given to undelivered() */

    /* Work in the background: the handle is valid until its last call back, or until it is stopped. Null only for bad arguments. */
    struct belfry_timer *(*timer_start)(const struct belfry_host *, int64_t after, int64_t every, void (*fire)(void *data), void *data);
    void (*timer_stop)(struct belfry_timer *);
    struct belfry_watch *(*watch_start)(const struct belfry_host *, int fd, int events, void (*ready)(void *data, int events), void *data);
    void (*watch_stop)(struct belfry_watch *);         /* the descriptor stays the plugin's to close */
    struct belfry_request *(*request_new)(const struct belfry_host *);  /* transfer_start takes it over */
    struct belfry_transfer *(*transfer_start)(struct belfry_request *, void (*done)(void *data, const struct belfry_reply *), void *data);
    void (*transfer_stop)(struct belfry_transfer *);
    struct belfry_child *(*child_start)(const struct belfry_host *, const struct belfry_command *,
                                        void (*done)(void *data, const struct belfry_exit *), void *data);
    void (*child_stop)(struct belfry_child *);         /* kills its process group; done is not called */
    int (*route)(const struct belfry_host *, void (*handle)(void *data, const struct belfry_hook_request *, struct belfry_hook *), void *data);
    void (*answer)(struct belfry_hook *, int status, const char *content_type, const char *body, size_t size);

    /* Hand an event to the engine. -1: refused (bad JSON, too large, store full), the error says why. `committed` (may be null) is
     * called once: status 0, its effects are on disk; -1, they are not: emit it again later. */
    int (*emit)(const struct belfry_host *, const struct belfry_event *, void (*committed)(void *data, int status), void *data,
                struct belfry_error *);
    const char *(*checkpoint)(const struct belfry_host *);  /* the last one stored, "" if none */
};

/* ---- The descriptor ---- */

enum belfry_kind { BELFRY_CHANNEL = 1, BELFRY_SOURCE = 2 };

struct belfry_plugin {
    uint32_t size;
    uint16_t abi_major, abi_minor;
    uint32_t kind;                   /* enum belfry_kind */
    const char *name, *version, *licence, *summary;
    const struct belfry_option *options;
    size_t instance_size;
    /* Judge the options as a whole. No side effects: `belfry check` calls it too. Keep the host, it is valid until close. */
    int (*open)(void *self, const struct belfry_host *, struct belfry_error *);
    void (*close)(void *self);       /* may be null */
    const struct belfry_channel *channel;
    const struct belfry_source *source;
};

/* BELFRY_PLUGIN(log_rate, .kind = BELFRY_SOURCE, .name = "log-rate", …); — the last thing in the file. The first argument is the
 * file's name without .so, with _ for what is no letter or digit. */
#define BELFRY_PLUGIN(symbol, ...)                                                                     \
    extern BELFRY_EXPORT const struct belfry_plugin symbol##_LTX_belfry_plugin;                        \
    const struct belfry_plugin symbol##_LTX_belfry_plugin = {                                          \
        .size = sizeof(struct belfry_plugin), .abi_major = BELFRY_ABI_MAJOR, .abi_minor = BELFRY_ABI_MINOR, __VA_ARGS__}

#ifdef __cplusplus
}
#endif
#endif
