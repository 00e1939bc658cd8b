/* SPDX-License-Identifier: Apache-2.0 */
#include "schedule/zone.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "schedule/calendar.h"
#include "schedule/tzif.h"

/* From `start` on the offset is `offset`; `fresh` as in struct span. */
struct step {
    int64_t start, fresh;
    int64_t offset;
};

struct zone {
    char *name;
    struct step *steps; /* ascending, each of another offset than the one before; the first is ZONE_BEGINNING */
    size_t n, capacity;
    /* A zone that changes its offset for ever has steps for one Gregorian period more than its file tells; from
     * cycle_end on it is as 400 years before. 0: its last step lasts. */
    int64_t cycle_start, cycle_end;
    UT_hash_handle hh;
};

static struct zone *known_zones;

static void zone_free(struct zone *zone)
{
    free(zone->name);
    free(zone->steps);
    free(zone);
}

/* ---- From a file to steps ---- */

static void add_step(struct zone *zone, int64_t start, int32_t offset)
{
    if (zone->n && zone->steps[zone->n - 1].start == start)
        zone->n--;
    struct step *last = zone->n ? &zone->steps[zone->n - 1] : NULL;
    if (last && last->offset == offset)
        return; /* only the zone's abbreviation changed */
    int64_t fresh = start + (last ? last->offset : offset);
    if (last && last->fresh > fresh)
        fresh = last->fresh;
    if (zone->n == zone->capacity) {
        zone->capacity = zone->capacity ? 2 * zone->capacity : 16;
        zone->steps = x_realloc(zone->steps, zone->capacity * sizeof *zone->steps);
    }
    zone->steps[zone->n++] = (struct step){start, fresh, offset};
}

static void add_step_after(struct zone *zone, int64_t after, int64_t start, int32_t offset)
{
    if (start > after)
        add_step(zone, start, offset);
}

/* In order of time: south of the equator a year's summer time ends before it begins. */
static void add_rule_year(struct zone *zone, const struct tzif_rule *rule, int64_t year, int64_t after)
{
    int64_t begin, end;
    tzif_rule_year(rule, year, &begin, &end);
    if (begin < end)
        add_step_after(zone, after, begin, rule->summer);
    add_step_after(zone, after, end, rule->standard);
    if (begin >= end)
        add_step_after(zone, after, begin, rule->summer);
}

/* The years after the file's last transition, up to the point where they begin again. */
static void add_rule(struct zone *zone, const struct tzif_rule *rule, int64_t after)
{
    int64_t year = date_of_day(floor_div(after, DAY_SECONDS)).year;
    int64_t settled = day_of_date(year + 2, 1, 1) * DAY_SECONDS; /* rule on both sides of it */
    for (int64_t y = year - 1; y <= year + PERIOD_YEARS + 3; y++)
        add_rule_year(zone, rule, y, after);
    size_t first = zone->n;
    while (first > 0 && zone->steps[first - 1].start >= settled)
        first--;
    if (first == zone->n)
        return; /* summer time all the year round */
    zone->cycle_start = zone->steps[first].start;
    zone->cycle_end = zone->cycle_start + PERIOD_SECONDS;
    while (zone->steps[zone->n - 1].start >= zone->cycle_end)
        zone->n--;
}

static bool add_file(struct zone *zone, const struct tzif *file)
{
    int64_t last = 0;
    add_step(zone, ZONE_BEGINNING, tzif_first_offset(file));
    for (size_t i = 0; i < file->n_times; i++) {
        int32_t offset;
        last = tzif_transition(file, i, &offset);
        if (last < ZONE_BEGINNING / 2 || last > ZONE_END / 2)
            return false;
        add_step(zone, last, offset);
    }
    struct tzif_rule rule;
    if (!file->footer_length)
        return true;
    if (!tzif_parse_rule(&rule, file->footer, file->footer_length))
        return false;
    if (rule.has_summer)
        add_rule(zone, &rule, last);
    return true;
}

/* ---- From a name to a file ---- */

enum { FILE_LIMIT = 1 << 18, NAME_LIMIT = 128 };

static const char *database(void)
{
    const char *folder = secure_getenv("TZDIR");
    return text_empty(folder) ? "/usr/share/zoneinfo" : folder;
}

/* Words of letters, digits, "_", "-", "+" with slashes between: cannot leave the database's folder. */
static bool name_is_safe(const char *name)
{
    size_t length = strlen(name);
    if (!length || length > NAME_LIMIT || name[0] == '/' || name[length - 1] == '/' || strstr(name, "//"))
        return false;
    return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+/") == length;
}

