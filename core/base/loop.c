/* SPDX-License-Identifier: Apache-2.0 */
#include "base/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/time.h"

struct call {
    void (*run)(void *data);
    void *data;
};
struct calls {
    struct call *list;
    size_t n, cap;
};
struct heap {
    struct timer **at; /* from 1 */
    size_t n, cap;
};

struct loop {
    struct event_base *base;
    struct heap wall, monotonic;
    struct event *tick; /* libevent's timer for the earliest of both heaps */
    int64_t ticks_at;   /* real monotonic time it is set to; 0: not set */
    bool in_timers;

    bool is_virtual;
    int64_t virtual_wall, virtual_monotonic;

    struct event *clock_was_set;
    int clock_fd;

    struct event *defer;
    struct calls deferred;
};

static void calls_add(struct calls *calls, void (*run)(void *), void *data)
{
    if (calls->n == calls->cap) {
        calls->cap = calls->cap ? calls->cap * 2 : 16;
        calls->list = x_realloc(calls->list, calls->cap * sizeof *calls->list);
    }
    calls->list[calls->n++] = (struct call){run, data};
}

/* ---- heap of timers ---- */

static void place(struct heap *heap, size_t i, struct timer *timer)
{
    heap->at[i] = timer;
    timer->place = i;
}

static void sift_up(struct heap *heap, size_t i, struct timer *timer)
{
    for (; i > 1 && heap->at[i / 2]->due > timer->due; i /= 2)
        place(heap, i, heap->at[i / 2]);
    place(heap, i, timer);
}

static void sift_down(struct heap *heap, size_t i, struct timer *timer)
{
    for (size_t child; (child = i * 2) <= heap->n; i = child) {
        if (child < heap->n && heap->at[child + 1]->due < heap->at[child]->due)
            child++;
        if (timer->due <= heap->at[child]->due)
            break;
        place(heap, i, heap->at[child]);
    }
    place(heap, i, timer);
}

static void heap_add(struct heap *heap, struct timer *timer)
{
    if (heap->n + 2 > heap->cap) {
        heap->cap = heap->cap ? heap->cap * 2 : 64;
        heap->at = x_realloc(heap->at, heap->cap * sizeof(struct timer *));
    }
    sift_up(heap, ++heap->n, timer);
}

static void heap_remove(struct heap *heap, struct timer *timer)
{
    size_t i = timer->place;
    struct timer *last = heap->at[heap->n--];
    timer->place = 0;
    if (last == timer)
        return;
    if (i > 1 && heap->at[i / 2]->due > last->due)
        sift_up(heap, i, last);
    else
        sift_down(heap, i, last);
}

/* ---- timers ---- */

static int64_t until(int64_t due, int64_t now)
{
    return due > now ? due - now : 0;
}

/* Milliseconds until the earliest timer, 0 if one is overdue; -1: none. */
static int64_t next_delay(const struct loop *loop)
{
    int64_t delay = loop->monotonic.n ? until(loop->monotonic.at[1]->due, loop_monotonic(loop)) : -1;
    int64_t wall = loop->wall.n ? until(loop->wall.at[1]->due, loop_now(loop)) : -1;
    return delay < 0 || (wall >= 0 && wall < delay) ? wall : delay;
}

static void arm(struct loop *loop)
{
    if (loop->is_virtual || loop->in_timers)
        return;
    int64_t delay = next_delay(loop);
    if (delay < 0) {
        if (loop->ticks_at)
            event_del(loop->tick);
        loop->ticks_at = 0;
        return;
    }
    int64_t at = time_monotonic() + delay;
    if (loop->ticks_at == at)
        return;
    loop->ticks_at = at;
    struct timeval tv = {.tv_sec = (time_t)(delay / SECOND), .tv_usec = (suseconds_t)(delay % SECOND * 1000)};
    event_add(loop->tick, &tv);
}

static struct timer *next_due(struct loop *loop, int64_t *when)
{
    struct timer *first = NULL;
    int64_t delay = INT64_MAX;
    if (loop->monotonic.n) {
        first = loop->monotonic.at[1];
        delay = first->due - loop_monotonic(loop);
    }
    if (loop->wall.n && loop->wall.at[1]->due - loop_now(loop) < delay) {
        first = loop->wall.at[1];
        delay = first->due - loop_now(loop);
    }
    *when = delay;
    return first;
}

static void fire_one(struct timer *timer)
{
    timer_stop(timer);
    timer->fire(timer->data);
}

static void on_tick(evutil_socket_t fd, short what, void *data)
{
    (void)fd, (void)what;
    struct loop *loop = data;
    loop->ticks_at = 0;
    loop->in_timers = true;
    /* Only so many in a row, so that a storm of timers does not keep the sockets waiting. */
    int64_t delay;
    struct timer *timer;
    for (int i = 0; i < 1000 && (timer = next_due(loop, &delay)) && delay <= 0; i++)
        fire_one(timer);
    loop->in_timers = false;
    arm(loop);
}

