# SPDX-License-Identifier: Apache-2.0
"""Configurations, bad and good: what `belfry check` says of them, and that a running agent takes all of a new one or nothing."""

import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from belfry import BINARY, PLUGINS, TOP, check, wait_for
from test_main_job import SEED, channels

MAIL = 'mail: {plugin: smtp, url: "smtp://mail.example.com", from: belfry@example.com}'
BEGIN = f"channels:\n  {MAIL}\n"


class Place:
    """Where an error is to be found, and words that its text must have. Line 0: the file as a whole."""

    def __init__(self, file, line, column, *words):
        self.at, self.words = (file, line, column), words


def take_marks(file, text, words):
    """« in a text stands before an error: the text without them, and the places."""
    places = []
    for part in words:
        before, _, after = text.partition("«")
        line = before.count("\n") + 1
        column = len(before) - (before.rfind("\n") + 1) + 1
        places.append(Place(file, line, column, *([part] if isinstance(part, str) else part)))
        text = before + after
    assert "«" not in text
    return text, places


def write_folder(folder, files):
    conf = Path(folder) / "conf"
    conf.mkdir()
    for name, content in files.items():
        path = conf / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(0o600)
    return conf


def errors_of(done):
    """[(file, line, column, text)] as they were printed; every line must be one."""
    errors = []
    for line in done.stdout.splitlines():
        found = re.fullmatch(r"(.+?)(?::(\d+):(\d+))?: error: (.+)", line)
        assert found, f"no error line: {line!r}"
        name, row, column, text = found.groups()
        errors.append((Path(name).name, int(row or 0), int(column or 0), text))
    return errors


def assert_refused(done, places):
    """Exactly these errors, in their order."""
    assert done.returncode == 1, done
    assert done.stderr == ""
    errors = errors_of(done)
    assert [e[:3] for e in errors] == [p.at for p in places], done.stdout
    for error, place in zip(errors, places):
        for word in place.words:
            assert word in error[3], f"{word!r} is not in {error[3]!r}"


