/* SPDX-License-Identifier: Apache-2.0 */
#include "store/batch.h"

#include <string.h>

struct store_batch *store_batch_new(void)
{
    return NEW(struct store_batch);
}

static size_t size_of(const struct store_change *change)
{
    return sizeof *change + change->key_size + change->data_size;
}

void store_batch_clear(struct store_batch *batch)
{
    struct store_change *change = batch->changes, *next;
    HASH_CLEAR(hh, batch->changes);
    for (; change; change = next) {
        next = change->hh.next;
        free(change);
    }
    batch->bytes = 0;
}

void store_batch_free(struct store_batch *batch)
{
    if (!batch)
        return;
    store_batch_clear(batch);
    free(batch->waiters);
    free(batch);
}

/* Only the last change of a record counts. */
static void add(struct store_batch *batch, struct store_change *change)
{
    struct store_change *old;
    HASH_REPLACE(hh, batch->changes, row, sizeof change->row, change, old);
    batch->bytes += size_of(change);
    if (old) {
        batch->bytes -= size_of(old);
        free(old);
    }
}

void store_batch_put(struct store_batch *batch, enum store_table table, int64_t id, const char *key, int64_t time,
                     const char *data)
{
    key = key ? key : "";
    data = data ? data : "";
    size_t key_size = strlen(key), data_size = strlen(data);
    struct store_change *change = x_malloc(sizeof *change + key_size + data_size + 2);
    *change = (struct store_change){.row = {id, table}, .time = time, .key_size = key_size, .data_size = data_size};
    memcpy(change->text, key, key_size + 1);
    memcpy(change->text + key_size + 1, data, data_size + 1);
    add(batch, change);
}

void store_batch_delete(struct store_batch *batch, enum store_table table, int64_t id)
{
    struct store_change *change = x_malloc(sizeof *change);
    *change = (struct store_change){.row = {id, table}, .remove = true};
    add(batch, change);
}

void store_batch_wait(struct store_batch *batch, void (*done)(void *ctx, enum store_result), void *ctx)
{
    if (batch->n_waiters == batch->waiters_cap) {
        batch->waiters_cap = batch->waiters_cap ? batch->waiters_cap * 2 : 16;
        batch->waiters = x_realloc(batch->waiters, batch->waiters_cap * sizeof *batch->waiters);
    }
    batch->waiters[batch->n_waiters++] = (struct store_waiter){done, ctx, time_monotonic()};
}

size_t store_batch_tell(struct store_batch *batch, enum store_result result)
{
    AUTOFREE struct store_waiter *waiters = TAKE(batch->waiters);
    size_t n = batch->n_waiters;
    batch->n_waiters = batch->waiters_cap = 0;
    for (size_t i = 0; i < n; i++)
        waiters[i].done(waiters[i].ctx, result);
    return n;
}