/* At most `limit` bytes of database()/NAME; false: no such file, a folder, or a larger one. */
static bool read_database(const char *name, size_t limit, struct buf *out)
{
    AUTOFREE char *path = x_printf("%s/%s", database(), name);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    char chunk[4096];
    size_t n;
    while (out->len <= limit && (n = fread(chunk, 1, sizeof chunk, file)) > 0)
        buf_add(out, chunk, n);
    bool good = !ferror(file) && out->len <= limit;
    fclose(file);
    return good;
}

/* Of a line of the database's own text form: "Z NAME …" is a zone, "L TARGET NAME" a further name. */
static const char *listed_name(char *line)
{
    char *rest = line + 2;
    if (strncmp(line, "Z ", 2) != 0 && strncmp(line, "L ", 2) != 0)
        return NULL;
    char *word = strsep(&rest, " ");
    return *line == 'L' ? strsep(&rest, " ") : word;
}

static int refuse_unknown(struct error *e, const char *name)
{
    enum { LIST_LIMIT = 1 << 20, NAMES = 1000 };
    error_set(e, "the time zone \"%s\" is not known", name);
    AUTOBUF list = {0};
    if (!read_database("tzdata.zi", LIST_LIMIT, &list) || !list.len)
        return error_mend(e, "write a name of %s, such as Europe/Berlin; the package tzdata brings them", database());
    const char *names[NAMES];
    size_t n = 0;
    for (char *rest = list.data, *line; n < NAMES && (line = strsep(&rest, "\n"));)
        if ((names[n] = listed_name(line)))
            n++;
    const char *near = text_nearest(name, names, n);
    if (near)
        return error_mend(e, "did you mean %s?", near);
    return error_mend(e, "write an IANA name, such as Europe/Berlin");
}

static bool is_utc(const char *name)
{
    return strcmp(name, "UTC") == 0 || strcmp(name, "Etc/UTC") == 0;
}

static struct zone *zone_read(const char *name, struct error *e)
{
    if (!name_is_safe(name)) {
        error_set(e, "that is not the name of a time zone");
        error_mend(e, "write an IANA name, such as Europe/Berlin");
        return NULL;
    }
    struct zone *zone = NEW(struct zone);
    zone->name = x_strdup(name);
    if (is_utc(name)) {
        add_step(zone, ZONE_BEGINNING, 0);
        return zone;
    }
    AUTOBUF data = {0};
    struct tzif file;
    if (!read_database(name, FILE_LIMIT, &data)) {
        refuse_unknown(e, name);
    } else if (!tzif_open(&file, (const unsigned char *)buf_str(&data), data.len) || !add_file(zone, &file)) {
        error_set(e, "%s/%s is no time zone file that can be used here", database(), name);
        error_mend(e, "write an IANA name, such as Europe/Berlin; zones that count leap seconds are not among them");
    } else {
        return zone;
    }
    zone_free(zone);
    return NULL;
}

const struct zone *zone_get(const char *name, struct error *e)
{
    struct zone *zone;
    HASH_FIND_STR(known_zones, name, zone);
    if (zone)
        return zone;
    zone = zone_read(name, e);
    if (zone)
        HASH_ADD_KEYPTR(hh, known_zones, zone->name, strlen(zone->name), zone);
    return zone;
}

/* ---- Asking ---- */

struct span zone_span(const struct zone *zone, int64_t instant)
{
    int64_t shift = 0;
    if (zone->cycle_end && instant >= zone->cycle_end)
        shift = floor_div(instant - zone->cycle_start, PERIOD_SECONDS) * PERIOD_SECONDS;
    instant -= shift;
    size_t low = 0, high = zone->n; /* the step sought is within [low, high) */
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (zone->steps[middle].start <= instant)
            low = middle;
        else
            high = middle;
    }
    const struct step *step = &zone->steps[low];
    int64_t end = low + 1 < zone->n ? step[1].start : zone->cycle_end ? zone->cycle_end : ZONE_END;
    return (struct span){step->start + shift, end + shift, step->offset, step->fresh + shift};
}

int64_t zone_settled(const struct zone *zone)
{
    int64_t start = zone->cycle_end ? zone->cycle_start : zone->steps[zone->n - 1].start;
    return start > 0 ? start : 0;
}
