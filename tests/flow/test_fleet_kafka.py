"""The programs as users start them, with config/kafka.toml, against a real Kafka."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from dataflows.events import DeadLetter, Enriched, InjectedFault
from dataflows.recordings import open_recording
from scripts.brokers.kafka_process import Cluster, KafkaBroker
from scripts.brokers.ports import LOCALHOST, free_port
from scripts.waiting import DEADLINE, wait_until
from tests.support.kafka_clients import Reader, partitions_of, publish
from tests.support.monitored_job import OVER_MQTT_ONLY, MonitoredJob
from tests.support.paths import REPOSITORY

VEHICLES = 6
WARM_UP = 60
DURATION = 3


@pytest.fixture
def environment(kafka_cluster: Cluster, tmp_path: Path) -> dict[str, str]:
    """What is set in front of every command: topics and a group that no other test uses."""
    name = f"test-{uuid4().hex[:12]}"
    return os.environ | {
        "FLEET_CONFIG": "config/kafka.toml",
        "FLEET__KAFKA__BOOTSTRAP": kafka_cluster.bootstrap,
        "FLEET__KAFKA__CLIENT_ID": name,
        "FLEET__KAFKA__GROUP": name,
        "FLEET__TOPICS__TELEMETRY": f"{name}.telemetry",
        "FLEET__TOPICS__ENRICHED": f"{name}.enriched",
        "FLEET__TOPICS__DEAD_LETTER": f"{name}.dead-letter",
        "FLEET__TOPICS__ALERTS": f"{name}.alerts",
        "FLEET__TOPICS__ALERT_ACTIONS": f"{name}.alert-actions",
        "FLEET__TOPICS__ROLLUPS": f"{name}.rollups",
        "FLEET__TOPICS__LATE": f"{name}.late",
        "FLEET__TOPICS__GROUND_TRUTH": f"{name}.ground-truth",
        "FLEET__RECORDING__OUTPUT": str(tmp_path / "telemetry.jsonl"),
        "FLEET__HISTORY__DIRECTORY": "",
    }


@contextmanager
def running(environment: dict[str, str], log: Path, *arguments: str) -> Iterator[None]:
    """A program in the background, killed when the context ends."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments], cwd=REPOSITORY, env=environment, stdout=output, stderr=output
        )
    try:
        yield
        assert process.poll() is None, log.read_text()
    finally:
        process.kill()
        process.wait()


