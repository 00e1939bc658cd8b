/* SPDX-License-Identifier: Apache-2.0 */
/* An event: a fact that arrived, in CloudEvents 1.0 terms. */
#ifndef BELFRY_BASE_CLOUDEVENT_H
#define BELFRY_BASE_CLOUDEVENT_H

#include <jansson.h>
#include <stdint.h>

struct error;

enum { CLOUD_EVENT_MOST_NAME = 512 }; /* bytes in id, source, type, subject */

struct cloud_event {
    char *id;      /* with source: the same pair is the same event */
    char *source;  /* the configured source's name, or the sender's URI */
    char *type;    /* "job.failed", "metric.sample" */
    char *subject; /* what it is about; "" if nothing */
    int64_t time;  /* when it happened */
    json_t *data;  /* an object, never null */
};

/* `data` is taken over; null makes an empty object. A null id gets a new UUID. */
struct cloud_event *cloud_event_new(const char *id, const char *source, const char *type, const char *subject,
                                    int64_t time, json_t *data);
void cloud_event_free(struct cloud_event *event); /* null is fine */

/* From the structured JSON form. specversion must be 1.0; id, source and type are required; time defaults to `now`;
 * data must be an object (or absent; any other JSON value becomes {"value": …}). Null: see `e`, with the attribute's
 * name as where. */
struct cloud_event *cloud_event_from_json(const json_t *json, int64_t now, struct error *e);

/* Check the four texts alone (present, UTF-8, within the limit, no control characters). */
int cloud_event_check(const struct cloud_event *event, struct error *e);

#endif
