/* SPDX-License-Identifier: Apache-2.0 */
#include "store/home.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

static const char lock_name[] = "belfry.lock", ballast_name[] = "ballast";

static int fail(struct error *e, const char *path, const char *what)
{
    error_set(e, "%s: %s", what, strerror(errno));
    return error_where(e, "%s", path);
}

/* ---- opening ---- */

static int check_folder(const struct store_home *home, struct error *e)
{
    struct stat st;
    if (fstat(home->dir_fd, &st) < 0)
        return fail(e, home->path, "cannot look at the state folder");
    if (st.st_uid != geteuid() && st.st_uid != 0) {
        error_set(e, "the state folder belongs to another user (uid %u)", (unsigned)st.st_uid);
        error_where(e, "%s", home->path);
        return error_mend(e, "chown it to the user that the agent runs as");
    }
    if (st.st_mode & (S_IWGRP | S_IWOTH)) {
        error_set(e, "the state folder can be written by other users (mode %04o)", (unsigned)st.st_mode & 07777);
        error_where(e, "%s", home->path);
        return error_mend(e, "chmod 700 it");
    }
    return 0;
}

static int lock_folder(struct store_home *home, struct error *e)
{
    home->lock_fd = openat(home->dir_fd, lock_name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (home->lock_fd < 0)
        return fail(e, home->path, "cannot make the lock file");
    if (flock(home->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno != EWOULDBLOCK)
        return fail(e, home->path, "cannot lock the state folder");
    error_set(e, "another agent is using this state folder");
    error_where(e, "%s", home->path);
    error_mend(e, "stop it, or give this one another folder with --state");
    e->again = true;
    return -1;
}

int store_home_open(struct store_home *home, const char *dir, struct error *e)
{
    *home = (struct store_home){.dir_fd = -1, .lock_fd = -1};
    if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
        fail(e, dir, "cannot make the state folder");
        return error_mend(e, "make it and give it to the user that the agent runs as");
    }
    home->path = realpath(dir, NULL);
    if (!home->path)
        return fail(e, dir, "cannot find the state folder");
    home->dir_fd = open(home->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (home->dir_fd < 0) {
        fail(e, dir, "cannot open the state folder");
        store_home_close(home);
        return -1;
    }
    if (check_folder(home, e) < 0 || lock_folder(home, e) < 0) {
        store_home_close(home);
        return -1;
    }
    return 0;
}

void store_home_close(struct store_home *home)
{
    if (home->lock_fd >= 0)
        close(home->lock_fd);
    if (home->dir_fd >= 0)
        close(home->dir_fd);
    free(home->path);
    *home = (struct store_home){.dir_fd = -1, .lock_fd = -1};
}

/* ---- files ---- */

char *store_home_path(const struct store_home *home, const char *name)
{
    return x_printf("%s/%s", home->path, name);
}

bool store_home_has(const struct store_home *home, const char *name)
{
    return faccessat(home->dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int store_home_create(const struct store_home *home, const char *name, struct error *e)
{
    int fd = openat(home->dir_fd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        AUTOFREE char *path = store_home_path(home, name);
        return fail(e, path, "cannot open or make the file");
    }
    close(fd);
    return 0;
}

int store_home_sync(const struct store_home *home, struct error *e)
{
    return fsync(home->dir_fd) < 0 ? fail(e, home->path, "cannot sync the state folder") : 0;
}

int64_t store_home_room(const struct store_home *home)
{
    struct statvfs fs;
    if (fstatvfs(home->dir_fd, &fs) < 0)
        return 0;
    return (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
}

/* ---- setting a damaged database aside ---- */

/* A name that is not taken: two in one second get a number. */
static char *name_aside(const struct store_home *home)
{
    char stamp[32];
    time_t now = (time_t)(time_wall() / SECOND);
    struct tm tm;
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
    char *name = x_printf(STORE_FILE ".corrupt-%s", stamp);
    for (int i = 2; store_home_has(home, name); i++) {
        free(name);
        name = x_printf(STORE_FILE ".corrupt-%s-%d", stamp, i);
    }
    return name;
}

/* Move a file if it is there. */
static int move(const struct store_home *home, const char *from, const char *to, struct error *e)
{
    if (renameat(home->dir_fd, from, home->dir_fd, to) == 0 || errno == ENOENT)
        return 0;
    AUTOFREE char *path = store_home_path(home, from);
    return fail(e, path, "cannot set the file aside");
}

/* The order matters: the old log must be gone before the new database has the name that the log would be applied to. */
int store_home_replace(const struct store_home *home, char **aside, struct error *e)
{
    AUTOFREE char *name = name_aside(home);
    AUTOFREE char *log_name = x_printf("%s-wal", name);
    if (move(home, STORE_FILE, name, e) < 0 || store_home_sync(home, e) < 0 ||
        move(home, STORE_FILE "-wal", log_name, e) < 0)
        return -1;
    unlinkat(home->dir_fd, STORE_FILE "-shm", 0);
    if (store_home_sync(home, e) < 0 || move(home, STORE_SALVAGE_FILE, STORE_FILE, e) < 0 ||
        store_home_sync(home, e) < 0)
        return -1;
    *aside = store_home_path(home, name);
    return 0;
}

int store_home_mend(const struct store_home *home, struct error *e)
{
    if (!store_home_has(home, STORE_SALVAGE_FILE))
        return 0;
    if (!store_home_has(home, STORE_FILE)) {
        AUTOFREE char *aside = NULL;
        return store_home_replace(home, &aside, e);
    }
    /* The damaged one is still in place: the salvage did not get to its end. */
    unlinkat(home->dir_fd, STORE_SALVAGE_FILE, 0);
    unlinkat(home->dir_fd, STORE_SALVAGE_FILE "-wal", 0);
    unlinkat(home->dir_fd, STORE_SALVAGE_FILE "-shm", 0);
    return 0;
}

/* ---- the ballast ---- */

/* What must be free besides, so that the ballast does not fill the disk that it is there to relieve. */
enum { LEAST_ROOM = 256 * 1024 };

void store_ballast_init(struct store_ballast *ballast, const struct store_home *home, int64_t wanted)
{
    struct statvfs fs;
    int64_t most = fstatvfs(home->dir_fd, &fs) == 0 ? (int64_t)fs.f_blocks * (int64_t)fs.f_frsize / 16 : 0;
    *ballast = (struct store_ballast){.home = home, .size = wanted < most ? wanted : most};
}

/* All its blocks are really there: a file with holes would keep nothing free. */
static bool is_whole(const struct store_ballast *ballast)
{
    struct stat st;
    return fstatat(ballast->home->dir_fd, ballast_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size >= ballast->size &&
           (int64_t)st.st_blocks * 512 >= ballast->size;
}

bool store_ballast_make(const struct store_ballast *ballast)
{
    int64_t room = store_home_room(ballast->home);
    if (ballast->size <= 0)
        return room >= LEAST_ROOM;
    if (is_whole(ballast))
        return true;
    if (room < 2 * ballast->size + LEAST_ROOM)
        return false;
    int fd = openat(ballast->home->dir_fd, ballast_name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool made = posix_fallocate(fd, 0, ballast->size) == 0;
    close(fd);
    if (!made)
        store_ballast_drop(ballast);
    return made;
}

bool store_ballast_drop(const struct store_ballast *ballast)
{
    return unlinkat(ballast->home->dir_fd, ballast_name, 0) == 0;
}
