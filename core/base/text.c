/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/mem.h"
#include "base/time.h"

bool text_equal(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool text_starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* The length of the character at s and its code point; 0: not UTF-8. */
static size_t decode(const unsigned char *s, size_t len, uint32_t *code)
{
    if (s[0] < 0x80) {
        *code = s[0];
        return 1;
    }
    size_t n = s[0] >= 0xf0 && s[0] <= 0xf4 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc2 ? 2 : 0;
    if (s[0] > 0xf4 || !n || n > len)
        return 0;
    uint32_t c = s[0] & (0x7f >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3f);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *code = c;
    return n;
}

bool text_is_utf8(const char *s, size_t len, size_t *at)
{
    uint32_t code;
    for (size_t i = 0, n; i < len; i += n) {
        n = decode((const unsigned char *)s + i, len - i, &code);
        if (!n) {
            if (at)
                *at = i;
            return false;
        }
    }
    return true;
}

void text_add_utf8(struct buf *out, const char *s, size_t len)
{
    uint32_t code;
    for (size_t i = 0; i < len;) {
        size_t n = decode((const unsigned char *)s + i, len - i, &code);
        if (n)
            buf_add(out, s + i, n);
        else
            buf_adds(out, "\xef\xbf\xbd");
        i += n ? n : 1;
    }
}

void text_truncate(char *s, size_t most)
{
    if (strlen(s) <= most)
        return;
    while (most > 0 && ((unsigned char)s[most] & 0xc0) == 0x80)
        most--;
    s[most] = '\0';
}

void text_quote(struct buf *out, const char *s)
{
    size_t len = strlen(s);
    buf_addc(out, '"');
    for (size_t i = 0; i < len;) {
        uint32_t c;
        size_t n = decode((const unsigned char *)s + i, len - i, &c);
        if (!n)
            buf_adds(out, "\\ufffd");
        else if (c == '"' || c == '\\')
            buf_addf(out, "\\%c", (char)c);
        else if (c == '\n')
            buf_adds(out, "\\n");
        else if (c == '\t')
            buf_adds(out, "\\t");
        else if (c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
                 c == 0x200e || c == 0x200f || c == 0x2028 || c == 0x2029)
            buf_addf(out, "\\u%04x", c);
        else
            buf_add(out, s + i, n);
        i += n ? n : 1;
    }
    buf_addc(out, '"');
}

bool text_int(const char *s, int64_t low, int64_t high, int64_t *out)
{
    const char *digit = *s == '-' ? s + 1 : s;
    if (!isdigit((unsigned char)*digit))
        return false;
    char *end;
    errno = 0;
    long long value = strtoll(s, &end, 10);
    if (*end || errno || value < low || value > high)
        return false;
    *out = value;
    return true;
}

bool text_number(const char *s, double *out)
{
    /* strtod also takes hexadecimal, inf, nan and leading space, which nobody means here; the agent never leaves the C
     * locale. */
    if (!*s || s[strspn(s, "0123456789+-.eE")] || !strpbrk(s, "0123456789"))
        return false;
    char *end;
    double value = strtod(s, &end);
    if (*end || !isfinite(value))
        return false;
    *out = value;
    return true;
}

bool text_size(const char *s, int64_t *out)
{
    static const struct {
        const char *name;
        int64_t bytes;
    } units[] = {{"", 1},         {"B", 1},         {"kB", 1000},       {"KiB", 1024},
                 {"MB", 1000000}, {"MiB", 1048576}, {"GB", 1000000000}, {"GiB", 1073741824}};
    char *end;
    if (!isdigit((unsigned char)*s))
        return false;
    errno = 0;
    long long value = strtoll(s, &end, 10);
    if (errno)
        return false;
    for (size_t i = 0; i < COUNT(units); i++)
        if (strcmp(end, units[i].name) == 0)
            return !__builtin_mul_overflow((int64_t)value, units[i].bytes, out);
    return false;
}

bool text_same_secret(const char *a, size_t a_len, const char *b, size_t b_len)
{
    unsigned different = a_len != b_len;
    size_t n = a_len < b_len ? a_len : b_len;
    for (size_t i = 0; i < n; i++)
        different |= (unsigned char)a[i] ^ (unsigned char)b[i];
    __asm__ volatile("" : "+r"(different)); /* keeps the compiler from leaving the loop early */
    return different == 0;
}

/* Optimal string alignment: Levenshtein's distance with neighbours swapped as one step. */
static size_t distance(const char *a, const char *b)
{
    enum { MOST = 64 };
    size_t n = strlen(a), m = strlen(b);
    if (n >= MOST || m >= MOST)
        return SIZE_MAX;
    size_t d[MOST][MOST];
    for (size_t i = 0; i <= n; i++)
        d[i][0] = i;
    for (size_t j = 0; j <= m; j++)
        d[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        for (size_t j = 1; j <= m; j++) {
            size_t best = d[i - 1][j - 1] + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));
            if (d[i - 1][j] + 1 < best)
                best = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < best)
                best = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < best)
                best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    }
    return d[n][m];
}

const char *text_nearest(const char *wrong, const char *const *names, size_t n)
{
    const char *best = NULL;
    size_t most = strlen(wrong) / 3 + 1, best_distance = SIZE_MAX;
    for (size_t i = 0; i < n; i++) {
        size_t d = distance(wrong, names[i]);
        if (d <= most && d < best_distance && d < strlen(names[i])) {
            best = names[i];
            best_distance = d;
        }
    }
    return best;
}

bool text_is_uuid(const char *s)
{
    for (int i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? s[i] != '-' : !isxdigit((unsigned char)s[i]))
            return false;
    }
    return s[36] == '\0';
}

static void random_bytes(void *out, size_t len)
{
    /* Up to 256 bytes getrandom() neither fails nor is cut short, once the kernel's pool is ready. */
    if (getrandom(out, len, 0) != (ssize_t)len)
        abort();
}

uint64_t text_random(void)
{
    uint64_t value;
    random_bytes(&value, sizeof value);
    return value;
}

void text_lower(char *s)
{
    for (; *s; s++)
        if (*s >= 'A' && *s <= 'Z')
            *s = (char)(*s | 0x20);
}

void text_new_uuid(char out[37])
{
    unsigned char b[16];
    random_bytes(b, sizeof b);
    b[6] = (b[6] & 0x0f) | 0x40;
    b[8] = (b[8] & 0x3f) | 0x80;
    char *p = out;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = "0123456789abcdef"[b[i] >> 4];
        *p++ = "0123456789abcdef"[b[i] & 15];
    }
    *p = '\0';
}

uint64_t text_hash(uint64_t hash, const void *data, size_t len)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ p[i]) * 1099511628211ull;
    return hash;
}

void text_add_url(struct buf *out, const char *url)
{
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    buf_add(out, url, (size_t)(host - url));
    size_t authority = strcspn(host, "/?#");
    const char *at = memrchr(host, '@', authority);
    const char *visible = at ? at + 1 : host;
    buf_add(out, visible, (size_t)(host + authority - visible));
    for (const char *p = host + authority; *p == '/';) {
        size_t n = strcspn(p + 1, "/?#");
        bool key = n >= 16;
        for (size_t i = 0; key && i < n; i++)
            key = isalnum((unsigned char)p[1 + i]) || strchr("-_.~=%", p[1 + i]);
        buf_addc(out, '/');
        if (key)
            buf_adds(out, "***");
        else
            buf_add(out, p + 1, n);
        p += 1 + n;
    }
}

bool text_matches(const char *pattern, const char *s)
{
    return fnmatch(pattern, s, 0) == 0;
}
