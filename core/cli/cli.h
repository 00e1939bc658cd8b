/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line: one function per subcommand. Each is given the arguments from its own name on, and returns the exit
 * code: 0; 1, the agent or the check said no; else one of sysexits.h: EX_USAGE, EX_UNAVAILABLE (no agent there),
 * EX_TEMPFAIL (try again), EX_NOPERM, EX_CONFIG.
 */
#ifndef BELFRY_CLI_H
#define BELFRY_CLI_H

#include "base/base.h"

int cli_run(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_config(int argc, char **argv);
int cli_ping(int argc, char **argv);
int cli_exec(int argc, char **argv);
int cli_status(int argc, char **argv);
int cli_jobs(int argc, char **argv);
int cli_alerts(int argc, char **argv);
int cli_notifications(int argc, char **argv);
int cli_plugin(int argc, char **argv);
int cli_reload(int argc, char **argv);
int cli_version(int argc, char **argv);

/* "belfry: where: what (mend)" on stderr; returns `status`. */
int cli_fail(int status, const struct error *e);
/* Pretty JSON and a newline on stdout. */
void cli_print_json(const json_t *json);

#endif
