/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../tests/plugins/mock_host.h"
#include "report.h"

extern const struct belfry_plugin heartbeat_LTX_belfry_plugin;
static const struct belfry_plugin *const heartbeat = &heartbeat_LTX_belfry_plugin;

#define OPTIONS(...)                                                                                                   \
    (const struct belfry_pair[])                                                                                       \
    {                                                                                                                  \
        __VA_ARGS__,                                                                                                   \
        {                                                                                                              \
            0                                                                                                          \
        }                                                                                                              \
    }
#define ANY_PORT                                                                                                       \
    {                                                                                                                  \
        "listen", "udp://127.0.0.1:0"                                                                                  \
    }

static struct mock_host *started(const struct belfry_pair *options)
{
    struct mock_host *mock = mock_open(heartbeat, options);
    if (mock_start(mock))
        fail_msg("%s: %s", mock->error_option, mock->error.text);
    return mock;
}

static size_t warnings(const struct mock_host *mock)
{
    size_t n = 0;
    for (size_t i = 0; i < mock->n_logs; i++)
        n += mock->logs[i][0] <= '0' + BELFRY_LOG_WARNING;
    return n;
}

static void over(struct mock_host *mock)
{
    mock_stop(mock);
    mock_close(mock);
}

/* To the first watched socket, from a socket of the same family. */
static void send_bytes(const struct mock_host *mock, const void *bytes, size_t size)
{
    struct sockaddr_storage to;
    socklen_t length = sizeof to;
    assert_int_equal(getsockname(mock->watches[0].fd, (struct sockaddr *)&to, &length), 0);
    int fd = socket(to.ss_family, SOCK_DGRAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(sendto(fd, bytes, size, 0, (struct sockaddr *)&to, length), size);
    close(fd);
}

static void send_text(const struct mock_host *mock, const char *text)
{
    send_bytes(mock, text, strlen(text));
}

#define SEED "{\"job_id\": \"j-1\", \"status\": \"running\", \"timestamp\": 1700000000, \"heartbeat\": true}"

static void assert_data(const struct mock_event *event, const char *member)
{
    if (!strstr(event->data, member))
        fail_msg("no %s in %s", member, event->data);
}

static void tells_of_a_heartbeat(void **state)
{
    (void)state;
    struct mock_host *mock = started(OPTIONS(ANY_PORT));
    send_text(mock, SEED);
    assert_true(mock_pump(mock));
    assert_int_equal(mock->n_events, 1);
    const struct mock_event *event = &mock->events[0];
    assert_string_equal(event->type, "job.heartbeat");
    assert_string_equal(event->subject, "j-1");
    assert_int_equal(event->time, 1700000000000);
    assert_data(event, "\"job_id\":\"j-1\"");
    assert_data(event, "\"status\":\"running\"");
    assert_data(event, "\"heartbeat\":true");
    assert_data(event, "\"timeout\":15.000");
    assert_data(event, "\"create\":true");
    assert_data(event, "\"node_ip\":\"127.0.0.1\"");
    assert_null(strstr(event->data, "exit_code"));
    assert_int_equal(warnings(mock), 0);
    over(mock);
}

static void tells_of_an_end(void **state)
{
    (void)state;
    struct mock_host *mock = started(OPTIONS(ANY_PORT, {"create", "false"}, {"timeout", "1500ms"}));
    send_text(
        mock,
        "{\"job_id\":\"j\",\"status\":\"success\",\"heartbeat\":true,\"node_ip\":\"n\",\"start_time\":1700000000.5,"
        "\"message\":\"a\\n\\\"b\\\"\\u0001\",\"rid\":\"01234567-89ab-cdef-0123-456789abcdef\"}");
    send_text(mock, "backup/3\nboom");
    assert_true(mock_pump(mock));
    assert_int_equal(mock->n_events, 2);
    const struct mock_event *event = &mock->events[0];
    assert_string_equal(event->type, "job.report"); /* the last word of a job is no heartbeat */
    assert_int_equal(event->time, 0);
    assert_data(event, "\"heartbeat\":false");
    assert_data(event, "\"create\":false");
    assert_data(event, "\"node_ip\":\"n\"");
    assert_data(event, "\"start_time\":1700000000.500");
    assert_data(event, "\"message\":\"a\\u000a\\\"b\\\"\\u0001\"");
    assert_data(event, "\"rid\":\"01234567-89ab-cdef-0123-456789abcdef\"");
    assert_null(strstr(event->data, "timeout"));
    assert_data(&mock->events[1], "\"exit_code\":3");
    assert_data(&mock->events[1], "\"status\":\"failed\"");
    assert_data(&mock->events[1], "\"message\":\"boom\"");
    over(mock);
}

static void a_fast_clock_is_not_believed(void **state)
{
    (void)state;
    struct mock_host *mock = started(OPTIONS(ANY_PORT));
    static const struct {
        int64_t seconds, time;
    } cases[] = {
        {1700000000 - 86400, 1699913600000}, /* late, but true */
        {1700000300, 1700000300000},
        {1700000301, 1700000000000},
    };
    for (size_t i = 0; i < 3; i++) {
        char text[128];
        snprintf(text, sizeof text, "{\"job_id\":\"j\",\"status\":\"log\",\"timestamp\":%lld}",
                 (long long)cases[i].seconds);
        send_text(mock, text);
        assert_true(mock_pump(mock));
        assert_int_equal(mock->events[i].time, cases[i].time);
    }
    assert_int_equal(warnings(mock), 1);
    assert_non_null(mock_log(mock, "127.0.0.1: timestamp"));
    over(mock);
}

static void nonsense_is_counted_and_told_now_and_then(void **state)
{
    (void)state;
    struct mock_host *mock = started(OPTIONS(ANY_PORT));
    unsigned char bytes[256];
    for (size_t i = 0; i < 20; i++) {
        for (size_t k = 0; k < sizeof bytes; k++)
            bytes[k] = (unsigned char)(i * 37 + k * 11);
        send_bytes(mock, bytes, sizeof bytes);
        assert_true(mock_pump(mock));
    }
    send_bytes(mock, "", 0);
    assert_true(mock_pump(mock));
    assert_int_equal(mock->n_events, 0);
    assert_int_equal(warnings(mock), 1);
    assert_non_null(mock_log(mock, "127.0.0.1"));
    mock_advance(mock, 10000);
    send_text(mock, "{}");
    assert_true(mock_pump(mock));
    assert_int_equal(warnings(mock), 2);
    assert_non_null(mock_log(mock, "job_id is missing (21 such"));
    over(mock);
}

static void a_flood_does_not_hold_the_loop(void **state)
{
    (void)state;
    struct mock_host *mock = started(OPTIONS(ANY_PORT));
    for (size_t i = 0; i < 70; i++)
        send_text(mock, "x y");
    send_text(mock, "backup");
    assert_true(mock_pump(mock));
    assert_int_equal(mock->n_events, 0); /* the rest is left for the next turn */
    assert_true(mock_pump(mock));
    assert_int_equal(mock->n_events, 1);
    over(mock);
}

static void what_is_too_large_is_refused_whole(void **state)
{
    (void)state;
    struct mock_host *mock = started(OPTIONS(ANY_PORT));
    char bytes[REPORT_MOST + 1];
    memset(bytes, 'x', sizeof bytes);
    memcpy(bytes, "b\n", 2);
    send_bytes(mock, bytes, REPORT_MOST + 1);
    send_bytes(mock, bytes, REPORT_MOST);
    assert_true(mock_pump(mock));
    assert_int_equal(mock->n_events, 1);
    assert_non_null(mock_log(mock, "8 KiB"));
    over(mock);
}

static void a_lost_report_is_told(void **state)
{
    (void)state;
    struct mock_host *mock = started(OPTIONS(ANY_PORT));
    send_text(mock, SEED);
    assert_true(mock_pump(mock));
    mock_commit(mock, 0, -1);
    assert_non_null(mock_log(mock, "lost"));
    mock_advance(mock, 10000);
    mock->refuse_events = true;
    send_text(mock, SEED);
    assert_true(mock_pump(mock));
    assert_non_null(mock_log(mock, "the store is full"));
    over(mock);
}

static void a_token_is_demanded(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t events;
    } cases[] = {
        {"{\"job_id\":\"j\",\"status\":\"log\",\"token\":\"s3cret\"}", 1},
        {"{\"job_id\":\"j\",\"status\":\"log\",\"token\":\"s3creT\"}", 0},
        {"{\"job_id\":\"j\",\"status\":\"log\",\"token\":\"s3cre\"}", 0},
        {"{\"job_id\":\"j\",\"status\":\"log\",\"token\":\"s3crets3cret\"}", 0},
        {"{\"job_id\":\"j\",\"status\":\"log\",\"token\":\"\"}", 0},
        {"{\"job_id\":\"j\",\"status\":\"log\"}", 0},
        {"backup", 0},
    };
    struct mock_host *mock = started(OPTIONS(ANY_PORT, {"token", "s3cret"}));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mock->n_events = 0;
        send_text(mock, cases[i].text);
        assert_true(mock_pump(mock));
        assert_int_equal(mock->n_events, cases[i].events);
    }
    assert_null(mock_log(mock, "s3cret"));
    const char *wrong = cases[1].text;
    mock_hook(mock, "POST", wrong, strlen(wrong));
    assert_int_equal(mock->hook.status, 401);
    over(mock);
}

