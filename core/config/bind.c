/* SPDX-License-Identifier: Apache-2.0 */
/* A map of text into the fields of a struct, by a table of options. What a text means is decided here and nowhere else:
 * by the type that the table gives, never by how the text looks. */
#include "config/build.h"

#include <curl/curl.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

struct binding {
    const char *block;
    const struct belfry_option *option;
    const struct node *value;
    void *field;
    struct arena *arena;
    struct problems *problems;
};

/* ---- Complaints ---- */

static void complain(const struct binding *b, struct position at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void complain(const struct binding *b, struct position at, const char *format, ...)
{
    AUTOBUF text = {0};
    va_list ap;
    va_start(ap, format);
    buf_vaddf(&text, format, ap);
    va_end(ap);
    problems_add(b->problems, at, "%s: '%s' %s", b->block, b->option->name, buf_str(&text));
}

/* "…, not 'abc'": the text as it was written, so that nothing that was filled in gets out. */
static void complain_text(const struct binding *b, const char *wanted)
{
    if (node_is_nothing(b->value))
        complain(b, b->value->at, "has no value: it must be %s", wanted);
    else
        complain(b, b->value->at, "must be %s, not '%.60s'", wanted, b->value->written);
}

/* ---- Scalars ---- */

static const char *text_of(const struct binding *b)
{
    return arena_strdup(b->arena, b->value->text);
}

/* Is `text` one of "a|b|c"? */
static bool is_choice(const char *choices, const char *text)
{
    size_t length = strlen(text);
    for (const char *p = choices; *p; p += strcspn(p, "|"), p += *p == '|')
        if (strcspn(p, "|") == length && memcmp(p, text, length) == 0)
            return true;
    return false;
}

static const char *choice_hint(const struct binding *b, const char *wrong, char out[HINT_TEXT])
{
    enum { MOST = 32 };
    const char *names[MOST];
    size_t n = 0;
    AUTOFREE char *copy = x_strdup(b->option->choices);
    for (char *state, *name = strtok_r(copy, "|", &state); name && n < MOST; name = strtok_r(NULL, "|", &state))
        names[n++] = name;
    return names_hint(wrong, names, n, out);
}

static void check_choice(const struct binding *b, const struct node *value)
{
    char hint[HINT_TEXT];
    if (b->option->choices && !is_choice(b->option->choices, value->text))
        complain(b, value->at, "must be one of %s, not '%.60s'%s", b->option->choices, value->written,
                 choice_hint(b, value->text, hint));
}

static void bind_string(const struct binding *b)
{
    if (node_is_nothing(b->value)) {
        complain(b, b->value->at, "has no value (write \"\" for an empty text)");
        return;
    }
    check_choice(b, b->value);
    *(const char **)b->field = text_of(b);
}

static void bind_secret(const struct binding *b)
{
    if (!b->value->text[0])
        complain(b, b->value->at, "is empty");
    *(const char **)b->field = text_of(b);
}

/* "010" may be 10 or 8, and "-0" is nothing at all. */
static bool has_leading_zero(const char *text)
{
    const char *digits = text + (text[0] == '-');
    return digits[0] == '0' && (digits != text || (digits[1] >= '0' && digits[1] <= '9'));
}

/* In quotes it is text, unless it came from elsewhere, where quotes are what YAML's syntax asks for. */
static bool is_plain(const struct node *value)
{
    return !value->quoted || value->interpolated;
}

static void bind_integer(const struct binding *b)
{
    if (!is_plain(b->value) || has_leading_zero(b->value->text) ||
        !text_int(b->value->text, INT64_MIN, INT64_MAX, b->field))
        complain_text(b, b->value->quoted ? "a whole number without quotes, such as 42" : "a whole number, such as 42");
}

static void bind_number(const struct binding *b)
{
    const char *text = b->value->text;
    bool odd = has_leading_zero(text) && !text_starts(text, "-0.");
    if (!is_plain(b->value) || odd || !text_number(text, b->field))
        complain_text(b, b->value->quoted ? "a number without quotes, such as 0.5" : "a number, such as 0.5");
}

static void bind_bool(const struct binding *b)
{
    bool yes = strcmp(b->value->text, "true") == 0;
    if (!is_plain(b->value) || (!yes && strcmp(b->value->text, "false") != 0))
        complain_text(b, b->value->quoted ? "true or false without quotes" : "true or false");
    *(int64_t *)b->field = yes;
}

static void bind_duration(const struct binding *b)
{
    if (!duration_parse(b->value->text, b->field))
        complain_text(b, "a duration, such as 500ms, 30s or 1h30m");
}

static void bind_size(const struct binding *b)
{
    if (!text_size(b->value->text, b->field))
        complain_text(b, "a size, such as 512, 64KiB or 10MiB");
}

/* Why it is no URL, or null. libcurl judges, since it is what will use most of them; it would let "http:host" pass. */
static const char *url_fault(const char *text, const char *schemes)
{
    const char *separator = strstr(text, "://");
    if (!separator || separator == text || separator[3] == '/')
        return "it must begin with scheme://host";
    AUTOFREE char *scheme = x_strndup(text, (size_t)(separator - text));
    if (schemes && !is_choice(schemes, scheme))
        return "its scheme is not allowed here";
    CURLU *url = curl_url();
    if (!url)
        abort();
    CURLUcode code = curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME);
    curl_url_cleanup(url);
    return code ? curl_url_strerror(code) : NULL;
}

