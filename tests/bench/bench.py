# SPDX-License-Identifier: Apache-2.0
"""What the figures are taken with: helpers in C, agents, and what the kernel says of a process."""

import json
import os
import re
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[1]
sys.path.insert(0, str(TOP / "tests" / "e2e"))
import belfry  # noqa: E402

UUID = "00000000-0000-4000-8000-"
EVERY_JOB = f"/ping/{UUID}############"  # load puts its numbers there


class Bench:
    """Where to work, how long, and what was found."""

    def __init__(self, folder, quick):
        self.folder, self.quick = Path(folder), quick
        self.rows = []
        self.agents = []
        for name in ("load", "sink"):
            source = HERE / f"{name}.c"
            subprocess.run(["cc", "-std=gnu17", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", source, "-o", self.folder / name], check=True)

    def scale(self, full, quick):
        return quick if self.quick else full

    def title(self, text):
        print(f"\n{text}", flush=True)

    def put(self, name, value, unit, digits=0, show=None):
        self.rows.append({"name": name, "value": round(value, digits + 2), "unit": unit})
        print(f"  {show or name:<52} {value:>12,.{digits}f} {unit}", flush=True)

    def agent(self, config):
        """An agent with folders of its own, not started."""
        self.agents.append(Agent(self.folder / f"a{len(self.agents)}", config))
        return self.agents[-1]

    def end(self):
        """Whatever went wrong: nothing that was started stays."""
        for agent in self.agents:
            if agent.process and agent.process.poll() is None:
                agent.kill()

    def load(self, agent, path, **options):
        """Requests by load.c; its findings. One that is refused spoils the figure."""
        command = [self.folder / "load"]
        for name, value in options.items():
            command += [f"-{name}", str(value)]
        command += [f"127.0.0.1:{agent.port}", path]
        found = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=300).stdout)
        if found["failed"]:
            raise RuntimeError(f"{found['failed']} of {found['requests']} requests for {path} were refused")
        return found


class Agent(belfry.Agent):
    """The agent of the end-to-end tests, seen from the kernel."""

    def start_ms(self):
        """Start it; how long until it says that it is ready."""
        began = time.monotonic()
        self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, env=self.env)
        patience = threading.Timer(60, self.process.kill)
        patience.start()
        ready = any(b"is ready" in line for line in self.process.stderr)
        patience.cancel()
        took = (time.monotonic() - began) * 1000
        if not ready:
            raise RuntimeError(f"the agent ended with {self.process.wait()}")
        # What it says later is read, so that it does not wait for us.
        threading.Thread(target=self.process.stderr.read, daemon=True).start()
        return took

    def _tasks(self, name):
        return [(task / name).read_text() for task in Path(f"/proc/{self.process.pid}/task").iterdir()]

    def threads(self):
        return len(self._tasks("stat"))

    def cpu(self):
        """Seconds of CPU time, of user and system, of all threads so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def exact_cpu(self):
        """The same in nanoseconds' resolution, of the threads that there are; for what is nearly nothing."""
        try:
            return sum(int(text.split()[0]) for text in self._tasks("schedstat")) / 1e9
        except OSError:
            return self.cpu()

    def wakeups(self):
        return sum(int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", text, re.M)[1]) for text in self._tasks("status"))

    def memory(self):
        """Bytes, (PSS, RSS)."""
        text = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return tuple(1024 * int(re.search(rf"^{name}:\s+(\d+) kB", text, re.M)[1]) for name in ("Pss", "Rss"))

    def metric(self, name):
        return float(re.search(rf"^{name}(?:_total)? (\S+)", self.get("/metrics").text, re.M)[1])

    def settle(self):
        """Wait until the store has put its log away, which it does a second after the last write."""
        time.sleep(2.5)


class Sink:
    """A webhook receiver by sink.c."""

    def __init__(self, bench, *options):
        self.process = subprocess.Popen([bench.folder / "sink", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def next(self):
        """The next one that arrived, with the option -l: (number, nanoseconds)."""
        number, at = self.process.stdout.readline().split()
        return int(number), int(at)

    def rest(self):
        """All that it waits for: {number: nanoseconds}."""
        return {int(number): int(at) for number, at in (line.split() for line in self.process.stdout)}


def config(jobs=0, sink=None, more=""):
    """Jobs with a schedule and a UUID, and one rule for them all that tells a webhook of failures."""
    lines = "".join(f"  bench-{i}: {{schedule: '*/5 * * * *', uuid: {UUID}{i:012d}}}\n" for i in range(jobs))
    return (
        "agent: {ping_key: benchmark}\n"
        f"channels:\n  hook: {{plugin: webhook, url: 'http://127.0.0.1:{sink.port if sink else 9}/'}}\n"
        "alerts:\n  - {job_name: 'bench-*', trigger_condition: on_failure, notify_methods: [hook]}\n"
        f"{more}" + (f"jobs:\n{lines}" if jobs else "")
    )


def middle_and_99th(values):
    ordered = sorted(values)
    return statistics.median(ordered), ordered[int(0.99 * (len(ordered) - 1))]


def stripped_size(binary, folder):
    subprocess.run(["strip", "-o", folder / "stripped", binary], check=True)
    return (folder / "stripped").stat().st_size


def filesystem(folder):
    """Of the mount that a folder lies on."""
    best = ("", "unknown")
    for line in Path("/proc/mounts").read_text().splitlines():
        _, where, kind, *_ = line.split()
        if Path(where) in [folder, *folder.parents] and len(where) >= len(best[0]):
            best = (where, kind)
    return best[1]


def machine(folder):
    model = re.search(r"^model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text(), re.M)
    return {
        "cores": len(os.sched_getaffinity(0)),
        "model": model[1] if model else os.uname().machine,
        "kernel": os.uname().release,
        "load": os.getloadavg()[0],
        "filesystem": filesystem(Path(folder).resolve()),
        "binary": str(belfry.BINARY),
    }
