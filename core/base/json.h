/* SPDX-License-Identifier: Apache-2.0 */
/* JSON by jansson, with the limits that data from outside needs. */
#ifndef BELFRY_BASE_JSON_H
#define BELFRY_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct error;

enum { JSON_MOST_DEPTH = 32, JSON_MOST_KEYS = 1000, JSON_MOST_STRING = 64 * 1024 };

/* Parse one JSON text: UTF-8, no NUL in strings, no key twice in an object, and within the limits above. Null: see `e`,
 * with "line L, column C" as where. The caller owns the result. */
json_t *json_parse(const char *data, size_t len, struct error *e);
/* Compact text; the caller frees it. */
char *json_text(const json_t *value);
/* Members of an object; the fallback when absent or of another type. Strings live as long as `object`. */
const char *json_str(const json_t *object, const char *key, const char *fallback);
int64_t json_int(const json_t *object, const char *key, int64_t fallback); /* also from a real without fraction */
bool json_flag(const json_t *object, const char *key, bool fallback);
/* Set object[key], taking `value` over; a null `value` is left out. Strings that are no UTF-8 are mended, not lost. */
void json_put(json_t *object, const char *key, json_t *value);
void json_put_str(json_t *object, const char *key, const char *value); /* null or "" left out */
void json_put_int(json_t *object, const char *key, int64_t value);
void json_put_time(json_t *object, const char *key, int64_t ms); /* RFC 3339; 0 gives null */
void json_put_seconds(json_t *object, const char *key, int64_t ms);
json_t *json_utf8(const char *s); /* a string, mended where it is no UTF-8 */

/*
 * Text written at once, without a tree: for records, of which there are many. The key is the program's own, and null
 * stands for an element of an array. Commas come by themselves.
 */
void json_write_open(struct buf *out, const char *key, char bracket); /* { or [; null also for the whole text */
void json_write_close(struct buf *out, char bracket);
void json_write_null(struct buf *out, const char *key);
void json_write_str(struct buf *out, const char *key, const char *value); /* null or "" left out; mended if need be */
void json_write_int(struct buf *out, const char *key, int64_t value);
void json_write_flag(struct buf *out, const char *key, bool value);
void json_write_time(struct buf *out, const char *key, int64_t ms); /* as json_put_time() and json_put_seconds() */
void json_write_seconds(struct buf *out, const char *key, int64_t ms);

static inline void cleanup_json(json_t **p)
{
    json_decref(*p);
}
#define AUTOJSON __attribute__((cleanup(cleanup_json))) json_t

#endif
