/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/handle.h"

/* One table for the process: calls such as host->complete() carry nothing but the handle. Loop thread only. */
static struct handle *all;
static uintptr_t last;

void *handle_open(struct handle *handle, enum handle_kind kind)
{
    handle->number = ++last;
    handle->kind = kind;
    HASH_ADD(hh, all, number, sizeof handle->number, handle);
    return (void *)handle->number;
}

void handle_close(struct handle *handle)
{
    if (!handle->number)
        return;
    HASH_DEL(all, handle);
    handle->number = 0;
}

struct handle *handle_find(const void *value, enum handle_kind kind)
{
    uintptr_t number = (uintptr_t)value;
    struct handle *found;
    HASH_FIND(hh, all, &number, sizeof number, found);
    return found && found->kind == kind ? found : NULL;
}
