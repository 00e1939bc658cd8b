# SPDX-License-Identifier: Apache-2.0
"""What peers may send, and what becomes of those who send something else: errors, smuggling, slowness, floods, strangers."""

import http.client
import json
import re
import select
import shutil
import socket
import subprocess
import tempfile
import threading
import time

import pytest

from belfry import Agent, wait_for

TOKENS = {"view": "token-of-the-viewer-1", "ingest": "token-of-the-pipeline", "operate": "token-of-the-operator", "admin": "token-of-the-admin-1"}
CONFIG = "agent:\n  tokens:\n" + "".join(f'    - {{name: t-{role}, token: "{token}", role: {role}}}\n' for role, token in TOKENS.items()) + """
jobs:
  known: {every: 1h}
"""


@pytest.fixture(scope="module")
def agent():
    """One for the whole file: whatever it is sent, it must be there for the next test, and end well."""
    folder = tempfile.mkdtemp(prefix="belfry-")
    one = Agent(f"{folder}/a", CONFIG).start()
    yield one
    code = one.stop()
    shutil.rmtree(folder)
    assert code == 0, one.log()[-4000:]


def ask(agent, method, path, body=None, role="admin", peer="127.0.0.1", **headers):
    """One request; the answer has .status, .headers and .text. `peer`: the address that it comes from."""
    given = {"Authorization": f"Bearer {TOKENS[role]}"} if role else {}
    given.update({name.replace("_", "-"): value for name, value in headers.items()})
    connection = http.client.HTTPConnection("127.0.0.1", agent.port, timeout=10, source_address=(peer, 0))
    try:
        connection.request(method, path, body, given)
        answer = connection.getresponse()
        answer.text = answer.read().decode()
        return answer
    finally:
        connection.close()


def post(agent, body, content_type="application/cloudevents+json", **kw):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ask(agent, "POST", "/api/v1/events", body, Content_Type=content_type, **kw)


def assert_error(answer, status, field, *words):
    """The error is JSON, of this status, and says which field and what."""
    assert answer.status == status, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    error = json.loads(answer.text)
    assert error.get("field") == field, error
    for word in words:
        assert word in error["error"] + " " + error.get("hint", ""), error


def event(**change):
    """A good one, changed; what is None is left out."""
    made = {"specversion": "1.0", "id": str(time.monotonic_ns()), "source": "test", "type": "job.report", "subject": "known",
            "data": {"status": "success"}, **change}
    return {key: value for key, value in made.items() if value is not None}


def is_served(agent):
    return ask(agent, "GET", "/-/healthy").status == 200


# ---- what is refused with a reason ----

BODIES = {
    "half an object": (b'{"specversion": ', None),
    "no JSON": (b"hello", None),
    "nothing": (b"", None),
    "two values": (json.dumps(event()).encode() * 2, None),
    "a key twice": (b'{"specversion": "1.0", "specversion": "1.0"}', None),
    "a list": (b"[]", None),
    "bytes that are not UTF-8": (b'{"specversion": "1.0", "id": "a\xff"}', None),
    "a lone surrogate": (b'{"specversion": "1.0", "id": "a\\ud800"}', None),
    "a NUL": (b'{"specversion": "1.0", "id": "a\\u0000b"}', None),
    "lists a hundred deep": (b'{"data": ' + b"[" * 100 + b"]" * 100 + b"}", None),
    "lists without end": (b"[" * 100_000, None),
    "objects without end": (b'{"a":' * 100_000, None),
    "a number beyond all": (b'{"data": 1e999}', None),
    "no specversion": (event(specversion=None), "specversion"),
    "another specversion": (event(specversion="0.3"), "specversion"),
    "no id": (event(id=None), "id"),
    "an empty id": (event(id=""), "id"),
    "an id that is a number": (event(id=7), "id"),
    "no source": (event(source=None), "source"),
    "no type": (event(type=None), "type"),
    "a type of the agent's own": (event(type="job.failed"), "type"),
    "a time that is none": (event(time="yesterday"), "time"),
    "a subject with a line break": (event(subject="a\nb"), "subject"),
    "binary data": (event(data_base64="AA=="), "data_base64"),
    "a report without a job": (event(subject=None), None),
    "a status that there is not": (event(data={"status": "so-so"}), "data.status"),
}


