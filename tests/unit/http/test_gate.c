/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "gate_rows.h"
#include "http/gate.h"

struct outcome {
    size_t requests;
    int status;
};

/* Feeds one piece, taking the requests that end in it. False: refused. */
static bool feed(struct gate *gate, const char *data, size_t size, struct outcome *out)
{
    for (size_t at = 0; at < size;) {
        size_t used = 0;
        enum gate_verdict verdict = gate_feed(gate, data + at, size - at, &used);
        assert_true(used <= size - at);
        at += used;
        if (verdict == GATE_REFUSED) {
            out->status = gate_status(gate);
            assert_non_null(gate_reason(gate));
            return false;
        }
        if (verdict == GATE_REQUEST) {
            gate_request_free(gate_take(gate));
            out->requests++;
        } else {
            assert_int_equal(at, size);
        }
    }
    return true;
}

/* `next` says how long the next piece is, at least 1. */
static struct outcome run(const struct gate_row *row, size_t (*next)(void))
{
    struct outcome out = {0};
    struct gate *gate = gate_new();
    for (size_t at = 0; at < row->size;) {
        size_t n = next();
        if (n > row->size - at)
            n = row->size - at;
        /* In memory of its own size, so that reading beyond it is seen. */
        char *piece = malloc(n);
        memcpy(piece, row->bytes + at, n);
        bool ok = feed(gate, piece, n, &out);
        free(piece);
        if (!ok)
            break;
        at += n;
    }
    gate_free(gate);
    return out;
}

static void expect(const struct gate_row *row, struct outcome out, const char *how)
{
    if (out.requests != row->requests || out.status != row->status)
        fail_msg("'%s' %s: %zu requests and status %d instead of %zu and %d", row->name, how, out.requests, out.status,
                 row->requests, row->status);
}

static size_t all_at_once(void)
{
    return SIZE_MAX;
}

static size_t one_by_one(void)
{
    return 1;
}

static uint64_t seed = 42;
static size_t at_random(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return 1 + (seed >> 33) % 23;
}

static void rows_are_judged_alike_however_they_come(void **state)
{
    (void)state;
    assert_true(COUNT(gate_rows) >= 150);
    for (size_t i = 0; i < COUNT(gate_rows); i++) {
        expect(&gate_rows[i], run(&gate_rows[i], all_at_once), "at once");
        expect(&gate_rows[i], run(&gate_rows[i], one_by_one), "byte by byte");
        for (int n = 0; n < 8; n++)
            expect(&gate_rows[i], run(&gate_rows[i], at_random), "in random pieces");
    }
}

/* No prefix of a good stream is refused: each piece is fine by itself. */
static void prefixes_of_good_rows_are_not_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(gate_rows); i++) {
        struct gate_row prefix = gate_rows[i];
        if (prefix.status || prefix.size > 2000)
            continue;
        for (size_t n = 0; n < gate_rows[i].size; n++) {
            prefix.size = n;
            assert_int_equal(run(&prefix, all_at_once).status, 0);
        }
    }
}

static struct gate_request *parse(const char *text)
{
    size_t used;
    struct gate *gate = gate_new();
    assert_int_equal(gate_feed(gate, text, strlen(text), &used), GATE_REQUEST);
    assert_int_equal(used, strlen(text));
    struct gate_request *request = gate_take(gate);
    gate_free(gate);
    return request;
}

static void what_a_request_says_is_kept(void **state)
{
    (void)state;
    struct gate_request *r = parse("POST /a%20b/c?x=1&y=%20 HTTP/1.1\r\nHost: LocalHost:80\r\nX-Two:  a\tb \r\n"
                                   "Content-Length: 3\r\n\r\nabc");
    assert_string_equal(r->method, "POST");
    assert_string_equal(r->path, "/a%20b/c");
    assert_string_equal(r->query, "x=1&y=%20");
    assert_string_equal(r->host, "localhost:80");
    assert_string_equal(gate_find(r, "x-two"), "a b");
    assert_null(gate_find(r, "x-three"));
    assert_int_equal(r->body.len, 3);
    assert_string_equal(buf_str(&r->body), "abc");
    assert_true(r->keep_alive);
    gate_request_free(r);
}

