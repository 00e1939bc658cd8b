/* SPDX-License-Identifier: Apache-2.0 */
#include "expr/expr.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "expr/escape.h"

enum { OUTPUT_LIMIT = 1 << 20 };

enum kind { LITERAL, STRING, NAME };

struct piece {
    enum kind kind;
    const char *text; /* LITERAL, STRING */
    size_t length;    /* of a LITERAL */
    size_t name;      /* NAME: its place among the names given */
    const char *key;  /* null: it is no map */
};

struct belfry_template {
    struct arena *arena; /* the pieces' strings */
    struct piece *pieces;
    size_t n, capacity;
};

static void add_piece(struct belfry_template *template, struct piece piece)
{
    if (template->n == template->capacity) {
        template->capacity = template->capacity ? 2 * template->capacity : 8;
        template->pieces = x_realloc(template->pieces, template->capacity * sizeof *template->pieces);
    }
    template->pieces[template->n++] = piece;
}

/* ---- Reading ---- */

/*
 * What is understood between the braces is a part of the Common Expression Language, so that templates keep their
 * meaning as more of it comes:
 *   expression = string | name [ "." key | "[" string "]" ]
 */
struct reader {
    struct belfry_template *template;
    const struct template_name *names;
    size_t n_names;
    const char *text, *at;
    const char *open; /* the {{ that is being read */
    size_t depth;     /* of braces in the literal text */
    struct error *e;
};

/* The error is at `place`. Always -1. */
static int refuse(struct reader *r, const char *place, const char *what, ...) __attribute__((format(printf, 3, 4)));

static int refuse(struct reader *r, const char *place, const char *what, ...)
{
    if (!r->e)
        return -1;
    int line = 1, column = 1;
    for (const char *p = r->text; p < place; p++) {
        if (*p == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)*p & 0xc0) != 0x80) { /* columns count characters */
            column++;
        }
    }
    AUTOBUF text = {0};
    va_list ap;
    va_start(ap, what);
    buf_vaddf(&text, what, ap);
    va_end(ap);
    error_set(r->e, "%s", buf_str(&text));
    return error_where(r->e, "line %d, column %d", line, column);
}

static int refuse_open(struct reader *r)
{
    refuse(r, r->open, "this {{ is not closed");
    return error_mend(r->e, "close it by }}; for two braces as text write {{ \"{{\" }}");
}

static int refuse_here(struct reader *r)
{
    if (!*r->at)
        return refuse_open(r);
    refuse(r, r->at, "this is not understood");
    return error_mend(r->e, "write {{ name }}, {{ name.key }}, {{ name[\"key\"] }} or {{ \"text\" }}");
}

static void skip_blanks(struct reader *r)
{
    r->at += strspn(r->at, " \t\r\n");
}

static bool take(struct reader *r, char c)
{
    if (*r->at != c)
        return false;
    r->at++;
    return true;
}

/* The identifier at the reader, or null. */
static const char *take_identifier(struct reader *r)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    size_t length = *r->at >= '0' && *r->at <= '9' ? 0 : strspn(r->at, letters);
    const char *from = r->at;
    r->at += length;
    return length ? arena_strndup(r->template->arena, from, length) : NULL;
}

static void add_code_point(struct buf *out, uint32_t c)
{
    if (c < 0x80) {
        buf_addc(out, (char)c);
        return;
    }
    int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char first[] = {0, 0xc0, 0xe0, 0xf0};
    buf_addc(out, (char)(first[more] | c >> 6 * more));
    while (more-- > 0)
        buf_addc(out, (char)(0x80 | (c >> 6 * more & 0x3f)));
}

