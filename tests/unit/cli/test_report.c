/* SPDX-License-Identifier: Apache-2.0 */
/* The client and the reports, against a server that answers as the test says. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/client.h"
#include "cli/report.h"

enum { MOST_REQUESTS = 8 };

/* The i-th request gets the i-th answer, the last one again and again; null: the connection is closed without one. */
struct server {
    int fd;
    pthread_t thread;
    const char *const *answers;
    char *requests[MOST_REQUESTS];
    size_t n;
};

static char *read_request(int fd)
{
    AUTOBUF text = {0};
    char chunk[4096];
    ssize_t n;
    while ((n = read(fd, chunk, sizeof chunk)) > 0) {
        buf_add(&text, chunk, (size_t)n);
        const char *end = strstr(text.data, "\r\n\r\n"), *length = strstr(text.data, "Content-Length: ");
        size_t body = length ? strtoul(length + strlen("Content-Length: "), NULL, 10) : 0;
        if (end && text.len >= (size_t)(end + 4 - text.data) + body)
            break;
    }
    return buf_take(&text);
}

static void *serve(void *ctx)
{
    struct server *server = ctx;
    const char *const *answer = server->answers;
    int fd;
    while (server->n < MOST_REQUESTS && (fd = accept(server->fd, NULL, NULL)) >= 0) {
        server->requests[server->n++] = read_request(fd);
        if (*answer && write(fd, *answer, strlen(*answer)) < 0)
            abort();
        close(fd);
        if (answer[1])
            answer++;
    }
    return NULL;
}

static void start(struct server *server, int fd, const char *const *answers)
{
    *server = (struct server){.fd = fd, .answers = answers};
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

/* Returns the URL. */
static char *start_tcp(struct server *server, const char *const *answers)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    getsockname(fd, (struct sockaddr *)&address, &size);
    start(server, fd, answers);
    return x_printf("http://127.0.0.1:%d", ntohs(address.sin_port));
}

static void stop(struct server *server)
{
    shutdown(server->fd, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->fd);
    for (size_t i = 0; i < server->n; i++)
        free(server->requests[i]);
}

#define ANSWER(status, headers, body) "HTTP/1.1 " status "\r\nConnection: close\r\n" headers "\r\n" body
static const char *const taken = ANSWER("200 OK", "", "{\"accepted\":1}");
static const char *const busy = ANSWER("503 Busy", "", "{\"error\":\"the disk is full\"}");

/* Send a report of job `backup` there; the outcome is in `e`. */
static int send_to(const char *agent, const char *token_file, int64_t patience, struct error *e)
{
    const struct client_options options = {.agent = agent, .token_file = token_file};
    AUTOCLIENT *client = NULL;
    int status = client_open(&options, &client, e);
    if (status)
        return status;
    AUTOJSON *report = report_new("backup", "failed");
    return report_send(client, report, patience, e);
}

static json_t *event_of(const char *request)
{
    const char *body = strstr(request, "\r\n\r\n");
    json_t *event = json_loads(body + 4, 0, NULL);
    assert_non_null(event);
    return event;
}

static void test_report_is_a_cloud_event(void **state)
{
    (void)state;
    struct server server;
    struct error e;
    const char *const answers[] = {taken, NULL};
    AUTOFREE char *url = start_tcp(&server, answers);
    assert_int_equal(send_to(url, NULL, 5 * SECOND, &e), 0);
    assert_int_equal(server.n, 1);
    assert_true(text_starts(server.requests[0], "POST /api/v1/events HTTP/1.1\r\n"));
    assert_non_null(strstr(server.requests[0], "\r\nContent-Type: application/cloudevents+json\r\n"));
    AUTOJSON *event = event_of(server.requests[0]);
    struct cloud_event *read = cloud_event_from_json(event, 0, &e);
    assert_non_null(read);
    assert_true(text_is_uuid(read->id));
    assert_string_equal(read->source, "belfry-cli");
    assert_string_equal(read->type, "job.report");
    assert_string_equal(read->subject, "backup");
    assert_true(read->time > 0);
    assert_string_equal(json_str(read->data, "job_id", ""), "backup");
    assert_string_equal(json_str(read->data, "status", ""), "failed");
    cloud_event_free(read);
    stop(&server);
}

