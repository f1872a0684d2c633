"""`benchmarks.latency` over Kafka: one node, one producer for all vehicles, one consumer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from confluent_kafka import Consumer, Producer, TopicPartition
from numpy.typing import NDArray

from benchmarks.brokers import running
from benchmarks.latency.load import Load, publish_on_time
from config.errors import BrokerError
from config.settings import load as load_settings
from dataflows.connectors.kafka.topics import ensure_topics
from scripts.brokers.kafka_process import KafkaBroker

TELEMETRY, ENRICHED = "fleet.telemetry", "fleet.enriched"
TIME_TO_CONFIRM = 30.0
"""Seconds."""
TIME_TO_ANSWER = 10.0
"""Seconds."""
POLL = 0.1
"""Seconds."""


@dataclass(frozen=True, slots=True)
class KafkaWire:
    """Where the broker is; the same for the producer and the consumer, each in a process of its own.

    Attributes:
        bootstrap: host:port.
        partitions: of each topic.
    """

    bootstrap: str
    partitions: int

    @property
    def said_when_read(self) -> str:
        """Empty, since there is nothing to wait for: the job reads a topic from its beginning."""
        return ""

    @property
    def settings_text(self) -> str:
        """The job's settings for this broker, in TOML."""
        return (
            f'[source]\nkind = "kafka"\n[sink]\nkind = "kafka"\n[kafka]\nbootstrap = "{self.bootstrap}"\n'
            f'[topics]\ntelemetry = "{TELEMETRY}"\nenriched = "{ENRICHED}"\n'
            'dead_letter = "fleet.dead-letter"\n'
        )

    def publish(self, load: Load, wait_for_begin: Callable[[], int]) -> NDArray[np.int64]:
        """Connect, ask when to start, and publish keyed by vehicle; see `publish_on_time`."""
        producer = Producer(
            {
                "bootstrap.servers": self.bootstrap,
                "client.id": "publisher",
                "enable.idempotence": True,
                "linger.ms": 0,
                # A node that has just started is not ready for a moment, which librdkafka logs and retries.
                "log_level": 3,
                "socket.nagle.disable": True,
                "partitioner": "murmur2_random",
            }
        )
        producer.list_topics(TELEMETRY, TIME_TO_ANSWER)

        def send(vehicle: str, payload: bytes) -> None:
            producer.produce(TELEMETRY, payload, vehicle)

        def wait(seconds: float) -> None:
            producer.poll(0.0)
            # `poll` counts in whole milliseconds.
            time.sleep(seconds)

        late = publish_on_time(load, wait_for_begin(), send, wait)
        if producer.flush(TIME_TO_CONFIRM):
            raise BrokerError(f"Kafka at {self.bootstrap} did not confirm what was published; see its log")
        return late

    def receive(
        self, ready: Callable[[], None], take: Callable[[int, bytes], None], is_done: Callable[[], bool]
    ) -> None:
        """Seek to the end of the enriched topic, report that, and pass on events with their arrival times."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "client.id": "receiver",
                "group.id": "latency",
                "enable.auto.commit": False,
                "socket.nagle.disable": True,
            }
        )
        ends = [TopicPartition(ENRICHED, number) for number in range(self.partitions)]
        for end in ends:
            end.offset = consumer.get_watermark_offsets(end, TIME_TO_ANSWER)[1]
        consumer.assign(ends)
        # The first poll opens the connections to the brokers.
        consumer.poll(POLL)
        ready()
        while not is_done():
            message = consumer.poll(POLL)
            if message is not None and message.error() is None:
                take(time.monotonic_ns(), message.value() or b"")
        consumer.close()


@contextmanager
def kafka_broker(directory: Path) -> Iterator[KafkaWire]:
    """A broker of our own, with the topics.

    Raises:
        FleetError: Kafka cannot be fetched, or does not start.
    """
    with running(KafkaBroker(directory), "Kafka") as broker:
        settings = load_settings().kafka.model_copy(update={"bootstrap": broker.cluster.bootstrap})
        ensure_topics(settings, [TELEMETRY, ENRICHED])
        yield KafkaWire(settings.bootstrap, settings.partitions)
