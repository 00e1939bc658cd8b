/* SPDX-License-Identifier: Apache-2.0 */
/* Time zone files of our own making: every form of rule, changes close together, and files that are no good. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

#include "vectors.h"

static char folder[] = "/tmp/belfry-tzif-XXXXXX";
static int files;

static void write_file(const char *name, const void *data, size_t size)
{
    AUTOFREE char *path = x_printf("%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    fclose(file);
}

static void remove_file(const char *name)
{
    AUTOFREE char *path = x_printf("%s/%s", folder, name);
    unlink(path);
}

/* ---- Making a file ---- */

struct change {
    const char *at; /* UTC */
    int offset;     /* seconds, from then on */
};

static void add_number(struct buf *out, int64_t value, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--)
        buf_addc(out, (char)(uint64_t)(value >> (8 * i)));
}

static void add_header(struct buf *out, char version, int leaps, int times, int types)
{
    buf_adds(out, "TZif");
    buf_addc(out, version);
    buf_add(out, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 15);
    int counts[] = {0, 0, leaps, times, types, 4};
    for (size_t i = 0; i < COUNT(counts); i++)
        add_number(out, counts[i], 4);
}

/* A file of version 2: an empty old block, then a type for the time before all changes and one for each. */
static void make(struct buf *out, int first_offset, const struct change *changes, int n, const char *footer)
{
    add_header(out, '2', 0, 0, 1);
    buf_add(out, "\0\0\0\0\0\0ABC", 10);
    add_header(out, '2', 0, n, n + 1);
    for (int i = 0; i < n; i++)
        add_number(out, instant(changes[i].at) / SECOND, 8);
    for (int i = 0; i < n; i++)
        buf_addc(out, (char)(i + 1));
    for (int i = -1; i < n; i++) {
        add_number(out, i < 0 ? first_offset : changes[i].offset, 4);
        buf_add(out, "\0", 2);
    }
    buf_add(out, "ABC", 4);
    buf_addf(out, "\n%s\n", footer);
}

/* A new name for each, since zones are kept by name. */
static void check_made(int first_offset, const struct change *changes, int n, const char *footer,
                       const struct vector *rows, size_t n_rows)
{
    AUTOBUF data = {0};
    char name[32];
    make(&data, first_offset, changes, n, footer);
    snprintf(name, sizeof name, "made%d", files++);
    write_file(name, data.data, data.len);
    for (size_t i = 0; i < n_rows; i++)
        check_vector(&rows[i], name);
    remove_file(name);
}

#define CHECK_RULE(rule, ...)                                                                                          \
    do {                                                                                                               \
        static const struct vector rows_[] = {__VA_ARGS__};                                                            \
        check_made(0, NULL, 0, rule, rows_, COUNT(rows_));                                                             \
    } while (0)

/* ---- Rules ---- */

static void test_forms_of_rules(void **state)
{
    (void)state;
    /* J60 is 1 March in every year; 2100 is no leap year. Noon is 09:00Z at +3, 08:00Z at +4. */
    CHECK_RULE("<+03>-3<+04>,J60/0,J300/0",
               {"0 12 28-29,1-2 2,3 *", "2027-02-27T12:00", "2027-02-28T09:00 2027-03-01T08:00"},
               {"0 12 29,1 2,3 *", "2028-02-02T00:00", "2028-02-29T09:00 2028-03-01T08:00"},
               {"0 12 26,27,28 10 *", "2028-10-01T00:00", "2028-10-26T08:00 2028-10-27T09:00"},
               {"0 12 28,1 2,3 *", "2100-02-02T00:00", "2100-02-28T09:00 2100-03-01T08:00"});
    /* Day 59 from 0 is 29 February, or 1 March. */
    CHECK_RULE("AAA5BBB,59/0,300/0", {"0 12 * * *", "2028-02-28T12:00", "2028-02-28T17:00 2028-02-29T16:00"},
               {"0 12 * * *", "2027-02-28T12:00", "2027-02-28T17:00 2027-03-01T16:00"});
    /* Times before and after the day: Saturday 22:00 before the last Sunday; Thursday 24:00 and two hours more. */
    CHECK_RULE("XXX-2YYY,M3.4.4/50,M10.5.0/-2", {"30 2 * * *", "2025-03-28T12:00", "2025-03-29T00:00 2025-03-29T23:30"},
               {"30 21 * * *", "2025-10-24T12:00", "2025-10-24T18:30 2025-10-25T18:30 2025-10-26T19:30"});
    /* Two hours of summer; minutes and seconds; south of the equator. */
    CHECK_RULE("XXX0YYY-2,M3.5.0/1,M10.5.0/3",
               {"30 1,2 * * *", "2025-03-29T12:00", "2025-03-30T01:00 2025-03-30T23:30"});
    CHECK_RULE("XXX-1:02:03YYY-2:02:03,M10.1.0,M4.1.0/3",
               {"0 12 * * *", "2025-06-01T00:00", "2025-06-01T10:57:57 2025-06-02T10:57:57"},
               {"0 12 * * *", "2025-12-01T00:00", "2025-12-01T09:57:57"});
    /* Summer all the year round, as a rule may say it. */
    CHECK_RULE("XXX3EDT4,0/0,J365/23",
               {"0 12 * * *", "2030-12-30T00:00", "2030-12-30T16:00 2030-12-31T16:00 2031-01-01T16:00"},
               {"0 0 * * *", "2030-12-31T00:00", "2030-12-31T04:00 2031-01-01T04:00"});
    /* No summer, and no rule at all. */
    CHECK_RULE("XXX0", {"0 12 * * *", "2030-12-30T00:00", "2030-12-30T12:00"});
    CHECK_RULE("", {"0 12 * * *", "2030-12-30T00:00", "2030-12-30T12:00"});
}

