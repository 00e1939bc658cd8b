/* SPDX-License-Identifier: Apache-2.0 */
/* Is a text JSON (RFC 8259)? Strict, keeps nothing, at most 64 values deep. */
#ifndef BELFRY_WEBHOOK_JSON_H
#define BELFRY_WEBHOOK_JSON_H

/* Null: it is. Else where in `text` it stops being so. */
const char *json_find_fault(const char *text);

#endif
