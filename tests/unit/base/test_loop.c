/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include <unistd.h>

static const int64_t start = 1772330400000; /* 2026-03-01T02:00:00Z */

struct record {
    struct timer timer;
    struct loop *loop;
    int64_t fired_at;
    unsigned times;
    struct record *other;
};

static void note(void *data)
{
    struct record *r = data;
    r->fired_at = loop_now(r->loop);
    r->times++;
}

static void note_and_again(void *data)
{
    note(data);
    timer_after(&((struct record *)data)->timer, 10 * SECOND);
}

static void note_and_stop_other(void *data)
{
    note(data);
    timer_stop(&((struct record *)data)->other->timer);
}

static struct loop *virtual_loop(void)
{
    struct loop *loop = loop_new();
    loop_set_virtual(loop, start);
    return loop;
}

static void timers_fire_in_order_at_their_time(void **state)
{
    (void)state;
    struct loop *loop = virtual_loop();
    struct record r[100];
    for (size_t i = 0; i < COUNT(r); i++) {
        r[i] = (struct record){.loop = loop};
        timer_init(&r[i].timer, loop, note, &r[i]);
        int64_t delay = (int64_t)(i * 37 % 100) * SECOND;
        if (i % 2)
            timer_after(&r[i].timer, delay);
        else
            timer_at(&r[i].timer, start + delay);
    }
    loop_advance(loop, 49 * SECOND);
    for (size_t i = 0; i < COUNT(r); i++) {
        int64_t delay = (int64_t)(i * 37 % 100) * SECOND;
        assert_int_equal(r[i].times, delay <= 49 * SECOND);
        if (r[i].times)
            assert_int_equal(r[i].fired_at, start + delay);
    }
    assert_int_equal(loop_now(loop), start + 49 * SECOND);
    loop_advance(loop, 51 * SECOND);
    for (size_t i = 0; i < COUNT(r); i++)
        assert_int_equal(r[i].times, 1);
    loop_free(loop);
}

static void timers_set_themselves_again_and_stop_others(void **state)
{
    (void)state;
    struct loop *loop = virtual_loop();
    struct record again = {.loop = loop}, victim = {.loop = loop}, killer = {.loop = loop, .other = &victim};
    timer_init(&again.timer, loop, note_and_again, &again);
    timer_init(&victim.timer, loop, note, &victim);
    timer_init(&killer.timer, loop, note_and_stop_other, &killer);
    timer_after(&again.timer, 10 * SECOND);
    timer_after(&victim.timer, 6 * SECOND);
    timer_after(&killer.timer, 5 * SECOND);
    loop_advance(loop, 60 * SECOND);
    assert_int_equal(again.times, 6);
    assert_int_equal(killer.times, 1);
    assert_int_equal(victim.times, 0);
    assert_true(timer_is_set(&again.timer));
    timer_stop(&again.timer);
    timer_stop(&again.timer);
    loop_advance(loop, 60 * SECOND);
    assert_int_equal(again.times, 6);
    loop_free(loop);
}

static void setting_again_moves(void **state)
{
    (void)state;
    struct loop *loop = virtual_loop();
    struct record r = {.loop = loop};
    timer_init(&r.timer, loop, note, &r);
    timer_after(&r.timer, 5 * SECOND);
    timer_at(&r.timer, start + 50 * SECOND);
    loop_advance(loop, 49 * SECOND);
    assert_int_equal(r.times, 0);
    loop_advance(loop, SECOND);
    assert_int_equal(r.times, 1);
    loop_free(loop);
}

static void count_and_stop(void *data)
{
    loop_stop(data);
}

static void real_timers_fire(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct timer timer;
    timer_init(&timer, loop, count_and_stop, loop);
    int64_t before = time_monotonic();
    timer_after(&timer, 20);
    loop_run(loop);
    assert_true(time_monotonic() - before >= 20);
    timer_at(&timer, time_wall() + 20);
    loop_run(loop);
    assert_true(time_monotonic() - before >= 40);
    loop_free(loop);
}

static void spend(int64_t ms)
{
    for (int64_t end = time_monotonic() + ms; time_monotonic() < end;)
        ;
}

static void an_overdue_timer_is_not_forgotten_for_a_far_one(void **state)
{
    (void)state;
    alarm(20); /* instead of hanging */
    struct loop *loop = loop_new();
    struct timer near, far;
    timer_init(&near, loop, count_and_stop, loop);
    timer_init(&far, loop, count_and_stop, loop);
    timer_after(&near, 1);
    spend(5);
    timer_at(&far, time_wall() + HOUR); /* looks at all timers anew */
    loop_run(loop);
    assert_false(timer_is_set(&near));
    timer_at(&near, time_wall() + 1);
    spend(5);
    timer_after(&far, HOUR);
    loop_run(loop);
    assert_false(timer_is_set(&near));
    timer_stop(&far);
    loop_free(loop);
    alarm(0);
}

struct order {
    struct loop *loop;
    int n;
    int seen[4];
};

static void second(void *data)
{
    struct order *o = data;
    o->seen[o->n++] = 2;
}

static void first(void *data)
{
    struct order *o = data;
    o->seen[o->n++] = 1;
    loop_defer(o->loop, second, o);
}

static void deferred_calls_run_in_the_next_turn_of_their_adder(void **state)
{
    (void)state;
    struct order o = {.loop = loop_new()};
    loop_defer(o.loop, first, &o);
    loop_defer(o.loop, first, &o);
    assert_int_equal(o.n, 0);
    loop_turn(o.loop);
    while (o.n < 4)
        loop_turn(o.loop);
    assert_int_equal(o.seen[0], 1);
    assert_int_equal(o.seen[1], 1);
    assert_int_equal(o.seen[2], 2);
    assert_int_equal(o.seen[3], 2);
    loop_free(o.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_in_order_at_their_time),
        cmocka_unit_test(timers_set_themselves_again_and_stop_others),
        cmocka_unit_test(setting_again_moves),
        cmocka_unit_test(real_timers_fire),
        cmocka_unit_test(an_overdue_timer_is_not_forgotten_for_a_far_one),
        cmocka_unit_test(deferred_calls_run_in_the_next_turn_of_their_adder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