/* Changes that follow one another before the wall has shown anything new. */
static void test_changes_close_together(void **state)
{
    (void)state;
    /* 12:00 becomes 11:00 at 12:00Z, 11:20 becomes 11:30 at 12:20Z: 11:00 to 12:00 stays old until 12:50Z. */
    static const struct change twice[] = {{"2025-06-01T12:00", -3600}, {"2025-06-01T12:20", -3000}};
    static const struct vector twice_rows[] = {
        {"0,10,25,40,59 11 * * *", "2025-06-01T11:39", "2025-06-01T11:40 2025-06-01T11:59 2025-06-02T11:50"},
        {"0 12 * * *", "2025-06-01T00:00", "2025-06-01T12:50 2025-06-02T12:50"},
        {"*/20 * * * *", "2025-06-01T11:50", "2025-06-01T12:00 2025-06-01T12:30 2025-06-01T12:50 2025-06-01T13:10"}};
    check_made(0, twice, 2, "XXX0:50", twice_rows, COUNT(twice_rows));
    /* Back by one hour, and after half an hour forward by two: of the gap 11:30 to 13:30 only what is after 12:00 is
     * new. */
    static const struct change over[] = {{"2025-06-01T12:00", -3600}, {"2025-06-01T12:30", 3600}};
    static const struct vector over_rows[] = {
        {"45 11 * * *", "2025-06-01T00:00", "2025-06-01T11:45 2025-06-02T10:45"},
        {"15 12 * * *", "2025-06-01T00:00", "2025-06-01T12:30 2025-06-02T11:15"},
        {"45 11,12 * * *", "2025-06-01T11:50", "2025-06-01T12:30 2025-06-02T10:45"}};
    check_made(0, over, 2, "XXX-1", over_rows, COUNT(over_rows));
    /* A new name for the same offset is no change. */
    static const struct change name_only[] = {{"2025-06-01T12:00", 3600}, {"2025-06-01T12:30", 3600}};
    static const struct vector name_rows[] = {
        {"*/20 13 * * *", "2025-06-01T11:00", "2025-06-01T12:00 2025-06-01T12:20 2025-06-01T12:40 2025-06-02T12:00"}};
    check_made(0, name_only, 2, "XXX-1", name_rows, COUNT(name_rows));
}

/* ---- Files that are no good ---- */

static bool is_accepted(const void *data, size_t size)
{
    char name[32];
    snprintf(name, sizeof name, "bad%d", files++);
    write_file(name, data, size);
    struct error e = {0};
    struct schedule *schedule = schedule_parse("0 12 * * *", name, NULL, &e);
    remove_file(name);
    if (!schedule) {
        assert_string_equal(e.where, "timezone");
        assert_true(e.what[0] && e.mend[0]);
        return false;
    }
    int64_t at = instant("2025-01-01T00:00"); /* whatever a damaged file says, time goes on */
    for (int i = 0; i < 5; i++) {
        int64_t next = schedule_next(schedule, at);
        assert_true(next > at && schedule_previous(schedule, next) == next);
        at = next;
    }
    schedule_free(schedule);
    return true;
}

static void make_sample(struct buf *out)
{
    static const struct change changes[] = {{"1990-01-01T00:00", 3600}, {"2000-01-01T00:00", 7200}};
    make(out, 0, changes, 2, "XXX-2YYY,M3.5.0/3,M10.5.0/4");
}