/* ---- HTTP ---- */

static void http_waits_for_the_disk(void **state)
{
    (void)state;
    struct mock_host *mock = started(OPTIONS(ANY_PORT));
    mock_hook(mock, "POST", SEED, strlen(SEED));
    assert_int_equal(mock->hook.status, 0);
    assert_data(&mock->events[0], "\"node_ip\":\"192.0.2.7\"");
    mock_commit(mock, 0, 0);
    assert_int_equal(mock->hook.status, 200);
    assert_string_equal(mock->hook.body, "{\"accepted\":1}");
    assert_string_equal(mock->hook.content_type, "application/json");

    mock_hook(mock, "POST", SEED, strlen(SEED));
    mock_commit(mock, 1, -1);
    assert_int_equal(mock->hook.status, 503);

    mock->refuse_events = true;
    mock_hook(mock, "POST", SEED, strlen(SEED));
    assert_int_equal(mock->hook.status, 503);
    assert_non_null(strstr(mock->hook.body, "the store is full"));

    mock->refuse_for_good = true;
    mock_hook(mock, "POST", SEED, strlen(SEED));
    assert_int_equal(mock->hook.status, 400);
    assert_non_null(strstr(mock->hook.body, "unknown job"));
    over(mock);
}

static void http_says_what_is_wrong(void **state)
{
    (void)state;
    struct mock_host *mock = started(OPTIONS(ANY_PORT));
    static const char bad[] = "{\"job_id\":\"j\",\"status\":\"done\"}";
    mock_hook(mock, "POST", bad, strlen(bad));
    assert_int_equal(mock->hook.status, 400);
    assert_non_null(strstr(mock->hook.body, "\"field\":\"status\""));
    assert_non_null(strstr(mock->hook.body, "\"error\":\"must be running"));
    mock_hook(mock, "POST", "backup", 6); /* pings have /ping/ of their own */
    assert_int_equal(mock->hook.status, 400);
    mock_hook(mock, "GET", "", 0);
    assert_int_equal(mock->hook.status, 405);
    assert_int_equal(mock->n_events, 0);
    over(mock);
}

