/* SPDX-License-Identifier: Apache-2.0 */
/* The changes of a moment, one per record, and who waits for them. A batch is built by the loop; while the writer has
 * it, the writer reads the changes and the loop keeps to the waiters. */
#ifndef BELFRY_STORE_BATCH_H
#define BELFRY_STORE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "store/store.h"

#include <uthash.h>

/* Beyond either of these a batch takes no further turn of the loop. */
enum { STORE_BATCH_RECORDS = 2048, STORE_BATCH_BYTES = 2 * 1024 * 1024 };

struct store_row {
    int64_t id;
    int64_t table; /* as wide as the id, so that the pair can be hashed as bytes */
};

struct store_change {
    struct store_row row;
    int64_t time;
    size_t key_size, data_size;
    bool remove;
    UT_hash_handle hh;
    char text[]; /* the key and the data, each with a NUL */
};

struct store_waiter {
    void (*done)(void *ctx, enum store_result);
    void *ctx;
    int64_t since; /* real monotonic time */
};

struct store_batch {
    struct store_change *changes; /* in the order of their last change */
    size_t bytes;
    struct store_waiter *waiters;
    size_t n_waiters, waiters_cap;
    struct store_batch *next;
};

struct store_batch *store_batch_new(void);
void store_batch_free(struct store_batch *batch);
void store_batch_put(struct store_batch *batch, enum store_table table, int64_t id, const char *key, int64_t time,
                     const char *data);
void store_batch_delete(struct store_batch *batch, enum store_table table, int64_t id);
void store_batch_wait(struct store_batch *batch, void (*done)(void *ctx, enum store_result), void *ctx);
/* Tell everyone who waits, once; they may begin to wait again meanwhile. Returns how many were told. */
size_t store_batch_tell(struct store_batch *batch, enum store_result result);
/* Forget the changes. */
void store_batch_clear(struct store_batch *batch);

static inline size_t store_batch_count(const struct store_batch *batch)
{
    return HASH_COUNT(batch->changes);
}

#endif
