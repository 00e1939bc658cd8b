# SPDX-License-Identifier: Apache-2.0
"""A mail server and a webhook receiver for the demo.

Usage: receivers.py FOLDER. Both listen on free ports of the loopback address, which are written to FOLDER/ports as
shell assignments. What arrives is written to FOLDER/mail-N and FOLDER/webhook-N.
"""

import asyncio
import email
import email.policy
import http.server
import json
import os
import sys
import threading
import warnings

from aiosmtpd.smtp import SMTP


def save(folder, kind, text):
    """Write the next file of this kind, whole or not at all."""
    number = 1
    while os.path.exists(os.path.join(folder, f"{kind}-{number}")):
        number += 1
    path = os.path.join(folder, f"{kind}-{number}")
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(path + ".new", path)


class MailHandler:
    def __init__(self, folder):
        self.folder = folder

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        body = message.get_body(("plain",))
        shown = [f"{name}: {message[name]}" for name in ("From", "To", "Subject", "Date", "Message-ID") if message[name]]
        save(self.folder, "mail", "\n".join(shown + ["", body.get_content() if body else "", ""]))
        return "250 taken"


def webhook_handler(folder):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            shown = [f"{self.command} {self.path}"] + [f"{name}: {value}" for name, value in self.headers.items()]
            text = json.dumps(json.loads(body), indent=2, ensure_ascii=False)
            save(folder, "webhook", "\n".join(shown + ["", text, ""]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format, *arguments):
            pass

    return Handler


async def main(folder):
    loop = asyncio.get_running_loop()
    mail = await loop.create_server(lambda: SMTP(MailHandler(folder), hostname="localhost"), "127.0.0.1", 0)
    webhook = http.server.ThreadingHTTPServer(("127.0.0.1", 0), webhook_handler(folder))
    threading.Thread(target=webhook.serve_forever, daemon=True).start()
    ports = os.path.join(folder, "ports")
    with open(ports + ".new", "w", encoding="ascii") as file:
        file.write(f"BELFRY_DEMO_SMTP_PORT={mail.sockets[0].getsockname()[1]}\n")
        file.write(f"BELFRY_DEMO_WEBHOOK_PORT={webhook.server_port}\n")
    os.rename(ports + ".new", ports)
    await mail.serve_forever()


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # the library's about features that the demo does not use
    try:
        asyncio.run(main(sys.argv[1]))
    except KeyboardInterrupt:
        pass
