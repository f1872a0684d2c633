"""The whole job on Kafka as processes that can be killed, and what became of its input."""

from __future__ import annotations

import math
import subprocess
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from bytewax.recovery import init_db_dir
from confluent_kafka import Consumer, KafkaException, TopicPartition

from config.broker_settings import KafkaSettings
from dataflows.connectors.kafka.producer import ConfirmedProducer
from dataflows.events import Enriched
from scripts.brokers.kafka_process import Cluster
from scripts.waiting import wait_until
from tests.support.fleet_processes import start_fleet
from tests.support.kafka_clients import create_topic

PARTITIONS = 4
TIME_TO_CATCH_UP = 100.0
TICK = 0.05
RECOVERY_PARTITIONS = 2

SETTINGS = """
[source]
kind = "kafka"
[sink]
kind = "kafka"
[topics]
telemetry = "{telemetry}"
enriched = "{enriched}"
dead_letter = "{enriched}.dead-letter"
[kafka]
bootstrap = "{kafka.bootstrap}"
client_id = "{kafka.client_id}"
group = "{enriched}"
batch_size = 512
connect_timeout = {kafka.connect_timeout}
delivery_timeout = {kafka.delivery_timeout}
[signals.speed]
pointer = "/speed"
[signals.rpm]
pointer = "/rpm"
[signals.latitude]
pointer = "/latitude"
scored = false
"""


class Kill(NamedTuple):
    """A job was killed.

    Attributes:
        at: when, seconds since 1970.
        committed: offset in each partition that a snapshot covered before, at least.
    """

    at: float
    committed: list[int]

    def may_repeat(self, one: Emitted) -> bool:
        """Whether an event, first emitted before, may be emitted again: no snapshot covered it."""
        origin, _, offset = one.event.event_id.rpartition(":")
        partition = int(origin.rpartition("/")[2])
        return one.at <= self.at and int(offset) >= self.committed[partition]


@dataclass(slots=True)
class Job:
    """One job on one topic of telemetry: settings, recovery directory, and processes while it runs.

    Attributes:
        cluster: where its topics are.
        kafka: how it talks to it.
        directory: an empty one of its own.
        enriched: its topic.
        telemetry: what it reads.
    """

    cluster: Cluster
    kafka: KafkaSettings
    directory: Path
    enriched: str
    telemetry: str
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        recovery = self.directory / "recovery"
        recovery.mkdir(parents=True)
        init_db_dir(recovery, RECOVERY_PARTITIONS)
        text = SETTINGS.format(telemetry=self.telemetry, enriched=self.enriched, kafka=self.kafka)
        (self.directory / "settings.toml").write_text(text)
        create_topic(self.cluster, self.enriched, PARTITIONS)

    def start(self, processes: int = 1) -> None:
        """Start so many processes that share the partitions."""
        self.processes = start_fleet(self.directory, self.log, processes)

    def kill(self) -> Kill:
        """End it as a crash would."""
        committed = self.committed()
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait()
        return Kill(time.time(), committed)

    def wait_until_ended(self) -> int:
        """Wait until it ends by itself; returns the exit status."""
        [process] = self.processes
        return process.wait(TIME_TO_CATCH_UP)

    @property
    def log(self) -> Path:
        return self.directory / "log"

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
        self._wait(lambda: self.emitted() >= count, f"{count} enriched events")

    def wait_until_committed(self, count: int) -> None:
        """Return when a snapshot covers so many messages of telemetry."""
        self._wait(lambda: sum(self.committed()) >= count, f"{count} messages covered by a snapshot")

    def _wait(self, condition: Any, what: str) -> None:
        def holds() -> bool:
            ended = [process.returncode for process in self.processes if process.poll() is not None]
            assert not ended, f"the job ended by itself, status {ended}:\n{self.log.read_text()[-3000:]}"
            return bool(condition())

        wait_until(holds, f"{what}; {self.log.read_text()[-2000:]}", TIME_TO_CATCH_UP)


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
        started, first = time.monotonic(), self._sent
        while self._sent < end:
            due = first + min((time.monotonic() - started + TICK) * rate, end - first)
            upto = max(int(due), self._sent + 1)
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
