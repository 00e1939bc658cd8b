/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_store.h"

#include <uthash.h>

struct row {
    int64_t id, time;
    char *key, *data;
    UT_hash_handle hh;
};
struct waiter {
    void (*done)(void *ctx, enum store_result);
    void *ctx;
};
struct store {
    struct row *tables[STORE_TABLES];
    int64_t next_id;
    struct waiter waiters[30000];
    size_t n_waiters, writes;
};

struct store *fake_store_new(void)
{
    return NEW(struct store);
}

static void remove_row(struct store *store, enum store_table table, struct row *row)
{
    HASH_DEL(store->tables[table], row);
    free(row->key);
    free(row->data);
    free(row);
}

void fake_store_free(struct store *store)
{
    for (int t = 0; t < STORE_TABLES; t++)
        while (store->tables[t])
            remove_row(store, (enum store_table)t, store->tables[t]);
    free(store);
}

void fake_store_commit(struct store *store, enum store_result result)
{
    struct waiter now[COUNT(store->waiters)];
    size_t n = store->n_waiters;
    memcpy(now, store->waiters, n * sizeof *now);
    store->n_waiters = 0;
    for (size_t i = 0; i < n; i++)
        now[i].done(now[i].ctx, result);
}

size_t fake_store_count(const struct store *store, enum store_table table)
{
    return HASH_COUNT(store->tables[table]);
}

const char *fake_store_newest(const struct store *store, enum store_table table)
{
    const char *data = NULL;
    int64_t newest = 0;
    for (const struct row *row = store->tables[table]; row; row = row->hh.next) {
        if (row->id > newest) {
            newest = row->id;
            data = row->data;
        }
    }
    return data;
}

size_t fake_store_writes(struct store *store)
{
    size_t n = store->writes;
    store->writes = 0;
    return n;
}

/* ---- the room's face ---- */

int64_t store_next_id(struct store *store, enum store_table table)
{
    (void)table;
    return ++store->next_id;
}

void store_put(struct store *store, enum store_table table, int64_t id, const char *key, int64_t time, const char *data)
{
    struct row *row;
    HASH_FIND(hh, store->tables[table], &id, sizeof id, row);
    if (row)
        remove_row(store, table, row);
    row = NEW(struct row);
    *row = (struct row){.id = id, .time = time, .key = x_strdup(key), .data = x_strdup(data)};
    HASH_ADD(hh, store->tables[table], id, sizeof row->id, row);
    store->writes++;
}

void store_put_json(struct store *store, enum store_table table, int64_t id, const char *key, int64_t time,
                    const json_t *data)
{
    AUTOFREE char *text = json_text(data);
    store_put(store, table, id, key, time, text);
}

void store_delete(struct store *store, enum store_table table, int64_t id)
{
    struct row *row;
    HASH_FIND(hh, store->tables[table], &id, sizeof id, row);
    if (row)
        remove_row(store, table, row);
    store->writes++;
}

void store_commit(struct store *store, void (*done)(void *ctx, enum store_result), void *ctx)
{
    if (store->n_waiters == COUNT(store->waiters))
        abort();
    store->waiters[store->n_waiters++] = (struct waiter){done, ctx};
}

static int by_id(const struct row *a, const struct row *b)
{
    return a->id < b->id ? -1 : a->id > b->id;
}

int store_load(struct store *store, enum store_table table, int (*each)(void *ctx, const struct store_record *),
               void *ctx, struct error *e)
{
    (void)e;
    HASH_SORT(store->tables[table], by_id);
    for (const struct row *row = store->tables[table]; row; row = row->hh.next)
        if (each(ctx, &(struct store_record){row->id, row->key, row->time, row->data, strlen(row->data)}))
            break;
    return 0;
}
