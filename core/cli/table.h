/* SPDX-License-Identifier: Apache-2.0 */
/* Private to cli/: text in aligned columns. */
#ifndef BELFRY_CLI_TABLE_H
#define BELFRY_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct buf;
struct table;

/* `heads` is ended by null and must live as long as the table. */
struct table *table_new(const char *const *heads);
void table_free(struct table *table); /* null is fine */
/* The next cell, row by row from the left; null or "" shows as "-". Control characters show as "?", since what others
 * reported must not steer the reader's terminal. */
void table_cell(struct table *table, const char *text);
void table_cellf(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* `width`: of the terminal, the last column is cut to fit; 0: nothing is cut. `colour`: states in colour, heads bold.
 */
void table_render(const struct table *table, size_t width, bool colour, struct buf *out);
/* On stdout, cut and coloured only if that is a terminal (and NO_COLOR is not set). */
void table_print(const struct table *table);

/* Columns that the text takes on a terminal. */
size_t text_width(const char *text);

/* A copy of text that others reported, fit for a terminal: what would steer it is shown as ?; line breaks and tabs stay
 * if `lines`. The caller frees it. */
char *text_make_showable(const char *text, bool lines);

static inline void cleanup_table(struct table **table)
{
    table_free(*table);
}
#define AUTOTABLE __attribute__((cleanup(cleanup_table))) struct table

#endif
