"""What is in the history when everything dies: what there would be if nothing had died.

The guarantee: job and recorder may be killed at any moment, independently of each other. Once both have
caught up, the history has every event, every revision of every alert and every rollup that an uninterrupted
job makes of the same telemetry. Each is there exactly once and says the same to the last field, but for when
it was made; nothing else is there. Messages of telemetry are there exactly once too.

Over MQTT this holds from the moment on at which the recorder has subscribed for the first time: its sessions
then keep what is published while it is away, also if the broker retains only what replaced it.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from dataflows.events import Alert
from dataflows.history.reader import History
from dataflows.messages import MessageBatch
from scripts.brokers.kafka_process import Cluster
from scripts.brokers.mosquitto import StartMosquitto
from scripts.waiting import wait_until
from tests.support.alert_kills import LAST, TIME_PER_KILL, VEHICLES, alert_telemetry
from tests.support.alerting_job import decoded
from tests.support.fleet_processes import FleetJob
from tests.support.kafka_clients import Reader, create_topic
from tests.support.kafka_fleet import PARTITIONS, end_offsets
from tests.support.kafka_fleet import Job as KafkaJob
from tests.support.kafka_fleet import Vehicles as KafkaVehicles
from tests.support.kept_history import SETTINGS, Rows, check_history, counts, uninterrupted
from tests.support.mqtt_clients import Inbox, publish
from tests.support.mqtt_run import Run, running
from tests.support.random_kills import Program, kill_all
from tests.support.recorder import Recorder
from tests.support.telemetry import without_offsets

Property = Callable[[str, object], None]

pytestmark = pytest.mark.timeout(300)

kills_per_program = pytest.mark.parametrize(
    "kills",
    [
        pytest.param(2, marks=pytest.mark.long),
        pytest.param(10, marks=[pytest.mark.slow, pytest.mark.timeout(900)]),
    ],
)

AT_ONCE = 37
"""Messages in a batch of the uninterrupted job; results do not depend on it."""


def seed_of(record_property: Property) -> int:
    """Names the random moments."""
    seed = random.randrange(1_000_000)
    record_property("seed", seed)
    print(f"seed {seed}")
    return seed


def of_job(job: FleetJob) -> dict[str, str]:
    """Settings of a recorder beside a job."""
    kinds = '["telemetry", "events", "alerts", "rollups", "late"]'
    return {"FLEET_CONFIG": str(job.directory / "settings.toml"), "FLEET__HISTORY__KINDS": kinds}


def subscribe(recorder: Recorder, run: Run) -> None:
    """Let the recorder subscribe for the first time, and kill it."""
    recorder.start()
    last = f"{run.job.topic}/late"
    recorder.wait(lambda: f"subscribed to {run.job.telemetry}" in recorder.log and last in recorder.log, last)
    recorder.kill()


def check(recorder: Recorder, expected: Rows, telemetry: list[bytes], context: str) -> None:
    """The history has what is expected, after the recorder has shut down."""
    recorder.wait_for_rows(counts(expected) | {"telemetry": len(telemetry)})
    recorder.terminate()
    history = History(recorder.directory)
    check_history(history, expected, context)
    assert Counter(history.rows("telemetry")["payload"].to_pylist()) == Counter(telemetry), context


@kills_per_program
def test_over_mqtt_the_history_is_that_of_a_job_and_a_recorder_that_never_died(
    kills: int, mosquitto: StartMosquitto, tmp_path: Path, record_property: Property
) -> None:
    seed = seed_of(record_property)
    payloads = alert_telemetry()
    with ExitStack() as stack:
        run = stack.enter_context(running(mosquitto(), tmp_path / "fleet", payloads, VEHICLES, SETTINGS))
        recorder = stack.enter_context(Recorder(tmp_path / "history", of_job(run.job)))
        subscribe(recorder, run)

        def wait_for_output() -> None:
            wanted = min(run.inbox.distinct() + 1, len(payloads) - LAST)
            run.job.wait(lambda: run.inbox.distinct() >= wanted, "output")

        run.vehicles.send(len(payloads) - LAST, len(payloads) / (kills * TIME_PER_KILL))
        fleet = Program(run.start, wait_for_output, run.job.kill)
        kill_all([fleet, recorder.program], kills, seed)
        run.vehicles.send(LAST)
        run.wait_until_caught_up()
        assert run.job.terminate().statuses == [0], run.job.last_log
        batches = without_offsets(payloads, AT_ONCE)
        expected = uninterrupted(run.job.directory / "settings.toml", batches, tmp_path / "results")
        check(recorder, expected, payloads, f"seed {seed}")


@contextmanager
def killed_at_the_end(job: KafkaJob) -> Iterator[KafkaJob]:
    try:
        yield job
    finally:
        job.kill()


def batches_of(cluster: Cluster, topic: str) -> list[MessageBatch]:
    """What is on a topic, as the job reads it."""
    with Reader(cluster, topic) as reader:
        reader.wait_for(sum(end_offsets(cluster, topic)))
        records = sorted(reader.records, key=lambda record: (record.partition, record.offset))
    return [
        MessageBatch(
            payloads=[record.value for record in of_partition],
            topics=[topic] * len(of_partition),
            arrived=[record.timestamp * 1000 for record in of_partition],
            origin=f"{topic}/{partition}",
            offsets=[record.offset for record in of_partition],
            keys=[record.key.decode() for record in of_partition],
            partition=partition,
        )
        for partition in range(PARTITIONS)
        if (of_partition := [record for record in records if record.partition == partition])
    ]


@pytest.mark.slow
@kills_per_program
def test_over_kafka_the_history_is_that_of_a_job_and_a_recorder_that_never_died(
    kills: int, kafka_cluster: Cluster, tmp_path: Path, record_property: Property
) -> None:
    seed = seed_of(record_property)
    payloads = alert_telemetry()
    topic = f"telemetry-{uuid4().hex[:8]}"
    create_topic(kafka_cluster, topic, PARTITIONS)
    vehicles = KafkaVehicles(kafka_cluster, topic, payloads, VEHICLES)
    new = KafkaJob(
        kafka_cluster, kafka_cluster.settings(), tmp_path / "fleet", f"enriched-{topic}", topic, SETTINGS
    )
    with (
        killed_at_the_end(new) as job,
        Recorder(tmp_path / "history", of_job(job)) as recorder,
    ):

        def wait_for_output() -> None:
            job.wait_until_emitted(min(job.emitted() + 1, len(payloads) - LAST))

        vehicles.send(len(payloads) - LAST, len(payloads) / (kills * TIME_PER_KILL))
        fleet = Program(job.start_processes, wait_for_output, job.kill)
        kill_all([fleet, recorder.program], kills, seed)
        vehicles.send(LAST)
        vehicles.wait()
        job.wait_until_committed(len(payloads))
        job.kill()
        batches = batches_of(kafka_cluster, topic)
        expected = uninterrupted(job.directory / "settings.toml", batches, tmp_path / "results")
        check(recorder, expected, payloads, f"seed {seed}")


@pytest.mark.long
def test_revisions_that_the_broker_has_replaced_or_removed_while_the_recorder_was_away_are_kept(
    mosquitto: StartMosquitto, tmp_path: Path
) -> None:
    """The broker retains at most the newest revision of an alert, and none of one that is forgotten."""
    broker = mosquitto()
    payloads = alert_telemetry()[: 200 * VEHICLES]
    with ExitStack() as stack:
        run = stack.enter_context(running(broker, tmp_path / "fleet", payloads, VEHICLES, SETTINGS))
        recorder = stack.enter_context(Recorder(tmp_path / "history", of_job(run.job)))
        subscribe(recorder, run)
        with Inbox(run.job.mqtt, run.job.alerts) as inbox:
            run.start()
            run.vehicles.send(len(payloads))
            run.wait_until_caught_up()
            assert run.job.terminate().statuses == [0], run.job.last_log
        published = [payload for _, payload in inbox.messages]
        retained = retained_alerts(run)
        batches = without_offsets(payloads, AT_ONCE)
        expected = uninterrupted(run.job.directory / "settings.toml", batches, tmp_path / "results")
        revisions = {(alert.alert_id, alert.revision) for alert in retained}
        replaced = expected["alerts"].keys() - revisions
        assert b"" in published, "no alert was removed from its topic"
        assert len(replaced) > 3 * len(revisions)
        recorder.start()
        check(recorder, expected, payloads, "")


def retained_alerts(run: Run) -> list[Alert]:
    """What somebody gets who asks for alerts now."""
    alerts, marker = run.job.alerts.removesuffix("#"), f"{run.job.topic}/marker"
    with Inbox(run.job.mqtt, f"{run.job.topic}/#") as inbox:
        # What is retained comes before what is published afterwards.
        publish(run.job.mqtt, [(marker, b"")])
        wait_until(lambda: (marker, b"") in list(inbox.messages), "what is retained")
        return decoded(payload for topic, payload in list(inbox.messages) if topic.startswith(alerts))
