/* SPDX-License-Identifier: Apache-2.0 */
/* ${env:NAME}, ${env:NAME:-default}, ${file:PATH}, ${credential:NAME} and $$ in values. It happens behind the parser,
 * so that what comes in is never structure; and it is done once, so that what comes in is not looked into again. */
#include "config/tree.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct expansion {
    struct position at;
    struct problems *problems;
    struct buf out;
};

/* ---- The forms: append to x->out; false: a problem was told ---- */

static bool add_env(struct expansion *x, const char *inside)
{
    const char *fallback = strstr(inside, ":-");
    AUTOFREE char *name = x_strndup(inside, fallback ? (size_t)(fallback - inside) : strlen(inside));
    if (!isalpha((unsigned char)name[0]) && name[0] != '_') {
        problems_add(x->problems, x->at, "'%s' is no name of an environment variable", name);
        return false;
    }
    const char *value = getenv(name);
    if (fallback && text_empty(value))
        value = fallback + 2;
    if (!value) {
        problems_add(x->problems, x->at, "environment variable '%s' is not set (${env:%s:-default} does without)", name,
                     name);
        return false;
    }
    buf_adds(&x->out, value);
    return true;
}

/* Secrets stand in such files: none but their owner and group may read them. */
static bool secret_is_fit(struct expansion *x, int fd, const char *path)
{
    struct stat st;
    char why[160];
    if (fstat(fd, &st) != 0)
        problems_add(x->problems, x->at, "cannot look at '%s': %s", path, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        problems_add(x->problems, x->at, "'%s' is not a regular file", path);
    else if (file_distrust(st.st_uid, st.st_mode, why, sizeof why))
        problems_add(x->problems, x->at, "'%s' %s", path, why);
    else if (st.st_mode & S_IROTH)
        problems_add(x->problems, x->at, "'%s' can be read by everybody (mode %04o): chmod o-r", path,
                     (unsigned)(st.st_mode & 07777));
    else
        return true;
    return false;
}

static bool add_secret(struct expansion *x, const char *path, const char *text, size_t size)
{
    if (size && text[size - 1] == '\n')
        size -= size > 1 && text[size - 2] == '\r' ? 2 : 1;
    if (memchr(text, '\0', size)) {
        problems_add(x->problems, x->at, "'%s' holds NUL bytes", path);
        return false;
    }
    buf_add(&x->out, text, size);
    return true;
}

static bool add_file(struct expansion *x, const char *path)
{
    if (path[0] != '/') {
        problems_add(x->problems, x->at, "${file:%s} wants an absolute path", path);
        return false;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        problems_add(x->problems, x->at, "cannot open '%s': %s", path, strerror(errno));
        return false;
    }
    bool good = false;
    if (secret_is_fit(x, fd, path)) {
        size_t size = 0;
        AUTOFREE char *text = file_read_all(fd, YAML_MOST_SCALAR, &size);
        if (text)
            good = add_secret(x, path, text, size);
        else
            problems_add(x->problems, x->at, "cannot read '%s': %s", path, strerror(errno));
        if (text)
            explicit_bzero(text, size);
    }
    close(fd);
    return good;
}

static bool add_credential(struct expansion *x, const char *name)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    if (!name[0] || name[0] == '.' || strchr(name, '/')) {
        problems_add(x->problems, x->at, "'%s' is no name of a credential", name);
        return false;
    }
    if (text_empty(folder)) {
        problems_add(x->problems, x->at,
                     "no credential '%s': $CREDENTIALS_DIRECTORY is not set (systemd sets it with LoadCredential=)",
                     name);
        return false;
    }
    AUTOFREE char *path = x_printf("%s/%s", folder, name);
    return add_file(x, path);
}

static const struct {
    const char *prefix;
    bool (*add)(struct expansion *x, const char *inside);
} forms[] = {{"env:", add_env}, {"file:", add_file}, {"credential:", add_credential}};

static bool add_form(struct expansion *x, const char *inside)
{
    for (size_t i = 0; i < COUNT(forms); i++)
        if (text_starts(inside, forms[i].prefix))
            return forms[i].add(x, inside + strlen(forms[i].prefix));
    problems_add(x->problems, x->at,
                 "'${%.60s}' is none of ${env:NAME}, ${file:PATH}, ${credential:NAME} ($${ stands for ${ itself)",
                 inside);
    return false;
}

/* ---- Values ---- */

static bool expand(struct expansion *x, const char *text, bool *replaced)
{
    for (const char *p = text; *p;) {
        size_t literal = strcspn(p, "$");
        buf_add(&x->out, p, literal);
        p += literal;
        if (p[0] == '$' && p[1] == '{') {
            size_t length = strcspn(p + 2, "}");
            if (!p[2 + length]) {
                problems_add(x->problems, x->at, "'${' without its '}' ($${ stands for ${ itself)");
                return false;
            }
            AUTOFREE char *inside = x_strndup(p + 2, length);
            if (!add_form(x, inside))
                return false;
            *replaced = true;
            p += length + 3;
        } else if (p[0] == '$') {
            buf_addc(&x->out, '$');
            p += p[1] == '$' ? 2 : 1;
        }
        if (x->out.len > YAML_MOST_SCALAR) {
            problems_add(x->problems, x->at, "a value of more than 64 KiB");
            return false;
        }
    }
    return true;
}

static void interpolate_scalar(struct node *node, struct arena *arena, struct problems *problems)
{
    if (!strchr(node->text, '$'))
        return;
    struct expansion x = {.at = node->at, .problems = problems};
    bool good = expand(&x, node->text, &node->interpolated);
    if (good && !text_is_utf8(buf_str(&x.out), x.out.len, NULL)) {
        problems_add(problems, node->at, "'%s' gives text that is not UTF-8", node->written);
        good = false;
    }
    node->broken = !good;
    node->text = good ? arena_strdup(arena, buf_str(&x.out)) : "";
    if (x.out.data)
        explicit_bzero(x.out.data, x.out.len);
    buf_free(&x.out);
}

void interpolate_tree(struct node *node, struct arena *arena, struct problems *problems)
{
    if (node->kind == NODE_SCALAR)
        interpolate_scalar(node, arena, problems);
    for (size_t i = 0; i < node->n; i++)
        interpolate_tree(node->items[i], arena, problems);
}
