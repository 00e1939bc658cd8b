/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One datagram as a report. Whatever it is, it must be read without looking beyond it; what is taken must be text that
 * can go into an event: within the datagram's size, names without control characters, a time that is one.
 * Linked with plugins/heartbeat/report.c.
 */
#include <stdlib.h>
#include <string.h>

#include "../../plugins/heartbeat/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void demand(bool holds)
{
    if (!holds)
        abort();
}

static void check_name(const char *text, size_t most)
{
    demand(strlen(text) <= most);
    for (; *text; text++)
        demand((unsigned char)*text >= 0x20 && *text != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct report report;
    struct report_fault fault = {0};
    char *exact = malloc(size ? size : 1); /* so that a step beyond it is seen */
    demand(exact != NULL);
    memcpy(exact, bytes, size);
    int result = report_read(&report, exact, size, &fault);
    free(exact);
    if (result) {
        demand(result == -1 && fault.field && fault.why && *fault.why);
        return 0;
    }
    demand(size <= REPORT_MOST && *report.job_id && *report.status);
    check_name(report.job_id, 200);
    check_name(report.status, 16);
    check_name(report.node_ip, 200);
    demand(!*report.rid || strlen(report.rid) == 36);
    demand(strlen(report.message) < size && strlen(report.token) < size);
    demand(report.exit_code >= -1 && report.exit_code <= 255);
    demand(report.time >= 0 && report.start_time >= 0);
    demand(!report.is_ping || !*report.token);
    return 0;
}
