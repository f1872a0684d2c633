"""A Bytewax sink that publishes to MQTT and returns only when the broker has confirmed everything."""

from __future__ import annotations

import hashlib
from typing import Literal
from urllib.parse import quote

from bytewax.outputs import DynamicSink, StatelessSinkPartition

from config.broker_settings import MqttSettings
from dataflows.connectors.mqtt.publisher import ConfirmedPublisher
from dataflows.messages import OutgoingBatch
from dataflows.metrics import UNCONFIRMED

ByKey = bool | Literal["levels"]

LONGEST_LEVEL = 255
"""Characters of a topic level that is made from a key, at most."""


def keyed_topic(topic: str, key: str) -> str:
    """The topic of a key: one level below `topic`.

    The key is percent-encoded, so that it cannot add levels or wildcards; letters, digits and ``_.-~`` stay
    as they are. If it is longer than `LONGEST_LEVEL` when encoded, it is cut and ends in ``~`` and a digest,
    because topics are limited (65,535 bytes; MQTT 5, 1.5.4) and keys come from payloads. The empty key has no
    level: its topic is `topic` itself.
    """
    if not key:
        return topic
    return f"{topic}/{_cut(quote(key, safe='', errors='surrogatepass'))}"


def levels_topic(topic: str, key: str) -> str:
    """The topic of a key whose parts are levels, encoded already: only what is too long is cut."""
    return "/".join([topic, *(_cut(level) for level in key.split("/"))])


def _cut(level: str) -> str:
    if len(level) <= LONGEST_LEVEL:
        return level
    digest = hashlib.blake2b(level.encode(), digest_size=16).hexdigest()
    return f"{level[: LONGEST_LEVEL - len(digest) - 1]}~{digest}"


class MqttSink(DynamicSink[OutgoingBatch]):
    """Publishes every message with QoS 1; each worker has its own connection."""

    def __init__(
        self, settings: MqttSettings, topic: str, *, role: str, by_key: ByKey = False, retain: bool = False
    ) -> None:
        """Remember where to publish.

        Args:
            settings: the section ``[mqtt]``.
            topic: the topic; with `by_key`, the prefix of all topics.
            role: appended to the client id, with the worker's index; must differ between sinks.
            by_key: whether each key has its own topic: true for `keyed_topic`, "levels" for `levels_topic`.
            retain: whether the broker keeps the latest message of each topic for later subscribers.
        """
        self._settings = settings
        self._topic = topic
        self._role = role
        self._by_key = by_key
        self._retain = retain

    def build(self, step_id: str, worker_index: int, worker_count: int) -> MqttSinkPartition:
        """Connect, waiting for the broker up to ``connect_timeout``.

        Raises:
            BrokerError: the broker was not reached in time, or refused us.
        """
        role = f"{self._role}-{worker_index}"
        return MqttSinkPartition(self._settings, role, self._topic, by_key=self._by_key, retain=self._retain)


class MqttSinkPartition(StatelessSinkPartition[OutgoingBatch]):
    """The connection of one worker. After an error it is of no further use."""

    def __init__(self, settings: MqttSettings, role: str, topic: str, *, by_key: ByKey, retain: bool) -> None:
        self._role = role
        self._topic = topic
        self._by_key = by_key
        self._retain = retain
        self._publisher = ConfirmedPublisher(settings, f"{settings.client_id}-{role}")
        UNCONFIRMED.labels(role).set_function(lambda: self._publisher.unconfirmed)
        self._publisher.connect()

    def write_batch(self, items: list[OutgoingBatch]) -> None:
        """Publish all messages, and return when each is confirmed.

        Raises:
            BrokerError: the broker refused us when we had to connect again.
            DeliveryError: the broker refused a message, or confirmed nothing for ``delivery_timeout``.
        """
        messages = [
            (self._topic_of(key), payload)
            for batch in items
            for key, payload in zip(batch.keys, batch.payloads, strict=True)
        ]
        self._publisher.publish(messages, retain=self._retain)
        self._publisher.flush()

    def _topic_of(self, key: str) -> str:
        if self._by_key == "levels":
            return levels_topic(self._topic, key)
        return keyed_topic(self._topic, key) if self._by_key else self._topic

    def close(self) -> None:
        self._publisher.close()
        UNCONFIRMED.remove(self._role)
