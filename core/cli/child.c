/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <paths.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { CHUNK = 64 * 1024 };

/* One output of the command: `from` the pipe, `to` ours. A chunk is written whole before the next is read. */
struct stream {
    int from, to;
    size_t len, sent;
    char data[CHUNK];
};

struct child {
    sigset_t before; /* the mask to give to the command */
    int signals;
    pid_t pid;
    bool own_group, ended;
    int status;
    struct rusage usage;
    struct tail *tail;
    struct stream streams[2];
};

/* ---- signals ---- */

struct child *child_new(struct error *e)
{
    /* SIGPIPE is held so that a write to a reader who has gone says EPIPE; the command itself gets it as ever. */
    static const int held[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT, SIGPIPE, SIGCHLD};
    struct child *child = NEW(struct child);
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < COUNT(held); i++)
        sigaddset(&set, held[i]);
    signal(SIGCHLD, SIG_DFL); /* ignored, as some callers leave it, there would be no exit code */
    sigprocmask(SIG_BLOCK, &set, &child->before);
    sigdelset(&set, SIGPIPE);
    child->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    child->streams[0].from = child->streams[1].from = -1;
    if (child->signals < 0) {
        error_set(e, "signals cannot be watched: %s", strerror(errno));
        child_free(TAKE(child));
    }
    return child;
}

void child_free(struct child *child)
{
    if (!child)
        return;
    if (child->signals >= 0)
        close(child->signals);
    free(child);
}

static void pass_on(const struct child *child, const struct signalfd_siginfo *info)
{
    if (child->own_group)
        kill(-child->pid, (int)info->ssi_signo);
    else if (info->ssi_code != SI_KERNEL) /* what a terminal's key sent, the command got too */
        kill(child->pid, (int)info->ssi_signo);
}

/* False: someone wants us to end, and the command has ended already. */
static bool take_signals(struct child *child)
{
    struct signalfd_siginfo info;
    while (read(child->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo != SIGCHLD) {
            if (child->ended)
                return false;
            pass_on(child, &info);
        } else if (!child->ended && wait4(child->pid, &child->status, WNOHANG, &child->usage) == child->pid) {
            child->ended = true;
        }
    }
    return true;
}

/* ---- output ---- */

static void end_stream(struct stream *stream)
{
    close(stream->from); /* a command that still writes gets SIGPIPE, as it would without us */
    stream->from = -1;
    stream->len = stream->sent = 0;
}

static void read_stream(struct child *child, struct stream *stream)
{
    ssize_t n = read(stream->from, stream->data, CHUNK);
    if (n > 0) {
        tail_add(child->tail, stream->data, (size_t)n);
        stream->len = (size_t)n;
        stream->sent = 0;
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        end_stream(stream);
    }
}

/* Our output is not ours alone, so it stays as it is, blocking; what poll() said fits is at most PIPE_BUF. */
static void write_stream(struct stream *stream)
{
    size_t left = stream->len - stream->sent;
    ssize_t n = write(stream->to, stream->data + stream->sent, left < PIPE_BUF ? left : PIPE_BUF);
    if (n >= 0)
        stream->sent += (size_t)n;
    else if (errno != EAGAIN && errno != EINTR)
        end_stream(stream);
    if (stream->sent == stream->len)
        stream->len = stream->sent = 0;
}

/* One round; false: the command has ended and all that it wrote is passed on. */
static bool pump(struct child *child)
{
    struct pollfd fds[3] = {{.fd = child->signals, .events = POLLIN}};
    bool holds = false;
    for (int i = 0; i < 2; i++) {
        const struct stream *s = &child->streams[i];
        holds |= s->len > 0;
        fds[i + 1] =
            s->len ? (struct pollfd){.fd = s->to, .events = POLLOUT} : (struct pollfd){.fd = s->from, .events = POLLIN};
    }
    int n = poll(fds, 3, child->ended && !holds ? 0 : -1);
    if (n < 0)
        return errno == EINTR;
    if (n == 0)
        return false;
    for (int i = 0; i < 2; i++) {
        if (fds[i + 1].revents && child->streams[i].len)
            write_stream(&child->streams[i]);
        else if (fds[i + 1].revents)
            read_stream(child, &child->streams[i]);
    }
    return take_signals(child);
}

