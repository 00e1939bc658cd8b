/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/systemd.h"

#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static void notify(const char *message)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (text_empty(path) || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof to.sun_path)
        return;
    size_t length = strlen(path);
    memcpy(to.sun_path, path, length);
    if (path[0] == '@') /* an abstract name */
        to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (sendto(fd, message, strlen(message), MSG_NOSIGNAL, (const struct sockaddr *)&to,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
        log_at(LOG_WARNING, "agent", "systemd does not hear us at %s: %m", path);
    close(fd);
}

void systemd_ready(void)
{
    notify("READY=1\nSTATUS=watching\n");
}

void systemd_reloading(void)
{
    /* systemd compares this stamp with the moment of its own request, so it must stand in the same datagram. */
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    AUTOFREE char *message =
        x_printf("RELOADING=1\nMONOTONIC_USEC=%lld\n", (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    notify(message);
}

void systemd_stopping(void)
{
    notify("STOPPING=1\nSTATUS=finishing what is under way\n");
}

struct watchdog {
    struct event *tick;
};

static void on_tick(evutil_socket_t fd, short what, void *data)
{
    (void)fd, (void)what, (void)data;
    notify("WATCHDOG=1\n");
}

struct watchdog *systemd_watchdog(struct loop *loop)
{
    const char *interval = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    int64_t usec, for_pid;
    if (text_empty(interval) || !text_int(interval, 1, INT64_MAX, &usec))
        return NULL;
    if (!text_empty(pid) && (!text_int(pid, 1, INT64_MAX, &for_pid) || for_pid != getpid()))
        return NULL;
    struct watchdog *watchdog = NEW(struct watchdog);
    struct timeval half = {.tv_sec = (time_t)(usec / 2 / 1000000), .tv_usec = (suseconds_t)(usec / 2 % 1000000)};
    watchdog->tick = event_new(loop_base(loop), -1, EV_PERSIST, on_tick, watchdog);
    event_add(watchdog->tick, &half);
    return watchdog;
}

void systemd_watchdog_free(struct watchdog *watchdog)
{
    if (!watchdog)
        return;
    event_free(watchdog->tick);
    free(watchdog);
}
