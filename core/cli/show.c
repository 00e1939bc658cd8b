/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *show_span(int64_t ms, char out[SHOW_TEXT])
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"d", DAY}, {"h", HOUR}, {"m", MINUTE}, {"s", SECOND}};
    snprintf(out, SHOW_TEXT, "%" PRId64 "ms", ms);
    for (size_t i = 0; i < COUNT(units); i++) {
        int64_t n = ms / units[i].ms, rest = ms % units[i].ms;
        if (!n)
            continue;
        if (i + 1 < COUNT(units) && rest >= units[i + 1].ms)
            snprintf(out, SHOW_TEXT, "%" PRId64 "%s%" PRId64 "%s", n, units[i].name, rest / units[i + 1].ms,
                     units[i + 1].name);
        else
            snprintf(out, SHOW_TEXT, "%" PRId64 "%s", n, units[i].name);
        break;
    }
    return out;
}

const char *show_when(const json_t *object, const char *key, int64_t now, char out[SHOW_TEXT])
{
    int64_t at;
    char span[SHOW_TEXT];
    *out = '\0';
    if (!time_parse(json_str(object, key, ""), &at))
        return out;
    if (at > now)
        snprintf(out, SHOW_TEXT, "in %.40s", show_span(at - now, span));
    else
        snprintf(out, SHOW_TEXT, "%.40s ago", show_span(now - at, span));
    return out;
}

const char *show_seconds(const json_t *object, const char *key, char out[SHOW_TEXT])
{
    const json_t *value = json_object_get(object, key);
    *out = '\0';
    return json_is_number(value) ? show_span((int64_t)(json_number_value(value) * SECOND), out) : out;
}

const char *show_size(int64_t bytes, char out[SHOW_TEXT])
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double size = (double)bytes;
    size_t unit = 0;
    for (; size >= 1024 && unit + 1 < COUNT(units); unit++)
        size /= 1024;
    snprintf(out, SHOW_TEXT, unit ? "%.1f %s" : "%.0f %s", size, units[unit]);
    return out;
}

char *show_alert(const json_t *alert)
{
    const json_t *labels = json_object_get(alert, "labels");
    const char *job = json_str(labels, "job", "");
    return x_printf("%s%s%s", json_str(labels, "alertname", "?"), *job ? " " : "", job);
}

const char *show_advice(const char *verdict)
{
    static const struct {
        const char *verdict, *advice;
    } table[] = {
        {"delivered", "nothing to do"},
        {"partial", "correct the addresses that did not get it"},
        {"rate_limited", "lengthen the interval or raise the quota"},
        {"unavailable", "check the network or use the fallback channel"},
        {"rejected", "correct the message or its recipients"},
        {"disabled", "correct the channel's configuration, then reload"},
    };
    for (size_t i = 0; i < COUNT(table); i++)
        if (strcmp(table[i].verdict, verdict) == 0)
            return table[i].advice;
    return "wait: it has not been tried yet";
}
