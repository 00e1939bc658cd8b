/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that plugins run: each in a process group of its own, with a deadline, fed and read without waiting. A pidfd
 * tells when the command has ended; what it left running in its group is killed then.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utlist.h>

#include "plugin/handle.h"
#include "plugin/instance.h"

enum { DEADLINE = 60 * SECOND, MERCY = 2 * SECOND, OUTPUT = 64 * 1024, OUTPUT_MOST = 16 * 1024 * 1024 };

struct child {
    struct handle handle;
    struct plugins *plugins;
    struct instance *instance; /* null: it was stopped and is only waited for */
    pid_t pid;
    int in, out, pidfd;
    struct event *feed, *read, *exit, *deadline;
    struct buf input, output;
    size_t fed, most;
    struct belfry_exit result;
    char *error;
    void (*done)(void *data, const struct belfry_exit *);
    void *data;
    struct child *prev, *next;
};

static void drop_event(struct event **event)
{
    if (*event)
        event_free(*event);
    *event = NULL;
}

static void drop_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void hang_up(struct child *child)
{
    drop_event(&child->feed);
    drop_fd(&child->in);
    drop_event(&child->read);
    drop_fd(&child->out);
    drop_event(&child->deadline);
}

static void child_free(struct child *child)
{
    hang_up(child);
    drop_event(&child->exit);
    drop_fd(&child->pidfd);
    buf_free(&child->input);
    buf_free(&child->output);
    free(child->error);
    free(child);
}

static void kill_group(const struct child *child, int number)
{
    if (child->pid > 0)
        kill(-child->pid, number);
}

/* ---- the end ---- */

static void tell(struct child *child)
{
    struct instance *instance = child->instance;
    DL_DELETE(instance->children, child);
    instance->stats.children--;
    handle_close(&child->handle);
    hang_up(child);
    child->result.output = buf_str(&child->output);
    child->result.output_size = child->output.len;
    child->result.error = child->error ? child->error : "";
    struct call call = call_begin(instance, "a command's end");
    child->done(child->data, &child->result);
    call_end(&call);
    child_free(child);
}

/* False: nothing more will come. */
static bool read_some(struct child *child)
{
    char bytes[16 * 1024];
    ssize_t n = read(child->out, bytes, sizeof bytes);
    if (n < 0)
        return errno == EINTR;
    size_t room = child->most - child->output.len;
    buf_add(&child->output, bytes, (size_t)n < room ? (size_t)n : room);
    child->result.truncated |= (size_t)n > room;
    return n > 0;
}

static void on_exit_(evutil_socket_t fd, short what, void *data)
{
    (void)fd, (void)what;
    struct child *child = data;
    /* The group is killed while its leader is not reaped, so that its number cannot be somebody else's. */
    kill_group(child, SIGKILL);
    siginfo_t info = {0};
    int failed = waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG);
    if (!failed && info.si_pid == 0)
        return;
    if (!child->instance) {
        DL_DELETE(child->plugins->dying, child);
        child_free(child);
        return;
    }
    if (failed)
        child->error = x_printf("its end was not seen: %s", strerror(errno));
    else if (info.si_code == CLD_EXITED)
        child->result.code = info.si_status;
    else
        child->result.signal = info.si_status;
    /* What stands in the pipe, which holds only so much; a process outside the group could write for ever. */
    for (int i = 0; i < 64 && child->out >= 0 && read_some(child);)
        i++;
    tell(child);
}

static void on_deadline(evutil_socket_t fd, short what, void *data)
{
    (void)fd, (void)what;
    struct child *child = data;
    if (child->error) { /* it was never started */
        tell(child);
        return;
    }
    kill_group(child, child->result.timed_out ? SIGKILL : SIGTERM);
    if (!child->result.timed_out)
        event_add(child->deadline, &(struct timeval){.tv_sec = MERCY / SECOND});
    child->result.timed_out = 1;
}

/* ---- input and output ---- */

static void on_output(evutil_socket_t fd, short what, void *data)
{
    (void)fd, (void)what;
    struct child *child = data;
    errno = 0;
    if (read_some(child) || errno == EAGAIN)
        return;
    drop_event(&child->read); /* it closed its output; its end comes by the pidfd */
    drop_fd(&child->out);
}

static void on_input(evutil_socket_t fd, short what, void *data)
{
    (void)what;
    struct child *child = data;
    ssize_t n = write(fd, buf_str(&child->input) + child->fed, child->input.len - child->fed);
    if (n > 0)
        child->fed += (size_t)n;
    bool failed = n < 0 && errno != EAGAIN && errno != EINTR; /* it does not want its input: its own affair */
    if (!failed && child->fed < child->input.len)
        return;
    drop_event(&child->feed);
    drop_fd(&child->in);
}

/* ---- the beginning ---- */

