# SPDX-License-Identifier: Apache-2.0
"""Receivers on ephemeral loopback ports: an HTTP server and an SMTP server that do what a test asks of them."""

import asyncio
import contextlib
import email
import email.policy
import socket
import threading
import time

from aiosmtpd.smtp import SMTP, AuthResult

SILENCE = object()  # as an answer of SmtpReceiver: none comes


class Request:
    def __init__(self, method, path, headers, body):
        self.at, self.method, self.path, self.headers, self.body = time.time(), method, path, headers, body


class HttpReceiver:
    """Takes requests on a real socket. `behave(request, socket)` says what becomes of each: an int (status), a tuple (status, headers, body), bytes
    (sent as they are, then the connection is closed), or None (silence: the connection is kept open and nothing is said).
    With `listen` false the port is closed until listen()."""

    def __init__(self, behave=200, listen=True):
        self.behave = behave
        self.requests = []
        self.silent = []
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.lock = threading.Lock()
        self.open = True
        if listen:
            self.listen()

    def listen(self):
        self.listener.listen(512)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while self.open:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _read(self, stream):
        line = stream.readline()
        if not line:
            return None
        method, path, _ = line.decode().split(" ", 2)
        headers = {}
        while (field := stream.readline().strip()):
            name, value = field.decode().split(":", 1)
            headers[name.lower()] = value.strip()
        if headers.get("expect") == "100-continue":
            stream.raw._sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        return Request(method, path, headers, stream.read(int(headers.get("content-length", 0))))

    def _serve(self, peer):
        with peer, peer.makefile("rb") as stream:
            while True:
                try:
                    request = self._read(stream)
                    if not request:
                        return
                    answer = self.behave(request) if callable(self.behave) else self.behave
                    with self.lock:
                        self.requests.append(request)
                    if answer is None:
                        self.silent.append(peer.dup())
                        return
                    if isinstance(answer, bytes):
                        peer.sendall(answer)
                        return
                    status, headers, body = answer if isinstance(answer, tuple) else (answer, {}, b"")
                    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *(f"{k}: {v}" for k, v in headers.items())]
                    peer.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
                except OSError:
                    return

    def close(self):
        self.open = False
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self.listener.close()
        for s in self.silent:
            s.close()


class SmtpReceiver:
    """`refuse` maps an address (RCPT), "MAIL" or "DATA" (when all of it has come) to the reply that it gets, or to SILENCE. What
    is accepted is in `mails` as (from, [to], message); `tried` has also what was refused after DATA. With a `password`, user
    "belfry" must log in with it. With `listen` false the port is closed until listen()."""

    def __init__(self, refuse=None, password=None, listen=True):
        self.refuse = dict(refuse or {})
        self.password = password
        self.mails, self.tried, self.recipients = [], [], []
        self.loop = asyncio.new_event_loop()
        self.sock = socket.socket()
        self.sock.bind(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.url = f"smtp://127.0.0.1:{self.port}"
        if listen:
            self.listen()

    def listen(self):
        started = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self.thread.start()
        assert started.wait(10)

    def _run(self, started):
        asyncio.set_event_loop(self.loop)
        self.closing = asyncio.Event()
        login = {"auth_required": True, "auth_require_tls": False, "authenticator": self._check} if self.password else {}
        factory = lambda: SMTP(self, enable_SMTPUTF8=True, hostname="receiver.example.com", loop=self.loop, **login)
        self.server = self.loop.run_until_complete(self.loop.create_server(factory, sock=self.sock))
        started.set()
        self.loop.run_forever()
        conversations = asyncio.all_tasks(self.loop)
        for task in conversations:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*conversations, return_exceptions=True))

    def _check(self, server, session, envelope, mechanism, given):
        return AuthResult(success=(given.login, given.password) == (b"belfry", self.password.encode()), handled=False)

    async def _answer(self, what):
        answer = self.refuse.get(what, "250 OK")
        if answer is SILENCE:
            await self.closing.wait()
        return answer

    async def handle_MAIL(self, server, session, envelope, address, options):
        envelope.mail_from = address
        return await self._answer("MAIL")

    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = await self._answer(address)
        self.recipients.append(address)
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        mail = (envelope.mail_from, list(envelope.rcpt_tos), message)
        self.tried.append(mail)
        answer = await self._answer("DATA")
        if "DATA" not in self.refuse:
            self.mails.append(mail)
        return answer

    def close(self):
        async def stop():
            self.closing.set()
            self.server.close()
        asyncio.run_coroutine_threadsafe(stop(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)


class BlackHole:
    """Connections are made, by the kernel, as long as its queue has room; nobody ever takes or answers one."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.port = self.listener.getsockname()[1]

    def close(self):
        self.listener.close()
