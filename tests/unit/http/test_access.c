/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what, under which name, from which page: roles, Host, Origin, prefix, routes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "server_fixture.h"

/* One request with further fields. */
static int ask_with(struct fixture *f, const char *line, const char *fields)
{
    AUTOFREE char *request = x_printf("%s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", line, fields);
    return ask(f, request, NULL);
}

static int ask_as(struct fixture *f, const char *line, const char *token)
{
    AUTOFREE char *fields = token ? x_printf("Authorization: Bearer %s\r\n", token) : x_strdup("");
    return ask_with(f, line, fields);
}

static struct fixture *start_with_tokens(void)
{
    struct fixture *f = fixture_new();
    fixture_add_tokens(f);
    fixture_start(f);
    return f;
}

/* ---- Roles ---- */

static void roles_allow_what_they_say(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int none, view, ingest, operate, admin;
    } rows[] = {
        {"GET /-/healthy", 204, 204, 204, 204, 204},  {"POST /ping/key", 200, 200, 200, 200, 200},
        {"GET /metrics", 401, 200, 403, 200, 200},    {"HEAD /metrics", 401, 200, 403, 200, 200},
        {"GET /api/jobs/a", 401, 200, 403, 200, 200}, {"POST /api/events", 401, 403, 200, 200, 200},
        {"POST /hooks/a", 401, 403, 200, 200, 200},   {"POST /api/jobs/a/runs/b", 401, 403, 403, 200, 200},
        {"POST /reload", 401, 403, 403, 403, 200},
    };
    struct fixture *f = start_with_tokens();
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(ask_as(f, rows[i].line, NULL), rows[i].none);
        assert_int_equal(ask_as(f, rows[i].line, "view-token"), rows[i].view);
        assert_int_equal(ask_as(f, rows[i].line, "ingest-token"), rows[i].ingest);
        assert_int_equal(ask_as(f, rows[i].line, "operate-token"), rows[i].operate);
        assert_int_equal(ask_as(f, rows[i].line, "admin-token"), rows[i].admin);
    }
    fixture_free(f);
}

static void without_tokens_loopback_may_all(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    fixture_start(f);
    assert_int_equal(ask_as(f, "POST /reload", NULL), 200);
    assert_int_equal(ask_as(f, "POST /reload", "whatever"), 200);
    fixture_free(f);
}

