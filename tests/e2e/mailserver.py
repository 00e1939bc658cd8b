# SPDX-License-Identifier: Apache-2.0
"""A real mail server: Exim, with folders of its own, on an ephemeral port, relaying all it takes to a receiver of the test."""

import getpass
import grp
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from belfry import wait_for

EXIM = os.environ.get("BELFRY_EXIM", "/usr/sbin/exim4")
USER, PASSWORD = "belfry", "correct-horse"

CONFIG = """
primary_hostname = mail.example.com
exim_user = {user}
exim_group = {group}
spool_directory = {folder}/spool
log_file_path = {folder}/log.%s
pid_file_path = {folder}/pid
keep_environment =
{tls}
auth_advertise_hosts = {auth_hosts}
acl_smtp_mail = acl_mail
acl_smtp_rcpt = acl_rcpt
host_lookup =
rfc1413_hosts =
begin acl
acl_mail:
  {auth_rule}
  accept
acl_rcpt:
  accept
begin routers
all:
  driver = manualroute
  transport = out
  route_list = * 127.0.0.1::{relay}
  self = send
begin transports
out:
  driver = smtp
  hosts_avoid_tls = *
  allow_localhost
begin retry
* * F,1h,1m
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{{auth_user}}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
  server_set_id = $auth2
"""


def make_certificate(folder):
    """A self-signed one for localhost: cert.pem and key.pem."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"],
                   check=True, capture_output=True)


class MailServer:
    """`tls`: offers STARTTLS. `auth`: demands AUTH, and offers it over TLS only; else it offers none."""

    def __init__(self, relay_port, tls=True, auth=True):
        self.folder = Path(tempfile.mkdtemp(prefix="belfry-exim-"))
        self.folder.chmod(0o755)
        (self.folder / "spool").mkdir()
        make_certificate(self.folder)
        root = os.geteuid() == 0
        user = "Debian-exim" if root else getpass.getuser()
        group = "Debian-exim" if root else grp.getgrgid(os.getegid()).gr_name
        self.ca = self.folder / "cert.pem"
        config = self.folder / "exim.conf"
        config.write_text(CONFIG.format(
            user=user, group=group, folder=self.folder, relay=relay_port, auth_user=USER, password=PASSWORD,
            tls=f"tls_certificate = {self.ca}\ntls_privatekey = {self.folder}/key.pem\ntls_advertise_hosts = *" if tls else "tls_advertise_hosts =",
            auth_hosts="${if eq{$tls_in_cipher}{}{}{*}}" if auth else "",
            auth_rule="require message = authenticate first\n          authenticated = *" if auth else "accept"))
        if root:
            for name in ("", "spool", "key.pem", "cert.pem"):
                shutil.chown(self.folder / name, user, group)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        with open(self.folder / "out", "wb") as out:
            self.process = subprocess.Popen([EXIM, "-C", str(config), "-bdf", "-oX", f"127.0.0.1.{self.port}"], stdout=out, stderr=out,
                                            start_new_session=True)
        wait_for(self.answers, 20, "the mail server")

    @property
    def url(self):
        return f"smtp://localhost:{self.port}"

    def answers(self):
        assert self.process.poll() is None, self.log()
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def log(self):
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("log.*")) + [self.folder / "out"])

    def close(self):
        os.killpg(self.process.pid, signal.SIGKILL)  # with its processes for single conversations, which write its log
        self.process.wait(10)
        wait_for(self._remove, 10, "the end of its folder")

    def _remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        return not self.folder.exists()
