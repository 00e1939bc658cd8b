/* SPDX-License-Identifier: Apache-2.0 */
/* Private to http/: what the JSON surfaces have in common. Lists are {"items": […], "next": cursor or null}; the next
 * page is asked for with ?cursor=. A page may be shorter than ?limit= although there is a next one. */
#ifndef BELFRY_HTTP_API_H
#define BELFRY_HTTP_API_H

#include "http/server.h"

enum { API_LIMIT = 100, API_MOST_LIMIT = 1000 };

/* ?limit=, API_LIMIT if absent. -1: answered. */
int api_limit(struct exchange *x, int64_t *limit);
/* ?limit= and a ?cursor= that is an id (0: none). -1: answered. */
int api_page(struct exchange *x, int64_t *limit, int64_t *cursor);

/* Answer with a list; `items` is taken over. */
void api_list(struct exchange *x, json_t *items, const char *next);
/* The same where cursors are ids; 0: no next page. */
void api_list_by_id(struct exchange *x, json_t *items, int64_t next);

/* What a table of history holds, newest first, of one key (null: all), with ?limit= ?cursor= ?since= ?until=. */
void api_history(struct exchange *x, enum store_table table, const char *key);
/* A record as JSON, its id added if the record itself has none. */
json_t *api_record(const struct store_record *record);

/* May something be changed now? False: answered with 507 or 503. */
bool api_accepts(struct exchange *x);
/* Why the store takes nothing; STORE_OK: it does. */
enum store_result api_store_state(const struct exchange *x);

#endif
