# SPDX-License-Identifier: Apache-2.0
"""What becomes of a notification when its receiver does anything but take it. Time is virtual: that a wait is as long as it should be
is seen one millisecond before its end and at its end."""

import email.utils
import re
import time
from datetime import datetime

from belfry import wait_for
from receivers import SILENCE, BlackHole, HttpReceiver, SmtpReceiver

CLOCK = "2026-03-01T00:00:00Z"
RETRY = "retry: {delay: 1s, factor: 2, max_delay: 4s, give_up_after: 1h}"
ALERT = "\nalerts: [{job_name: 'job-*', trigger_condition: on_failure, notify_methods: [out]%s}]\njobs: {job-1: {}, job-2: {}}\n"


def webhook(url, more=""):
    return f"channels:\n  out: {{plugin: webhook, url: '{url}', timeout: 1s, {RETRY}{more}}}\n" + ALERT % ""


def mail(url, more="", to="a@example.com, b@example.com"):
    return (f"channels:\n  out: {{plugin: smtp, url: '{url}', starttls: none, from: belfry@example.com, timeout: 1s, {RETRY}{more}}}\n"
            + ALERT % f", recipients: [{to}]")


def seconds(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Case:
    """An agent with one channel, `out`, that tells of failed jobs."""

    def __init__(self, agent):
        self.agent = agent

    def fail(self, job="job-1"):
        assert self.agent.report(job, "failed", exit_code=1).status == 200

    def notification(self):
        """The newest one."""
        return self.agent.notifications(channel="out")[0]

    def channel(self, name="out"):
        return next(c for c in self.agent.items("/api/v1/channels") if c["name"] == name)

    def after(self, tries):
        """The notification once it was tried so often and nothing is under way."""
        wait_for(lambda: self.channel()["under_way"] == 0 and len(self.notification()["attempts"]) >= tries, 10, f"attempt {tries}")
        found = self.notification()
        assert len(found["attempts"]) == tries
        return found

    def wait_over(self, least, most):
        """Check how long it waits, in seconds, and move time to the end of that wait."""
        found = self.notification()
        tries = len(found["attempts"])
        wait = seconds(found["next_attempt"]) - seconds(found["attempts"][-1]["time"])
        assert least <= wait <= most, found
        if wait > 0.001:
            self.agent.advance(f"{round(wait * 1000) - 1}ms")
            assert self.channel()["under_way"] == 0, "tried before its time"
            assert len(self.notification()["attempts"]) == tries
        self.agent.advance("1ms")

    def shown(self):
        """How `belfry notifications` shows it."""
        out = self.agent.cli("notifications")
        assert out.returncode == 0, out
        return next(line for line in out.stdout.splitlines() if self.notification()["id"] in line)

    def check(self, tries, state, verdict, code, advice, channel):
        """All that can be seen after that many attempts, of which the last ended so."""
        found = self.after(tries)
        last = found["attempts"][-1]
        assert (found["state"], last["verdict"], last["code"]) == (state, verdict, code), found
        assert found["attempt_count"] == tries
        if verdict != "delivered":
            assert last["error"]
        one = self.agent.get_json(f"/api/v1/notifications/{found['id']}")
        assert one == found
        seen = self.channel()
        assert (seen["state"], seen.get("last_error", "")) == (channel, last.get("error", "")), seen
        assert seen["attempts"][verdict] >= 1 and sum(seen["attempts"].values()) == tries
        pending = state == "queued"
        assert (seen["waiting"], bool(seen["oldest"])) == (int(pending), pending)
        assert ("next_attempt" in found) == (verdict in ("unavailable", "rate_limited", "partial") and pending)
        line = self.shown()
        assert all(word in line for word in (state, verdict, advice, str(code) if code else "")), line
        return found


def case(make_agent, config):
    return Case(make_agent(config, clock=CLOCK).start())


UNAVAILABLE = ("unavailable", "check the network or use the fallback channel")
RATE_LIMITED = ("rate_limited", "lengthen the interval or raise the quota")


def tried_again(case, verdict, code, mend, ids, taken=204, least=0, most=None):
    """It is tried again and again, each wait within its bound, and delivered (with code `taken`) once the receiver is mended; the
    same id every time."""
    name, advice = verdict
    case.fail()
    for tries, bound in enumerate((1, 2, 4, 4), start=1):
        case.check(tries, "queued", name, code, advice, "waiting")
        if tries == 4:
            mend()
        case.wait_over(least, most or bound)
    done = case.check(5, "delivered", "delivered", taken, "nothing to do", "ok")
    assert [a["verdict"] for a in done["attempts"]] == [name] * 4 + ["delivered"]
    seen = ids()
    assert set(seen) == {done["id"]}, seen
    assert (case.channel()["delivered"], case.channel()["failed"]) == (1, 0)
    return done


def http_tried_again(make_agent, hook, behave, verdict, code, **wait):
    hook.behave = behave
    done = tried_again(case(make_agent, webhook(hook.url)), verdict, code, lambda: setattr(hook, "behave", 204),
                       lambda: [r.headers["webhook-id"] for r in hook.requests], **wait)
    assert len(hook.requests) == 5
    assert {r.headers["idempotency-key"] for r in hook.requests} == {done["id"]}
    return done


# ---- webhook: tried again ----


def test_503_is_tried_again(make_agent, hook):
    http_tried_again(make_agent, hook, 503, UNAVAILABLE, 503)


def test_500_is_tried_again(make_agent, hook):
    http_tried_again(make_agent, hook, 500, UNAVAILABLE, 500)


def test_408_is_tried_again(make_agent, hook):
    http_tried_again(make_agent, hook, 408, UNAVAILABLE, 408)


def test_429_without_a_time_is_tried_again(make_agent, hook):
    http_tried_again(make_agent, hook, 429, RATE_LIMITED, 429)


def test_429_waits_as_many_seconds_as_it_says(make_agent, hook):
    http_tried_again(make_agent, hook, (429, {"Retry-After": "120"}, b""), RATE_LIMITED, 429, least=120, most=120)


def test_429_waits_until_the_date_that_it_says(make_agent, hook):
    """The date is compared with the machine's own clock, whatever time the agent lives in."""
    def behave(request):
        return 429, {"Retry-After": email.utils.formatdate(time.time() + 120, usegmt=True)}, b""
    http_tried_again(make_agent, hook, behave, RATE_LIMITED, 429, least=110, most=120)


def test_503_waits_as_many_seconds_as_it_says(make_agent, hook):
    http_tried_again(make_agent, hook, (503, {"Retry-After": "120"}, b""), UNAVAILABLE, 503, least=120, most=120)


def test_retry_after_that_makes_no_sense_is_as_good_as_none(make_agent, hook):
    answers = iter(["-5", "soon", "Thu, 01 Jan 1970 00:00:00 GMT", "1e3"])
    http_tried_again(make_agent, hook, lambda request: (429, {"Retry-After": next(answers)}, b""), RATE_LIMITED, 429)


def test_429_quietens_the_whole_channel(make_agent, hook):
    hook.behave = 429, {"Retry-After": "60"}, b""
    it = case(make_agent, webhook(hook.url))
    it.fail("job-1")
    it.after(1)
    hook.behave = 200
    it.fail("job-2")
    it.agent.advance("59s")
    assert it.channel()["under_way"] == 0 and len(hook.requests) == 1
    it.agent.advance("1s")
    wait_for(lambda: it.channel()["delivered"] == 2, 5, "both")


def test_a_silent_receiver_is_tried_again_after_the_timeout(make_agent, hook):
    done = http_tried_again(make_agent, hook, None, UNAVAILABLE, 0)
    for attempt in done["attempts"][:-1]:
        assert 1.0 <= attempt["latency"] < 3.0


def test_half_an_answer_is_no_answer(make_agent, hook):
    http_tried_again(make_agent, hook, b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", UNAVAILABLE, 0)


def test_half_a_head_is_no_answer(make_agent, hook):
    http_tried_again(make_agent, hook, b"HTTP/1.1 200 OK\r\nContent-Le", UNAVAILABLE, 0)


def test_a_connection_closed_without_a_word_is_tried_again(make_agent, hook):
    http_tried_again(make_agent, hook, b"", UNAVAILABLE, 0)


def test_garbage_instead_of_http_is_tried_again(make_agent, hook):
    http_tried_again(make_agent, hook, b"\x15\x03\x01\x00\x02\x02\x28 SSH-2.0-x\r\n\r\n", UNAVAILABLE, 0)


def test_a_closed_port_is_tried_again(make_agent):
    hook = HttpReceiver(204, listen=False)
    it = case(make_agent, webhook(hook.url))
    tried_again(it, UNAVAILABLE, 0, hook.listen, lambda: [r.headers["webhook-id"] for r in hook.requests])
    hook.close()


# ---- webhook: not tried again ----


def http_for_good(make_agent, hook, answer, code, said):
    hook.behave = answer
    it = case(make_agent, webhook(hook.url))
    it.fail()
    found = it.check(1, "failed", "rejected", code, "correct the message or its recipients", "waiting")
    assert said in found["attempts"][0]["error"] and said in found["reason"]
    assert it.channel()["failed"] == 1
    it.agent.advance("2h")
    assert it.channel()["under_way"] == 0 and len(hook.requests) == 1
    assert f"notification {found['id']} to channel 'out' has failed" in it.agent.log()
    hook.behave = 200
    it.fail("job-2")
    wait_for(lambda: it.channel()["delivered"] == 1, 5, "the next one")


def test_400_is_told_once_and_the_next_one_goes(make_agent, hook):
    http_for_good(make_agent, hook, 400, 400, "400")


def test_a_redirect_is_not_followed(make_agent, hook):
    other = HttpReceiver()
    http_for_good(make_agent, hook, (302, {"Location": other.url + "/elsewhere"}, b""), 302, "redirects are not followed")
    assert not other.requests
    other.close()


def test_a_reply_of_100_mb_is_not_read_to_its_end(make_agent, hook):
    def peak():
        return int(re.search(r"VmHWM:\s+(\d+) kB", open(f"/proc/{it.agent.process.pid}/status").read()).group(1))
    it = case(make_agent, webhook(hook.url))
    it.fail("job-1")
    it.after(1)
    before = peak()
    hook.behave = 200, {}, bytes(100 << 20)
    it.fail("job-2")
    found = it.after(1)
    assert (found["state"], found["attempts"][0]["code"]) == ("delivered", 200)
    assert peak() - before < 8 << 10, "kB more than before"


# ---- webhook: the channel is disabled ----


def http_disabled(make_agent, hook, code, mended):
    """Said once, nothing more is sent, everything waits; with a mended configuration it all goes."""
    it = case(make_agent, webhook(hook.url))
    it.fail("job-1")
    it.check(1, "queued", "disabled", code, "correct the channel's configuration, then reload", "disabled")
    it.fail("job-2")
    it.agent.advance("30m")
    assert it.channel()["under_way"] == 0 and it.channel()["waiting"] == 2 and len(hook.requests) == 1
    assert it.agent.log().count("is disabled until its configuration changes") == 1
    it.agent.write(mended)
    assert it.agent.cli("reload").returncode == 0
    wait_for(lambda: it.channel()["delivered"] == 2, 5, "both")
    assert it.channel()["state"] == "ok" and it.channel()["waiting"] == 0
    first, second = reversed(it.agent.notifications())
    assert [a["verdict"] for a in first["attempts"]] == ["disabled", "delivered"]
    assert [r.headers["webhook-id"] for r in hook.requests].count(first["id"]) == 2
    assert [a["verdict"] for a in second["attempts"]] == ["delivered"]


def test_401_disables_until_the_token_is_mended(make_agent, hook):
    hook.behave = lambda request: 200 if request.headers.get("authorization") == "Bearer right" else 401
    http_disabled(make_agent, hook, 401, webhook(hook.url, ", bearer: right"))


def test_410_disables_until_the_url_is_mended(make_agent, hook):
    hook.behave = lambda request: 200 if request.path == "/new" else 410
    http_disabled(make_agent, hook, 410, webhook(hook.url + "/new"))


def test_a_disabled_channel_stays_so_if_the_reload_mends_nothing(make_agent, hook):
    hook.behave = 401
    it = case(make_agent, webhook(hook.url))
    it.fail()
    it.after(1)
    assert it.agent.cli("reload").returncode == 0
    it.check(2, "queued", "disabled", 401, "correct the channel's configuration, then reload", "disabled")


def test_what_a_disabled_channel_cannot_send_is_given_up_in_time(make_agent, hook):
    hook.behave = 401
    it = case(make_agent, webhook(hook.url))
    it.fail()
    it.after(1)
    it.agent.advance("59m59s")
    assert it.notification()["state"] == "queued"
    it.agent.advance("1s")
    assert it.notification()["state"] == "failed"
    assert "the channel is disabled" in it.notification()["reason"]


def test_what_is_unavailable_for_too_long_is_given_up_aloud(make_agent, hook):
    hook.behave = 503
    it = case(make_agent, webhook(hook.url).replace("1h", "10s"))
    it.fail()
    tries = 1
    while it.after(tries)["state"] == "queued":
        it.wait_over(0, 4)
        tries += 1
    found = it.check(tries, "failed", "unavailable", 503, UNAVAILABLE[1], "waiting")
    assert found["reason"].startswith(f"given up after 10s and {tries} attempts; the last said: ")
    assert seconds(found["attempts"][-1]["time"]) - seconds(found["created_at"]) <= 10
    assert "has failed: given up" in it.agent.log()


def test_a_disabled_channel_with_a_fallback_tells_by_that(make_agent, hook):
    other = HttpReceiver()
    hook.behave = 401
    config = webhook(hook.url, ", fallback: spare").replace("\nalerts", f"\n  spare: {{plugin: webhook, url: '{other.url}'}}\nalerts", 1)
    it = case(make_agent, config)
    it.fail("job-1")
    it.fail("job-2")
    wait_for(lambda: len(other.requests) == 2, 5, "both by the other way")
    assert len(hook.requests) <= 2  # the second was under way already, or not
    wait_for(lambda: it.channel("spare")["delivered"] == 2, 5, "their record")
    gave_up = it.agent.notifications(channel="out")
    took_over = {n["id"]: n for n in it.agent.notifications(channel="spare")}
    assert [n["state"] for n in gave_up] == ["failed", "failed"]
    for n in gave_up:
        heir = took_over[n["fallback"]]
        assert (heir["state"], heir["fallback_of"]) == ("delivered", n["id"])
        assert heir["alerts"] == n["alerts"] and len(heir["attempts"]) == 1
    assert {r.headers["webhook-id"] for r in other.requests} == set(took_over)
    assert it.agent.log().count("is disabled until its configuration changes") == 1
    other.close()


# ---- mail ----


def mail_tried_again(make_agent, smtp, code, mend=None):
    done = tried_again(case(make_agent, mail(smtp.url)), UNAVAILABLE, code, mend or smtp.refuse.clear,
                       lambda: [m["Message-ID"].strip("<>").split("@")[0] for _, _, m in smtp.tried], taken=250)
    assert len(smtp.mails) == 1
    return done


def mail_for_good(make_agent, smtp, refusal, code):
    smtp.refuse = refusal
    it = case(make_agent, mail(smtp.url))
    it.fail()
    found = it.check(1, "failed", "rejected", code, "correct the message or its recipients", "waiting")
    assert str(code) in found["reason"]
    it.agent.advance("2h")
    assert it.channel()["under_way"] == 0 and not smtp.mails
    return found


def test_one_recipient_refused_for_good_is_partial_and_named(make_agent, smtp):
    smtp.refuse = {"b@example.com": "550 5.1.1 no such user"}
    it = case(make_agent, mail(smtp.url))
    it.fail()
    found = it.check(1, "partial", "partial", 250, "correct the addresses that did not get it", "waiting")
    assert found["attempts"][0]["failures"] == [
        {"recipient": "b@example.com", "again": False, "code": 550, "error": "550 5.1.1 no such user"}]
    assert [to for _, to, _ in smtp.mails] == [["a@example.com"]]
    it.agent.advance("2h")
    assert it.channel()["under_way"] == 0 and len(smtp.mails) == 1


def test_one_recipient_refused_for_now_is_tried_again_alone(make_agent, smtp):
    smtp.refuse = {"b@example.com": "451 4.7.1 greylisted"}
    it = case(make_agent, mail(smtp.url))
    it.fail()
    found = it.check(1, "queued", "partial", 250, "correct the addresses that did not get it", "waiting")
    assert [(f["recipient"], f["again"], f["code"]) for f in found["attempts"][0]["failures"]] == [("b@example.com", True, 451)]
    it.wait_over(0, 1)
    it.check(2, "queued", "unavailable", 451, UNAVAILABLE[1], "waiting")
    smtp.refuse.clear()
    it.wait_over(0, 2)
    it.check(3, "delivered", "delivered", 250, "nothing to do", "ok")
    assert [to for _, to, _ in smtp.mails] == [["a@example.com"], ["b@example.com"]]
    assert smtp.recipients == ["a@example.com", "b@example.com", "b@example.com", "b@example.com"]
    assert smtp.mails[0][2]["Message-ID"] == smtp.mails[1][2]["Message-ID"]


def test_who_was_refused_for_good_is_not_forgotten_when_the_rest_got_it_later(make_agent, smtp):
    smtp.refuse = {"b@example.com": "550 5.1.1 no such user", "c@example.com": "451 4.7.1 greylisted"}
    it = case(make_agent, mail(smtp.url, to="a@example.com, b@example.com, c@example.com"))
    it.fail()
    it.after(1)
    del smtp.refuse["c@example.com"]
    it.wait_over(0, 1)
    found = it.after(2)
    assert [to for _, to, _ in smtp.mails] == [["a@example.com"], ["c@example.com"]]
    assert found["state"] == "partial", "b@example.com never got it"
    assert (it.channel()["delivered"], it.channel()["failed"]) == (0, 1)


def test_all_recipients_refused_for_good(make_agent, smtp):
    found = mail_for_good(make_agent, smtp, dict.fromkeys(["a@example.com", "b@example.com"], "550 5.1.1 no such user"), 550)
    assert "every recipient was refused for good" in found["reason"] and not smtp.tried


def test_all_recipients_refused_for_now_are_tried_again(make_agent, smtp):
    smtp.refuse = dict.fromkeys(["a@example.com", "b@example.com"], "451 4.7.1 greylisted")
    mail_tried_again(make_agent, smtp, 451)


def test_the_sender_refused_for_good(make_agent, smtp):
    mail_for_good(make_agent, smtp, {"MAIL": "553 5.7.1 not from you"}, 553)
    assert not smtp.tried


def test_the_sender_refused_for_now_is_tried_again(make_agent, smtp):
    smtp.refuse = {"MAIL": "451 4.3.0 later"}
    mail_tried_again(make_agent, smtp, 451)


def test_a_message_refused_for_good(make_agent, smtp):
    mail_for_good(make_agent, smtp, {"DATA": "554 5.7.1 looks like spam"}, 554)
    assert len(smtp.tried) == 1


def test_a_message_refused_for_now_is_tried_again_with_the_same_id(make_agent, smtp):
    smtp.refuse = {"DATA": "452 4.3.1 disk full"}
    mail_tried_again(make_agent, smtp, 452)
    assert len(smtp.tried) == 5


def test_a_server_that_is_silent_after_the_message_is_tried_again_with_the_same_id(make_agent, smtp):
    smtp.refuse = {"DATA": SILENCE}
    done = mail_tried_again(make_agent, smtp, 0)
    assert len(smtp.tried) == 5
    assert all(0.9 <= a["latency"] < 4.0 for a in done["attempts"][:-1])


def test_a_mail_server_with_a_closed_port_is_tried_again(make_agent):
    smtp = SmtpReceiver(listen=False)
    mail_tried_again(make_agent, smtp, 0, mend=smtp.listen)
    smtp.close()


def test_a_mail_server_that_never_says_a_word_is_tried_again(make_agent):
    hole = BlackHole()
    it = case(make_agent, mail(f"smtp://127.0.0.1:{hole.port}"))
    it.fail()
    found = it.check(1, "queued", "unavailable", 0, UNAVAILABLE[1], "waiting")
    assert 0.9 <= found["attempts"][0]["latency"] < 3.0
    it.wait_over(0, 1)
    it.after(2)
    hole.close()


def test_535_disables_until_the_password_is_mended(make_agent):
    smtp = SmtpReceiver(password="right")
    it = case(make_agent, mail(smtp.url, ", username: belfry, password: wrong"))
    it.fail("job-1")
    found = it.check(1, "queued", "disabled", 535, "correct the channel's configuration, then reload", "disabled")
    assert "check username and password" in found["attempts"][0]["error"]
    it.fail("job-2")
    it.agent.advance("30m")
    assert it.channel()["under_way"] == 0 and it.channel()["waiting"] == 2 and not smtp.recipients
    assert it.agent.log().count("is disabled until its configuration changes") == 1
    it.agent.write(mail(smtp.url, ", username: belfry, password: right"))
    assert it.agent.cli("reload").returncode == 0
    wait_for(lambda: it.channel()["delivered"] == 2, 5, "both")
    assert len(smtp.mails) == 2
    assert "wrong" not in it.agent.log() and "right" not in it.agent.log()
    smtp.close()
