"""A live vehicle is commanded, and the history says what it was told and what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import msgspec

from dataflows.events import CommandAnswer
from dataflows.history.kinds import KindName
from dataflows.history.reader import History
from scripts.brokers.kafka_process import Cluster
from scripts.brokers.mosquitto import StartMosquitto
from scripts.waiting import wait_until
from tests.support.history_job import over_mqtt, topics_below
from tests.support.kafka_clients import Reader
from tests.support.kafka_clients import publish as publish_to_kafka
from tests.support.live_fleet import Sender, live_fleet
from tests.support.mqtt_clients import Inbox
from tests.support.recorder import Recorder

FLEET = ("--vehicles", "5", "--rate", "1", "--seed", "1")
"""With this seed VEH-0003 drives at 70 km/h for the first minute."""

VEHICLE = "VEH-0003"
LIMIT = 50.0
COMMAND = b'{"id":"c1","name":"limit_speed","arguments":{"kmh":50},"by":"anna"}'
TO_NOBODY = b'{"id":"c2","name":"stop"}'

ANSWERED = [("c1", VEHICLE, "accepted"), ("c1", VEHICLE, "done"), ("c2", "", "refused")]
"""Command, vehicle and status."""


def kept(recorder: Recorder) -> History:
    """The history, once what was commanded is in it and the recorder has shut down."""
    rows: dict[KindName, int] = {"commands": 2, "answers": len(ANSWERED)}
    recorder.wait_for_rows(rows)
    recorder.terminate()
    return History(recorder.directory)


def check(history: History) -> None:
    commands = history.query('SELECT command_id, name, vehicle_id, arguments, "by" FROM commands ORDER BY 1')
    assert commands.to_pylist() == [
        {
            "command_id": "c1",
            "name": "limit_speed",
            "vehicle_id": VEHICLE,
            "arguments": '{"kmh":50.0}',
            "by": "anna",
        },
        {"command_id": "c2", "name": "stop", "vehicle_id": "VEH-9", "arguments": "{}", "by": ""},
    ]
    answers = history.rows("answers").to_pylist()
    found = [(row["command_id"], row["vehicle_id"], row["status"]) for row in answers]
    assert sorted(found) == ANSWERED
    [refused] = [row for row in answers if row["status"] == "refused"]
    assert refused["reason"] == "no vehicle 'VEH-9' in this fleet of 5"
    assert not history.rows("unreadable").num_rows


@contextmanager
def commanded(mosquitto: StartMosquitto, topic: str, directory: Path) -> Iterator[tuple[Sender, Recorder]]:
    """A live fleet and a recorder that hears everything."""
    mqtt = mosquitto().settings()
    variables = over_mqtt(mqtt, topic)
    with (
        Recorder(directory / "history", variables) as recorder,
        Inbox(mqtt, f"{topic}/#") as inbox,
    ):
        recorder.start()
        recorder.wait(lambda: f"{topic}/command/#" in recorder.log, "the subscription to commands")
        with live_fleet(variables, directory / "sim.log", *FLEET):
            sender = Sender(mqtt, topic, inbox)
            wait_until(lambda: sender.events(VEHICLE), "telemetry")
            yield sender, recorder


def test_a_command_and_its_answers_are_kept_once_though_it_is_sent_twice(
    mosquitto: StartMosquitto, topic: str, tmp_path: Path
) -> None:
    with commanded(mosquitto, topic, tmp_path) as (sender, recorder):
        assert sender.events(VEHICLE)[-1]["speed"] > LIMIT
        sender.send(VEHICLE, COMMAND)
        sender.wait_for(command_id="c1", status="accepted", by="anna", vehicle_id=VEHICLE)
        sender.wait_for(command_id="c1", status="done", vehicle_id=VEHICLE)
        done = len(sender.events(VEHICLE))
        sender.send(VEHICLE, COMMAND)
        wait_until(lambda: len(sender.answers) == 3, "the last answer again")
        sender.send("VEH-9", TO_NOBODY)
        sender.wait_for(command_id="c2", status="refused")
        wait_until(lambda: len(sender.events(VEHICLE)) > done, "the event of the step that was slow enough")
        assert max(event["speed"] for event in sender.events(VEHICLE)[done:]) <= LIMIT
        history = kept(recorder)
        statuses = [answer.status for answer in sender.answers]
    assert statuses == ["accepted", "done", "done", "refused"]
    check(history)


def test_over_kafka_a_command_and_its_answers_are_kept_once_though_it_is_sent_twice(
    kafka_cluster: Cluster, tmp_path: Path
) -> None:
    name = f"test-{uuid4().hex[:12]}"
    variables = topics_below(name, ".") | {
        "FLEET__SOURCE__KIND": "kafka",
        "FLEET__SINK__KIND": "kafka",
        "FLEET__KAFKA__BOOTSTRAP": kafka_cluster.bootstrap,
        "FLEET__KAFKA__CLIENT_ID": name,
        "FLEET__KAFKA__GROUP": name,
        "FLEET__KAFKA__PARTITIONS": "1",
        "FLEET__TOPICS__GROUND_TRUTH": f"{name}.ground-truth",
        "FLEET__HISTORY__KINDS": '["commands", "answers"]',
    }
    log = tmp_path / "sim.log"

    def send(vehicle: str, payload: bytes) -> None:
        publish_to_kafka(kafka_cluster, f"{name}.command", [(vehicle, payload)])

    with Recorder(tmp_path / "history", variables) as recorder, live_fleet(variables, log, *FLEET):
        recorder.start()
        wait_until(lambda: "Ctrl-C stops" in log.read_text(), "the start of the fleet")
        with Reader(kafka_cluster, f"{name}.command.ack") as reader:

            def statuses() -> list[str]:
                return [msgspec.json.decode(r.value, type=CommandAnswer).status for r in reader.read()]

            send(VEHICLE, COMMAND)
            wait_until(lambda: statuses() == ["accepted", "done"], "the limit")
            send(VEHICLE, COMMAND)
            send("VEH-9", TO_NOBODY)
            wait_until(lambda: statuses() == ["accepted", "done", "done", "refused"], "all answers")
            history = kept(recorder)
    check(history)
