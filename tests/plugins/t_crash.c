/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: a channel that dies in compose(). */
#include <belfry/plugin.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

struct channel {
    const char *how;
};

static const struct belfry_option options[] = {
    {"how", BELFRY_STRING, 0, "segv", "segv|abort", "", offsetof(struct channel, how)},
    {NULL},
};

static int open_(void *self, const struct belfry_host *host, struct belfry_error *error)
{
    (void)self, (void)host, (void)error;
    return 0;
}

static int compose(void *self, const struct belfry_notification *n, struct belfry_request *request,
                   struct belfry_error *error)
{
    (void)n, (void)request, (void)error;
    if (strcmp(((struct channel *)self)->how, "abort") == 0)
        abort();
    static int *volatile nowhere = (int *)16; /* volatile: the compiler must not see where it points */
    return *nowhere;
}

static void judge(void *self, const struct belfry_notification *n, const struct belfry_reply *reply,
                  struct belfry_request *next, struct belfry_verdict *verdict)
{
    (void)self, (void)n, (void)reply, (void)next, (void)verdict;
}

static const struct belfry_channel functions = {.size = sizeof functions, .compose = compose, .judge = judge};

BELFRY_PLUGIN(t_crash, .kind = BELFRY_CHANNEL, .name = "t_crash", .options = options,
              .instance_size = sizeof(struct channel), .open = open_, .channel = &functions);
