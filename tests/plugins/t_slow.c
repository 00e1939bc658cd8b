/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: a channel that computes for too long. */
#include <belfry/plugin.h>

struct channel {
    const struct belfry_host *host;
};

static int open_(void *self, const struct belfry_host *host, struct belfry_error *error)
{
    (void)error;
    ((struct channel *)self)->host = host;
    return 0;
}

static int compose(void *self, const struct belfry_notification *n, struct belfry_request *request,
                   struct belfry_error *error)
{
    (void)n, (void)request;
    const struct belfry_host *host = ((struct channel *)self)->host;
    int64_t until = host->monotonic(host) + 80;
    while (host->monotonic(host) < until)
        ;
    return host->fail(error, NULL, "done with it");
}

static void judge(void *self, const struct belfry_notification *n, const struct belfry_reply *reply,
                  struct belfry_request *next, struct belfry_verdict *verdict)
{
    (void)self, (void)n, (void)reply, (void)next, (void)verdict;
}

static const struct belfry_channel functions = {.size = sizeof functions, .compose = compose, .judge = judge};

BELFRY_PLUGIN(t_slow, .kind = BELFRY_CHANNEL, .name = "t_slow", .instance_size = sizeof(struct channel), .open = open_,
              .channel = &functions);