# What is wrong: the text with « before each error, and the words of each (several: a tuple).
BAD = {
    "an unknown section": ("«chanels: {}\n", [("unknown key 'chanels'", "did you mean 'channels'?")]),
    "an unknown key of a job": ('jobs:\n  backup: {«shedule: "0 2 * * *"}\n', [("job 'backup'", "unknown key 'shedule'", "'schedule'?")]),
    "an unknown key of an alert": (
        BEGIN + "alerts:\n  - {job_name: a, trigger_condition: on_failure, notify_methods: [mail], «recipiants: [a@example.com]}\n",
        [("unknown key 'recipiants'", "'recipients'?")]),
    "an unknown option of a plugin": (
        'channels:\n  a: {plugin: smtp, url: "smtp://mail.example.com", from: a@example.com, «pasword: x}\n',
        [("channel 'a'", "unknown key 'pasword'", "'password'?")]),
    "an unknown key of the agent": ("agent: {«listn: []}\n", [("unknown key 'listn'", "'listen'?")]),
    "nothing near an unknown key": ("agent: {«zzzzzzzzzz: 1}\n", ["unknown key 'zzzzzzzzzz'"]),

    "a map for a list of texts": ("agent: {hosts: «{a: b}}\n", [("'hosts' must be a list, not a map")]),
    "a list for a map": ("jobs: «[backup]\n", [("jobs: must be a map", "name: value")]),
    "a map for a list": ("alerts: «{job_name: a}\n", [("alerts: must be a list", "- name: value")]),
    "a list for a duration": ("jobs:\n  a: {grace: «[5m]}\n", [("'grace' must be a duration, not a list")]),
    "yes for true": (BEGIN.replace("plugin:", "send_resolved: «yes, plugin:"), [("'send_resolved' must be true or false", "'yes'")]),
    "quotes around a number": ('agent: {history: {records: «"10"}}\n', [("'records' must be a whole number without quotes")]),
    "a number with a leading zero": ("agent: {history: {records: «010}}\n", [("'records' must be a whole number", "'010'")]),
    "no value": ("channels:\n  mail: {plugin: smtp, url: «, from: a@example.com}\n", ["'url'"]),

    "a minute that there is not": ('jobs:\n  a: {schedule: «"61 * * * *"}\n', [("job 'a'", "bad schedule '61 * * * *'", "minute")]),
    "too few fields in cron": ('jobs:\n  a:\n    schedule: «"* * *"\n', [("bad schedule '* * *'", "field")]),
    "a bad cron in an alert": (
        BEGIN + 'alerts:\n- job_name: a\n  trigger_condition: on_failure\n  notify_methods: [mail]\n  schedule_cron: «"0 25 * * *"\n',
        [("bad schedule '0 25 * * *'", "hour")]),
    "a time zone that there is not": ('jobs:\n  a: {schedule: "@daily", timezone: «Europe/Berln}\n', [("unknown time zone 'Europe/Berln'")]),
    "a duration in words": ("jobs:\n  a: {grace: «5 minutes}\n", [("'grace' must be a duration, such as", "not '5 minutes'")]),
    "a duration without a unit": ("jobs:\n  a: {every: «30}\n", [("'every' must be a duration", "'30'")]),
    "a size that is none": ("agent: {ballast: «lots}\n", [("'ballast' must be a size", "'lots'")]),

    "a URL without its host": ('channels:\n  a: {plugin: webhook, url: «"http:/x"}\n', [("'url' must be a URL", "scheme://host")]),
    "a URL of another scheme": (
        'channels:\n  a: {plugin: smtp, url: «"ftp://x", from: a@example.com}\n', [("'url' must be a URL (smtp|smtps://…)", "scheme")]),
    "a URL with a password is not shown": (
        'channels:\n  a: {plugin: webhook, url: «"ftp://me:hunter2@x/"}\n', [("'url' must be a URL")]),
    "a listener that is a name": ('agent: {listen: [«"localhost:80"]}\n', [("'listen' wants ADDRESS:PORT", "'localhost:80'")]),
    "a listener without a port": ('agent: {listen: ["unix:/x", «"127.0.0.1"]}\n', ["'listen' wants ADDRESS:PORT"]),

    "an unknown plugin": (
        'channels:\n  a:\n    url: "smtp://mail.example.com"\n    plugin: «smpt\n', [("channel 'a'", "plugin 'smpt' not found", "smpt.so", str(PLUGINS))]),
    "an unknown source": ("sources:\n  «heartbeet: {}\n", [("plugin 'heartbeet' not found")]),
    "a source's plugin as a channel": ("channels:\n  a: {plugin: «heartbeat}\n", [("plugin 'heartbeat' is a source, not a channel")]),
    "a plugin's name with a path in it": ("channels:\n  a: {plugin: «../smtp}\n", [("'plugin' has", "'../smtp'")]),
    "a plugin's name that is not set": ('channels:\n  a: {plugin: «"${env:NOT_SET_HERE}"}\n', [("'NOT_SET_HERE' is not set")]),
    "a channel's name that is no plugin's": ("channels:\n  «Pager: {url: http://x}\n", [("channel 'Pager'", "Add plugin: NAME")]),

    "an unknown channel in an alert": (
        BEGIN + "alerts:\n  - {job_name: a, trigger_condition: on_failure, notify_methods: [mail, «mial]}\n",
        [("alert 'a'", "unknown channel 'mial'", "did you mean 'mail'?")]),
    "an unknown channel in a job": (BEGIN + "jobs:\n  a: {notify: {on_late: [«pager]}}\n", [("job 'a'", "unknown channel 'pager'")]),
    "an unknown channel as a fallback": (BEGIN.replace("plugin:", "fallback: «sms, plugin:"), [("unknown channel 'sms'")]),
    "an unknown channel for the agent": ("agent: {notify: [«ops]}\n", [("unknown channel 'ops'")]),
    "fallbacks in a circle": (
        "channels:\n  a: {plugin: webhook, url: http://x, fallback: «b}\n  b: {plugin: webhook, url: http://x, fallback: a}\n",
        [("'fallback' leads in a circle: a → b → a")]),
    "an unknown trigger": (
        BEGIN + "alerts:\n  - {job_name: a, trigger_condition: «on_fail, notify_methods: [mail]}\n", [("'trigger_condition'", "'on_fail'", "'on_failure'?")]),

    "mail without a server": ("channels:\n  «a: {plugin: smtp, from: a@example.com}\n", [("channel 'a'", "'url' is required")]),
    "mail without a sender": ('channels:\n  «a: {plugin: smtp, url: "smtp://x"}\n', [("channel 'a'", "'from' is required")]),
    "a webhook without a URL": ("channels:\n  «webhook: {}\n", [("channel 'webhook'", "'url' is required")]),
    "an alert without a job": (BEGIN + "alerts:\n  - «{trigger_condition: on_failure, notify_methods: [mail]}\n", ["'job_name' is required"]),
    "an alert without a trigger": (BEGIN + "alerts:\n  - «job_name: a\n    notify_methods: [mail]\n", ["'trigger_condition' is required"]),
    "a token without a role": ('agent: {tokens: [«{name: a, token: "0123456789abcdef"}]}\n', [("token", "'role' is required")]),
    "a token that is too short": ('agent: {tokens: [{name: a, token: «"short", role: view}]}\n', [("token 'a' is too short")]),

    "a key twice in one map": ("jobs:\n  a: {every: 5m, «every: 6m}\n", [("key 'every' is given twice", ":2:7")]),
    "a name in both jobs and tasks": ("jobs:\n  a: {every: 5m}\ntasks:\n  «a: {every: 5m}\n", [("job 'a' is defined twice", ":2:3")]),
    "a second document": ("jobs: {}\n---\n«jobs: {}\n".replace("---\n«", "«---\n"), ["a second document begins here"]),
    "a tag": ("jobs: «!!map {}\n", ["tags (!) are not used here"]),
    "a tab": ("jobs:\n«\ta: {}\n", ["a tab stands where only spaces may"]),
    "a text as the whole file": ("«hello\n", ["a configuration file is a map"]),
    "an environment variable that is not set": ('agent: {hosts: [«"${env:NOT_SET_HERE}"]}\n', [("'NOT_SET_HERE' is not set")]),
    "a credential outside of systemd": ('agent: {hosts: [«"${credential:x}"]}\n', [("no credential 'x'", "LoadCredential")]),
    "a form that there is not": ('agent: {hosts: [«"${exec:ls}"]}\n', [("'${exec:ls}' is none of")]),
    "a template with an unknown name": (
        "channels:\n  a: {plugin: webhook, url: http://x, body: «'{{ titel }}'}\n", [("'body' must be a template", "titel")]),
    "a header with a line break": (
        'channels:\n  a: {plugin: webhook, url: http://x, headers: «{X-A: "b\\r\\nC: d"}}\n', ["channel 'a'"]),
}


