/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only file that knows libltdl. Nothing is searched for: a plugin is DIR/NAME.so in one of the configured folders,
 * and it is believed only if nobody but root and we could have written it. What is loaded stays for good.
 */
#include "plugin/loader.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <ltdl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <uthash.h>

enum { NAME_MOST = 32 };

struct loaded {
    char *name, *file;
    struct descriptor descriptor;
    UT_hash_handle hh;
};

struct loader {
    char **dirs;
    size_t n_dirs;
    struct loaded *loaded; /* by name */
};

static void start_libltdl(void)
{
    static bool started;
    if (started)
        return;
    started = true;
    if (lt_dlinit() || lt_dlsetsearchpath(""))
        log_at(LOG_ERROR, "plugin", "libltdl does not start: %s", lt_dlerror());
}

struct loader *loader_new(const struct belfry_list *dirs)
{
    start_libltdl();
    struct loader *loader = NEW(struct loader);
    loader->dirs = x_calloc(dirs->n, sizeof *loader->dirs);
    for (; loader->n_dirs < dirs->n; loader->n_dirs++)
        loader->dirs[loader->n_dirs] = x_strdup(dirs->item[loader->n_dirs]);
    return loader;
}

void loader_free(struct loader *loader)
{
    struct loaded *one, *next;
    HASH_ITER(hh, loader->loaded, one, next)
    {
        HASH_DEL(loader->loaded, one);
        free(one->name);
        free(one->file);
        free(one);
    }
    for (size_t i = 0; i < loader->n_dirs; i++)
        free(loader->dirs[i]);
    free(loader->dirs);
    free(loader);
}

/* ---- may it be believed? ---- */

static bool name_is_valid(const char *name)
{
    size_t length = strlen(name);
    return length >= 1 && length <= NAME_MOST && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == length;
}

static int check_owner(const struct stat *st, const char *path, struct error *e)
{
    if (st->st_uid != 0 && st->st_uid != geteuid()) {
        error_set(e, "%s belongs to user %u, not to root or to us", path, (unsigned)st->st_uid);
        return error_mend(e, "chown root '%s'", path);
    }
    bool sticky = S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX);
    if ((st->st_mode & (S_IWGRP | S_IWOTH)) && !sticky) {
        error_set(e, "%s can be written by %s", path, st->st_mode & S_IWOTH ? "everyone" : "its group");
        return error_mend(e, "chmod go-w '%s'", path);
    }
    return 0;
}

/* Opens a real path component by component, so that each is checked as it is gone through. -1: see `e`. */
static int open_dir(const char *real, struct error *e)
{
    AUTOFREE char *path = x_strdup(real);
    int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (char *part = path, *end; fd >= 0; part = end) {
        struct stat st;
        if (fstat(fd, &st)) {
            error_set(e, "%s: %s", real, strerror(errno));
            break;
        }
        AUTOFREE char *so_far = part == path ? x_strdup("/") : x_strndup(real, (size_t)(part - path));
        if (check_owner(&st, so_far, e))
            break;
        part += *part == '/';
        if (!*part)
            return fd;
        end = part + strcspn(part, "/");
        AUTOFREE char *component = x_strndup(part, (size_t)(end - part));
        int deeper = openat(fd, component, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        close(fd);
        fd = deeper;
    }
    if (fd < 0)
        return error_set(e, "%s: %s", real, strerror(errno));
    close(fd);
    return -1;
}

static int check_file(int dir, const char *base, const char *path, struct error *e)
{
    struct stat st;
    int fd = openat(dir, base, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return error_set(e, "%s: %s", path, strerror(errno));
    int failed = fstat(fd, &st);
    close(fd);
    if (failed)
        return error_set(e, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode)) {
        error_set(e, "%s is %s, not a regular file", path, S_ISLNK(st.st_mode) ? "a symbolic link" : "something else");
        return error_mend(e, "copy the file itself there");
    }
    return check_owner(&st, path, e);
}

/* ---- loading ---- */

static lt_dlhandle open_module(const char *path, struct error *e)
{
    /* libltdl binds lazily: a symbol that nobody defines would end the process when it is first used. So the linker
     * binds everything here, and says by name what is missing; libltdl then finds the module loaded. */
    if (!dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE)) {
        const char *why = dlerror(); /* "PATH: what is wrong" */
        size_t length = strlen(path);
        if (strncmp(why, path, length) == 0 && why[length] == ':')
            why += length + 1 + (why[length + 1] == ' ');
        error_set(e, "%s does not load: %s", path, why);
        return NULL;
    }
    lt_dladvise advise;
    lt_dlhandle module = NULL;
    if (lt_dladvise_init(&advise) == 0) {
        if (lt_dladvise_local(&advise) == 0 && lt_dladvise_resident(&advise) == 0)
            module = lt_dlopenadvise(path, advise);
        lt_dladvise_destroy(&advise);
    }
    if (!module)
        error_set(e, "%s does not load: %s", path, lt_dlerror());
    return module;
}

