# SPDX-License-Identifier: Apache-2.0
"""What the machine can do to the agent: a full disk, a disk that fails, a damaged database, no descriptors, a second agent, an end under load."""

import collections
import http.client
import json
import os
import re
import resource
import signal
import socket
import subprocess
import threading
import time
import uuid
from pathlib import Path

import pytest

from belfry import BINARY, Agent, wait_for
from receivers import HttpReceiver

SLOWER = 3 if b"__asan_init" in BINARY.read_bytes() else 1
OUTPUT = "x" * 8000  # a run's output: so that a disk is soon full

CONFIG = """
agent: {{notify: [hook]}}
channels:
  hook: {{plugin: webhook, url: "{url}", timeout: 2s, retry: {{delay: 50ms, factor: 1, max_delay: 50ms}}}}
alerts:
  - {{job_name: j, trigger_condition: on_success, notify_methods: [hook]}}
"""


class Told:
    """A receiver that remembers which runs it was told of, while it is `away` by none."""

    def __init__(self):
        self.away, self.rids, self.alerts = False, set(), []
        self.receiver = HttpReceiver(self.take)
        self.url = self.receiver.url

    def take(self, request):
        if self.away:
            return 503
        for alert in json.loads(request.body)["alerts"]:
            self.alerts.append(alert)
            self.rids.add(alert["annotations"].get("rid"))
        return 200

    def summary(self, alertname):
        return next((a["annotations"]["summary"] for a in self.alerts if a["labels"]["alertname"] == alertname), None)


@pytest.fixture
def told():
    it = Told()
    yield it
    it.receiver.close()


def report(agent, taken=None):
    """One run that ended; the answer. What was acknowledged goes into `taken`."""
    rid = str(uuid.uuid4())
    answer = agent.report("j", "success", rid=rid, output=OUTPUT)
    if answer.status == 200 and taken is not None:
        taken.add(rid)
    return answer


def known(agent):
    """The runs in the history of pings."""
    found, cursor = [], ""
    while cursor is not None:
        page = agent.get_json(f"/api/v1/jobs/j/pings?limit=1000{cursor and f'&cursor={cursor}'}")
        found += [ping["rid"] for ping in page["items"]]
        cursor = page["next"]
    assert len(found) == len(set(found))
    return set(found)


class Senders:
    """Several at once, without end; what they were answered."""

    def __init__(self, agent, n=4):
        self.agent, self.taken, self.answers, self.broken, self.over = agent, set(), [], 0, False
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(n)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while not self.over:
            try:
                self.answers.append(report(self.agent, self.taken))
            except (OSError, http.client.HTTPException):
                self.broken += 1
                if self.agent.process.poll() is not None:
                    return

    def statuses(self):
        return collections.Counter(answer.status for answer in self.answers)

    def stop(self):
        self.over = True
        for thread in self.threads:
            thread.join(20)
            assert not thread.is_alive()


# ---- a full disk ----

class SmallDisk:
    """The state folder on a file system of its own, which is filled by a file."""

    def __init__(self, folder):
        self.path = Path(folder) / "disk"
        self.path.mkdir(mode=0o700)
        mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs", str(self.path)], capture_output=True, text=True)
        self.mounted = mount.returncode == 0
        if not self.mounted:
            pytest.skip(f"no mount here: {mount.stderr.strip()}")

    def fill(self, agent):
        with open(self.path / "filler", "wb", buffering=0) as f:
            try:
                while True:
                    f.write(b"\0" * 4096)
            except OSError:
                pass

    def free(self, agent):
        (self.path / "filler").unlink()

    def end(self):
        if self.mounted:
            subprocess.run(["umount", str(self.path)], check=True)


