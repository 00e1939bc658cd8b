/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/time.h"

/* jansson recurses to a depth of 2048 by itself; these are our own, tighter bounds. */
static int check_limits(const json_t *value, int depth, struct error *e)
{
    if (depth > JSON_MOST_DEPTH)
        return error_set(e, "JSON is nested deeper than %d", JSON_MOST_DEPTH);
    if (json_is_string(value) && json_string_length(value) > JSON_MOST_STRING)
        return error_set(e, "a JSON string is longer than %d bytes", JSON_MOST_STRING);
    if (json_is_array(value)) {
        size_t i;
        json_t *item;
        json_array_foreach(value, i, item) if (check_limits(item, depth + 1, e)) return -1;
    }
    if (json_is_object(value)) {
        if (json_object_size(value) > JSON_MOST_KEYS)
            return error_set(e, "a JSON object has more than %d keys", JSON_MOST_KEYS);
        /* The const iterator functions of jansson take a non-const object; nothing is changed. */
        json_t *object = (json_t *)(uintptr_t)value;
        const char *key;
        json_t *item;
        json_object_foreach(object, key, item)
        {
            if (strlen(key) > JSON_MOST_STRING)
                return error_set(e, "a JSON key is longer than %d bytes", JSON_MOST_STRING);
            if (check_limits(item, depth + 1, e))
                return -1;
        }
    }
    return 0;
}

/* Nesting is bounded before jansson builds anything, so a deep text costs nothing. */
static int check_depth(const char *data, size_t len, struct error *e)
{
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < len; i++) {
        char c = data[i];
        if (quoted) {
            if (c == '\\')
                i++;
            else if (c == '"')
                quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '[' || c == '{') {
            if (++depth > JSON_MOST_DEPTH)
                return error_set(e, "JSON is nested deeper than %d", JSON_MOST_DEPTH);
        } else if (c == ']' || c == '}') {
            depth--;
        }
    }
    return 0;
}

json_t *json_parse(const char *data, size_t len, struct error *e)
{
    if (check_depth(data, len, e))
        return NULL;
    json_error_t why;
    json_t *value = json_loadb(data, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    if (!value) {
        error_set(e, "not valid JSON: %s", why.text);
        error_where(e, "line %d, column %d", why.line, why.column);
        return NULL;
    }
    if (check_limits(value, 1, e)) {
        json_decref(value);
        return NULL;
    }
    return value;
}

char *json_text(const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    if (!text)
        abort(); /* values are built by us from checked strings: only memory can be short */
    return text;
}

const char *json_str(const json_t *object, const char *key, const char *fallback)
{
    const char *s = json_string_value(json_object_get(object, key));
    return s ? s : fallback;
}

int64_t json_int(const json_t *object, const char *key, int64_t fallback)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_integer(value))
        return json_integer_value(value);
    if (json_is_real(value)) {
        double d = json_real_value(value);
        if (d == floor(d) && fabs(d) < 9e15)
            return (int64_t)d;
    }
    return fallback;
}

bool json_flag(const json_t *object, const char *key, bool fallback)
{
    const json_t *value = json_object_get(object, key);
    return json_is_boolean(value) ? json_is_true(value) : fallback;
}

void json_put(json_t *object, const char *key, json_t *value)
{
    if (value && json_object_set_new(object, key, value))
        abort();
}

json_t *json_utf8(const char *s)
{
    if (text_is_utf8(s, strlen(s), NULL))
        return json_string_nocheck(s);
    AUTOBUF mended = {0};
    text_add_utf8(&mended, s, strlen(s));
    return json_string_nocheck(buf_str(&mended));
}

void json_put_str(json_t *object, const char *key, const char *value)
{
    if (!text_empty(value))
        json_put(object, key, json_utf8(value));
}

void json_put_int(json_t *object, const char *key, int64_t value)
{
    json_put(object, key, json_integer(value));
}

void json_put_time(json_t *object, const char *key, int64_t ms)
{
    char text[TIME_TEXT];
    json_put(object, key, ms ? json_string(time_format(ms, text)) : json_null());
}

void json_put_seconds(json_t *object, const char *key, int64_t ms)
{
    json_put(object, key, json_real((double)ms / SECOND));
}

/* ---- without a tree ---- */

static void begin_member(struct buf *out, const char *key)
{
    char last = out->len ? out->data[out->len - 1] : '{';
    if (last != '{' && last != '[')
        buf_addc(out, ',');
    if (key) {
        buf_addc(out, '"');
        buf_adds(out, key);
        buf_add(out, "\":", 2);
    }
}

void json_write_open(struct buf *out, const char *key, char bracket)
{
    begin_member(out, key);
    buf_addc(out, bracket);
}

void json_write_close(struct buf *out, char bracket)
{
    buf_addc(out, bracket);
}

void json_write_null(struct buf *out, const char *key)
{
    begin_member(out, key);
    buf_add(out, "null", 4);
}

static bool is_plain(char c)
{
    return (unsigned char)c >= 0x20 && c != '"' && c != '\\';
}

static void write_escaped(struct buf *out, const char *s)
{
    while (*s) {
        size_t n = 0;
        while (is_plain(s[n]))
            n++;
        buf_add(out, s, n);
        s += n;
        if (*s == '"' || *s == '\\')
            buf_add(out, (char[]){'\\', *s++}, 2);
        else if (*s)
            buf_addf(out, "\\u%04x", (unsigned)*s++);
    }
}

void json_write_str(struct buf *out, const char *key, const char *value)
{
    if (text_empty(value))
        return;
    AUTOBUF mended = {0};
    size_t size = strlen(value);
    if (!text_is_utf8(value, size, NULL)) {
        text_add_utf8(&mended, value, size);
        value = buf_str(&mended);
    }
    begin_member(out, key);
    buf_addc(out, '"');
    write_escaped(out, value);
    buf_addc(out, '"');
}

static void write_number(struct buf *out, int64_t value)
{
    char digits[24], *p = digits + sizeof digits;
    uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
    do
        *--p = (char)('0' + left % 10);
    while (left /= 10);
    if (value < 0)
        *--p = '-';
    buf_add(out, p, (size_t)(digits + sizeof digits - p));
}

void json_write_int(struct buf *out, const char *key, int64_t value)
{
    begin_member(out, key);
    write_number(out, value);
}

void json_write_flag(struct buf *out, const char *key, bool value)
{
    begin_member(out, key);
    buf_adds(out, value ? "true" : "false");
}

void json_write_time(struct buf *out, const char *key, int64_t ms)
{
    char text[TIME_TEXT];
    if (ms)
        json_write_str(out, key, time_format(ms, text));
    else
        json_write_null(out, key);
}

void json_write_seconds(struct buf *out, const char *key, int64_t ms)
{
    begin_member(out, key);
    buf_addf(out, "%.3f", (double)ms / SECOND);
}