def simulate(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sim", *arguments],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


@pytest.mark.long
def test_simulator_dataflow_and_recorder_work_on_kafka(
    kafka_cluster: Cluster, environment: dict[str, str], tmp_path: Path
) -> None:
    events = VEHICLES * (WARM_UP + DURATION)
    fleet = ("--vehicles", str(VEHICLES), "--warm-up", str(WARM_UP), "--duration", str(DURATION))
    done = simulate(environment, *fleet, "--faults-per-hour", "1000")
    assert done.returncode == 0, done.stderr
    assert f"{events} events sent" in done.stdout
    telemetry = environment["FLEET__TOPICS__TELEMETRY"]
    assert partitions_of(kafka_cluster, telemetry) == 4
    publish(kafka_cluster, telemetry, [("VEH-X", b"not telemetry")])

    with (
        running(environment, tmp_path / "fleet.log", "bytewax.run", "dataflows.fleet"),
        running(environment, tmp_path / "record.log", "bytewax.run", "dataflows.record"),
    ):
        enriched = environment["FLEET__TOPICS__ENRICHED"]
        wait_until(lambda: partitions_of(kafka_cluster, enriched) == 4, "the enriched topic")
        with Reader(kafka_cluster, enriched) as reader:
            scored = [msgspec.json.decode(payload, type=Enriched) for payload in reader.wait_for(events)]
            keys = {(record.key.decode(), record.partition) for record in reader.records}
        with Reader(kafka_cluster, environment["FLEET__TOPICS__DEAD_LETTER"]) as reader:
            [letter] = [msgspec.json.decode(payload, type=DeadLetter) for payload in reader.wait_for(1)]
        with Reader(kafka_cluster, environment["FLEET__TOPICS__GROUND_TRUTH"]) as reader:
            faults = [msgspec.json.decode(payload, type=InjectedFault) for payload in reader.wait_for(1)]
        recording = tmp_path / "telemetry.jsonl"
        wait_until(
            lambda: recording.exists() and len(recording.read_bytes().splitlines()) == events + 1,
            "the recording",
        )

    assert len({event.event_id for event in scored}) == events
    assert {event.vehicle_id for event in scored} == {key for key, _ in keys}
    assert len(keys) == VEHICLES
    assert letter.payload == b"not telemetry"
    assert letter.partition.startswith(f"{telemetry}/")
    assert letter.offset is not None
    assert {fault.vehicle_id for fault in faults} <= {event.vehicle_id for event in scored}
    [batch] = open_recording(recording).read(batch_size=10 * events)
    assert set(batch.keys or []) == {event.vehicle_id for event in scored} | {"VEH-X"}


def test_a_recording_from_kafka_is_replayed_to_it_with_its_keys(
    kafka_cluster: Cluster, environment: dict[str, str], tmp_path: Path
) -> None:
    recording = tmp_path / "trip.jsonl"
    line = (
        b'{"topic":"elsewhere","arrived_at":"2026-01-01T00:00:0%dZ","payload":{"speed":%d},"key":"VEH-%d"}\n'
    )
    recording.write_bytes(b"".join(line % (n, n, n % 2) for n in range(10)))
    done = simulate(environment, "replay", str(recording), "--speed", "max")
    assert done.returncode == 0, done.stderr
    with Reader(kafka_cluster, environment["FLEET__TOPICS__TELEMETRY"]) as reader:
        reader.wait_for(10)
        for vehicle in (0, 1):
            mine = [record.value for record in reader.records if record.key == b"VEH-%d" % vehicle]
            assert mine == [b'{"speed":%d}' % n for n in range(vehicle, 10, 2)]


def test_a_recording_from_mqtt_is_replayed_to_kafka_with_the_vehicles_of_its_topics(
    kafka_cluster: Cluster, environment: dict[str, str], tmp_path: Path
) -> None:
    recording = tmp_path / "trip.jsonl"
    line = b'{"topic":"fleet/telemetry/VEH-%d","arrived_at":"2026-01-01T00:00:00Z","payload":{}}\n'
    recording.write_bytes(b"".join(line % n for n in range(3)))
    assert simulate(environment, "replay", str(recording)).returncode == 0
    with Reader(kafka_cluster, environment["FLEET__TOPICS__TELEMETRY"]) as reader:
        reader.wait_for(3)
        assert {record.key for record in reader.records} == {b"VEH-0", b"VEH-1", b"VEH-2"}


@pytest.mark.long
def test_the_lag_is_among_the_metrics_of_the_job_and_it_is_ready(
    kafka_cluster: Cluster, environment: dict[str, str], tmp_path: Path
) -> None:
    monitored = MonitoredJob("fleet")
    assert simulate(environment, "--vehicles", "6", "--warm-up", "60", "--duration", "1").returncode == 0
    topic = environment["FLEET__TOPICS__TELEMETRY"]
    log = tmp_path / "fleet.log"
    with running(environment | monitored.variables, log, "bytewax.run", "dataflows.fleet"):
        wait_until(lambda: (monitored.value("fleet_messages_total", step="telemetry") or 0) > 0, "messages")
        wait_until(
            lambda: monitored.value("fleet_kafka_consumer_lag_messages", topic=topic) == 0,
            "the end of the lag",
        )
        monitored.wait_for_all(*OVER_MQTT_ONLY, "fleet_bad_values_total")
        assert monitored.value("fleet_connected", connection=kafka_cluster.bootstrap) == 1
        assert monitored.ask("/ready").body == {"ready": True, "troubles": []}


@pytest.mark.long
def test_a_job_whose_cluster_is_away_says_that_it_is_not_ready(
    restartable_kafka: KafkaBroker, environment: dict[str, str], tmp_path: Path
) -> None:
    broker = restartable_kafka
    monitored = MonitoredJob("fleet")
    variables = environment | monitored.variables | {"FLEET__KAFKA__BOOTSTRAP": broker.cluster.bootstrap}
    with running(variables, tmp_path / "fleet.log", "bytewax.run", "dataflows.fleet"):
        wait_until(lambda: monitored.ask("/ready").status == 200, "readiness")
        broker.stop()
        wait_until(lambda: monitored.ask("/ready").status == 503, "the loss of the cluster")
        assert "not connected" in str(monitored.ask("/ready").body["troubles"])
        broker.start()
        wait_until(lambda: monitored.ask("/ready").status == 200, "readiness again")


@pytest.mark.parametrize(
    "program", [pytest.param("dataflows.fleet", marks=pytest.mark.long), "dataflows.record"]
)
def test_a_cluster_that_does_not_answer_ends_a_program_with_one_line(
    environment: dict[str, str], program: str
) -> None:
    nowhere = f"{LOCALHOST}:{free_port()}"
    changes = {"FLEET__KAFKA__BOOTSTRAP": nowhere, "FLEET__KAFKA__CONNECT_TIMEOUT": "0.5"}
    done = subprocess.run(
        [sys.executable, "-m", "bytewax.run", program],
        cwd=REPOSITORY,
        env=environment | changes,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert f"the Kafka cluster at {nowhere} did not answer within 0.5 s" in done.stderr.splitlines()[-1]


def test_a_cluster_that_does_not_answer_ends_the_simulator_with_one_line(environment: dict[str, str]) -> None:
    nowhere = f"{LOCALHOST}:{free_port()}"
    changes = {"FLEET__KAFKA__BOOTSTRAP": nowhere, "FLEET__KAFKA__CONNECT_TIMEOUT": "0.5"}
    done = simulate(environment | changes, "--duration", "1")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"sim: the Kafka cluster at {nowhere} did not answer")


def test_topics_that_kafka_cannot_name_are_told_at_the_start(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bytewax.run", "dataflows.fleet"],
        cwd=REPOSITORY,
        env=environment | {"FLEET__TOPICS__ENRICHED": "fleet/enriched"},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "topics.enriched: expected a Kafka topic" in done.stderr
