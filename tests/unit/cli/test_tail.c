/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"
#include "cli/tail.h"

static void expect(const struct tail *tail, const char *text)
{
    AUTOFREE char *got = tail_text(tail);
    assert_string_equal(got, text);
}

static void test_short_output_is_kept_whole(void **state)
{
    (void)state;
    AUTOFREE struct tail *tail = NEW(struct tail);
    expect(tail, "");
    tail_add(tail, "one ", 4);
    tail_add(tail, "", 0);
    tail_add(tail, "two", 3);
    expect(tail, "one two");
}

/* In chunks of a size that does not divide the ring's, so that it wraps at every place. */
static void test_last_bytes_in_order(void **state)
{
    (void)state;
    AUTOFREE struct tail *tail = NEW(struct tail);
    AUTOBUF all = {0};
    for (int i = 0; i < 5000; i++) {
        char line[16];
        int n = snprintf(line, sizeof line, "%d,", i);
        buf_add(&all, line, (size_t)n);
        tail_add(tail, line, (size_t)n);
        if (i % 7 == 0)
            expect(tail, all.data + (all.len > TAIL_BYTES ? all.len - TAIL_BYTES : 0));
    }
}

static void test_chunk_larger_than_the_ring(void **state)
{
    (void)state;
    AUTOFREE struct tail *tail = NEW(struct tail);
    AUTOBUF all = {0};
    for (int i = 0; i < 3000; i++)
        buf_addf(&all, "%d,", i);
    assert_true(all.len > TAIL_BYTES);
    tail_add(tail, "gone", 4);
    tail_add(tail, all.data, all.len);
    expect(tail, all.data + all.len - TAIL_BYTES);
}

static void test_halved_character_is_dropped(void **state)
{
    (void)state;
    AUTOFREE struct tail *tail = NEW(struct tail);
    tail_add(tail, "€", 3);
    for (int i = 0; i < TAIL_BYTES - 1; i++) /* one byte of the sign is left */
        tail_add(tail, "x", 1);
    AUTOFREE char *got = tail_text(tail);
    assert_int_equal(strlen(got), TAIL_BYTES - 1);
    assert_int_equal(strspn(got, "x"), TAIL_BYTES - 1);
}

static void test_bytes_that_are_no_text_are_mended(void **state)
{
    (void)state;
    AUTOFREE struct tail *tail = NEW(struct tail);
    tail_add(tail,
             "a\0b\xff"
             "c",
             5);
    expect(tail, "a b\xef\xbf\xbd"
                 "c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_short_output_is_kept_whole),        cmocka_unit_test(test_last_bytes_in_order),
        cmocka_unit_test(test_chunk_larger_than_the_ring),        cmocka_unit_test(test_halved_character_is_dropped),
        cmocka_unit_test(test_bytes_that_are_no_text_are_mended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
