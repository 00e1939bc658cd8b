/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that reads history, and reading whole tables at start. */
#ifndef BELFRY_STORE_READER_H
#define BELFRY_STORE_READER_H

#include "base/base.h"
#include "store/database.h"
#include "store/home.h"
#include "store/store.h"

struct store_reader;

/* `wake_fd` (an eventfd) is written to when there is an answer. Null: see `e`. */
struct store_reader *store_reader_start(const struct store_home *home, int wake_fd, struct error *e);
void store_reader_ask(struct store_reader *reader, const struct store_query *query,
                      void (*done)(void *ctx, int status, const struct store_record *records, size_t n), void *ctx);
/* Hand the answers that are ready to those who asked. */
void store_reader_answer(struct store_reader *reader);
/* Ends; whoever still waits is told that reading failed. */
void store_reader_stop(struct store_reader *reader);

/* Read a table on a connection of its own. */
int store_reader_load(const struct store_home *home, enum store_table table,
                      int (*each)(void *ctx, const struct store_record *), void *ctx, struct error *e);

#endif
