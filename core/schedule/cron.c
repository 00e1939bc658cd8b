/* SPDX-License-Identifier: Apache-2.0 */
#include "schedule/cron.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SPACES " \t"

/* A field's values are low to high; names[i] means the value first_named + i. */
struct kind {
    const char *label;
    int low, high;
    const char *const *names;
    int first_named, n_names;
};

static const char *const month_names[] = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                          "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
static const char *const weekday_names[] = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};

static const struct kind kinds[CRON_FIELDS] = {
    [CRON_SECOND] = {"seconds", 0, 59},
    [CRON_MINUTE] = {"minutes", 0, 59},
    [CRON_HOUR] = {"hours", 0, 23},
    [CRON_DAY] = {"day of month", 1, 31},
    [CRON_MONTH] = {"month", 1, 12, month_names, 1, 12},
    [CRON_WEEKDAY] = {"day of week", 0, 7, weekday_names, 0, 7},
};

/* Reads one field. */
struct parser {
    struct cron *cron;
    enum cron_field field;
    const struct kind *kind;
    int number; /* of the field, as the reader counts */
    const char *text, *at, *item, *end;
    const char *seed;
    struct error *e;
};

/* ---- Refusals ---- */

/* `what` with the piece of text that is meant; `mend` by printf. Always -1. */
static int refuse(struct parser *p, const char *text, const char *end, const char *what, const char *mend, ...)
    __attribute__((format(printf, 5, 6)));

static int refuse(struct parser *p, const char *text, const char *end, const char *what, const char *mend, ...)
{
    enum { SHOWN = 40 };
    if (!p->e)
        return -1;
    AUTOFREE char *piece = x_strndup(text, (size_t)(end - text));
    AUTOBUF quoted = {0};
    text_truncate(piece, SHOWN);
    text_quote(&quoted, piece);
    error_set(p->e, "%s %s", buf_str(&quoted), what);
    error_where(p->e, "field %d (%s)", p->number, p->kind->label);
    va_list ap;
    va_start(ap, mend);
    vsnprintf(p->e->mend, sizeof p->e->mend, mend, ap);
    va_end(ap);
    return -1;
}

static const char *item_end(const struct parser *p)
{
    const char *comma = memchr(p->item, ',', (size_t)(p->end - p->item));
    return comma ? comma : p->end;
}

static int refuse_item(struct parser *p, const char *what, const char *mend)
{
    return refuse(p, p->item, item_end(p), what, "%s", mend);
}

/* ---- Values ---- */

static bool take(struct parser *p, char upper)
{
    char c = p->at < p->end ? *p->at : '\0';
    if (c != upper && !(c >= 'a' && c <= 'z' && c - 'a' + 'A' == upper))
        return false;
    p->at++;
    return true;
}

static bool at_digit(const struct parser *p)
{
    return p->at < p->end && *p->at >= '0' && *p->at <= '9';
}

/* A number of at most four digits within low to high. */
static int take_number(struct parser *p, int low, int high, int *out)
{
    const char *from = p->at;
    int value = 0;
    for (; at_digit(p); p->at++) {
        if (p->at - from == 4) {
            while (at_digit(p))
                p->at++;
            return refuse(p, from, p->at, "has more than four digits", "write %d to %d", low, high);
        }
        value = value * 10 + (*p->at - '0');
    }
    if (p->at == from)
        return refuse_item(p, "lacks a number", "write one, or remove the sign before it");
    if (value < low || value > high)
        return refuse(p, from, p->at, "is out of range", "write %d to %d", low, high);
    *out = value;
    return 0;
}

static bool take_name(struct parser *p, int *out)
{
    for (int i = 0; i < p->kind->n_names && p->end - p->at >= 3; i++)
        if (strncasecmp(p->at, p->kind->names[i], 3) == 0) {
            *out = p->kind->first_named + i;
            p->at += 3;
            return true;
        }
    return false;
}

static int refuse_character(struct parser *p)
{
    const char *end = p->at + 1;
    while (end < p->end && ((unsigned char)*end & 0xc0) == 0x80)
        end++; /* the whole of a character that is not ASCII */
    if ((unsigned char)*p->at >= 0x80)
        return refuse(p, p->at, end, "is not ASCII", "write the digits 0 to 9 and the letters A to Z");
    if (*p->at == '+' || (*p->at == '-' && p->at == p->item))
        return refuse(p, p->at, end, "is a sign, and numbers here have none", "write %d to %d", p->kind->low,
                      p->kind->high);
    return refuse(p, p->at, end, "is not understood here", "write %s%d to %d, `*`, a range such as %d-%d or a list",
                  p->kind->names ? "a name of three letters, " : "", p->kind->low, p->kind->high, p->kind->low + 1,
                  p->kind->low + 2);
}

static int take_value(struct parser *p, int *out)
{
    if (take_name(p, out))
        return 0;
    if (at_digit(p))
        return take_number(p, p->kind->low, p->kind->high, out);
    if (p->at == p->end || *p->at == ',')
        return refuse_item(p, "lacks a number", "write one, or remove the sign before it");
    return refuse_character(p);
}