@pytest.mark.parametrize("what", BAD)
def test_check_refuses(folder, what):
    text, places = take_marks("belfry.yaml", *BAD[what])
    done = check(write_folder(folder, {"belfry.yaml": text}))
    assert_refused(done, places)
    assert "hunter2" not in done.stdout


@pytest.mark.parametrize("what, first, second, noun", [
    ("channel", BEGIN, f"# more\nchannels:\n    «{MAIL}\n", "channel 'mail'"),
    ("job", "jobs:\n  nightly: {every: 5m}\n", "tasks:\n  «nightly: {every: 5m}\n", "job 'nightly'"),
    ("source", "sources:\n  hb: {plugin: heartbeat, listen: [\"udp://127.0.0.1:0\"]}\n",
     "sources: {«hb: {plugin: heartbeat, listen: [\"udp://127.0.0.1:0\"]}}\n", "source 'hb'"),
])
def test_a_name_that_two_files_define_is_refused_with_both_places(folder, what, first, second, noun):
    second, places = take_marks("b.yaml", second, [(f"{noun} is defined twice: first in ", "/a.yaml:2:3")])
    assert_refused(check(write_folder(folder, {"a.yaml": first, "b.yaml": second})), places)


def test_all_errors_of_all_files_are_told_in_one_run_and_sorted(folder):
    a, in_a = take_marks("a.yaml", 'agent: {«listn: []}\nchannels:\n  «mail: {plugin: smtp, url: «"smtp:x"}\n  b: {plugin: «nope}\n', [
        "unknown key 'listn'", "'from' is required", "'url' must be a URL", "plugin 'nope' not found"])
    b, in_b = take_marks("b.yaml", 'jobs:\n  x: {grace: «soon, every: «1}\n  y: {schedule: «"* * * * * * *", notify: {on_late: [«nobody]}}\n', [
        "'grace'", "'every'", "bad schedule", "unknown channel 'nobody'"])
    assert_refused(check(write_folder(folder, {"b.yaml": b, "a.yaml": a})), in_a + in_b)


