"""The job from Kafka to Kafka, in one process and in two, beside the same without scoring."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from benchmarks.throughput.brokers import kafka_broker
from benchmarks.throughput.figures import Report, Scale, beside_limit, medians
from benchmarks.throughput.flow import WARM_UP
from benchmarks.throughput.process import TIME_TO_FINISH, Job, running
from benchmarks.throughput.stream import Stream, settings_text
from config.broker_settings import KafkaSettings
from config.errors import BrokerError
from config.settings import load
from dataflows.connectors.kafka_producer import ConfirmedProducer
from dataflows.connectors.kafka_topics import ensure_topics

PARTITIONS = 4
TELEMETRY = "benchmark.telemetry"
POLL = 0.05


@dataclass(frozen=True, slots=True)
class Case:
    """One way of running the job.

    Attributes:
        flow: module of the dataflow.
        processes: how many share the partitions.
    """

    flow: str
    processes: int

    def __str__(self) -> str:
        scored = "scored" if self.flow == SCORED else "without scoring"
        return f"{scored}, {self.processes} process{'es' if self.processes > 1 else ''}"


SCORED, UNSCORED = "dataflows.fleet", "benchmarks.unscored"
CASES = tuple(Case(flow, number) for number in (1, 2) for flow in (SCORED, UNSCORED))


def kafka(scale: Scale) -> Report:
    """The parts ``kafka`` and ``kafka_two_processes``."""
    stream = Stream(scale.events)
    with filled_topic(stream, scale) as settings:
        numbers = count(1)

        def case(case: Case) -> Callable[[], float]:
            return lambda: run(settings, case, f"benchmark.enriched-{next(numbers)}", stream)

        speeds = medians("Kafka", {each: case(each) for each in CASES}, scale.repetitions, scale.notes)
    return report(speeds)


def report(speeds: Mapping[Case, float]) -> Report:
    """The figures of all `CASES` as ``--json`` prints them."""
    one = speeds[Case(SCORED, 1)]
    two = speeds[Case(SCORED, 2)]
    return {
        "kafka": beside_limit(one, speeds[Case(UNSCORED, 1)]),
        "kafka_two_processes": beside_limit(two, speeds[Case(UNSCORED, 2)])
        | {"times_one_process": round(two / one, 2)},
    }


@contextmanager
def filled_topic(stream: Stream, scale: Scale) -> Iterator[KafkaSettings]:
    """A broker that has a stream in `TELEMETRY`, keyed by vehicle, in `PARTITIONS` partitions."""
    with scale.notes.status("Kafka: filling the topic"), kafka_broker() as bootstrap:
        settings = load().kafka.model_copy(update={"bootstrap": bootstrap, "partitions": PARTITIONS})
        publish(settings, TELEMETRY, stream)
        yield settings


def publish(settings: KafkaSettings, topic: str, stream: Stream) -> None:
    """Put a stream into a topic."""
    ensure_topics(settings, [topic])
    producer = ConfirmedProducer(settings, "benchmark")
    producer.publish(topic, list(stream.keys()), list(stream.payloads()))
    producer.close()


def run(settings: KafkaSettings, case: Case, enriched: str, stream: Stream) -> float:
    """Run the job once from the beginning of the topic to its end; returns events per second.

    Args:
        settings: of the broker.
        case: how to run it.
        enriched: the topic to write to; it is deleted afterwards.
        stream: what `TELEMETRY` holds.

    Raises:
        BrokerError: the job ended, or did not finish in time.
    """
    ensure_topics(settings, [enriched])
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "settings.toml"
        file.write_text(settings_text(stream, _tables(settings, enriched)))
        with running(
            ["-m", "bytewax.run", case.flow], {"FLEET_CONFIG": str(file)}, processes=case.processes
        ) as job:
            speed = _speed(settings, enriched, stream.events, job)
    AdminClient({"bootstrap.servers": settings.bootstrap}).delete_topics([enriched])
    return speed


def _speed(settings: KafkaSettings, topic: str, events: int, job: Job) -> float:
    """Events per second in a topic that is being written, from the warm-up's end to the last event.

    The warm-up ends when every partition has had its own: processes do not start at the same moment.
    """
    consumer = Consumer({"bootstrap.servers": settings.bootstrap, "group.id": "benchmark", "log_level": 0})
    partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    deadline = time.monotonic() + TIME_TO_FINISH
    warm: tuple[int, float] | None = None
    try:
        while True:
            ends = [0] * PARTITIONS
            # A topic that was made just now may not have its leaders yet.
            with suppress(KafkaException):
                ends = [consumer.get_watermark_offsets(each, 10)[1] for each in partitions]
            written = sum(ends)
            now = time.monotonic()
            if warm is None and min(ends) >= WARM_UP * events / PARTITIONS:
                warm = written, now
            if warm is not None and written >= events > warm[0]:
                return (written - warm[0]) / (now - warm[1])
            job.check()
            if now > deadline:
                raise BrokerError(
                    f"expected {events:,} enriched events in {topic} within {TIME_TO_FINISH:g} s, "
                    f"got {written:,}; the job said: {job.reason()}"
                )
            time.sleep(POLL)
    finally:
        consumer.close()


def _tables(settings: KafkaSettings, enriched: str) -> str:
    return f"""
[source]
kind = "kafka"
[sink]
kind = "kafka"
[topics]
telemetry = "{TELEMETRY}"
enriched = "{enriched}"
dead_letter = "benchmark.dead-letter"
[kafka]
bootstrap = "{settings.bootstrap}"
group = "{enriched}"
"""