/* libltdl puts the module's name before a symbol only for .la files, so that is done here. */
static const struct belfry_plugin *find_descriptor(lt_dlhandle module, const char *name)
{
    AUTOFREE char *symbol = x_printf("%s_LTX_belfry_plugin", name);
    for (char *c = symbol; *c; c++)
        if (*c == '-')
            *c = '_';
    return lt_dlsym(module, symbol);
}

static const struct belfry_plugin *load(struct loader *loader, const char *real, const char *name, struct error *e)
{
    AUTOFREE char *base = x_printf("%s.so", name);
    AUTOFREE char *path = x_printf("%s/%s", strcmp(real, "/") ? real : "", base);
    int dir = open_dir(real, e);
    if (dir < 0)
        return NULL;
    int bad = check_file(dir, base, path, e);
    close(dir);
    if (bad)
        return NULL;
    lt_dlhandle module = open_module(path, e);
    if (!module)
        return NULL;
    const struct belfry_plugin *raw = find_descriptor(module, name);
    struct loaded *one = NEW(struct loaded);
    if (!raw) {
        error_set(e, "it has no descriptor: it is no Belfry plugin, or its BELFRY_PLUGIN() names another file");
    } else if (descriptor_read(raw, name, &one->descriptor, e) == 0) {
        one->name = x_strdup(name);
        one->file = x_strdup(path);
        HASH_ADD_KEYPTR(hh, loader->loaded, one->name, strlen(one->name), one);
        return &one->descriptor.plugin;
    }
    error_where(e, "%s", path);
    free(one);
    return NULL;
}

/* The folder's own path, without links: what is checked is what is loaded. Null: there is none. */
static char *real_dir(const char *dir)
{
    return *dir == '/' ? realpath(dir, NULL) : NULL;
}

static bool has_file(const char *dir, const char *name)
{
    struct stat st;
    AUTOFREE char *path = x_printf("%s/%s.so", dir, name);
    return lstat(path, &st) == 0;
}

const struct belfry_plugin *loader_find(struct loader *loader, const char *name, struct error *e)
{
    if (!name_is_valid(name)) {
        error_set(e, "'%s' is no name of a plugin: 1 to %d of a-z 0-9 _ -", name, NAME_MOST);
        return NULL;
    }
    struct loaded *known;
    HASH_FIND_STR(loader->loaded, name, known);
    if (known)
        return &known->descriptor.plugin;
    AUTOBUF searched = {0};
    for (size_t i = 0; i < loader->n_dirs; i++) {
        AUTOFREE char *real = real_dir(loader->dirs[i]);
        if (real && has_file(real, name))
            return load(loader, real, name, e);
        buf_addf(&searched, "%s%s", i ? ", " : "", loader->dirs[i]);
    }
    error_set(e, "plugin '%s' not found: there is no %s.so in %s", name, name,
              loader->n_dirs ? buf_str(&searched) : "any folder, since none is configured");
    error_mend(e, "install it, or name its folder in agent.plugin_dirs");
    return NULL;
}

/* ---- all there are ---- */

static int is_plugin_file(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 3 && strcmp(entry->d_name + length - 3, ".so") == 0;
}

static void each_in(struct loader *loader, size_t index,
                    void (*each)(void *ctx, const char *file, const struct belfry_plugin *descriptor, const char *why),
                    void *ctx)
{
    struct dirent **entries = NULL;
    AUTOFREE char *real = real_dir(loader->dirs[index]);
    int n = real ? scandir(real, &entries, is_plugin_file, alphasort) : 0;
    for (int i = 0; i < n; i++) {
        AUTOFREE char *file = x_printf("%s/%s", real, entries[i]->d_name);
        AUTOFREE char *name = x_strndup(entries[i]->d_name, strlen(entries[i]->d_name) - 3);
        free(entries[i]);
        struct error e = {{0}, {0}, {0}};
        char text[1024];
        const struct belfry_plugin *found = NULL;
        struct loaded *known = NULL;
        if (name_is_valid(name) && (found = loader_find(loader, name, &e)))
            HASH_FIND_STR(loader->loaded, name, known);
        else if (!*e.what)
            error_set(&e, "its name is not 1 to %d of a-z 0-9 _ -", NAME_MOST);
        if (known && strcmp(known->file, file) != 0) {
            error_set(&e, "hidden by %s", known->file);
            found = NULL;
        }
        each(ctx, file, found, found ? NULL : error_text(&e, text, sizeof text));
    }
    free(entries);
}

void loader_each(struct loader *loader,
                 void (*each)(void *ctx, const char *file, const struct belfry_plugin *descriptor, const char *why),
                 void *ctx)
{
    for (size_t i = 0; i < loader->n_dirs; i++)
        each_in(loader, i, each, ctx);
}