def test_a_broken_drop_in_fails_the_folder_but_hides_no_other_error(folder):
    """What only seems to be missing since a file could not be read is not told."""
    broken, in_broken = take_marks("10-broken.yaml", "channels:\n  mail: {plugin: smtp\njobs«: {}\n", [("YAML: ", "line 2")])
    good, in_good = take_marks("20-good.yaml", "jobs:\n  a: {grace: «x, notify: {on_late: [mail]}}\n", ["'grace'"])
    assert_refused(check(write_folder(folder, {"10-broken.yaml": broken, "20-good.yaml": good})), in_broken + in_good)


def test_only_yaml_files_of_a_folder_are_read_and_hidden_ones_are_not(folder):
    conf = write_folder(folder, {"a.yaml": BEGIN, "b.yaml.dpkg-old": "{", "c.yaml~": "{", ".d.yaml": "{", "README": "{"})
    done = check(conf)
    assert (done.returncode, done.stdout) == (0, "ok: 1 channel, 0 sources, 0 alerts, 0 jobs\n"), done


# ---- what must end soon ----

def test_an_alias_bomb_is_refused_where_it_begins(folder):
    lines = ["agent:", "  hosts: &a [x, x, x, x, x, x, x, x, x]"]
    for n in range(9):
        lines.append(f"  k{n}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]")
    conf = write_folder(folder, {"belfry.yaml": "\n".join(lines) + "\n"})
    begin = time.monotonic()
    done = check(conf)
    assert time.monotonic() - begin < 5
    errors = errors_of(done)
    assert done.returncode == 1
    assert errors[0][:3] == ("belfry.yaml", 2, 10) and "anchors (&a)" in errors[0][3]
    assert any("aliases (*a)" in e[3] for e in errors)
    assert len(errors) < 250


@pytest.mark.parametrize("open_", ["[", "{a: ", "- "])
def test_depth_is_refused_before_it_costs(folder, open_):
    conf = write_folder(folder, {"belfry.yaml": "jobs:\n  a: " + ("\n  " if open_ == "- " else "") + open_ * 100_000})
    begin = time.monotonic()
    done = check(conf)
    took = time.monotonic() - begin
    errors = errors_of(done)
    assert done.returncode == 1 and len(errors) == 1
    assert errors[0][0] == "belfry.yaml" and errors[0][1] in (2, 3) and "nested more than 32 deep" in errors[0][3]
    assert took < 1


def test_a_file_that_is_not_utf8_is_refused_at_the_byte(folder):
    done = check(write_folder(folder, {"belfry.yaml": "jobs:\n  größe: {every: 5m}\n  ".encode() + b"a\xff: {}\n"}))
    assert_refused(done, [Place("belfry.yaml", 3, 4, "not UTF-8")])


