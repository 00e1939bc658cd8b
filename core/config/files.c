/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which files make up the configuration, and whether they may be believed: whoever can write one of them, or a folder
 * above it, commands the agent. Folders are checked from the root down, so that a name once found safe cannot be
 * exchanged afterwards but by those who are trusted anyway.
 */
#include "config/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct walk {
    struct arena *arena;
    struct problems *problems;
    size_t files;
    void (*each)(void *ctx, const char *path, const char *data, size_t size);
    void *ctx;
};

struct folder {
    int fd;
    const char *shown; /* as the user knows it */
};

struct drop_in {
    char *name;
    const struct folder *folder;
};

char *file_read_all(int fd, size_t most, size_t *size)
{
    struct buf text = {0};
    char part[16384];
    ssize_t n;
    while ((n = read(fd, part, sizeof part)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || text.len + (size_t)n > most) {
            int error = n < 0 ? errno : EFBIG;
            buf_free(&text);
            errno = error;
            return NULL;
        }
        buf_add(&text, part, (size_t)n);
    }
    *size = text.len;
    return buf_take(&text);
}

const char *file_distrust(uid_t owner, unsigned mode, char *out, size_t size)
{
    bool sticky_folder = S_ISDIR(mode) && (mode & S_ISVTX);
    if (owner != 0 && owner != geteuid())
        snprintf(out, size, "is owned by user %u, not by root or by the agent's own user", (unsigned)owner);
    else if ((mode & (S_IWGRP | S_IWOTH)) && !sticky_folder)
        snprintf(out, size, "can be written by others (mode %04o): chmod go-w", mode & 07777);
    else
        return NULL;
    return out;
}

static struct position whole(const char *path)
{
    return (struct position){.file = path};
}

/* `real` is absolute and free of symbolic links. */
static bool folders_are_safe(struct walk *walk, const char *real, const char *shown)
{
    char why[160];
    for (size_t end = 0;; end += 1 + strcspn(real + end + 1, "/")) {
        AUTOFREE char *path = x_strndup(real, end ? end : 1);
        struct stat st;
        if (lstat(path, &st) != 0) {
            problems_add(walk->problems, whole(shown), "cannot look at folder '%s': %s", path, strerror(errno));
            return false;
        }
        if (file_distrust(st.st_uid, st.st_mode, why, sizeof why)) {
            problems_add(walk->problems, whole(shown), "folder '%s' %s", path, why);
            return false;
        }
        if (!real[end] || !real[end + 1])
            return true;
    }
}

static int open_folder(struct walk *walk, const char *real, const char *shown)
{
    if (!folders_are_safe(walk, real, shown))
        return -1;
    int fd = open(real, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        problems_add(walk->problems, whole(shown), "cannot open the folder: %s", strerror(errno));
    return fd;
}

static bool file_is_fit(struct walk *walk, int fd, const char *shown)
{
    struct stat st;
    char why[160];
    if (fstat(fd, &st) != 0)
        problems_add(walk->problems, whole(shown), "cannot look at it: %s", strerror(errno));
    else if (!S_ISREG(st.st_mode))
        problems_add(walk->problems, whole(shown), "is not a regular file");
    else if (file_distrust(st.st_uid, st.st_mode, why, sizeof why))
        problems_add(walk->problems, whole(shown), "%s", why);
    else
        return true;
    return false;
}

static void read_file(struct walk *walk, int folder, const char *name, const char *shown)
{
    if (walk->files++ >= FILES_MOST) {
        if (walk->files == FILES_MOST + 1)
            problems_add(walk->problems, whole(shown), "more than %d configuration files", FILES_MOST);
        return;
    }
    /* O_NONBLOCK: a FIFO without a writer must not hold us up; it has no effect on regular files. */
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        if (errno == ELOOP)
            problems_add(walk->problems, whole(shown), "is a symbolic link: put the file itself here");
        else
            problems_add(walk->problems, whole(shown), "cannot open it: %s", strerror(errno));
        return;
    }
    if (file_is_fit(walk, fd, shown)) {
        size_t size;
        AUTOFREE char *data = file_read_all(fd, FILE_MOST_BYTES, &size);
        if (data)
            walk->each(walk->ctx, arena_strdup(walk->arena, shown), data, size);
        else if (errno == EFBIG)
            problems_add(walk->problems, whole(shown), "is larger than 1 MiB");
        else
            problems_add(walk->problems, whole(shown), "cannot read it: %s", strerror(errno));
    }
    close(fd);
}

/* ---- Folders of drop-ins ---- */

