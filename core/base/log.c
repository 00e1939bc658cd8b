/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/time.h"

enum { MESSAGE_MAX = 4096 };

static _Atomic int most = LOG_INFO;
static _Atomic bool as_json;
static _Atomic bool under_journal;

/* journald says on which device and inode its stream is; only if that is our stderr do we speak its way. */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat st;
    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
           st.st_dev == device && st.st_ino == inode;
}

void log_setup(enum log_level level, bool json)
{
    most = level;
    as_json = json;
    under_journal = stderr_is_journal();
}

static const char *level_name(enum log_level level)
{
    switch (level) {
    case LOG_ERROR:
        return "error";
    case LOG_WARNING:
        return "warning";
    case LOG_INFO:
        return "info";
    case LOG_DEBUG:
        break;
    }
    return "debug";
}

bool log_level_parse(const char *name, enum log_level *out)
{
    static const enum log_level all[] = {LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG};
    for (size_t i = 0; i < COUNT(all); i++) {
        if (strcmp(name, level_name(all[i])) == 0) {
            *out = all[i];
            return true;
        }
    }
    return false;
}

void log_vat(enum log_level level, const char *component, const char *format, va_list ap)
{
    if ((int)level > most)
        return;
    int saved = errno;
    char message[MESSAGE_MAX];
    int n = vsnprintf(message, sizeof message, format, ap);
    if (n >= (int)sizeof message)
        text_truncate(message, sizeof message - 1);
    AUTOBUF line = {0};
    if (under_journal)
        buf_addf(&line, "<%d>", (int)level);
    char stamp[TIME_TEXT];
    if (as_json) {
        buf_addc(&line, '{');
        if (!under_journal)
            buf_addf(&line, "\"ts\":\"%s\",", time_format(time_wall(), stamp));
        buf_addf(&line, "\"level\":\"%s\",\"component\":", level_name(level));
        text_quote(&line, component);
        buf_adds(&line, ",\"msg\":");
        text_quote(&line, message);
        buf_addc(&line, '}');
    } else {
        if (!under_journal)
            buf_addf(&line, "ts=%s ", time_format(time_wall(), stamp));
        buf_addf(&line, "level=%s component=%s msg=", level_name(level), component);
        text_quote(&line, message);
    }
    buf_addc(&line, '\n');
    /* One write a line: lines of two threads do not mix. There is nobody to tell if stderr is gone. */
    (void)!write(STDERR_FILENO, line.data, line.len);
    errno = saved;
}

void log_at(enum log_level level, const char *component, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    log_vat(level, component, format, ap);
    va_end(ap);
}

bool log_allowed(struct log_limit *limit, unsigned burst, const char *component)
{
    long long window = time_monotonic() / 10000;
    if (window != limit->window) {
        if (limit->held)
            log_at(LOG_WARNING, component, "%u more lines like the last were held back", limit->held);
        *limit = (struct log_limit){.window = window};
    }
    if (limit->shown < burst) {
        limit->shown++;
        return true;
    }
    limit->held++;
    return false;
}
