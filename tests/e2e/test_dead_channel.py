# SPDX-License-Identifier: Apache-2.0
"""A dead channel delays no other."""

import json
import os
import shutil
import tempfile
import threading
import time

import pytest

from belfry import Agent, wait_for
from receivers import BlackHole, HttpReceiver

QUEUED, ROUNDS, PER_ROUND, MOST_BLOCKS = 300, 10, 30, 8
# A loopback delivery takes a few milliseconds, so that 10 % of it is less than what the scheduler of a busy machine with two cores adds
# to the slowest of a hundred. Two milliseconds is no delay that anyone told of a failed job could notice, and far less than anything that
# would be caused by waiting for the dead one (its timeout is 500 times as long).
FLOOR = 0.002

CONFIG = """
channels:
  good: {{plugin: webhook, url: "{good}"}}
  other: {{plugin: webhook, url: "{other}", timeout: 1s, retry: {{delay: 100ms, factor: 1, max_delay: 100ms}}}}
alerts:
  - {{job_name: "both-*", trigger_condition: on_failure, notify_methods: [other, good]}}
  - {{job_name: "queued-*", trigger_condition: on_failure, notify_methods: [other]}}
"""


@pytest.fixture
def memory():
    """A folder whose syncs cost nothing: what is measured is waiting for one another, not the disk."""
    path = tempfile.mkdtemp(prefix="belfry-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    yield path
    shutil.rmtree(path, ignore_errors=True)


class Side:
    """One agent, its good receiver, and the time from the report of a failed job to the arrival of the message."""

    def __init__(self, folder, other):
        self.arrived, self.at = threading.Event(), 0
        self.good = HttpReceiver(self.take)
        self.agent = Agent(folder, CONFIG.format(good=self.good.url, other=other)).start()
        self.connection = self.agent.connection()
        self.n = 0
        self.latencies = []

    def take(self, request):
        self.at = time.perf_counter()
        self.arrived.set()
        return 200

    def fail(self, job):
        event = {"specversion": "1.0", "id": f"{job}-{self.n}", "source": "test", "type": "job.report",
                 "data": {"job_id": job, "status": "failed", "create": True}}
        self.connection.request("POST", "/api/v1/events", json.dumps(event), {"Content-Type": "application/cloudevents+json"})
        answer = self.connection.getresponse()
        answer.read()
        assert answer.status == 200

    def measure(self):
        for _ in range(PER_ROUND):
            self.n += 1
            self.arrived.clear()
            began = time.perf_counter()
            self.fail(f"both-{self.n}")
            assert self.arrived.wait(10), "the good channel did not tell"
            self.latencies.append(self.at - began)

    def p99(self):
        return sorted(self.latencies)[int(len(self.latencies) * 0.99)]

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.connection.close()
        self.good.close()
        assert self.agent.stop() == 0, self.agent.log()[-3000:]


@pytest.fixture
def sides(memory):
    """The same work for both; only that the second channel of the one is dead."""
    hole, alive = BlackHole(), HttpReceiver()
    with Side(f"{memory}/dead", f"http://127.0.0.1:{hole.port}") as dead, Side(f"{memory}/control", alive.url) as control:
        for side in dead, control:
            for i in range(QUEUED):
                side.fail(f"queued-{i}")
        wait_for(lambda: len(alive.requests) == QUEUED, 10, "the queue of the one that lives")
        yield dead, control
    hole.close()
    alive.close()


def test_a_black_hole_delays_no_other_channel(sides):
    dead, control = sides
    channel = lambda: next(c for c in dead.agent.items("/api/v1/channels") if c["name"] == "other")
    assert channel()["waiting"] == QUEUED and channel()["under_way"] == 8

    # What else the machine does can spoil a block of samples; a real delay spoils every one.
    for _ in range(MOST_BLOCKS):
        dead.latencies, control.latencies = [], []
        for _ in range(ROUNDS):
            dead.measure()
            control.measure()
        bound = control.p99() + max(FLOOR, control.p99() * 0.1)
        if dead.p99() <= bound:
            break
    print(f"p99 of {len(dead.latencies)}: {control.p99() * 1e3:.2f} ms, beside a black hole {dead.p99() * 1e3:.2f} ms")
    assert dead.p99() <= bound
    assert channel()["delivered"] == 0 and channel()["waiting"] == QUEUED + dead.n and channel()["under_way"] == 8
    assert len({r.headers["webhook-id"] for r in dead.good.requests}) == dead.n