@pytest.mark.parametrize("what", BODIES)
def test_a_bad_event_is_refused_with_its_field(agent, what):
    body, field = BODIES[what]
    answer = post(agent, body)
    assert answer.status == 400, answer.text
    error = json.loads(answer.text)
    assert error["error"]
    if field:
        assert error["field"] == field, error
    assert is_served(agent)


def test_bad_json_is_refused_with_its_place(agent):
    answer = post(agent, b'{"specversion": "1.0",\n  "id": x}')
    assert_error(answer, 400, "line 2, column 9", "JSON")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml"])
def test_another_content_type_is_refused(agent, content_type):
    assert_error(post(agent, event(), content_type), 415, "content-type", content_type.split(";")[0])


def test_json_without_event_attributes_is_refused(agent):
    assert_error(post(agent, {"hello": 1}, "application/json"), 400, "specversion")


@pytest.mark.parametrize("data, field", [({"status": "success", "job_id": "nobody"}, "data.job_id"), ({"status": "success"}, "subject")])
def test_a_report_of_an_unknown_job_is_404(agent, data, field):
    assert_error(post(agent, event(subject="nobody", data=data)), 404, field, "unknown job 'nobody'", "create")


def test_of_a_batch_with_one_bad_event_nothing_is_taken(agent):
    before = agent_job(agent)["pings"]
    batch = [event(id="batch-1"), event(id="batch-2", type=None), event(id="batch-3")]
    assert_error(post(agent, batch, "application/cloudevents-batch+json"), 400, "events[1].type")
    batch[1] = event(id="batch-2", subject="nobody")
    assert_error(post(agent, batch, "application/cloudevents-batch+json"), 404, "events[1].subject")
    assert_error(post(agent, [event()] * 1001, "application/cloudevents-batch+json"), 413, None, "1000")
    assert agent_job(agent)["pings"] == before
    batch[1] = event(id="batch-2")
    assert json.loads(post(agent, batch, "application/cloudevents-batch+json").text) == {"accepted": 3}
    assert agent_job(agent)["pings"] == before + 3


def agent_job(agent, name="known"):
    return json.loads(ask(agent, "GET", f"/api/v1/jobs/{name}").text)


@pytest.mark.parametrize("path", ["/nothing", "/api/v1/jobs/nobody", "/api/v1/notifications/999", "/api/v1/jobs/known/nothing", "/hooks/nobody"])
def test_an_unknown_path_is_404(agent, path):
    answer = ask(agent, "GET" if not path.startswith("/hooks") else "POST", path)
    assert answer.status == 404 and json.loads(answer.text)["error"], answer.text


@pytest.mark.parametrize("method, path, allow", [
    ("GET", "/api/v1/events", {"POST"}), ("DELETE", "/api/v1/jobs", {"GET", "HEAD"}), ("GET", "/-/reload", {"POST"}), ("PUT", "/metrics", {"GET", "HEAD"})])
def test_a_wrong_method_is_405_and_says_which_are_right(agent, method, path, allow):
    answer = ask(agent, method, path)
    assert_error(answer, 405, None, method)
    assert set(answer.headers["Allow"].split(", ")) == allow


def test_a_number_that_is_none_in_the_query_is_named(agent):
    assert_error(ask(agent, "GET", "/api/v1/jobs?limit=many"), 400, "limit", "whole number")


# ---- who may ----