static int is_drop_in(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return entry->d_name[0] != '.' && dot && strcmp(dot, ".yaml") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* systemd's way to switch off a vendor's file: a link of its name to /dev/null. */
static bool is_masked(const struct drop_in *file)
{
    char target[16];
    ssize_t n = readlinkat(file->folder->fd, file->name, target, sizeof target);
    return n == (ssize_t)strlen("/dev/null") && memcmp(target, "/dev/null", (size_t)n) == 0;
}

static void read_drop_in(struct walk *walk, const struct drop_in *file)
{
    if (is_masked(file))
        return;
    const char *dir = file->folder->shown;
    bool slash = dir[0] && dir[strlen(dir) - 1] == '/';
    AUTOFREE char *shown = x_printf("%s%s%s", dir, slash ? "" : "/", file->name);
    read_file(walk, file->folder->fd, file->name, shown);
}

static size_t list_folder(struct walk *walk, const struct folder *folder, struct drop_in **out)
{
    struct dirent **entries = NULL;
    int n = scandirat(folder->fd, ".", &entries, is_drop_in, by_name);
    if (n < 0) {
        problems_add(walk->problems, whole(folder->shown), "cannot list the folder: %s", strerror(errno));
        return 0;
    }
    *out = x_calloc((size_t)n, sizeof **out);
    for (int i = 0; i < n; i++) {
        (*out)[i] = (struct drop_in){x_strdup(entries[i]->d_name), folder};
        free(entries[i]);
    }
    free(entries);
    return (size_t)n;
}

static void free_list(struct drop_in *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(list[i].name);
    free(list);
}

/* Two sorted lists as one, in byte order of the names; of two with the same name the first list's. */
static void read_folders(struct walk *walk, const struct folder *first, const struct folder *second)
{
    struct drop_in *a = NULL, *b = NULL;
    size_t n_a = first->fd >= 0 ? list_folder(walk, first, &a) : 0;
    size_t n_b = second && second->fd >= 0 ? list_folder(walk, second, &b) : 0;
    for (size_t i = 0, j = 0; i < n_a || j < n_b;) {
        int order = i == n_a ? 1 : j == n_b ? -1 : strcmp(a[i].name, b[j].name);
        read_drop_in(walk, order <= 0 ? &a[i] : &b[j]);
        i += order <= 0;
        j += order >= 0;
    }
    if (!second && first->fd >= 0 && n_a == 0)
        problems_warn(walk->problems, whole(first->shown), "no *.yaml file in this folder");
    free_list(a, n_a);
    free_list(b, n_b);
}

/* ---- Places ---- */

static void read_named_file(struct walk *walk, char *real, const char *shown)
{
    char *slash = strrchr(real, '/');
    AUTOFREE char *parent = x_strndup(real, slash == real ? 1 : (size_t)(slash - real));
    int fd = open_folder(walk, parent, shown);
    if (fd < 0)
        return;
    read_file(walk, fd, slash + 1, shown);
    close(fd);
}

/* A path that the user gave: links on the way are followed, what counts is where they end. */
static void read_named(struct walk *walk, const char *path)
{
    const char *shown = arena_strdup(walk->arena, path);
    AUTOFREE char *real = realpath(path, NULL);
    struct stat st;
    if (!real || lstat(real, &st) != 0) {
        problems_add(walk->problems, whole(shown), "cannot open it: %s", strerror(errno));
        return;
    }
    if (!S_ISDIR(st.st_mode)) {
        read_named_file(walk, real, shown);
        return;
    }
    struct folder folder = {open_folder(walk, real, shown), shown};
    read_folders(walk, &folder, NULL);
    if (folder.fd >= 0)
        close(folder.fd);
}

/* A folder that need not be there: fd -1 without a problem. */
static struct folder open_default(struct walk *walk, const char *path)
{
    const char *shown = arena_strdup(walk->arena, path);
    AUTOFREE char *real = realpath(path, NULL);
    if (!real && errno != ENOENT)
        problems_add(walk->problems, whole(shown), "cannot open the folder: %s", strerror(errno));
    return (struct folder){real ? open_folder(walk, real, shown) : -1, shown};
}

static void read_defaults(struct walk *walk, const char *conf_dir, const char *vendor_dir)
{
    struct folder conf = open_default(walk, conf_dir);
    if (conf.fd >= 0) {
        AUTOFREE char *shown = x_printf("%s/belfry.yaml", conf_dir);
        struct stat st;
        if (fstatat(conf.fd, "belfry.yaml", &st, AT_SYMLINK_NOFOLLOW) == 0)
            read_file(walk, conf.fd, "belfry.yaml", shown);
        close(conf.fd);
    }
    AUTOFREE char *own_path = x_printf("%s/conf.d", conf_dir);
    AUTOFREE char *vendor_path = x_printf("%s/conf.d", vendor_dir);
    struct folder own = open_default(walk, own_path), vendor = open_default(walk, vendor_path);
    read_folders(walk, &own, &vendor);
    if (own.fd >= 0)
        close(own.fd);
    if (vendor.fd >= 0)
        close(vendor.fd);
}

void files_each(const struct file_places *places, struct arena *arena, struct problems *problems,
                void (*each)(void *ctx, const char *path, const char *data, size_t size), void *ctx)
{
    struct walk walk = {.arena = arena, .problems = problems, .each = each, .ctx = ctx};
    for (size_t i = 0; i < places->n_paths; i++)
        read_named(&walk, places->paths[i]);
    if (places->n_paths == 0)
        read_defaults(&walk, places->conf_dir, places->vendor_dir);
}