/* The URL itself is not shown: it may hold a password. */
static void bind_url(const struct binding *b)
{
    const char *fault = url_fault(b->value->text, b->option->choices);
    if (fault && b->option->choices)
        complain(b, b->value->at, "must be a URL (%s://…): %s", b->option->choices, fault);
    else if (fault)
        complain(b, b->value->at, "must be a URL (scheme://host…): %s", fault);
    *(const char **)b->field = text_of(b);
}

static void bind_path(const struct binding *b)
{
    if (b->value->text[0] != '/')
        complain_text(b, "an absolute path");
    *(const char **)b->field = text_of(b);
}

static void bind_regex(const struct binding *b)
{
    regex_t regex;
    int code = regcomp(&regex, b->value->text, REG_EXTENDED | REG_NOSUB);
    if (code) {
        char why[128];
        regerror(code, &regex, why, sizeof why);
        complain(b, b->value->at, "must be a regular expression: %s", why);
        return;
    }
    regfree(&regex);
    *(const char **)b->field = text_of(b);
}

static void bind_expression(const struct binding *b)
{
    if (!b->value->text[0])
        complain_text(b, "a condition");
    *(const char **)b->field = text_of(b);
}

const struct template_name *config_template_names(size_t *n)
{
    static const struct template_name names[] = {
        [VARIABLE_STATUS] = {"status", false},
        [VARIABLE_TITLE] = {"title", false},
        [VARIABLE_TEXT] = {"text", false},
        [VARIABLE_ID] = {"id", false},
        [VARIABLE_CHANNEL] = {"channel", false},
        [VARIABLE_RECEIVER] = {"receiver", false},
        [VARIABLE_GROUP_KEY] = {"group_key", false},
        [VARIABLE_EXTERNAL_URL] = {"external_url", false},
        [VARIABLE_LANGUAGE] = {"language", false},
        [VARIABLE_RECIPIENTS] = {"recipients", false},
        [VARIABLE_LABELS] = {"labels", true},
        [VARIABLE_ANNOTATIONS] = {"annotations", true},
        [VARIABLE_GROUP_LABELS] = {"group_labels", true},
    };
    *n = COUNT(names);
    return names;
}

static void bind_template(const struct binding *b)
{
    size_t n;
    const struct template_name *names = config_template_names(&n);
    struct error e = {0};
    struct belfry_template *template = template_parse(b->value->text, names, n, &e);
    char why[sizeof e];
    if (!template)
        complain(b, b->value->at, "must be a template: %s", error_text(&e, why, sizeof why));
    *(struct belfry_template **)b->field = template;
}

