/* SPDX-License-Identifier: Apache-2.0 */
/* The pages of a database file as its last commit left them: the file itself under the valid frames of its log. Nothing
 * that is read is trusted. */
#ifndef BELFRY_STORE_IMAGE_H
#define BELFRY_STORE_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"
#include "store/home.h"

struct store_image;

/* A cell of a table's leaf: `payload` is the record in SQLite's format. */
struct store_cell {
    int64_t id;
    struct buf payload;
};

struct store_image *store_image_open(const struct store_home *home, const char *name, struct error *e);
void store_image_close(struct store_image *image);
uint32_t store_image_pages(const struct store_image *image); /* numbered from 1 */
/* False: it cannot be read. */
bool store_image_read(const struct store_image *image, uint32_t number, uint8_t *page);
/* The cell at an offset of a leaf, with what is on its overflow pages. False: it makes no sense. */
bool store_image_cell(const struct store_image *image, const uint8_t *page, size_t at, struct store_cell *out);

/* Numbers as SQLite writes them, most significant byte first. */
static inline uint32_t store_image_u16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}
static inline uint32_t store_image_u32(const uint8_t *at)
{
    return store_image_u16(at) << 16 | store_image_u16(at + 2);
}
/* A number of 1 to 9 bytes; returns how many, 0: it does not end before `end`. */
size_t store_image_varint(const uint8_t *at, const uint8_t *end, uint64_t *out);

#endif