/* `digits` hexadecimal digits behind the letter of an escape that began at `place`. */
static int take_code_point(struct reader *r, const char *place, int digits, struct buf *out)
{
    uint32_t c = 0;
    for (int i = 0; i < digits; i++, r->at++) {
        static const char hexadecimal[] = "0123456789abcdef0123456789ABCDEF";
        const char *digit = *r->at ? strchr(hexadecimal, *r->at) : NULL;
        if (!digit)
            return *r->at ? refuse(r, place, "this escape needs %d hexadecimal digits", digits) : refuse_open(r);
        c = c << 4 | (uint32_t)((digit - hexadecimal) & 15);
    }
    if (!c || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return refuse(r, place, "this escape is no character that a text can hold");
    add_code_point(out, c);
    return 0;
}

static int take_escape(struct reader *r, struct buf *out)
{
    static const char letters[] = "abfnrtv\\'\"`?", values[] = "\a\b\f\n\r\t\v\\'\"`?";
    const char *place = r->at - 1; /* the backslash */
    char c = *r->at;
    if (!c)
        return refuse_open(r);
    r->at++;
    if (c == 'x' || c == 'X')
        return take_code_point(r, place, 2, out);
    if (c == 'u' || c == 'U')
        return take_code_point(r, place, c == 'u' ? 4 : 8, out);
    const char *letter = strchr(letters, c);
    if (letter) {
        buf_addc(out, values[letter - letters]);
        return 0;
    }
    refuse(r, place, "this escape is not known");
    return error_mend(r->e, "write \\\\ for a backslash; \\\" \\' \\n \\t \\u00e9 are known");
}

/* A string in either quotes; null: refused. */
static const char *take_string(struct reader *r)
{
    const char *from = r->at;
    char quote = *r->at++;
    AUTOBUF value = {0};
    while (*r->at != quote) {
        if (!*r->at) {
            refuse_open(r);
            return NULL;
        }
        if (*r->at == '\n' || *r->at == '\r') {
            refuse(r, from, "this string does not end on its line");
            error_mend(r->e, "close it by %c; for a new line write \\n", quote);
            return NULL;
        }
        if (!take(r, '\\'))
            buf_addc(&value, *r->at++);
        else if (take_escape(r, &value) < 0)
            return NULL;
    }
    r->at++;
    return arena_strndup(r->template->arena, buf_str(&value), value.len);
}

static int refuse_name(struct reader *r, const char *place, const char *wrong)
{
    const char **names = x_calloc(r->n_names + 1, sizeof *names);
    AUTOBUF known = {0};
    for (size_t i = 0; i < r->n_names; i++) {
        names[i] = r->names[i].name;
        buf_addf(&known, "%s%s", i ? ", " : "", names[i]);
    }
    refuse(r, place, "\"%.60s\" is not known here", wrong);
    const char *near = text_nearest(wrong, names, r->n_names);
    if (near)
        error_mend(r->e, "did you mean %s?", near);
    else if (r->n_names)
        error_mend(r->e, "known are %s", buf_str(&known));
    free(names);
    return -1;
}

static const char *take_key(struct reader *r)
{
    if (take(r, '.')) {
        skip_blanks(r);
        const char *place = r->at, *key = take_identifier(r);
        static const char *const words[] = {"true", "false", "null", "in"};
        for (size_t i = 0; key && i < COUNT(words); i++)
            if (strcmp(key, words[i]) == 0) {
                refuse(r, place, "\"%s\" is a word of the language", key);
                error_mend(r->e, "write [\"%s\"] instead of .%s", key, key);
                return NULL;
            }
        if (!key)
            refuse_here(r);
        return key;
    }
    r->at++; /* [ */
    skip_blanks(r);
    if (*r->at != '"' && *r->at != '\'') {
        refuse_here(r);
        return NULL;
    }
    const char *key = take_string(r);
    if (!key)
        return NULL;
    skip_blanks(r);
    if (take(r, ']'))
        return key;
    refuse_here(r);
    return NULL;
}

static int parse_name(struct reader *r)
{
    const char *place = r->at, *word = take_identifier(r);
    if (!word)
        return refuse_here(r);
    size_t i = 0;
    while (i < r->n_names && strcmp(r->names[i].name, word) != 0)
        i++;
    if (i == r->n_names)
        return refuse_name(r, place, word);
    struct piece piece = {.kind = NAME, .name = i};
    skip_blanks(r);
    bool has_key = *r->at == '.' || *r->at == '[';
    if (has_key != r->names[i].is_map) {
        refuse(r, place, has_key ? "%s has no keys" : "%s is a map", word);
        return has_key ? error_mend(r->e, "write {{ %s }}", word)
                       : error_mend(r->e, "write {{ %s.key }} or {{ %s[\"key\"] }}", word, word);
    }
    if (has_key && !(piece.key = take_key(r)))
        return -1;
    add_piece(r->template, piece);
    return 0;
}

static int parse_string(struct reader *r)
{
    const char *value = take_string(r);
    if (!value)
        return -1;
    add_piece(r->template, (struct piece){.kind = STRING, .text = value});
    return 0;
}

/* Behind {{ */
static int parse_expression(struct reader *r)
{
    skip_blanks(r);
    if (text_starts(r->at, "}}")) {
        refuse(r, r->open, "nothing stands between {{ and }}");
        return error_mend(r->e, "write a name between them");
    }
    int result = *r->at == '"' || *r->at == '\'' ? parse_string(r) : parse_name(r);
    if (result < 0)
        return -1;
    skip_blanks(r);
    if (!text_starts(r->at, "}}"))
        return refuse_here(r);
    r->at += 2;
    return 0;
}

/* Text up to the next {{ or the end. A pair }} must close two braces of the text itself, as it does in JSON. */
static int parse_literal(struct reader *r)
{
    const char *from = r->at;
    for (; *r->at && !text_starts(r->at, "{{"); r->at++) {
        if (*r->at == '{')
            r->depth++;
        if (*r->at != '}')
            continue;
        if (r->at[1] == '}' && r->depth < 2) {
            refuse(r, r->at, "this }} closes nothing");
            return error_mend(r->e, "open it by {{; for two braces as text write {{ \"}}\" }}");
        }
        if (r->depth)
            r->depth--;
    }
    size_t length = (size_t)(r->at - from);
    if (length)
        add_piece(
            r->template,
            (struct piece){.kind = LITERAL, .text = arena_strndup(r->template->arena, from, length), .length = length});
    return 0;
}

static int parse(struct reader *r)
{
    while (*r->at) {
        if (parse_literal(r) < 0)
            return -1;
        if (!*r->at)
            break;
        r->open = r->at;
        r->at += 2;
        if (parse_expression(r) < 0)
            return -1;
    }
    return 0;
}

struct belfry_template *template_parse(const char *text, const struct template_name *names, size_t n_names,
                                       struct error *e)
{
    struct belfry_template *template = NEW(struct belfry_template);
    template->arena = arena_new();
    struct reader r = {.template = template, .names = names, .n_names = n_names, .text = text, .at = text, .e = e};
    if (parse(&r) == 0)
        return template;
    template_free(template);
    return NULL;
}

void template_free(struct belfry_template *template)
{
    if (!template)
        return;
    arena_free(template->arena);
    free(template->pieces);
    free(template);
}

/* ---- Rendering ---- */

int template_render(const struct belfry_template *template,
                    const char *(*lookup)(void *ctx, size_t name, const char *key), void *ctx,
                    enum template_escape escape, struct buf *out, struct error *e)
{
    size_t before = out->len;
    for (size_t i = 0; i < template->n; i++) {
        const struct piece *piece = &template->pieces[i];
        const char *value = piece->kind == NAME ? lookup(ctx, piece->name, piece->key) : piece->text;
        if (piece->kind == LITERAL)
            buf_add(out, value, piece->length);
        else if (value)
            escape_add(out, value, escape);
        if (out->len - before > OUTPUT_LIMIT) {
            out->len = before;
            out->data[before] = '\0';
            error_set(e, "the rendered text is longer than 1 MiB");
            return error_mend(e, "leave out or shorten what the template shows");
        }
    }
    return 0;
}
