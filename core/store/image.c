/* SPDX-License-Identifier: Apache-2.0 */
#include "store/image.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/database.h"

enum { PAGE = STORE_PAGE_SIZE, LOG_HEADER = 32, FRAME_HEADER = 24, FRAME = FRAME_HEADER + PAGE };
enum { MOST_PAYLOAD = 64 * 1024 * 1024 };

struct store_image {
    int file, log; /* log -1: none */
    uint32_t pages;
    uint32_t *frames; /* by page number: 1 + the frame that has its newest version; 0: it is in the file */
};

/* ---- the log ---- */

struct reader {
    int fd;
    bool big_endian;
    uint32_t sum[2];
    uint8_t salt[8];
};

static void add_sum(struct reader *log, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i += 8) {
        uint32_t word[2];
        for (int k = 0; k < 2; k++) {
            uint32_t value = store_image_u32(data + i + 4 * (size_t)k);
            word[k] = log->big_endian ? value : __builtin_bswap32(value);
        }
        log->sum[0] += word[0] + log->sum[1];
        log->sum[1] += word[1] + log->sum[0];
    }
}

static bool sum_is(const struct reader *log, const uint8_t *at)
{
    return log->sum[0] == store_image_u32(at) && log->sum[1] == store_image_u32(at + 4);
}

static bool read_at(int fd, void *data, size_t size, int64_t offset)
{
    return pread(fd, data, size, offset) == (ssize_t)size;
}

static bool read_log_header(struct reader *log)
{
    enum { MAGIC = 0x377f0682 }; /* | 1: the sums are of big-endian words */
    uint8_t header[LOG_HEADER];
    if (!read_at(log->fd, header, sizeof header, 0) || (store_image_u32(header) & ~1u) != MAGIC ||
        store_image_u32(header + 8) != PAGE)
        return false;
    log->big_endian = header[3] & 1;
    memcpy(log->salt, header + 16, sizeof log->salt);
    add_sum(log, header, 24);
    return sum_is(log, header + 24);
}

/* Read frame `i`, which must continue what was read before it. */
static bool read_frame(struct reader *log, uint32_t i, uint32_t *page, uint32_t *pages_at_commit)
{
    uint8_t frame[FRAME];
    if (!read_at(log->fd, frame, sizeof frame, LOG_HEADER + (int64_t)i * FRAME) ||
        memcmp(frame + 8, log->salt, sizeof log->salt) != 0)
        return false;
    add_sum(log, frame, 8);
    add_sum(log, frame + FRAME_HEADER, PAGE);
    *page = store_image_u32(frame);
    *pages_at_commit = store_image_u32(frame + 4);
    return sum_is(log, frame + 16) && *page > 0;
}

static void place_frame(struct store_image *image, uint32_t page, uint32_t frame)
{
    if (page > image->pages) {
        image->frames = x_realloc(image->frames, ((size_t)page + 1) * sizeof *image->frames);
        memset(image->frames + image->pages + 1, 0, (page - image->pages) * sizeof *image->frames);
        image->pages = page;
    }
    image->frames[page] = frame + 1;
}

/* Only whole transactions count. */
static void read_log(struct store_image *image)
{
    struct reader log = {.fd = image->log};
    if (!read_log_header(&log))
        return;
    AUTOBUF waiting = {0}; /* page numbers of the transaction that is being read */
    uint32_t page, pages_at_commit, first = 0;
    for (uint32_t i = 0; read_frame(&log, i, &page, &pages_at_commit); i++) {
        buf_add(&waiting, &page, sizeof page);
        if (!pages_at_commit)
            continue;
        for (uint32_t k = first; k <= i; k++) {
            memcpy(&page, waiting.data + (k - first) * sizeof page, sizeof page);
            if (page <= pages_at_commit)
                place_frame(image, page, k);
        }
        waiting.len = 0;
        first = i + 1;
    }
}

/* ---- pages ---- */

struct store_image *store_image_open(const struct store_home *home, const char *name, struct error *e)
{
    struct stat st;
    struct store_image *image = NEW(struct store_image);
    AUTOFREE char *log_name = x_printf("%s-wal", name);
    image->file = openat(home->dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    image->log = openat(home->dir_fd, log_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (image->file < 0 || fstat(image->file, &st) < 0) {
        error_set(e, "cannot read the damaged database: %s", strerror(errno));
        store_image_close(image);
        return NULL;
    }
    int64_t pages = (st.st_size + PAGE - 1) / PAGE;
    image->pages = pages < UINT32_MAX ? (uint32_t)pages : UINT32_MAX - 1;
    image->frames = x_calloc((size_t)image->pages + 1, sizeof *image->frames);
    if (image->log >= 0)
        read_log(image);
    return image;
}

void store_image_close(struct store_image *image)
{
    if (!image)
        return;
    if (image->file >= 0)
        close(image->file);
    if (image->log >= 0)
        close(image->log);
    free(image->frames);
    free(image);
}

uint32_t store_image_pages(const struct store_image *image)
{
    return image->pages;
}

bool store_image_read(const struct store_image *image, uint32_t number, uint8_t *page)
{
    if (number == 0 || number > image->pages)
        return false;
    uint32_t frame = image->frames[number];
    if (frame)
        return read_at(image->log, page, PAGE, LOG_HEADER + (int64_t)(frame - 1) * FRAME + FRAME_HEADER);
    /* The last page of a file that was cut may be part of one; what is missing reads as nothing. */
    memset(page, 0, PAGE);
    return pread(image->file, page, PAGE, (int64_t)(number - 1) * PAGE) > 0;
}

/* ---- cells ---- */

size_t store_image_varint(const uint8_t *at, const uint8_t *end, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < 8 && at + i < end; i++) {
        value = value << 7 | (at[i] & 0x7f);
        if (!(at[i] & 0x80)) {
            *out = value;
            return i + 1;
        }
    }
    if (end - at < 9)
        return 0;
    *out = value << 8 | at[8];
    return 9;
}

/* How much of a payload is on the leaf itself. */
static size_t local_size(uint64_t size)
{
    const uint64_t most = PAGE - 35, least = (PAGE - 12) * 32 / 255 - 23;
    if (size <= most)
        return (size_t)size;
    uint64_t fit = least + (size - least) % (PAGE - 4);
    return (size_t)(fit <= most ? fit : least);
}

bool store_image_cell(const struct store_image *image, const uint8_t *page, size_t at, struct store_cell *out)
{
    const uint8_t *here = page + at, *end = page + PAGE;
    uint64_t size, id;
    size_t n = at < PAGE ? store_image_varint(here, end, &size) : 0;
    if (!n || size > (uint64_t)image->pages * PAGE || size > MOST_PAYLOAD)
        return false;
    here += n;
    if (!(n = store_image_varint(here, end, &id)))
        return false;
    here += n;
    size_t local = local_size(size);
    if ((size_t)(end - here) < local + (local < size ? 4 : 0))
        return false;
    out->id = (int64_t)id;
    out->payload.len = 0;
    buf_add(&out->payload, here, local);
    uint32_t next = local < size ? store_image_u32(here + local) : 0;
    while (out->payload.len < size) {
        uint8_t more[PAGE];
        if (!store_image_read(image, next, more))
            return false;
        size_t left = (size_t)size - out->payload.len;
        buf_add(&out->payload, more + 4, left < PAGE - 4 ? left : PAGE - 4);
        next = store_image_u32(more);
    }
    return true;
}
