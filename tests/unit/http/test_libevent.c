/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What evhttp does by itself. Its version says the same before and after the security fixes of 2026 (CVE-2026-63379 to
 * 63388), so two things that these changed are tried. The rest shows why nothing of a peer's reaches its parser.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <event2/event.h>
#include <event2/http.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/gate.h"

struct bare {
    struct event_base *base;
    struct evhttp *evhttp;
    struct sockaddr_storage address;
    socklen_t size;
    bool handled, has_trailer;
};

static void on_request(struct evhttp_request *request, void *data)
{
    struct bare *bare = data;
    bare->handled = true;
    bare->has_trailer = evhttp_find_header(evhttp_request_get_input_headers(request), "X-Trailer") != NULL;
    evhttp_send_reply(request, 200, "OK", NULL);
}

static int set_up(void **state)
{
    struct bare *bare = NEW(struct bare);
    bare->base = event_base_new();
    bare->evhttp = evhttp_new(bare->base);
    evhttp_set_gencb(bare->evhttp, on_request, bare);
    struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(bare->evhttp, "127.0.0.1", 0);
    bare->size = sizeof bare->address;
    getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&bare->address, &bare->size);
    *state = bare;
    return 0;
}

static int tear_down(void **state)
{
    struct bare *bare = *state;
    evhttp_free(bare->evhttp);
    event_base_free(bare->base);
    free(bare);
    return 0;
}

/* Does bare evhttp hand this to its callback? */
static bool is_taken(struct bare *bare, const char *bytes, size_t size)
{
    char answer[256];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&bare->address, bare->size), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), size);
    bare->handled = bare->has_trailer = false;
    ssize_t n = -1;
    for (int i = 0; i < 2000 && n < 0; i++) {
        event_base_loop(bare->base, EVLOOP_NONBLOCK);
        n = recv(fd, answer, sizeof answer, 0);
        if (n < 0)
            poll(NULL, 0, 1);
    }
    close(fd);
    event_base_loop(bare->base, EVLOOP_NONBLOCK);
    return bare->handled;
}

#define POST "POST / HTTP/1.1\r\nHost: h\r\n"
#define FORM(name, text)                                                                                               \
    {                                                                                                                  \
        name, text, sizeof(text) - 1                                                                                   \
    }
struct form {
    const char *name, *bytes;
    size_t size;
};

static void libevent_has_the_security_fixes(void **state)
{
    struct bare *bare = *state;
    static const struct form trailer = FORM("", POST "Transfer-Encoding: chunked\r\n\r\n0\r\nX-Trailer: 1\r\n\r\n");
    static const struct form both = FORM("", POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    bool merges = is_taken(bare, trailer.bytes, trailer.size) && bare->has_trailer;
    bool smuggles = is_taken(bare, both.bytes, both.size);
    if (merges || smuggles)
        fail_msg("libevent is older than 2.1.12-stable-8+deb12u1: %s%s%s", merges ? "it takes trailers for fields" : "",
                 merges && smuggles ? ", and " : "",
                 smuggles ? "it takes Content-Length together with Transfer-Encoding" : "");
}

static bool gate_refuses(const struct form *form)
{
    size_t used;
    struct gate *gate = gate_new();
    bool refuses = gate_feed(gate, form->bytes, form->size, &used) == GATE_REFUSED;
    gate_free(gate);
    return refuses;
}

static void gate_refuses_what_evhttp_takes(void **state)
{
    struct bare *bare = *state;
    static const struct form forms[] = {
        FORM("two different lengths", POST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc"),
        FORM("a length with plus", POST "Content-Length: +3\r\n\r\nabc"),
        FORM("an unknown coding", POST "Transfer-Encoding: cow\r\n\r\n"),
        FORM("two codings", POST "Transfer-Encoding: cow\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        FORM("a chunk size 0x3", POST "Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n"),
        FORM("no CRLF behind a chunk", POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc0\r\n\r\n"),
        FORM("a trailer Content-Length", POST "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 7\r\n\r\n"),
        FORM("LF for CRLF", "GET / HTTP/1.1\nHost: h\n\n"),
        FORM("NUL in a value", "GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n"),
        FORM("a space in front of the colon", "GET / HTTP/1.1\r\nHost: h\r\nX : a\r\n\r\n"),
        FORM("a folded field", "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n"),
        FORM("two Hosts", "GET / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n"),
        FORM("no Host", "GET / HTTP/1.1\r\nX: a\r\n\r\n"),
    };
    for (size_t i = 0; i < COUNT(forms); i++) {
        if (is_taken(bare, forms[i].bytes, forms[i].size))
            print_message("evhttp alone takes %s\n", forms[i].name);
        if (!gate_refuses(&forms[i]))
            fail_msg("the gate takes %s", forms[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(libevent_has_the_security_fixes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gate_refuses_what_evhttp_takes, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
