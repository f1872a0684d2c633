"""What rollups promise when the job dies: none is lost, and one that is repeated has its id and its content.

The guarantee: whatever happens to the job, the rollups on the topic are those of a job to which nothing
happens, to the last field but the time of writing.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from dataflows.events import Rollup
from scripts.brokers.kafka_process import Cluster
from scripts.brokers.mosquitto import Mosquitto, StartMosquitto
from tests.support.alert_kills import EVENTS, LAST, LONGEST_RUN, TIME_PER_KILL, VEHICLES, alert_telemetry
from tests.support.kafka_clients import Reader, create_topic
from tests.support.kafka_fleet import PARTITIONS, Job, Vehicles, end_offsets
from tests.support.mqtt_clients import Inbox
from tests.support.mqtt_run import Run, running
from tests.support.rollup_kills import SETTINGS, check_rollups, said

Property = Callable[[str, object], None]

pytestmark = pytest.mark.timeout(300)

kills_per_run = pytest.mark.parametrize(
    "kills",
    [
        pytest.param(2, marks=pytest.mark.long),
        pytest.param(12, marks=[pytest.mark.slow, pytest.mark.timeout(900)]),
    ],
)


def moments_of(record_property: Property) -> tuple[random.Random, str]:
    """Random moments, and what to say about them if something is wrong."""
    seed = random.randrange(1_000_000)
    record_property("seed", seed)
    return random.Random(seed), f"seed {seed}"


def wait_for_output(run: Run) -> None:
    """Return when another event has been emitted, if there is one left."""
    wanted = min(run.inbox.distinct() + 1, EVENTS - LAST)
    run.job.wait(lambda: run.inbox.distinct() >= wanted, "output")


def end(run: Run) -> None:
    """Let it emit everything that was sent, and end by itself."""
    run.wait_until_caught_up()
    assert run.job.terminate().statuses == [0], run.job.last_log


def undisturbed(broker: Mosquitto, directory: Path) -> dict[str, Rollup]:
    with (
        running(broker, directory, alert_telemetry(), VEHICLES, SETTINGS) as run,
        Inbox(run.job.mqtt, run.job.rollups) as inbox,
    ):
        run.start()
        run.vehicles.send(EVENTS)
        end(run)
        return said((payload for _, payload in list(inbox.messages)), "undisturbed")


@kills_per_run
def test_a_job_that_is_killed_at_random_moments_loses_no_rollup_and_changes_none(
    kills: int, mosquitto: StartMosquitto, tmp_path: Path, record_property: Property
) -> None:
    moments, context = moments_of(record_property)
    broker = mosquitto()
    with (
        running(broker, tmp_path / "disturbed", alert_telemetry(), VEHICLES, SETTINGS) as run,
        Inbox(run.job.mqtt, run.job.rollups) as inbox,
    ):
        run.vehicles.send(EVENTS - LAST, EVENTS / (kills * TIME_PER_KILL))
        for _ in range(kills):
            run.start()
            wait_for_output(run)
            time.sleep(moments.uniform(0.0, LONGEST_RUN))
            run.kill()
        run.start()
        run.vehicles.send(LAST)
        end(run)
        found = said((payload for _, payload in list(inbox.messages)), context)
    check_rollups(found, undisturbed(broker, tmp_path / "undisturbed"), context)


def on_topic(job: Job, context: str) -> dict[str, Rollup]:
    """All rollups that are on the topic now."""
    with Reader(job.cluster, job.rollups) as reader:
        reader.wait_for(sum(end_offsets(job.cluster, job.rollups)))
        return said((record.value for record in reader.read()), context)


def undisturbed_on_kafka(cluster: Cluster, topic: str, directory: Path) -> dict[str, Rollup]:
    job = new_job(cluster, topic, directory)
    try:
        job.start_processes()
        job.wait_until_committed(EVENTS)
        return on_topic(job, "undisturbed")
    finally:
        job.kill()


def new_job(cluster: Cluster, topic: str, directory: Path) -> Job:
    """A job on this telemetry with topics of its own."""
    return Job(cluster, cluster.settings(), directory, f"enriched-{uuid4().hex[:8]}", topic, SETTINGS)


@pytest.mark.slow
@kills_per_run
def test_a_job_on_kafka_that_is_killed_at_random_moments_loses_no_rollup_and_changes_none(
    kills: int, kafka_cluster: Cluster, tmp_path: Path, record_property: Property
) -> None:
    moments, context = moments_of(record_property)
    topic = f"telemetry-{uuid4().hex[:8]}"
    create_topic(kafka_cluster, topic, PARTITIONS)
    vehicles = Vehicles(kafka_cluster, topic, alert_telemetry(), VEHICLES)
    job = new_job(kafka_cluster, topic, tmp_path / "disturbed")
    try:
        job.start_processes()
        vehicles.send(EVENTS - LAST, EVENTS / (kills * TIME_PER_KILL))
        for _ in range(kills):
            job.wait_until_emitted(min(job.emitted() + 1, EVENTS - LAST))
            time.sleep(moments.uniform(0.0, LONGEST_RUN))
            job.kill()
            job.start_processes()
        vehicles.send(LAST)
        vehicles.wait()
        job.wait_until_committed(EVENTS)
    finally:
        job.kill()
    found = on_topic(job, context)
    check_rollups(found, undisturbed_on_kafka(kafka_cluster, topic, tmp_path / "undisturbed"), context)
