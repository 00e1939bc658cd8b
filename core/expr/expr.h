/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Templates: literal text with {{ NAME }} or {{ NAME.KEY }} in it. `{{ "{{" }}` gives two braces. Names are checked
 * when a template is loaded; a key that is absent when it is rendered gives "". (Conditions and whole CEL expressions
 * inside {{ }} belong in this room too.)
 */
#ifndef BELFRY_EXPR_H
#define BELFRY_EXPR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/base.h"

struct belfry_template;

/* What a template may speak of. */
struct template_name {
    const char *name;
    bool is_map; /* wants .KEY behind it */
};

/* Null: see `e`, with where "line L, column C" counted in `text` from 1. The caller frees it. */
struct belfry_template *template_parse(const char *text, const struct template_name *names, size_t n_names,
                                       struct error *e);
void template_free(struct belfry_template *template); /* null is fine */

enum template_escape { TEMPLATE_PLAIN = 0, TEMPLATE_JSON, TEMPLATE_HTML, TEMPLATE_HEADER }; /* as enum belfry_escape */

/* Append to `out`. `lookup` gives the value of names[name] (and of its key, if it is a map), or null. Values are
 * escaped, literal text is not: JSON for inside a string, HTML for text and quoted attributes, HEADER: control
 * characters become spaces. -1: longer than 1 MiB. */
int template_render(const struct belfry_template *template,
                    const char *(*lookup)(void *ctx, size_t name, const char *key), void *ctx,
                    enum template_escape escape, struct buf *out, struct error *e);

#endif
