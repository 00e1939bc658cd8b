/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a plugin holds of the host's (a timer, a transfer, a hook to answer) is a number that looks like a pointer. A
 * handle that is late or used twice is looked up, not found, and harmless. Numbers are never given twice.
 */
#ifndef BELFRY_PLUGIN_HANDLE_H
#define BELFRY_PLUGIN_HANDLE_H

#include <stdint.h>

#include "base/base.h"
#include <uthash.h>

enum handle_kind { HANDLE_TIMER = 1, HANDLE_WATCH, HANDLE_TRANSFER, HANDLE_CHILD, HANDLE_HOOK, HANDLE_DELIVERY };

/* A member of the object that it stands for. */
struct handle {
    uintptr_t number;
    enum handle_kind kind;
    UT_hash_handle hh;
};

/* The value to give to the plugin. */
void *handle_open(struct handle *handle, enum handle_kind kind);
void handle_close(struct handle *handle); /* closed already is fine */
/* Null: there is none of this kind any more. */
struct handle *handle_find(const void *value, enum handle_kind kind);

#endif
