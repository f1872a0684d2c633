"""The job on Kafka as processes that can be killed, the vehicles that send to it, and what it has emitted."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec
from confluent_kafka import Consumer, KafkaException, TopicPartition

from config.broker_settings import KafkaSettings
from dataflows.connectors.kafka.producer import ConfirmedProducer
from dataflows.events import Enriched
from scripts.brokers.kafka_process import Cluster
from scripts.waiting import wait_until
from tests.support.fleet_processes import TIME_TO_CATCH_UP, TWO_SIGNALS, FleetJob
from tests.support.kafka_clients import create_topic
from tests.support.pace import TICK, Pace

PARTITIONS = 4

SETTINGS = """
[source]
kind = "kafka"
[sink]
kind = "kafka"
[topics]
telemetry = "{telemetry}"
enriched = "{enriched}"
dead_letter = "{enriched}.dead-letter"
alerts = "{enriched}.alerts"
alert_actions = "{enriched}.alert-actions"
rollups = "{enriched}.rollups"
late = "{enriched}.late"
[kafka]
bootstrap = "{kafka.bootstrap}"
client_id = "{kafka.client_id}"
group = "{enriched}"
batch_size = 512
connect_timeout = {kafka.connect_timeout}
delivery_timeout = {kafka.delivery_timeout}
"""


class Job(FleetJob):
    """One job on one topic of telemetry.

    Attributes:
        cluster: where its topics are.
        enriched: the topic that it writes to; it is created.
        telemetry: the topic that it reads.
    """

    def __init__(
        self,
        cluster: Cluster,
        kafka: KafkaSettings,
        directory: Path,
        enriched: str,
        telemetry: str,
        more: str = TWO_SIGNALS,
    ) -> None:
        """Create directory and topic.

        Args:
            cluster: as the attribute.
            kafka: how the job connects to it.
            directory: does not exist yet.
            enriched: as the attribute.
            telemetry: as the attribute.
            more: TOML behind the sections of broker and topics, such as the signals.
        """
        self.cluster = cluster
        self.enriched = enriched
        self.telemetry = telemetry
        settings = SETTINGS.format(telemetry=telemetry, enriched=enriched, kafka=kafka)
        super().__init__(directory, settings + more)
        create_topic(cluster, enriched, PARTITIONS)

    @property
    def alerts(self) -> str:
        """The topic of its alerts, which it creates."""
        return f"{self.enriched}.alerts"

    @property
    def actions(self) -> str:
        """The topic of what people do about alerts, which it creates."""
        return f"{self.enriched}.alert-actions"

    @property
    def rollups(self) -> str:
        """The topic of its rollups, which it creates."""
        return f"{self.enriched}.rollups"

    def emitted(self) -> int:
        """Enriched events that the cluster has."""
        return sum(end_offsets(self.cluster, self.enriched))

    def committed(self) -> list[int]:
        """The offset in each partition of telemetry that the group has committed: what a snapshot covers.

        0 also while a young cluster does not know yet who keeps the group.
        """
        partitions = [TopicPartition(self.telemetry, number) for number in range(PARTITIONS)]
        try:
            positions = _client(self.cluster, self.enriched).committed(partitions, 10)
        except KafkaException:
            return [0] * PARTITIONS
        return [max(position.offset, 0) for position in positions]

    def wait_until_emitted(self, count: int) -> None:
        self.wait(lambda: self.emitted() >= count, f"{count} enriched events")

    def wait_until_committed(self, count: int) -> None:
        """Return when a snapshot covers so many messages of telemetry."""
        self.wait(lambda: sum(self.committed()) >= count, f"{count} messages covered by a snapshot")


class Vehicles:
    """Publishes telemetry of `tests.telemetry`, keyed by vehicle.

    Args:
        cluster: where to.
        topic: where to.
        payloads: those of `tests.telemetry`.
        vehicles: as given to it.
    """

    def __init__(self, cluster: Cluster, topic: str, payloads: list[bytes], vehicles: int) -> None:
        self._producer = ConfirmedProducer(cluster.settings(delivery_timeout=TIME_TO_CATCH_UP), "vehicles")
        self._topic = topic
        self._payloads = payloads
        self._keys = [f"VEH-{number % vehicles}" for number in range(len(payloads))]
        self._thread: threading.Thread | None = None
        self._sent = 0

    def send(self, count: int, rate: float = math.inf) -> None:
        """Publish the next so many, in the background; first waits until those before are published.

        Args:
            count: of messages; as many as are left, at most.
            rate: messages a second; infinite for all at once.
        """
        self.wait()
        end = min(self._sent + count, len(self._payloads))
        self._thread = threading.Thread(target=self._run, args=(end, rate), daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Return when everything that was to be sent is published."""
        if self._thread is not None:
            self._thread.join()

    def _run(self, end: int, rate: float) -> None:
        pace = Pace(self._sent, end, rate)
        while self._sent < end:
            upto = pace.due(self._sent)
            self._producer.publish(
                self._topic, self._keys[self._sent : upto], self._payloads[self._sent : upto]
            )
            self._sent = upto
            time.sleep(TICK if upto < end else 0.0)


