/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of bytes and what becomes of them, for the gate alone (test_gate.c) and for the whole server
 * (test_gate_server.c). */
#ifndef BELFRY_TEST_GATE_ROWS_H
#define BELFRY_TEST_GATE_ROWS_H

#include <stddef.h>

struct gate_row {
    const char *name, *bytes;
    size_t size;
    size_t requests; /* that pass */
    int status;      /* of the refusal behind them; 0: none */
};

#define H "Host: localhost\r\n"
#define GET "GET / HTTP/1.1\r\n" H
#define POST "POST / HTTP/1.1\r\n" H
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
#define PASS(name, text)                                                                                               \
    {                                                                                                                  \
        name, text, sizeof(text) - 1, 1, 0                                                                             \
    }
#define PASS_N(name, n, text)                                                                                          \
    {                                                                                                                  \
        name, text, sizeof(text) - 1, n, 0                                                                             \
    }
#define REFUSE(name, status, text)                                                                                     \
    {                                                                                                                  \
        name, text, sizeof(text) - 1, 0, status                                                                        \
    }
#define REFUSE_AFTER(name, n, status, text)                                                                            \
    {                                                                                                                  \
        name, text, sizeof(text) - 1, n, status                                                                        \
    }
/* Not ended: neither passes nor is refused. */
#define OPEN(name, text)                                                                                               \
    {                                                                                                                  \
        name, text, sizeof(text) - 1, 0, 0                                                                             \
    }

#define TIMES4(x) x x x x
#define TIMES8(x) x x x x x x x x
#define TIMES64(x) TIMES8(TIMES8(x))
#define TIMES512(x) TIMES8(TIMES64(x))
#define LONGEST TIMES512("1234567") TIMES64("1234567") TIMES8("1234567") "1234567" /* with / in front: 4096 */
#define FIELDS_56 TIMES8("A: 1\r\nA: 1\r\nA: 1\r\nA: 1\r\nA: 1\r\nA: 1\r\nA: 1\r\n")

