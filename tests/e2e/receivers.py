# SPDX-License-Identifier: Apache-2.0
"""Receivers on ephemeral loopback ports: an HTTP server and an SMTP server that do what a test asks of them."""

import asyncio
import email
import email.policy
import socket
import threading
import time

from aiosmtpd.smtp import SMTP


class Request:
    def __init__(self, method, path, headers, body):
        self.at, self.method, self.path, self.headers, self.body = time.time(), method, path, headers, body


class HttpReceiver:
    """Takes requests on a real socket. `behave(request, socket)` says what becomes of each: an int (status), a tuple (status, headers, body), bytes
    (sent as they are, then the connection is closed), or None (silence: the connection is kept open and nothing is said)."""

    def __init__(self, behave=200):
        self.behave = behave
        self.requests = []
        self.silent = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.lock = threading.Lock()
        self.open = True
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
        self.listener.close()
        for s in self.silent:
            s.close()


class SmtpReceiver:
    """`refuse` maps an address (RCPT), "MAIL" or "DATA" to the reply that it gets; what is accepted is in `mails` as (from, [to], message)."""

    def __init__(self, refuse=None):
        self.refuse = dict(refuse or {})
        self.mails = []
        self.loop = asyncio.new_event_loop()
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.url = f"smtp://127.0.0.1:{self.port}"
        started = threading.Event()
        threading.Thread(target=self._run, args=(started,), daemon=True).start()
        assert started.wait(10)

    def _run(self, started):
        asyncio.set_event_loop(self.loop)
        factory = lambda: SMTP(self, enable_SMTPUTF8=True, hostname="receiver.example.com", loop=self.loop)
        self.server = self.loop.run_until_complete(self.loop.create_server(factory, sock=self.sock))
        started.set()
        self.loop.run_forever()

    async def handle_MAIL(self, server, session, envelope, address, options):
        if "MAIL" in self.refuse:
            return self.refuse["MAIL"]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if "DATA" in self.refuse:
            return self.refuse["DATA"]
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.mails.append((envelope.mail_from, list(envelope.rcpt_tos), message))
        return "250 OK"

    def close(self):
        async def stop():
            self.server.close()
        asyncio.run_coroutine_threadsafe(stop(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