/* ---- starting ---- */

/* A pipe for each output; its far end, for the command, in `far`. -1: errno says why. */
static int open_pipes(struct child *child, int far[2])
{
    for (int i = 0; i < 2; i++) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC))
            return -1;
        fcntl(ends[0], F_SETFL, O_NONBLOCK);
        child->streams[i].from = ends[0];
        child->streams[i].to = i + 1;
        far[i] = ends[1];
    }
    return 0;
}

/* A file without #! is a shell's script, as everywhere on Unix. */
static int spawn_script(struct child *child, char *const *argv, const posix_spawn_file_actions_t *actions,
                        const posix_spawnattr_t *attr)
{
    size_t n = 0;
    while (argv[n])
        n++;
    AUTOFREE char **shell = x_calloc(n + 2, sizeof *shell);
    AUTOFREE char *name = x_strdup("sh");
    shell[0] = name;
    memcpy(shell + 1, argv, n * sizeof *shell);
    return posix_spawn(&child->pid, _PATH_BSHELL, actions, attr, shell, environ);
}

/* Returns errno's value. */
static int spawn(struct child *child, char *const *argv, const int far[2])
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    posix_spawn_file_actions_init(&actions);
    for (int i = 0; i < 2; i++)
        if (far[i] >= 0)
            posix_spawn_file_actions_adddup2(&actions, far[i], i + 1);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigmask(&attr, &child->before);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setflags(&attr, (short)(POSIX_SPAWN_SETSIGMASK | (child->own_group ? POSIX_SPAWN_SETPGROUP : 0)));
    int why = posix_spawnp(&child->pid, argv[0], &actions, &attr, argv, environ);
    if (why == ENOEXEC && strchr(argv[0], '/'))
        why = spawn_script(child, argv, &actions, &attr);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    return why;
}

static int start(struct child *child, char *const *argv)
{
    /* At a terminal the command stays in our group: in one of its own it could not read from it, and the terminal's
     * keys would not reach it. */
    child->own_group = !isatty(STDIN_FILENO) && !isatty(STDOUT_FILENO) && !isatty(STDERR_FILENO);
    int far[2] = {-1, -1};
    int why = child->tail && open_pipes(child, far) ? errno : spawn(child, argv, far);
    for (int i = 0; i < 2; i++)
        if (far[i] >= 0)
            close(far[i]);
    return why;
}

/* What still comes was meant for the command; from here on signals act on us as ever, so that reports can be broken
 * off. A SIGPIPE that waits must not. */
static void let_signals_go(const struct child *child)
{
    struct signalfd_siginfo info;
    while (read(child->signals, &info, sizeof info) == sizeof info)
        continue;
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_SETMASK, &child->before, NULL);
}

void child_run(struct child *child, char *const *argv, struct tail *tail, struct child_end *end)
{
    *end = (struct child_end){0};
    child->tail = tail;
    int64_t began = time_monotonic();
    int why = start(child, argv);
    if (why) {
        end->code = why == ENOENT ? 127 : 126;
        snprintf(end->reason, sizeof end->reason, "cannot run '%.200s': %s", argv[0], strerror(why));
    } else {
        while (pump(child))
            continue;
        end->code = WIFSIGNALED(child->status) ? 128 + WTERMSIG(child->status) : WEXITSTATUS(child->status);
        if (WIFSIGNALED(child->status))
            snprintf(end->reason, sizeof end->reason, "it was ended by signal %d (%s)", WTERMSIG(child->status),
                     strsignal(WTERMSIG(child->status)));
        end->usage = child->usage;
    }
    end->duration = time_monotonic() - began;
    let_signals_go(child);
    for (int i = 0; i < 2; i++)
        if (child->streams[i].from >= 0)
            end_stream(&child->streams[i]);
}
