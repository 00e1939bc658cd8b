/* SPDX-License-Identifier: Apache-2.0 */
/* Errors are values: what went wrong, where, and how to mend it. The layer that knows the detail fills one, once. */
#ifndef BELFRY_BASE_ERROR_H
#define BELFRY_BASE_ERROR_H

#include <stdbool.h>
#include <stddef.h>

struct error {
    char where[256]; /* "file:line:column", a request's field, or "" */
    char what[384];
    char mend[256]; /* what the reader can do, or "" */
    bool again;     /* the same may succeed later: nothing is wrong with what was asked */
};

/* Say what went wrong (printf). Clears where, mend and again. `e` may be null. Always returns -1, so that a function
 * can return it. */
int error_set(struct error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Add the place, or the way to mend it; both return -1 too. */
int error_where(struct error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));
int error_mend(struct error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "where: what (mend)" into `out`; returns `out`. */
const char *error_text(const struct error *e, char *out, size_t size);

#endif
