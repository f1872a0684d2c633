"""The job from Kafka to Kafka, in one process and in two, beside the same flow without scoring."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from benchmarks.brokers import kafka_broker
from benchmarks.throughput.figures import Report, Scale, beside_limit, medians
from benchmarks.throughput.flow import PARTITIONS, WARM_UP
from benchmarks.throughput.process import TIME_TO_FINISH, Job, running
from benchmarks.throughput.stream import Stream, settings_text
from config.broker_settings import KafkaSettings
from config.errors import BrokerError
from config.settings import load
from dataflows.connectors.kafka.producer import ConfirmedProducer
from dataflows.connectors.kafka.topics import ensure_topics

PREFIX = "benchmark"
"""Of all topics, since the broker of ``KAFKA_BOOTSTRAP`` may have others."""

TIME_TO_ANSWER = 10.0
"""Seconds."""

POLL = 0.05
"""Seconds between checks of how much was written."""


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
    with ExitStack() as stack:
        with scale.notes.status("Kafka: filling the topic"):
            settings = stack.enter_context(kafka_settings())
            telemetry = stack.enter_context(filled_topic(settings, stream))

        def case(case: Case) -> Callable[[], float]:
            return lambda: run(settings, case, telemetry, stream)

        speeds = medians("Kafka", {each: case(each) for each in CASES}, scale.repetitions, scale.notes)
    return report(speeds)


def report(speeds: Mapping[Case, float]) -> Report:
    """The figures of all `CASES`, as ``--json`` prints them."""
    return {
        "kafka": beside_limit(speeds[Case(SCORED, 1)], speeds[Case(UNSCORED, 1)]),
        "kafka_two_processes": beside_limit(speeds[Case(SCORED, 2)], speeds[Case(UNSCORED, 2)]),
    }


@contextmanager
def kafka_settings() -> Iterator[KafkaSettings]:
    """A broker whose topics get `PARTITIONS` partitions."""
    with kafka_broker() as bootstrap:
        yield load().kafka.model_copy(update={"bootstrap": bootstrap, "partitions": PARTITIONS})


@contextmanager
def empty_topic(settings: KafkaSettings, name: str | None = None) -> Iterator[str]:
    """A new topic, deleted afterwards; yields its name, which is unique unless it is given."""
    topic = name or f"{PREFIX}.{uuid4().hex[:12]}"
    ensure_topics(settings, [topic])
    try:
        yield topic
    finally:
        admin = AdminClient({"bootstrap.servers": settings.bootstrap, "log_level": 0})
        for deleted in admin.delete_topics([topic]).values():
            with suppress(KafkaException):
                deleted.result(TIME_TO_ANSWER)


@contextmanager
def filled_topic(settings: KafkaSettings, stream: Stream) -> Iterator[str]:
    """A new topic that holds a stream, keyed by vehicle; deleted afterwards. Yields its name."""
    # A node that has just started is not ready for a moment, which librdkafka logs and retries.
    quiet = settings.model_copy(update={"librdkafka": settings.librdkafka | {"log_level": "3"}})
    with empty_topic(settings) as topic:
        producer = ConfirmedProducer(quiet, "benchmark")
        producer.publish(topic, list(stream.keys()), list(stream.payloads()))
        producer.close()
        yield topic


def run(settings: KafkaSettings, case: Case, telemetry: str, stream: Stream) -> float:
    """Run the job once from the start of a topic to its end; returns events per second.

    Args:
        settings: of the broker.
        case: how to run it.
        telemetry: the topic to read.
        stream: what it holds.

    Raises:
        BrokerError: the job ended, or did not finish in time.
    """
    with empty_topic(settings) as enriched, tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "settings.toml"
        file.write_text(settings_text(stream, _tables(settings, telemetry, enriched)))
        with running(
            ["-m", "bytewax.run", case.flow], {"FLEET_CONFIG": str(file)}, processes=case.processes
        ) as job:
            return _speed(settings, enriched, stream.events, job)


def _speed(settings: KafkaSettings, topic: str, events: int, job: Job) -> float:
    """Events per second in a topic that is being written, from the end of the warm-up to the last event.

    The warm-up ends when every partition has had its share: processes do not start at the same moment.
    """
    consumer = Consumer({"bootstrap.servers": settings.bootstrap, "group.id": "benchmark", "log_level": 0})
    partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    deadline = time.monotonic() + TIME_TO_FINISH
    warm: tuple[int, float] | None = None
    try:
        while True:
            ends = [0] * PARTITIONS
            # A topic that was just created may not have its leaders yet.
            with suppress(KafkaException):
                ends = [consumer.get_watermark_offsets(each, TIME_TO_ANSWER)[1] for each in partitions]
            written = sum(ends)
            now = time.monotonic()
            if warm is None and min(ends) >= WARM_UP * events / PARTITIONS:
                warm = written, now
            if warm is not None and written >= events:
                if warm[0] >= events:
                    raise BrokerError(
                        f"expected a run that takes some time, all {events:,} events arrived at once; "
                        "increase --events"
                    )
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


def _tables(settings: KafkaSettings, telemetry: str, enriched: str) -> str:
    return f"""
[source]
kind = "kafka"
[sink]
kind = "kafka"
[topics]
telemetry = "{telemetry}"
enriched = "{enriched}"
dead_letter = "{PREFIX}.dead-letter"
alerts = "{PREFIX}.alerts"
alert_actions = "{PREFIX}.alert-actions"
rollups = "{PREFIX}.rollups"
late = "{PREFIX}.late"
[kafka]
bootstrap = "{settings.bootstrap}"
group = "{enriched}"
"""