/* An item has been read; what follows must be the next. */
static int end_item(struct parser *p)
{
    if (p->at == p->end || *p->at == ',')
        return 0;
    bool word = p->kind->names && p->at - p->item == 3 && (*p->item < '0' || *p->item > '9');
    if (word)
        return refuse_item(p, "is not understood", "write names with three letters, such as MON or JAN");
    return refuse_character(p);
}

/* ---- Items ---- */

static int add_range(struct parser *p, int low, int high, int step)
{
    for (int value = low; value <= high; value += step)
        p->cron->fields[p->field] |= 1ull << value;
    return 0;
}

/* "/N" if it is there, else a step of 1. */
static int take_step(struct parser *p, int *step)
{
    *step = 1;
    return take(p, '/') ? take_number(p, 1, 9999, step) : 0;
}

static void describe_range(const struct kind *kind, bool named, int low, int high, char *out, size_t size)
{
    const char *const *names = kind->names;
    int n = named ? snprintf(out, size, "%s", names[low - kind->first_named]) : snprintf(out, size, "%d", low);
    if (high > low && named)
        snprintf(out + n, size - (size_t)n, "-%s", names[high - kind->first_named]);
    else if (high > low)
        snprintf(out + n, size - (size_t)n, "-%d", high);
}

/* Ranges do not wrap around: the reader is told how to write both halves. */
static int refuse_backwards(struct parser *p, const char *end, int low, int high)
{
    const struct kind *kind = p->kind;
    bool named = kind->names && (*p->item < '0' || *p->item > '9');
    int highest = p->field == CRON_WEEKDAY ? 6 : kind->high;
    char first[16], second[16];
    describe_range(kind, named, low, highest, first, sizeof first);
    describe_range(kind, named, kind->low, high, second, sizeof second);
    if (low > highest) /* from 7: Sunday is 0 as well */
        return refuse(p, p->item, end, "goes backwards", "write %s", second);
    return refuse(p, p->item, end, "goes backwards", "write %s,%s", first, second);
}

/* N, N-M, N/STEP, N-M/STEP; N/STEP goes on to the end. */
static int parse_range(struct parser *p, int low)
{
    int high = low, step;
    bool open = true;
    if (take(p, '-')) {
        open = false;
        if (take_value(p, &high) < 0)
            return -1;
        if (high < low)
            return refuse_backwards(p, p->at, low, high);
    }
    if (open && p->at < p->end && *p->at == '/')
        high = p->kind->high;
    return take_step(p, &step) < 0 ? -1 : add_range(p, low, high, step);
}

static uint64_t spread(const struct parser *p)
{
    uint64_t hash = text_hash(text_hash(TEXT_HASH, p->seed, strlen(p->seed)), p->kind->label, strlen(p->kind->label));
    return hash ^ hash >> 32;
}

/* H or H(N-M): one value, the same for ever for a seed; with /STEP: every STEP from a place within the first STEP. */
static int parse_hash(struct parser *p)
{
    /* Of its own accord H keeps to days that every month has, and names Sunday once. */
    int low = p->kind->low, step;
    int high = p->field == CRON_DAY ? 28 : p->field == CRON_WEEKDAY ? 6 : p->kind->high;
    if (take(p, '(')) {
        if (take_value(p, &low) < 0)
            return -1;
        if (!take(p, '-'))
            return refuse_item(p, "lacks a range in its brackets", "write H(0-29)");
        if (take_value(p, &high) < 0)
            return -1;
        if (high < low)
            return refuse_item(p, "goes backwards", "write the smaller number first");
        if (!take(p, ')'))
            return refuse_item(p, "lacks its closing bracket", "write H(0-29)");
    }
    bool stepped = p->at < p->end && *p->at == '/';
    if (take_step(p, &step) < 0)
        return -1;
    int width = high - low + 1, places = stepped && step < width ? step : width;
    int first = low + (int)(spread(p) % (uint64_t)places);
    return add_range(p, first, stepped ? high : first, step);
}

/* L, L-N, LW */
static int parse_last_day(struct parser *p)
{
    int before = 0;
    if (take(p, 'W')) {
        p->cron->last_workday = true;
        return 0;
    }
    if (take(p, '-') && take_number(p, 1, 30, &before) < 0)
        return -1;
    p->cron->days_from_last |= 1u << before;
    return 0;
}

/* The weekday in nL and n#k has been read. */
static int parse_weekday_in_month(struct parser *p, int weekday)
{
    uint8_t bit = (uint8_t)(1u << weekday % 7);
    int k;
    if (take(p, 'L')) {
        p->cron->last_weekdays |= bit;
        return 0;
    }
    p->at++; /* # */
    if (take_number(p, 1, 5, &k) < 0)
        return -1;
    p->cron->nth_weekdays[k] |= bit;
    return 0;
}