static void who_called_is_known(void **state)
{
    (void)state;
    struct fixture *f = start_with_tokens();
    char *text;
    ask(f, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: bearer  operate-token\r\n\r\n", &text);
    assert_non_null(strstr(text, "\"token\":\"o\""));
    assert_non_null(strstr(text, "\"roles\":7"));
    free(text);
    ask(f, "GET /ping/x HTTP/1.1\r\nHost: localhost\r\n\r\n", &text);
    assert_null(strstr(text, "\"token\""));
    assert_non_null(strstr(text, "\"roles\":0"));
    free(text);
    fixture_free(f);
}

static void only_the_whole_token_counts(void **state)
{
    (void)state;
    static const struct {
        const char *fields;
        int status;
    } rows[] = {
        {"Authorization: Bearer view-toke\r\n", 401},
        {"Authorization: Bearer view-tokenx\r\n", 401},
        {"Authorization: Bearer View-token\r\n", 401},
        {"Authorization: Bearer \r\n", 401},
        {"Authorization: Bearer\r\n", 401},
        {"Authorization: Basic view-token\r\n", 401},
        {"Authorization: view-token\r\n", 401},
        {"Authorization: Bearer view-token x\r\n", 401},
        {"Authorization: Bearer \"view-token\"\r\n", 401},
        {"Cookie: token=view-token\r\n", 401},
        {"Authorization: Bearer view-token \t\r\n", 200},
    };
    struct fixture *f = start_with_tokens();
    for (size_t i = 0; i < COUNT(rows); i++) {
        loop_set_virtual(f->loop, (int64_t)i * HOUR);
        loop_advance(f->loop, HOUR);
        assert_int_equal(ask_with(f, "GET /metrics", rows[i].fields), rows[i].status);
    }
    static const char nul[] = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer view-token\0\r\n\r\n";
    struct peer_socket *p = peer_open(f, 0);
    peer_send(p, nul, sizeof nul - 1);
    assert_int_equal(peer_await(p, 1), 1);
    assert_int_equal(peer_status(p, 0), 400);
    peer_close(p);
    char *text;
    assert_int_equal(ask(f, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", &text), 401);
    assert_non_null(strstr(text, "WWW-Authenticate: Bearer realm=\"belfry\"\r\n"));
    free(text);
    fixture_free(f);
}

static void guessing_tokens_is_slowed_down(void **state)
{
    (void)state;
    struct fixture *f = start_with_tokens();
    loop_set_virtual(f->loop, DAY);
    /* Where no token is needed, a bad one is not held against anyone. */
    for (int i = 0; i < 12; i++)
        assert_int_equal(ask_as(f, "GET /-/healthy", "wrong"), 204);
    for (int i = 0; i < 10; i++)
        assert_int_equal(ask_as(f, "GET /metrics", "wrong"), 401);
    char *text;
    assert_int_equal(ask(f, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer wrong\r\n\r\n", &text),
                     429);
    assert_non_null(strstr(text, "Retry-After: 60\r\n"));
    free(text);
    /* Nor does it tell which was right. */
    assert_int_equal(ask_as(f, "GET /metrics", "view-token"), 429);
    assert_int_equal(ask_as(f, "GET /metrics", NULL), 401);
    assert_int_equal(ask_as(f, "GET /-/healthy", "wrong"), 204);
    loop_advance(f->loop, MINUTE - 1);
    assert_int_equal(ask_as(f, "GET /metrics", "view-token"), 429);
    loop_advance(f->loop, 1);
    assert_int_equal(ask_as(f, "GET /metrics", "view-token"), 200);
    assert_true(fixture_stats(f).unauthorized >= 14);
    fixture_free(f);
}

/* ---- Host ---- */

static int ask_host(struct fixture *f, const char *host)
{
    AUTOFREE char *request = x_printf("GET /x HTTP/1.1\r\nHost: %s\r\n\r\n", host);
    return ask(f, request, NULL);
}

static void only_our_names_are_answered(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    f->hosts[0] = "Alias.example";
    f->hosts[1] = "ported.example:8443";
    f->agent.hosts.n = 2;
    f->agent.external_url = "https://Belfry.example.com:9000";
    fixture_start(f);
    static const struct {
        const char *host;
        int status;
    } rows[] = {
        {"localhost", 200},
        {"LOCALHOST:8080", 200},
        {"127.0.0.1", 200},
        {"127.0.0.1:80", 200},
        {"[::1]:80", 200},
        {"alias.example", 200},
        {"alias.example:1", 200},
        {"ALIAS.example", 200},
        {"ported.example:8443", 200},
        {"ported.example", 421},
        {"ported.example:80", 421},
        {"belfry.example.com", 200},
        {"belfry.example.com:9000", 200},
        {"evil.example", 421},
        {"localhost.evil.example", 421},
        {"alias.example.evil", 421},
        {"127.0.0.2", 421},
        {"10.0.0.1", 421},
        {"xlocalhost", 421},
        {"[::2]", 421},
        {"localhos", 421},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        if (ask_host(f, rows[i].host) != rows[i].status)
            fail_msg("Host %s is not %d", rows[i].host, rows[i].status);
    assert_int_equal(ask(f, "GET http://evil.example/x HTTP/1.1\r\nHost: evil.example\r\n\r\n", NULL), 421);
    assert_int_equal(ask(f, "GET /x HTTP/1.0\r\n\r\n", NULL), 200);
    fixture_free(f);
}

/* ---- Pages of others ---- */

static void pages_of_others_change_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *line, *origin;
        int status;
    } rows[] = {
        {"POST /reload", "http://localhost", 200},
        {"POST /reload", "https://LOCALHOST", 200},
        {"POST /reload", "https://belfry.example.com", 200},
        {"POST /reload", "http://belfry.example.com", 403},
        {"POST /reload", "http://localhost:81", 403},
        {"POST /reload", "https://evil.example", 403},
        {"POST /reload", "http://localhost.evil.example", 403},
        {"POST /reload", "null", 403},
        {"POST /reload", "", 403},
        {"POST /reload", "localhost", 403},
        {"POST /reload", "ftp://localhost", 403},
        {"PUT /x", "https://evil.example", 403},
        {"DELETE /x", "https://evil.example", 403},
        {"POST /ping/key", "https://evil.example", 403},
        {"GET /x", "https://evil.example", 200},
        {"HEAD /x", "https://evil.example", 200},
    };
    struct fixture *f = fixture_new();
    f->agent.external_url = "https://belfry.example.com/";
    fixture_start(f);
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTOFREE char *fields = x_printf("Origin: %s\r\n", rows[i].origin);
        if (ask_with(f, rows[i].line, fields) != rows[i].status)
            fail_msg("%s from %s is not %d", rows[i].line, rows[i].origin, rows[i].status);
    }
    char *text;
    ask(f, "GET /x HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n\r\n", &text);
    assert_null(strstr(text, "Access-Control"));
    free(text);
    fixture_free(f);
}

static int post_as(struct fixture *f, const char *path, const char *type)
{
    AUTOFREE char *request =
        x_printf("POST %s HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: 2\r\n\r\n{}", path, type);
    return ask(f, request, NULL);
}

static void bodies_of_the_api_are_json(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    fixture_start(f);
    assert_int_equal(post_as(f, "/api/events", "Content-Type: application/json\r\n"), 200);
    assert_int_equal(post_as(f, "/api/events", "Content-Type: Application/JSON; charset=utf-8\r\n"), 200);
    assert_int_equal(post_as(f, "/api/events", "Content-Type: application/cloudevents+json\r\n"), 200);
    assert_int_equal(post_as(f, "/api/events", "Content-Type: text/plain\r\n"), 415);
    assert_int_equal(post_as(f, "/api/events", "Content-Type: application/x-www-form-urlencoded\r\n"), 415);
    assert_int_equal(post_as(f, "/api/events", "Content-Type: text/plain; x=application/json\r\n"), 415);
    assert_int_equal(post_as(f, "/api/events", ""), 415);
    assert_int_equal(post_as(f, "/ping/key", "Content-Type: text/plain\r\n"), 200);
    assert_int_equal(post_as(f, "/hooks/a", ""), 200);
    assert_int_equal(ask_with(f, "POST /api/jobs/a/runs/b", ""), 200);
    fixture_free(f);
}

/* ---- Routes ---- */

static void methods_and_paths_that_are_not_there(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    fixture_start(f);
    char *text;
    assert_int_equal(ask(f, "PATCH /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", &text), 405);
    assert_non_null(strstr(text, "Allow: GET, HEAD, POST, PUT, DELETE\r\n")); /* /metrics and / ** */
    free(text);
    assert_int_equal(ask(f, "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", &text), 204);
    assert_non_null(strstr(text, "Allow: "));
    free(text);
    fixture_free(f);
}

static void patterns_match_whole_segments(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *path;
        bool matches;
        const char *wild0, *wild1;
    } rows[] = {
        {"/", "/", true, NULL, NULL},
        {"/", "/a", false, NULL, NULL},
        {"/a/b", "/a/b", true, NULL, NULL},
        {"/a/b", "/a/b/", false, NULL, NULL},
        {"/a/b", "/a", false, NULL, NULL},
        {"/a/b", "/a/bc", false, NULL, NULL},
        {"/a/b", "/%61/b", true, NULL, NULL},
        {"/a/b", "/a%2Fb", false, NULL, NULL},
        {"/a/b", "//a/b", false, NULL, NULL},
        {"/a/*", "/a/x", true, "x", NULL},
        {"/a/*", "/a/x%2Fy%20z", true, "x/y z", NULL},
        {"/a/*", "/a/", false, NULL, NULL},
        {"/a/*", "/a", false, NULL, NULL},
        {"/a/*/c/*", "/a/b/c/d", true, "b", "d"},
        {"/a/*/c/*", "/a/b/x/d", false, NULL, NULL},
        {"/a/**", "/a/x/y", true, "x/y", NULL},
        {"/a/**", "/a/", true, "", NULL},
        {"/a/**", "/a", true, "", NULL},
        {"/a/**", "/ab", false, NULL, NULL},
        {"/a/*/**", "/a/x/y/z", true, "x", "y/z"},
    };
    struct arena *arena = arena_new();
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *wild[4] = {0};
        bool matches = route_matches(rows[i].pattern, rows[i].path, arena, wild);
        if (matches != rows[i].matches ||
            (matches && (!text_equal(wild[0], rows[i].wild0) || !text_equal(wild[1], rows[i].wild1))))
            fail_msg("%s and %s: %d %s %s", rows[i].pattern, rows[i].path, matches, wild[0], wild[1]);
    }
    arena_free(arena);
}