class FileLimit:
    """A limit on the size of files, as a quota or systemd's LimitFSIZE= sets it."""

    def __init__(self, folder):
        self.path = Path(folder) / "disk"
        self.path.mkdir(mode=0o700)

    def fill(self, agent):
        written = max(path.stat().st_size for path in agent.state.glob("belfry.db*"))
        resource.prlimit(agent.process.pid, resource.RLIMIT_FSIZE, (written + 64 * 1024, resource.RLIM_INFINITY))

    def free(self, agent):
        resource.prlimit(agent.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def end(self):
        pass


@pytest.fixture
def disk(request, folder):
    it = request.param(folder)
    yield it
    it.end()


@pytest.fixture
def agent(disk, make_agent, told):
    it = make_agent(CONFIG.format(url=told.url))
    it.state = disk.path
    return it.start()


def fill_up(disk, agent, taken):
    """Fill the disk and report until the agent takes no more; every answer is a 200, or a refusal that says when to come again."""
    disk.fill(agent)
    for _ in range(2000):
        answer = report(agent, taken)
        if answer.status != 200:
            break
    assert answer.status in (503, 507) and int(answer.headers["Retry-After"]) > 0, answer
    assert "disk is full" in answer.json["error"]


@pytest.mark.parametrize("disk", [SmallDisk, FileLimit], indirect=True)
def test_a_full_disk_refuses_senders_and_goes_on_delivering(disk, agent, told):
    taken, before = set(), set()
    told.away = True
    for _ in range(20):
        assert report(agent, before).status == 200
    fill_up(disk, agent, taken)
    refused = Senders(agent)
    wait_for(lambda: len(refused.answers) > 20, 10, "more refusals")
    refused.stop()
    assert not refused.broken and set(refused.statuses()) <= {200, 503, 507}, refused.statuses()
    assert all(answer.status == 200 or int(answer.headers["Retry-After"]) > 0 for answer in refused.answers)
    taken |= refused.taken

    assert agent.get("/-/healthy").status == 200
    ready = agent.get("/-/ready")
    assert ready.status == 503 and "free at least" in ready.text, ready
    assert agent.get_json("/api/v1/status")["store"]["state"] == "full"
    assert agent.cli("status").returncode == 1

    told.away = False
    wait_for(lambda: before <= told.rids, 10, "what was in the outbox when the disk filled up")
    assert report(agent).status in (503, 507)

    disk.free(agent)
    begin = time.monotonic()
    wait_for(lambda: report(agent, taken).status == 200, 5, "room")
    assert time.monotonic() - begin < 5
    assert agent.get("/-/ready").status == 200
    wait_for(lambda: before | taken <= told.rids, 20, "all that was acknowledged")
    agent.kill()
    agent.start()
    assert before | taken <= known(agent)


@pytest.mark.parametrize("disk", [SmallDisk], indirect=True)
def test_the_agent_starts_on_a_full_disk_and_goes_on_delivering(disk, agent, told):
    taken = set()
    told.away = True
    fill_up(disk, agent, taken)
    agent.kill()
    disk.fill(agent)
    agent.start()
    assert report(agent).status in (503, 507)
    assert taken <= known(agent)
    told.away = False
    wait_for(lambda: taken <= told.rids, 20, "what was acknowledged")
    disk.free(agent)
    wait_for(lambda: report(agent).status == 200, 5, "room")


# ---- a disk that fails ----

def inject(agent, calls, error):
    """From now on these system calls of the agent fail. The process that does that, which ends with the agent."""
    strace = subprocess.Popen(["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}", "-e", f"inject={calls}:error={error}",
                               "-p", str(agent.process.pid)], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    threads = len(os.listdir(f"/proc/{agent.process.pid}/task"))

    def traced():
        if strace.poll() == 0:
            return True  # it struck at once, and the agent has ended
        assert strace.poll() is None, strace.stderr.read()
        states = [re.search(r"TracerPid:\s+(\d+)", Path(f"/proc/{agent.process.pid}/task/{task}/status").read_text()).group(1)
                  for task in os.listdir(f"/proc/{agent.process.pid}/task")]
        return len(states) == threads and set(states) == {str(strace.pid)}

    def safely():
        try:
            return traced()
        except (FileNotFoundError, ProcessLookupError):
            return False  # the agent is about to be gone
    wait_for(safely, 10, "strace")
    return strace


@pytest.fixture
def traceable(make_agent, told):
    """LeakSanitizer does not work under ptrace."""
    it = make_agent(CONFIG.format(url=told.url), env={"ASAN_OPTIONS": "detect_leaks=0"})
    it.may_fail = True
    return it.start()


def until_healthy(agent):
    """Start it; the seconds until it answers."""
    begin = time.monotonic()
    agent.spawn()

    def healthy():
        try:
            return agent.socket.exists() and agent.cli("status").returncode == 0
        except OSError:
            return False
    agent.port = None

    def answers():
        try:
            return agent.get("/-/healthy").status == 200
        except OSError:
            return False
    wait_for(answers, 10, "an answer")
    return time.monotonic() - begin


@pytest.mark.parametrize("calls", ["fdatasync,fsync", "pwrite64"])
def test_a_failed_write_or_sync_is_never_acknowledged_and_ends_the_agent(traceable, told, calls):
    agent, taken = traceable, set()
    told.away = True
    senders = Senders(agent)
    wait_for(lambda: senders.statuses()[200] >= 20, 20, "some that are taken")
    strace = inject(agent, calls, "EIO")
    assert agent.process.wait(20) == 70
    senders.stop()
    strace.wait(10)
    taken |= senders.taken
    assert senders.statuses()[503] >= 1 and set(senders.statuses()) == {200, 503}, senders.statuses()
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in senders.answers if answer.status == 503)
    assert "the store failed" in agent.log()

    assert until_healthy(agent) < 1.0 * SLOWER
    assert taken <= known(agent)
    told.away = False
    wait_for(lambda: taken <= told.rids, 20, "what was acknowledged")
    assert report(agent).status == 200


def test_a_sync_that_fails_with_nobody_waiting_ends_the_agent_too(traceable):
    """The log is copied into the database when the agent has been idle for a second."""
    agent, taken = traceable, set()
    assert report(agent, taken).status == 200
    strace = inject(agent, "fdatasync,fsync", "EIO")
    assert agent.process.wait(20) == 70
    strace.wait(10)
    agent.start()
    assert taken <= known(agent)


# ---- no descriptors ----

def cpu_seconds(agent):
    fields = Path(f"/proc/{agent.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("descriptors", [64, 48])
def test_few_descriptors_and_many_connections_stop_no_delivery(make_agent, told, descriptors):
    agent = make_agent(CONFIG.format(url=told.url), prefix=("prlimit", f"--nofile={descriptors}:{descriptors}")).start()
    taken, flood, sender = set(), [], agent.connection()
    sender.request("GET", "/-/healthy")
    assert sender.getresponse().read() == b"OK\n"
    try:
        for n in range(200):
            s = socket.socket()
            flood.append(s)
            s.bind((f"127.0.6.{1 + n // 20}", 0))
            s.setblocking(False)
            s.connect_ex(("127.0.0.1", agent.port))
        begin = time.monotonic()
        done = subprocess.run(["curl", "-sS", "-m", "5", "-o", "/dev/null", "-w", "%{http_code}", "--unix-socket", str(agent.socket), "http://localhost/-/healthy"],
                              capture_output=True, text=True)
        assert done.stdout in ("200", "503") and time.monotonic() - begin < 1, done
        before = cpu_seconds(agent)
        runs = [str(uuid.uuid4()) for _ in range(10)]
        for rid in runs:  # over the connection that was there before
            event = {"specversion": "1.0", "id": rid, "source": "test", "type": "job.report", "subject": "j", "data": {"status": "success", "rid": rid}}
            sender.request("POST", "/api/v1/events", json.dumps(event), {"Content-Type": "application/cloudevents+json"})
            answer = sender.getresponse()
            assert (answer.status, json.loads(answer.read())) == (200, {"accepted": 1})
        wait_for(lambda: set(runs) <= told.rids, 10, "the messages")
        threading.Event().wait(2)  # long enough for the kernel's clock of CPU time to say something
        assert cpu_seconds(agent) - before < 0.5
    finally:
        for s in flood:
            s.close()
        sender.close()
    wait_for(lambda: report(agent, taken).status == 200, 10, "room for connections")


# ---- a damaged database ----

def overwrite_the_middle(path):
    size = path.stat().st_size
    with open(path, "r+b") as f:
        f.seek(size // 2)
        f.write(os.urandom(12 * 1024))


def overwrite_the_head(path):
    with open(path, "r+b") as f:
        f.write(b"\0" * 100)


def cut_off_the_end(path):
    os.truncate(path, path.stat().st_size * 3 // 4)


def flip_a_bit(path):
    """In a record: the structure stays sound."""
    content = bytearray(path.read_bytes())
    content[content.rindex(b"x" * 100) + 50] ^= 1
    path.write_bytes(content)


def set_aside(agent):
    """Databases; their logs, if they had one, stand beside them."""
    return [path for path in agent.state.glob("belfry.db.corrupt-*") if not path.name.endswith(("-wal", "-shm"))]


@pytest.mark.parametrize("damage, least", [(overwrite_the_middle, 0.5), (overwrite_the_head, 1.0), (cut_off_the_end, 0.3), (flip_a_bit, 0.9)])
def test_a_damaged_database_is_set_aside_salvaged_and_told(make_agent, told, damage, least):
    agent, taken = make_agent(CONFIG.format(url=told.url)).start(), set()
    for _ in range(100):
        assert report(agent, taken).status == 200
    assert agent.stop() == 0
    database = agent.state / "belfry.db"
    damage(database)
    damaged = database.read_bytes()

    agent.start()
    aside = set_aside(agent)
    if damage is flip_a_bit and not aside:  # where it hit, nothing was: detected or harmless
        assert known(agent) == taken
        return
    assert len(aside) == 1 and aside[0].read_bytes() == damaged
    summary = wait_for(lambda: told.summary("BelfryStoreDamaged"), 10, "the message")
    assert str(aside[0]) in summary
    carried, lost = map(int, re.search(r"(\d+) of its records were carried into a new one, (\d+) could not be read", summary).groups())
    assert carried >= least * 100
    found = known(agent)
    assert len(found) >= least * 100 and found <= taken
    assert "BelfryStoreDamaged" in agent.log()

    assert report(agent, found).status == 200
    agent.restart()
    assert known(agent) == found
    assert set_aside(agent) == aside


def test_a_file_of_another_program_is_left_alone(make_agent, told):
    import sqlite3
    agent = make_agent(CONFIG.format(url=told.url))
    agent.state.mkdir(mode=0o700)
    other = sqlite3.connect(agent.state / "belfry.db")
    other.execute("CREATE TABLE precious(x)")
    other.commit()
    other.close()
    before = (agent.state / "belfry.db").read_bytes()
    agent.may_fail = True
    assert agent.spawn().process.wait(20) == 74
    assert "another program's database" in agent.log()
    assert (agent.state / "belfry.db").read_bytes() == before


# ---- a second agent ----

def test_a_second_agent_on_the_same_state_is_refused(make_agent, told):
    first = make_agent(CONFIG.format(url=told.url)).start()
    second = make_agent(CONFIG.format(url=told.url), name="b")
    second.state, second.may_fail = first.state, True
    assert second.spawn().process.wait(20) == 75
    assert f"{first.state}: another agent is using this state folder" in second.log() and "--state" in second.log()
    assert report(first).status == 200
    first.kill()
    second.may_fail = False
    second.start()
    assert len(known(second)) == 1


# ---- an end under load ----

def test_sigterm_under_load_loses_nothing(make_agent, told):
    agent = make_agent(CONFIG.format(url=told.url)).start()
    senders = Senders(agent)
    wait_for(lambda: len(senders.taken) > 100, 20, "reports")
    assert agent.stop() == 0
    senders.stop()
    assert set(senders.statuses()) <= {200, 503}, senders.statuses()
    assert "stopped" in agent.log()
    agent.start()
    assert senders.taken <= known(agent)
    wait_for(lambda: senders.taken <= told.rids, 20, "what was acknowledged")


def test_sigterm_lets_an_attempt_end(make_agent):
    """The receiver answers half a second after the signal: that is the end of it, and nothing is sent twice."""
    came, go_on, ids = threading.Event(), threading.Event(), []

    def take(request):
        ids.append(request.headers["webhook-id"])
        came.set()
        go_on.wait(10)
        return 200
    receiver = HttpReceiver(take)
    agent = make_agent(CONFIG.format(url=receiver.url)).start()
    try:
        assert report(agent).status == 200
        assert came.wait(10)
        agent.process.send_signal(signal.SIGTERM)
        wait_for(lambda: "finishing what is under way" in agent.log(), 10, "the signal")
        go_on.set()
        assert agent.process.wait(5) == 0
        agent.start()
        assert [n["state"] for n in agent.notifications()] == ["delivered"]
        assert len(ids) == 1
    finally:
        go_on.set()
        receiver.close()


def test_a_second_sigterm_ends_it_at_once(make_agent):
    receiver = HttpReceiver(None)
    agent = make_agent(CONFIG.format(url=receiver.url)).start()
    try:
        assert report(agent).status == 200
        wait_for(lambda: receiver.requests, 10, "the attempt")
        agent.process.send_signal(signal.SIGTERM)
        wait_for(lambda: "finishing what is under way" in agent.log(), 10, "the signal")
        assert agent.process.poll() is None
        agent.process.send_signal(signal.SIGTERM)
        assert agent.process.wait(1.5) == 0
        agent.start()
        assert [n["state"] for n in agent.notifications()] == ["queued"]
    finally:
        receiver.close()