def publish_telemetry(cluster: Cluster, topic: str, payloads: list[bytes], vehicles: int) -> None:
    """Publish all of it, and return when the cluster has it."""
    sender = Vehicles(cluster, topic, payloads, vehicles)
    sender.send(len(payloads))
    sender.wait()


def end_offsets(cluster: Cluster, topic: str) -> list[int]:
    """The end of each partition of a topic; waits while a new topic has partitions without a leader."""
    client = _client(cluster, topic)
    ends: list[int] = []

    def known() -> bool:
        with suppress(KafkaException):
            numbers = client.list_topics(topic, 10).topics[topic].partitions
            ends[:] = [client.get_watermark_offsets(TopicPartition(topic, each), 10)[1] for each in numbers]
            return True
        return False

    wait_until(known, f"the end of each partition of {topic}")
    return ends


@cache
def _client(cluster: Cluster, group: str) -> Consumer:
    # Not the AdminClient: its list_consumer_group_offsets crashes librdkafka 2.16 now and then.
    return Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": group, "log_level": 0})


@dataclass(frozen=True, slots=True)
class Emitted:
    """One message of the enriched topic.

    Attributes:
        event: without the time at which it was scored.
        encoded: the same as bytes, to compare to the bit.
        at: when it was published, seconds since 1970.
    """

    event: Enriched
    encoded: bytes
    at: float


def read_enriched(cluster: Cluster, topic: str) -> list[Emitted]:
    """All that is in a topic now, in the order of each partition."""
    ends = end_offsets(cluster, topic)
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": "test-read"})
    consumer.assign([TopicPartition(topic, number, 0) for number in range(len(ends))])
    decoder = msgspec.json.Decoder(Enriched)
    emitted: list[Emitted] = []

    def all_read() -> bool:
        for message in consumer.consume(10_000, 0.1):
            assert message.error() is None
            event = decoder.decode(message.value() or b"")
            event = msgspec.structs.replace(event, processed_at=event.ts)
            at = message.timestamp()[1] / 1000
            emitted.append(Emitted(event, msgspec.json.encode(event), at))
        return len(emitted) >= sum(ends)

    wait_until(all_read, f"{sum(ends)} messages of {topic}")
    consumer.close()
    return emitted


def by_id(emitted: list[Emitted]) -> dict[str, bytes]:
    """Event id → the event; copies of one event must be the same to the bit."""
    events: dict[str, bytes] = {}
    for one in emitted:
        assert events.setdefault(one.event.event_id, one.encoded) == one.encoded, one.event
    return events


def repeated(emitted: list[Emitted]) -> list[Emitted]:
    """The first copy of every event that was emitted more than once."""
    copies = Counter(one.event.event_id for one in emitted)
    first: dict[str, Emitted] = {}
    for one in emitted:
        earlier = first.setdefault(one.event.event_id, one)
        if one.at < earlier.at:
            first[one.event.event_id] = one
    return [one for event_id, one in first.items() if copies[event_id] > 1]
