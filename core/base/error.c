/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

int error_set(struct error *e, const char *format, ...)
{
    if (!e)
        return -1;
    va_list ap;
    va_start(ap, format);
    vsnprintf(e->what, sizeof e->what, format, ap);
    va_end(ap);
    e->where[0] = e->mend[0] = '\0';
    e->again = false;
    return -1;
}

int error_where(struct error *e, const char *format, ...)
{
    if (!e)
        return -1;
    va_list ap;
    va_start(ap, format);
    vsnprintf(e->where, sizeof e->where, format, ap);
    va_end(ap);
    return -1;
}

int error_mend(struct error *e, const char *format, ...)
{
    if (!e)
        return -1;
    va_list ap;
    va_start(ap, format);
    vsnprintf(e->mend, sizeof e->mend, format, ap);
    va_end(ap);
    return -1;
}

const char *error_text(const struct error *e, char *out, size_t size)
{
    snprintf(out, size, "%s%s%s%s%s%s", e->where, e->where[0] ? ": " : "", e->what, e->mend[0] ? " (" : "", e->mend,
             e->mend[0] ? ")" : "");
    return out;
}
