/* SPDX-License-Identifier: Apache-2.0 */
#include "http/gate_head.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

int refuse(struct refusal *why, int status, const char *reason)
{
    *why = (struct refusal){status, reason};
    return -1;
}

/* ---- Characters ---- */

static bool is_token_char(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

bool is_token(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!is_token_char(s[i]))
            return false;
    return n > 0;
}

/* No C0, DEL or C1 (which UTF-8 writes as C2 80 to C2 9F). */
static bool is_clean_text(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c < 0x20 || c == 0x7f || (c == 0xc2 && i + 1 < n && (unsigned char)s[i + 1] < 0xa0))
            return false;
    }
    return text_is_utf8(s, n, NULL);
}

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

char *decode_percent(struct arena *arena, const char *s, size_t n, bool plus)
{
    char *out = arena_alloc(arena, n + 1);
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        char c = s[i];
        if (c == '%') {
            if (i + 2 >= n || hex(s[i + 1]) < 0 || hex(s[i + 2]) < 0)
                return NULL;
            c = (char)(hex(s[i + 1]) << 4 | hex(s[i + 2]));
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        out[len++] = c;
    }
    return is_clean_text(out, len) ? out : NULL;
}

static char *lower(struct arena *arena, const char *s, size_t n)
{
    char *out = arena_strndup(arena, s, n);
    for (char *p = out; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return out;
}

static bool is_word(const char *s, size_t n, const char *word)
{
    return strlen(word) == n && strncasecmp(s, word, n) == 0;
}

/* ---- The request line ---- */

/* host, host:port or [v6]:port, without user and password. */
static bool is_authority(const char *s)
{
    const char *p = s;
    if (*p == '[') {
        p += 1 + strspn(p + 1, "0123456789abcdefABCDEF:.");
        if (p == s + 1 || *p++ != ']')
            return false;
    } else {
        while (isalnum((unsigned char)*p) || (*p && strchr("-._~", *p)))
            p++;
    }
    int64_t port;
    return p > s &&
           (!*p || (*p == ':' && (!p[1] || (isdigit((unsigned char)p[1]) && text_int(p + 1, 0, 65535, &port)))));
}

/* "." and ".." lead elsewhere; what looks like them once decoded does too, whichever way the slashes lean. */
static bool has_dot_segment(const char *path)
{
    for (const char *p = path; *p;) {
        p += strspn(p, "/\\");
        size_t n = strcspn(p, "/\\");
        if ((n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
            return true;
        p += n;
    }
    return false;
}

static int check_path(struct gate_request *r, const char *path, size_t n, struct refusal *why)
{
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)path[i]) && !strchr("-._~!$&'()*+,;=:@/%", path[i]))
            return refuse(why, 400, "character not allowed in a path");
    const char *decoded = decode_percent(r->arena, path, n, false);
    if (!decoded)
        return refuse(why, 400, "malformed escape in the path");
    if (has_dot_segment(decoded))
        return refuse(why, 400, "dot segment in the path");
    r->path = n ? arena_strndup(r->arena, path, n) : "/";
    return 0;
}

/* Wider than RFC 3986: people type quotes, braces and bars into queries by hand, and nothing here takes them amiss. */
static int check_query(struct gate_request *r, const char *query, size_t n, struct refusal *why)
{
    if (memchr(query, '#', n))
        return refuse(why, 400, "fragment in the target");
    if (!decode_percent(r->arena, query, n, true))
        return refuse(why, 400, "malformed escape in the query");
    r->query = arena_strndup(r->arena, query, n);
    return 0;
}

static int parse_origin_form(struct gate_request *r, const char *s, size_t n, struct refusal *why)
{
    const char *mark = memchr(s, '?', n);
    size_t path = mark ? (size_t)(mark - s) : n;
    if (check_path(r, s, path, why) < 0)
        return -1;
    return mark ? check_query(r, mark + 1, n - path - 1, why) : 0;
}

static int parse_absolute_form(struct gate_request *r, const char *s, size_t n, struct refusal *why)
{
    size_t scheme = n > 7 && strncasecmp(s, "http://", 7) == 0    ? 7
                    : n > 8 && strncasecmp(s, "https://", 8) == 0 ? 8
                                                                  : 0;
    if (!scheme)
        return refuse(why, 400, "target is no path");
    s += scheme;
    n -= scheme;
    size_t authority = 0;
    while (authority < n && s[authority] != '/' && s[authority] != '?')
        authority++;
    r->host = lower(r->arena, s, authority);
    if (!is_authority(r->host))
        return refuse(why, 400, "malformed authority in the target");
    return parse_origin_form(r, s + authority, n - authority, why);
}

