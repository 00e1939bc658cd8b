/* SPDX-License-Identifier: Apache-2.0 */
/* Where the server listens, how that changes, and how it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "server_fixture.h"

#define HEALTHY "GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n"

static char *socket_path(const struct fixture *f)
{
    return x_printf("%s/socket", f->dir);
}

static void expect_error(struct fixture *f, const char *what, const char *mend)
{
    struct http_rooms rooms = {.loop = f->loop};
    struct error e = {0};
    assert_null(http_start(&f->agent, &rooms, &e));
    if (!strstr(e.what, what) || !strstr(e.mend, mend))
        fail_msg("'%s' ('%s') instead of '%s' ('%s')", e.what, e.mend, what, mend);
}

static bool has_no_connections(void *data)
{
    return fixture_stats(data).connections == 0;
}

static bool is_held(void *data)
{
    return ((struct fixture *)data)->held_count > 0;
}

/* ---- Where ---- */

static void addresses_are_the_ones_really_bound(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    AUTOFREE char *path = socket_path(f);
    AUTOFREE char *unix_address = x_printf("unix:%s", path);
    f->listen[1] = "[::1]:0";
    f->listen[2] = unix_address;
    f->agent.listen.n = 3;
    fixture_start(f);
    assert_true(text_starts(http_address(f->http, 0), "127.0.0.1:"));
    assert_string_not_equal(http_address(f->http, 0), "127.0.0.1:0");
    assert_true(text_starts(http_address(f->http, 1), "[::1]:"));
    assert_string_equal(http_address(f->http, 2), unix_address);
    assert_null(http_address(f->http, 3));
    for (size_t i = 0; i < 3; i++) {
        struct peer_socket *p = peer_open(f, i);
        peer_say(p, HEALTHY);
        assert_int_equal(peer_await(p, 1), 1);
        assert_int_equal(peer_status(p, 0), 204);
        peer_close(p);
    }
    fixture_free(f);
}

static void addresses_that_are_none_are_told(void **state)
{
    (void)state;
    static const char *const bad[] = {"8080",          ":8080",  "127.0.0.1", "127.0.0.1:",     "127.0.0.1:65536",
                                      "127.0.0.1:-1",  "::1:80", "[::1]",     "[127.0.0.1]:80", "example.com:80",
                                      "unix:relative", ""};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct fixture *f = fixture_new();
        f->listen[0] = bad[i];
        expect_error(f, "is no address to listen on", "127.0.0.1:8080");
        fixture_free(f);
    }
}

static void open_to_others_needs_tokens_and_tls(void **state)
{
    (void)state;
    static const char *const open[] = {"0.0.0.0:0", "[::]:0", "10.1.2.3:0"};
    for (size_t i = 0; i < COUNT(open); i++) {
        struct fixture *f = fixture_new();
        f->listen[0] = open[i];
        expect_error(f, "neither tokens nor TLS", "agent.tokens");
        fixture_add_tokens(f);
        expect_error(f, "TLS is not configured", "agent.tls");
        fixture_use_tls(f);
        f->agent.n_tokens = 0;
        expect_error(f, "no tokens", "agent.tokens");
        fixture_free(f);
    }
    struct fixture *f = fixture_new();
    f->listen[0] = "0.0.0.0:0";
    fixture_add_tokens(f);
    fixture_use_tls(f);
    fixture_start(f);
    struct peer_socket *p = peer_open_tls(f, 0, TLS1_3_VERSION);
    peer_say(p, "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    assert_int_equal(peer_await(p, 1), 1);
    assert_int_equal(peer_status(p, 0), 401);
    peer_close(p);
    fixture_free(f);
}

static void taken_addresses_are_told(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    fixture_start(f);
    AUTOFREE char *taken = x_strdup(http_address(f->http, 0));
    f->listen[0] = taken;
    expect_error(f, "Address already in use", "another");
    f->listen[0] = f->listen[1] = "127.0.0.1:0";
    f->agent.listen.n = 2;
    expect_error(f, "listed twice", "");
    fixture_free(f);
}

static void tls_files_that_are_none_are_told(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    fixture_use_tls(f);
    const char *key = f->agent.tls_key;
    f->agent.tls_key = "";
    expect_error(f, "belong together", "give both");
    f->agent.tls_key = f->agent.tls_cert;
    expect_error(f, "cannot use the TLS key", "");
    f->agent.tls_key = "/nonexistent";
    expect_error(f, "cannot use the TLS key", "");
    f->agent.tls_key = key;
    fixture_free(f);
}

static void tokens_without_a_role_are_told(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    f->tokens[0] = (struct config_token){"x", "secret", "king"};
    f->agent.n_tokens = 1;
    expect_error(f, "no known role", "admin");
    f->tokens[0] = (struct config_token){"x", "", "view"};
    expect_error(f, "is empty", "");
    fixture_free(f);
}

/* ---- Unix sockets ---- */

static struct fixture *start_unix(void)
{
    struct fixture *f = fixture_new();
    static char address[128];
    snprintf(address, sizeof address, "unix:%s/socket", f->dir);
    f->listen[0] = address;
    fixture_add_tokens(f);
    return f;
}

static void unix_socket_may_all_and_is_for_the_group(void **state)
{
    (void)state;
    struct fixture *f = start_unix();
    mode_t mask = umask(0);
    fixture_start(f);
    umask(mask);
    AUTOFREE char *path = socket_path(f);
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0660);
    char *text;
    assert_int_equal(ask(f, "POST /reload HTTP/1.1\r\nHost: anything\r\n\r\n", &text), 200);
    assert_non_null(strstr(text, "\"peer\":\"unix\""));
    assert_non_null(strstr(text, "\"roles\":15"));
    free(text);
    http_free(f->http);
    f->http = NULL;
    assert_int_not_equal(lstat(path, &st), 0);
    fixture_free(f);
}

