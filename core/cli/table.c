/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/table.h"

#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "base/base.h"

enum { GAP = 2, LEAST_LAST = 16 /* a last column is not cut below this */ };

struct table {
    const char *const *heads;
    size_t columns, n, cap;
    char **cells;
};

struct table *table_new(const char *const *heads)
{
    struct table *table = NEW(struct table);
    table->heads = heads;
    while (heads[table->columns])
        table->columns++;
    return table;
}

void table_free(struct table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < table->n; i++)
        free(table->cells[i]);
    free(table->cells);
    free(table);
}

/* ---- the width of text ---- */

/* Wide and combining characters are known to the C library once it reads UTF-8; the process itself stays in the C
 * locale. */
static locale_t enter_utf8(void)
{
    static locale_t utf8;
    if (!utf8)
        utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    return utf8 ? uselocale(utf8) : (locale_t)0;
}

static void leave_utf8(locale_t before)
{
    if (before)
        uselocale(before);
}

/* The character at s: its length, and its columns; -1 columns: not to be shown. */
static size_t measure(const char *s, size_t len, int *columns)
{
    wchar_t c;
    mbstate_t state = {0};
    size_t n = mbrtowc(&c, s, len, &state);
    if (n == 0 || n > len) {
        *columns = -1;
        return 1;
    }
    bool reorders = (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
    *columns = reorders ? -1 : wcwidth(c);
    return n;
}

size_t text_width(const char *text)
{
    locale_t before = enter_utf8();
    size_t width = 0, len = strlen(text);
    for (size_t i = 0; i < len;) {
        int columns;
        i += measure(text + i, len - i, &columns);
        width += columns < 0 ? 1 : (size_t)columns;
    }
    leave_utf8(before);
    return width;
}

char *text_make_showable(const char *text, bool lines)
{
    locale_t before = enter_utf8();
    AUTOBUF out = {0};
    size_t len = strlen(text);
    for (size_t i = 0, n; i < len; i += n) {
        int columns;
        n = measure(text + i, len - i, &columns);
        bool space = text[i] == '\n' || text[i] == '\t';
        if (columns >= 0 || (space && lines))
            buf_add(&out, text + i, n);
        else
            buf_addc(&out, space ? ' ' : '?');
    }
    leave_utf8(before);
    return buf_take(&out);
}

/* The part of `text` that fits into `width` columns, with … at the cut. */
static void add_cut(struct buf *out, const char *text, size_t width)
{
    if (text_width(text) <= width) {
        buf_adds(out, text);
        return;
    }
    locale_t before = enter_utf8();
    size_t used = 0, len = strlen(text);
    for (size_t i = 0, n; i < len; i += n) {
        int columns;
        n = measure(text + i, len - i, &columns);
        if (used + (size_t)columns > width - 1)
            break;
        used += (size_t)columns;
        buf_add(out, text + i, n);
    }
    buf_adds(out, "…");
    leave_utf8(before);
}

/* ---- cells ---- */

void table_cell(struct table *table, const char *text)
{
    if (table->n == table->cap) {
        table->cap = table->cap ? 2 * table->cap : 64;
        table->cells = x_realloc(table->cells, table->cap * sizeof *table->cells);
    }
    table->cells[table->n++] = text_make_showable(text_empty(text) ? "-" : text, false);
}

void table_cellf(struct table *table, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    AUTOBUF text = {0};
    buf_vaddf(&text, format, ap);
    va_end(ap);
    table_cell(table, buf_str(&text));
}

/* ---- showing ---- */

static const char *find_colour(const char *text)
{
    static const struct {
        const char *text, *colour;
    } states[] = {
        {"ok", "32"},          {"succeeded", "32"}, {"delivered", "32"}, {"resolved", "32"},  {"running", "36"},
        {"pending", "33"},     {"waiting", "33"},   {"late", "33"},      {"partial", "33"},   {"rate_limited", "33"},
        {"unavailable", "33"}, {"failed", "31"},    {"missed", "31"},    {"timed_out", "31"}, {"firing", "31"},
        {"disabled", "31"},    {"rejected", "31"},
    };
    for (size_t i = 0; i < COUNT(states); i++)
        if (strcmp(states[i].text, text) == 0)
            return states[i].colour;
    return NULL;
}

static size_t *find_widths(const struct table *table, size_t width)
{
    size_t *widths = x_calloc(table->columns, sizeof *widths), before_last = 0, last = table->columns - 1;
    for (size_t c = 0; c < table->columns; c++) {
        widths[c] = text_width(table->heads[c]);
        for (size_t i = c; i < table->n; i += table->columns)
            if (text_width(table->cells[i]) > widths[c])
                widths[c] = text_width(table->cells[i]);
        if (c < last)
            before_last += widths[c] + GAP;
    }
    if (width && before_last + widths[last] > width)
        widths[last] = width > before_last + LEAST_LAST ? width - before_last : LEAST_LAST;
    return widths;
}

static void add_row(const struct table *table, const char *const *cells, const size_t *widths, const char *colour,
                    bool states, struct buf *out)
{
    for (size_t c = 0; c < table->columns; c++) {
        const char *paint = states ? find_colour(cells[c]) : colour;
        if (paint)
            buf_addf(out, "\033[%sm", paint);
        add_cut(out, cells[c], widths[c]);
        if (paint)
            buf_adds(out, "\033[0m");
        if (c + 1 < table->columns)
            buf_addf(out, "%*s", (int)(widths[c] - text_width(cells[c]) + GAP), "");
    }
    buf_addc(out, '\n');
}

void table_render(const struct table *table, size_t width, bool colour, struct buf *out)
{
    AUTOFREE size_t *widths = find_widths(table, width);
    add_row(table, table->heads, widths, colour ? "1" : NULL, false, out);
    for (size_t i = 0; i < table->n; i += table->columns)
        add_row(table, (const char *const *)table->cells + i, widths, NULL, colour, out);
}

void table_print(const struct table *table)
{
    struct winsize size = {0};
    bool terminal = isatty(STDOUT_FILENO);
    if (terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size))
        size.ws_col = 0;
    AUTOBUF out = {0};
    table_render(table, size.ws_col, terminal && text_empty(getenv("NO_COLOR")), &out);
    fwrite(out.data, 1, out.len, stdout);
}
