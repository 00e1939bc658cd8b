/* SPDX-License-Identifier: Apache-2.0 */
#include "store/salvage.h"

#include <string.h>

#include "store/database.h"
#include "store/image.h"

enum { LEAF = 0x0d, LEAF_HEADER = 8, COLUMNS = 5 };

struct salvage {
    struct store_image *image;
    struct store_db *db;
    struct store_cell cell;
    struct buf key, data;
    long long found, lost;
};

/* ---- one record ---- */

struct column {
    uint64_t type;
    const uint8_t *at;
    size_t size;
};

/* The size of a value by its type: integers of several widths, and text. False: a type that we never write. */
static bool column_size(uint64_t type, size_t *size)
{
    static const uint8_t sizes[] = {0, 1, 2, 3, 4, 6, 8};
    if (type < COUNT(sizes))
        *size = sizes[type];
    else if (type == 8 || type == 9)
        *size = 0;
    else if (type >= 13 && type % 2 == 1)
        *size = (size_t)((type - 13) / 2);
    else
        return false;
    return true;
}

static bool split(const struct buf *payload, struct column columns[COLUMNS])
{
    const uint8_t *data = (const uint8_t *)payload->data;
    uint64_t header;
    size_t n = store_image_varint(data, data + payload->len, &header);
    if (!n || header > payload->len)
        return false;
    const uint8_t *type = data + n, *value = data + header, *end = data + payload->len;
    for (int i = 0; i < COLUMNS; i++) {
        n = store_image_varint(type, data + header, &columns[i].type);
        if (!n || !column_size(columns[i].type, &columns[i].size) || columns[i].size > (size_t)(end - value))
            return false;
        columns[i].at = value;
        type += n;
        value += columns[i].size;
    }
    return true;
}

static bool get_int(const struct column *column, int64_t *out)
{
    if (column->type == 8 || column->type == 9) {
        *out = (int64_t)column->type - 8;
        return true;
    }
    if (column->type == 0 || column->type > 6)
        return false;
    uint64_t value = column->at[0] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = 0; i < column->size; i++)
        value = value << 8 | column->at[i];
    *out = (int64_t)value;
    return true;
}

static bool get_text(const struct column *column, struct buf *out)
{
    out->len = 0;
    buf_add(out, column->at, column->size);
    return column->type >= 13;
}

/* The table whose record this is; -1: none's. */
static int recognize(struct salvage *s, struct store_record *record)
{
    struct column columns[COLUMNS]; /* the first is empty: the id is the cell's */
    int64_t sum;
    if (!split(&s->cell.payload, columns) || !get_text(&columns[1], &s->key) || !get_int(&columns[2], &record->time) ||
        !get_text(&columns[3], &s->data) || !get_int(&columns[4], &sum))
        return -1;
    record->id = s->cell.id;
    record->key = buf_str(&s->key);
    record->data = buf_str(&s->data);
    record->size = s->data.len;
    uint64_t any = store_db_sum(record->id, record->key, s->key.len, record->time, record->data, record->size);
    for (int table = 0; table < STORE_ALL_TABLES; table++)
        if (store_db_sum_in(any, table) == sum)
            return table;
    return -1;
}

/* ---- all of them ---- */

/* Of the store's own notes only the highest ids are of use to a new database. */
static void take_note(struct salvage *s, const struct store_record *note)
{
    int64_t last = strtoll(note->data, NULL, 10);
    if (note->id >= 0 && note->id < STORE_TABLES && last > s->db->last[note->id])
        s->db->last[note->id] = last;
}

static int take_record(struct salvage *s, int table, const struct store_record *record, struct error *e)
{
    if (table == STORE_NOTES) {
        take_note(s, record);
        return 0;
    }
    s->found++;
    return store_db_put(s->db->put[table], table, record) ? 0
                                                          : store_db_fail(s->db->sql, "cannot carry over a record", e);
}

static int take_leaf(struct salvage *s, const uint8_t *page, struct error *e)
{
    uint32_t n = store_image_u16(page + 3);
    for (uint32_t i = 0; i < n && LEAF_HEADER + 2 * i + 2 <= STORE_PAGE_SIZE; i++) {
        struct store_record record = {0};
        int table = -1;
        if (store_image_cell(s->image, page, store_image_u16(page + LEAF_HEADER + 2 * i), &s->cell))
            table = recognize(s, &record);
        if (table < 0)
            s->lost++;
        else if (take_record(s, table, &record, e) < 0)
            return -1;
    }
    return 0;
}

/* Pages out of use hold nothing, since what is deleted is wiped. */
static int take_pages(struct salvage *s, struct error *e)
{
    uint32_t pages = store_image_pages(s->image);
    for (uint32_t i = 2; i <= pages; i++) { /* the first page has the schema, which is known */
        uint8_t page[STORE_PAGE_SIZE];
        if (store_image_read(s->image, i, page) && page[0] == LEAF && take_leaf(s, page, e) < 0)
            return -1;
    }
    return 0;
}

static int carry_over(struct salvage *s, struct error *e)
{
    if (!store_db_run(s->db->begin))
        return store_db_fail(s->db->sql, "cannot carry over the records", e);
    if (take_pages(s, e) < 0)
        return -1;
    return store_db_run(s->db->commit) ? 0 : store_db_fail(s->db->sql, "cannot carry over the records", e);
}

static int fill_new_database(const struct store_home *home, struct salvage *s, struct error *e)
{
    if (store_db_open(home, STORE_SALVAGE_FILE, &s->db, e) != STORE_DB_OPEN)
        return -1;
    int status = carry_over(s, e);
    return store_db_close(s->db, status == 0, status == 0 ? e : NULL) < 0 ? -1 : status;
}

int store_salvage(const struct store_home *home, const char *why, char **story, struct error *e)
{
    struct salvage s = {.image = store_image_open(home, STORE_FILE, e)};
    if (!s.image)
        return -1;
    int status = fill_new_database(home, &s, e);
    store_image_close(s.image);
    buf_free(&s.cell.payload);
    buf_free(&s.key);
    buf_free(&s.data);
    AUTOFREE char *aside = NULL;
    if (status < 0)
        store_home_mend(home, NULL); /* take the unfinished one away */
    if (status < 0 || store_home_replace(home, &aside, e) < 0) {
        error_mend(e, "make room for a second copy of the database; nothing of it was changed");
        return -1;
    }
    *story = x_printf("%s; it was set aside as %s, %lld of its records were carried into a new one, %lld could not be "
                      "read",
                      why, aside, s.found, s.lost);
    return 0;
}
