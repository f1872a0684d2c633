"""`python -m bytewax.run dataflows.notify` over a broker, with a mail server and a webhook that it tells."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import pytest

from dataflows.notification.services import AppriseService
from scripts.brokers.ports import free_port
from scripts.brokers.process import Broker
from scripts.waiting import DEADLINE, wait_until
from tests.support.alerts import later, make_alert
from tests.support.environment import without_settings
from tests.support.mqtt_clients import publish
from tests.support.notification_servers import (
    PASSWORD,
    USER,
    MailServer,
    Webhook,
    mail_server,
    webhook,
)
from tests.support.notify_job import NotifyJobOverMqtt
from tests.support.paths import REPOSITORY

Start = Callable[..., NotifyJobOverMqtt]

TOKEN = "abcdefghijklmnopqrstuvwx"


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as running:
        yield running


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture
def job(durable_broker: Broker, tmp_path: Path, topic: str) -> Iterator[Start]:
    """A job with these channels and variables; it is killed at the end."""
    jobs: list[NotifyJobOverMqtt] = []

    def make(
        channels: Mapping[str, str], more: Mapping[str, str] | None = None, *, started: bool = True
    ) -> NotifyJobOverMqtt:
        jobs.append(NotifyJobOverMqtt(durable_broker.settings(), tmp_path, topic, channels, more))
        if started:
            jobs[-1].start()
        return jobs[-1]

    yield make
    for running in jobs:
        running.kill()


@pytest.mark.long
def test_an_alert_is_told_by_mail_and_by_webhook_with_its_password_and_as_it_is_written(
    job: Start, hook: Webhook, mail: MailServer
) -> None:
    running = job({"dispatch": mail.url, "chat": hook.url("alerts")})
    alert = make_alert("VEH-<b>7", severity="critical")
    running.publish(alert)
    wait_until(lambda: mail.mails and hook.accepted, "a mail and a message")
    assert mail.logins == [(USER, PASSWORD)]
    (sent,) = mail.mails
    assert sent["subject"] == "Critical: VEH-<b>7, coolant outside its limits"
    body = sent.get_body(("plain", "html"))
    assert body is not None
    assert "118 °C" in body.get_content()
    assert sent["to"] == "dispatch@example.com"
    (message,) = hook.accepted
    assert message["title"] == "Critical: VEH-<b>7, coolant outside its limits"
    assert message["type"] == "failure"
    assert "Since: 2026-03-01 13:02 UTC" in message["message"]
    running.publish(later(alert, events=4))
    running.publish(later(later(alert, events=4), state="cleared"))
    wait_until(lambda: len(hook.accepted) == 2, "the clearing")
    assert hook.titles[1] == "Cleared: VEH-<b>7, coolant outside its limits"
    assert hook.accepted[1]["type"] == "success"
    running.wait_for_log("told chat: Cleared: VEH-<b>7")
    assert running.stop() == 0
    assert PASSWORD not in running.log


@pytest.mark.long
def test_what_was_open_before_the_first_start_is_told_once_and_bad_messages_are_ignored(
    job: Start, hook: Webhook
) -> None:
    running = job({"chat": hook.url()}, started=False)
    running.publish(make_alert("VEH-1"), make_alert("VEH-2"))
    publish(running.mqtt, [(f"{running.alerts}/bad", b"no JSON")], retain=True)
    running.start()
    wait_until(lambda: hook.accepted, "a first message")
    assert hook.titles == ["Minor: 2 vehicles, coolant outside its limits"]
    running.wait_for_log("is not an alert: JSON is malformed")
    running.wait_for_log("told chat")
    assert running.stop() == 0
    running.start()
    # The broker sends retained messages again only to those who ask; here, somebody publishes one again.
    running.publish(make_alert("VEH-1"), make_alert("VEH-3", severity="critical"))
    wait_until(lambda: len(hook.accepted) == 2, "a second message")
    assert hook.titles[1] == "Critical: VEH-3, coolant outside its limits"


@pytest.mark.long
def test_a_job_that_is_killed_while_the_webhook_refuses_tells_it_after_a_restart(
    job: Start, hook: Webhook
) -> None:
    hook.status = 503
    running = job({"chat": hook.url("secret-path", "token=t0ken")})
    running.publish(make_alert("VEH-1"))
    running.wait_for_log("channel chat: the service answered with the status 503; trying again in ", 3)
    running.kill()
    running.publish(make_alert("VEH-2", severity="critical"))
    assert hook.accepted == []
    refused = len(hook.requests)
    running.start()
    wait_until(lambda: len(hook.requests) > refused, "another attempt")
    assert hook.accepted == []
    # Back-off goes on, and by now every snapshot has what waits.
    running.wait_for_log("status 503", 5)
    running.kill()
    hook.status = 200
    running.start()
    wait_until(lambda: hook.accepted, "a message")
    assert hook.titles == ["Critical: 2 vehicles, coolant outside its limits"]
    running.wait_for_log("told chat")
    assert running.stop() == 0
    for secret in (PASSWORD, "secret-path", "t0ken"):
        assert secret not in running.log


@pytest.mark.long
def test_a_service_that_does_not_answer_blocks_neither_other_channels_nor_the_session_nor_the_end(
    job: Start, hook: Webhook
) -> None:
    with webhook() as other:
        hook.blocked = True
        # Longer than the test: the read timeout of Apprise.
        running = job({"stuck": hook.url(query="rto=300"), "chat": other.url()}, {"MQTT__KEEPALIVE": "1"})
        running.publish(make_alert("VEH-1"))
        wait_until(lambda: hook.requests, "a request that is not answered")
        for number in range(2, 5):
            running.publish(make_alert(f"VEH-{number}", severity="critical", subject=f"signal {number}"))
            wait_until(partial(_has, other, number), f"message {number}")
        assert len(hook.requests) == 1
        assert running.stop() == 0
        assert "connection" not in running.log.partition("subscribed to")[2]
        hook.released.set()
        hook.blocked = False
        before = len(hook.requests)
        running.start()
        wait_until(lambda: len(hook.requests) >= before + 4, "all messages again")


def _has(hook: Webhook, messages: int) -> bool:
    return len(hook.accepted) >= messages


@pytest.mark.long
def test_no_password_is_logged_at_any_level_by_whatever_fails(hook: Webhook, tmp_path: Path) -> None:
    """Also by libraries, and when everything is logged."""
    program = tmp_path / "program.py"
    program.write_text(
        "import logging, sys, threading\n"
        "logging.basicConfig(level=1)\n"
        "from dataflows.notification.services import SENDER, AppriseService\n"
        "from dataflows.notification.message import Message\n"
        "for url in sys.argv[1:]:\n"
        "    service = AppriseService('chat', url)\n"
        "    def send():\n"
        "        print(repr(service), service.send(Message('title', 'body', 'minor')))\n"
        "    thread = threading.Thread(target=send, name=f'{SENDER}chat')\n"
        "    thread.start()\n"
        "    thread.join()\n"
        "logging.getLogger('other').debug('others may log')\n",
        encoding="utf-8",
    )
    hook.status = 401
    closed = free_port()
    urls = [
        hook.url(f"{PASSWORD}/path", f"token={PASSWORD}"),
        hook.url(query=f"+X-Token={PASSWORD}"),
        f"json://{USER}:{PASSWORD}@127.0.0.1:{closed}/{PASSWORD}?rto=1&cto=1",
        f"mailto://{USER}:{PASSWORD}@127.0.0.1:{closed}?from=a@example.com&to=b@example.com&mode=insecure",
        f"slack://T0000AAAA/B0000BBBB/{TOKEN}/?rto=1&cto=1",
    ]
    finished = subprocess.run(
        [sys.executable, str(program), *urls],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY), "https_proxy": f"http://127.0.0.1:{closed}"},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    said = finished.stdout + finished.stderr
    assert finished.returncode == 0, said
    assert finished.stdout.count("the service answered with the status 401") == 2
    assert finished.stdout.count("could not be reached") == 3
    assert "others may log" in said
    for secret in (PASSWORD, TOKEN):
        assert secret not in said
    assert len(hook.requests) == 2


@pytest.mark.long
def test_a_dry_run_prints_and_sends_nothing_and_leaves_the_session_of_the_job_alone(
    job: Start, hook: Webhook
) -> None:
    running = job({"chat": hook.url()})
    assert running.stop() == 0
    running.publish(make_alert("VEH-1", severity="critical"))
    running.start(("dataflows.notify", "--dry-run"), recovery=False)
    running.wait_for_log(
        "[chat] Critical: VEH-1, coolant outside its limits\n    Coolant of VEH-1 is at 118 °C"
    )
    assert running.stop() == 0
    assert hook.requests == []
    assert "printing what they would be told: chat" in running.log
    running.start()
    wait_until(lambda: hook.accepted, "the message to be sent")
    assert running.stop() == 0
    running.start(("dataflows.notify", "--dry-run"), "in which a dry run would note that people were told")


def environment(**variables: str) -> dict[str, str]:
    inherited = without_settings()
    return inherited | {f"FLEET__{name}": value for name, value in variables.items()}


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
def test_apprise_knows_the_urls_of_the_documentation() -> None:
    text = (REPOSITORY / "docs" / "notifications.md").read_text(encoding="utf-8")
    urls = re.findall(r"`(\w+://[^`\s]+)`", text)
    assert len(urls) >= 7
    for url in urls:
        AppriseService("documented", url)


URL = "NOTIFY__CHANNELS__DISPATCH__URL"


@pytest.mark.long
@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "notify: notify.channels: expected at least one channel, got none"),
        (
            {URL: f"nowhere://{USER}:{PASSWORD}@host"},
            "notify: notify.channels.dispatch.url: expected one URL",
        ),
        ({URL: f"mailtos://{USER}:{PASSWORD}@"}, "notify: notify.channels.dispatch.url: expected one URL"),
        ({URL: PASSWORD}, "notify: notify.channels.dispatch.url: expected one URL"),
        ({"NOTIFY__CHANNELS__DISPATCH": f"json://{PASSWORD}"}, "notify.channels.dispatch"),
        (
            {URL: "json://localhost", "SINK__KIND": "recording"},
            "notify: sink.kind: expected 'mqtt' or 'kafka'",
        ),
    ],
)
def test_a_wrong_setting_is_one_line_without_the_url(variables: dict[str, str], message: str) -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "bytewax.run", "dataflows.notify"],
        cwd=REPOSITORY,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert finished.returncode == 1
    assert finished.stderr.count("\n") == 1
    assert message in finished.stderr
    assert PASSWORD not in finished.stdout + finished.stderr