static int parse_value_item(struct parser *p)
{
    int value;
    if (take_value(p, &value) < 0)
        return -1;
    char next = p->at < p->end ? *p->at : '\0';
    if (p->field == CRON_WEEKDAY && (next == 'L' || next == 'l' || next == '#'))
        return parse_weekday_in_month(p, value);
    if (p->field == CRON_DAY && take(p, 'W')) {
        p->cron->workdays |= 1u << value;
        return 0;
    }
    return parse_range(p, value);
}

static int parse_question(struct parser *p)
{
    if (p->field != CRON_DAY && p->field != CRON_WEEKDAY)
        return refuse_item(p, "is only for the day of month and the day of week", "write *");
    if (p->end - p->text != 1)
        return refuse(p, p->text, p->end, "has more beside the `?`", "write ? alone, or *");
    return add_range(p, p->kind->low, p->kind->high, 1);
}

static int parse_item(struct parser *p)
{
    int step;
    p->item = p->at;
    if (p->at == p->end || *p->at == ',')
        return refuse(p, p->text, p->end, "has an empty item", "remove the comma beside it");
    if (take(p, '*'))
        return take_step(p, &step) < 0 ? -1 : add_range(p, p->kind->low, p->kind->high, step);
    if (take(p, '?'))
        return parse_question(p);
    if (take(p, 'H'))
        return parse_hash(p);
    if (p->field == CRON_DAY && take(p, 'L'))
        return parse_last_day(p);
    if (p->field == CRON_WEEKDAY && take(p, 'L'))
        return refuse_item(p, "lacks the weekday before it", "write 5L for the month's last Friday, 6 for Saturday");
    return parse_value_item(p);
}

static int parse_field(struct parser *p)
{
    do {
        if (parse_item(p) < 0 || end_item(p) < 0)
            return -1;
    } while (take(p, ','));
    uint64_t *bits = &p->cron->fields[p->field];
    if (p->field == CRON_WEEKDAY && *bits >> 7 & 1)
        *bits = (*bits & 0x7f) | 1;
    return 0;
}

/* ---- The whole ---- */

static int refuse_count(struct error *e, int n)
{
    if (!n) {
        error_set(e, "the schedule is empty");
        return error_mend(e, "write 5 fields, such as 0 2 * * *, or @daily");
    }
    error_set(e, "%d field%s instead of 5 or 6", n, n == 1 ? "" : "s");
    return error_mend(e, n > 6
                             ? "write minute hour day month weekday, or second before them; there is no field for years"
                             : "write minute hour day month weekday, such as 0 2 * * *");
}

static int count_fields(const char *text)
{
    int n = 0;
    for (const char *p = text + strspn(text, SPACES); *p; p += strspn(p, SPACES), n++)
        p += strcspn(p, SPACES);
    return n;
}

/* Fields that are right one by one, but together name no day. */
static int check_dates(const struct cron *cron, int first_number, struct error *e)
{
    if (!cron->any_day && !cron_has_date(cron, true)) {
        error_set(e, "no month of this schedule has such a day");
        error_where(e, "field %d (%s)", first_number + CRON_DAY, kinds[CRON_DAY].label);
        return error_mend(e, "write L for the last day of the month");
    }
    if (!cron_has_date(cron, false)) {
        error_set(e, "no day is ever both such a day of month and such a weekday in these months");
        error_where(e, "fields %d to %d (%s, %s, %s)", first_number + CRON_DAY, first_number + CRON_WEEKDAY,
                    kinds[CRON_DAY].label, kinds[CRON_MONTH].label, kinds[CRON_WEEKDAY].label);
        return error_mend(e, "write * or ? for one of the days");
    }
    return 0;
}

/* What the first character of a field says beyond the values it stands for. */
static void note_star(struct cron *cron, enum cron_field field, char first)
{
    bool star = first == '*' || first == '?';
    if (field == CRON_DAY)
        cron->any_day = star;
    else if (field == CRON_WEEKDAY)
        cron->any_weekday = star;
    else if (field != CRON_MONTH)
        cron->ticks |= star;
}

int cron_parse(struct cron *cron, const char *text, const char *seed, struct error *e)
{
    int n = count_fields(text), first = n == 6 ? CRON_SECOND : CRON_MINUTE;
    *cron = (struct cron){.fields[CRON_SECOND] = 1};
    if (n != 5 && n != 6)
        return refuse_count(e, n);
    if (first == CRON_SECOND)
        cron->fields[CRON_SECOND] = 0;
    const char *at = text;
    for (int i = first; i < CRON_FIELDS; i++) {
        at += strspn(at, SPACES);
        struct parser p = {cron,       (enum cron_field)i, &kinds[i],    i - first + 1,
                           .text = at, .at = at,           .seed = seed, .e = e};
        p.end = at + strcspn(at, SPACES);
        if (parse_field(&p) < 0)
            return -1;
        note_star(cron, p.field, *at);
        at = p.end;
    }
    return check_dates(cron, 1 - first, e);
}
