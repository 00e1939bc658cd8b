/* SPDX-License-Identifier: Apache-2.0 */
#include "config/names.h"

#include <stdio.h>
#include <string.h>

struct name *names_add(struct names *names, const char *text, struct position at, size_t index)
{
    struct name *name = names_find(names, text);
    if (name)
        return name;
    name = NEW(struct name);
    *name = (struct name){.text = text, .at = at, .index = index};
    HASH_ADD_KEYPTR(hh, names->table, name->text, strlen(name->text), name);
    return NULL;
}

struct name *names_find(const struct names *names, const char *text)
{
    struct name *name;
    HASH_FIND_STR(names->table, text, name);
    return name;
}

void names_free(struct names *names)
{
    struct name *name, *next;
    HASH_ITER(hh, names->table, name, next)
    {
        HASH_DEL(names->table, name);
        free(name);
    }
}

const char *names_hint(const char *wrong, const char *const *names, size_t n, char out[HINT_TEXT])
{
    const char *nearest = text_nearest(wrong, names, n);
    out[0] = '\0';
    if (nearest)
        snprintf(out, HINT_TEXT, " (did you mean '%s'?)", nearest);
    return out;
}

const char *names_hint_from(const char *wrong, const struct names *names, char out[HINT_TEXT])
{
    enum { MOST = 1000 }; /* each comparison costs: a help for people, not for machines */
    const char *some[MOST];
    size_t n = 0;
    for (const struct name *name = names->table; name && n < MOST; name = name->hh.next)
        some[n++] = name->text;
    return names_hint(wrong, some, n, out);
}
