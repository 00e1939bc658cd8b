/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: a channel with deliver(), which completes at once, later, twice, too late, or never. */
#include <belfry/plugin.h>
#include <stdio.h>
#include <string.h>

struct channel {
    const struct belfry_host *host;
    const char *how;
    int64_t after;
    struct belfry_delivery *delivery;
    const struct belfry_notification *notification;
};

static const struct belfry_option options[] = {
    {"how", BELFRY_STRING, 0, "once", "once|twice|never|partial", "", offsetof(struct channel, how)},
    {"after", BELFRY_DURATION, 0, "0", NULL, "0: from inside deliver", offsetof(struct channel, after)},
    {NULL},
};

static int open_(void *self, const struct belfry_host *host, struct belfry_error *error)
{
    (void)error;
    ((struct channel *)self)->host = host;
    return 0;
}

static void complete(void *self)
{
    struct channel *channel = self;
    struct belfry_verdict verdict = {.size = sizeof verdict, .outcome = BELFRY_DELIVERED, .code = 7};
    if (strcmp(channel->how, "partial") == 0) {
        verdict.outcome = BELFRY_PARTIAL;
        channel->host->undelivered(&verdict, channel->notification->recipients.item[0], 1, 1, "later");
    }
    snprintf(verdict.text, sizeof verdict.text, "told of %s", channel->notification->title);
    channel->host->complete(channel->delivery, &verdict);
    if (strcmp(channel->how, "twice") == 0)
        channel->host->complete(channel->delivery, &verdict);
}

static void deliver(void *self, const struct belfry_notification *notification, struct belfry_delivery *delivery)
{
    struct channel *channel = self;
    channel->delivery = delivery;
    channel->notification = notification;
    if (strcmp(channel->how, "never") == 0)
        return;
    if (channel->after)
        channel->host->timer_start(channel->host, channel->after, 0, complete, channel);
    else
        complete(channel);
}

static const struct belfry_channel functions = {.size = sizeof functions, .deliver = deliver};

BELFRY_PLUGIN(t_deliver, .kind = BELFRY_CHANNEL, .name = "t_deliver", .version = "1.0", .licence = "Apache-2.0",
              .summary = "test channel", .options = options, .instance_size = sizeof(struct channel), .open = open_,
              .channel = &functions);
