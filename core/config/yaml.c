/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One YAML text to a tree of nodes, by libyaml's events under limits of our own. What makes YAML surprising is refused
 * with its place: anchors, aliases, merge keys, tags, directives, second documents, keys given twice.
 *
 * libyaml's scanner takes time quadratic in the depth of [ and {, and in the number of %TAG lines. It looks at most
 * 1024 characters ahead of the event that it gives, so ending at the first event that is too deep keeps it from the
 * former; looking for directives before it does keeps it from the latter.
 */
#include "config/tree.h"

#include <string.h>
#include <yaml.h>

#include "config/names.h"

struct reader {
    yaml_parser_t parser;
    const char *file, *data;
    size_t size;
    struct arena *arena;
    struct problems *problems;
    size_t events;
    bool failed; /* there is nothing more to be had from this text */
};

struct growing {
    struct node **list;
    size_t n, cap;
};

static struct node *read_node(struct reader *r, yaml_event_t *event, int depth);

/* ---- Places ---- */

static struct position position(const struct reader *r, yaml_mark_t mark)
{
    return (struct position){.file = r->file, .line = (int)mark.line + 1, .column = (int)mark.column + 1};
}

static bool starts_character(char c)
{
    return ((unsigned char)c & 0xc0) != 0x80;
}

static struct position position_of_byte(const struct reader *r, size_t offset)
{
    struct position at = {.file = r->file, .line = 1, .column = 1};
    for (size_t i = 0; i < offset && i < r->size; i++) {
        if (r->data[i] == '\n') {
            at.line++;
            at.column = 1;
        } else if (starts_character(r->data[i])) {
            at.column++;
        }
    }
    return at;
}

/* libyaml counts characters. */
static size_t byte_of_character(const struct reader *r, size_t index)
{
    size_t i = 0;
    for (; i < r->size; i++)
        if (starts_character(r->data[i]) && index-- == 0)
            break;
    return i;
}

static void give_up(struct reader *r, struct position at, const char *what)
{
    problems_add(r->problems, at, "%s", what);
    r->failed = true;
}

/* ---- Events ---- */

/* What people trip over most. */
static const char *syntax_hint(const struct reader *r, size_t byte)
{
    const char *start = memrchr(r->data, '\n', byte);
    start = start ? start + 1 : r->data;
    const char *end = memchr(r->data + byte, '\n', r->size - byte);
    size_t length = (size_t)((end ? end : r->data + r->size) - start);
    if (byte < r->size && r->data[byte] == '\t')
        return "; a tab stands where only spaces may";
    return memmem(start, length, "${", 2) ? "; inside { } and [ ], a value with ${…} must be quoted" : "";
}

static void report_syntax(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    const char *problem = p->problem ? p->problem : "this cannot be read";
    r->failed = true;
    if (p->error == YAML_READER_ERROR) {
        problems_add(r->problems, position_of_byte(r, p->problem_offset), "YAML: %s (U+%04X)", problem,
                     (unsigned)p->problem_value);
        return;
    }
    struct position at = position(r, p->problem_mark);
    const char *hint = syntax_hint(r, byte_of_character(r, p->problem_mark.index));
    if (p->context)
        problems_add(r->problems, at, "YAML: %s (%s that begins in line %zu)%s", problem, p->context,
                     p->context_mark.line + 1, hint);
    else
        problems_add(r->problems, at, "YAML: %s%s", problem, hint);
}

static bool next_event(struct reader *r, yaml_event_t *event)
{
    if (!yaml_parser_parse(&r->parser, event)) {
        report_syntax(r);
        return false;
    }
    if (++r->events > YAML_MOST_EVENTS) {
        give_up(r, position(r, event->start_mark), "the file holds more than 100000 items");
        yaml_event_delete(event);
        return false;
    }
    return true;
}

/* ---- Nodes ---- */

static struct node *new_node(struct reader *r, enum node_kind kind, struct position at)
{
    struct node *node = arena_alloc(r->arena, sizeof *node);
    node->kind = kind;
    node->at = at;
    node->text = node->written = "";
    return node;
}

static struct node *broken_node(struct reader *r, struct position at)
{
    struct node *node = new_node(r, NODE_SCALAR, at);
    node->broken = true;
    return node;
}

static void refuse_properties(struct reader *r, const yaml_char_t *anchor, const yaml_char_t *tag, struct position at)
{
    if (anchor)
        problems_add(r->problems, at, "anchors (&%s) are not used here: write the value out in each place", anchor);
    if (tag)
        problems_add(r->problems, at, "tags (!) are not used here: a value's type follows from its key");
}

