# SPDX-License-Identifier: Apache-2.0
"""The main job: a job fails, is late or never ran, and the mail and the webhook arrive."""

import json
import re
import socket
import subprocess
import time

from belfry import wait_for

# The first user's alert, as it was written.
SEED = """
alerts:
  - job_name: "model-training-pipeline"
    trigger_condition: "on_failure"
    notify_methods:
      - email
      - webhook
    recipients:
      - "admin@example.com"
    schedule_cron: "0 2 * * *"
"""


def channels(smtp, hook, **more):
    return f"""
channels:
  email: {{plugin: smtp, url: "{smtp.url}", starttls: none, from: "Belfry <belfry@example.com>"}}
  webhook:
    plugin: webhook
    url: "{hook.url}/x"
    headers: {{X-Team: ml, X-Sprache: deutsch}}
    body: '{{"job": "{{{{ labels.job }}}}", "text": "{{{{ title }}}}", "code": "{{{{ annotations.exit_code }}}}"}}'
"""


def test_a_failed_job_is_told_by_mail_and_webhook(make_agent, smtp, hook):
    agent = make_agent(channels(smtp, hook) + SEED).start()
    done = agent.cli("exec", "model-training-pipeline", "--", "sh", "-c", "echo 显存不足; exit 3")
    end = time.time()
    assert done.returncode == 3, done
    assert done.stdout == "显存不足\n"
    wait_for(lambda: smtp.mails and hook.requests, 5, "mail and webhook")
    assert hook.requests[0].at - end < 1.0
    assert len(smtp.mails) == 1 and len(hook.requests) == 1

    sender, to, mail = smtp.mails[0]
    assert (sender, to) == ("belfry@example.com", ["admin@example.com"])
    assert mail["Subject"] == "[FIRING] Job failed: model-training-pipeline"
    assert mail["To"] == "admin@example.com"
    assert mail["Auto-Submitted"] == "auto-generated"
    notifications = {n["channel"]: n for n in agent.notifications()}
    assert mail["Message-ID"] == f"<{notifications['email']['id']}@example.com>"
    text = mail.get_body().get_content()
    assert "显存不足" in text and "exited with code 3" in text

    request = hook.requests[0]
    assert request.headers["x-team"] == "ml" and request.headers["x-sprache"] == "deutsch"
    assert request.headers["webhook-id"] == request.headers["idempotency-key"] == notifications["webhook"]["id"]
    assert json.loads(request.body) == {"job": "model-training-pipeline", "text": "[FIRING] Job failed: model-training-pipeline", "code": "3"}
    for n in notifications.values():
        assert n["state"] == "delivered" and [a["verdict"] for a in n["attempts"]] == ["delivered"]
    job = agent.job("model-training-pipeline")
    assert job["state"] == "failed" and job["last_run"]["exit_code"] == 3
    assert agent.items("/api/v1/jobs/model-training-pipeline/runs")[0]["output"] == "显存不足\n"


def test_a_job_that_succeeds_tells_nobody(make_agent, smtp, hook):
    agent = make_agent(channels(smtp, hook) + SEED).start()
    assert agent.cli("exec", "model-training-pipeline", "--", "true").returncode == 0
    assert agent.job("model-training-pipeline")["state"] == "succeeded"
    assert agent.notifications() == []
    assert not smtp.mails and not hook.requests


def test_subjects_are_utf8(make_agent, smtp, hook):
    seed = SEED.replace("model-training-pipeline", "模型训练流水线每日全量重训与评估任务（生产环境）")
    agent = make_agent(channels(smtp, hook).replace("plugin: smtp", "plugin: smtp, language: zh") + seed).start()
    assert agent.cli("exec", "模型训练流水线每日全量重训与评估任务（生产环境）", "--", "false").returncode == 1
    wait_for(lambda: smtp.mails, 5, "the mail")
    assert smtp.mails[0][2]["Subject"] == "[告警] 任务失败：模型训练流水线每日全量重训与评估任务（生产环境）"
    assert "退出码：1" in smtp.mails[0][2].get_body().get_content()


def test_the_default_body_is_alertmanagers(make_agent, smtp, hook):
    config = channels(smtp, hook).split("    body:")[0] + SEED
    agent = make_agent(config).start()
    agent.cli("exec", "model-training-pipeline", "--", "false")
    wait_for(lambda: hook.requests, 5, "the webhook")
    body = json.loads(hook.requests[0].body)
    assert hook.requests[0].headers["content-type"].startswith("application/json")
    assert body["version"] == "4" and body["status"] == "firing" and body["receiver"] == "webhook"
    assert body["commonLabels"] == {"alertname": "JobFailed", "job": "model-training-pipeline"}
    alert = body["alerts"][0]
    assert alert["endsAt"] == "0001-01-01T00:00:00Z" and len(alert["fingerprint"]) == 16
    assert alert["startsAt"].endswith("Z") and alert["status"] == "firing"
    assert set(body) == {"version", "groupKey", "truncatedAlerts", "status", "receiver", "groupLabels", "commonLabels", "commonAnnotations",
                         "externalURL", "alerts"}


