/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/tail.h"

#include <string.h>

#include "base/base.h"

void tail_add(struct tail *tail, const void *data, size_t len)
{
    const char *from = data;
    if (len > TAIL_BYTES) {
        from += len - TAIL_BYTES;
        len = TAIL_BYTES;
    }
    size_t before_end = TAIL_BYTES - tail->next;
    size_t first = len < before_end ? len : before_end;
    memcpy(tail->data + tail->next, from, first);
    memcpy(tail->data, from + first, len - first);
    tail->next = (tail->next + len) % TAIL_BYTES;
    tail->len = tail->len + len < TAIL_BYTES ? tail->len + len : TAIL_BYTES;
}

char *tail_text(const struct tail *tail)
{
    AUTOFREE char *bytes = x_malloc(tail->len + 1);
    size_t start = tail->len < TAIL_BYTES ? 0 : tail->next, first = tail->len - start;
    memcpy(bytes, tail->data + start, first);
    memcpy(bytes + first, tail->data, tail->len - first);
    size_t skip = 0;
    if (tail->len == TAIL_BYTES) /* the cut may stand within a character */
        while (skip < 3 && ((unsigned char)bytes[skip] & 0xc0) == 0x80)
            skip++;
    for (size_t i = skip; i < tail->len; i++)
        if (!bytes[i])
            bytes[i] = ' ';
    AUTOBUF text = {0};
    text_add_utf8(&text, bytes + skip, tail->len - skip);
    return buf_take(&text);
}
