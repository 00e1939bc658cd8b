/* SPDX-License-Identifier: Apache-2.0 */
#include "message.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum {
    LINE = 76,           /* RFC 2047: a header line with an encoded-word; RFC 2045: a line of encoded text */
    MOST_UNBROKEN = 900, /* RFC 5322 allows 998 bytes in a line; what has no space cannot be folded */
    WORD_BYTES = 45,     /* in base64 with its frame that is 72 of the 75 characters of an encoded-word */
};

/* ---- Addresses and headers, before they are believed ---- */

static bool has_control(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    return false;
}

#define LETTERS_AND_DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

static const char *check_address(const char *address)
{
    const char *at = strchr(address, '@');
    if (!at)
        return "has no @: write name@domain or Name <name@domain>";
    const char *domain = at + 1, *odd = address + strspn(address, LETTERS_AND_DIGITS "!#$%&'*+-/=?^_`{|}~.");
    if (odd < at && *odd & 0x80)
        return "has letters outside ASCII before the @, which many servers cannot carry: use an ASCII address";
    if (odd != at || at == address || at - address > 64)
        return "has something before the @ that is not 1 to 64 letters, digits or .!#$%&'*+-/=?^_`{|}~";
    size_t n = strspn(domain, LETTERS_AND_DIGITS "-._");
    if (domain[n] & 0x80)
        return "has a domain with letters outside ASCII: write it in punycode (xn--...)";
    if (domain[n] || n == 0 || n > 255 || strstr(domain, "..") || strchr("-.", domain[0]) ||
        strchr("-.", domain[n - 1]))
        return "has no proper domain behind the @";
    return NULL;
}

/* The display name without the quotes it may be written in. */
static const char *read_name(const char *text, size_t length, struct mailbox *out)
{
    while (length && text[length - 1] == ' ')
        length--;
    bool quoted = length >= 2 && text[0] == '"' && text[length - 1] == '"';
    if (quoted) {
        text++;
        length -= 2;
    }
    size_t n = 0;
    for (size_t i = 0; i < length; i++) {
        if (quoted && text[i] == '\\' && i + 1 < length)
            i++;
        if (n == sizeof out->name - 1)
            return "has a name of more than 255 bytes";
        out->name[n++] = text[i];
    }
    out->name[n] = '\0';
    return NULL;
}

const char *mailbox_parse(const char *text, struct mailbox *out)
{
    if (has_control(text))
        return "has a control character in it";
    while (*text == ' ')
        text++;
    size_t length = strlen(text);
    while (length && text[length - 1] == ' ')
        length--;
    out->name[0] = '\0';
    if (length && text[length - 1] == '>') {
        const char *open = memrchr(text, '<', length);
        const char *why = open ? read_name(text, (size_t)(open - text), out) : "has a > without a <";
        if (why)
            return why;
        length = (size_t)(text + length - 1 - (open + 1));
        text = open + 1;
    }
    if (length >= sizeof out->address)
        return "is longer than an address can be";
    memcpy(out->address, text, length);
    out->address[length] = '\0';
    return check_address(out->address);
}

const char *message_check_header(const char *name, const char *value)
{
    static const char ours[] = " date from to cc bcc reply-to subject message-id references in-reply-to auto-submitted "
                               "mime-version return-path received x-auto-response-suppress ";
    char word[80];
    if (!*name || strlen(name) > 64)
        return "a header's name has 1 to 64 characters";
    for (const char *p = name; *p; p++)
        if (*p <= ' ' || *p >= 0x7f || *p == ':')
            return "a header's name is made of letters, digits and -";
    snprintf(word, sizeof word, " %s ", name);
    if (strcasestr(ours, word) || strncasecmp(name, "Content-", 8) == 0)
        return "this header is written by the channel itself";
    if (!*value)
        return "a header needs a value";
    return has_control(value) ? "a header's value must not have a line break or control character in it" : NULL;
}

