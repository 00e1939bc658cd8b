/* SPDX-License-Identifier: Apache-2.0 */
/* The merged tree as YAML again, with the origin of each value behind it and no secret in it. */
#include "config/build.h"

#include <ctype.h>
#include <string.h>

struct show {
    struct buf *out;
    bool (*is_secret)(void *ctx, const char *plugin, const char *option);
    void *ctx;
};

/* How careful to be with what is below. */
enum care {
    OPEN,    /* nothing secret belongs here */
    BY_NAME, /* what a key's name gives away: password, Authorization, … */
    SECRET,  /* all of it */
};

static void show_below(struct show *s, const struct node *node, int indent, enum care care);

static void add_indent(struct show *s, int indent)
{
    buf_addf(s->out, "%*s", indent * 2, "");
}

/* Ends the line. `note` stands behind the place. */
static void add_origin(struct show *s, struct position at, const char *note)
{
    buf_adds(s->out, " # ");
    visible_add(s->out, at.file);
    buf_addf(s->out, ":%d%s\n", at.line, note);
}

/* ---- Scalars ---- */

/* Does YAML read it as this text, wherever it stands? What was plain inside { } or [ ] need not be so in a block. */
static bool can_be_plain(const char *text)
{
    size_t length = strlen(text);
    unsigned char first = (unsigned char)text[0];
    if (!first || strstr(text, ": ") || strstr(text, " #") || strchr(" :", text[length - 1]))
        return false;
    if (first == '-' ? !isalnum((unsigned char)text[1]) : !isalnum(first) && !strchr("._/$+~<=(", first))
        return false;
    AUTOBUF visible = {0};
    visible_add(&visible, text);
    return strcmp(buf_str(&visible), text) == 0;
}

static void add_text(struct show *s, const char *text, bool quoted)
{
    if (!quoted && can_be_plain(text))
        buf_adds(s->out, text);
    else
        text_quote(s->out, text);
}

/* Nothing but one ${…}, and no default in it: only where the secret is, not what it is. */
static bool is_reference(const struct node *node)
{
    const char *text = node->written, *end = strchr(text, '}');
    return text_starts(text, "${") && end && !end[1] && !strstr(text, ":-");
}

static bool looks_like_url(const char *text)
{
    return strstr(text, "://") && !text[strcspn(text, " \t\n")];
}

static void show_scalar(struct show *s, const struct node *node, enum care care)
{
    AUTOBUF url = {0};
    const char *text = node->written;
    if (looks_like_url(text)) {
        text_add_url(&url, text);
        text = buf_str(&url);
    }
    bool shortened = strcmp(text, node->written) != 0;
    if (care == SECRET && text[0] && !is_reference(node))
        buf_adds(s->out, "\"***\"");
    else if (!node_is_nothing(node))
        add_text(s, text, node->quoted || shortened);
    add_origin(s, node->at, shortened ? ", shortened" : "");
}

/* ---- Maps and lists ---- */

static bool sounds_secret(const char *key)
{
    static const char *const words[] = {"password", "passwd",  "secret", "token",      "authorization", "cookie",
                                        "api-key",  "api_key", "apikey", "credential", "signature"};
    for (size_t i = 0; i < COUNT(words); i++)
        if (strcasestr(key, words[i]))
            return true;
    return false;
}

static void show_value(struct show *s, const struct node *node, int indent, enum care care)
{
    if (node->kind == NODE_SCALAR) {
        if (!node_is_nothing(node))
            buf_addc(s->out, ' ');
        show_scalar(s, node, care);
    } else if (node->n == 0) {
        buf_adds(s->out, node->kind == NODE_LIST ? " []" : " {}");
        add_origin(s, node->at, "");
    } else {
        add_origin(s, node->at, "");
        show_below(s, node, indent, care);
    }
}

static void show_key(struct show *s, const struct node *key)
{
    add_text(s, key->text, key->quoted);
    buf_addc(s->out, ':');
}

static void show_entry(struct show *s, const struct node *map, size_t i, int indent, enum care care)
{
    show_key(s, map->keys[i]);
    show_value(s, map->items[i], indent + 1, care);
}

/* The items of a list or the entries of a map, a line or more each. */
static void show_below(struct show *s, const struct node *node, int indent, enum care care)
{
    for (size_t i = 0; i < node->n; i++) {
        add_indent(s, indent);
        if (node->kind == NODE_LIST) {
            buf_addc(s->out, '-');
            show_value(s, node->items[i], indent + 1, care);
        } else {
            bool hide = care == BY_NAME && sounds_secret(node->keys[i]->text);
            show_entry(s, node, i, indent, hide ? SECRET : care);
        }
    }
}

/* ---- Sections ---- */

static void show_agent(struct show *s, const struct node *agent)
{
    for (size_t i = 0; i < agent->n; i++) {
        add_indent(s, 1);
        show_entry(s, agent, i, 1, strcmp(agent->keys[i]->text, "ping_key") == 0 ? SECRET : BY_NAME);
    }
}

static void show_instances(struct show *s, const struct node *section)
{
    for (size_t i = 0; i < section->n; i++) {
        const struct node *block = section->items[i], *plugin = node_get(block, "plugin");
        const char *name = plugin && plugin->kind == NODE_SCALAR ? plugin->text : section->keys[i]->text;
        add_indent(s, 1);
        if (block->kind != NODE_MAP || block->n == 0) {
            show_entry(s, section, i, 1, SECRET);
            continue;
        }
        show_key(s, section->keys[i]);
        add_origin(s, section->keys[i]->at, "");
        for (size_t k = 0; k < block->n; k++) {
            add_indent(s, 2);
            show_entry(s, block, k, 2, s->is_secret(s->ctx, name, block->keys[k]->text) ? SECRET : BY_NAME);
        }
    }
}

void config_show(const struct config *config, bool (*is_secret)(void *ctx, const char *plugin, const char *option),
                 void *ctx, struct buf *out)
{
    struct show s = {.out = out, .is_secret = is_secret, .ctx = ctx};
    for (size_t i = 0; i < config->root->n; i++) {
        const char *key = config->root->keys[i]->text;
        const struct node *section = config->root->items[i];
        if (section->n == 0)
            continue;
        buf_addf(out, "%s:\n", key);
        if (strcmp(key, "agent") == 0)
            show_agent(&s, section);
        else if (strcmp(key, "channels") == 0 || strcmp(key, "sources") == 0)
            show_instances(&s, section);
        else
            show_below(&s, section, 1, OPEN);
    }
}
