# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random moments under a stream of reports and failing receivers: what was acknowledged is kept and told."""

import http.client
import json
import os
import random
import threading
import time

from belfry import wait_for

ROUNDS = int(os.environ.get("BELFRY_CRASH_ROUNDS", "30"))
SEED = int(os.environ.get("BELFRY_TEST_SEED", "1"))


class Sender(threading.Thread):
    """Reports failures of jobs of its own, one after the other, and remembers what was acknowledged."""

    def __init__(self, agent, number):
        super().__init__(daemon=True)
        self.agent, self.number, self.acknowledged, self.sent, self.running = agent, number, [], 0, True

    def run(self):
        while self.running:
            job = f"j-{self.number}-{self.sent}"
            self.sent += 1
            try:
                if self.agent.report(job, "failed", exit_code=1, create=True).status == 200:
                    self.acknowledged.append(job)
            except (OSError, http.client.HTTPException):
                time.sleep(0.005)  # the agent is down: not a wait for anything, only not a busy loop


def test_kill_nine_loses_nothing_that_was_acknowledged(make_agent, hook):
    chance = random.Random(SEED)
    lock = threading.Lock()
    delivered, tries = {}, {}

    def behave(request):
        body = json.loads(request.body)
        job, id = body["commonLabels"]["job"], request.headers["webhook-id"]
        with lock:
            tries.setdefault(job, []).append(id)
            what = chance.random()
            if what < 0.6:
                delivered.setdefault(job, set()).add(id)
                return 200
        if what < 0.8:
            return 503
        if what < 0.9:
            return b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhal"
        return b""

    hook.behave = behave
    agent = make_agent(f"""
channels:
  hook: {{plugin: webhook, url: "{hook.url}", retry: {{delay: 100ms, max_delay: 1s}}}}
alerts:
  - {{job_name: "j-*", trigger_condition: on_failure, notify_methods: [hook]}}
""", listen=()).start()
    senders = [Sender(agent, n) for n in range(3)]
    for sender in senders:
        sender.start()
    slowest = 0.0
    for _ in range(ROUNDS):
        time.sleep(chance.uniform(0.02, 0.3))  # the moment of the kill
        agent.kill()
        at = time.monotonic()
        agent.start()
        slowest = max(slowest, time.monotonic() - at)
    for sender in senders:
        sender.running = False
        sender.join(20)
    acknowledged = [job for sender in senders for job in sender.acknowledged]
    assert len(acknowledged) > ROUNDS
    missing = [job for job in acknowledged if agent.get(f"/api/v1/jobs/{job}").status != 200]
    assert not missing, f"lost: {missing[:5]} of {len(missing)}"
    wait_for(lambda: all(job in delivered for job in acknowledged), 120, "the delivery of all that was acknowledged")
    repeats = sum(len(ids) - 1 for ids in tries.values())
    mixed = {job: ids for job, ids in tries.items() if len(set(ids)) > 1}
    print(f"\n{ROUNDS} kills (seed {SEED}): {len(acknowledged)} acknowledged, 0 lost; {repeats} repeats, slowest start {slowest * 1000:.0f} ms")
    assert not mixed, f"other ids in a repeat: {list(mixed.items())[:3]}"