static void prefix_of_the_url_is_taken_off(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    f->agent.external_url = "http://localhost/tools/belfry/";
    fixture_start(f);
    char *text;
    assert_int_equal(ask(f, "GET /tools/belfry/api/jobs/a%2Fb HTTP/1.1\r\nHost: localhost\r\n\r\n", &text), 200);
    assert_non_null(strstr(text, "\"path\":\"/api/jobs/a/b\""));
    assert_non_null(strstr(text, "\"wild0\":\"a/b\""));
    free(text);
    assert_int_equal(ask_with(f, "GET /tools/belfry/-/healthy", ""), 204);
    assert_int_equal(ask_with(f, "GET /tools/belfry", ""), 200);
    assert_int_equal(ask_with(f, "GET /tools/belfryx", ""), 404);
    assert_int_equal(ask_with(f, "GET /-/healthy", ""), 404);
    assert_int_equal(ask_with(f, "GET /", ""), 404);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roles_allow_what_they_say),
        cmocka_unit_test(without_tokens_loopback_may_all),
        cmocka_unit_test(who_called_is_known),
        cmocka_unit_test(only_the_whole_token_counts),
        cmocka_unit_test(guessing_tokens_is_slowed_down),
        cmocka_unit_test(only_our_names_are_answered),
        cmocka_unit_test(pages_of_others_change_nothing),
        cmocka_unit_test(bodies_of_the_api_are_json),
        cmocka_unit_test(methods_and_paths_that_are_not_there),
        cmocka_unit_test(patterns_match_whole_segments),
        cmocka_unit_test(prefix_of_the_url_is_taken_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
