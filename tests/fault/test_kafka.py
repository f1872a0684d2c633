"""What the job on Kafka promises when something dies: nothing is lost, and no score changes.

The guarantee: every message of the telemetry topic is in the enriched topic at least once. What is there
twice has the same id and is the same to the bit but for the time of scoring, and twice is only what came
after the last snapshot.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import pytest

from scripts.brokers.kafka_process import Cluster, StartKafka
from scripts.fault_measurement import Measure
from tests.support.kafka_clients import create_topic
from tests.support.kafka_fleet import (
    PARTITIONS,
    Emitted,
    Job,
    Vehicles,
    by_id,
    publish_telemetry,
    read_enriched,
    repeated,
)
from tests.support.kafka_run import Run
from tests.support.telemetry import telemetry

FEW, MANY = 20_000, 100_000
"""Events of a test that shows the guarantee, and of one that tries it."""

VEHICLES = 200
RATE = 6_000.0
"""Events a second that arrive while the job is killed."""

LONGEST_RUN = 2.5
"""Seconds of output between two kills, at most."""

pytestmark = pytest.mark.timeout(300)


class Undisturbed(NamedTuple):
    """Telemetry, and what comes out when nothing happens.

    Attributes:
        payloads: the telemetry.
        topic: where it is.
        events: event id → the event.
    """

    payloads: list[bytes]
    topic: str
    events: dict[str, bytes]


@pytest.fixture(scope="module")
def undisturbed(
    kafka_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[int], Undisturbed]:
    """The undisturbed run over a number of events; computed once for each number."""

    @cache
    def run(events: int) -> Undisturbed:
        payloads = telemetry(events, VEHICLES, equal_times=True)
        topic = f"telemetry-{uuid4().hex[:8]}"
        create_topic(kafka_cluster, topic, PARTITIONS)
        publish_telemetry(kafka_cluster, topic, payloads, VEHICLES)
        job = new_job(kafka_cluster, topic, tmp_path_factory.mktemp("undisturbed"))
        job.start_processes()
        job.wait_until_committed(events)
        job.kill()
        emitted = read_enriched(kafka_cluster, job.enriched)
        assert len(emitted) == events
        return Undisturbed(payloads, topic, by_id(emitted))

    return run


JOBS: list[Job] = []


@pytest.fixture(autouse=True)
def _no_job_is_left_running() -> Iterator[None]:
    yield
    while JOBS:
        JOBS.pop().kill()


def new_job(cluster: Cluster, topic: str, directory: Path, **settings: float) -> Job:
    JOBS.append(
        Job(cluster, cluster.settings(**settings), directory / "job", f"enriched-{uuid4().hex[:8]}", topic)
    )
    return JOBS[-1]


def again(cluster: Cluster, undisturbed: Undisturbed) -> tuple[str, Vehicles]:
    """The same telemetry, to be sent in the same order to a topic of its own."""
    topic = f"telemetry-{uuid4().hex[:8]}"
    create_topic(cluster, topic, PARTITIONS)
    return topic, Vehicles(cluster, topic, undisturbed.payloads, VEHICLES)


def caught_up(run: Run, vehicles: Vehicles, events: int) -> list[Emitted]:
    """Send what is left of the events, and let the job run to their end; returns all that it has emitted."""
    vehicles.send(events)
    run.start()
    vehicles.wait()
    run.job.wait_until_committed(events)
    run.kill()
    return read_enriched(run.job.cluster, run.job.enriched)


def same_events(events: dict[str, bytes], topic: str, undisturbed: Undisturbed) -> bool:
    """Whether the events are those of the undisturbed run; their ids hold the name of the topic."""
    there, here = undisturbed.topic.encode(), topic.encode()
    expected = {
        event_id.replace(undisturbed.topic, topic): encoded.replace(there, here)
        for event_id, encoded in undisturbed.events.items()
    }
    return events == expected


@pytest.mark.long
@pytest.mark.parametrize(("kills", "events"), [(1, FEW), pytest.param(5, MANY, marks=pytest.mark.slow)])
def test_a_job_that_is_killed_at_any_moment_loses_nothing_and_scores_as_if_it_had_not_been(
    kills: int,
    events: int,
    kafka_cluster: Cluster,
    undisturbed: Callable[[int], Undisturbed],
    tmp_path: Path,
    measure: Measure,
    record_property: Callable[..., None],
) -> None:
    """Events arrive in 4 partitions, and the job is SIGKILLed at random moments meanwhile.

    Every event is in the enriched topic at least once. Every copy has the scores of the undisturbed run, to
    the bit. Emitted twice is only what no snapshot covered when the job was killed.
    """
    seed = random.randrange(1_000_000)
    record_property("seed", seed)
    moments = random.Random(seed)
    expected = undisturbed(events)
    topic, vehicles = again(kafka_cluster, expected)
    job = new_job(kafka_cluster, topic, tmp_path)
    run = Run(job)
    killed = []
    for _ in range(kills):
        vehicles.send(events // (kills + 1), RATE)
        run.start()
        job.wait_until_emitted(job.emitted() + 1)
        time.sleep(moments.uniform(0.0, LONGEST_RUN))
        killed.append(run.kill())
    emitted = caught_up(run, vehicles, events)
    fault = f"Kafka: SIGKILL at {'a random moment' if kills == 1 else f'{kills} random moments'}"
    measure(run.measurement(fault, expected.payloads, emitted, f"seed {seed}"))
    assert same_events(by_id(emitted), topic, expected), f"seed {seed}"
    twice = repeated(emitted)
    assert all(any(kill.may_repeat(one) for kill in killed) for one in twice), f"seed {seed}"


@pytest.mark.slow
def test_a_job_gives_the_same_scores_whatever_the_number_of_processes_it_is_continued_with(
    kafka_cluster: Cluster,
    undisturbed: Callable[[int], Undisturbed],
    tmp_path: Path,
    measure: Measure,
) -> None:
    """1 → 2 → 1 processes while events arrive: nothing is lost, and no score depends on it."""
    expected = undisturbed(MANY)
    topic, vehicles = again(kafka_cluster, expected)
    job = new_job(kafka_cluster, topic, tmp_path)
    run = Run(job)
    kills = []
    for processes in (1, 2):
        vehicles.send(MANY // 3, RATE)
        run.start(processes)
        job.wait_until_committed(sum(job.committed()) + 10_000)
        kills.append(run.kill())
    emitted = caught_up(run, vehicles, MANY)
    fault = "Kafka: 1 → 2 → 1 processes, each SIGKILLed"
    measure(run.measurement(fault, expected.payloads, emitted))
    assert same_events(by_id(emitted), topic, expected)
    assert all(any(kill.may_repeat(one) for kill in kills) for one in repeated(emitted))


@pytest.mark.long
@pytest.mark.parametrize("events", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
def test_two_processes_give_what_one_gives(
    events: int, kafka_cluster: Cluster, undisturbed: Callable[[int], Undisturbed], tmp_path: Path
) -> None:
    """They share the partitions, and neither loses or repeats any of them."""
    expected = undisturbed(events)
    job = new_job(kafka_cluster, expected.topic, tmp_path)
    job.start_processes(2)
    job.wait_until_committed(events)
    job.kill()
    emitted = read_enriched(kafka_cluster, job.enriched)
    assert len(emitted) == events
    assert by_id(emitted) == expected.events


@pytest.mark.slow
def test_a_broker_that_is_away_longer_than_the_delivery_timeout_costs_no_event(
    kafka: StartKafka, tmp_path: Path, measure: Measure
) -> None:
    """The broker is gone for longer than the job with events to deliver waits for it, and comes back.

    The job ends with one line that says why; started again, it goes on at its last snapshot and nothing is
    lost. Bytewax's own sink loses here, see `test_bytewax_sink.py`.
    """
    events = 60_000
    broker = kafka()
    topic = "telemetry"
    create_topic(broker.cluster, topic, PARTITIONS)
    payloads = telemetry(events, VEHICLES, equal_times=True)
    publish_telemetry(broker.cluster, topic, payloads, VEHICLES)
    job = new_job(broker.cluster, topic, tmp_path, delivery_timeout=3.0)
    run = Run(job)
    run.start()
    # What has been read ahead is still to be delivered when the broker is gone.
    job.wait_until_emitted(1)
    broker.kill()
    assert job.wait_until_ended() == [1]
    last = job.last_log.splitlines()[-1]
    assert last.startswith("fleet: the Kafka cluster at ")
    assert "did not take" in last
    assert "delivery_timeout = 3 s" in last
    broker.start()
    run.start()
    job.wait_until_committed(events)
    run.kill()
    emitted = read_enriched(broker.cluster, job.enriched)
    measure(run.measurement("Kafka: broker away for longer than the delivery timeout", payloads, emitted))
    assert len(by_id(emitted)) == events