static void what_waits_ends_with_the_source(void **state)
{
    (void)state;
    struct mock_host *mock = started(OPTIONS(ANY_PORT));
    for (size_t i = 0; i < 3; i++)
        mock_hook(mock, "POST", SEED, strlen(SEED));
    mock_commit(mock, 1, 0); /* from the middle of the line */
    over(mock);              /* and the sanitizer counts what is left */
}

/* ---- Sockets ---- */

struct folder {
    char path[64], option[128], socket[100];
};

static void make_folder(struct folder *folder)
{
    strcpy(folder->path, "/tmp/belfry-heartbeat-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    snprintf(folder->socket, sizeof folder->socket, "%s/hb.sock", folder->path);
    snprintf(folder->option, sizeof folder->option, "unix:%s", folder->socket);
}

static void remove_folder(const struct folder *folder)
{
    unlink(folder->socket);
    assert_int_equal(rmdir(folder->path), 0);
}

static void a_unix_socket_comes_and_goes(void **state)
{
    (void)state;
    struct folder folder;
    struct stat file;
    make_folder(&folder);
    struct mock_host *mock = started(OPTIONS({"listen", folder.option}));
    assert_int_equal(stat(folder.socket, &file), 0);
    assert_int_equal(file.st_mode & 0777, 0660);
    send_text(mock, "backup");
    assert_true(mock_pump(mock));
    assert_string_equal(mock->events[0].subject, "backup");
    assert_null(strstr(mock->events[0].data, "node_ip"));
    mock_stop(mock);
    assert_int_equal(stat(folder.socket, &file), -1);
    assert_int_equal(mock_start(mock), 0); /* and comes again */
    assert_int_equal(stat(folder.socket, &file), 0);
    over(mock);
    remove_folder(&folder);
}

static int bound_socket(const char *path, int type)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, type, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void only_a_stale_file_is_replaced(void **state)
{
    (void)state;
    struct folder folder;
    struct stat file;
    make_folder(&folder);
    int other = bound_socket(folder.socket, SOCK_DGRAM);
    struct mock_host *mock = mock_open(heartbeat, OPTIONS({"listen", folder.option}));
    assert_int_equal(mock_start(mock), -1);
    assert_string_equal(mock->error_option, "listen");
    assert_int_equal(stat(folder.socket, &file), 0); /* it is another's */
    close(other);
    assert_int_equal(mock_start(mock), 0);

    unlink(folder.socket); /* somebody else took the place meanwhile */
    other = bound_socket(folder.socket, SOCK_DGRAM);
    over(mock);
    assert_int_equal(stat(folder.socket, &file), 0);
    close(other);
    unlink(folder.socket);

    other = bound_socket(folder.socket, SOCK_STREAM); /* of another kind, but in use */
    mock = mock_open(heartbeat, OPTIONS({"listen", folder.option}));
    assert_int_equal(mock_start(mock), -1);
    assert_int_equal(stat(folder.socket, &file), 0);
    mock_close(mock);
    close(other);
    unlink(folder.socket);

    FILE *plain = fopen(folder.socket, "w");
    fclose(plain);
    mock = mock_open(heartbeat, OPTIONS({"listen", folder.option}));
    assert_int_equal(mock_start(mock), -1);
    assert_int_equal(stat(folder.socket, &file), 0);
    mock_close(mock);
    remove_folder(&folder);
}

static void listens_on_several(void **state)
{
    (void)state;
    struct mock_host *mock = started(OPTIONS({"listen", "udp://127.0.0.1:0\nudp://[::1]:0"}));
    assert_int_equal(mock->n_watches, 2);
    struct sockaddr_in6 to;
    socklen_t length = sizeof to;
    char line[80];
    assert_int_equal(getsockname(mock->watches[1].fd, (struct sockaddr *)&to, &length), 0);
    snprintf(line, sizeof line, "6 listening on udp://[::1]:%d", ntohs(to.sin6_port));
    assert_string_equal(mock->logs[1], line);
    int fd = socket(AF_INET6, SOCK_DGRAM, 0);
    assert_int_equal(sendto(fd, "b", 1, 0, (struct sockaddr *)&to, length), 1);
    close(fd);
    assert_true(mock_pump(mock));
    assert_data(&mock->events[0], "\"node_ip\":\"::1\"");
    over(mock);
}

static void one_that_fails_takes_the_others_back(void **state)
{
    (void)state;
    struct mock_host *first = started(OPTIONS(ANY_PORT));
    struct sockaddr_in taken;
    socklen_t length = sizeof taken;
    assert_int_equal(getsockname(first->watches[0].fd, (struct sockaddr *)&taken, &length), 0);
    char listen[128];
    snprintf(listen, sizeof listen, "udp://127.0.0.1:0\nudp://127.0.0.1:%d", ntohs(taken.sin_port));
    struct mock_host *second = mock_open(heartbeat, OPTIONS({"listen", listen}));
    assert_int_equal(mock_start(second), -1);
    assert_string_equal(second->error_option, "listen");
    assert_non_null(strstr(second->error.text, "in use"));
    assert_false(second->watches[0].active);
    mock_close(second);
    over(first);
}

static void warns_of_an_open_door(void **state)
{
    (void)state;
    struct mock_host *mock = started(OPTIONS({"listen", "udp://0.0.0.0:0"}));
    assert_non_null(mock_log(mock, "without a token"));
    over(mock);
    mock = started(OPTIONS({"listen", "udp://0.0.0.0:0"}, {"token", "t"}));
    assert_int_equal(warnings(mock), 0);
    over(mock);
}

static void needs_no_options(void **state)
{
    (void)state;
    mock_close(mock_open(heartbeat, (const struct belfry_pair[]){{0}})); /* not started: its port is a fixed one */
}

static void refuses_bad_options(void **state)
{
    (void)state;
    static const char *const bad[] = {"127.0.0.1:8125",  "tcp://127.0.0.1:1", "udp://localhost:8125",
                                      "udp://127.0.0.1", "udp://127.0.0.1:",  "udp://127.0.0.1:99999",
                                      "udp://:8125",     "udp://::1",         "udp://[::1]",
                                      "udp://[:1",       "unix:relative",     "unix:"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        mock_expect_refusal(heartbeat, OPTIONS({"listen", bad[i]}), "listen", "");
    char path[200] = "unix:/";
    memset(path + 6, 'x', 150);
    mock_expect_refusal(heartbeat, OPTIONS({"listen", path}), "listen", "shorter");
    mock_expect_refusal(heartbeat, OPTIONS({"timeout", "0s"}), "timeout", "longer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_of_a_heartbeat),
        cmocka_unit_test(tells_of_an_end),
        cmocka_unit_test(a_fast_clock_is_not_believed),
        cmocka_unit_test(nonsense_is_counted_and_told_now_and_then),
        cmocka_unit_test(a_flood_does_not_hold_the_loop),
        cmocka_unit_test(what_is_too_large_is_refused_whole),
        cmocka_unit_test(a_lost_report_is_told),
        cmocka_unit_test(a_token_is_demanded),
        cmocka_unit_test(http_waits_for_the_disk),
        cmocka_unit_test(http_says_what_is_wrong),
        cmocka_unit_test(what_waits_ends_with_the_source),
        cmocka_unit_test(a_unix_socket_comes_and_goes),
        cmocka_unit_test(only_a_stale_file_is_replaced),
        cmocka_unit_test(listens_on_several),
        cmocka_unit_test(one_that_fails_takes_the_others_back),
        cmocka_unit_test(warns_of_an_open_door),
        cmocka_unit_test(needs_no_options),
        cmocka_unit_test(refuses_bad_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