def test_without_a_token_nothing_is_told(agent):
    for method, path in (("GET", "/api/v1/jobs"), ("GET", "/metrics"), ("POST", "/api/v1/events"), ("POST", "/-/reload")):
        answer = ask(agent, method, path, role=None)
        assert_error(answer, 401, "authorization", "Bearer")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert ask(agent, "GET", "/-/healthy", role=None).status == 200


WRONG_TOKENS = ["nonsense", TOKENS["admin"] + "x", TOKENS["admin"][:-1], TOKENS["admin"].upper(), "", TOKENS["admin"] + "%00"]


@pytest.mark.parametrize("n, token", enumerate(WRONG_TOKENS))
def test_a_wrong_token_is_401(agent, n, token):
    answer = ask(agent, "GET", "/api/v1/jobs", role=None, peer=f"127.0.1.{n + 1}", Authorization=f"Bearer {token}")
    assert_error(answer, 401, "authorization")
    answer = ask(agent, "GET", "/api/v1/jobs", role=None, peer=f"127.0.1.{n + 1}", Authorization=f"Basic {TOKENS['admin']}")
    assert_error(answer, 401, "authorization")


def test_a_token_with_a_nul_behind_it_does_not_pass(agent):
    head = f"GET /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKENS['admin']}".encode()
    assert b" 400 " in talk(agent, head + b"\x00\r\n\r\n").split(b"\r\n")[0]
    assert b" 400 " in talk(agent, head + b"\x00x\r\n\r\n").split(b"\r\n")[0]


@pytest.mark.parametrize("role, method, path, status", [
    ("view", "GET", "/api/v1/jobs", 200), ("view", "POST", "/api/v1/events", 403), ("view", "POST", "/-/reload", 403),
    ("ingest", "GET", "/api/v1/jobs", 403), ("ingest", "POST", "/api/v1/events", 200), ("ingest", "POST", "/api/v1/jobs/known/pause", 403),
    ("operate", "POST", "/api/v1/jobs/known/pause", 200), ("operate", "POST", "/api/v1/jobs/known/resume", 200), ("operate", "POST", "/-/reload", 403),
    ("admin", "GET", "/metrics", 200)])
def test_a_role_allows_what_it_says(agent, role, method, path, status):
    body = json.dumps(event()).encode() if path.endswith("events") else None
    headers = {"Content_Type": "application/cloudevents+json"} if body else {}
    answer = ask(agent, method, path, body, role=role, **headers)
    if status == 403:
        assert_error(answer, 403, "authorization", f"t-{role}")
    else:
        assert answer.status == status, answer.text


def test_the_eleventh_bad_token_of_an_address_is_429(agent):
    """And then good ones of that address wait too; others do not."""
    def knock(token, peer="127.0.2.1"):
        return ask(agent, "GET", "/api/v1/jobs", role=None, peer=peer, Authorization=f"Bearer {token}")
    for n in range(10):
        assert knock(f"guess-{n}").status == 401
    for token in ("guess-10", TOKENS["admin"]):
        answer = knock(token)
        assert_error(answer, 429, None)
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert knock(TOKENS["admin"], "127.0.2.2").status == 200


def test_another_host_is_421(agent):
    for host in ("evil.example.com", "evil.example.com:80", f"localhost.evil.example.com:{agent.port}"):
        assert_error(ask(agent, "GET", "/-/healthy", Host=host), 421, "host", "evil.example.com")
    assert ask(agent, "GET", "/-/healthy", Host="localhost").status == 200


def test_a_page_of_another_origin_may_change_nothing(agent):
    for origin in ("http://evil.example.com", "null", "https://localhost.evil.example.com"):
        assert_error(ask(agent, "POST", "/api/v1/jobs/known/pause", Origin=origin), 403, "origin")
    assert agent_job(agent)["state"] != "paused"
    answer = ask(agent, "GET", "/api/v1/jobs", Origin="http://evil.example.com")
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_what_every_answer_carries(agent):
    for path in ("/-/healthy", "/api/v1/jobs", "/nothing"):
        answer = ask(agent, "GET", path)
        assert answer.headers["X-Content-Type-Options"] == "nosniff" and answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Server"] is None