/* ---- Lists and maps of text ---- */

static bool is_text(const struct binding *b, const struct node *item)
{
    if (item->kind != NODE_SCALAR)
        complain(b, item->at, "may hold only text, not a list or a map");
    else if (node_is_nothing(item))
        complain(b, item->at, "has an item without a value (write \"\" for an empty text)");
    else
        return !item->broken;
    return false;
}

/* A lone text is a list of one. */
static void bind_list(const struct binding *b)
{
    const struct node *const *values = (const struct node *const *)b->value->items;
    size_t n_values = b->value->n, n = 0;
    if (b->value->kind == NODE_SCALAR) {
        values = &b->value;
        n_values = 1;
    }
    const char **items = arena_alloc(b->arena, n_values * sizeof *items);
    for (size_t i = 0; i < n_values; i++) {
        const struct node *item = values[i];
        if (!is_text(b, item))
            continue;
        check_choice(b, item);
        items[n++] = arena_strdup(b->arena, item->text);
    }
    *(struct belfry_list *)b->field = (struct belfry_list){.n = n, .item = items};
}

static void bind_pairs(const struct binding *b)
{
    struct belfry_pair *pairs = arena_alloc(b->arena, b->value->n * sizeof *pairs);
    size_t n = 0;
    for (size_t i = 0; i < b->value->n; i++) {
        const struct node *item = b->value->items[i];
        if (!is_text(b, item))
            continue;
        check_choice(b, item);
        pairs[n++] =
            (struct belfry_pair){arena_strdup(b->arena, b->value->keys[i]->text), arena_strdup(b->arena, item->text)};
    }
    *(struct belfry_map *)b->field = (struct belfry_map){.n = n, .pair = pairs};
}

/* ---- Tables ---- */

static const struct {
    enum node_kind kind;
    const char *noun; /* "must be …" */
    void (*bind)(const struct binding *b);
} types[] = {
    [BELFRY_STRING] = {NODE_SCALAR, "text", bind_string},
    [BELFRY_INTEGER] = {NODE_SCALAR, "a whole number", bind_integer},
    [BELFRY_NUMBER] = {NODE_SCALAR, "a number", bind_number},
    [BELFRY_BOOL] = {NODE_SCALAR, "true or false", bind_bool},
    [BELFRY_DURATION] = {NODE_SCALAR, "a duration", bind_duration},
    [BELFRY_SIZE] = {NODE_SCALAR, "a size", bind_size},
    [BELFRY_URL] = {NODE_SCALAR, "a URL", bind_url},
    [BELFRY_PATH] = {NODE_SCALAR, "an absolute path", bind_path},
    [BELFRY_REGEX] = {NODE_SCALAR, "a regular expression", bind_regex},
    [BELFRY_EXPRESSION] = {NODE_SCALAR, "a condition", bind_expression},
    [BELFRY_TEMPLATE] = {NODE_SCALAR, "a template", bind_template},
    [BELFRY_LIST] = {NODE_LIST, "a list", bind_list},
    [BELFRY_MAP] = {NODE_MAP, "a map", bind_pairs},
    [BELFRY_SECRET] = {NODE_SCALAR, "text", bind_secret},
};
static const char *const kind_nouns[] = {[NODE_SCALAR] = "text", [NODE_LIST] = "a list", [NODE_MAP] = "a map"};

static bool is_text_type(uint32_t type)
{
    return type == BELFRY_STRING || type == BELFRY_URL || type == BELFRY_PATH || type == BELFRY_REGEX ||
           type == BELFRY_EXPRESSION || type == BELFRY_SECRET;
}

/* A field of the right kind can be wrong in many ways, one of the wrong kind needs to be told how to write it. */
static void complain_kind(const struct binding *b)
{
    const struct node *value = b->value;
    const char *name = b->option->name;
    if (types[b->option->type].kind == NODE_MAP && value->kind == NODE_SCALAR)
        complain(b, value->at, "must be a map: write %s: {name: value}", name);
    else
        complain(b, value->at, "must be %s, not %s", types[b->option->type].noun, kind_nouns[value->kind]);
}