void timer_init(struct timer *timer, struct loop *loop, void (*fire)(void *data), void *data)
{
    *timer = (struct timer){.loop = loop, .fire = fire, .data = data};
}

static void set(struct timer *timer, bool wall, int64_t due)
{
    struct loop *loop = timer->loop;
    if (timer->place)
        heap_remove(timer->wall ? &loop->wall : &loop->monotonic, timer);
    timer->wall = wall;
    timer->due = due;
    heap_add(wall ? &loop->wall : &loop->monotonic, timer);
    arm(loop);
}

void timer_after(struct timer *timer, int64_t ms)
{
    set(timer, false, loop_monotonic(timer->loop) + (ms > 0 ? ms : 0));
}

void timer_at(struct timer *timer, int64_t wall)
{
    set(timer, true, wall);
}

void timer_stop(struct timer *timer)
{
    if (!timer->place)
        return;
    heap_remove(timer->wall ? &timer->loop->wall : &timer->loop->monotonic, timer);
    arm(timer->loop);
}

/* ---- time ---- */

int64_t loop_now(const struct loop *loop)
{
    return loop->is_virtual ? loop->virtual_wall : time_wall();
}

int64_t loop_monotonic(const struct loop *loop)
{
    return loop->is_virtual ? loop->virtual_monotonic : time_monotonic();
}

void loop_set_virtual(struct loop *loop, int64_t wall)
{
    loop->virtual_monotonic = time_monotonic();
    loop->virtual_wall = wall;
    loop->is_virtual = true;
    event_del(loop->tick);
    loop->ticks_at = 0;
}

bool loop_is_virtual(const struct loop *loop)
{
    return loop->is_virtual;
}

void loop_advance(struct loop *loop, int64_t ms)
{
    int64_t left = ms, delay;
    struct timer *timer;
    while ((timer = next_due(loop, &delay)) && delay <= left) {
        if (delay > 0) {
            loop->virtual_wall += delay;
            loop->virtual_monotonic += delay;
            left -= delay;
        }
        fire_one(timer);
    }
    loop->virtual_wall += left;
    loop->virtual_monotonic += left;
}

/* ---- calls ---- */

static void run_all(struct calls *calls)
{
    /* What a call adds runs in the next turn. */
    struct calls now = *calls;
    *calls = (struct calls){0};
    for (size_t i = 0; i < now.n; i++)
        now.list[i].run(now.list[i].data);
    free(now.list);
}

static void on_defer(evutil_socket_t fd, short what, void *data)
{
    (void)fd, (void)what;
    run_all(&((struct loop *)data)->deferred);
}

void loop_defer(struct loop *loop, void (*run)(void *data), void *data)
{
    if (!loop->deferred.n)
        event_active(loop->defer, 0, 0);
    calls_add(&loop->deferred, run, data);
}

/* ---- life ---- */

/* A timerfd on the real-time clock reports when that clock is set: timers by the wall clock are looked at anew. */
static void watch_clock(struct loop *loop)
{
    struct itimerspec far_away = {.it_value.tv_sec = (time_t)(time_wall() / SECOND + 10LL * 365 * 86400)};
    timerfd_settime(loop->clock_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far_away, NULL);
}

static void on_clock_was_set(evutil_socket_t fd, short what, void *data)
{
    (void)what;
    struct loop *loop = data;
    uint64_t count;
    (void)!read(fd, &count, sizeof count);
    watch_clock(loop);
    loop->ticks_at = 0;
    arm(loop);
}

struct loop *loop_new(void)
{
    struct loop *loop = NEW(struct loop);
    loop->clock_fd = -1;
    struct event_config *config = event_config_new();
    if (config) {
        event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
        loop->base = event_base_new_with_config(config);
        event_config_free(config);
    }
    loop->clock_fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (!loop->base || loop->clock_fd < 0) {
        loop_free(loop);
        return NULL;
    }
    loop->tick = event_new(loop->base, -1, 0, on_tick, loop);
    loop->defer = event_new(loop->base, -1, 0, on_defer, loop);
    loop->clock_was_set = event_new(loop->base, loop->clock_fd, EV_READ | EV_PERSIST, on_clock_was_set, loop);
    watch_clock(loop);
    event_add(loop->clock_was_set, NULL);
    return loop;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    struct event *events[] = {loop->tick, loop->defer, loop->clock_was_set};
    for (size_t i = 0; i < COUNT(events); i++)
        if (events[i])
            event_free(events[i]);
    if (loop->base)
        event_base_free(loop->base);
    if (loop->clock_fd >= 0)
        close(loop->clock_fd);
    free(loop->deferred.list);
    free(loop->wall.at);
    free(loop->monotonic.at);
    free(loop);
}

struct event_base *loop_base(struct loop *loop)
{
    return loop->base;
}

void loop_run(struct loop *loop)
{
    event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
}

void loop_stop(struct loop *loop)
{
    event_base_loopbreak(loop->base);
}

void loop_turn(struct loop *loop)
{
    event_base_loop(loop->base, EVLOOP_NONBLOCK);
}
