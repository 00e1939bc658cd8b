/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include <stdarg.h>
#include <string.h>

#include "config/tree.h"

/* A file full of mistakes is not worth its weight in messages: what is beyond is counted only. */
enum { MOST_KEPT = 1000, MOST_SHOWN = 200 };

static void add(struct problems *problems, struct position at, bool warning, const char *format, va_list ap)
    __attribute__((format(printf, 4, 0)));

static void add(struct problems *problems, struct position at, bool warning, const char *format, va_list ap)
{
    if (!warning)
        problems->errors++;
    if (problems->n == MOST_KEPT)
        return;
    if (problems->n == problems->cap) {
        problems->cap = problems->cap ? problems->cap * 2 : 16;
        problems->list = x_realloc(problems->list, problems->cap * sizeof *problems->list);
    }
    struct buf text = {0};
    buf_vaddf(&text, format, ap);
    problems->list[problems->n++] = (struct problem){
        .file = x_strdup(at.file),
        .line = at.line,
        .column = at.column,
        .warning = warning,
        .text = buf_take(&text),
    };
}

void problems_add(struct problems *problems, struct position at, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    add(problems, at, false, format, ap);
    va_end(ap);
}

void problems_warn(struct problems *problems, struct position at, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    add(problems, at, true, format, ap);
    va_end(ap);
}

static int compare(const void *a, const void *b)
{
    const struct problem *p = a, *q = b;
    int by_file = strcmp(p->file ? p->file : "", q->file ? q->file : "");
    if (by_file)
        return by_file;
    if (p->line != q->line)
        return p->line < q->line ? -1 : 1;
    if (p->column != q->column)
        return p->column < q->column ? -1 : 1;
    return strcmp(p->text, q->text);
}

void visible_add(struct buf *out, const char *s)
{
    AUTOBUF quoted = {0};
    text_quote(&quoted, s);
    for (const char *p = quoted.data + 1; p[1]; p++) {
        if (*p == '\\' && (p[1] == '"' || p[1] == '\\'))
            p++;
        buf_addc(out, *p);
    }
}

static void write_one(const struct problem *problem, struct buf *out)
{
    if (problem->file) {
        visible_add(out, problem->file);
        if (problem->line)
            buf_addf(out, ":%d:%d", problem->line, problem->column);
        buf_adds(out, ": ");
    }
    buf_adds(out, problem->warning ? "warning: " : "error: ");
    visible_add(out, problem->text);
    buf_addc(out, '\n');
}

void problems_write(struct problems *problems, struct buf *out)
{
    if (problems->n)
        qsort(problems->list, problems->n, sizeof *problems->list, compare);
    size_t errors_left = problems->errors;
    for (size_t i = 0; i < problems->n && i < MOST_SHOWN; i++) {
        if (i == 0 || compare(&problems->list[i - 1], &problems->list[i]) != 0) /* two rooms may find the same */
            write_one(&problems->list[i], out);
        errors_left -= !problems->list[i].warning;
    }
    if (errors_left)
        buf_addf(out, "and %zu more error%s\n", errors_left, errors_left == 1 ? "" : "s");
}

void problems_free(struct problems *problems)
{
    for (size_t i = 0; i < problems->n; i++) {
        free(problems->list[i].file);
        free(problems->list[i].text);
    }
    free(problems->list);
    *problems = (struct problems){0};
}
