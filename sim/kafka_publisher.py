"""Publishing a simulated fleet to Kafka, confirmed and in order per vehicle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import msgspec

from config.broker_settings import KafkaSettings
from dataflows.connectors.kafka.producer import ConfirmedProducer
from dataflows.connectors.kafka.topics import ensure_topics
from dataflows.events import InjectedFault
from dataflows.messages import MessageBatch


class KafkaPublisher:
    """Publishes all telemetry to one topic, keyed by vehicle, so that events of a vehicle keep their order.

    The key of a message that has none is the last level of the topic that it was recorded from.

    Args:
        settings: the section ``[kafka]``.
        role: appended to the client id.
        telemetry: topic of `publish`.
        ground_truth: topic of `announce`.

    Attributes:
        confirmed: messages that the cluster has confirmed.

    Raises:
        BrokerError: on entering: the cluster cannot be reached within ``connect_timeout``, or a topic is
            missing and may not be created.
        DeliveryError: the cluster has not confirmed a message within ``delivery_timeout``.
        SettingsError: an option of ``[kafka.librdkafka]`` is wrong.
    """

    def __init__(self, settings: KafkaSettings, *, role: str, telemetry: str, ground_truth: str) -> None:
        self.confirmed = 0
        self._settings = settings
        self._role = role
        self._telemetry = telemetry
        self._ground_truth = ground_truth

    def publish(self, batch: MessageBatch) -> int:
        """Send messages, and return when the cluster has confirmed all of them."""
        keys = [
            key or topic.rpartition("/")[2]
            for key, topic in zip(batch.keys or [""] * len(batch), batch.topics, strict=True)
        ]
        self._producer.publish(self._telemetry, keys, batch.payloads)
        self.confirmed += len(batch)
        return len(batch)

    def announce(self, fault: InjectedFault) -> None:
        """Send ground truth."""
        self._producer.publish(self._ground_truth, [fault.vehicle_id], [msgspec.json.encode(fault)])
        self.confirmed += 1

    def send(self, topic: str, keys: Sequence[str], payloads: Sequence[bytes]) -> None:
        """Send messages to another topic, and return when the cluster has confirmed all of them."""
        self._producer.publish(topic, keys, payloads)
        self.confirmed += len(payloads)

    def __enter__(self) -> Self:
        ensure_topics(self._settings, [self._telemetry, self._ground_truth])
        self._producer = ConfirmedProducer(self._settings, self._role)
        return self

    def __exit__(self, *_: object) -> None:
        self._producer.close()
