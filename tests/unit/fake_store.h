/* SPDX-License-Identifier: Apache-2.0 */
/* A store in memory that commits when the test says so. It lives on after the rooms, so that a test can start them anew
 * from it. */
#ifndef BELFRY_TESTS_FAKE_STORE_H
#define BELFRY_TESTS_FAKE_STORE_H

#include "store/store.h"

struct store *fake_store_new(void);
void fake_store_free(struct store *store);
/* Everyone who waits is told. */
void fake_store_commit(struct store *store, enum store_result result);
size_t fake_store_count(const struct store *store, enum store_table table);
/* The data of the newest record of a table; null: empty. */
const char *fake_store_newest(const struct store *store, enum store_table table);
/* Puts and deletes since the last call. */
size_t fake_store_writes(struct store *store);

#endif
