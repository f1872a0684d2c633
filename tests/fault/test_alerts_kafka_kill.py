"""What alerts promise when the job on Kafka dies: none is lost or opened twice, and what people did stays.

The guarantee is that of `test_alerts.py`. Offsets of telemetry and of actions are in the snapshot with the
alerts, and all messages of an alert are in one partition, so the last one has its highest revision.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest

from dataflows.events import Alert
from scripts.brokers.kafka_process import Cluster
from tests.support.alert_kills import (
    EVENTS,
    LAST,
    LONGEST_RUN,
    TIME_PER_KILL,
    VEHICLES,
    WHO,
    alert_telemetry,
    check_alerts,
    is_lasting,
)
from tests.support.alerting_job import SETTINGS, acknowledgement, decoded, latest
from tests.support.kafka_clients import Reader, create_topic, partitions_of, publish
from tests.support.kafka_fleet import PARTITIONS, Job, Vehicles, end_offsets

Property = Callable[[str, object], None]

pytestmark = pytest.mark.timeout(300)


@contextmanager
def new_job(cluster: Cluster, topic: str, directory: Path) -> Iterator[Job]:
    """A job on this telemetry with topics of its own; it is killed at the end."""
    job = Job(cluster, cluster.settings(), directory, f"enriched-{uuid4().hex[:8]}", topic, SETTINGS)
    try:
        yield job
    finally:
        job.kill()


def wait_for_topics(job: Job) -> None:
    """Return when it has made the topics of alerts and actions."""
    for topic in (job.alerts, job.actions):
        job.wait(partial(partitions_of, job.cluster, topic), topic)


def alerts_in(reader: Reader) -> list[Alert]:
    """The alerts so far, those of a vehicle in their order."""
    return decoded(record.value for record in reader.read())


def all_alerts(job: Job) -> list[Alert]:
    """All that are on the topic now."""
    with Reader(job.cluster, job.alerts) as reader:
        reader.wait_for(sum(end_offsets(job.cluster, job.alerts)))
        return alerts_in(reader)


def acknowledge(job: Job, reader: Reader, done: set[str]) -> None:
    """Acknowledge what is open and lasts, once."""
    new = {alert.alert_id for alert in alerts_in(reader) if is_lasting(alert)} - done
    publish(job.cluster, job.actions, [("", acknowledgement(alert_id, WHO)) for alert_id in sorted(new)])
    done |= new


def acknowledged(reader: Reader) -> set[str]:
    return {alert.alert_id for alert in alerts_in(reader) if alert.acknowledged_by == WHO}


def undisturbed(cluster: Cluster, topic: str, directory: Path) -> dict[str, Alert]:
    """The last revision of each alert of an undisturbed job."""
    with new_job(cluster, topic, directory) as job:
        job.start_processes()
        job.wait_until_committed(EVENTS)
        return latest(all_alerts(job))


@pytest.mark.parametrize(
    "kills",
    [
        pytest.param(2, marks=pytest.mark.long),
        pytest.param(12, marks=[pytest.mark.slow, pytest.mark.timeout(900)]),
    ],
)
def test_a_job_on_kafka_that_is_killed_opens_no_alert_twice_and_keeps_what_people_did(
    kills: int, kafka_cluster: Cluster, tmp_path: Path, record_property: Property
) -> None:
    """SIGKILL at random moments while alerts open and clear, and as soon as some are acknowledged."""
    seed = random.randrange(1_000_000)
    record_property("seed", seed)
    moments = random.Random(seed)
    topic = f"telemetry-{uuid4().hex[:8]}"
    create_topic(kafka_cluster, topic, PARTITIONS)
    vehicles = Vehicles(kafka_cluster, topic, alert_telemetry(), VEHICLES)
    done: set[str] = set()
    with new_job(kafka_cluster, topic, tmp_path / "disturbed") as job:
        job.start_processes()
        wait_for_topics(job)
        with Reader(kafka_cluster, job.alerts) as reader:
            vehicles.send(EVENTS - LAST, EVENTS / (kills * TIME_PER_KILL))
            for _ in range(kills):
                job.wait_until_emitted(min(job.emitted() + 1, EVENTS - LAST))
                time.sleep(moments.uniform(0.0, LONGEST_RUN))
                acknowledge(job, reader, done)
                job.kill()
                job.start_processes()
            job.wait(lambda: len({alert.vehicle_id for alert in alerts_in(reader)}) == VEHICLES, "all alerts")
            acknowledge(job, reader, done)
            job.wait(lambda: acknowledged(reader) == done, "what was done about alerts")
            vehicles.send(LAST)
            vehicles.wait()
            job.wait_until_committed(EVENTS)
        job.kill()
        messages = all_alerts(job)
    expected = undisturbed(kafka_cluster, topic, tmp_path / "undisturbed")
    check_alerts(messages, expected, done, f"seed {seed}")
