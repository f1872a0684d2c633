"""`python -m bytewax.run dataflows.record` keeps what is on the topics of real brokers."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import msgspec
import pytest
from bytewax.recovery import init_db_dir

from dataflows.events import AlertAction
from dataflows.history.kinds import KindName
from scripts.brokers.kafka_process import Cluster
from scripts.brokers.process import Broker
from scripts.waiting import wait_until
from tests.support import kafka_clients
from tests.support.enriched_events import payload
from tests.support.history_job import (
    alert,
    answer,
    audit_entry,
    command,
    late_event,
    over_mqtt,
    recording,
    rollup,
    topics_below,
    wait_for_rows,
)
from tests.support.mqtt_clients import publish
from tests.support.paths import REPOSITORY

encode = msgspec.json.encode

MESSAGES: list[tuple[KindName, str, str, bytes]] = [
    *[("telemetry", "telemetry", "V1", b'{"speed": %d}' % number) for number in range(3)],
    ("telemetry", "telemetry", "V2", b"\x00\xff not JSON"),
    *[("events", "enriched", f"V{number % 2}", payload(f"V{number % 2}", number)) for number in range(20)],
    *[("alerts", "alerts", "V1/limit/speed", encode(alert("V1", revision))) for revision in (1, 2, 3)],
    ("actions", "alert-actions", "", encode(AlertAction(action="mute", by="Kim", vehicle_id="V1", text="x"))),
    *[("rollups", "rollups", "V1", encode(rollup("V1", minute))) for minute in range(4)],
    ("commands", "command", "V1", encode(command(1))),
    ("commands", "command", "", b"stop"),
    ("answers", "command/ack", "", encode(answer(1, "V1"))),
    ("late", "late", "", encode(late_event("V1"))),
    *[("audit", "audit", "", encode(audit_entry(number))) for number in (1, 2)],
    ("unreadable", "enriched", "V1", b'{"event_id": 7}'),
]
"""Kind, topic, vehicle and payload."""


def expected() -> dict[KindName, int]:
    kinds = [kind for kind, *_ in MESSAGES]
    return {kind: kinds.count(kind) for kind in kinds}


def test_every_kind_of_message_is_kept_once_and_can_be_queried(
    durable_broker: Broker, tmp_path: Path, topic: str
) -> None:
    mqtt = durable_broker.settings()
    variables = over_mqtt(mqtt, topic)
    directory = tmp_path / "history"
    with recording(directory, variables) as process:
        # Nothing else shows that it has subscribed to everything.
        log = directory.with_suffix(".log")
        subscribed = [f"{topic}/{name}" for name in ("telemetry/+", "late", "audit")]
        wait_until(lambda: all(name in log.read_text() for name in subscribed), "subscriptions")
        messages = [
            ("/".join(filter(None, (topic, below, vehicle))), content)
            for _, below, vehicle, content in MESSAGES
        ]
        publish(mqtt, messages)
        # Copies.
        publish(
            mqtt, [message for message in messages if b"stop" not in message[1] and b"mute" not in message[1]]
        )
        history = wait_for_rows(directory, expected(), process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, log.read_text()
    assert {kind: len(history.rows(kind)) for kind in expected()} == expected()
    assert history.rows("commands")["vehicle_id"].to_pylist() == ["V1", ""]
    assert history.query("SELECT revision FROM latest_alerts")["revision"].to_pylist() == [3]
    asked = subprocess.run(
        [sys.executable, "-m", "dataflows.history", "--directory", str(directory), "--json",
         "SELECT vehicle_id, count(*) AS n, avg(speed) AS v FROM events GROUP BY ALL ORDER BY ALL"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert [json.loads(line) for line in asked.stdout.splitlines()] == [
        {"vehicle_id": "V0", "n": 10, "v": 60.0},
        {"vehicle_id": "V1", "n": 10, "v": 60.0},
    ]


@pytest.mark.slow
def test_over_kafka_every_message_is_kept_once_though_the_job_is_killed(
    kafka_cluster: Cluster, tmp_path: Path
) -> None:
    name = f"test-{uuid.uuid4().hex[:12]}"
    variables = topics_below(name, ".") | {
        "FLEET__SOURCE__KIND": "kafka",
        "FLEET__SINK__KIND": "kafka",
        "FLEET__KAFKA__BOOTSTRAP": kafka_cluster.bootstrap,
        "FLEET__KAFKA__CLIENT_ID": name,
        "FLEET__KAFKA__GROUP": name,
    }
    directory, recovery = tmp_path / "history", tmp_path / "recovery"
    recovery.mkdir()
    init_db_dir(recovery, 1)
    arguments = ("-r", str(recovery), "-b", "0")
    for sent in range(1, 4):
        with recording(directory, variables, *arguments) as process:
            wait_until_created(kafka_cluster, f"{name}.audit", process)
            for _, below, vehicle, content in MESSAGES:
                key = vehicle.partition("/")[0]
                kafka_clients.publish(kafka_cluster, f"{name}.{below.replace('/', '.')}", [(key, content)])
            # Raw messages are told apart by their offset.
            raw: dict[KindName, int] = {"telemetry": 4 * sent, "actions": sent, "unreadable": sent}
            history = wait_for_rows(directory, expected() | raw | {"commands": 1 + sent}, process)
    found = {kind: len(history.rows(kind)) for kind in expected()}
    assert found == expected() | raw | {"commands": 1 + sent}
    assert set(history.rows("telemetry")["key"].to_pylist()) == {"V1", "V2"}


def wait_until_created(cluster: Cluster, topic: str, process: subprocess.Popen[bytes]) -> None:
    def is_there() -> bool:
        assert process.poll() is None
        try:
            return kafka_clients.partitions_of(cluster, topic) > 0
        except Exception:
            return False

    wait_until(is_there, f"the topic {topic}")


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"FLEET__HISTORY__DIRECTORY": ""}, "record: expected something to record, got nothing"),
        ({"FLEET__HISTORY__KINDS": '["speed"]'}, "history.kinds.0"),
    ],
)
def test_a_wrong_setting_gives_a_one_line_error(
    variables: dict[str, str], message: str, tmp_path: Path
) -> None:
    with recording(tmp_path / "history", variables) as process:
        assert process.wait(60) == 1
    said = (tmp_path / "history.log").read_text()
    assert message in said
    assert said.count("\n") == 1