/* The agent's environment may hold secrets; a command gets what a command needs. */
static char **small_environment(void)
{
    static const char *const names[] = {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "TMPDIR"};
    char **list = x_calloc(COUNT(names) + 1, sizeof *list);
    size_t n = 0;
    for (size_t i = 0; i < COUNT(names); i++) {
        const char *value = getenv(names[i]);
        if (value)
            list[n++] = x_printf("%s=%s", names[i], value);
    }
    return list;
}

static void free_environment(char **list)
{
    for (size_t i = 0; list[i]; i++)
        free(list[i]);
    free(list);
}

/* 0, or an errno. */
static int spawn(struct child *child, const char *const *argv, int in, int out)
{
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    char **environment = small_environment();
    /* posix_spawn does not change argv, it only lacks the const. */
    int failed = posix_spawnp(&child->pid, argv[0], &actions, &attributes, (char *const *)(uintptr_t)argv, environment);
    free_environment(environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (failed)
        child->pid = 0;
    return failed;
}

static int launch(struct child *child, const char *const *argv)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1};
    int failed = pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) ? errno : 0;
    if (!failed)
        failed = spawn(child, argv, in[0], out[1]);
    drop_fd(&in[0]);
    drop_fd(&out[1]);
    child->in = in[1];
    child->out = out[0];
    if (failed)
        return failed;
    fcntl(child->in, F_SETFL, O_NONBLOCK);
    fcntl(child->out, F_SETFL, O_NONBLOCK);
    child->pidfd = pidfd_open(child->pid, 0);
    if (child->pidfd >= 0)
        return 0;
    failed = errno;
    kill_group(child, SIGKILL); /* no descriptor left: nothing could tell when it ends */
    waitpid(child->pid, NULL, 0);
    child->pid = 0;
    return failed;
}

static struct event *watch(struct child *child, int fd, short what, event_callback_fn run)
{
    struct event *event = event_new(loop_base(child->plugins->options.loop), fd, what, run, child);
    if (!event)
        abort(); /* out of memory */
    return event;
}

static void attend(struct child *child, int64_t deadline)
{
    child->deadline = watch(child, -1, 0, on_deadline);
    if (child->error) {
        event_active(child->deadline, EV_TIMEOUT, 0);
        return;
    }
    child->feed = watch(child, child->in, EV_WRITE | EV_PERSIST, on_input);
    child->read = watch(child, child->out, EV_READ | EV_PERSIST, on_output);
    child->exit = watch(child, child->pidfd, EV_READ | EV_PERSIST, on_exit_);
    event_add(child->feed, NULL);
    event_add(child->read, NULL);
    event_add(child->exit, NULL);
    struct timeval tv = {.tv_sec = (time_t)(deadline / SECOND), .tv_usec = deadline % SECOND * 1000};
    event_add(child->deadline, &tv);
}

struct belfry_child *child_start(const struct belfry_host *host, const struct belfry_command *command,
                                 void (*done)(void *data, const struct belfry_exit *), void *data)
{
    if (command->size < offsetof(struct belfry_command, max_output) + sizeof command->max_output || !command->argv ||
        text_empty(command->argv[0]) || command->deadline < 0 || !done)
        return NULL;
    struct instance *instance = host->internal;
    struct child *child = NEW(struct child);
    *child = (struct child){.plugins = instance->plugins,
                            .instance = instance,
                            .done = done,
                            .data = data,
                            .in = -1,
                            .out = -1,
                            .pidfd = -1,
                            .most = OUTPUT,
                            .result = {.size = sizeof child->result}};
    if (command->max_output)
        child->most = command->max_output < OUTPUT_MOST ? command->max_output : OUTPUT_MOST;
    if (command->input)
        buf_add(&child->input, command->input, command->input_size);
    int failed = launch(child, command->argv);
    if (failed) {
        child->error = x_printf("%s: %s", command->argv[0], strerror(failed));
        child->result.code = -1;
    }
    attend(child, command->deadline ? command->deadline : DEADLINE);
    DL_APPEND(instance->children, child);
    instance->stats.children++;
    return handle_open(&child->handle, HANDLE_CHILD);
}

static void stop(struct child *child)
{
    DL_DELETE(child->instance->children, child);
    child->instance->stats.children--;
    handle_close(&child->handle);
    child->instance = NULL;
    hang_up(child);
    if (!child->pid) {
        child_free(child);
        return;
    }
    kill_group(child, SIGKILL);
    DL_APPEND(child->plugins->dying, child); /* until it is reaped */
}

void child_stop(struct belfry_child *value)
{
    struct handle *handle = handle_find(value, HANDLE_CHILD);
    if (handle)
        stop(CONTAINER_OF(handle, struct child, handle));
}

void children_sweep(struct instance *instance)
{
    while (instance->children)
        stop(instance->children);
}

void children_forget(struct plugins *plugins)
{
    while (plugins->dying) {
        struct child *child = plugins->dying;
        DL_DELETE(plugins->dying, child);
        waitpid(child->pid, NULL, WNOHANG); /* else init reaps it after us */
        child_free(child);
    }
}
