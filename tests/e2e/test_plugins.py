# SPDX-License-Identifier: Apache-2.0
"""Plugins that are refused, and plugins that misbehave: each is named, and the rest runs."""

import os
import shutil
import subprocess

import pytest

from belfry import BINARY, PLUGINS, TEST_PLUGINS, check, wait_for


def refused(folder, plugin, dirs, kind="channels"):
    path = f"{folder}/x.yaml"
    with open(path, "w") as f:
        f.write(f"{kind}:\n  mine: {{plugin: {plugin}}}\n")
    os.chmod(path, 0o600)
    done = check(path, plugin_dirs=dirs)
    assert done.returncode == 1, done
    assert done.stdout.startswith(f"{path}:2:"), done.stdout
    return done.stdout


@pytest.mark.parametrize("plugin, words", [
    ("t_bad_major", ("t_bad_major.so", "ABI", "1.")), ("t_bad_minor", ("t_bad_minor.so", "ABI", "1.")), ("t_bad_name", ("t_bad_name.so", "name")),
    ("t_bad_kind", ("t_bad_kind.so", "kind")), ("t_bad_functions", ("t_bad_functions.so",)), ("t_bad_twice", ("t_bad_twice.so", "option")),
    ("t_bad_undefined", ("t_bad_undefined.so", "does not load")), ("absent", ("absent.so", "not found")), ("t_source", ("source", "channel")),
])
def test_a_plugin_that_does_not_fit_is_refused_by_name(folder, plugin, words):
    said = refused(folder, plugin, [PLUGINS, TEST_PLUGINS])
    for word in words:
        assert word in said


def test_a_plugin_file_or_folder_that_others_can_write_is_refused(folder):
    own = f"{folder}/plugins"
    os.mkdir(own, 0o755)
    shutil.copy(PLUGINS / "webhook.so", own)
    os.chmod(f"{own}/webhook.so", 0o666)
    assert "webhook.so can be written by everyone" in refused(folder, "webhook", [own])
    os.chmod(f"{own}/webhook.so", 0o644)
    os.chmod(own, 0o777)
    assert f"{own} can be written by everyone" in refused(folder, "webhook", [own])


def test_a_source_that_does_not_start_is_told_and_the_rest_runs(make_agent, hook):
    agent = make_agent(f"""
agent: {{notify: [hook]}}
channels:
  hook: {{plugin: webhook, url: "{hook.url}"}}
sources:
  dead: {{plugin: t_source, fail_start: "no such device"}}
  alive: {{plugin: t_source}}
""", plugin_dirs=[TEST_PLUGINS]).start()
    states = {source["name"]: source for source in agent.get_json("/api/v1/status")["sources"]}
    assert states["dead"]["state"] == "failed" and "no such device" in states["dead"]["error"]
    assert states["alive"]["state"] == "running"
    wait_for(lambda: hook.requests, 10, "the message")
    assert b"BelfrySourceDown" in hook.requests[0].body and b"no such device" in hook.requests[0].body
    assert agent.cli("status").returncode == 1


def test_a_plugin_that_crashes_is_named(make_agent):
    agent = make_agent("""
channels:
  bad: {plugin: t_crash}
alerts:
  - {job_name: j, trigger_condition: on_failure, notify_methods: [bad]}
""", plugin_dirs=[TEST_PLUGINS]).start()
    agent.may_fail = True
    try:
        agent.report("j", "failed", exit_code=1)
    except OSError:
        pass  # it may end before it answers
    agent.process.wait(20)
    assert agent.process.returncode != 0
    assert "crashed in plugin t_crash" in agent.log()


def test_a_plugin_that_holds_the_loop_is_named(make_agent):
    agent = make_agent("""
channels:
  slow: {plugin: t_slow}
alerts:
  - {job_name: j, trigger_condition: on_failure, notify_methods: [slow]}
""", plugin_dirs=[TEST_PLUGINS]).start()
    assert agent.report("j", "failed", exit_code=1).status == 200
    wait_for(lambda: "held the loop" in agent.log(), 10, "the warning")
    line = next(line for line in agent.log().splitlines() if "held the loop" in line)
    assert "t_slow" in line and "slow" in line and " ms" in line


@pytest.mark.parametrize("how, verdict", [("once", "delivered"), ("twice", "delivered"), ("once, after: 50ms", "delivered"), ("never, timeout: 300ms", "unavailable")])
def test_an_asynchronous_channel_ends_each_attempt_once(make_agent, how, verdict):
    agent = make_agent(f"""
channels:
  other: {{plugin: t_deliver, how: {how}, retry: {{delay: 1h, max_delay: 1h}}}}
alerts:
  - {{job_name: j, trigger_condition: on_failure, notify_methods: [other]}}
""", plugin_dirs=[TEST_PLUGINS]).start()
    assert agent.report("j", "failed", exit_code=1).status == 200
    wait_for(lambda: agent.notifications()[0]["attempts"], 10, "the attempt")
    assert [a["verdict"] for a in agent.notifications()[0]["attempts"]] == [verdict]


def test_plugins_are_listed_with_what_is_wrong(folder):
    done = subprocess.run([str(BINARY), "plugin", "list", "--plugin-dir", str(TEST_PLUGINS)], capture_output=True, text=True, timeout=60)
    assert "t_channel" in done.stdout and "t_bad_major" in done.stdout
    info = subprocess.run([str(BINARY), "plugin", "info", "smtp", "--plugin-dir", str(PLUGINS)], capture_output=True, text=True, timeout=60)
    assert info.returncode == 0 and "starttls" in info.stdout and "required" in info.stdout