static void peers_of_a_unix_socket_are_not_counted_each(void **state)
{
    (void)state;
    struct fixture *f = start_unix();
    fixture_start(f);
    struct peer_socket *all[HTTP_MOST_PER_PEER + 4];
    for (size_t i = 0; i < COUNT(all); i++) {
        all[i] = peer_open(f, 0);
        fixture_run(f, 1);
    }
    for (size_t i = 0; i < COUNT(all); i++) {
        peer_say(all[i], HEALTHY);
        assert_int_equal(peer_await(all[i], 1), 1);
        assert_int_equal(peer_status(all[i], 0), 204);
        peer_close(all[i]);
    }
    fixture_free(f);
}

/* A socket as a dead agent leaves it: the file is there, nobody listens. */
static int leave_socket(const char *path, bool listening)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    if (listening) {
        assert_int_equal(listen(fd, 1), 0);
        return fd;
    }
    close(fd);
    return -1;
}

static void stale_socket_files_are_removed_and_no_others(void **state)
{
    (void)state;
    struct fixture *f = start_unix();
    AUTOFREE char *path = socket_path(f);
    int fd = leave_socket(path, true);
    expect_error(f, "Address already in use", "another");
    close(fd);
    fixture_start(f);
    assert_int_equal(ask(f, HEALTHY, NULL), 204);
    fixture_free(f);

    f = start_unix();
    AUTOFREE char *file = socket_path(f);
    fclose(fopen(file, "w"));
    expect_error(f, "Address already in use", "another");
    assert_int_equal(access(file, F_OK), 0);
    fixture_free(f);
}

static void socket_of_a_successor_is_left_alone(void **state)
{
    (void)state;
    struct fixture *f = start_unix();
    fixture_start(f);
    AUTOFREE char *path = socket_path(f);
    unlink(path);
    leave_socket(path, false);
    http_free(f->http);
    f->http = NULL;
    assert_int_equal(access(path, F_OK), 0);
    fixture_free(f);
}

/* ---- Change ---- */