def test_an_overlong_file_is_refused(folder):
    done = check(write_folder(folder, {"belfry.yaml": "#" * (1024 * 1024 + 1)}))
    assert_refused(done, [Place("belfry.yaml", 0, 0, "larger than 1 MiB")])


# ---- whom to believe ----

def test_a_file_that_may_not_be_read_is_named(folder):
    conf = write_folder(folder, {"belfry.yaml": BEGIN})
    command = [str(BINARY), "check", "-c", str(conf), "--plugin-dir", str(PLUGINS)]
    if os.geteuid() == 0:  # who reads everything
        Path(folder).chmod(0o755)
        conf.chmod(0o755)
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command]
    else:
        (conf / "belfry.yaml").chmod(0)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert_refused(done, [Place("belfry.yaml", 0, 0, "cannot open it: Permission denied")])


def test_a_file_that_is_not_there_is_named(folder):
    done = check(Path(folder) / "absent.yaml")
    assert_refused(done, [Place("absent.yaml", 0, 0, "No such file")])


@pytest.mark.parametrize("mode", [0o666, 0o620, 0o602])
def test_a_configuration_that_others_can_write_is_refused(folder, mode):
    conf = write_folder(folder, {"belfry.yaml": BEGIN})
    (conf / "belfry.yaml").chmod(mode)
    assert_refused(check(conf), [Place("belfry.yaml", 0, 0, "can be written by others", "chmod go-w")])


def test_a_folder_that_others_can_write_is_refused(folder):
    conf = write_folder(folder, {"belfry.yaml": BEGIN})
    conf.chmod(0o777)
    assert_refused(check(conf), [Place("conf", 0, 0, f"folder '{conf}' can be written by others")])
    assert_refused(check(conf / "belfry.yaml"), [Place("belfry.yaml", 0, 0, f"folder '{conf}' can be written by others")])


def test_a_symbolic_link_in_the_folder_is_refused(folder):
    conf = write_folder(folder, {"a.yaml": BEGIN})
    (conf / "b.yaml").symlink_to(conf / "a.yaml")
    assert_refused(check(conf), [Place("b.yaml", 0, 0, "is a symbolic link")])


def test_a_pipe_in_the_folder_does_not_hold_it_up(folder):
    conf = write_folder(folder, {"a.yaml": BEGIN})
    os.mkfifo(conf / "b.yaml", 0o600)
    assert_refused(check(conf), [Place("b.yaml", 0, 0, "is not a regular file")])


def with_secret(folder, mode, content="s3cret-password\n"):
    secret = Path(folder) / "secret"
    secret.write_text(content)
    secret.chmod(mode)
    text = (f'channels:\n  mail:\n    plugin: smtp\n    url: "smtps://mail.example.com"\n    from: a@example.com\n'
            f'    username: me\n    password: «"${{file:{secret}}}"\n')
    return secret, text


@pytest.mark.parametrize("mode, words", [(0o644, ("can be read by everybody", "chmod o-r")), (0o660, ("can be written by others",))])
def test_a_secret_file_that_is_not_kept_is_refused(folder, mode, words):
    secret, text = with_secret(folder, mode)
    text, places = take_marks("belfry.yaml", text, [(f"'{secret}'", *words)])
    done = check(write_folder(folder, {"belfry.yaml": text}))
    assert_refused(done, places)
    assert "s3cret" not in done.stdout


# ---- good ones ----

def test_the_first_users_alert_loads_as_it_was_written(folder):
    conf = write_folder(folder, {"channels.yaml": BEGIN.replace("mail:", "email:") + '  webhook: {url: "http://127.0.0.1:9/x"}\n', "seed.yaml": SEED})
    done = check(conf)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ok: 2 channels, 0 sources, 1 alert, 1 job\n", ""), done


