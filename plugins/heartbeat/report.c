/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DIGITS "0123456789"
#define HEX DIGITS "abcdefABCDEF"

static int refuse(struct report_fault *fault, const char *field, const char *why)
{
    *fault = (struct report_fault){field, why};
    return -1;
}

/* ---- Text: in place, since decoded text is never longer, and ended by NUL, at which everything here stops. ---- */

/* The length of the UTF-8 code point at `p`. 0: cut off, overlong, a surrogate, beyond U+10FFFF. */
static size_t code_point(const char *p)
{
    static const struct {
        unsigned char from, to, second_from, second_to, length;
    } rows[] = {{0x01, 0x7f, 0, 0xff, 1},    {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
                {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
                {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
    const unsigned char *c = (const unsigned char *)p;
    size_t i = 0, n = 2;
    while (i < sizeof rows / sizeof *rows && (c[0] < rows[i].from || c[0] > rows[i].to))
        i++;
    if (i == sizeof rows / sizeof *rows || c[1] < rows[i].second_from || c[1] > rows[i].second_to)
        return 0;
    while (n < rows[i].length && (c[n] & 0xc0) == 0x80)
        n++;
    return n < rows[i].length ? 0 : rows[i].length;
}

static char *put_code_point(char *to, unsigned long c)
{
    if (c < 0x80) {
        *to++ = (char)c;
        return to;
    }
    int tails = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char heads[] = {0, 0xc0, 0xe0, 0xf0};
    *to++ = (char)(heads[tails] | c >> 6 * tails);
    while (tails--)
        *to++ = (char)(0x80 | (c >> 6 * tails & 0x3f));
    return to;
}

static bool take_hex(char **at, unsigned long *out)
{
    char four[5] = "";
    if (**at != 'u' || strspn(*at + 1, HEX) < 4)
        return false;
    *out = strtoul(memcpy(four, *at + 1, 4), NULL, 16);
    *at += 5;
    return true;
}

static bool take_escape(char **from, char **to)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    char *p = *from + 1;
    const char *name = *p ? strchr(names, *p) : NULL;
    unsigned long c, low;
    if (name) {
        *(*to)++ = values[name - names];
        *from = p + 1;
        return true;
    }
    if (!take_hex(&p, &c) || c == 0 || (c >= 0xdc00 && c < 0xe000))
        return false;
    if (c >= 0xd800 && c < 0xdc00) {
        if (*p++ != '\\' || !take_hex(&p, &low) || low < 0xdc00 || low >= 0xe000)
            return false;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    *to = put_code_point(*to, c);
    *from = p;
    return true;
}

/* Null, or why the string at `at` is none. */
static const char *take_string(char **at, const char **out)
{
    char *from = *at + 1, *to = from;
    *out = to;
    while (*from != '"') {
        size_t n = code_point(from);
        if (!*from)
            return "ends within a string";
        if (!n || (unsigned char)*from < 0x20)
            return "has a control character or bytes that are not UTF-8 in a string";
        if (*from == '\\') {
            if (!take_escape(&from, &to))
                return "has a bad escape in a string";
            continue;
        }
        memmove(to, from, n);
        from += n;
        to += n;
    }
    *to = '\0';
    *at = from + 1;
    return NULL;
}

static bool is_uuid(const char *text)
{
    for (size_t i = 0; i < 36; i++)
        if (!text[i] || (i == 8 || i == 13 || i == 18 || i == 23 ? text[i] != '-' : !strchr(HEX, text[i])))
            return false;
    return !text[36];
}

static bool is_line(const char *text, size_t most) /* not empty, no control characters */
{
    size_t n = 0;
    while ((unsigned char)text[n] >= 0x20 && text[n] != 0x7f)
        n++;
    return n > 0 && n <= most && !text[n];
}

/* ---- Numbers and times ---- */

static bool take_number(char **at, double *out)
{
    const char *p = *at + (**at == '-');
    size_t whole = strspn(p, DIGITS);
    if (!whole || (*p == '0' && whole > 1))
        return false;
    p += whole;
    if (*p == '.') {
        size_t n = strspn(p + 1, DIGITS);
        if (!n)
            return false;
        p += 1 + n;
    }
    if (*p == 'e' || *p == 'E') {
        p += 1 + (p[1] == '+' || p[1] == '-');
        size_t n = strspn(p, DIGITS);
        if (!n)
            return false;
    }
    *out = strtod(*at, at);
    return true;
}

/* Seconds, or ms where seconds would lie beyond the year 5000; ms since 1970. 0: no time. */
static int64_t from_number(double number)
{
    double ms = number > 1e11 ? number : number * 1000;
    return ms >= 1 && ms < 2.5e14 ? (int64_t)(ms + 0.5) : 0;
}

static int64_t from_rfc3339(const char *text)
{
    struct tm tm = {0};
    int64_t ms = 0;
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (!rest || rest - text != 19)
        return 0;
    if (*rest == '.') {
        size_t n = strspn(++rest, DIGITS);
        for (size_t i = 0; i < 3; i++)
            ms = ms * 10 + (i < n ? rest[i] - '0' : 0);
        rest += n;
    }
    rest = strptime(rest, "%z", &tm);
    if (!rest || *rest)
        return 0;
    int day = tm.tm_mday;
    long offset = tm.tm_gmtoff;
    int64_t seconds = (int64_t)timegm(&tm) - offset;
    return tm.tm_mday == day && seconds > 0 ? seconds * 1000 + ms : 0; /* 31 April would have become 1 May */
}

/* ---- One JSON object ---- */

struct value {
    enum { TEXT, NUMBER, TRUE, FALSE, ABSENT } kind;
    const char *text;
    double number;
};

enum field_kind { A_LINE, A_TEXT, A_UUID, A_FLAG, A_CODE, A_TIME };
static const struct field {
    const char *name;
    enum field_kind kind;
    size_t offset;
} fields[] = {
    {"job_id", A_LINE, offsetof(struct report, job_id)},
    {"status", A_LINE, offsetof(struct report, status)},
    {"rid", A_UUID, offsetof(struct report, rid)},
    {"node_ip", A_LINE, offsetof(struct report, node_ip)},
    {"message", A_TEXT, offsetof(struct report, message)},
    {"token", A_TEXT, offsetof(struct report, token)},
    {"timestamp", A_TIME, offsetof(struct report, time)},
    {"start_time", A_TIME, offsetof(struct report, start_time)},
    {"exit_code", A_CODE, offsetof(struct report, exit_code)},
    {"heartbeat", A_FLAG, offsetof(struct report, is_heartbeat)},
};

static const char *take_value(char **at, struct value *out)
{
    static const struct {
        const char *word;
        int kind;
    } words[] = {{"true", TRUE}, {"false", FALSE}, {"null", ABSENT}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strncmp(*at, words[i].word, strlen(words[i].word)) == 0) {
            *at += strlen(words[i].word);
            out->kind = words[i].kind;
            return NULL;
        }
    }
    out->kind = **at == '"' ? TEXT : NUMBER;
    if (**at == '"')
        return take_string(at, &out->text);
    if (**at == '{' || **at == '[')
        return "must not be an object or a list";
    return take_number(at, &out->number) ? NULL : "has no JSON value";
}

static const char *set_field(struct report *report, const struct field *field, const struct value *value)
{
    void *target = (char *)report + field->offset;
    switch (field->kind) {
    case A_LINE:
    case A_TEXT:
    case A_UUID:
        if (value->kind != TEXT)
            return "must be a string";
        if (field->kind == A_LINE && !is_line(value->text, 200))
            return "must be 1 to 200 bytes without control characters";
        if (field->kind == A_UUID && !is_uuid(value->text))
            return "must be a UUID";
        *(const char **)target = value->text;
        return NULL;
    case A_FLAG:
        *(bool *)target = value->kind == TRUE;
        return value->kind == TRUE || value->kind == FALSE ? NULL : "must be true or false";
    case A_CODE:
        if (value->kind != NUMBER || value->number < 0 || value->number > 255 || value->number != (int)value->number)
            return "must be a whole number from 0 to 255";
        *(int *)target = (int)value->number;
        return NULL;
    default:
        *(int64_t *)target = value->kind == NUMBER ? from_number(value->number)
                             : value->kind == TEXT ? from_rfc3339(value->text)
                                                   : 0;
        return *(int64_t *)target ? NULL : "must be seconds or milliseconds since 1970, or a time as in RFC 3339";
    }
}

static char *skip_space(char *p)
{
    return p + strspn(p, " \t\r\n");
}

static int take_member(char **at, struct report *report, unsigned *seen, struct report_fault *fault)
{
    const char *name, *why;
    struct value value = {0};
    if (**at != '"')
        return refuse(fault, "", "is not JSON: a name in quotes must follow");
    if ((why = take_string(at, &name)))
        return refuse(fault, "", why);
    size_t i = 0;
    while (i < sizeof fields / sizeof *fields && strcmp(fields[i].name, name) != 0)
        i++;
    bool known = i < sizeof fields / sizeof *fields; /* what is not known may be there, for others */
    const char *shown = known ? fields[i].name : "";
    *at = skip_space(*at);
    if (**at != ':')
        return refuse(fault, shown, "is not JSON: a colon must follow the name");
    *at = skip_space(*at + 1);
    if ((why = take_value(at, &value)))
        return refuse(fault, shown, why);
    if (known && *seen & 1u << i)
        return refuse(fault, shown, "is there twice");
    *seen |= known ? 1u << i : 0;
    if (known && value.kind != ABSENT && (why = set_field(report, &fields[i], &value)))
        return refuse(fault, shown, why);
    return 0;
}

static int check_status(struct report *report, struct report_fault *fault)
{
    static const char *const known[] = {"running", "start", "success", "succeeded", "failed", "fail", "log", "retry"};
    if (!*report->job_id)
        return refuse(fault, "job_id", "is missing");
    if (!*report->status && report->is_heartbeat)
        report->status = "running";
    if (!*report->status && report->exit_code >= 0)
        report->status = report->exit_code ? "failed" : "success";
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(report->status, known[i]) == 0)
            return 0;
    return refuse(fault, "status", "must be running, success, failed, log or retry");
}

static int begin(struct report *report, const char *bytes, size_t size, struct report_fault *fault)
{
    report->job_id = report->status = report->rid = report->node_ip = report->message = report->token = "";
    report->exit_code = -1;
    report->time = report->start_time = 0;
    report->is_heartbeat = report->is_ping = false;
    if (size > REPORT_MOST)
        return refuse(fault, "", "is larger than 8 KiB");
    if (size)
        memcpy(report->store, bytes, size);
    report->store[size] = '\0';
    return 0;
}

int report_read_json(struct report *report, const char *bytes, size_t size, struct report_fault *fault)
{
    if (begin(report, bytes, size, fault))
        return -1;
    if (strlen(report->store) != size)
        return refuse(fault, "", "has a zero byte in it");
    unsigned seen = 0;
    char *p = skip_space(report->store);
    if (*p != '{')
        return refuse(fault, "", "is not a JSON object");
    p = skip_space(p + 1);
    while (*p != '}') {
        if (take_member(&p, report, &seen, fault))
            return -1;
        p = skip_space(p);
        if (*p != '}' && *p != ',')
            return refuse(fault, "", "is not JSON: a comma or } must follow a value");
        if (*p == ',' && *(p = skip_space(p + 1)) == '}')
            return refuse(fault, "", "is not JSON: a name must follow the comma");
    }
    if (*skip_space(p + 1))
        return refuse(fault, "", "has something behind the JSON object");
    return check_status(report, fault);
}

/* ---- A ping ---- */

static int read_suffix(struct report *report, const char *suffix, struct report_fault *fault)
{
    size_t digits = strspn(suffix, DIGITS);
    if (strcmp(suffix, "start") == 0 || strcmp(suffix, "fail") == 0 || strcmp(suffix, "log") == 0) {
        report->status = suffix;
    } else if (digits && digits <= 3 && !suffix[digits] && atoi(suffix) <= 255) {
        report->exit_code = atoi(suffix);
        report->status = report->exit_code ? "failed" : "success";
    } else {
        return refuse(fault, "", "must end in /start, /fail, /log or an exit code from 0 to 255");
    }
    return 0;
}

static int read_ping(struct report *report, size_t size, struct report_fault *fault)
{
    for (size_t i = 0, n; i < size; i += n ? n : 1) {
        n = code_point(report->store + i);
        if (!n)
            report->store[i] = '?'; /* output may be cut anywhere: no reason to lose the report */
    }
    char *line = report->store, *end = line + strcspn(line, "\n");
    if (*end)
        report->message = end + 1;
    *end = '\0';
    while (end > line && (end[-1] == '\r' || end[-1] == ' '))
        *--end = '\0';
    size_t n = strspn(line, DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.");
    if (n == 0 || n > 200 || (line[n] && line[n] != '/'))
        return refuse(fault, "",
                      "is neither a JSON object nor a ping: NAME, NAME/start, NAME/fail, NAME/log, NAME/EXIT");
    report->job_id = line;
    report->status = "success";
    report->is_ping = true;
    bool has_suffix = line[n] == '/';
    line[n] = '\0';
    return has_suffix ? read_suffix(report, line + n + 1, fault) : 0;
}

int report_read(struct report *report, const char *bytes, size_t size, struct report_fault *fault)
{
    size_t blank = 0;
    while (blank < size && strchr(" \t\r\n", bytes[blank]) && bytes[blank])
        blank++;
    if (blank < size && bytes[blank] == '{')
        return report_read_json(report, bytes, size, fault);
    return begin(report, bytes, size, fault) ? -1 : read_ping(report, size, fault);
}
