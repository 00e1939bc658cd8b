/* SPDX-License-Identifier: Apache-2.0 */
/* Private to cli/: the last bytes of a stream. */
#ifndef BELFRY_CLI_TAIL_H
#define BELFRY_CLI_TAIL_H

#include <stddef.h>
#include <stdint.h>

enum { TAIL_BYTES = 10000 }; /* what the agent keeps of a run's output */

/* All zero is an empty one. */
struct tail {
    char data[TAIL_BYTES]; /* a ring */
    size_t next, len;
};
void tail_add(struct tail *tail, const void *data, size_t len);
/* The bytes in order, NUL-terminated; UTF-8 that the cut has halved and NUL bytes are mended. The caller frees it. */
char *tail_text(const struct tail *tail);

#endif