static void test_every_try_has_the_same_id(void **state)
{
    (void)state;
    struct server server;
    struct error e;
    const char *const answers[] = {busy, "", ANSWER("429 Slow down", "", ""), taken, NULL};
    AUTOFREE char *url = start_tcp(&server, answers);
    assert_int_equal(send_to(url, NULL, 20 * SECOND, &e), 0);
    assert_int_equal(server.n, 4);
    AUTOJSON *first = event_of(server.requests[0]), *last = event_of(server.requests[3]);
    assert_true(json_equal(first, last));
    stop(&server);
}

static void test_patience_ends(void **state)
{
    (void)state;
    struct server server;
    struct error e;
    const char *const answers[] = {busy, NULL};
    AUTOFREE char *url = start_tcp(&server, answers);
    assert_int_equal(send_to(url, NULL, 400, &e), EX_TEMPFAIL);
    assert_string_equal(e.what, "the disk is full");
    assert_true(server.n >= 2 && server.n < MOST_REQUESTS);
    stop(&server);
}

static void test_retry_after_beyond_patience_ends_at_once(void **state)
{
    (void)state;
    struct server server;
    struct error e;
    const char *const answers[] = {ANSWER("507 Full", "Retry-After: 60\r\n", ""), NULL};
    AUTOFREE char *url = start_tcp(&server, answers);
    assert_int_equal(send_to(url, NULL, 10 * SECOND, &e), EX_TEMPFAIL);
    assert_int_equal(server.n, 1);
    stop(&server);
}

static void test_refusals_are_final(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        int status;
        const char *what, *mend;
    } cases[] = {
        {ANSWER("404 Not Found", "",
                "{\"error\":\"unknown job 'backup'\",\"field\":\"data.job_id\",\"hint\":\"name it\"}"),
         EXIT_FAILURE, "unknown job 'backup'", "name it"},
        {ANSWER("401 Unauthorized", "", "{\"error\":\"who are you\"}"), EX_NOPERM, "who are you",
         "give a token with --token-file or BELFRY_TOKEN"},
        {ANSWER("400 Bad Request", "", "nonsense"), EXIT_FAILURE, NULL, ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct server server;
        struct error e;
        const char *const answers[] = {cases[i].answer, NULL};
        AUTOFREE char *url = start_tcp(&server, answers);
        assert_int_equal(send_to(url, NULL, 5 * SECOND, &e), cases[i].status);
        assert_int_equal(server.n, 1);
        if (cases[i].what)
            assert_string_equal(e.what, cases[i].what);
        assert_string_equal(e.mend, cases[i].mend);
        stop(&server);
    }
}

/* Whatever else answers 200 on that port has not taken the report. */
static void test_stranger_is_not_believed(void **state)
{
    (void)state;
    struct server server;
    struct error e;
    const char *const answers[] = {ANSWER("200 OK", "", "<html>hello</html>"), NULL};
    AUTOFREE char *url = start_tcp(&server, answers);
    assert_int_equal(send_to(url, NULL, 1, &e), EX_UNAVAILABLE);
    assert_non_null(strstr(e.what, "is not a Belfry agent"));
    stop(&server);
}

static void test_nobody_there(void **state)
{
    (void)state;
    struct error e;
    assert_int_equal(send_to("unix:/tmp/belfry-nobody-listens-here", NULL, 1, &e), EX_UNAVAILABLE);
    assert_non_null(strstr(e.what, "cannot reach the agent at unix:/tmp/belfry-nobody-listens-here: No such file"));
    assert_true(*e.mend);
    assert_int_equal(send_to("elsewhere", NULL, 1, &e), EX_USAGE);
    assert_int_equal(send_to("unix:relative", NULL, 1, &e), EX_USAGE);
}