static void bind_value(const struct binding *b)
{
    if (b->value->broken)
        return;
    bool lone_text = b->option->type == BELFRY_LIST && b->value->kind == NODE_SCALAR;
    if (b->value->kind != types[b->option->type].kind && !lone_text)
        complain_kind(b);
    else
        types[b->option->type].bind(b);
}

/* Defaults are text in the table. Those of lists and maps are written as in a file, {a: b}; the rest stand for
 * themselves, so that a template need not be quoted twice. */
static const struct node *default_value(struct binding *b, struct position at)
{
    if (types[b->option->type].kind != NODE_SCALAR)
        return yaml_read(at.file, b->option->initial, strlen(b->option->initial), b->arena, b->problems);
    struct node *node = arena_alloc(b->arena, sizeof *node);
    *node = (struct node){.at = at, .text = b->option->initial, .written = b->option->initial};
    return node;
}

void bind_options(const struct node *map, struct position at, const char *block, const struct belfry_option *table,
                  void *target, struct arena *arena, struct problems *problems)
{
    for (const struct belfry_option *option = table; option->name; option++) {
        struct binding b = {.block = block,
                            .option = option,
                            .field = (char *)target + option->offset,
                            .arena = arena,
                            .problems = problems};
        if (option->type == 0 || option->type >= COUNT(types)) {
            complain(&b, at, "is of a type that this version does not know (%u)", (unsigned)option->type);
            continue;
        }
        if (is_text_type(option->type))
            *(const char **)b.field = "";
        b.value = node_get(map, option->name);
        if (!b.value && (option->flags & BELFRY_REQUIRED))
            problems_add(problems, at, "%s: '%s' is required%s%s", block, option->name, option->doc ? ": " : "",
                         option->doc ? option->doc : "");
        else if (!b.value && option->initial)
            b.value = default_value(&b, at);
        if (b.value)
            bind_value(&b);
    }
}

/* ---- Keys ---- */

static void check_keys(const struct node *map, const char *block, const struct belfry_option *table,
                       const char *const *others, struct problems *problems)
{
    struct names known = {0};
    struct position none = {0};
    for (const struct belfry_option *option = table; option->name; option++)
        names_add(&known, option->name, none, 0);
    for (size_t i = 0; others && others[i]; i++)
        names_add(&known, others[i], none, 0);
    char hint[HINT_TEXT];
    for (size_t i = 0; i < map->n; i++) {
        const char *key = map->keys[i]->text;
        if (!names_find(&known, key))
            problems_add(problems, map->keys[i]->at, "%s: unknown key '%s'%s", block, key,
                         names_hint_from(key, &known, hint));
    }
    names_free(&known);
}

const struct node *bind_map(const struct node *node, const char *block, struct problems *problems)
{
    if (!node || node_is_nothing(node) || node->broken)
        return NULL;
    if (node->kind == NODE_MAP)
        return node;
    problems_add(problems, node->at, "%s must be a map (name: value), not %s", block, kind_nouns[node->kind]);
    return NULL;
}

void config_bind(const struct node *map, struct position at, const char *block, const struct belfry_option *table,
                 const char *const *others, void *target, struct arena *arena, struct problems *problems)
{
    const struct node *options = bind_map(map, block, problems);
    if (options) {
        check_keys(options, block, table, others, problems);
        bind_options(options, at, block, table, target, arena, problems);
    } else if (!map || node_is_nothing(map)) {
        bind_options(NULL, at, block, table, target, arena, problems);
    } else { /* no map, and told so: what is missing in it is no news */
        struct problems unheard = {0};
        bind_options(NULL, at, block, table, target, arena, &unheard);
        problems_free(&unheard);
    }
}

struct position config_option_position(const struct node *map, struct position at, const char *option)
{
    const struct node *value = node_get(map, option);
    return value ? value->at : at;
}
