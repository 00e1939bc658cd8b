/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: plugins that must be refused, one for each value of WRONG. */
#include <belfry/plugin.h>

enum {
    MAJOR = 1,
    MINOR,
    DESCRIPTOR,
    KIND,
    FUNCTIONS,
    NAME,
    TYPE,
    TWICE,
    OFFSET,
    INITIAL,
    OPEN_FAILS,
    NO_OPEN,
    SIZE,
    UNDEFINED
};

struct instance {
    int64_t number;
};

static const struct belfry_option options[] = {
#if WRONG == 7
    {"number", 99, 0, NULL, NULL, "", 0},
#elif WRONG == 8
    {"number", BELFRY_INTEGER, 0, NULL, NULL, "", 0},
    {"number", BELFRY_INTEGER, 0, NULL, NULL, "", 0},
#elif WRONG == 9
    {"number", BELFRY_LIST, 0, NULL, NULL, "", 0},
#elif WRONG == 10
    {"number", BELFRY_INTEGER, 0, "many", NULL, "", 0},
#endif
    {NULL},
};

#if WRONG == 14
extern void nobody_defines_this(void);
#endif

static int open_(void *self, const struct belfry_host *host, struct belfry_error *error)
{
    (void)self;
#if WRONG == 14
    nobody_defines_this();
#endif
    return WRONG == OPEN_FAILS ? host->fail(error, "number", "not today") : 0;
}

static void deliver(void *self, const struct belfry_notification *n, struct belfry_delivery *delivery)
{
    (void)self, (void)n, (void)delivery;
}

static const struct belfry_channel functions = {.size = sizeof functions, .deliver = deliver};

#if WRONG == 3
struct no_descriptor {
    const struct belfry_channel *channel;
    const struct belfry_option *options;
    int (*open)(void *self, const struct belfry_host *, struct belfry_error *);
};
extern BELFRY_EXPORT const struct no_descriptor some_symbol;
const struct no_descriptor some_symbol = {&functions, options, open_};
#else
extern BELFRY_EXPORT const struct belfry_plugin SYMBOL;
const struct belfry_plugin SYMBOL = {
    .size = WRONG == SIZE ? 16 : sizeof(struct belfry_plugin),
    .abi_major = WRONG == MAJOR ? 2 : BELFRY_ABI_MAJOR,
    .abi_minor = WRONG == MINOR ? 7 : BELFRY_ABI_MINOR,
    .kind = WRONG == KIND ? 9
            : WRONG == FUNCTIONS ? BELFRY_SOURCE
                                 : BELFRY_CHANNEL,
    .name = WRONG == NAME ? "somebody_else" : FILE_NAME,
    .options = options,
    .instance_size = sizeof(struct instance),
    .open = WRONG == NO_OPEN ? NULL : open_,
    .channel = &functions,
};
#endif
