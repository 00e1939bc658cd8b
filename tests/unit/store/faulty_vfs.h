/* SPDX-License-Identifier: Apache-2.0 */
/* A layer under SQLite that fails on demand and remembers what was synced: the disk of these tests. Registered as the
 * default VFS, so that the store under test uses it without knowing. */
#ifndef TEST_STORE_FAULTY_VFS_H
#define TEST_STORE_FAULTY_VFS_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

/* A file as the disk has it: what was synced, and the writes since, each of which may or may not have arrived. */
struct disk_write {
    sqlite3_int64 at;
    size_t size;
    char *data; /* null: the file was cut to `at` */
};
struct disk_file {
    char name[64];
    struct buf synced;
    struct disk_write *writes;
    size_t n, cap;
};

static struct {
    pthread_mutex_t lock;
    sqlite3_vfs *real;
    int fail_sync_at; /* the n-th sync from now of a file that is written; 0: none */
    int fail_write_at;
    int fail_write_code;
    int syncs_since_failure;
    bool failed;
    bool full; /* no write succeeds */
    bool lie;  /* forget to note syncs: a disk that loses all */
    bool record;
    struct disk_file files[16];
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct faulty_file {
    sqlite3_file base;
    struct disk_file *disk;
    sqlite3_file *real; /* in the memory behind this */
};

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct faulty_file *)file)->real;
}

/* ---- what the disk knows; with the lock held ---- */

/* What is in a file when it is opened was synced long ago. */
static void disk_load(struct disk_file *file, const char *path)
{
    char buffer[4096];
    FILE *in = fopen(path, "rb");
    for (size_t n; in && (n = fread(buffer, 1, sizeof buffer, in)) > 0;)
        buf_add(&file->synced, buffer, n);
    if (in)
        fclose(in);
}

static void disk_clear(struct disk_file *file)
{
    for (size_t i = 0; i < file->n; i++)
        free(file->writes[i].data);
    file->n = 0;
}

static void disk_reset(void)
{
    pthread_mutex_lock(&disk.lock);
    for (size_t i = 0; i < COUNT(disk.files); i++) {
        disk_clear(&disk.files[i]);
        free(disk.files[i].writes);
        buf_free(&disk.files[i].synced);
    }
    memset(disk.files, 0, sizeof disk.files);
    disk.fail_sync_at = disk.fail_write_at = disk.syncs_since_failure = 0;
    disk.failed = disk.full = disk.lie = disk.record = false;
    pthread_mutex_unlock(&disk.lock);
}

static struct disk_file *disk_find(const char *path)
{
    const char *name = strrchr(path, '/') + 1;
    for (size_t i = 0; i < COUNT(disk.files); i++) {
        struct disk_file *file = &disk.files[i];
        if (!file->name[0]) {
            snprintf(file->name, sizeof file->name, "%s", name);
            disk_load(file, path);
        }
        if (strcmp(file->name, name) == 0)
            return file;
    }
    abort();
}

static void disk_note(struct disk_file *file, sqlite3_int64 at, const void *data, size_t size)
{
    if (!disk.record || !file)
        return;
    if (file->n == file->cap) {
        file->cap = file->cap ? file->cap * 2 : 64;
        file->writes = x_realloc(file->writes, file->cap * sizeof *file->writes);
    }
    struct disk_write *write = &file->writes[file->n++];
    *write = (struct disk_write){.at = at, .size = size, .data = data ? x_malloc(size) : NULL};
    if (data)
        memcpy(write->data, data, size);
}

static void disk_extend(struct buf *image, size_t size)
{
    static const char zeros[4096];
    while (image->len < size)
        buf_add(image, zeros, size - image->len < sizeof zeros ? size - image->len : sizeof zeros);
}

/* Apply a part of a write. */
static void disk_apply(struct buf *image, const struct disk_write *write, size_t from, size_t size)
{
    if (!write->data) {
        if (image->len > (size_t)write->at)
            image->len = (size_t)write->at;
        return;
    }
    disk_extend(image, (size_t)write->at + from + size);
    memcpy(image->data + write->at + from, write->data + from, size);
}

static void disk_sync(struct disk_file *file)
{
    if (!disk.record || !file || disk.lie)
        return;
    for (size_t i = 0; i < file->n; i++)
        disk_apply(&file->synced, &file->writes[i], 0, file->writes[i].size);
    disk_clear(file);
}

