"""A running `python -m sim` is commanded over a real broker: MQTT and Kafka."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from dataflows.events import CommandAnswer, InjectedFault
from scripts.brokers.kafka_process import Cluster
from scripts.brokers.process import Broker
from scripts.waiting import wait_until
from tests.support.kafka_clients import Reader
from tests.support.kafka_clients import publish as publish_to_kafka
from tests.support.live_fleet import Sender, live_fleet
from tests.support.mqtt_clients import Inbox

LIMIT = 15.0
"""km/h, below what everybody drives at."""


@pytest.fixture
def environment(private_broker: Broker, topic: str) -> dict[str, str]:
    settings = private_broker.settings()
    return {
        "FLEET__MQTT__HOST": settings.host,
        "FLEET__MQTT__PORT": str(settings.port),
        "FLEET__MQTT__PROTOCOL": settings.protocol,
        "FLEET__MQTT__CLIENT_ID": settings.client_id,
        "FLEET__TOPICS__TELEMETRY": f"{topic}/telemetry/+",
        "FLEET__TOPICS__GROUND_TRUTH": f"{topic}/truth",
        "FLEET__TOPICS__COMMAND": f"{topic}/command",
    }


@pytest.fixture
def sender(private_broker: Broker, topic: str) -> Iterator[Sender]:
    settings = private_broker.settings()
    with Inbox(settings, f"{topic}/#") as inbox:
        yield Sender(settings, topic, inbox)


def test_a_live_vehicle_obeys_a_limit_once_and_says_so(
    environment: dict[str, str], sender: Sender, tmp_path: Path
) -> None:
    limit = b'{"id":"c1","name":"limit_speed","arguments":{"kmh":%g},"by":"anna"}' % LIMIT
    with live_fleet(environment, tmp_path / "log", "--vehicles", "3", "--rate", "10"):
        wait_until(lambda: len(sender.events("VEH-0002")) > 20, "telemetry")
        sender.send("VEH-0002", limit)
        sender.wait_for(command_id="c1", status="accepted", by="anna", vehicle_id="VEH-0002")
        sender.wait_for(command_id="c1", status="done", vehicle_id="VEH-0002")
        done = len(sender.events("VEH-0002"))
        wait_until(lambda: len(sender.events("VEH-0002")) > done + 10, "a second at the limit")
        assert max(event["speed"] for event in sender.events("VEH-0002")[done:]) <= LIMIT
        sender.send("VEH-0002", b"resume")
        sender.wait_for(name="resume", status="done")
        # Delivered again under the same id: nothing but the same answer.
        sender.send("VEH-0002", limit)
        wait_until(lambda: sum(a.command_id == "c1" for a in sender.answers) == 3, "the answer again")
        first, second, third = (a for a in sender.answers if a.command_id == "c1")
        assert (first.status, second.status) == ("accepted", "done")
        assert third == second
        wait_until(
            lambda: any(event["speed"] > LIMIT + 2 for event in sender.events("VEH-0002")[done:]),
            "a vehicle that drives faster again",
            60.0,
        )
    assert {answer.vehicle_id for answer in sender.answers} == {"VEH-0002"}


def test_what_cannot_be_obeyed_is_refused_with_the_reason_and_the_fleet_drives_on(
    environment: dict[str, str], sender: Sender, tmp_path: Path
) -> None:
    with live_fleet(environment, tmp_path / "log", "--vehicles", "2", "--rate", "10"):
        wait_until(lambda: sender.events("VEH-0001"), "telemetry")
        sender.send("VEH-9", b'{"id":"nobody","name":"stop"}')
        sender.send("VEH-0001", b"\xff{")
        sender.send(None, b'{"id":"late","name":"stop","expires_at":"2020-01-01T00:00:00Z"}')
        sender.send(None, b"stop")
        nobody = sender.wait_for(command_id="nobody", status="refused", vehicle_id="")
        assert nobody.reason == "no vehicle 'VEH-9' in this fleet of 2"
        assert "expected a word or a JSON object" in sender.wait_for(status="refused", name="").reason
        sender.wait_for(command_id="late", status="expired")
        for vehicle in ("VEH-0001", "VEH-0002"):
            sender.wait_for(name="stop", status="done", vehicle_id=vehicle)
            assert sender.events(vehicle)[-1]["speed"] < 10.0


def test_a_fault_is_injected_and_cleared_and_the_ground_truth_says_both(
    environment: dict[str, str], sender: Sender, topic: str, tmp_path: Path
) -> None:
    arguments = b'{"kind":"missing_sensor","signal":"fuel","seconds":900}'
    fault = b'{"id":"f","name":"inject_fault","arguments":%b}' % arguments
    with live_fleet(environment, tmp_path / "log", "--vehicles", "1", "--rate", "10"):
        wait_until(lambda: sender.events("VEH-0001"), "telemetry")
        sender.send("VEH-0001", fault)
        sender.wait_for(command_id="f", status="done")
        wait_until(lambda: "fuel" not in sender.events("VEH-0001")[-1], "an event without fuel")
        sender.send("VEH-0001", b"clear_fault")
        sender.wait_for(name="clear_fault", status="done")
        wait_until(lambda: "fuel" in sender.events("VEH-0001")[-1], "an event with fuel")
    truth = [
        msgspec.json.decode(payload, type=InjectedFault)
        for told, payload in sender.inbox.messages
        if told == f"{topic}/truth"
    ]
    announced, corrected = truth
    assert announced.fault_id == corrected.fault_id
    assert corrected.ends_at < announced.ends_at


def test_a_retained_command_is_not_obeyed_at_the_start(
    environment: dict[str, str], sender: Sender, tmp_path: Path
) -> None:
    sender.send("VEH-0001", b'{"id":"old","name":"stop"}', retain=True)
    with live_fleet(environment, tmp_path / "log", "--vehicles", "1", "--rate", "10"):
        wait_until(lambda: sender.events("VEH-0001"), "telemetry")
        sender.send("VEH-0001", b'{"id":"new","name":"resume"}')
        sender.wait_for(command_id="new", status="done")
        assert {answer.command_id for answer in sender.answers} == {"new"}
    said = (tmp_path / "log").read_text()
    assert f"a retained command on {sender.topic}/VEH-0001 was not obeyed; remove it: mosquitto_pub" in said


def test_a_fleet_without_commands_does_not_hear_any(
    environment: dict[str, str], sender: Sender, tmp_path: Path
) -> None:
    with live_fleet(environment, tmp_path / "log", "--no-commands", "--vehicles", "1", "--rate", "20"):
        wait_until(lambda: sender.events("VEH-0001"), "telemetry")
        sender.send(None, b"stop")
        heard = len(sender.events("VEH-0001"))
        wait_until(lambda: len(sender.events("VEH-0001")) > heard + 40, "two more seconds")
    assert sender.answers == []


def test_a_live_vehicle_obeys_over_kafka(kafka_cluster: Cluster, tmp_path: Path) -> None:
    name = f"test-{uuid4().hex[:12]}"
    environment = {
        "FLEET_CONFIG": "config/kafka.toml",
        "FLEET__KAFKA__BOOTSTRAP": kafka_cluster.bootstrap,
        "FLEET__KAFKA__CLIENT_ID": name,
        "FLEET__KAFKA__GROUP": name,
        "FLEET__TOPICS__TELEMETRY": f"{name}.telemetry",
        "FLEET__TOPICS__GROUND_TRUTH": f"{name}.ground-truth",
        "FLEET__TOPICS__COMMAND": f"{name}/command",
    }
    command, answers = f"{name}.command", f"{name}.command.ack"

    def send(vehicle: str, payload: bytes) -> None:
        publish_to_kafka(kafka_cluster, command, [(vehicle, payload)])

    log = tmp_path / "log"
    with live_fleet(environment, log, "--vehicles", "2", "--rate", "10"):
        wait_until(lambda: "Ctrl-C stops" in log.read_text(), "the start of the fleet")
        with Reader(kafka_cluster, answers) as reader:

            def received() -> list[tuple[str, str, str]]:
                found = [msgspec.json.decode(r.value, type=CommandAnswer) for r in reader.read()]
                assert [(r.key or b"").decode() for r in reader.records] == [a.vehicle_id for a in found]
                return [(a.command_id, a.vehicle_id, a.status) for a in found]

            limit = b'{"id":"c1","name":"limit_speed","arguments":{"kmh":50}}'
            send("VEH-0001", limit)
            wait_until(lambda: ("c1", "VEH-0001", "done") in received(), "the limit")
            send("VEH-0001", limit)
            send("", b'{"id":"c2","name":"resume"}')
            send("VEH-9", b'{"id":"c3","name":"resume"}')
            wait_until(lambda: len(received()) == 6, "all answers")
            all_answers = sorted(received())
    # Answers to different vehicles may be in different partitions.
    assert all_answers == [
        ("c1", "VEH-0001", "accepted"),
        ("c1", "VEH-0001", "done"),
        ("c1", "VEH-0001", "done"),
        ("c2", "VEH-0001", "done"),
        ("c2", "VEH-0002", "done"),
        ("c3", "", "refused"),
    ]
