/* SPDX-License-Identifier: Apache-2.0 */
/* Private to the room: plugin files. */
#ifndef BELFRY_PLUGIN_LOADER_H
#define BELFRY_PLUGIN_LOADER_H

#include "base/base.h"
#include "belfry/plugin.h"

struct loader;

struct loader *loader_new(const struct belfry_list *dirs);
void loader_free(struct loader *loader); /* what was loaded stays in the process */
const struct belfry_plugin *loader_find(struct loader *loader, const char *name, struct error *e);
void loader_each(struct loader *loader,
                 void (*each)(void *ctx, const char *file, const struct belfry_plugin *descriptor, const char *why),
                 void *ctx);

/* descriptor.c: what a plugin says about itself, copied into memory of our own sizes after it was checked. */
struct descriptor {
    struct belfry_plugin plugin;
    struct belfry_channel channel;
    struct belfry_source source;
};
int descriptor_read(const struct belfry_plugin *raw, const char *name, struct descriptor *out, struct error *e);

#endif
