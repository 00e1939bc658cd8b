/* SPDX-License-Identifier: Apache-2.0 */
/* Text: UTF-8, quoting, numbers, names. */
#ifndef BELFRY_BASE_TEXT_H
#define BELFRY_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

static inline bool text_empty(const char *s)
{
    return !s || !*s;
}
bool text_equal(const char *a, const char *b); /* null equals only null */
bool text_starts(const char *s, const char *prefix);

/* Valid UTF-8 (no surrogates, no overlong forms)? On failure *at (may be null) is the offset of the first bad byte. */
bool text_is_utf8(const char *s, size_t len, size_t *at);
/* Replace what is not UTF-8 by U+FFFD and append to `out`. */
void text_add_utf8(struct buf *out, const char *s, size_t len);
/* End the string at `most` bytes or earlier, on a character's border. */
void text_truncate(char *s, size_t most);
/* Append "…" with \" \\ \n \t and \u00XX for control characters, C1, bidi controls and bytes that are no UTF-8: valid
 * as a JSON string. */
void text_quote(struct buf *out, const char *s);

/* Whole decimal numbers with nothing around them; false: not one, or out of range. */
bool text_int(const char *s, int64_t low, int64_t high, int64_t *out);
bool text_number(const char *s, double *out); /* finite, in the C locale */
bool text_size(const char *s, int64_t *out);  /* 512, 64KiB, 10MiB, 1GiB (and kB MB GB as powers of 1000) → bytes */

/* Same length and same bytes, in a time that depends on the lengths only. */
bool text_same_secret(const char *a, size_t a_len, const char *b, size_t b_len);

/* The name among names[0..n) that `wrong` most likely meant, or null if none is near. */
const char *text_nearest(const char *wrong, const char *const *names, size_t n);

/* 8-4-4-4-12 hexadecimal digits, either case. */
bool text_is_uuid(const char *s);
void text_lower(char *s);         /* ASCII letters only */
void text_new_uuid(char out[37]); /* version 4 */
uint64_t text_random(void);
/* FNV-1a, 64 bits; begin with TEXT_HASH. */
#define TEXT_HASH 14695981039346656037ull
uint64_t text_hash(uint64_t hash, const void *data, size_t len);

/* A URL fit to be shown: user, password, query and fragment left out, and path segments that look like keys (≥ 16
 * letters and digits) as ***. Appends to `out`. */
void text_add_url(struct buf *out, const char *url);

/* Shell-style pattern (* ? [a-z]) against the whole string. */
bool text_matches(const char *pattern, const char *s);

#endif