def test_a_job_that_does_not_report_is_missed_and_its_recovery_told(make_agent, smtp, hook):
    config = channels(smtp, hook) + """
alerts:
  - job_name: nightly
    trigger_condition: [on_missed, on_recovery]
    notify_methods: [email]
    recipients: [admin@example.com]
    schedule_cron: "0 2 * * *"
    grace: 10m
"""
    agent = make_agent(config, clock="2026-03-01T00:00:00Z").start()
    assert agent.job("nightly")["next_run"] == "2026-03-01T02:00:00.000Z"
    agent.advance("2h9m59s")
    assert agent.job("nightly")["state"] == "scheduled"
    agent.advance("1s")
    assert agent.job("nightly")["state"] == "missed"
    wait_for(lambda: smtp.mails, 5, "the mail")
    assert smtp.mails[0][2]["Subject"] == "[FIRING] Job was missed: nightly"
    agent.advance("1h")
    assert agent.report("nightly", "success").status == 200
    wait_for(lambda: len(smtp.mails) == 2, 5, "the second mail")
    assert smtp.mails[1][2]["Subject"] == "[RESOLVED] Job was missed: nightly"
    assert agent.items("/api/v1/alerts") == []
    assert [a["state"] for a in agent.items("/api/v1/alerts/history")] == ["resolved"]


def heartbeat_port(agent):
    return int(re.findall(r"udp://127\.0\.0\.1:(\d+)", agent.log())[-1])


def send_heartbeat(port, report):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.sendto(json.dumps(report).encode(), ("127.0.0.1", port))


def test_heartbeats_by_udp_and_their_silence(make_agent, smtp, hook):
    config = channels(smtp, hook) + """
sources:
  heartbeat: {listen: ["udp://127.0.0.1:0"], timeout: 15s}
alerts:
  - {job_name: "j-*", trigger_condition: on_missed, notify_methods: [webhook]}
"""
    agent = make_agent(config, clock="2026-03-01T00:00:00Z").start()
    beat = {"job_id": "j-1", "status": "running", "timestamp": 1772323200, "node_ip": "10.0.0.7", "heartbeat": True}
    send_heartbeat(heartbeat_port(agent), beat)
    wait_for(lambda: agent.get("/api/v1/jobs/j-1").status == 200, 5, "the job")
    agent.advance("14s")
    assert agent.job("j-1")["state"] == "running"
    assert agent.job("j-1")["last_run"]["node"] == "10.0.0.7"
    agent.advance("1s")
    assert agent.job("j-1")["state"] == "missed"
    wait_for(lambda: hook.requests, 5, "the webhook")
    assert json.loads(hook.requests[0].body)["job"] == "j-1"


def test_pings_by_curl(make_agent, smtp, hook):
    config = channels(smtp, hook) + """
agent: {ping_key: "key-of-the-team-0123456789"}
jobs:
  backup: {uuid: "0a1b2c3d-1111-4222-8333-444455556666", grace: 5m, every: 1d, notify: {on_failure: [webhook]}}
"""
    agent = make_agent(config).start()

    def curl(path, *args):
        url = f"http://127.0.0.1:{agent.port}{path}"
        out = subprocess.run(["curl", "-sS", "-m", "10", "-w", "\n%{http_code}", *args, url], capture_output=True, text=True, timeout=20)
        assert out.returncode == 0, out
        body, _, code = out.stdout.rpartition("\n")
        return int(code), body

    uuid = "/ping/0a1b2c3d-1111-4222-8333-444455556666"
    assert curl(uuid + "/start") == (200, "OK")
    assert agent.job("backup")["state"] == "running"
    assert curl(uuid + "/7", "--data-binary", "no space left") == (200, "OK")
    assert agent.job("backup")["last_run"]["exit_code"] == 7
    wait_for(lambda: hook.requests, 5, "the webhook")
    assert curl("/ping/key-of-the-team-0123456789/backup") == (200, "OK")
    assert agent.job("backup")["state"] == "succeeded"
    assert curl("/ping/key-of-the-team-0123456789/new-one?create=1") == (201, "Created")
    assert curl("/ping/key-of-the-team-0123456789/new-two") == (404, "not found")
    assert curl("/ping/wrong-key/backup") == (404, "not found")
    assert curl(uuid + "/256")[0] == 400
    assert curl(uuid + "?rid=x") == (400, "invalid uuid format")
    assert agent.job("backup")["pings"] == 3


def test_a_source_that_did_not_change_runs_on_over_a_reload(make_agent, smtp, hook):
    config = channels(smtp, hook) + """
sources:
  heartbeat: {listen: "udp://127.0.0.1:0"}
"""
    agent = make_agent(config).start()
    first = heartbeat_port(agent)
    agent.write(config + "jobs: {other: {}}\n")
    assert agent.cli("reload").returncode == 0
    assert agent.job("other")["state"] == "new"
    assert agent.log().count("udp://127.0.0.1:") == 1  # it did not start again
    send_heartbeat(first, {"job_id": "j-1", "status": "running", "heartbeat": True})
    wait_for(lambda: agent.get("/api/v1/jobs/j-1").status == 200, 5, "the job")
    agent.write(config.replace(":0\"}", ":0\", timeout: 20s}"))
    assert agent.cli("reload").returncode == 0
    second = heartbeat_port(agent)
    send_heartbeat(second, {"job_id": "j-2", "status": "running", "heartbeat": True})
    wait_for(lambda: agent.get("/api/v1/jobs/j-2").status == 200, 5, "the job by the new socket")
