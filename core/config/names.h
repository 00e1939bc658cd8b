/* SPDX-License-Identifier: Apache-2.0 */
/* Private to config/: names and where each was given, to find those given twice. */
#ifndef BELFRY_CONFIG_NAMES_H
#define BELFRY_CONFIG_NAMES_H

#include "config/config.h"

#include <uthash.h> /* behind base/mem.h, which says how it allocates */

struct name {
    const char *text; /* the caller's, as long as the table */
    struct position at;
    size_t index;
    UT_hash_handle hh;
};
struct names {
    struct name *table;
};

/* Null: added. Otherwise the one of that name that is there already. */
struct name *names_add(struct names *names, const char *text, struct position at, size_t index);
struct name *names_find(const struct names *names, const char *text); /* null: none */
void names_free(struct names *names);

/* " (did you mean 'x'?)" by the names given, or "". Lives in `out`. */
enum { HINT_TEXT = 128 };
const char *names_hint(const char *wrong, const char *const *names, size_t n, char out[HINT_TEXT]);
const char *names_hint_from(const char *wrong, const struct names *names, char out[HINT_TEXT]);

#endif