/* After a power cut: what was synced, and of every later write, sector by sector, what chance left. */
__attribute__((unused)) static void disk_cut(const struct disk_file *file, uint64_t *random, struct buf *image)
{
    enum { SECTOR = 512 };
    image->len = 0;
    buf_add(image, file->synced.data, file->synced.len);
    for (size_t i = 0; i < file->n; i++) {
        const struct disk_write *write = &file->writes[i];
        for (size_t from = 0; from < write->size || (!write->data && !from); from += SECTOR) {
            *random = *random * 6364136223846793005ull + 1442695040888963407ull;
            size_t left = write->size - from;
            if (*random >> 63)
                disk_apply(image, write, from, left < SECTOR ? left : SECTOR);
            if (!write->data)
                break;
        }
    }
}

/* ---- the layer ---- */

static bool comes_due(int *countdown)
{
    return *countdown > 0 && --*countdown == 0;
}

static int faulty_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 at)
{
    pthread_mutex_lock(&disk.lock);
    bool fails = comes_due(&disk.fail_write_at);
    int code = fails ? disk.fail_write_code : disk.full ? SQLITE_FULL : SQLITE_OK;
    disk.failed |= fails;
    if (code == SQLITE_OK)
        disk_note(((struct faulty_file *)file)->disk, at, data, (size_t)size);
    pthread_mutex_unlock(&disk.lock);
    return code != SQLITE_OK ? code : real_of(file)->pMethods->xWrite(real_of(file), data, size, at);
}

static int faulty_sync(sqlite3_file *file, int flags)
{
    pthread_mutex_lock(&disk.lock);
    disk.syncs_since_failure += disk.failed;
    bool fails = comes_due(&disk.fail_sync_at);
    disk.failed |= fails;
    if (!fails)
        disk_sync(((struct faulty_file *)file)->disk);
    pthread_mutex_unlock(&disk.lock);
    return fails ? SQLITE_IOERR_FSYNC : real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int faulty_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    pthread_mutex_lock(&disk.lock);
    disk_note(((struct faulty_file *)file)->disk, size, NULL, 0);
    pthread_mutex_unlock(&disk.lock);
    return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int faulty_close(sqlite3_file *file)
{
    return real_of(file)->pMethods->xClose(real_of(file));
}
static int faulty_read(sqlite3_file *file, void *data, int size, sqlite3_int64 at)
{
    return real_of(file)->pMethods->xRead(real_of(file), data, size, at);
}
static int faulty_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}
static int faulty_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}
static int faulty_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}
static int faulty_reserved(sqlite3_file *file, int *out)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}
static int faulty_control(sqlite3_file *file, int op, void *arg)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), op, arg);
}
static int faulty_sector(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}
static int faulty_character(sqlite3_file *file)
{
    /* Nothing is promised of unsynced writes. */
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file)) & ~SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}
static int faulty_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, out);
}
static int faulty_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, n, flags);
}
static void faulty_shm_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}
static int faulty_shm_unmap(sqlite3_file *file, int delete)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), delete);
}

static const sqlite3_io_methods faulty_methods = {
    .iVersion = 2,
    .xClose = faulty_close,
    .xRead = faulty_read,
    .xWrite = faulty_write,
    .xTruncate = faulty_truncate,
    .xSync = faulty_sync,
    .xFileSize = faulty_size,
    .xLock = faulty_lock,
    .xUnlock = faulty_unlock,
    .xCheckReservedLock = faulty_reserved,
    .xFileControl = faulty_control,
    .xSectorSize = faulty_sector,
    .xDeviceCharacteristics = faulty_character,
    .xShmMap = faulty_shm_map,
    .xShmLock = faulty_shm_lock,
    .xShmBarrier = faulty_shm_barrier,
    .xShmUnmap = faulty_shm_unmap,
};

static int faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    (void)vfs;
    struct faulty_file *faulty = (struct faulty_file *)file;
    faulty->real = (sqlite3_file *)(faulty + 1);
    int code = disk.real->xOpen(disk.real, name, faulty->real, flags, out_flags);
    faulty->base.pMethods = faulty->real->pMethods ? &faulty_methods : NULL;
    pthread_mutex_lock(&disk.lock);
    faulty->disk = name && disk.record ? disk_find(name) : NULL;
    pthread_mutex_unlock(&disk.lock);
    return code;
}

static void faulty_vfs_use(void)
{
    static sqlite3_vfs vfs;
    if (disk.real)
        return;
    disk.real = sqlite3_vfs_find(NULL);
    vfs = *disk.real;
    vfs.zName = "faulty";
    vfs.szOsFile = (int)sizeof(struct faulty_file) + disk.real->szOsFile;
    vfs.xOpen = faulty_open;
    sqlite3_vfs_register(&vfs, 1);
}

#endif
