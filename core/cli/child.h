/* SPDX-License-Identifier: Apache-2.0 */
/* Private to cli/: running a command as if we were not there, while seeing how it goes. */
#ifndef BELFRY_CLI_CHILD_H
#define BELFRY_CLI_CHILD_H

#include <sys/resource.h>

#include "base/base.h"
#include "cli/tail.h"

struct child;

/* From here to the end of child_run() TERM INT HUP USR1 USR2 QUIT are held, to be passed on to the command. Call it
 * before any thread starts. Null: see `e`. */
struct child *child_new(struct error *e);
void child_free(struct child *child); /* null is fine */

struct child_end {
    int code;            /* its exit code; 128 + signal; 127: there is no such command; 126: it cannot be run */
    char reason[320];    /* why, where the code does not say it; "" else */
    int64_t duration;    /* ms */
    struct rusage usage; /* of it and of what it waited for */
};
/*
 * Run argv[0], found along PATH, and wait for its end. With `tail`, its two outputs go through us, and their last bytes
 * are kept; without, it has ours. What others that hold its output write after its end is not passed on.
 */
void child_run(struct child *child, char *const *argv, struct tail *tail, struct child_end *end);

#endif
