/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a job says of itself, read from the bytes that it sent: one flat JSON object,
 *     {"job_id": "j-1", "status": "running", "timestamp": 1700000000, "heartbeat": true}
 * or a ping in one line, with whatever follows it as the message: NAME, NAME/start, NAME/fail, NAME/log, NAME/3.
 * Nothing here looks beyond the bytes given, so that any bytes may be given.
 */
#ifndef BELFRY_HEARTBEAT_REPORT_H
#define BELFRY_HEARTBEAT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REPORT_MOST = 8192 }; /* bytes */

struct report {
    const char *job_id, *status;                 /* never "" */
    const char *rid, *node_ip, *message, *token; /* "": not given */
    int exit_code;                               /* -1: not given */
    int64_t time, start_time;                    /* ms since 1970; 0: not given */
    bool is_heartbeat;                           /* the job is alive, and says so again and again */
    bool is_ping;                                /* by the short form, which has no token */
    char store[REPORT_MOST + 1];                 /* the texts */
};

struct report_fault {
    const char *field; /* "": the whole */
    const char *why;
};

/* -1: see `fault`. report_read() takes both forms. */
int report_read(struct report *report, const char *bytes, size_t size, struct report_fault *fault);
int report_read_json(struct report *report, const char *bytes, size_t size, struct report_fault *fault);

#endif
