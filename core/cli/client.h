/* SPDX-License-Identifier: Apache-2.0 */
/* Private to cli/: speaking to the agent. Functions that return int return the exit code that fits what happened. */
#ifndef BELFRY_CLI_CLIENT_H
#define BELFRY_CLI_CLIENT_H

#include <stdatomic.h>

#include "base/base.h"
#include "cli/options.h"

struct client;

/* Where the agent is, and the token for it; nothing is sent yet. Not 0: see `e`. */
int client_open(const struct client_options *options, struct client **out, struct error *e);
void client_close(struct client *client); /* null is fine */
/* Give up requests under way, from another thread, once *stop is true. */
void client_stop_when(struct client *client, const atomic_bool *stop);

struct answer {
    long code;           /* of HTTP; 0: none came */
    char *text;          /* the body */
    json_t *json;        /* the body as JSON; null: it is none */
    int64_t retry_after; /* ms; 0: not said */
};
void answer_free(struct answer *answer);
#define AUTOANSWER __attribute__((cleanup(answer_free))) struct answer

/* One request, at most `timeout` ms. `body` may be null. 0 on a 2xx; else see `e`, and the answer if there was one. */
int client_call(struct client *client, const char *method, const char *path, const json_t *body, int64_t timeout,
                struct answer *answer, struct error *e);

/* For an answer that makes no sense: what is there is not an agent. Fills `e`, returns the exit code. */
int client_fail_stranger(const struct client *client, struct error *e);

/* GET with the usual timeout. On failure the mistake has been reported on stderr. The caller owns *out. */
int client_get(const struct client_options *options, const char *path, json_t **out);
/* The same for a list: page after page, at most `limit` items. `path` has a query already, or none. */
int client_get_items(const struct client_options *options, const char *path, int64_t limit, json_t **out);

/* Append name=value to a path, escaped, with ? or &; an empty value is left out. */
void path_add_query(struct buf *path, const char *name, const char *value);
/* Append a segment of a path, escaped. */
void path_add_segment(struct buf *path, const char *segment);

static inline void cleanup_client(struct client **client)
{
    client_close(*client);
}
#define AUTOCLIENT __attribute__((cleanup(cleanup_client))) struct client

#endif
