/* SPDX-License-Identifier: Apache-2.0 */
/* Blame and budget: how long plugins hold the loop, and which of them was at work when the process died. */
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "plugin/instance.h"

enum { SLOW_US = 50 * 1000, SIGNAL_STACK = 64 * 1024 };

static const int deadly[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};

static _Atomic(const char *) at_work; /* the title of the instance that is being called */
static struct sigaction before[COUNT(deadly)];

int64_t blame_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

struct call call_begin(struct instance *instance, const char *what)
{
    struct call call = {.instance = instance, .what = what, .outer = at_work, .began = blame_clock()};
    at_work = instance->title;
    return call;
}

void call_end(struct call *call)
{
    at_work = call->outer;
    int64_t took = blame_clock() - call->began;
    struct instance *instance = call->instance;
    struct plugin_stats *stats = &instance->stats;
    stats->calls++;
    stats->total_us += took;
    if (took > stats->worst_us)
        stats->worst_us = took;
    if (took <= SLOW_US)
        return;
    stats->slow_calls++;
    if (log_allowed(&instance->slow, 1, "plugin"))
        log_at(LOG_WARNING, "plugin", "%s held the loop %lld ms in %s", instance->title, (long long)(took / 1000),
               call->what);
}

static void say(const char *text)
{
    (void)!write(STDERR_FILENO, text, strlen(text));
}

/* Async-signal-safe. The handler that was there before gets the signal next: by the faulting instruction itself, so
 * that a core shows the true place, or by raising it anew if it was sent. */
static void on_deadly(int number, siginfo_t *info, void *context)
{
    (void)context;
    const char *title = at_work;
    if (title) {
        say("belfry: crashed in ");
        say(title);
        say("\n");
    }
    for (size_t i = 0; i < COUNT(deadly); i++)
        if (deadly[i] == number)
            sigaction(number, &before[i], NULL);
    if (info->si_code <= 0)
        raise(number);
}

void blame_crashes(void)
{
    static bool done;
    static _Alignas(max_align_t) char stack[SIGNAL_STACK]; /* its own: the plugin's may be what ran out */
    if (done)
        return;
    done = true;
    stack_t there;
    if (sigaltstack(NULL, &there) == 0 && (there.ss_flags & SS_DISABLE))
        sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    struct sigaction action = {.sa_sigaction = on_deadly, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < COUNT(deadly); i++)
        sigaction(deadly[i], &action, &before[i]);
}
