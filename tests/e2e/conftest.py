# SPDX-License-Identifier: Apache-2.0
import shutil
import tempfile

import pytest

from belfry import Agent
from receivers import HttpReceiver, SmtpReceiver


@pytest.fixture
def folder():
    """A short path: Unix sockets have at most 108 bytes. Not writable by others, as the agent demands of its configuration."""
    path = tempfile.mkdtemp(prefix="belfry-")
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def make_agent(folder):
    """Agents that are stopped at the end, whatever happened. One that does not end by itself fails the test."""
    agents = []

    def make(config, name="a", **kw):
        agent = Agent(f"{folder}/{name}", config, **kw)
        agents.append(agent)
        return agent

    yield make
    for agent in agents:
        code = agent.stop() if agent.process else 0
        if code not in (0, -9) and not getattr(agent, "may_fail", False):
            pytest.fail(f"the agent ended with {code}:\n{agent.log()[-4000:]}")


@pytest.fixture
def hook():
    receiver = HttpReceiver()
    yield receiver
    receiver.close()


@pytest.fixture
def smtp():
    receiver = SmtpReceiver()
    yield receiver
    receiver.close()