/* ---- Header fields ---- */

static void write_base64(FILE *out, const char *text, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *bytes = (const unsigned char *)text;
    for (size_t i = 0; i < n; i += 3) {
        uint32_t three = (uint32_t)bytes[i] << 16;
        if (i + 1 < n)
            three |= (uint32_t)bytes[i + 1] << 8;
        if (i + 2 < n)
            three |= bytes[i + 2];
        putc(digits[three >> 18], out);
        putc(digits[three >> 12 & 63], out);
        putc(i + 1 < n ? digits[three >> 6 & 63] : '=', out);
        putc(i + 2 < n ? digits[three & 63] : '=', out);
    }
}

/* A space before the next `length` characters, or a fold where the line would get too long. Returns the column behind
 * them. */
static size_t write_gap(FILE *out, size_t column, size_t length)
{
    bool fold = column + 1 + length > LINE;
    fputs(fold ? "\r\n " : " ", out);
    return (fold ? 0 : column) + 1 + length;
}

/* How much of the text the next word takes: what is left of the line if that is worth it, so that a header does not
 * begin with an empty line; never a part of a code point. */
static size_t word_bytes(const char *text, size_t left, size_t column)
{
    size_t most = WORD_BYTES, here = column + 13 < LINE ? (LINE - column - 13) / 4 * 3 : 0;
    if (here >= WORD_BYTES / 3 && here < most)
        most = here;
    if (left <= most)
        return left;
    while ((text[most] & 0xc0) == 0x80)
        most--;
    return most;
}

static size_t write_encoded_words(FILE *out, const char *text, size_t column)
{
    size_t left = strlen(text);
    while (left) {
        size_t n = word_bytes(text, left, column);
        column = write_gap(out, column, 12 + (n + 2) / 3 * 4);
        fputs("=?UTF-8?B?", out);
        write_base64(out, text, n);
        fputs("?=", out);
        text += n;
        left -= n;
    }
    return column;
}

/* Text that stands in a header as it is: ASCII that a reader cannot take for an encoded-word, and that folding leaves
 * unchanged. */
static bool is_plain(const char *text)
{
    size_t unbroken = 0;
    for (const char *p = text; *p; p++) {
        if (*p & 0x80 || (p[0] == '=' && p[1] == '?') || (p[0] == ' ' && (p == text || p[1] == ' ' || !p[1])))
            return false;
        unbroken = *p == ' ' ? 0 : unbroken + 1;
        if (unbroken > MOST_UNBROKEN)
            return false;
    }
    return true;
}

static void write_text_header(FILE *out, const char *name, const char *value)
{
    fprintf(out, "%s:", name);
    size_t column = strlen(name) + 1;
    if (is_plain(value)) {
        for (size_t n; n = strcspn(value, " "), n; value += n + (value[n] == ' ')) {
            column = write_gap(out, column, n);
            fwrite(value, 1, n, out);
        }
    } else {
        write_encoded_words(out, value, column);
    }
    fputs("\r\n", out);
}

static size_t write_mailbox(FILE *out, const struct mailbox *mailbox, size_t column)
{
    const char *name = mailbox->name;
    if (*name && is_plain(name) && !strpbrk(name, "\"\\")) {
        column = write_gap(out, column, strlen(name) + 2);
        fprintf(out, "\"%s\"", name);
    } else {
        column = write_encoded_words(out, name, column);
    }
    column = write_gap(out, column, strlen(mailbox->address) + 2);
    fprintf(out, *name ? "<%s>" : "%s", mailbox->address);
    return column;
}

static void write_mailboxes(FILE *out, const char *name, struct belfry_list list)
{
    struct mailbox mailbox;
    size_t column = 0;
    for (size_t i = 0; i < list.n; i++) {
        if (mailbox_parse(list.item[i], &mailbox))
            continue;
        column += (size_t)(column ? fprintf(out, ",") : fprintf(out, "%s:", name));
        column = write_mailbox(out, &mailbox, column);
    }
    fputs(column ? "\r\n" : "", out);
}

