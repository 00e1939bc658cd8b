/* SPDX-License-Identifier: Apache-2.0 */
/* Private to cli/: telling the agent how a job goes, by events of type job.report. */
#ifndef BELFRY_CLI_REPORT_H
#define BELFRY_CLI_REPORT_H

#include "cli/client.h"

/* An event about `job` that happened now, to be completed by json_put() into report_data(). `status`: start, success,
 * failed, log, retry. The caller owns it. */
json_t *report_new(const char *job, const char *status);
json_t *report_data(json_t *report); /* borrowed */

/* Deliver it: again and again with back-off while the agent cannot be reached or says "later", for at most `patience`
 * ms; the event's id is the same in every try. Returns the exit code of the last try; not 0: see `e`. */
int report_send(struct client *client, const json_t *report, int64_t patience, struct error *e);

/* Deliver in the background; `client` is the courier's until courier_end(). */
struct courier;
struct courier *courier_send(struct client *client, json_t *report, int64_t patience);
/* Wait for the outcome, at most `ms`. */
void courier_wait(struct courier *courier, int64_t ms);
/* Give up if it is still trying, and free it. Returns as report_send(). */
int courier_end(struct courier *courier, struct error *e);

#endif
