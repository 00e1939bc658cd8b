/* SPDX-License-Identifier: Apache-2.0 */
/* The gate in front of the real server: whatever the gate passes is answered, whatever it refuses is refused there too,
 * and the connection closed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "gate_rows.h"
#include "server_fixture.h"

static void check_row(struct fixture *f, const struct gate_row *row, bool tls)
{
    struct peer_socket *p = tls ? peer_open_tls(f, 0, TLS1_3_VERSION) : peer_open(f, 0);
    peer_send(p, row->bytes, row->size);
    peer_await(p, row->requests + (row->status != 0));
    for (size_t i = 0; i < row->requests; i++) {
        int status = peer_status(p, i);
        /* OPTIONS and PATCH pass the gate, and there is no route for them. */
        if (status != 200 && status != 204 && status != 405)
            fail_msg("'%s': answer %zu is %d", row->name, i, status);
    }
    if (row->status) {
        if (peer_status(p, row->requests) != row->status)
            fail_msg("'%s': refused with %d instead of %d", row->name, peer_status(p, row->requests), row->status);
        if (!peer_await_close(p))
            fail_msg("'%s': not closed", row->name);
    }
    peer_close(p);
}

static void server_judges_rows_as_the_gate_does(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    f->hosts[0] = "a.example";
    f->agent.hosts.n = 1;
    fixture_start(f);
    size_t refused = 0;
    for (size_t i = 0; i < COUNT(gate_rows); i++) {
        if (!gate_rows[i].requests && !gate_rows[i].status)
            continue;
        check_row(f, &gate_rows[i], false);
        refused += gate_rows[i].status != 0;
    }
    struct http_stats stats = fixture_stats(f);
    assert_int_equal(stats.refused_by_gate, refused);
    assert_int_equal(stats.timeouts, 0);
    fixture_free(f);
}

static void gate_works_under_tls_too(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    fixture_use_tls(f);
    fixture_start(f);
    for (size_t i = 0; i < COUNT(gate_rows); i += 7)
        if (gate_rows[i].requests || gate_rows[i].status)
            check_row(f, &gate_rows[i], true);
    assert_true(fixture_stats(f).refused_by_gate > 10);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(server_judges_rows_as_the_gate_does),
        cmocka_unit_test(gate_works_under_tls_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