static struct node *read_scalar(struct reader *r, const yaml_event_t *event)
{
    struct position at = position(r, event->start_mark);
    const char *text = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    refuse_properties(r, event->data.scalar.anchor, event->data.scalar.tag, at);
    if (length > YAML_MOST_SCALAR) {
        problems_add(r->problems, at, "a value of more than 64 KiB");
        return broken_node(r, at);
    }
    if (memchr(text, '\0', length)) {
        problems_add(r->problems, at, "a NUL character stands in the value");
        return broken_node(r, at);
    }
    struct node *node = new_node(r, NODE_SCALAR, at);
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    node->text = node->written = arena_strndup(r->arena, text, length);
    return node;
}

static struct node *refuse_alias(struct reader *r, const yaml_event_t *event)
{
    struct position at = position(r, event->start_mark);
    problems_add(r->problems, at, "aliases (*%s) are not used here: write the value out", event->data.alias.anchor);
    return broken_node(r, at);
}

static void push(struct growing *nodes, struct node *node)
{
    if (nodes->n == nodes->cap) {
        nodes->cap = nodes->cap ? nodes->cap * 2 : 16;
        nodes->list = x_realloc(nodes->list, nodes->cap * sizeof(struct node *));
    }
    nodes->list[nodes->n++] = node;
}

static struct node **settle(struct reader *r, struct growing *nodes)
{
    struct node **list = arena_alloc(r->arena, nodes->n * sizeof(struct node *));
    if (nodes->n)
        memcpy(list, nodes->list, nodes->n * sizeof(struct node *));
    free(nodes->list);
    return list;
}

static struct node *read_list(struct reader *r, struct position at, int depth)
{
    struct node *list = new_node(r, NODE_LIST, at);
    struct growing items = {0};
    yaml_event_t event;
    while (!r->failed && next_event(r, &event)) {
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            break;
        }
        struct node *item = read_node(r, &event, depth + 1);
        if (item)
            push(&items, item);
    }
    list->n = items.n;
    list->items = settle(r, &items);
    return list;
}

/* Short enough to stand in front of a colon, however it is escaped. */
static bool key_is_sane(const char *key)
{
    for (const char *p = key; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return false;
    return strlen(key) <= YAML_MOST_KEY;
}

/* May this key stand here? */
static bool key_is_good(struct reader *r, struct names *seen, const struct node *key)
{
    if (key->kind != NODE_SCALAR) {
        problems_add(r->problems, key->at, "a key must be plain text, not a list or a map");
        return false;
    }
    if (key->broken)
        return false;
    if (!key->quoted && strcmp(key->text, "<<") == 0) {
        problems_add(r->problems, key->at, "merge keys (<<) are not used here: write the keys out");
        return false;
    }
    if (!key_is_sane(key->text)) {
        problems_add(r->problems, key->at, "key '%.60s': a key has at most %d bytes and no control characters",
                     key->text, YAML_MOST_KEY);
        return false;
    }
    const struct name *first = names_add(seen, key->text, key->at, 0);
    if (first)
        problems_add(r->problems, key->at, "key '%s' is given twice: first in %s:%d:%d", key->text, first->at.file,
                     first->at.line, first->at.column);
    return !first;
}

static struct node *read_map(struct reader *r, struct position at, int depth)
{
    struct node *map = new_node(r, NODE_MAP, at);
    struct growing keys = {0}, values = {0};
    struct names seen = {0};
    yaml_event_t event;
    while (!r->failed && next_event(r, &event)) {
        if (event.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&event);
            break;
        }
        struct node *key = read_node(r, &event, depth + 1);
        struct node *value = !r->failed && next_event(r, &event) ? read_node(r, &event, depth + 1) : NULL;
        if (key && value && key_is_good(r, &seen, key)) {
            push(&keys, key);
            push(&values, value);
        }
    }
    names_free(&seen);
    map->n = keys.n;
    map->keys = settle(r, &keys);
    map->items = settle(r, &values);
    return map;
}