static void test_unix_socket_and_token(void **state)
{
    (void)state;
    struct server server;
    struct error e;
    char folder[] = "/tmp/belfry-test-report-XXXXXX";
    assert_non_null(mkdtemp(folder));
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", folder);
    AUTOFREE char *token = x_printf("%s/token", folder), *place = x_printf("unix:%s", address.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    const char *const answers[] = {taken, NULL};
    start(&server, fd, answers);
    assert_int_equal(send_to(place, token, 5 * SECOND, &e), EX_CONFIG);
    assert_non_null(strstr(e.what, "No such file"));
    FILE *file = fopen(token, "w");
    fputs("s3cret\n", file);
    fclose(file);
    assert_int_equal(send_to(place, token, 5 * SECOND, &e), 0);
    assert_int_equal(server.n, 1);
    assert_non_null(strstr(server.requests[0], "\r\nAuthorization: Bearer s3cret\r\n"));
    stop(&server);
    unlink(token);
    unlink(address.sun_path);
    rmdir(folder);
}

static void test_courier_delivers_beside(void **state)
{
    (void)state;
    struct server server;
    struct error e;
    const char *const answers[] = {busy, taken, NULL};
    AUTOFREE char *url = start_tcp(&server, answers);
    const struct client_options options = {.agent = url};
    AUTOCLIENT *client = NULL;
    assert_int_equal(client_open(&options, &client, &e), 0);
    AUTOJSON *report = report_new("backup", "start");
    struct courier *courier = courier_send(client, report, DAY);
    courier_wait(courier, 20 * SECOND);
    assert_int_equal(courier_end(courier, &e), 0);
    assert_int_equal(server.n, 2);
    stop(&server);
}

static void test_courier_gives_up_when_told(void **state)
{
    (void)state;
    struct error e;
    const struct client_options options = {.agent = "unix:/tmp/belfry-nobody-listens-here"};
    AUTOCLIENT *client = NULL;
    assert_int_equal(client_open(&options, &client, &e), 0);
    AUTOJSON *report = report_new("backup", "start");
    int64_t began = time_monotonic();
    struct courier *courier = courier_send(client, report, DAY);
    courier_wait(courier, 50);
    assert_int_equal(courier_end(courier, &e), EX_UNAVAILABLE);
    assert_true(time_monotonic() - began < 5 * SECOND);
}

static void test_lists_are_read_page_by_page(void **state)
{
    (void)state;
    struct server server;
    const char *const answers[] = {ANSWER("200 OK", "", "{\"items\":[1,2],\"next\":\"a b\"}"),
                                   ANSWER("200 OK", "", "{\"items\":[3],\"next\":null}"), NULL};
    AUTOFREE char *url = start_tcp(&server, answers);
    const struct client_options options = {.agent = url};
    AUTOJSON *items = NULL;
    AUTOBUF path = {0};
    buf_adds(&path, "/api/v1/jobs");
    path_add_query(&path, "state", "failed");
    path_add_query(&path, "other", NULL);
    assert_int_equal(client_get_items(&options, path.data, 10, &items), 0);
    assert_int_equal(json_array_size(items), 3);
    assert_true(text_starts(server.requests[0], "GET /api/v1/jobs?state=failed&limit=10 "));
    assert_true(text_starts(server.requests[1], "GET /api/v1/jobs?state=failed&limit=8&cursor=a%20b "));
    stop(&server);
}

int main(void)
{
    unsetenv("BELFRY_AGENT");
    unsetenv("BELFRY_TOKEN");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_report_is_a_cloud_event),
        cmocka_unit_test(test_every_try_has_the_same_id),
        cmocka_unit_test(test_patience_ends),
        cmocka_unit_test(test_retry_after_beyond_patience_ends_at_once),
        cmocka_unit_test(test_refusals_are_final),
        cmocka_unit_test(test_stranger_is_not_believed),
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_unix_socket_and_token),
        cmocka_unit_test(test_courier_delivers_beside),
        cmocka_unit_test(test_courier_gives_up_when_told),
        cmocka_unit_test(test_lists_are_read_page_by_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