static void chunks_are_put_together(void **state)
{
    (void)state;
    struct gate_request *r = parse("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                                   "2;x=y\r\nab\r\n3\r\ncde\r\n0\r\nX-Trailer: 1\r\n\r\n");
    assert_string_equal(buf_str(&r->body), "abcde");
    assert_null(gate_find(r, "x-trailer"));
    gate_request_free(r);
}

static void absolute_form_is_taken_apart(void **state)
{
    (void)state;
    struct gate_request *r = parse("GET http://a.example?q HTTP/1.1\r\nHost: a.example\r\n\r\n");
    assert_string_equal(r->path, "/");
    assert_string_equal(r->query, "q");
    gate_request_free(r);
}

static bool keeps_alive(const char *text)
{
    struct gate_request *r = parse(text);
    bool keep_alive = r->keep_alive;
    gate_request_free(r);
    return keep_alive;
}

static void connections_are_kept_as_rfc_9112_says(void **state)
{
    (void)state;
    assert_true(keeps_alive("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
    assert_false(keeps_alive("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    assert_false(keeps_alive("GET / HTTP/1.1\r\nHost: h\r\nConnection: TE, Close\r\n\r\n"));
    assert_false(keeps_alive("GET / HTTP/1.1\r\nHost: h\r\nConnection: TE\r\nConnection: close\r\n\r\n"));
    assert_false(keeps_alive("GET / HTTP/1.0\r\n\r\n"));
    assert_true(keeps_alive("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
    assert_false(keeps_alive("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n"));
}

static void body_may_be_as_large_as_the_limit(void **state)
{
    (void)state;
    AUTOBUF text = {0};
    buf_addf(&text, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", HTTP_MOST_BODY);
    size_t head = text.len, used;
    for (int i = 0; i < HTTP_MOST_BODY / 64; i++)
        buf_addf(&text, "%064d", i);
    struct gate *gate = gate_new();
    assert_int_equal(gate_feed(gate, text.data, text.len, &used), GATE_REQUEST);
    assert_int_equal(used, head + HTTP_MOST_BODY);
    struct gate_request *r = gate_take(gate);
    assert_int_equal(r->body.len, HTTP_MOST_BODY);
    assert_memory_equal(r->body.data, text.data + head, HTTP_MOST_BODY);
    gate_request_free(r);
    gate_free(gate);
}

static void extensions_are_bounded_together(void **state)
{
    (void)state;
    struct outcome out = {0};
    const char *head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    struct gate *gate = gate_new();
    assert_true(feed(gate, head, strlen(head), &out));
    char chunk[200];
    snprintf(chunk, sizeof chunk, "1;%0100d\r\nx\r\n", 7);
    int i = 0;
    while (i < 1000 && feed(gate, chunk, strlen(chunk), &out))
        i++;
    assert_int_equal(out.status, 400);
    assert_in_range(i, 100, 200);
    gate_free(gate);
}

static void phases_follow_the_bytes(void **state)
{
    (void)state;
    size_t used;
    struct gate *gate = gate_new();
    assert_int_equal(gate_phase(gate), GATE_IDLE);
    gate_feed(gate, "G", 1, &used);
    assert_int_equal(gate_phase(gate), GATE_HEAD);
    const char *rest = "ET / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n";
    gate_feed(gate, rest, strlen(rest), &used);
    assert_int_equal(gate_phase(gate), GATE_BODY);
    assert_int_equal(gate_feed(gate, "okG", 3, &used), GATE_REQUEST);
    assert_int_equal(used, 2);
    gate_request_free(gate_take(gate));
    assert_int_equal(gate_phase(gate), GATE_IDLE);
    gate_free(gate);
}

static void continue_is_wanted_once_and_before_the_body(void **state)
{
    (void)state;
    size_t used;
    const char *head = "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    struct gate *gate = gate_new();
    gate_feed(gate, head, strlen(head) - 1, &used);
    assert_false(gate_take_continue(gate));
    gate_feed(gate, "\n", 1, &used);
    assert_true(gate_take_continue(gate));
    assert_false(gate_take_continue(gate));
    gate_free(gate);

    gate = gate_new();
    gate_feed(gate, head, strlen(head), &used);
    gate_feed(gate, "o", 1, &used);
    assert_false(gate_take_continue(gate));
    gate_free(gate);
}

static void nothing_is_read_behind_a_refusal(void **state)
{
    (void)state;
    size_t used;
    struct gate *gate = gate_new();
    const char *bad = "GET / HTTP/1.1\n";
    assert_int_equal(gate_feed(gate, bad, strlen(bad), &used), GATE_REFUSED);
    const char *good = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    assert_int_equal(gate_feed(gate, good, strlen(good), &used), GATE_REFUSED);
    assert_int_equal(used, 0);
    gate_free(gate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_judged_alike_however_they_come),
        cmocka_unit_test(prefixes_of_good_rows_are_not_refused),
        cmocka_unit_test(what_a_request_says_is_kept),
        cmocka_unit_test(chunks_are_put_together),
        cmocka_unit_test(absolute_form_is_taken_apart),
        cmocka_unit_test(connections_are_kept_as_rfc_9112_says),
        cmocka_unit_test(body_may_be_as_large_as_the_limit),
        cmocka_unit_test(extensions_are_bounded_together),
        cmocka_unit_test(phases_follow_the_bytes),
        cmocka_unit_test(continue_is_wanted_once_and_before_the_body),
        cmocka_unit_test(nothing_is_read_behind_a_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
