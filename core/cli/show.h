/* SPDX-License-Identifier: Apache-2.0 */
/* Private to cli/: what the API says, in people's words. */
#ifndef BELFRY_CLI_SHOW_H
#define BELFRY_CLI_SHOW_H

#include "base/base.h"

enum { SHOW_TEXT = 48 };

/* The largest two units: "3d4h", "12s", "250ms". */
const char *show_span(int64_t ms, char out[SHOW_TEXT]);
/* A time of the API as "5m ago" or "in 2h"; "" if it is null. */
const char *show_when(const json_t *object, const char *key, int64_t now, char out[SHOW_TEXT]);
/* Seconds of the API as a span; "" if they are null. */
const char *show_seconds(const json_t *object, const char *key, char out[SHOW_TEXT]);
/* "1.5 MiB". */
const char *show_size(int64_t bytes, char out[SHOW_TEXT]);
/* An alert's name and what it is about, in either spelling of the API: "JobFailed backup". The caller frees it. */
char *show_alert(const json_t *alert);
/* What to do about a notification whose last attempt ended so. */
const char *show_advice(const char *verdict);

#endif
