/* SPDX-License-Identifier: Apache-2.0 */
#include "expr/escape.h"

#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* The functions below are given valid UTF-8 and a position within it, and return how many bytes they dealt with. */

static size_t add_json(struct buf *out, const char *at)
{
    switch (*at) {
    case '"':
    case '\\':
        buf_addf(out, "\\%c", *at);
        return 1;
    case '\n':
        buf_adds(out, "\\n");
        return 1;
    case '\r':
        buf_adds(out, "\\r");
        return 1;
    case '\t':
        buf_adds(out, "\\t");
        return 1;
    case '<': /* so that it may stand in a page's script: </script> and <!-- end or change one */
        buf_adds(out, "\\u003c");
        return 1;
    }
    if ((unsigned char)*at < ' ' || *at == 0x7f) {
        buf_addf(out, "\\u%04x", (unsigned)*at);
        return 1;
    }
    if (strncmp(at, "\xe2\x80\xa8", 3) == 0 || strncmp(at, "\xe2\x80\xa9", 3) == 0) {
        buf_addf(out, "\\u202%c", at[2] == '\xa8' ? '8' : '9'); /* these end a line in older JavaScript */
        return 3;
    }
    buf_addc(out, *at);
    return 1;
}

static size_t add_html(struct buf *out, const char *at)
{
    switch (*at) {
    case '&':
        buf_adds(out, "&amp;");
        break;
    case '<':
        buf_adds(out, "&lt;");
        break;
    case '>':
        buf_adds(out, "&gt;");
        break;
    case '"':
        buf_adds(out, "&#34;");
        break;
    case '\'':
        buf_adds(out, "&#39;");
        break;
    case '\t':
    case '\n':
    case '\r':
        buf_addc(out, *at);
        break;
    default:
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            buf_adds(out, REPLACEMENT); /* a document must not hold these, in any notation */
        else
            buf_addc(out, *at);
    }
    return 1;
}

static size_t add_header(struct buf *out, const char *at)
{
    if ((unsigned char)*at < ' ' || *at == 0x7f) {
        buf_addc(out, ' ');
        return 1;
    }
    if (*at == '\xc2' && (unsigned char)at[1] < 0xa0) { /* U+0080 to U+009F; U+0085 is a new line to some */
        buf_addc(out, ' ');
        return 2;
    }
    buf_addc(out, *at);
    return 1;
}

void escape_add(struct buf *out, const char *value, enum template_escape escape)
{
    size_t length = strlen(value);
    if (escape == TEMPLATE_PLAIN) {
        text_add_utf8(out, value, length);
        return;
    }
    AUTOBUF valid = {0};
    text_add_utf8(&valid, value, length);
    for (const char *at = buf_str(&valid); *at;)
        at += escape == TEMPLATE_JSON   ? add_json(out, at)
              : escape == TEMPLATE_HTML ? add_html(out, at)
                                        : add_header(out, at);
}
