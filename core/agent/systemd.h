/* SPDX-License-Identifier: Apache-2.0 */
/* Private to agent/: what systemd is told (sd_notify(3)), without its library. Without systemd all of it does nothing.
 */
#ifndef BELFRY_AGENT_SYSTEMD_H
#define BELFRY_AGENT_SYSTEMD_H

#include "base/base.h"

struct watchdog;

void systemd_ready(void);
void systemd_reloading(void); /* followed by systemd_ready() once it is done, whatever came of it */
void systemd_stopping(void);
/* Feed the watchdog from the loop, so that it proves that the loop turns; null: systemd has not asked for it. */
struct watchdog *systemd_watchdog(struct loop *loop);
void systemd_watchdog_free(struct watchdog *watchdog);

#endif