/* Takes the event over. Null: the reader has failed. */
static struct node *read_node(struct reader *r, yaml_event_t *event, int depth)
{
    struct position at = position(r, event->start_mark);
    yaml_event_type_t type = event->type;
    struct node *node = NULL;
    if (type == YAML_SCALAR_EVENT)
        node = read_scalar(r, event);
    else if (type == YAML_ALIAS_EVENT)
        node = refuse_alias(r, event);
    else if (depth > YAML_MOST_DEPTH)
        give_up(r, at, "lists and maps are nested more than 32 deep");
    else if (type == YAML_SEQUENCE_START_EVENT)
        refuse_properties(r, event->data.sequence_start.anchor, event->data.sequence_start.tag, at);
    else
        refuse_properties(r, event->data.mapping_start.anchor, event->data.mapping_start.tag, at);
    yaml_event_delete(event);
    if (node || r->failed)
        return node;
    return type == YAML_SEQUENCE_START_EVENT ? read_list(r, at, depth) : read_map(r, at, depth);
}

/* ---- Texts ---- */

static bool is_utf8_text(struct reader *r)
{
    size_t bad;
    const char *nul = memchr(r->data, '\0', r->size);
    if (!text_is_utf8(r->data, r->size, &bad))
        give_up(r, position_of_byte(r, bad), "this is not UTF-8");
    else if (nul)
        give_up(r, position_of_byte(r, (size_t)(nul - r->data)), "a NUL byte");
    return !r->failed;
}

/* The first byte at or behind `from` that is neither space nor comment. */
static size_t skip_nothing(const struct reader *r, size_t from)
{
    size_t i = from;
    while (i < r->size && strchr(" \t\r\n#", r->data[i])) {
        if (r->data[i] == '#')
            while (i < r->size && r->data[i] != '\n')
                i++;
        else
            i++;
    }
    return i;
}

static bool has_directive(struct reader *r)
{
    size_t first = skip_nothing(r, 0);
    if (first == r->size || r->data[first] != '%' || (first > 0 && r->data[first - 1] != '\n'))
        return false;
    give_up(r, position_of_byte(r, first), "directives (%) are not used here");
    return true;
}

/* Behind the document's end there may be "...", space and comments. The parser is not asked, see the top. */
static void refuse_second_document(struct reader *r, yaml_mark_t end)
{
    size_t at = skip_nothing(r, byte_of_character(r, end.index));
    if (r->size - at >= 3 && memcmp(r->data + at, "...", 3) == 0)
        at = skip_nothing(r, at + 3);
    if (at < r->size)
        problems_add(r->problems, position_of_byte(r, at), "a second document begins here: a file holds one");
}

static struct node *read_document(struct reader *r)
{
    yaml_event_t event;
    struct node *root = NULL;
    while (!r->failed && next_event(r, &event)) {
        switch (event.type) {
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_START_EVENT:
            yaml_event_delete(&event);
            break;
        case YAML_STREAM_END_EVENT:
            yaml_event_delete(&event);
            return root;
        case YAML_DOCUMENT_END_EVENT:
            refuse_second_document(r, event.end_mark);
            yaml_event_delete(&event);
            return root;
        default:
            root = read_node(r, &event, 1);
        }
    }
    return root;
}

struct node *yaml_read(const char *file, const char *data, size_t size, struct arena *arena, struct problems *problems)
{
    static const char mark[] = "\xef\xbb\xbf";
    size_t skip = size >= 3 && memcmp(data, mark, 3) == 0 ? 3 : 0;
    struct reader r = {.file = file, .data = data + skip, .size = size - skip, .arena = arena, .problems = problems};
    if (!is_utf8_text(&r) || has_directive(&r))
        return NULL;
    if (!yaml_parser_initialize(&r.parser))
        abort();
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)r.data, r.size);
    struct node *root = read_document(&r);
    yaml_parser_delete(&r.parser);
    return r.failed ? NULL : root;
}

bool node_is_nothing(const struct node *node)
{
    return node->kind == NODE_SCALAR && !node->quoted && !node->interpolated && !node->broken && !node->text[0];
}

const struct node *node_get(const struct node *map, const char *key)
{
    if (!map || map->kind != NODE_MAP)
        return NULL;
    for (size_t i = 0; i < map->n; i++)
        if (strcmp(map->keys[i]->text, key) == 0)
            return map->items[i];
    return NULL;
}

bool node_equal(const struct node *a, const struct node *b)
{
    if (a->kind != b->kind || a->n != b->n || !text_equal(a->text, b->text))
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (!node_equal(a->items[i], b->items[i]) || (a->kind == NODE_MAP && !node_equal(a->keys[i], b->keys[i])))
            return false;
    return true;
}
