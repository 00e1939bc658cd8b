/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of config/ share: a folder of their own, files in it, and what a load says of them. */
#ifndef TEST_CONFIG_HELP_H
#define TEST_CONFIG_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"

/* One load: the configuration and all that was said of it. */
struct loaded {
    struct config *config;
    struct problems problems;
    char *said;
};

static char folder[64];

static inline int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/belfry-config-XXXXXX");
    return mkdtemp(folder) ? chmod(folder, 0755) : -1;
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline int remove_folder(void **state)
{
    (void)state;
    return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The path of a name in the folder; the caller frees it. */
static inline char *in_folder(const char *name)
{
    return x_printf("%s/%s", folder, name);
}

static inline void put_bytes(const char *name, const char *data, size_t size)
{
    AUTOFREE char *path = in_folder(name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0644), 0);
}

static inline void put(const char *name, const char *text)
{
    put_bytes(name, text, strlen(text));
}

static inline void make_sub_folder(const char *name)
{
    AUTOFREE char *path = in_folder(name);
    assert_int_equal(mkdir(path, 0755), 0);
}

static inline void hear(struct loaded *loaded)
{
    AUTOBUF out = {0};
    problems_write(&loaded->problems, &out);
    loaded->said = buf_take(&out);
}

/* Load a path below the folder. */
static inline struct loaded load(const char *name)
{
    AUTOFREE char *path = in_folder(name);
    const char *paths[] = {path};
    struct loaded loaded = {0};
    loaded.config = config_load(paths, 1, &loaded.problems);
    hear(&loaded);
    return loaded;
}

static inline struct loaded load_text(const char *text)
{
    put("c.yaml", text);
    return load("c.yaml");
}

static inline void unload(struct loaded *loaded)
{
    config_free(loaded->config);
    problems_free(&loaded->problems);
    free(loaded->said);
}
#define AUTOLOADED __attribute__((cleanup(unload))) struct loaded

static inline void assert_quiet(const struct loaded *loaded)
{
    if (loaded->said[0])
        fail_msg("it should load, but: %s", loaded->said);
    assert_int_equal(loaded->problems.errors, 0);
}

/* Does a line of what was said begin with FOLDER/`place` and ": " and hold each of the words (separated by |)? */
static inline bool was_said(const struct loaded *loaded, const char *place, const char *words)
{
    AUTOFREE char *start = x_printf("%s/%s: ", folder, place);
    AUTOFREE char *said = x_strdup(loaded->said);
    for (char *state, *line = strtok_r(said, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
        bool all = strncmp(line, start, strlen(start)) == 0;
        AUTOFREE char *copy = x_strdup(words);
        for (char *inner, *word = strtok_r(copy, "|", &inner); word; word = strtok_r(NULL, "|", &inner))
            all &= strstr(line, word) != NULL;
        if (all)
            return true;
    }
    return false;
}

static inline void assert_said(const struct loaded *loaded, const char *place, const char *words)
{
    if (!was_said(loaded, place, words))
        fail_msg("not said: %s … %s\nbut: %s", place, words, loaded->said);
}

static inline void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is not in:\n%s", part, text);
}

static inline void assert_has_not(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("'%s' should not be in:\n%s", part, text);
}

#endif