static void write_date(FILE *out, int64_t ms)
{
    /* strftime would name days and months in the locale's language. */
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm = {0};
    gmtime_r(&seconds, &tm);
    fprintf(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n", days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
            tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static uint64_t hash(const char *text) /* FNV-1a: only has to differ, not to hide */
{
    uint64_t h = 14695981039346656037u;
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 1099511628211u;
    return h;
}

/* A retry keeps its Message-ID, so that a receiver can drop it. Mails about one thing answer a common root, which need
 * not exist: that is how readers gather them in a thread. */
static void write_identity(FILE *out, const struct message *message)
{
    fprintf(out, "Message-ID: <%s@%s>\r\n", message->id, message->domain);
    if (!*message->thread)
        return;
    char root[300];
    snprintf(root, sizeof root, "<alert-%016" PRIx64 "@%s>", hash(message->thread), message->domain);
    fprintf(out, "In-Reply-To: %s\r\nReferences: %s\r\n", root, root);
}

/* ---- The body ---- */

/* Quoted-printable for every script: the text stays searchable in the raw message, and filters that distrust hidden
 * text in base64 have nothing to say. */
static void write_quoted_printable(FILE *out, const char *text)
{
    size_t column = 0;
    for (; *text; text++) {
        size_t line_end = text[0] == '\r' && text[1] == '\n' ? 2 : text[0] == '\n';
        if (line_end) {
            fputs("\r\n", out);
            column = 0;
            text += line_end - 1;
            continue;
        }
        bool blank = *text == ' ' || *text == '\t'; /* may not be the last of a line */
        bool literal = blank ? !strchr("\r\n", text[1]) : *text > ' ' && *text < 0x7f && *text != '=';
        if (column + (literal ? 1 : 3) > LINE - 1) {
            fputs("=\r\n", out);
            column = 0;
        }
        column += (size_t)fprintf(out, literal ? "%c" : "=%02X", (unsigned char)*text);
    }
    fputs(column ? "\r\n" : "", out);
}

static void write_part(FILE *out, const char *type, const char *text)
{
    fprintf(out, "Content-Type: %s; charset=UTF-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n", type);
    write_quoted_printable(out, text);
}

static void write_body(FILE *out, const struct message *message)
{
    if (!message->html) {
        write_part(out, "text/plain", message->text);
        return;
    }
    uint64_t boundary = hash(message->id); /* behind "=_", which stands in no quoted-printable line */
    fprintf(out, "Content-Type: multipart/alternative; boundary=\"=_%016" PRIx64 "\"\r\n", boundary);
    fprintf(out, "\r\n--=_%016" PRIx64 "\r\n", boundary);
    write_part(out, "text/plain", message->text);
    fprintf(out, "\r\n--=_%016" PRIx64 "\r\n", boundary);
    write_part(out, "text/html", message->html); /* last is what a reader prefers */
    fprintf(out, "\r\n--=_%016" PRIx64 "--\r\n", boundary);
}

char *message_write(const struct message *message, size_t *size)
{
    char *bytes = NULL;
    FILE *out = open_memstream(&bytes, size);
    if (!out)
        return NULL;
    write_date(out, message->date);
    write_mailboxes(out, "From", message->from);
    write_mailboxes(out, "To", message->to);
    write_mailboxes(out, "Reply-To", message->reply_to);
    write_text_header(out, "Subject", message->subject);
    write_identity(out, message);
    fputs("Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\n", out);
    for (size_t i = 0; i < message->headers.n; i++)
        write_text_header(out, message->headers.pair[i].key, message->headers.pair[i].value);
    fputs("MIME-Version: 1.0\r\n", out);
    write_body(out, message);
    bool failed = ferror(out);
    if (fclose(out) || failed) {
        free(bytes);
        return NULL;
    }
    return bytes;
}
