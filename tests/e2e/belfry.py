# SPDX-License-Identifier: Apache-2.0
"""The real agent under test: its configuration, its process, its API."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("BELFRY_BUILD", TOP / "build"))
BINARY = BUILD / "belfry"
PLUGINS = BUILD / "plugins" / ".libs"
TEST_PLUGINS = BUILD / "tests" / "plugins" / ".libs"


def wait_for(condition, timeout=10.0, what="the condition"):
    """Poll until condition() is true; its value. What is awaited is an event of a real peer, so only the bound is fixed."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come true within {timeout} s")
        time.sleep(0.01)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=10):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode()

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


class Agent:
    """One agent with folders of its own. `clock` makes its time virtual."""

    def __init__(self, folder, config, clock=None, plugin_dirs=(), prefix=(), env=None, listen=("127.0.0.1:0",)):
        self.folder = Path(folder)
        self.conf = self.folder / "conf"
        self.state = self.folder / "state"
        self.socket = self.folder / "belfry.sock"
        self.log_path = self.folder / "log"
        self.clock, self.prefix, self.extra_env = clock, list(prefix), dict(env or {})
        self.plugin_dirs = [PLUGINS, *plugin_dirs]
        self.listen = listen
        self.process = None
        self.port = None
        self.conf.mkdir(parents=True, exist_ok=True, mode=0o755)
        self.write(config)

    def write(self, config, name="belfry.yaml"):
        path = self.conf / name
        path.write_text(config)
        path.chmod(0o600)

    @property
    def env(self):
        env = {k: v for k, v in os.environ.items() if not k.startswith("BELFRY_")}
        if self.clock:
            env["BELFRY_TEST_CLOCK"] = self.clock
        env.update(self.extra_env)
        return env

    def command(self):
        command = [*self.prefix, str(BINARY), "run", "-c", str(self.conf), "--state", str(self.state)]
        for folder in self.plugin_dirs:
            command += ["--plugin-dir", str(folder)]
        for address in [*self.listen, f"unix:{self.socket}"]:
            command += ["--listen", address]
        return command

    def spawn(self):
        self.log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env)
        return self

    def start(self, timeout=20):
        self.spawn()
        wait_for(lambda: "is ready" in self.log() or self.process.poll() is not None, timeout, "the start")
        if self.process.poll() is not None:
            raise AssertionError(f"the agent ended with {self.process.returncode}:\n{self.log()}")
        found = re.search(r"listening on 127\.0\.0\.1:(\d+)", self.log())
        self.port = int(found.group(1)) if found else None
        return self

    def log(self):
        """What it said since its last start."""
        with open(self.log_path, "rb") as f:
            f.seek(self.log_start)
            return f.read().decode(errors="replace")

    def stop(self, timeout=20):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"the agent did not stop within {timeout} s:\n{self.log()[-3000:]}")
        return self.process.returncode if self.process else None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def restart(self):
        self.stop()
        return self.start()

    # ---- HTTP ----

    def connection(self, timeout=10):
        if self.port:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        return UnixConnection(self.socket, timeout)

    def request(self, method, path, body=None, headers=None, timeout=10):
        connection = self.connection(timeout)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def get(self, path, **kw):
        return self.request("GET", path, **kw)

    def get_json(self, path):
        answer = self.get(path)
        assert answer.status == 200, answer
        return answer.json

    def items(self, path):
        return self.get_json(path)["items"]

    def post_event(self, event, **kw):
        return self.request("POST", "/api/v1/events", json.dumps(event), {"Content-Type": "application/cloudevents+json"}, **kw)

    def report(self, job, status, id=None, **data):
        """A job's report as a CloudEvent; the answer."""
        event = {"specversion": "1.0", "id": id or os.urandom(8).hex(), "source": "test", "type": "job.report", "subject": job,
                 "data": {"job_id": job, "status": status, **data}}
        return self.post_event(event)

    def advance(self, duration):
        """Move virtual time on."""
        answer = self.request("POST", f"/-/clock?advance={duration}")
        assert answer.status == 200, answer
        return answer.json["now"]

    def job(self, name):
        return self.get_json(f"/api/v1/jobs/{name}")

    def notifications(self, **query):
        tail = "&".join(f"{k}={v}" for k, v in query.items())
        return self.items(f"/api/v1/notifications?limit=1000&{tail}")

    # ---- command line ----

    def cli(self, *args, timeout=30, env=None, input=None):
        environment = {**self.env, "BELFRY_AGENT": f"unix:{self.socket}", **(env or {})}
        return subprocess.run([str(BINARY), *args], env=environment, capture_output=True, text=True, timeout=timeout, input=input)


def check(*paths, plugin_dirs=(PLUGINS,), env=None):
    """`belfry check`; the finished process."""
    command = [str(BINARY), "check"]
    for path in paths:
        command += ["-c", str(path)]
    for folder in plugin_dirs:
        command += ["--plugin-dir", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ, **(env or {})})
