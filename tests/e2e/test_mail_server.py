# SPDX-License-Identifier: Apache-2.0
"""Mail by a real server: STARTTLS, AUTH, and what must not be sent without them."""

import pytest

from belfry import wait_for
from mailserver import PASSWORD, USER, MailServer, make_certificate


@pytest.fixture
def server(smtp):
    servers = []

    def make(**kw):
        servers.append(MailServer(smtp.port, **kw))
        return servers[-1]

    yield make
    for one in servers:
        one.close()


def fail_a_job(make_agent, server, name="夜间备份", **options):
    options = {"url": server.url, "from": "Belfry <belfry@example.com>", "ca_file": str(server.ca), "username": USER, "password": PASSWORD, **options}
    block = ", ".join(f'{key}: "{value}"' for key, value in options.items() if value)
    agent = make_agent(f"""
channels:
  mail: {{plugin: smtp, {block}}}
alerts:
  - {{job_name: "{name}", trigger_condition: on_failure, notify_methods: [mail], recipients: [admin@example.com]}}
""").start()
    assert agent.report(name, "failed", exit_code=1, output="磁盘已满\n.\n..两个点\n").status == 200
    return agent


def first_attempt(agent):
    """The notification, once it was tried."""
    wait_for(lambda: agent.notifications()[0]["attempts"], 15, "an attempt")
    return agent.notifications()[0]


def assert_nothing_went(server, smtp):
    assert not smtp.mails and " <= " not in server.log(), server.log()


def test_starttls_and_auth_deliver_the_mail_as_it_was_written(make_agent, server, smtp):
    mta = server()
    agent = fail_a_job(make_agent, mta)
    wait_for(lambda: smtp.mails, 15, "the mail")
    sender, to, mail = smtp.mails[0]
    assert (sender, to) == ("belfry@example.com", ["admin@example.com"])
    assert mail["Subject"] == "[FIRING] Job failed: 夜间备份"
    assert "\n\nLast output:\n磁盘已满\n.\n..两个点\n" in mail.get_body().get_content().replace("\r\n", "\n")
    n = first_attempt(agent)
    assert n["state"] == "delivered" and n["attempts"][0]["code"] == 250
    assert f"<{n['id']}@example.com>" == mail["Message-ID"]
    line = next(line for line in mta.log().splitlines() if " <= " in line)
    assert "P=esmtpsa" in line and f"A=plain:{USER}" in line and "X=TLS1." in line


def test_a_wrong_password_disables_the_channel_and_says_so(make_agent, server, smtp):
    mta = server()
    agent = fail_a_job(make_agent, mta, password="wrong-horse")
    attempt = first_attempt(agent)["attempts"][0]
    assert attempt["verdict"] == "disabled" and attempt["code"] == 535
    assert "password" in attempt["error"] and "wrong-horse" not in attempt["error"] + agent.log()
    assert [c["state"] for c in agent.items("/api/v1/channels")] == ["disabled"]
    assert_nothing_went(mta, smtp)


def test_a_certificate_that_is_not_trusted_stops_the_mail(make_agent, server, smtp, folder):
    make_certificate(folder)
    mta = server()
    attempt = first_attempt(fail_a_job(make_agent, mta, ca_file=f"{folder}/cert.pem"))["attempts"][0]
    assert attempt["verdict"] == "unavailable" and "certificate" in attempt["error"].lower()
    assert_nothing_went(mta, smtp)


def test_no_starttls_no_mail(make_agent, server, smtp):
    mta = server(tls=False, auth=False)
    n = first_attempt(fail_a_job(make_agent, mta, username=None, password=None))
    assert n["attempts"][0]["verdict"] == "unavailable" and "does not offer STARTTLS" in n["attempts"][0]["error"]
    assert_nothing_went(mta, smtp)


def test_no_auth_offered_no_mail(make_agent, server, smtp):
    mta = server(auth=False)
    n = first_attempt(fail_a_job(make_agent, mta))
    assert n["attempts"][0]["verdict"] == "disabled" and "offers no authentication" in n["attempts"][0]["error"]
    assert_nothing_went(mta, smtp)


def test_without_a_login_the_server_refuses_and_it_is_seen(make_agent, server, smtp):
    mta = server()
    attempt = first_attempt(fail_a_job(make_agent, mta, username=None, password=None))["attempts"][0]
    assert (attempt["verdict"], attempt["code"]) == ("rejected", 550)
    assert_nothing_went(mta, smtp)
