/* SPDX-License-Identifier: Apache-2.0 */
/* What load.c and sink.c share. */
#ifndef BELFRY_BENCH_H
#define BELFRY_BENCH_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Nanoseconds of the one clock that all processes of a machine agree on. */
static inline int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

__attribute__((noreturn)) static inline void die(const char *program, const char *what)
{
    fprintf(stderr, "%s: %s%s%s\n", program, what, errno ? ": " : "", errno ? strerror(errno) : "");
    exit(1);
}

/* A number of the command line, from 1 to `most`. */
static inline long read_number(const char *program, const char *text, long most)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno || *end || value < 1 || value > most)
        die(program, "a number on the command line is none, or out of bounds");
    return value;
}

#endif
