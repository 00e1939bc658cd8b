/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cloudevent.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/time.h"

struct cloud_event *cloud_event_new(const char *id, const char *source, const char *type, const char *subject,
                                    int64_t time, json_t *data)
{
    struct cloud_event *event = NEW(struct cloud_event);
    if (id) {
        event->id = x_strdup(id);
    } else {
        event->id = x_malloc(37);
        text_new_uuid(event->id);
    }
    event->source = x_strdup(source ? source : "");
    event->type = x_strdup(type ? type : "");
    event->subject = x_strdup(subject ? subject : "");
    event->time = time;
    event->data = data ? data : json_object();
    return event;
}

void cloud_event_free(struct cloud_event *event)
{
    if (!event)
        return;
    free(event->id);
    free(event->source);
    free(event->type);
    free(event->subject);
    json_decref(event->data);
    free(event);
}

static int check_name(const char *attribute, const char *value, bool required, struct error *e)
{
    size_t len = strlen(value);
    if (required && !len) {
        error_set(e, "is missing");
        return error_where(e, "%s", attribute);
    }
    if (len > CLOUD_EVENT_MOST_NAME) {
        error_set(e, "is longer than %d bytes", CLOUD_EVENT_MOST_NAME);
        return error_where(e, "%s", attribute);
    }
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)value[i] < 0x20 || value[i] == 0x7f) {
            error_set(e, "has a control character");
            return error_where(e, "%s", attribute);
        }
    }
    if (!text_is_utf8(value, len, NULL)) {
        error_set(e, "is not UTF-8");
        return error_where(e, "%s", attribute);
    }
    return 0;
}

int cloud_event_check(const struct cloud_event *event, struct error *e)
{
    return check_name("id", event->id, true, e) || check_name("source", event->source, true, e) ||
                   check_name("type", event->type, true, e) || check_name("subject", event->subject, false, e)
               ? -1
               : 0;
}

static int member(const json_t *json, const char *name, const char **out, struct error *e)
{
    const json_t *value = json_object_get(json, name);
    if (value && !json_is_null(value) && !json_is_string(value)) {
        error_set(e, "must be a string");
        return error_where(e, "%s", name);
    }
    const char *s = json_string_value(value);
    *out = s ? s : "";
    return 0;
}

struct cloud_event *cloud_event_from_json(const json_t *json, int64_t now, struct error *e)
{
    const char *version, *id, *source, *type, *subject, *time;
    if (!json_is_object(json)) {
        error_set(e, "an event must be a JSON object");
        return NULL;
    }
    if (member(json, "specversion", &version, e) || member(json, "id", &id, e) || member(json, "source", &source, e) ||
        member(json, "type", &type, e) || member(json, "subject", &subject, e) || member(json, "time", &time, e))
        return NULL;
    if (strcmp(version, "1.0") != 0) {
        error_set(e, *version ? "CloudEvents version '%.20s' is not known" : "is missing%.0s", version);
        error_where(e, "specversion");
        error_mend(e, "write \"specversion\": \"1.0\"");
        return NULL;
    }
    int64_t when = now;
    if (*time && !time_parse(time, &when)) {
        error_set(e, "'%.60s' is not an RFC 3339 time", time);
        error_where(e, "time");
        return NULL;
    }
    json_t *data = json_object_get(json, "data");
    if (!data || json_is_null(data))
        data = json_object();
    else if (json_is_object(data))
        json_incref(data);
    else
        data = json_pack("{s:O}", "value", data);
    struct cloud_event *event = cloud_event_new(id, source, type, subject, when, data);
    if (cloud_event_check(event, e)) {
        cloud_event_free(event);
        return NULL;
    }
    return event;
}
