/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: a channel that sends what its options say and judges as they say. */
#include <belfry/plugin.h>
#include <stdio.h>
#include <string.h>

struct channel {
    const struct belfry_host *host;
    const char *url, *method, *body, *username, *password, *bearer, *from, *unix_socket, *ca_file, *judge, *refuse;
    const char *bad_header;
    int64_t timeout, starttls, rounds, retry_after;
    struct belfry_map headers;
    struct belfry_list to;
    const struct belfry_template *subject;
};

static const struct belfry_option options[] = {
    {"url", BELFRY_STRING, BELFRY_REQUIRED, NULL, NULL, "where to", offsetof(struct channel, url)},
    {"method", BELFRY_STRING, 0, "POST", NULL, "", offsetof(struct channel, method)},
    {"body", BELFRY_STRING, 0, NULL, NULL, "what", offsetof(struct channel, body)},
    {"username", BELFRY_STRING, 0, NULL, NULL, "", offsetof(struct channel, username)},
    {"password", BELFRY_SECRET, 0, NULL, NULL, "", offsetof(struct channel, password)},
    {"bearer", BELFRY_SECRET, 0, NULL, NULL, "", offsetof(struct channel, bearer)},
    {"from", BELFRY_STRING, 0, "belfry@example.com", NULL, "", offsetof(struct channel, from)},
    {"to", BELFRY_LIST, 0, NULL, NULL, "", offsetof(struct channel, to)},
    {"unix_socket", BELFRY_STRING, 0, NULL, NULL, "", offsetof(struct channel, unix_socket)},
    {"ca_file", BELFRY_STRING, 0, NULL, NULL, "", offsetof(struct channel, ca_file)},
    {"starttls", BELFRY_BOOL, 0, "false", NULL, "", offsetof(struct channel, starttls)},
    {"request_timeout", BELFRY_DURATION, 0, "5s", NULL, "", offsetof(struct channel, timeout)},
    {"headers", BELFRY_MAP, 0, NULL, NULL, "", offsetof(struct channel, headers)},
    {"bad_header", BELFRY_STRING, 0, NULL, NULL, "a name to give with a line break in its value",
     offsetof(struct channel, bad_header)},
    {"subject", BELFRY_TEMPLATE, 0, NULL, NULL, "put into the header X-Subject", offsetof(struct channel, subject)},
    {"judge", BELFRY_STRING, 0, "report", "report|http|none|partial|partial-nobody|delivered-but|retry|wild",
     "how to judge", offsetof(struct channel, judge)},
    {"rounds", BELFRY_INTEGER, 0, "0", NULL, "ask for so many more requests", offsetof(struct channel, rounds)},
    {"retry_after", BELFRY_DURATION, 0, "0", NULL, "", offsetof(struct channel, retry_after)},
    {"refuse", BELFRY_STRING, 0, NULL, NULL, "compose fails with this", offsetof(struct channel, refuse)},
    {NULL},
};

static int open_(void *self, const struct belfry_host *host, struct belfry_error *error)
{
    struct channel *channel = self;
    channel->host = host;
    if (strcmp(channel->url, "bad:") == 0)
        return host->fail(error, "url", "the URL is %s", "bad");
    return 0;
}

static int fill(struct channel *channel, const struct belfry_notification *n, struct belfry_request *request,
                struct belfry_error *error)
{
    const struct belfry_host *host = channel->host;
    request->url = channel->url;
    request->method = channel->method;
    request->body = channel->body;
    request->body_size = strlen(channel->body);
    request->username = channel->username;
    request->password = channel->password;
    request->bearer = channel->bearer;
    request->mail_from = channel->from;
    request->unix_socket = channel->unix_socket;
    request->ca_file = channel->ca_file;
    request->starttls = channel->starttls != 0;
    request->timeout = channel->timeout;
    for (size_t i = 0; i < channel->headers.n; i++)
        if (host->header(request, channel->headers.pair[i].key, channel->headers.pair[i].value, error))
            return -1;
    if (*channel->bad_header && host->header(request, channel->bad_header, "a\r\nb: c", error))
        return -1;
    for (size_t i = 0; i < channel->to.n; i++)
        if (host->recipient(request, channel->to.item[i], error))
            return -1;
    const char *subject = host->render(request, channel->subject, n, BELFRY_HEADER, error);
    if (!subject)
        return -1;
    return *subject ? host->header(request, "X-Subject", subject, error) : 0;
}

static int compose(void *self, const struct belfry_notification *n, struct belfry_request *request,
                   struct belfry_error *error)
{
    struct channel *channel = self;
    if (*channel->refuse)
        return channel->host->fail(error, NULL, "%s", channel->refuse);
    return fill(channel, n, request, error);
}

/* All that the reply holds, as the verdict's text, so that the test sees it. */
static void report(const struct channel *channel, const struct belfry_reply *reply, struct belfry_verdict *verdict)
{
    size_t used =
        (size_t)snprintf(verdict->text, sizeof verdict->text, "stage=%u net=%u code=%d retry=%lld body=%zu x=%s",
                         reply->stage, reply->net, reply->code, (long long)reply->retry_after, reply->body_size,
                         channel->host->reply_header(reply, "x-test"));
    for (size_t i = 0; i < reply->n_recipients && used < sizeof verdict->text; i++)
        used += (size_t)snprintf(verdict->text + used, sizeof verdict->text - used, " %s=%d",
                                 reply->recipients[i].address, reply->recipients[i].code);
    if (used < sizeof verdict->text)
        snprintf(verdict->text + used, sizeof verdict->text - used, " text=%s", reply->text);
    verdict->outcome = BELFRY_REJECTED;
}

static void judge(void *self, const struct belfry_notification *n, const struct belfry_reply *reply,
                  struct belfry_request *next, struct belfry_verdict *verdict)
{
    struct channel *channel = self;
    const char *how = channel->judge;
    if ((int64_t)reply->stage < channel->rounds) {
        struct belfry_error error = {.size = sizeof error};
        fill(channel, n, next, &error);
        next->stage = reply->stage + 1;
        verdict->outcome = BELFRY_AGAIN;
        return;
    }
    verdict->retry_after = channel->retry_after;
    if (strcmp(how, "report") == 0) {
        report(channel, reply, verdict);
    } else if (strcmp(how, "http") == 0) {
        channel->host->judge_http(reply, verdict);
    } else if (strcmp(how, "partial") == 0 || strcmp(how, "delivered-but") == 0) {
        verdict->outcome = *how == 'p' ? BELFRY_PARTIAL : BELFRY_DELIVERED;
        channel->host->undelivered(verdict, "b@example.com", 0, 550, "no such user");
        channel->host->undelivered(verdict, "c@example.com", 1, 451, "later");
    } else if (strcmp(how, "partial-nobody") == 0) {
        verdict->outcome = BELFRY_PARTIAL;
    } else if (strcmp(how, "retry") == 0) {
        verdict->outcome = BELFRY_UNAVAILABLE;
    } else if (strcmp(how, "wild") == 0) {
        verdict->outcome = 99;
    }
}

static const struct belfry_channel functions = {.size = sizeof functions, .compose = compose, .judge = judge};

BELFRY_PLUGIN(t_channel, .kind = BELFRY_CHANNEL, .name = "t_channel", .version = "1.0", .licence = "Apache-2.0",
              .summary = "test channel", .options = options, .instance_size = sizeof(struct channel), .open = open_,
              .channel = &functions);