static void test_cut_files(void **state)
{
    (void)state;
    AUTOBUF data = {0};
    make_sample(&data);
    assert_true(is_accepted(data.data, data.len));
    for (size_t length = 0; length < data.len; length++)
        assert_false(is_accepted(data.data, length));
}

static void test_damaged_files(void **state)
{
    (void)state;
    static const unsigned char values[] = {0, 1, 0x7f, 0x80, 0xff, '\n'};
    AUTOBUF data = {0};
    make_sample(&data);
    for (size_t i = 0; i < data.len; i++)
        for (size_t v = 0; v < COUNT(values); v++) {
            char kept = data.data[i];
            data.data[i] = (char)values[v];
            is_accepted(data.data, data.len);
            data.data[i] = kept;
        }
}

static void test_refused_files(void **state)
{
    (void)state;
    static const char *const rules[] = {"X",
                                        "XXX",
                                        "XXX25",
                                        "XXX-2YYY",
                                        "XXX-2YYY,M3.5.0",
                                        "XXX-2YYY,M13.1.0,M10.5.0",
                                        "XXX-2YYY,M3.6.0,M10.5.0",
                                        "XXX-2YYY,M3.5.7,M10.5.0",
                                        "XXX-2YYY,J0,J300",
                                        "XXX-2YYY,J366,J300",
                                        "XXX-2YYY,M3.5.0/168,M10.5.0",
                                        "XXX-2YYY,M3.5.0,M10.5.0,",
                                        "<+02-2",
                                        "XXX-2:60",
                                        "XXX-2YYY-3:00:60,M3.5.0,M10.5.0",
                                        "X1X-2"};
    for (size_t i = 0; i < COUNT(rules); i++) {
        AUTOBUF data = {0};
        make(&data, 0, NULL, 0, rules[i]);
        if (is_accepted(data.data, data.len))
            fail_msg("accepted: %s", rules[i]);
    }
    static const struct change backwards[] = {{"2000-01-01T00:00", 3600}, {"1990-01-01T00:00", 7200}};
    static const struct change far[] = {{"2000-01-01T00:00", 26 * 3600}};
    AUTOBUF unsorted = {0}, too_far = {0}, old = {0}, leaps = {0}, large = {0};
    make(&unsorted, 0, backwards, 2, "XXX-2");
    assert_false(is_accepted(unsorted.data, unsorted.len));
    make(&too_far, 0, far, 1, "XXX-2");
    assert_false(is_accepted(too_far.data, too_far.len));
    add_header(&old, '\0', 0, 0, 1); /* version 1 */
    buf_add(&old, "\0\0\0\0\0\0ABC", 10);
    assert_false(is_accepted(old.data, old.len));
    add_header(&leaps, '2', 0, 0, 1);
    buf_add(&leaps, "\0\0\0\0\0\0ABC", 10);
    add_header(&leaps, '2', 1, 0, 1);
    buf_add(&leaps, "\0\0\0\0\0\0ABC", 10);
    add_number(&leaps, 78796800, 8);
    add_number(&leaps, 1, 4);
    buf_adds(&leaps, "\nXXX0\n");
    assert_false(is_accepted(leaps.data, leaps.len));
    make_sample(&large);
    for (int i = 0; i < 1 << 15; i++)
        buf_add(&large, "0123456789abcdef", 16);
    assert_false(is_accepted(large.data, large.len));
    assert_false(is_accepted("", 0));
}

/* A zone is read once: its file may go. */
static void test_kept_zones(void **state)
{
    (void)state;
    AUTOBUF data = {0};
    make_sample(&data);
    assert_false(schedule_timezone_known("kept"));
    write_file("kept", data.data, data.len);
    assert_true(schedule_timezone_known("kept"));
    remove_file("kept");
    assert_true(schedule_timezone_known("kept"));
    assert_true(schedule_timezone_known("UTC")); /* needs no file */
    struct error e;
    assert_null(schedule_parse("0 12 * * *", "Europe/Berlin", NULL, &e));
    assert_non_null(strstr(e.mend, "tzdata")); /* an empty database */
}

static int use_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    return setenv("TZDIR", folder, 1);
}

static int drop_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms_of_rules), cmocka_unit_test(test_changes_close_together),
        cmocka_unit_test(test_cut_files),      cmocka_unit_test(test_damaged_files),
        cmocka_unit_test(test_refused_files),  cmocka_unit_test(test_kept_zones),
    };
    return cmocka_run_group_tests(tests, use_folder, drop_folder);
}