static void new_configuration_is_all_or_nothing(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    fixture_start(f);
    struct error e;
    AUTOFREE char *before = x_strdup(http_address(f->http, 0));
    struct config_agent changed = f->agent;
    const char *listen[] = {"127.0.0.2:0", "0.0.0.0:0"};
    fixture_add_tokens(f);
    changed.n_tokens = f->agent.n_tokens;
    changed.listen = (struct belfry_list){2, listen};
    assert_int_equal(http_configure(f->http, &changed, &e), -1);
    assert_string_equal(http_address(f->http, 0), before);
    assert_null(http_address(f->http, 1));
    assert_int_equal(ask(f, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", NULL), 200);
    fixture_free(f);
}

static void listeners_come_and_go_with_the_configuration(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    AUTOFREE char *path = socket_path(f);
    AUTOFREE char *unix_address = x_printf("unix:%s", path);
    f->listen[1] = unix_address;
    f->agent.listen.n = 2;
    fixture_start(f);
    struct error e;
    AUTOFREE char *kept = x_strdup(http_address(f->http, 0));
    struct peer_socket *p = peer_open(f, 0), *idle = peer_open(f, 1), *busy = peer_open(f, 1);
    peer_say(p, HEALTHY);
    peer_say(idle, HEALTHY);
    peer_await(p, 1);
    peer_await(idle, 1);
    peer_say(busy, "GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_true(fixture_until(f, is_held, f));

    f->listen[1] = "127.0.0.2:0";
    assert_int_equal(http_configure(f->http, &f->agent, &e), 0);
    assert_string_equal(http_address(f->http, 0), kept);
    assert_true(text_starts(http_address(f->http, 1), "127.0.0.2:"));
    assert_int_not_equal(access(path, F_OK), 0);
    assert_true(peer_await_close(idle));
    /* What was under way is finished, and then the connection ends. */
    exchange_text(f->held, 200, "text/plain", "late", 4);
    assert_true(peer_await_close(busy));
    assert_int_equal(peer_status(busy, 0), 200);
    assert_int_equal(f->http->n_retired, 0);
    peer_say(p, HEALTHY);
    assert_int_equal(peer_await(p, 2), 2);
    peer_close(p);
    peer_close(idle);
    peer_close(busy);
    p = peer_open(f, 1);
    peer_say(p, "GET /-/healthy HTTP/1.1\r\nHost: 127.0.0.2\r\n\r\n");
    assert_int_equal(peer_await(p, 1), 1);
    assert_int_equal(peer_status(p, 0), 204);
    peer_close(p);
    fixture_free(f);
}

static void tokens_hosts_and_tls_change_at_once(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    fixture_start(f);
    struct error e;
    struct peer_socket *p = peer_open(f, 0);
    const char *request = "GET /metrics HTTP/1.1\r\nHost: new.example\r\n\r\n";
    peer_say(p, request);
    assert_int_equal(peer_await(p, 1), 1);
    assert_int_equal(peer_status(p, 0), 421);
    f->hosts[0] = "new.example";
    f->agent.hosts.n = 1;
    assert_int_equal(http_configure(f->http, &f->agent, &e), 0);
    peer_say(p, request);
    assert_int_equal(peer_await(p, 2), 2);
    assert_int_equal(peer_status(p, 1), 200);
    fixture_add_tokens(f);
    fixture_use_tls(f);
    assert_int_equal(http_configure(f->http, &f->agent, &e), 0);
    peer_say(p, request);
    assert_int_equal(peer_await(p, 3), 3);
    assert_int_equal(peer_status(p, 2), 401);
    peer_close(p);
    p = peer_open_tls(f, 0, TLS1_3_VERSION);
    peer_say(p, request);
    assert_int_equal(peer_await(p, 1), 1);
    peer_close(p);
    fixture_free(f);
}

/* ---- The end ---- */

static void note(void *ctx)
{
    ++*(int *)ctx;
}

static bool is_noted(void *data)
{
    return *(int *)data > 0;
}

static void drain_ends_at_once_when_nothing_is_under_way(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    fixture_start(f);
    struct peer_socket *idle = peer_open(f, 0);
    peer_say(idle, HEALTHY);
    peer_await(idle, 1);
    int done = 0;
    http_drain(f->http, 60 * SECOND, note, &done);
    assert_int_equal(done, 0);
    assert_true(fixture_until(f, is_noted, &done));
    assert_true(peer_await_close(idle));
    peer_close(idle);
    fixture_run(f, 5);
    assert_int_equal(done, 1);
    fixture_free(f);
}

static void drain_waits_for_answers(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    fixture_start(f);
    struct peer_socket *p = peer_open(f, 0);
    peer_say(p, "GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_true(fixture_until(f, is_held, f));
    int done = 0;
    http_drain(f->http, 60 * SECOND, note, &done);
    fixture_run(f, 30);
    assert_int_equal(done, 0);
    exchange_text(f->held, 200, "text/plain", "late", 4);
    assert_true(fixture_until(f, is_noted, &done));
    assert_true(peer_await_close(p));
    assert_int_equal(peer_status(p, 0), 200);
    assert_non_null(strstr(peer_answer(p, 0), "Connection: close\r\n"));
    peer_close(p);
    fixture_free(f);
}

static void drain_does_not_wait_for_ever(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    fixture_start(f);
    struct peer_socket *p = peer_open(f, 0), *half = peer_open(f, 0);
    peer_say(half, "GET /x HTT");
    peer_say(p, "GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_true(fixture_until(f, is_held, f));
    int done = 0;
    http_drain(f->http, 30, note, &done);
    assert_true(fixture_until(f, is_noted, &done));
    assert_true(has_no_connections(f));
    assert_true(peer_await_close(p));
    assert_true(peer_await_close(half));
    exchange_text(f->held, 200, "text/plain", "too late", 8);
    peer_close(p);
    peer_close(half);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_the_ones_really_bound),
        cmocka_unit_test(addresses_that_are_none_are_told),
        cmocka_unit_test(open_to_others_needs_tokens_and_tls),
        cmocka_unit_test(taken_addresses_are_told),
        cmocka_unit_test(tls_files_that_are_none_are_told),
        cmocka_unit_test(tokens_without_a_role_are_told),
        cmocka_unit_test(unix_socket_may_all_and_is_for_the_group),
        cmocka_unit_test(peers_of_a_unix_socket_are_not_counted_each),
        cmocka_unit_test(stale_socket_files_are_removed_and_no_others),
        cmocka_unit_test(socket_of_a_successor_is_left_alone),
        cmocka_unit_test(new_configuration_is_all_or_nothing),
        cmocka_unit_test(listeners_come_and_go_with_the_configuration),
        cmocka_unit_test(tokens_hosts_and_tls_change_at_once),
        cmocka_unit_test(drain_ends_at_once_when_nothing_is_under_way),
        cmocka_unit_test(drain_waits_for_answers),
        cmocka_unit_test(drain_does_not_wait_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
