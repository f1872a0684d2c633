"""A Bytewax sink that publishes to Kafka and returns only when the cluster has confirmed everything.

Bytewax's own sink enqueues messages, flushes, and never checks whether they arrived: when delivery fails,
they are lost, and the next snapshot covers them nevertheless.
"""

from __future__ import annotations

from bytewax.outputs import DynamicSink, StatelessSinkPartition

from config.broker_settings import KafkaSettings
from dataflows.connectors.kafka.producer import ConfirmedProducer
from dataflows.connectors.kafka.topics import ensure_topics
from dataflows.messages import OutgoingBatch
from dataflows.metrics import UNCONFIRMED


class KafkaSink(DynamicSink[OutgoingBatch]):
    """Publishes to one topic, keyed; each worker has its own producer."""

    def __init__(self, settings: KafkaSettings, topic: str, *, role: str, compacted: bool = False) -> None:
        """Wait for the cluster, and make sure that the topic exists.

        Args:
            settings: the section ``[kafka]``.
            topic: the topic.
            role: appended to the client id, with the worker's index.
            compacted: whether the topic is one that keeps the latest message of each key; an empty payload
                then removes its key. Only a topic that is created here is made so.

        Raises:
            BrokerError: the cluster cannot be reached, or the topic is missing; see `ensure_topics`.
        """
        ensure_topics(settings, [topic], compacted=compacted)
        self._compacted = compacted
        self._settings = settings
        self._topic = topic
        self._role = role

    def build(self, step_id: str, worker_index: int, worker_count: int) -> KafkaSinkPartition:
        """Create the worker's producer.

        Raises:
            SettingsError: librdkafka does not accept the options.
        """
        role = f"{self._role}-{worker_index}"
        return KafkaSinkPartition(self._settings, self._topic, role, compacted=self._compacted)


class KafkaSinkPartition(StatelessSinkPartition[OutgoingBatch]):
    """The producer of one worker. After an error it is of no further use."""

    def __init__(self, settings: KafkaSettings, topic: str, role: str, *, compacted: bool) -> None:
        self._compacted = compacted
        self._topic = topic
        self._role = role
        self._producer = ConfirmedProducer(settings, role)
        self._producer.watch(topic)
        UNCONFIRMED.labels(role).set_function(lambda: self._producer.unconfirmed)

    def write_batch(self, items: list[OutgoingBatch]) -> None:
        """Publish all messages, and return when each is confirmed.

        Raises:
            DeliveryError: a message was refused, or not confirmed within ``delivery_timeout``.
        """
        keys = [key for batch in items for key in batch.keys]
        payloads: list[bytes | None] = [payload for batch in items for payload in batch.payloads]
        if self._compacted:
            payloads = [payload or None for payload in payloads]
        self._producer.publish(self._topic, keys, payloads)

    def close(self) -> None:
        self._producer.close()
        UNCONFIRMED.remove(self._role)