# ---- raw bytes ----

def dial(agent, peer="127.0.0.1", receive=None):
    s = socket.socket()
    if receive:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    s.settimeout(10)
    s.bind((peer, 0))
    s.connect(("127.0.0.1", agent.port))
    return s


def read_to_end(s):
    """Everything until the agent closes; it must, within the socket's timeout."""
    got = b""
    while part := s.recv(65536):
        got += part
    return got


def talk(agent, data):
    with dial(agent) as s:
        s.sendall(data)
        return read_to_end(s)


HEAD = b"POST /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer token-of-the-pipeline\r\nContent-Type: application/cloudevents+json\r\n"
BEHIND = b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n"
GET = b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

SMUGGLING = {
    "chunked and a length": HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a length and chunked": HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 0\r\nContent-Length: 45\r\n\r\n",
    "the same length twice": HEAD + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
    "two lengths in one field": HEAD + b"Content-Length: 0, 45\r\n\r\n",
    "a length with a sign": HEAD + b"Content-Length: +0\r\n\r\n",
    "a negative length": HEAD + b"Content-Length: -1\r\n\r\n",
    "a length in hexadecimal": HEAD + b"Content-Length: 0x0\r\n\r\n",
    "an empty length": HEAD + b"Content-Length:\r\n\r\n",
    "a coding that is none": HEAD + b"Transfer-Encoding: cow\r\n\r\n",
    "chunked twice": HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked behind another coding": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked behind a vertical tab": HEAD + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "chunked in HTTP/1.0": CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0") + b"0\r\n\r\n",
    "a folded field": GET + b"X-A: b\r\n Transfer-Encoding: chunked\r\n\r\n",
    "a fold before the first field": b"GET /-/healthy HTTP/1.1\r\n Host: localhost\r\n\r\n",
    "lines that end by LF alone": GET.replace(b"\r\n", b"\n") + b"\n",
    "one line that ends by LF alone": GET + b"X-A: b\nX-C: d\r\n\r\n",
    "CR without LF": GET + b"X-A: b\rX-C: d\r\n\r\n",
    "NUL in a value": GET + b"X-A: b\x00c\r\n\r\n",
    "NUL in a name": GET + b"X\x00A: b\r\n\r\n",
    "NUL in the target": b"GET /-/hea\x00lthy HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a space before the colon": HEAD + b"Content-Length : 45\r\n\r\n",
    "a tab before the colon": HEAD + b"Content-Length\t: 45\r\n\r\n",
    "no name": GET + b": b\r\n\r\n",
    "no colon": GET + b"X-A\r\n\r\n",
    "no Host": b"GET /-/healthy HTTP/1.1\r\n\r\n",
    "two Hosts": GET + b"Host: localhost\r\n\r\n",
    "another authority in the target": b"GET http://evil.example.com/-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "two spaces in the request line": b"GET  /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no version": b"GET /-/healthy\r\nHost: localhost\r\n\r\n",
    "a version in lower case": b"GET /-/healthy http/1.1\r\nHost: localhost\r\n\r\n",
    "dots in the path": b"GET /-/../-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "dots in disguise": b"GET /-/%2e%2e/-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "NUL in disguise": b"GET /-/healthy%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a fragment": b"GET /-/healthy?a#b HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a chunk size with 0x": CHUNKED + b"0x0\r\n\r\n",
    "a chunk size with a sign": CHUNKED + b"+0\r\n\r\n",
    "a chunk size behind a space": CHUNKED + b" 0\r\n\r\n",
    "a chunk size with a space behind it": CHUNKED + b"0 \r\n\r\n",
    "an empty chunk size": CHUNKED + b"\r\n\r\n",
    "a chunk size of letters": CHUNKED + b"zz\r\n\r\n",
    "a chunk size that ends by LF alone": CHUNKED + b"0\n\r\n",
    "a chunk longer than it says": CHUNKED + b"1\r\nab\r\n0\r\n\r\n",
    "a chunk without its end": CHUNKED + b"1\r\na0\r\n\r\n",
    "a chunk that ends by LF alone": CHUNKED + b"1\r\na\n0\r\n\r\n",
    "a length in a trailer": CHUNKED + b"0\r\nContent-Length: 45\r\n\r\n",
    "a TLS greeting": b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + bytes(range(64)),
}


