/* SPDX-License-Identifier: Apache-2.0 */
/* Private to config/: from files to trees. Files are checked before they are read, read under limits, and the ${…} in
 * their values replaced; what the values mean is build.h's part. */
#ifndef BELFRY_CONFIG_TREE_H
#define BELFRY_CONFIG_TREE_H

#include "config/config.h"

enum {
    FILES_MOST = 64,
    FILE_MOST_BYTES = 1 << 20,
    YAML_MOST_DEPTH = 32,
    YAML_MOST_EVENTS = 100000,
    YAML_MOST_SCALAR = 64 * 1024,
    YAML_MOST_KEY = 200,
};

/* All of an open file. Null: see errno (EFBIG: longer than `most`). The caller frees it; a NUL stands behind it. */
char *file_read_all(int fd, size_t most, size_t *size);
/* Why a file's owner and mode make it unfit to be believed ("is owned by user 1000, …"), or null. The text is static or
 * lives in `out`. */
const char *file_distrust(uid_t owner, unsigned mode, char *out, size_t size);

/* Hand each file of the configuration to `each`, in the order that they count. `path` lives in `arena`, `data` until
 * `each` returns. */
struct file_places {
    const char *const *paths; /* named by the user; none: the two folders below */
    size_t n_paths;
    const char *conf_dir, *vendor_dir;
};
void files_each(const struct file_places *places, struct arena *arena, struct problems *problems,
                void (*each)(void *ctx, const char *path, const char *data, size_t size), void *ctx);

/* The tree of one YAML text. Null: it is empty, or nothing could be read of it and problems say why. */
struct node *yaml_read(const char *file, const char *data, size_t size, struct arena *arena, struct problems *problems);

/* Replace ${…} and $$ in every value below `node` (keys are left alone). */
void interpolate_tree(struct node *node, struct arena *arena, struct problems *problems);

/* Nothing was written: "key:" with no value behind it. */
bool node_is_nothing(const struct node *node);

/* Append text in which no control character, bidi mark or broken UTF-8 is left. */
void visible_add(struct buf *out, const char *s);

#endif
