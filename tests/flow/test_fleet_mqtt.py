"""End to end over a real broker: what vehicles publish comes out scored, once each."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from bytewax.recovery import init_db_dir

from config.broker_settings import MqttSettings
from dataflows.events import DeadLetter, Enriched, Rollup
from scripts.brokers.process import Broker
from scripts.waiting import wait_until
from tests.support.mqtt_clients import Inbox, create_session, publish
from tests.support.paths import REPOSITORY
from tests.support.telemetry import telemetry


@contextmanager
def fleet(
    mqtt: MqttSettings, topic: str, log: Path, *arguments: str, sequence: str = "/sequence"
) -> Iterator[None]:
    """The job as a process of its own, listening when the context begins, killed when it ends."""
    environment = os.environ | {
        "FLEET__MQTT__PORT": str(mqtt.port),
        "FLEET__MQTT__CLIENT_ID": mqtt.client_id,
        "FLEET__MQTT__PROTOCOL": mqtt.protocol,
        "FLEET__TOPICS__TELEMETRY": f"{topic}/telemetry/+",
        "FLEET__TOPICS__ENRICHED": f"{topic}/enriched",
        "FLEET__TOPICS__DEAD_LETTER": f"{topic}/dead-letter",
        "FLEET__TOPICS__ALERTS": f"{topic}/alerts",
        "FLEET__TOPICS__ALERT_ACTIONS": f"{topic}/alert-actions",
        "FLEET__TOPICS__ROLLUPS": f"{topic}/rollups",
        "FLEET__TOPICS__LATE": f"{topic}/late",
        "FLEET__PAYLOAD__SEQUENCE": sequence,
    }
    command = [sys.executable, "-m", "bytewax.run", "dataflows.fleet", *arguments]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stderr=output)
    try:
        wait_until(lambda: f"subscribed to {topic}/telemetry" in log.read_text(), f"subscription; see {log}")
        yield
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def addressed(topic: str, payloads: list[bytes]) -> list[tuple[str, bytes]]:
    return [(f"{topic}/telemetry/VEH-{number % 4}", payload) for number, payload in enumerate(payloads)]


def test_what_is_published_comes_out_scored_once_each(broker: Broker, topic: str, tmp_path: Path) -> None:
    mqtt = broker.settings()
    payloads = telemetry(1000)
    messages = addressed(topic, payloads)
    messages.insert(500, (f"{topic}/telemetry/VEH-1", b"not telemetry"))
    with (
        Inbox(mqtt, f"{topic}/enriched/+") as enriched,
        Inbox(mqtt, f"{topic}/dead-letter") as dead,
        Inbox(mqtt, f"{topic}/rollups/+") as rollups,
        fleet(mqtt, topic, tmp_path / "log"),
    ):
        publish(mqtt, messages)
        events = [msgspec.json.decode(line, type=Enriched) for line in enriched.wait_for(1000)]
        letters = [msgspec.json.decode(line, type=DeadLetter) for line in dead.wait_for(1)]
        rollups.wait_for(8)
    assert sorted(bytes(event.telemetry) for event in events) == sorted(payloads)
    assert [letter.payload for letter in letters] == [b"not telemetry"]
    topics = {name for name, _ in enriched.messages}
    assert topics == {f"{topic}/enriched/VEH-{vehicle}" for vehicle in range(4)}
    check_rollups(mqtt, topic, rollups)


def check_rollups(mqtt: MqttSettings, topic: str, sent: Inbox) -> None:
    """Two of each vehicle, on its own topic, which keeps the newer one."""
    with Inbox(mqtt, f"{topic}/rollups/+") as late_comer:
        kept = {msgspec.json.decode(line, type=Rollup).rollup_id for line in late_comer.wait_for(4)}
    assert len(kept) == 4
    for vehicle in (f"VEH-{number}" for number in range(4)):
        found = [
            msgspec.json.decode(payload, type=Rollup)
            for name, payload in sent.messages
            if name == f"{topic}/rollups/{vehicle}"
        ]
        assert [rollup.vehicle_id for rollup in found] == [vehicle] * 2
        assert [rollup.events for rollup in found] == [60, 60]
        assert found[0].end == found[1].start
        assert found[1].rollup_id in kept


@pytest.mark.parametrize("sequence", [pytest.param("/sequence", marks=pytest.mark.long), ""])
@pytest.mark.long
def test_all_messages_of_one_second_come_out_under_ids_of_their_own_and_complete_each_other(
    sequence: str, broker: Broker, topic: str, tmp_path: Path
) -> None:
    """Position, engine and fuel in three messages with the same time, as many trackers send them."""
    mqtt = broker.settings()
    parts = ({"speed": 50, "acceleration": 0}, {"rpm": 1500, "throttle": 20}, {"fuel": 60})
    payloads = [
        msgspec.json.encode(
            {"vehicle_id": "VEH-1", "ts": f"2026-01-01T12:{second // 60:02}:{second % 60:02}Z"}
            | ({"sequence": 3 * second + place} if sequence else {})
            | part
        )
        for second in range(200)
        for place, part in enumerate(parts)
    ]
    with (
        Inbox(mqtt, f"{topic}/enriched/+") as enriched,
        fleet(mqtt, topic, tmp_path / "log", sequence=sequence),
    ):
        publish(mqtt, [(f"{topic}/telemetry/VEH-1", payload) for payload in payloads])
        events = [msgspec.json.decode(line, type=Enriched) for line in enriched.wait_for(600)]
    assert [bytes(event.telemetry) for event in events] == payloads
    assert len({event.event_id for event in events}) == 600


def test_the_latest_event_of_a_vehicle_is_retained_as_its_twin(
    broker: Broker, topic: str, tmp_path: Path
) -> None:
    mqtt = broker.settings()
    payloads = telemetry(40)
    with Inbox(mqtt, f"{topic}/enriched/+") as enriched, fleet(mqtt, topic, tmp_path / "log"):
        publish(mqtt, addressed(topic, payloads))
        enriched.wait_for(40)
    with Inbox(mqtt, f"{topic}/enriched/+") as latecomer:
        twins = [msgspec.json.decode(line, type=Enriched) for line in latecomer.wait_for(4)]
    assert {bytes(twin.telemetry) for twin in twins} == set(payloads[-4:])


@pytest.mark.long
def test_a_job_that_is_killed_and_restarted_loses_nothing_and_repeats_the_same_ids(
    durable_broker: Broker, topic: str, tmp_path: Path
) -> None:
    mqtt = durable_broker.settings()
    create_session(mqtt, f"{mqtt.client_id}-source", f"{topic}/telemetry/+")
    init_db_dir(tmp_path, 1)
    arguments = (tmp_path / "log", "-r", str(tmp_path), "-s", "1", "-b", "0")
    payloads = telemetry(900)
    messages = addressed(topic, payloads)
    with Inbox(mqtt, f"{topic}/enriched/+") as enriched:
        for part in range(3):
            publish(mqtt, messages[part * 300 : part * 300 + 300])
            with fleet(mqtt, topic, *arguments):
                enriched.wait_for(part * 300 + 200)
        with fleet(mqtt, topic, *arguments):

            def ids() -> dict[str, bytes]:
                events = [msgspec.json.decode(line, type=Enriched) for _, line in list(enriched.messages)]
                return {event.event_id: bytes(event.telemetry) for event in events}

            wait_until(lambda: len(ids()) == 900, "every event under its own id")
            assert sorted(ids().values()) == sorted(payloads)