EXAMPLES = sorted(TOP.glob("conf.d/**/*.yaml")) + sorted(TOP.glob("plugins/*/*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=[str(p.relative_to(TOP)) for p in EXAMPLES])
def test_the_examples_load(folder, path):
    done = check(write_folder(folder, {path.name: path.read_text()}))
    assert done.returncode == 0 and done.stdout.startswith("ok: ") and done.stderr == "", done


def test_the_examples_load_together(folder):
    done = check(write_folder(folder, {p.name: p.read_text() for p in TOP.glob("conf.d/*.yaml")}))
    assert done.returncode == 0 and done.stdout.startswith("ok: "), done


def test_config_show_tells_each_origin_and_no_secret(folder):
    secret, text = with_secret(folder, 0o600)
    conf = write_folder(folder, {"a.yaml": text.replace("«", ""), "b.yaml": """
agent:
  tokens: [{name: ci, token: "token-in-the-clear-1", role: view}]
  ping_key: "ping-key-in-the-clear"
channels:
  hook:
    plugin: webhook
    url: "https://me:url-password@hooks.example.com/x"
    bearer: "bearer-in-the-clear"
    headers: {X-Team: ml, Authorization: "header-in-the-clear"}
jobs:
  nightly: {schedule: "0 2 * * *"}
"""})
    done = subprocess.run([str(BINARY), "config", "show", "-c", str(conf), "--plugin-dir", str(PLUGINS)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == "", done
    for word in ("s3cret-password", "token-in-the-clear", "ping-key-in-the-clear", "url-password", "bearer-in-the-clear", "header-in-the-clear"):
        assert word not in done.stdout, word
    assert done.stdout.count('"***"') == 4 and f'password: "${{file:{secret}}}"' in done.stdout

    def origin(pattern):
        found = re.search(rf"^\s*{pattern}.* # (\S+)$", done.stdout, re.M)
        assert found, f"{pattern} in\n{done.stdout}"
        return found.group(1)
    assert origin("url: .*smtps://mail.example.com") == f"{conf}/a.yaml:4"
    assert origin("from: a@example.com") == f"{conf}/a.yaml:5"
    assert origin('X-Team: ml') == f"{conf}/b.yaml:10"
    assert origin('schedule: "0 2') == f"{conf}/b.yaml:12"


# ---- a running agent ----

def hook_config(hook, more=""):
    return f'channels:\n  webhook: {{plugin: webhook, url: "{hook.url}/x"}}\n{more}'


ONE_JOB = 'alerts:\n- {job_name: first, trigger_condition: on_failure, notify_methods: [webhook], schedule_cron: "0 2 * * *"}\n'
BROKEN = "jobs:\n  second: {every: «soon}\n"


def knows(agent, job):
    return agent.get(f"/api/v1/jobs/{job}").status == 200


def reload_by_signal(agent):
    agent.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "the new configuration is refused" in agent.log(), 10, "the refusal")


def reload_by_request(agent):
    answer = agent.request("POST", "/-/reload")
    assert answer.status == 400
    assert re.fullmatch(r".*/broken\.yaml:2:19: error: .*'every' must be a duration.*\n", answer.text), answer.text


def reload_by_command(agent):
    done = agent.cli("reload")
    assert done.returncode == 1
    assert re.fullmatch(r".*/broken\.yaml:2:19: error: .*'every' must be a duration.*\n", done.stdout), done.stdout
    assert "the agent goes on with the old one" in done.stderr


@pytest.mark.parametrize("reload", [reload_by_signal, reload_by_request, reload_by_command])
def test_a_broken_configuration_is_refused_and_the_old_one_stays(make_agent, hook, reload):
    agent = make_agent(hook_config(hook, ONE_JOB)).start()
    broken, _ = take_marks("broken.yaml", BROKEN, ["'every'"])
    agent.write(broken, "broken.yaml")
    reload(agent)
    assert re.search(r"the new configuration is refused, the old one stays.*broken\.yaml:2:19", agent.log())
    status = agent.get_json("/api/v1/status")["config"]
    assert status["last_reload_successful"] is False and "broken.yaml:2:19" in status["last_reload_error"] and status["generation"] == 1
    assert agent.cli("status").returncode == 1
    assert knows(agent, "first") and not knows(agent, "second")
    assert agent.report("first", "failed").status == 200
    wait_for(lambda: hook.requests, 5, "the webhook")

    agent.write("jobs:\n  second: {every: 5m}\n", "broken.yaml")
    done = agent.cli("reload")
    assert (done.returncode, done.stdout, done.stderr) == (0, "reloaded\n", "")
    status = agent.get_json("/api/v1/status")["config"]
    assert status["last_reload_successful"] is True and not status.get("last_reload_error") and status["generation"] == 2
    assert knows(agent, "first") and knows(agent, "second")


def test_a_reload_that_cannot_listen_changes_nothing(make_agent, hook):
    agent = make_agent(hook_config(hook, ONE_JOB), listen=()).start()
    agent.write(f"agent: {{tokens: [{{name: a, token: 0123456789abcdef, role: sovereign}}]}}\n", "more.yaml")
    assert agent.cli("reload").returncode == 1
    assert knows(agent, "first")


def test_signals_in_a_row_end_with_the_newest_configuration(make_agent, hook):
    agent = make_agent(hook_config(hook)).start()
    for n in range(5):
        agent.write(f"jobs:\n  job-{n}: {{every: 5m}}\n", "jobs.yaml")
        agent.process.send_signal(signal.SIGHUP)
        agent.process.send_signal(signal.SIGHUP)
    wait_for(lambda: knows(agent, "job-4"), 10, "the newest job")
    assert not knows(agent, "job-0")
    assert agent.process.poll() is None


def test_a_reload_keeps_job_states_alerts_slots_and_loses_no_event(make_agent, hook):
    """Jobs of four kinds are known; events stream in from four senders while the configuration is read ten times."""
    config = hook_config(hook, """
alerts:
- {job_name: broken, trigger_condition: [on_failure, on_recovery], notify_methods: [webhook]}
- {job_name: "stream-*", trigger_condition: on_success, notify_methods: [webhook]}
jobs:
  broken: {schedule: "0 2 * * *"}
  going: {every: 1h}
  stream-0: {grace: 5m}
  stream-1: {grace: 5m}
  stream-2: {grace: 5m}
  stream-3: {grace: 5m}
""")
    agent = make_agent(config).start()
    assert agent.report("broken", "failed").status == 200
    assert agent.report("going", "running").status == 200
    wait_for(lambda: len(hook.requests) == 1, 5, "the first alert")
    jobs_before = {name: agent.job(name) for name in ("broken", "going")}
    alerts_before = agent.items("/api/v1/alerts")
    assert jobs_before["broken"]["next_run"] and [a["state"] for a in alerts_before] == ["firing"]

    taken, errors, done = [0] * 4, [], threading.Event()

    def send(n):
        while not done.is_set():
            answer = agent.report(f"stream-{n}", "success")
            if answer.status == 200:
                taken[n] += 1
            else:
                errors.append(answer)

    senders = [threading.Thread(target=send, args=(n,)) for n in range(4)]
    for sender in senders:
        sender.start()
    try:
        for n in range(10):
            agent.write(f"jobs:\n  extra-{n}: {{every: 1h}}\n", "extra.yaml")
            if n % 2:
                agent.process.send_signal(signal.SIGHUP)
            else:
                assert agent.request("POST", "/-/reload").status == 200
            wait_for(lambda: knows(agent, f"extra-{n}"), 10, f"reload {n}")
    finally:
        done.set()
        for sender in senders:
            sender.join(20)
    assert not errors and min(taken) > 0
    assert {name: agent.job(name) for name in jobs_before} == jobs_before
    assert agent.items("/api/v1/alerts") == alerts_before
    assert [agent.job(f"stream-{n}")["pings"] for n in range(4)] == taken
    wait_for(lambda: len(hook.requests) >= 1 + sum(taken), 20, "a message for each")
    ids = [request.headers["webhook-id"] for request in hook.requests]
    assert len(set(ids)) == 1 + sum(taken)
