/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop, and time as a service. One thread runs it and owns all state; nothing here may be called from
 * another.
 *
 * Two kinds of timer. What a user planned (schedules, deadlines, retries, heartbeats) uses `struct timer`, whose time
 * tests can make virtual. What guards a peer (connection and transfer deadlines) uses libevent's own timers on
 * loop_base(), which are always real.
 */
#ifndef BELFRY_BASE_LOOP_H
#define BELFRY_BASE_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct event_base;

struct loop *loop_new(void); /* null: the system has no event mechanism left (descriptors) */
void loop_free(struct loop *loop);
struct event_base *loop_base(struct loop *loop);
void loop_run(struct loop *loop); /* returns after loop_stop() */
void loop_stop(struct loop *loop);
/* Handle what is ready now, once, without waiting; for tests. */
void loop_turn(struct loop *loop);

int64_t loop_now(const struct loop *loop);       /* wall clock */
int64_t loop_monotonic(const struct loop *loop); /* never goes back */

/* From here on time stands still at `wall` and moves by loop_advance() only, timer by timer in order of their due
 * times. */
void loop_set_virtual(struct loop *loop, int64_t wall);
bool loop_is_virtual(const struct loop *loop);
void loop_advance(struct loop *loop, int64_t ms);

/* A timer lives in its owner's memory, from timer_init() to timer_stop(). It fires once for each time that it is set.
 */
struct timer {
    struct loop *loop;
    void (*fire)(void *data);
    void *data;
    int64_t due;
    size_t place; /* in the heap, from 1; 0: not set */
    bool wall;
};
void timer_init(struct timer *timer, struct loop *loop, void (*fire)(void *data), void *data);
void timer_after(struct timer *timer, int64_t ms); /* that long from now, whatever becomes of the wall clock */
void timer_at(struct timer *timer, int64_t wall);  /* when the wall clock shows it, also after the clock was set */
void timer_stop(struct timer *timer);              /* not set is fine */
static inline bool timer_is_set(const struct timer *timer)
{
    return timer->place != 0;
}

/* Call `run` after all that is ready in this turn of the loop. */
void loop_defer(struct loop *loop, void (*run)(void *data), void *data);

#endif