static const struct gate_row gate_rows[] = {
    /* what must pass */
    PASS("plain", GET "\r\n"),
    PASS("head", "HEAD / HTTP/1.1\r\n" H "\r\n"),
    PASS("put", "PUT /a HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\nx"),
    PASS("delete without a body", "DELETE /a HTTP/1.1\r\n" H "\r\n"),
    PASS("get with a body", GET "Content-Length: 3\r\n\r\nabc"),
    PASS("options", "OPTIONS / HTTP/1.1\r\n" H "\r\n"),
    PASS("options *", "OPTIONS * HTTP/1.1\r\n" H "\r\n"),
    PASS("patch", "PATCH / HTTP/1.1\r\n" H "\r\n"),
    PASS("post", POST "Content-Length: 5\r\n\r\nhello"),
    PASS("empty post", POST "Content-Length: 0\r\n\r\n"),
    PASS("post without a length", POST "\r\n"),
    PASS("length with leading zeros", POST "Content-Length: 0003\r\n\r\nabc"),
    PASS("length between spaces", POST "Content-Length:  3 \t\r\n\r\nabc"),
    PASS("body that looks like a request", POST "Content-Length: 18\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
    PASS("binary body", POST "Content-Length: 4\r\n\r\n\0\r\n\xff"),
    PASS("chunked", CHUNKED "3\r\nabc\r\n0\r\n\r\n"),
    PASS("chunked, empty", CHUNKED "0\r\n\r\n"),
    PASS("chunked, two", CHUNKED "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
    PASS("chunked, hexadecimal", CHUNKED "A\r\n0123456789\r\nb\r\n0123456789a\r\n0\r\n\r\n"),
    PASS("chunked, zeros in front", CHUNKED "0003\r\nabc\r\n000\r\n\r\n"),
    PASS("chunked in capitals", POST "Transfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
    PASS("chunk extension", CHUNKED "3;a=b\r\nabc\r\n0;c\r\n\r\n"),
    PASS("chunk extension with spaces", CHUNKED "3; a = \"q\\\";\"; b\r\nabc\r\n0\r\n\r\n"),
    PASS("chunk with CRLF in it", CHUNKED "4\r\n\r\n\r\n\r\n0\r\n\r\n"),
    PASS("trailer", CHUNKED "0\r\nX-Sum: 1\r\n\r\n"),
    PASS("trailers", CHUNKED "1\r\nx\r\n0\r\nX-A: 1\r\nX-B:\r\n\r\n"),
    PASS("HTTP/1.0", "GET / HTTP/1.0\r\n" H "\r\n"),
    PASS("HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n"),
    PASS("HTTP/1.0, kept", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
    PASS("HTTP/1.0 with an expectation", "POST / HTTP/1.0\r\nExpect: cow\r\nContent-Length: 1\r\n\r\nx"),
    PASS("HTTP/1.2 is 1.1", "GET / HTTP/1.2\r\n" H "\r\n"),
    PASS("empty line in front", "\r\n" GET "\r\n"),
    PASS("host with port", "GET / HTTP/1.1\r\nHost: localhost:8080\r\n\r\n"),
    PASS("host in capitals", "GET / HTTP/1.1\r\nhOST: LOCALHOST\r\n\r\n"),
    PASS("host is v6", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"),
    PASS("host with an empty port", "GET / HTTP/1.1\r\nHost: localhost:\r\n\r\n"),
    PASS("no space behind the colon", "GET / HTTP/1.1\r\nHost:localhost\r\n\r\n"),
    PASS("tab behind the colon", "GET / HTTP/1.1\r\nHost:\tlocalhost\r\n\r\n"),
    PASS("empty value", GET "X-Empty:\r\n\r\n"),
    PASS("colons in a value", GET "X-Time: 1:2:3\r\n\r\n"),
    PASS("tab in a value", GET "X-Tab: a\tb\r\n\r\n"),
    PASS("UTF-8 in a value", GET "X-Name: J\xc3\xbcrgen\r\n\r\n"),
    PASS("token characters in a name", GET "X!#$%&'*+-.^_`|~9: 1\r\n\r\n"),
    PASS("field twice", GET "Accept: a\r\nAccept: b\r\n\r\n"),
    PASS("upgrade is ignored", GET "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n"),
    PASS("websocket is ignored", GET "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n"),
    PASS("continue", POST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nok"),
    PASS("continue in capitals", POST "Expect: 100-Continue\r\nContent-Length: 2\r\n\r\nok"),
    PASS("continue without a body", POST "Expect: 100-continue\r\n\r\n"),
    PASS("identity", POST "Content-Encoding: identity\r\nContent-Length: 1\r\n\r\nx"),
    PASS("absolute form", "GET http://localhost/a?b HTTP/1.1\r\n" H "\r\n"),
    PASS("absolute form, other case", "GET HTTP://LocalHost/a HTTP/1.1\r\n" H "\r\n"),
    PASS("absolute form without a path", "GET http://localhost HTTP/1.1\r\n" H "\r\n"),
    PASS("absolute form, query only", "GET http://localhost?x=1 HTTP/1.1\r\n" H "\r\n"),
    PASS("absolute form, https", "GET https://localhost/ HTTP/1.1\r\n" H "\r\n"),
    PASS("escapes", "GET /a%20b%C3%A9?q=%22+%2B HTTP/1.1\r\n" H "\r\n"),
    PASS("escaped slash", "GET /a%2Fb HTTP/1.1\r\n" H "\r\n"),
    PASS("query as typed", "GET /?filter={a=\"b|c\"}[0]^` HTTP/1.1\r\n" H "\r\n"),
    PASS("question marks", "GET /??a=?b HTTP/1.1\r\n" H "\r\n"),
    PASS("dots that lead nowhere", "GET /.../a..b/..c/.d HTTP/1.1\r\n" H "\r\n"),
    PASS("dots in a query", "GET /?../.. HTTP/1.1\r\n" H "\r\n"),
    PASS("double slash", "GET //a//b HTTP/1.1\r\n" H "\r\n"),
    PASS("longest target", "GET /" LONGEST " HTTP/1.1\r\n" H "\r\n"),
    PASS("sixty-four fields", GET FIELDS_56 TIMES4("A: 1\r\n") "A: 1\r\nA: 1\r\nA: 1\r\n\r\n"),
    PASS("long value", GET "X: " TIMES512("123456789012345678901234") "\r\n\r\n"),
    PASS("comma in front of close", GET "Connection: , close\r\n\r\n"),
    PASS("basic authorization", GET "Authorization: Basic eDp5\r\n\r\n"),
    PASS("underscore in a name", GET "Content_Length: 5\r\n\r\n"),
    PASS_N("two in a row", 2, GET "\r\n" GET "\r\n"),
    PASS_N("three, with bodies", 3, POST "Content-Length: 2\r\n\r\nok" GET "\r\n" CHUNKED "1\r\nx\r\n0\r\n\r\n"),
    PASS_N("an empty line between", 2, POST "Content-Length: 2\r\n\r\nok\r\n" GET "\r\n"),
    PASS_N("an empty line in front of each", 2, "\r\n" GET "\r\n\r\n" GET "\r\n"),
    PASS_N("twelve", 12, TIMES4(GET "\r\n" GET "\r\n" GET "\r\n")),

    /* not ended */
    OPEN("nothing", ""),
    OPEN("half a request line", "GET / HT"),
    OPEN("half a head", GET "X: "),
    OPEN("CR at the end", GET "\r"),
    OPEN("half a body", POST "Content-Length: 5\r\n\r\nhel"),
    OPEN("no last chunk", CHUNKED "3\r\nabc\r\n"),
    OPEN("no end of trailers", CHUNKED "0\r\nX: 1\r\n"),
    OPEN("waits for 100", POST "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"),

    /* the request line */
    REFUSE("HTTP/0.9", 400, "GET /\r\n"),
    REFUSE("HTTP/0.9 by name", 505, "GET / HTTP/0.9\r\n" H "\r\n"),
    REFUSE("HTTP/2 preface", 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    REFUSE("HTTP/2", 505, "GET / HTTP/2.0\r\n" H "\r\n"),
    REFUSE("HTTP/3", 505, "GET / HTTP/3.1\r\n" H "\r\n"),
    REFUSE("version in lower case", 400, "GET / http/1.1\r\n" H "\r\n"),
    REFUSE("version without a dot", 400, "GET / HTTP/11\r\n" H "\r\n"),
    REFUSE("version with two digits", 400, "GET / HTTP/1.10\r\n" H "\r\n"),
    REFUSE("version with a sign", 400, "GET / HTTP/+1.1\r\n" H "\r\n"),
    REFUSE("other protocol", 400, "GET / ICY/1.1\r\n" H "\r\n"),
    REFUSE("two spaces in front of the target", 400, "GET  / HTTP/1.1\r\n" H "\r\n"),
    REFUSE("two spaces in front of the version", 400, "GET /  HTTP/1.1\r\n" H "\r\n"),
    REFUSE("space at the end", 400, "GET / HTTP/1.1 \r\n" H "\r\n"),
    REFUSE("space in front", 400, " GET / HTTP/1.1\r\n" H "\r\n"),
    REFUSE("tab for space", 400, "GET\t/ HTTP/1.1\r\n" H "\r\n"),
    REFUSE("tab in the target", 400, "GET /a\tb HTTP/1.1\r\n" H "\r\n"),
    REFUSE("space in the target", 400, "GET /a b HTTP/1.1\r\n" H "\r\n"),
    REFUSE("no target", 400, "GET HTTP/1.1\r\n" H "\r\n"),
    REFUSE("empty target", 400, "GET  HTTP/1.1\r\n" H "\r\n"),
    REFUSE("method with a colon", 400, "GET: / HTTP/1.1\r\n" H "\r\n"),
    REFUSE("method with a slash", 400, "GE/T / HTTP/1.1\r\n" H "\r\n"),
    REFUSE("method in UTF-8", 400, "G\xc3\x89T / HTTP/1.1\r\n" H "\r\n"),
    REFUSE("method in lower case", 501, "get / HTTP/1.1\r\n" H "\r\n"),
    REFUSE("unknown method", 501, "BREW / HTTP/1.1\r\n" H "\r\n"),
    REFUSE("method cut short", 501, "GE / HTTP/1.1\r\n" H "\r\n"),
    REFUSE("endless method", 501, TIMES8("ABCDEFGHIJ")),
    REFUSE("TRACE", 501, "TRACE / HTTP/1.1\r\n" H "\r\n"),
    REFUSE("CONNECT", 501, "CONNECT localhost:80 HTTP/1.1\r\n" H "\r\n"),
    REFUSE("two empty lines in front", 400, "\r\n\r\n" GET "\r\n"),
    REFUSE("TLS on a plain port", 400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    REFUSE("SSH", 400, "SSH-2.0-OpenSSH_9.2\r\n"),

    /* the target */
    REFUSE("asterisk", 400, "GET * HTTP/1.1\r\n" H "\r\n"),
    REFUSE("asterisk and more", 400, "OPTIONS *a HTTP/1.1\r\n" H "\r\n"),
    REFUSE("authority", 400, "GET localhost:80 HTTP/1.1\r\n" H "\r\n"),
    REFUSE("relative path", 400, "GET a/b HTTP/1.1\r\n" H "\r\n"),
    REFUSE("other scheme", 400, "GET ftp://localhost/ HTTP/1.1\r\n" H "\r\n"),
    REFUSE("foreign authority", 400, "GET http://evil.example/ HTTP/1.1\r\n" H "\r\n"),
    REFUSE("foreign port", 400, "GET http://localhost:81/ HTTP/1.1\r\nHost: localhost:80\r\n\r\n"),
    REFUSE("user in the authority", 400, "GET http://a@localhost/ HTTP/1.1\r\n" H "\r\n"),
    REFUSE("no authority", 400, "GET http:/// HTTP/1.1\r\n" H "\r\n"),
    REFUSE("fragment", 400, "GET /a#b HTTP/1.1\r\n" H "\r\n"),
    REFUSE("fragment in the query", 400, "GET /a?b#c HTTP/1.1\r\n" H "\r\n"),
    REFUSE("raw UTF-8", 400, "GET /\xc3\xa9 HTTP/1.1\r\n" H "\r\n"),
    REFUSE("backslash", 400, "GET /a\\b HTTP/1.1\r\n" H "\r\n"),
    REFUSE("quote in the path", 400, "GET /\"a\" HTTP/1.1\r\n" H "\r\n"),
    REFUSE("angle bracket in the path", 400, "GET /<a> HTTP/1.1\r\n" H "\r\n"),
    REFUSE("NUL in the target", 400, "GET /\0 HTTP/1.1\r\n" H "\r\n"),
    REFUSE("DEL in the target", 400, "GET /\x7f HTTP/1.1\r\n" H "\r\n"),
    REFUSE("escaped NUL", 400, "GET /a%00b HTTP/1.1\r\n" H "\r\n"),
    REFUSE("escaped line break", 400, "GET /a%0d%0ab HTTP/1.1\r\n" H "\r\n"),
    REFUSE("escaped DEL", 400, "GET /a%7Fb HTTP/1.1\r\n" H "\r\n"),
    REFUSE("escaped C1", 400, "GET /a%C2%85b HTTP/1.1\r\n" H "\r\n"),
    REFUSE("escaped Latin-1", 400, "GET /%E9 HTTP/1.1\r\n" H "\r\n"),
    REFUSE("overlong slash", 400, "GET /%C0%AF HTTP/1.1\r\n" H "\r\n"),
    REFUSE("surrogate", 400, "GET /%ED%A0%80 HTTP/1.1\r\n" H "\r\n"),
    REFUSE("half an escape", 400, "GET /%4 HTTP/1.1\r\n" H "\r\n"),
    REFUSE("no escape", 400, "GET /%zz HTTP/1.1\r\n" H "\r\n"),
    REFUSE("unicode escape", 400, "GET /%u002e HTTP/1.1\r\n" H "\r\n"),
    REFUSE("escaped NUL in the query", 400, "GET /?a=%00 HTTP/1.1\r\n" H "\r\n"),
    REFUSE("no UTF-8 in the query", 400, "GET /?a=%FF HTTP/1.1\r\n" H "\r\n"),
    REFUSE("half an escape in the query", 400, "GET /?a=% HTTP/1.1\r\n" H "\r\n"),
    REFUSE("up", 400, "GET /a/../b HTTP/1.1\r\n" H "\r\n"),
    REFUSE("up at the end", 400, "GET /a/.. HTTP/1.1\r\n" H "\r\n"),
    REFUSE("here", 400, "GET /./a HTTP/1.1\r\n" H "\r\n"),
    REFUSE("escaped up", 400, "GET /%2e%2E/a HTTP/1.1\r\n" H "\r\n"),
    REFUSE("up between escaped slashes", 400, "GET /a%2F..%2Fb HTTP/1.1\r\n" H "\r\n"),
    REFUSE("up between backslashes", 400, "GET /a%5C..%5Cb HTTP/1.1\r\n" H "\r\n"),
    REFUSE("up in absolute form", 400, "GET http://localhost/../a HTTP/1.1\r\n" H "\r\n"),
    REFUSE("target too long", 414, "GET /" LONGEST "8 HTTP/1.1\r\n" H "\r\n"),
    REFUSE("target without an end", 414, "GET /" TIMES512("12345678") "9"),

    /* lines */
    REFUSE("LF in the request line", 400, "GET / HTTP/1.1\n" H "\r\n"),
    REFUSE("LF behind a field", 400, "GET / HTTP/1.1\r\nHost: localhost\n\r\n"),
    REFUSE("LF for the end of the head", 400, GET "\n"),
    REFUSE("CR in the request line", 400, "GET /\r HTTP/1.1\r\n" H "\r\n"),
    REFUSE("CR in a value", 400, GET "X: a\rb\r\n\r\n"),
    REFUSE("CR alone behind a field", 400, GET "X: a\rY: b\r\n\r\n"),
    REFUSE("CR twice", 400, GET "X: a\r\r\n\r\n"),
    REFUSE("NUL in a value", 400, GET "X: a\0b\r\n\r\n"),
    REFUSE("token with NUL", 400, GET "Authorization: Bearer secret\0x\r\n\r\n"),
    REFUSE("control character in a value", 400, GET "X: a\x01\r\n\r\n"),
    REFUSE("escape character in a value", 400, GET "X: \x1b[31m\r\n\r\n"),
    REFUSE("vertical tab in a value", 400, GET "X: \vchunked\r\n\r\n"),
    REFUSE("DEL in a value", 400, GET "X: \x7f\r\n\r\n"),
    REFUSE("C1 in a value", 400, GET "X: \xc2\x9b\r\n\r\n"),
    REFUSE("Latin-1 in a value", 400, GET "X: J\xfcrgen\r\n\r\n"),
    REFUSE("NUL in a name", 400, GET "X\0Y: a\r\n\r\n"),

    /* fields */
    REFUSE("space in front of the colon", 400, GET "X : a\r\n\r\n"),
    REFUSE("tab in front of the colon", 400, GET "X\t: a\r\n\r\n"),
    REFUSE("space in a name", 400, GET "X Y: a\r\n\r\n"),
    REFUSE("no name", 400, GET ": a\r\n\r\n"),
    REFUSE("no colon", 400, GET "X\r\n\r\n"),
    REFUSE("name in brackets", 400, GET "(X): a\r\n\r\n"),
    REFUSE("name in UTF-8", 400, GET "\xc3\xa9: a\r\n\r\n"),
    REFUSE("folded", 400, GET "X: a\r\n b\r\n\r\n"),
    REFUSE("folded by tab", 400, GET "X: a\r\n\tb\r\n\r\n"),
    REFUSE("folded before any field", 400, "GET / HTTP/1.1\r\n Host: localhost\r\n\r\n"),
    REFUSE("line of spaces", 400, GET "  \r\n\r\n"),
    REFUSE("sixty-five fields", 431, GET FIELDS_56 TIMES8("A: 1\r\n") "\r\n"),
    REFUSE("head too large", 431, GET "X: " TIMES512("12345678901234567890123456789012") "\r\n\r\n"),
    REFUSE("head without an end", 431, GET TIMES8("X: " TIMES512("1234") "\r\n")),

    /* Host */
    REFUSE("no Host", 400, "GET / HTTP/1.1\r\n\r\n"),
    REFUSE("Host twice", 400, GET H "\r\n"),
    REFUSE("two Hosts", 400, GET "Host: evil.example\r\n\r\n"),
    REFUSE("empty Host", 400, "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    REFUSE("Host with a path", 400, "GET / HTTP/1.1\r\nHost: localhost/a\r\n\r\n"),
    REFUSE("Host with a user", 400, "GET / HTTP/1.1\r\nHost: a@localhost\r\n\r\n"),
    REFUSE("Host with a space", 400, "GET / HTTP/1.1\r\nHost: local host\r\n\r\n"),
    REFUSE("list of Hosts", 400, "GET / HTTP/1.1\r\nHost: localhost, evil.example\r\n\r\n"),
    REFUSE("Host with two ports", 400, "GET / HTTP/1.1\r\nHost: localhost:80:81\r\n\r\n"),
    REFUSE("Host with a port too large", 400, "GET / HTTP/1.1\r\nHost: localhost:65536\r\n\r\n"),
    REFUSE("Host with a signed port", 400, "GET / HTTP/1.1\r\nHost: localhost:-1\r\n\r\n"),
    REFUSE("Host with a port in letters", 400, "GET / HTTP/1.1\r\nHost: localhost:http\r\n\r\n"),
    REFUSE("Host of a port alone", 400, "GET / HTTP/1.1\r\nHost: :80\r\n\r\n"),
    REFUSE("Host with an open bracket", 400, "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"),
    REFUSE("Host with empty brackets", 400, "GET / HTTP/1.1\r\nHost: []\r\n\r\n"),

    /* how long is the body? */
    REFUSE("two lengths", 400, POST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
    REFUSE("equal lengths", 400, POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
    REFUSE("list of lengths", 400, POST "Content-Length: 3, 3\r\n\r\nabc"),
    REFUSE("length with plus", 400, POST "Content-Length: +3\r\n\r\nabc"),
    REFUSE("length with minus", 400, POST "Content-Length: -3\r\n\r\nabc"),
    REFUSE("minus zero", 400, POST "Content-Length: -0\r\n\r\n"),
    REFUSE("hexadecimal length", 400, POST "Content-Length: 0x3\r\n\r\nabc"),
    REFUSE("length with a point", 400, POST "Content-Length: 3.0\r\n\r\nabc"),
    REFUSE("length with a space in it", 400, POST "Content-Length: 1 0\r\n\r\nabc"),
    REFUSE("length in words", 400, POST "Content-Length: three\r\n\r\nabc"),
    REFUSE("empty length", 400, POST "Content-Length:\r\n\r\nabc"),
    REFUSE("length too large", 413, POST "Content-Length: 1048577\r\n\r\n"),
    REFUSE("length beyond 64 bits", 413, POST "Content-Length: 18446744073709551619\r\n\r\nabc"),
    REFUSE("length too large, with expectation", 413, POST "Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n"),
    REFUSE("length and chunked", 400, POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    REFUSE("chunked and length", 400, POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
    REFUSE("chunked twice", 400, POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    REFUSE("chunked, chunked", 400, POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    REFUSE("identity and chunked", 400,
           POST "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    REFUSE("gzip, chunked", 400, POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    REFUSE("coding cow", 400, POST "Transfer-Encoding: cow\r\n\r\n"),
    REFUSE("coding xchunked", 400, POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    REFUSE("quoted coding", 400, POST "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"),
    REFUSE("coding with a parameter", 400, POST "Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n"),
    REFUSE("empty coding", 400, POST "Transfer-Encoding:\r\n\r\n0\r\n\r\n"),
    REFUSE("coding with vertical tab", 400, POST "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n"),
    REFUSE("coding behind a space", 400, POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
    REFUSE("folded coding", 400, POST "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
    REFUSE("chunked on HTTP/1.0", 400, "POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    REFUSE("head with a body", 400, "HEAD / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc"),
    REFUSE("head, chunked", 400, "HEAD / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),

    /* chunks */
    REFUSE("size 0x3", 400, CHUNKED "0x3\r\nabc\r\n0\r\n\r\n"),
    REFUSE("size +3", 400, CHUNKED "+3\r\nabc\r\n0\r\n\r\n"),
    REFUSE("size -1", 400, CHUNKED "-1\r\nabc\r\n0\r\n\r\n"),
    REFUSE("space in front of the size", 400, CHUNKED " 3\r\nabc\r\n0\r\n\r\n"),
    REFUSE("space behind the size", 400, CHUNKED "3 \r\nabc\r\n0\r\n\r\n"),
    REFUSE("no size", 400, CHUNKED "\r\nabc\r\n0\r\n\r\n"),
    REFUSE("size in letters", 400, CHUNKED "xyz\r\nabc\r\n0\r\n\r\n"),
    REFUSE("size with an underscore", 400, CHUNKED "1_0\r\nabc\r\n0\r\n\r\n"),
    REFUSE("extension without a name", 400, CHUNKED "3;\r\nabc\r\n0\r\n\r\n"),
    REFUSE("extension without a value", 400, CHUNKED "3;a=\r\nabc\r\n0\r\n\r\n"),
    REFUSE("extension in an open quote", 400, CHUNKED "3;a=\"b\r\nabc\r\n0\r\n\r\n"),
    REFUSE("extension too long", 400, CHUNKED "3;" TIMES64("1234567890") "\r\nabc\r\n0\r\n\r\n"),
    REFUSE("NUL in an extension", 400, CHUNKED "3;a\0\r\nabc\r\n0\r\n\r\n"),
    REFUSE("LF behind a size", 400, CHUNKED "3\nabc\r\n0\r\n\r\n"),
    REFUSE("LF behind a chunk", 400, CHUNKED "3\r\nabc\n0\r\n\r\n"),
    REFUSE("chunk longer than said", 400, CHUNKED "3\r\nabcd\r\n0\r\n\r\n"),
    REFUSE("chunk shorter than said", 400, CHUNKED "5\r\nabc\r\n0\r\n\r\n"),
    REFUSE("no CRLF behind a chunk", 400, CHUNKED "3\r\nabc0\r\n\r\n"),
    REFUSE("chunk too large", 413, CHUNKED "100001\r\n"),
    REFUSE("chunk beyond 64 bits", 413, CHUNKED "10000000000000003\r\nabc\r\n"),
    REFUSE("negative when cut to 64 bits", 413, CHUNKED "ffffffffffffffff\r\nabc\r\n"),
    REFUSE("chunks too large together", 413, CHUNKED "1\r\nx\r\n100000\r\n"),
    REFUSE("trailer Content-Length", 400, CHUNKED "0\r\nContent-Length: 5\r\n\r\n"),
    REFUSE("trailer Transfer-Encoding", 400, CHUNKED "0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    REFUSE("trailer Host", 400, CHUNKED "0\r\nhost: evil.example\r\n\r\n"),
    REFUSE("trailer Authorization", 400, CHUNKED "0\r\nAuthorization: Bearer x\r\n\r\n"),
    REFUSE("trailer Connection", 400, CHUNKED "0\r\nConnection: close\r\n\r\n"),
    REFUSE("trailer without a colon", 400, CHUNKED "0\r\nX\r\n\r\n"),
    REFUSE("trailer folded", 400, CHUNKED "0\r\nX: 1\r\n 2\r\n\r\n"),
    REFUSE("trailer with NUL", 400, CHUNKED "0\r\nX: \0\r\n\r\n"),
    REFUSE("trailer behind LF", 400, CHUNKED "0\r\nX: 1\n\r\n"),
    REFUSE("trailers too many", 431, CHUNKED "0\r\n" FIELDS_56 TIMES8("A: 1\r\n") "\r\n"),
    REFUSE("trailers too large", 431, CHUNKED "0\r\nX: " TIMES512("12345678901234567890123456789012") "\r\n\r\n"),

    /* other fields that say how to read the rest */
    REFUSE("expectation", 417, POST "Expect: 200-ok\r\nContent-Length: 1\r\n\r\nx"),
    REFUSE("empty expectation", 417, POST "Expect:\r\nContent-Length: 1\r\n\r\nx"),
    REFUSE("two expectations", 400, POST "Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx"),
    REFUSE("gzip", 415, POST "Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx"),
    REFUSE("gzip without a body", 415, POST "Content-Encoding: gzip\r\n\r\n"),
    REFUSE("two codings", 415, POST "Content-Encoding: identity, br\r\nContent-Length: 1\r\n\r\nx"),
    REFUSE("Authorization twice", 400, GET "Authorization: a\r\nAuthorization: b\r\n\r\n"),
    REFUSE("Content-Type twice", 400, POST "Content-Type: a/b\r\nContent-Type: c/d\r\n\r\n"),
    REFUSE("Origin twice", 400, POST "Origin: null\r\nOrigin: http://localhost\r\n\r\n"),

    /* behind requests that pass */
    REFUSE_AFTER("good, then bad", 1, 400, GET "\r\n" GET "X : 1\r\n\r\n"),
    REFUSE_AFTER("rest of a body is no request", 1, 400, POST "Content-Length: 2\r\n\r\nokay\r\n"),
    REFUSE_AFTER("body longer than said", 1, 400, POST "Content-Length: 2\r\n\r\nok{\"a\": 1}"),
    REFUSE_AFTER("bytes behind the last chunk", 1, 400, CHUNKED "0\r\n\r\n;;\r\n"),
    REFUSE_AFTER("two good, then bad", 2, 413, GET "\r\n" GET "\r\n" POST "Content-Length: 9999999\r\n\r\n"),
};
#endif
