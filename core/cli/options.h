/* SPDX-License-Identifier: Apache-2.0 */
/* Private to cli/: options from one table per subcommand, which is also its --help. */
#ifndef BELFRY_CLI_OPTIONS_H
#define BELFRY_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The values of an option that may be repeated. */
struct texts {
    const char **item;
    size_t n;
};
void texts_free(struct texts *texts);
#define AUTOTEXTS __attribute__((cleanup(texts_free))) struct texts

enum option_kind {
    OPTION_FLAG = 1, /* → bool */
    OPTION_TEXT,     /* → const char *; the last one counts */
    OPTION_TEXTS,    /* → struct texts */
    OPTION_DURATION, /* → int64_t, ms */
    OPTION_COUNT,    /* → int64_t, from 1 */
};
struct option_def {
    enum option_kind kind;
    char letter;       /* 0: none */
    const char *name;  /* null ends the table */
    const char *value; /* what the value is called in the help; null for a flag */
    const char *help;
    void *target;
};

struct usage {
    const char *name;     /* "ping" */
    const char *synopsis; /* what follows "belfry NAME "; several forms are separated by \n */
    const char *about;
    const struct option_def *options;
};

/*
 * Read the options, which may stand anywhere before "--". True: *argc and *argv are now the operands, without the
 * command's name. False: --help was answered, or a mistake was reported; leave with *status.
 */
bool options_parse(const struct usage *usage, int *argc, char ***argv, int *status);
/* Report a mistake in the operands; returns EX_USAGE. */
int usage_fail(const struct usage *usage, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Rows that several commands share. */
struct client_options {
    const char *agent, *token_file;
};
#define OPTIONS_CLIENT(c)                                                                                              \
    {OPTION_TEXT, 0, "agent", "WHERE", "the agent: http://HOST:PORT or unix:PATH (else $BELFRY_AGENT)", &(c)->agent},  \
    {                                                                                                                  \
        OPTION_TEXT, 0, "token-file", "PATH", "file with the token to show (else $BELFRY_TOKEN)", &(c)->token_file     \
    }
#define OPTION_JSON(flag)                                                                                              \
    {                                                                                                                  \
        OPTION_FLAG, 0, "json", NULL, "print JSON, for programs", (flag)                                               \
    }

#define OPTION_CONFIG(texts)                                                                                           \
    {                                                                                                                  \
        OPTION_TEXTS, 'c', "config", "PATH", "a configuration file or folder of drop-ins; repeat for more", (texts)    \
    }
#define OPTION_PLUGIN_DIR(texts)                                                                                       \
    {                                                                                                                  \
        OPTION_TEXTS, 0, "plugin-dir", "DIR", "look for plugins here; repeat for more", (texts)                        \
    }

#endif
