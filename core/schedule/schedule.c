/* SPDX-License-Identifier: Apache-2.0 */
#include "schedule/schedule.h"

#include <string.h>
#include <strings.h>

#include "schedule/calendar.h"
#include "schedule/cron.h"
#include "schedule/zone.h"

/* The first second of the year 10000, where RFC 3339 ends. */
#define LAST_YEAR_END 253402300800

struct schedule {
    int64_t every; /* seconds; 0: by `cron` in `zone` */
    struct cron cron;
    const struct zone *zone;
};

static const struct {
    const char *name, *cron; /* null: a form that is not five fields */
} macros[] = {{"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"}, {"@weekly", "0 0 * * 0"},
              {"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"}, {"@hourly", "0 * * * *"},  {"@every", NULL}};

/* ---- Reading ---- */

static int parse_every(struct schedule *schedule, const char *text, struct error *e)
{
    int64_t ms;
    text += strspn(text, " \t");
    AUTOFREE char *duration = x_strndup(text, strcspn(text, " \t"));
    if (text[strlen(duration) + strspn(text + strlen(duration), " \t")] || !duration_parse(duration, &ms)) {
        error_set(e, "@every wants a duration");
        return error_mend(e, "write it as in @every 1h30m, with the units w d h m s from large to small");
    }
    if (ms < SECOND || ms % SECOND || ms / SECOND > PERIOD_SECONDS) {
        error_set(e, "@every takes whole seconds, from one second to 400 years");
        return error_mend(e, "write @every 1s or more");
    }
    schedule->every = ms / SECOND;
    return 0;
}

static int refuse_macro(char *word, struct error *e)
{
    enum { SHOWN = 40 };
    const char *names[COUNT(macros)];
    for (size_t i = 0; i < COUNT(macros); i++)
        names[i] = macros[i].name;
    if (strcasecmp(word, "@reboot") == 0 || strcasecmp(word, "@start") == 0) {
        error_set(e, "%s names no time, and jobs are not run at the agent's start", word);
        return error_mend(e, "write a time, such as @hourly, or have the system's start-up trigger the job");
    }
    AUTOBUF quoted = {0};
    text_truncate(word, SHOWN);
    text_quote(&quoted, word);
    error_set(e, "%s is not known", buf_str(&quoted));
    const char *near = text_nearest(word, names, COUNT(names));
    return near ? error_mend(e, "did you mean %s?", near)
                : error_mend(e, "write @yearly, @monthly, @weekly, @daily, @hourly or @every 5m");
}

static int parse_macro(struct schedule *schedule, const char *text, const char *seed, struct error *e)
{
    AUTOFREE char *word = x_strndup(text, strcspn(text, " \t"));
    const char *rest = text + strlen(word);
    size_t i = 0;
    while (i < COUNT(macros) && strcasecmp(word, macros[i].name) != 0)
        i++;
    if (i == COUNT(macros))
        return refuse_macro(word, e);
    if (!macros[i].cron)
        return parse_every(schedule, rest, e);
    if (rest[strspn(rest, " \t")]) {
        error_set(e, "%s stands alone", macros[i].name);
        return error_mend(e, "remove what follows it");
    }
    return cron_parse(&schedule->cron, macros[i].cron, seed, e);
}

/* Moves *text past CRON_TZ=ZONE or TZ=ZONE and returns the zone, for the caller to free; null: there is none. */
static char *take_prefix(const char **text)
{
    const char *at = *text;
    if (text_starts(at, "CRON_TZ="))
        at += strlen("CRON_TZ=");
    else if (text_starts(at, "TZ="))
        at += strlen("TZ=");
    else
        return NULL;
    size_t length = strcspn(at, " \t");
    *text = at + length + strspn(at + length, " \t");
    return x_strndup(at, length);
}

/* A zone's clocks may skip, every year, the one hour that is asked for. */
static int check_zone(const struct schedule *schedule, const char *zone, struct error *e)
{
    int64_t from = zone_settled(schedule->zone);
    if (cron_next(&schedule->cron, schedule->zone, from, from + PERIOD_SECONDS) != CRON_NEVER)
        return 0;
    error_set(e, "never due: the clocks of %s skip this time whenever its day comes", zone);
    return error_mend(e, "write another hour");
}

static int parse(struct schedule *schedule, const char *text, const char *timezone, const char *seed, struct error *e)
{
    text += strspn(text, " \t");
    AUTOFREE char *prefix = take_prefix(&text);
    const char *zone = prefix ? prefix : timezone ? timezone : "UTC";
    schedule->zone = zone_get(zone, e);
    if (!schedule->zone)
        return error_where(e, "%s", prefix ? "prefix TZ=" : "timezone");
    if (text_starts(text, "TZ=") || text_starts(text, "CRON_TZ=")) {
        error_set(e, "the time zone is given twice");
        return error_mend(e, "write one prefix TZ= only");
    }
    if (*text == '@')
        return parse_macro(schedule, text, seed, e);
    if (cron_parse(&schedule->cron, text, seed, e) < 0)
        return -1;
    return check_zone(schedule, zone, e);
}

struct schedule *schedule_parse(const char *text, const char *timezone, const char *seed, struct error *e)
{
    struct schedule *schedule = NEW(struct schedule);
    if (parse(schedule, text, timezone, seed ? seed : "", e) == 0)
        return schedule;
    schedule_free(schedule);
    return NULL;
}

void schedule_free(struct schedule *schedule)
{
    free(schedule);
}

bool schedule_timezone_known(const char *name)
{
    return zone_get(name, NULL) != NULL;
}

/* ---- Asking, in whole seconds ---- */

/* The first at or after `from`, or CRON_NEVER. */
static int64_t first_from(const struct schedule *schedule, int64_t from)
{
    if (!schedule->every)
        return cron_next(&schedule->cron, schedule->zone, from, LAST_YEAR_END);
    int64_t due = -floor_div(-from, schedule->every) * schedule->every;
    return due < LAST_YEAR_END ? due : CRON_NEVER;
}

int64_t schedule_next(const struct schedule *schedule, int64_t from)
{
    int64_t due = first_from(schedule, floor_div(from, SECOND) + 1);
    return due == CRON_NEVER ? INT64_MAX : due * SECOND;
}

/* By bisection over first_from(), which never decreases: so both directions agree by construction, whatever the
 * clocks do. */
int64_t schedule_previous(const struct schedule *schedule, int64_t at)
{
    int64_t last = floor_div(at, SECOND), high = last + 1; /* first_from(high) > last */
    int64_t low = last, found;
    for (int64_t back = 1; (found = first_from(schedule, low)) > last; back *= 2) {
        high = low;
        if (low <= last - PERIOD_SECONDS)
            return INT64_MIN;
        low = back < PERIOD_SECONDS ? last - back : last - PERIOD_SECONDS;
    }
    low = found; /* due, and at or before `last` */
    while (low + 1 < high) {
        int64_t middle = low + (high - low) / 2;
        found = first_from(schedule, middle);
        if (found <= last)
            low = found;
        else
            high = middle;
    }
    int64_t ms;
    return __builtin_mul_overflow(low, SECOND, &ms) ? INT64_MIN : ms;
}
