# SPDX-License-Identifier: Apache-2.0
"""kill -9 at any moment, under a stream of pings and events and with receivers that fail: what was acknowledged is kept and told."""

import collections
import http.client
import json
import os
import random
import shutil
import signal
import sqlite3
import threading
import time
import uuid

import pytest

from belfry import BINARY, UnixConnection, wait_for

ROUNDS = int(os.environ.get("BELFRY_CRASH_ROUNDS", "30"))
SEED = int(os.environ.get("BELFRY_TEST_SEED") or random.randrange(1 << 32))
SENDERS, JOBS, KEY = 4, 6, "key-of-the-team-0123456789"
# Ready within one second; AddressSanitizer may make it three.
READY = 3.0 if b"__asan_init" in BINARY.read_bytes() else 1.0

CONFIG = """
agent: {{ping_key: {key}}}
channels:
  hook: {{plugin: webhook, url: "{url}", timeout: 300ms, retry: {{delay: 20ms, factor: 1.5, max_delay: 100ms}}}}
alerts:
  - {{job_name: "j-*", trigger_condition: [on_failure, on_recovery], notify_methods: [hook]}}
"""


class Receiver:
    """Takes 7 of 10 requests; the others meet an error, half an answer, none at all, or silence until the channel's timeout."""

    def __init__(self, hook, chance):
        self.chance, self.lock = chance, threading.Lock()
        self.ids = collections.defaultdict(list)  # of each message, in the order of its tries
        self.messages = collections.defaultdict(set)  # of each id
        self.told = set()  # the rid of each failure that was told and taken
        hook.behave = self.behave

    def behave(self, request):
        alert = json.loads(request.body)["alerts"][0]
        message = (alert["labels"]["job"], alert["startsAt"], alert["status"])
        with self.lock:
            self.ids[message].append(request.headers["webhook-id"])
            self.messages[request.headers["webhook-id"]].add(message)
            what = self.chance.random()
            if what < 0.7:
                self.told.add(alert["annotations"]["rid"])
                return 200
        return 503 if what < 0.85 else b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf" if what < 0.92 else b"" if what < 0.99 else None


class Sender(threading.Thread):
    """Lets jobs of its own fail and succeed in turn, over one connection for as long as that holds, and remembers what was acknowledged.
    A report without an answer may have been taken or not: another one is sent in its place until one is acknowledged."""

    def __init__(self, storm, number):
        super().__init__(daemon=True)
        self.storm, self.number, self.chance = storm, number, random.Random(f"{SEED}-{number}")
        self.acknowledged = collections.defaultdict(set)  # by job: (kind, rid)
        self.failures = []  # [rids] of which at least one must be told, since the job had succeeded before and failed then
        self.refusals = []
        self.connection = None
        self.running = True

    def connect(self):
        agent = self.storm.agent
        return UnixConnection(agent.socket, 5) if self.number % 2 else http.client.HTTPConnection("127.0.0.1", agent.port, timeout=5)

    def ask(self, job, kind, rid):
        """The request that reports it: a ping, or an event."""
        if self.number < SENDERS // 2:
            return "POST", f"/ping/{KEY}/{job}{'/fail' if kind == 'fail' else ''}?create=1&rid={rid}", f"output of {rid}"
        event = {"specversion": "1.0", "id": rid, "source": "test", "type": "job.report",
                 "data": {"job_id": job, "status": kind, "rid": rid, "create": True, "output": f"output of {rid}"}}
        return "POST", "/api/v1/events", json.dumps(event), {"Content-Type": "application/cloudevents+json"}

    def report(self, job, kind, rid):
        try:
            self.connection = self.connection or self.connect()
            self.connection.request(*self.ask(job, kind, rid))
            answer = self.connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            self.connection = None
            return False
        if answer.status not in (200, 201):
            self.refusals.append(answer.status)
            return False
        self.acknowledged[job].add((kind, rid))
        return True

    def until_acknowledged(self, job, kind):
        """The rids that were sent for it; none if the storm is over."""
        rids = []
        while self.running:
            rids.append(str(uuid.UUID(int=self.chance.getrandbits(128), version=4)))
            if self.report(job, kind, rids[-1]):
                return rids
            self.storm.up.wait(5)
        return []

    def run(self):
        for n in range(1 << 30):
            job = f"j-{self.number}-{n % JOBS}" if n % 10 else f"j-{self.number}-new-{n}"
            rids = self.until_acknowledged(job, "fail")
            if not rids:
                return
            self.failures.append(rids)
            if not self.until_acknowledged(job, "success"):
                return


