/* SPDX-License-Identifier: Apache-2.0 */
/* Picks the subcommand. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli/cli.h"

static int help(int argc, char **argv);

static const struct command {
    const char *name, *help;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"run", "run the agent", cli_run},
    {"check", "check a configuration", cli_check},
    {"config", "show the configuration as it is read", cli_config},
    {"ping", "report how a job goes", cli_ping},
    {"exec", "run a command and report how it goes", cli_exec},
    {"status", "show the agent on one screen", cli_status},
    {"jobs", "list jobs, or show one", cli_jobs},
    {"alerts", "list alerts", cli_alerts},
    {"notifications", "list notifications and how they were delivered", cli_notifications},
    {"plugin", "list plugins, or show one's options", cli_plugin},
    {"reload", "have the agent read its configuration anew", cli_reload},
    {"version", "print the version", cli_version},
    {"help", "print this, or the help of a command", help},
};

static void print_commands(void)
{
    printf("Usage: belfry COMMAND [ARGUMENT]…\n\n"
           "Tells people when a job failed, is late or never ran.\n\nCommands:\n");
    for (size_t i = 0; i < COUNT(commands); i++)
        printf("  %-15s %s\n", commands[i].name, commands[i].help);
    printf("\n'belfry COMMAND --help' tells more of each.\n");
}

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < COUNT(commands); i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static int fail_unknown(const char *name)
{
    const char *names[COUNT(commands)];
    for (size_t i = 0; i < COUNT(commands); i++)
        names[i] = commands[i].name;
    const char *nearest = text_nearest(name, names, COUNT(names));
    const char *kind = *name == '-' ? "option" : "command";
    if (nearest)
        fprintf(stderr, "belfry: unknown %s '%s' (did you mean '%s'?)\n", kind, name, nearest);
    else
        fprintf(stderr, "belfry: unknown %s '%s'\n", kind, name);
    fputs("Try 'belfry help'.\n", stderr);
    return EX_USAGE;
}

static int help(int argc, char **argv)
{
    if (argc < 2 || *argv[1] == '-') {
        print_commands();
        return 0;
    }
    const struct command *command = find(argv[1]);
    if (!command)
        return fail_unknown(argv[1]);
    char option[] = "--help", *asked[] = {argv[1], option, NULL};
    return command->run(2, asked);
}

/* A caller may have closed them; then the next file opened would be taken for one. */
static void open_standard_files(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= 2);
    if (fd > 2)
        close(fd);
}

/* What was printed must have arrived, too. */
static int flush(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    perror("belfry: writing the output");
    return status ? status : EX_IOERR;
}

int main(int argc, char **argv)
{
    open_standard_files();
    if (argc < 2) {
        print_commands();
        return EX_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    else if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
        name = "version";
    const struct command *command = find(name);
    return command ? flush(command->run(argc - 1, argv + 1)) : fail_unknown(name);
}
