"""Alerts over a real MQTT broker: opened, cleared, acted on and removed by the job as it is started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import msgspec
import pytest

from config.broker_settings import MqttSettings
from dataflows.events import Alert, DeadLetter
from scripts.brokers.process import Broker
from scripts.waiting import wait_until
from tests.support.alerting_job import SETTINGS, START, acknowledgement, decoded, drive, latest
from tests.support.mqtt_clients import Inbox, publish
from tests.support.mqtt_fleet import Job
from tests.support.paths import REPOSITORY

HOSTILE = ["a/b", "/", "+", "#", "$SYS/x", "..", " ", "%2e", "ключ", "🚗", "<b>"]


@contextmanager
def alerting(broker: Broker, directory: Path, topic: str, more: str = SETTINGS) -> Iterator[Job]:
    """A running job that listens; killed at the end."""
    job = Job(broker.settings(), directory / "job", topic, more)
    job.start()
    try:
        job.wait_until_listening()
        yield job
    finally:
        job.kill()


def send(job: Job, payloads: list[bytes]) -> None:
    publish(job.mqtt, [(f"{job.topic}/telemetry/any", payload) for payload in payloads])


def alerts_in(inbox: Inbox) -> list[Alert]:
    return decoded(payload for _, payload in list(inbox.messages))


def wait_for(job: Job, inbox: Inbox, condition: Callable[[Alert], bool], what: str) -> Alert:
    """The latest revision of an alert, as soon as there is one that meets the condition."""
    job.wait(lambda: any(map(condition, latest(alerts_in(inbox)).values())), what)
    return next(filter(condition, latest(alerts_in(inbox)).values()))


def test_a_limit_alert_opens_on_a_retained_topic_of_its_own_and_clears(
    broker: Broker, topic: str, tmp_path: Path
) -> None:
    with alerting(broker, tmp_path, topic) as job, Inbox(job.mqtt, job.alerts) as inbox:
        send(job, drive(range(20), fast=range(10, 13)))
        cleared = wait_for(job, inbox, lambda alert: alert.state == "cleared", "an alert that has cleared")
        assert {name for name, _ in inbox.messages} == {f"{topic}/alerts/VEH-1/limit/speed"}
        opened, *_ = alerts_in(inbox)
        assert (opened.state, opened.revision, opened.kind, opened.subject) == ("open", 1, "limit", "speed")
        assert opened.summary.startswith("Speed is 120 km/h, above its limit of 100 km/h")
        assert cleared.alert_id == opened.alert_id
        assert cleared.events == 3
        assert cleared.cleared_at is not None
        assert cleared.cleared_at > cleared.last_at > opened.opened_at
        with Inbox(job.mqtt, job.alerts) as latecomer:
            # The embedded broker may deliver a retained message twice.
            assert decoded(latecomer.wait_for(1))[-1] == cleared


@pytest.mark.long
def test_what_people_do_changes_the_retained_alert(broker: Broker, topic: str, tmp_path: Path) -> None:
    with alerting(broker, tmp_path, topic) as job, Inbox(job.mqtt, job.alerts) as inbox:
        send(job, drive(range(12), fast=range(10, 12)))
        opened = wait_for(job, inbox, lambda alert: alert.state == "open", "an open alert")
        publish(job.mqtt, [(job.actions, acknowledgement(opened.alert_id))])
        acted = wait_for(job, inbox, lambda alert: alert.acknowledged_by == "Kim", "the acknowledgement")
        assert (acted.alert_id, acted.state, acted.revision) == (opened.alert_id, "open", opened.revision + 1)
        with Inbox(job.mqtt, job.alerts) as latecomer:
            assert decoded(latecomer.wait_for(1))[-1] == acted


@pytest.mark.long
def test_an_action_that_is_read_before_the_events_that_open_its_alert_waits_for_it(
    broker: Broker, topic: str, tmp_path: Path
) -> None:
    """After a kill, what people did may be read again first."""
    at = int((START + timedelta(seconds=10)).timestamp()) * 1_000_000
    with alerting(broker, tmp_path, topic) as job, Inbox(job.mqtt, job.alerts) as inbox:
        publish(job.mqtt, [(job.actions, acknowledgement(f"VEH-1/limit/speed/VEH-1@{at}#10"))])
        send(job, drive(range(12), fast=range(10, 12)))
        acted = wait_for(job, inbox, lambda alert: alert.acknowledged_by == "Kim", "the acknowledgement")
        assert (acted.state, acted.revision) == ("open", 2)


@pytest.mark.long
def test_a_malformed_action_becomes_a_dead_letter_and_changes_nothing(
    broker: Broker, topic: str, tmp_path: Path
) -> None:
    bad = [b"no json", b'{"action": "acknowledge", "by": "Kim"}', b'{"action": "delete", "by": "Kim"}']
    with (
        alerting(broker, tmp_path, topic) as job,
        Inbox(job.mqtt, job.alerts) as inbox,
        Inbox(job.mqtt, f"{topic}/dead-letter") as dead,
    ):
        send(job, drive(range(12), fast=range(10, 12)))
        opened = wait_for(job, inbox, lambda alert: alert.state == "open", "an open alert")
        unknown = acknowledgement("VEH-9/limit/speed/1")
        publish(job.mqtt, [(job.actions, payload) for payload in [*bad, unknown]])
        letters = [msgspec.json.decode(payload, type=DeadLetter) for payload in dead.wait_for(3)]
        # What comes after them is read.
        publish(job.mqtt, [(job.actions, acknowledgement(opened.alert_id))])
        acted = wait_for(job, inbox, lambda alert: alert.acknowledged_by == "Kim", "the acknowledgement")
    assert [letter.payload for letter in letters] == bad
    assert {letter.topic for letter in letters} == {f"{topic}/alert-actions"}
    assert all(letter.reason.startswith("expected an alert action: ") for letter in letters)
    assert acted == msgspec.structs.replace(
        opened,
        revision=2,
        acknowledged_by="Kim",
        acknowledged_at=acted.acknowledged_at,
        changed_at=acted.changed_at,
    )
    assert len(alerts_in(inbox)) == 2


@pytest.mark.long
def test_the_ids_of_vehicles_are_percent_encoded_in_topics(
    broker: Broker, topic: str, tmp_path: Path
) -> None:
    with alerting(broker, tmp_path, topic) as job, Inbox(job.mqtt, job.alerts) as inbox:
        send(job, drive(range(12), fast=range(10, 12), vehicles=HOSTILE))
        job.wait(lambda: len(latest(alerts_in(inbox))) == len(HOSTILE), "an alert of each vehicle")
        for name, payload in inbox.messages:
            [alert] = decoded([payload])
            assert name == f"{topic}/alerts/{quote(alert.vehicle_id, safe='')}/limit/speed"
        assert {alert.vehicle_id for alert in alerts_in(inbox)} == set(HOSTILE)


@pytest.mark.long
def test_an_alert_that_cleared_long_ago_is_removed_from_its_topic(
    broker: Broker, topic: str, tmp_path: Path
) -> None:
    more = f"{SETTINGS}keep_cleared = 30.0\n"
    with alerting(broker, tmp_path, topic, more) as job, Inbox(job.mqtt, job.alerts) as inbox:
        send(job, drive(range(20), fast=range(10, 12)))
        wait_for(job, inbox, lambda alert: alert.state == "cleared", "an alert that has cleared")
        send(job, drive(range(20, 200)))
        job.wait(lambda: inbox.messages[-1][1] == b"", "the empty message")
        assert inbox.messages[-1][0] == f"{topic}/alerts/VEH-1/limit/speed"
        send(job, drive(range(200, 203), fast=range(200, 203)))
        job.wait(lambda: len(latest(alerts_in(inbox))) == 2, "a second alert")
        second = alerts_in(inbox)[-1]
        with Inbox(job.mqtt, job.alerts) as latecomer:
            assert decoded(latecomer.wait_for(1))[-1] == second
            assert second.openings == 1


@pytest.mark.long
def test_a_mute_is_shown_with_the_alerts_that_it_covers_and_ends_with_unmute(
    broker: Broker, topic: str, tmp_path: Path
) -> None:
    with alerting(broker, tmp_path, topic) as job, Inbox(job.mqtt, job.alerts) as inbox:
        mute = {"action": "mute", "by": "Kim", "vehicle_id": "VEH-1", "text": "new brakes"}
        publish(job.mqtt, [(job.actions, msgspec.json.encode(mute | {"until": "2026-01-01T08:00:00Z"}))])
        send(job, drive(range(12), fast=range(10, 12), vehicles=["VEH-1", "VEH-2"]))
        job.wait(lambda: len(latest(alerts_in(inbox))) == 2, "two alerts")
        muted = wait_for(job, inbox, lambda alert: alert.mute_reason == "new brakes", "the mute")
        assert muted.vehicle_id == "VEH-1"
        assert muted.muted_until is not None
        publish(job.mqtt, [(job.actions, b'{"action": "unmute", "by": "Kim", "vehicle_id": "VEH-1"}')])
        wait_for(
            job,
            inbox,
            lambda alert: alert.alert_id == muted.alert_id and alert.muted_until is None,
            "the end of the mute",
        )


@pytest.mark.long
def test_when_nobody_sends_one_alert_of_the_fleet_opens_and_clears_with_the_next_event(
    broker: Broker, topic: str, tmp_path: Path
) -> None:
    more = f"{SETTINGS}no_data_after = 1.0\n"
    with alerting(broker, tmp_path, topic, more) as job, Inbox(job.mqtt, job.alerts) as inbox:
        opened = wait_for(job, inbox, lambda alert: alert.state == "open", "the alert of the fleet")
        assert (opened.vehicle_id, opened.kind, opened.subject) == ("", "silent", "fleet")
        assert opened.summary.startswith("Nobody in the fleet sends data")
        send(job, drive(range(3)))
        wait_for(job, inbox, lambda alert: alert.state == "cleared", "its end")
        assert {name for name, _ in inbox.messages} == {f"{topic}/alerts//silent/fleet"}


@pytest.mark.long
def test_without_a_broker_as_sink_alerts_are_lines_of_a_file(
    broker: Broker, topic: str, tmp_path: Path
) -> None:
    results = tmp_path / "results"
    environment = os.environ | {
        "FLEET_CONFIG": str(tmp_path / "settings.toml"),
        "FLEET__MQTT__PORT": str(broker.settings().port),
        "FLEET__MQTT__PROTOCOL": broker.settings().protocol,
        "FLEET__MQTT__CLIENT_ID": broker.settings().client_id,
        "FLEET__TOPICS__TELEMETRY": f"{topic}/telemetry/+",
        "FLEET__SINK__KIND": "recording",
        "FLEET__RECORDING__RESULTS": str(results),
    }
    (tmp_path / "settings.toml").write_text(SETTINGS, encoding="utf-8")
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "bytewax.run", "dataflows.fleet"],
            cwd=REPOSITORY,
            env=environment,
            stderr=output,
        )
    try:
        wait_until(lambda: f"subscribed to {topic}" in log.read_text(), "subscription")
        telemetry = drive(range(20), fast=range(10, 13))
        mqtt: MqttSettings = broker.settings()
        publish(mqtt, [(f"{topic}/telemetry/any", payload) for payload in telemetry])
        enriched = results / "enriched.jsonl"
        wait_until(lambda: enriched.exists() and enriched.read_bytes().count(b"\n") == 20, "all events")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()
    alerts = decoded((results / "alerts.jsonl").read_bytes().splitlines())
    assert [(alert.revision, alert.state) for alert in alerts] == [(1, "open"), (2, "cleared")]
