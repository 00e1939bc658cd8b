/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines to stderr: logfmt or JSON, one line a record, every value escaped and capped. Any thread may log. */
#ifndef BELFRY_BASE_LOG_H
#define BELFRY_BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>

enum log_level { LOG_ERROR = 3, LOG_WARNING = 4, LOG_INFO = 6, LOG_DEBUG = 7 }; /* syslog's numbers */

/* `json`: JSON lines instead of logfmt. Under journald (JOURNAL_STREAM names stderr) lines begin with <level> and have
 * no time. */
void log_setup(enum log_level most, bool json);
bool log_level_parse(const char *name, enum log_level *out); /* error warning info debug */

/* `component` is the room or the plugin that speaks: log_at(LOG_INFO, "store", "opened %s", path). Never give it a
 * secret. */
void log_at(enum log_level level, const char *component, const char *format, ...) __attribute__((format(printf, 3, 4)));
void log_vat(enum log_level level, const char *component, const char *format, va_list ap)
    __attribute__((format(printf, 3, 0)));

/* True at most `burst` times in any 10 s for one `limit`; says how many were held back when it opens again. Loop thread
 * only. */
struct log_limit {
    long long window;
    unsigned shown, held;
};
bool log_allowed(struct log_limit *limit, unsigned burst, const char *component);

#endif