static int parse_target(struct gate_request *r, const char *s, size_t n, struct refusal *why)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] <= 0x20 || (unsigned char)s[i] >= 0x7f)
            return refuse(why, 400, "character not allowed in a target");
    r->query = "";
    if (n == 1 && *s == '*') {
        r->path = "*";
        return strcmp(r->method, "OPTIONS") == 0 ? 0 : refuse(why, 400, "target is no path");
    }
    if (!n)
        return refuse(why, 400, "malformed request line");
    return *s == '/' ? parse_origin_form(r, s, n, why) : parse_absolute_form(r, s, n, why);
}

static int parse_version(struct gate_request *r, const char *s, struct refusal *why)
{
    if (strlen(s) != 8 || strncmp(s, "HTTP/", 5) != 0 || !isdigit((unsigned char)s[5]) || s[6] != '.' ||
        !isdigit((unsigned char)s[7]))
        return refuse(why, 400, "malformed request line");
    if (s[5] != '1')
        return refuse(why, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    r->http_1_0 = s[7] == '0';
    return 0;
}

static int parse_method(struct gate_request *r, const char *s, size_t n, struct refusal *why)
{
    static const char *const known[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"};
    for (size_t i = 0; i < COUNT(known); i++)
        if (strlen(known[i]) == n && memcmp(s, known[i], n) == 0)
            r->method = known[i];
    return r->method ? 0 : refuse(why, 501, "unknown method");
}

int head_request_line(struct gate_request *r, const char *line, size_t n, struct refusal *why)
{
    const char *first = memchr(line, ' ', n), *last = memrchr(line, ' ', n);
    if (!first || first == last || !is_token(line, (size_t)(first - line)))
        return refuse(why, 400, "malformed request line");
    r->host = "";
    if (parse_version(r, last + 1, why) < 0 || parse_method(r, line, (size_t)(first - line), why) < 0)
        return -1;
    return parse_target(r, first + 1, (size_t)(last - first - 1), why);
}

/* ---- Fields ---- */

/* Fields that say one thing: sent twice, peers may take the one and we the other. */
static bool is_single(const char *name)
{
    static const char *const single[] = {"host",         "content-length",  "transfer-encoding",
                                         "content-type", "authorization",   "origin",
                                         "expect",       "content-encoding"};
    for (size_t i = 0; i < COUNT(single); i++)
        if (strcmp(name, single[i]) == 0)
            return true;
    return false;
}

/* Splits a line at its colon. */
static int parse_field(const char *line, size_t n, size_t *name, const char **value, size_t *value_size,
                       struct refusal *why)
{
    const char *colon = memchr(line, ':', n);
    if (*line == ' ' || *line == '\t')
        return refuse(why, 400, "folded field");
    if (!colon || !is_token(line, (size_t)(colon - line)))
        return refuse(why, 400, "malformed field name");
    *name = (size_t)(colon - line);
    const char *from = colon + 1, *to = line + n;
    while (from < to && (*from == ' ' || *from == '\t'))
        from++;
    while (to > from && (to[-1] == ' ' || to[-1] == '\t'))
        to--;
    *value = from;
    *value_size = (size_t)(to - from);
    return 0;
}

int head_field(struct gate_request *r, const char *line, size_t n, struct refusal *why)
{
    size_t name_size, size;
    const char *value;
    if (r->n_fields == HTTP_MOST_FIELDS)
        return refuse(why, 431, "too many fields");
    if (parse_field(line, n, &name_size, &value, &size, why) < 0)
        return -1;
    const char *name = lower(r->arena, line, name_size);
    if (is_single(name) && gate_find(r, name))
        return refuse(why, 400, "field given twice");
    char *copy = arena_strndup(r->arena, value, size);
    for (char *p = copy; *p; p++)
        if (*p == '\t')
            *p = ' ';
    if (!is_clean_text(copy, size))
        return refuse(why, 400, "field value is no clean UTF-8");
    r->fields[r->n_fields++] = (struct gate_field){name, copy};
    return 0;
}

int head_trailer(const char *line, size_t n, struct refusal *why)
{
    static const char *const forbidden[] = {"host",
                                            "content-length",
                                            "transfer-encoding",
                                            "content-type",
                                            "expect",
                                            "authorization",
                                            "content-encoding",
                                            "content-range",
                                            "trailer",
                                            "connection",
                                            "te",
                                            "upgrade",
                                            "max-forwards",
                                            "cache-control",
                                            "cookie",
                                            "origin"};
    size_t name, size;
    const char *value;
    if (parse_field(line, n, &name, &value, &size, why) < 0)
        return -1;
    for (size_t i = 0; i < COUNT(forbidden); i++)
        if (is_word(line, name, forbidden[i]))
            return refuse(why, 400, "field not allowed in a trailer");
    return 0;
}

/* ---- The head as a whole ---- */

static int check_host(struct gate_request *r, struct refusal *why)
{
    const char *host = gate_find(r, "host");
    if (!host)
        return r->http_1_0 ? 0 : refuse(why, 400, "no Host");
    if (!is_authority(host))
        return refuse(why, 400, "malformed Host");
    const char *canonical = lower(r->arena, host, strlen(host));
    if (*r->host && strcmp(r->host, canonical) != 0)
        return refuse(why, 400, "the target's authority differs from Host");
    r->host = canonical;
    return 0;
}

static bool may_have_body(const struct gate_request *r)
{
    return strcmp(r->method, "HEAD") != 0;
}

static int check_length(struct gate_request *r, struct framing *framing, struct refusal *why)
{
    const char *length = gate_find(r, "content-length"), *coding = gate_find(r, "transfer-encoding");
    if (coding) {
        if (length || r->http_1_0 || strcasecmp(coding, "chunked") != 0)
            return refuse(why, 400, "Transfer-Encoding must be chunked, alone and with HTTP/1.1");
        framing->chunked = true;
    } else if (length) {
        if (!*length || length[strspn(length, "0123456789")])
            return refuse(why, 400, "malformed Content-Length");
        int64_t value;
        if (!text_int(length, 0, HTTP_MOST_BODY, &value))
            return refuse(why, 413, "body too large");
        framing->length = (size_t)value;
    }
    if ((framing->chunked || framing->length) && !may_have_body(r))
        return refuse(why, 400, "HEAD with a body");
    return 0;
}

static int check_expect(struct gate_request *r, struct framing *framing, struct refusal *why)
{
    const char *expect = gate_find(r, "expect");
    if (!expect || r->http_1_0)
        return 0;
    if (strcasecmp(expect, "100-continue") != 0)
        return refuse(why, 417, "unknown expectation");
    framing->expects_continue = framing->chunked || framing->length;
    return 0;
}

static void read_connection(struct gate_request *r)
{
    bool close = false, keep = false;
    for (size_t i = 0; i < r->n_fields; i++) {
        if (strcmp(r->fields[i].name, "connection") != 0)
            continue;
        for (const char *p = r->fields[i].value; *p;) {
            p += strspn(p, ", ");
            size_t n = strcspn(p, ", ");
            close |= is_word(p, n, "close");
            keep |= is_word(p, n, "keep-alive");
            p += n;
        }
    }
    r->keep_alive = !close && (keep || !r->http_1_0);
}

int head_end(struct gate_request *r, struct framing *framing, struct refusal *why)
{
    const char *coding = gate_find(r, "content-encoding");
    if (check_host(r, why) < 0 || check_length(r, framing, why) < 0 || check_expect(r, framing, why) < 0)
        return -1;
    if (coding && strcasecmp(coding, "identity") != 0)
        return refuse(why, 415, "compressed bodies are not taken");
    read_connection(r);
    return 0;
}

/* ---- Chunks ---- */

static const char *skip_token(const char *p)
{
    while (is_token_char(*p))
        p++;
    return p;
}

static const char *skip_space(const char *p)
{
    return p + strspn(p, " \t");
}

/* A quoted string, or a token; null: neither. */
static const char *skip_value(const char *p)
{
    if (*p != '"') {
        const char *end = skip_token(p);
        return end > p ? end : NULL;
    }
    for (p++; *p && *p != '"'; p++)
        if (*p == '\\' && !*++p)
            return NULL;
    return *p ? p + 1 : NULL;
}

/* *( ";" name [ "=" value ] ), with spaces only where RFC 9112 puts up with them behind the semicolon. */
static bool are_extensions(const char *p)
{
    while (*p) {
        if (*p++ != ';')
            return false;
        const char *name = skip_space(p);
        p = skip_token(name);
        if (p == name)
            return false;
        const char *equals = skip_space(p);
        if (*equals != '=')
            continue;
        p = skip_value(skip_space(equals + 1));
        if (!p)
            return false;
    }
    return true;
}

int chunk_size(const char *line, size_t n, size_t most, size_t *size, struct refusal *why)
{
    uint64_t value = 0;
    size_t i = 0;
    for (; i < n && hex(line[i]) >= 0; i++) {
        value = value << 4 | (uint64_t)hex(line[i]);
        if (i == 16) /* no room left in `value` */
            return refuse(why, 413, "body too large");
    }
    if (!i || !are_extensions(line + i))
        return refuse(why, 400, "malformed chunk size");
    if (value > most)
        return refuse(why, 413, "body too large");
    *size = (size_t)value;
    return 0;
}