@pytest.mark.parametrize("what", SMUGGLING)
def test_a_request_with_two_meanings_is_refused_and_the_connection_closed(agent, what):
    got = talk(agent, SMUGGLING[what] + BEHIND)
    head, _, body = got.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 "), got
    assert got.count(b"HTTP/1.1 ") == 1, got
    assert b"Connection: close" in head
    assert json.loads(body)["error"]
    assert is_served(agent)


def test_good_requests_behind_each_other_are_all_answered(agent):
    """As the test above would see a smuggled one."""
    empty_chunks = CHUNKED + b"0\r\n\r\n"
    got = talk(agent, BEHIND * 2 + empty_chunks + BEHIND.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert [line.split()[1] for line in re.findall(rb"HTTP/1.1 \d+", got)] == [b"200", b"200", b"400", b"200"], got


OVERSIZE = {
    "a body by its length": (HEAD + b"Content-Length: 1048577\r\n\r\n", 413),
    "a body beyond all numbers": (HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n", 413),
    "a body by its chunk": (CHUNKED + b"100001\r\n", 413),
    "a chunk beyond all numbers": (CHUNKED + b"fffffffffffffffff\r\n", 413),
    "a target": (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
    "a field": (GET + b"X-A: " + b"a" * 20000 + b"\r\n\r\n", 431),
    "a head without end": (GET + b"X-A: b\r\n" * 3000, 431),
    "too many fields": (GET + b"X-A: b\r\n" * 100 + b"\r\n", 431),
    "a method": (b"G" * 100 + b" / HTTP/1.1\r\n\r\n", 501),
    "another version": (b"GET / HTTP/2.0\r\nHost: localhost\r\n\r\n", 505),
    "an expectation": (HEAD + b"Expect: a-miracle\r\nContent-Length: 2\r\n\r\n", 417),
    "compressed bodies": (HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n", 415),
}


@pytest.mark.parametrize("what", OVERSIZE)
def test_what_is_too_large_or_unknown_is_refused_on_its_word(agent, what):
    """None of the body is sent: what was declared is enough."""
    data, status = OVERSIZE[what]
    got = talk(agent, data)
    assert got.startswith(f"HTTP/1.1 {status} ".encode()), got[:200]
    assert json.loads(got.partition(b"\r\n\r\n")[2])["error"]
    assert is_served(agent)


def test_the_largest_body_is_read(agent):
    large = event(data={"status": "success", "padding": ["x" * 60_000] * 17})
    assert 1_000_000 < len(json.dumps(large)) < 1024 * 1024
    assert post(agent, large).status == 200


# ---- slow and silent peers ----

def drip(agent, first, what, gap=0.5):
    """Sends `first`, then a byte per `gap` until the agent has had enough; (seconds since `first`, what it said)."""
    with dial(agent) as s:
        s.sendall(first)
        begin, n = time.monotonic(), 0
        while time.monotonic() - begin < 40:
            if select.select([s], [], [], gap)[0]:
                return time.monotonic() - begin, read_to_end(s)
            s.sendall(what[n % len(what):][:1] if what else b"")
            n += 1
        return time.monotonic() - begin, b"it is still there"


def stare(agent):
    """Asks for much and reads none of it; seconds until the agent has let go, seen from the inside."""
    with dial(agent, "127.0.3.1", receive=4096) as s:
        s.setblocking(False)
        ask_for = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer token-of-the-viewer-1\r\n\r\n"
        begin = time.monotonic()
        with_it = connections(agent)
        while time.monotonic() - begin < 45:
            try:
                s.send(ask_for * 100)
            except BlockingIOError:
                pass
            except (BrokenPipeError, ConnectionResetError):
                return time.monotonic() - begin, with_it
            time.sleep(0.2)
        return time.monotonic() - begin, with_it


def connections(agent):
    answer = ask(agent, "GET", "/metrics", role="view")
    return int(float(re.search(r"^belfry_http_connections (\S+)", answer.text, re.M).group(1)))


def memory(agent):
    return int(re.search(r"VmRSS:\s+(\d+) kB", open(f"/proc/{agent.process.pid}/status").read()).group(1))


SLOW = {
    "a head": (lambda a: drip(a, b"GET /-/healthy HTTP/1.1\r\nX-A: ", b"a"), 10, b" 408 "),
    "a request line": (lambda a: drip(a, b"G", b"ET /" + b"a" * 100), 10, b" 408 "),
    "a body": (lambda a: drip(a, HEAD + b"Content-Length: 1000\r\n\r\n", b"{"), 20, b" 408 "),
    "chunks": (lambda a: drip(a, CHUNKED, b"1\r\na\r\n"), 20, b" 408 "),
    "chunk extensions": (lambda a: drip(a, CHUNKED + b"1;", b"a"), 20, b" 408 "),
    "nothing at all": (lambda a: drip(a, b"", b""), 10, None),
    "the second head": (lambda a: drip_again(a), 10, b" 408 "),
    "no reading": (stare, 30, None),
}


def drip_again(agent):
    with dial(agent) as s:
        s.sendall(BEHIND)
        assert s.recv(65536).startswith(b"HTTP/1.1 200")
        s.sendall(b"GET /-/healthy HTTP/1.1\r\nX-A: ")
        begin = time.monotonic()
        while time.monotonic() - begin < 40:
            if select.select([s], [], [], 0.5)[0]:
                return time.monotonic() - begin, read_to_end(s)
            s.sendall(b"a")
        return time.monotonic() - begin, b"it is still there"


def test_slow_and_silent_peers_are_cut_off_and_hold_up_nobody(agent):
    """All at once, since the limits are real: 10 s for a head, 20 s for a body, 30 s for an answer to be read."""
    results, before = {}, memory(agent)

    def run(what):
        results[what] = SLOW[what][0](agent)
    threads = [threading.Thread(target=run, args=(what,)) for what in SLOW]
    for thread in threads:
        thread.start()
    worst = 0
    while any(thread.is_alive() for thread in threads):
        begin = time.monotonic()
        assert is_served(agent)
        worst = max(worst, time.monotonic() - begin)
        time.sleep(0.2)
    for what, (_, limit, said) in SLOW.items():
        took, got = results[what]
        assert limit - 0.5 <= took <= limit + 4, f"{what}: {took} s, {got}"
        if said:
            assert said in got.split(b"\r\n")[0], f"{what}: {got}"
    assert worst < 1
    assert memory(agent) - before < 50_000
    wait_for(lambda: connections(agent) == 1, 5, "the end of all those connections")


# ---- floods ----

def test_idle_connections_do_not_shut_out_the_unix_socket(make_agent):
    agent = make_agent("").start()
    idle = []
    try:
        for n in range(600):
            idle.append(dial(agent, f"127.0.4.{1 + n // 30}"))
        begin = time.monotonic()
        done = subprocess.run(["curl", "-sS", "-m", "5", "--unix-socket", str(agent.socket), "http://localhost/-/healthy"], capture_output=True, text=True)
        assert done.stdout == "OK\n", done
        assert time.monotonic() - begin < 1
        assert agent.cli("status").returncode == 0
    finally:
        for s in idle:
            s.close()
    wait_for(lambda: agent.get("/-/healthy").status == 200, 5, "room for connections")


def test_one_peer_cannot_take_all_connections(make_agent):
    agent = make_agent("").start()
    held = [dial(agent, "127.0.5.1") for _ in range(40)]
    try:
        gone = wait_for(lambda: (said := select.select(held, [], [], 0)[0]) and len(said) >= 8 and said, 5, "the refusals")
        assert len(gone) == 8
        answer = read_to_end(gone[0])
        assert answer.startswith(b"HTTP/1.1 503 ") and b"Retry-After: " in answer
        assert agent.get("/-/healthy").status == 200
    finally:
        for s in held:
            s.close()


# ---- listeners ----

@pytest.fixture(scope="module")
def certificate():
    folder = tempfile.mkdtemp(prefix="belfry-")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost", "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"], check=True, capture_output=True)
    yield folder
    shutil.rmtree(folder)


def tokens_block():
    return f'  tokens: [{{name: a, token: "{TOKENS["admin"]}", role: admin}}]\n'


def tls_block(certificate):
    return f"  tls: {{cert: {certificate}/cert.pem, key: {certificate}/key.pem}}\n"


@pytest.mark.parametrize("with_tokens, with_tls", [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0"])
def test_a_listener_for_others_needs_tokens_and_tls(make_agent, certificate, address, with_tokens, with_tls):
    config = "agent:\n  history: {keep: 30d}\n" + tokens_block() * with_tokens + tls_block(certificate) * with_tls
    agent = make_agent(config, listen=(address,)).spawn()
    agent.may_fail = True
    assert agent.process.wait(20) == 69
    line = next(line for line in agent.log().splitlines() if "can be reached by others" in line)
    assert address in line and "level=error" in line
    for word in ("agent.listen", "tokens", "agent.tls", "listen on 127.0.0.1"):
        assert word in line


def test_a_listener_for_others_with_tokens_and_tls_works(make_agent, certificate):
    agent = make_agent("agent:\n" + tokens_block() + tls_block(certificate), listen=("0.0.0.0:0",)).start()
    port = re.search(r"listening on 0\.0\.0\.0:(\d+)", agent.log()).group(1)
    done = subprocess.run(["curl", "-sS", "-m", "10", "--cacert", f"{certificate}/cert.pem", "-H", f"Authorization: Bearer {TOKENS['admin']}",
                           f"https://localhost:{port}/api/v1/status"], capture_output=True, text=True)
    assert json.loads(done.stdout)["version"], done


def test_a_tls_listener_works_by_its_certificate_only(make_agent, certificate):
    agent = make_agent("agent:\n" + tls_block(certificate)).start()

    def curl(*args, scheme="https"):
        return subprocess.run(["curl", "-sS", "-m", "10", *args, f"{scheme}://localhost:{agent.port}/-/healthy"], capture_output=True, text=True)
    done = curl("--cacert", f"{certificate}/cert.pem")
    assert (done.returncode, done.stdout) == (0, "OK\n"), done
    assert curl().returncode == 60  # not trusted
    assert curl("--cacert", f"{certificate}/cert.pem", "--tls-max", "1.1").returncode != 0
    plain = curl(scheme="http")
    assert plain.returncode != 0 and "OK" not in plain.stdout
    assert curl("--cacert", f"{certificate}/cert.pem").stdout == "OK\n"


def test_a_certificate_that_is_none_is_named_at_start(make_agent, certificate):
    agent = make_agent(f"agent:\n  tls: {{cert: {certificate}/absent.pem, key: {certificate}/key.pem}}\n").spawn()
    agent.may_fail = True
    assert agent.process.wait(20) in (69, 78)
    assert f"{certificate}/absent.pem" in agent.log() and "agent.tls.cert" in agent.log() and "level=error" in agent.log()


def test_an_address_that_is_taken_is_named_at_start(make_agent):
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        agent = make_agent("", listen=(address,)).spawn()
        agent.may_fail = True
        assert agent.process.wait(20) == 69
        assert re.search(rf"cannot listen on {address}.*another program", agent.log())
