/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include <stdbool.h>
#include <string.h>

#define SPACE " \t\r\n"

enum { DEEPEST = 64 };

static bool skip_string(const char **at)
{
    const char *p = *at + 1;
    for (; (unsigned char)*p >= 0x20 && *p != '"'; p++) {
        if (*p != '\\')
            continue;
        p++;
        if (*p == 'u' && strspn(p + 1, "0123456789abcdefABCDEF") >= 4)
            p += 4;
        else if (!*p || !strchr("\"\\/bfnrt", *p))
            break;
    }
    *at = p;
    return *p == '"' && ++*at;
}

static bool skip_digits(const char **at)
{
    size_t n = strspn(*at, "0123456789");
    *at += n;
    return n > 0;
}

static bool skip_number(const char **at)
{
    *at += **at == '-';
    if (**at == '0')
        ++*at;
    else if (!skip_digits(at))
        return false;
    if (**at == '.' && (++*at, !skip_digits(at)))
        return false;
    if (**at != 'e' && **at != 'E')
        return true;
    *at += 1 + ((*at)[1] == '+' || (*at)[1] == '-');
    return skip_digits(at);
}

static bool skip_mark(const char **at, char mark) /* and the space around it */
{
    *at += strspn(*at, SPACE);
    if (**at != mark)
        return false;
    *at += 1 + strspn(*at + 1, SPACE);
    return true;
}

static bool skip_value(const char **at, int depth)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strncmp(*at, words[i], strlen(words[i])) == 0)
            return *at += strlen(words[i]), true;
    if (**at == '"')
        return skip_string(at);
    char end = **at == '{' ? '}' : ']';
    if (**at != '{' && **at != '[')
        return skip_number(at);
    if (depth == DEEPEST)
        return false;
    skip_mark(at, **at);
    if (skip_mark(at, end))
        return true;
    do {
        if (end == '}' && (**at != '"' || !skip_string(at) || !skip_mark(at, ':')))
            return false;
        if (!skip_value(at, depth + 1))
            return false;
    } while (skip_mark(at, ','));
    return skip_mark(at, end);
}

const char *json_find_fault(const char *text)
{
    text += strspn(text, SPACE);
    if (!skip_value(&text, 0))
        return text;
    text += strspn(text, SPACE);
    return *text ? text : NULL;
}