class Storm:
    def __init__(self, make_agent, hook):
        self.chance = random.Random(SEED)
        self.receiver = Receiver(hook, random.Random(SEED + 1))
        self.config = CONFIG.format(key=KEY, url=hook.url)
        self.agent = make_agent(self.config)
        self.up = threading.Event()
        self.kills, self.starts = 0, []
        self.start()
        self.senders = [Sender(self, n) for n in range(SENDERS)]
        for sender in self.senders:
            sender.start()

    def start(self):
        began = time.monotonic()
        self.agent.start()
        self.starts.append(time.monotonic() - began)
        self.up.set()

    def moment(self, most):
        """Let a random time pass. Nothing is awaited: that it is any moment is what matters."""
        threading.Event().wait(self.chance.uniform(0, most))

    def kill(self):
        self.up.clear()
        self.agent.kill()
        self.kills += 1

    def end(self):
        """The last kill, and then the truth."""
        self.kill()
        for sender in self.senders:
            sender.running = False
        self.up.set()
        for sender in self.senders:
            sender.join(20)
            assert not sender.is_alive() and not sender.refusals
        self.check_database()
        self.start()
        self.check_pings()
        self.check_deliveries()
        acknowledged = sum(len(reports) for s in self.senders for reports in s.acknowledged.values())
        repeats = sum(len(ids) - 1 for ids in self.receiver.ids.values())
        print(f"\nseed {SEED}: {self.kills} kills, {acknowledged} acknowledged, 0 lost, {len(self.receiver.ids)} messages, "
              f"{repeats} repeats, slowest start {max(self.starts):.3f} s")
        assert acknowledged > self.kills and repeats > 0
        assert max(self.starts) <= READY
        assert "BelfryStoreDamaged" not in self.agent.log_path.read_text()

    def check_database(self):
        """As the kill left it. In a copy: SQLite tidies up what it opens, and the agent is to start from what was left."""
        copy = self.agent.folder / "copy"
        copy.mkdir()
        for name in ("belfry.db", "belfry.db-wal"):
            shutil.copy(self.agent.state / name, copy)
        database = sqlite3.connect(copy / "belfry.db")
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("SELECT count(*) FROM pings").fetchone()[0] > 0
        database.close()

    def pings(self, job):
        cursor, found = "", []
        while cursor is not None:
            answer = self.agent.get(f"/api/v1/jobs/{job}/pings?limit=1000{cursor and f'&cursor={cursor}'}")
            if answer.status == 404:  # the job itself is lost
                return []
            page = answer.json
            found += [(ping["kind"], ping["rid"]) for ping in page["items"]]
            cursor = page["next"]
        return found

    def check_pings(self):
        """Every acknowledged report is in the history, and none is there twice."""
        lost = []
        for job, reports in ((job, reports) for sender in self.senders for job, reports in sender.acknowledged.items()):
            found = self.pings(job)
            assert len(found) == len(set(found)), job
            lost += reports - set(found)
        assert not lost, f"{len(lost)} acknowledged reports are lost, as {lost[:3]}"

    def check_deliveries(self):
        """Every failure after a success is told, and every try of a message has the id of its first."""
        wait_for(lambda: all(c["waiting"] == 0 for c in self.agent.items("/api/v1/channels")), 60, "an empty outbox")
        untold = [rids for sender in self.senders for rids in sender.failures if not self.receiver.told.intersection(rids)]
        assert not untold, f"{len(untold)} failures were never told, as {untold[:3]}"
        assert {i for i, messages in self.receiver.messages.items() if len(messages) > 1} == set()
        assert {m: set(ids) for m, ids in self.receiver.ids.items() if len(set(ids)) > 1} == {}


@pytest.fixture
def storm(make_agent, hook):
    it = Storm(make_agent, hook)
    yield it
    for sender in it.senders:
        sender.running = False
    it.up.set()


def test_a_kill_at_any_moment_loses_nothing_that_was_acknowledged(storm):
    for _ in range(ROUNDS):
        storm.moment(0.3)
        storm.kill()
        storm.start()
    storm.end()


def test_a_kill_during_the_start_after_a_kill_loses_nothing(storm):
    for _ in range(ROUNDS // 3):
        storm.moment(0.1)
        storm.kill()
        for _ in range(storm.chance.randint(1, 3)):
            storm.agent.spawn()
            storm.moment(storm.starts[0])
            storm.kill()
        storm.start()
    storm.end()


def test_a_kill_in_the_middle_of_a_reload_loses_nothing(storm):
    for n in range(ROUNDS // 3):
        storm.moment(0.1)
        storm.agent.write(storm.config + f"jobs: {{reloaded-{n}: {{}}}}\n")
        storm.agent.process.send_signal(signal.SIGHUP)
        storm.moment(0.01)
        storm.kill()
        storm.start()
        assert storm.agent.get(f"/api/v1/jobs/reloaded-{n}").status == 200
    storm.end()
