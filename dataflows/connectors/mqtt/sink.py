"""A Bytewax sink that publishes to MQTT and returns only when the broker has confirmed everything.

Messages are pipelined: up to a window of them is unconfirmed at a time. When the connection is
lost, the session repeats the unconfirmed ones in their order on the next, so order per topic holds and a
consumer may see up to a window of messages twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from urllib.parse import quote

from bytewax.outputs import DynamicSink, StatelessSinkPartition
from paho.mqtt.reasoncodes import ReasonCode

from config.broker_settings import MqttSettings
from config.errors import DeliveryError
from dataflows.connectors.mqtt.session import MqttSession
from dataflows.messages import OutgoingBatch

WINDOW = 8192
"""Unconfirmed messages at most; fewer if the broker says so (Receive Maximum; MQTT 5, 3.2.2.3.3)."""

LONGEST_LEVEL = 255
"""Characters of a topic level made from a key."""


def keyed_topic(topic: str, key: str) -> str:
    """The topic one level below ``topic`` that belongs to a key.

    The key is percent-encoded, so that none can add levels or wildcards; letters, digits and
    ``_.-~`` stay as they are. One that is longer than `LONGEST_LEVEL` when encoded is cut and ends
    in ``~`` and a digest, because topics are limited (65,535 bytes; MQTT 5, 1.5.4) and keys come
    from payloads. The empty key has no level: its topic is ``topic`` itself.
    """
    if not key:
        return topic
    level = quote(key, safe="", errors="surrogatepass")
    if len(level) > LONGEST_LEVEL:
        digest = hashlib.blake2b(level.encode(), digest_size=16).hexdigest()
        level = f"{level[: LONGEST_LEVEL - len(digest) - 1]}~{digest}"
    return f"{topic}/{level}"


class MqttSink(DynamicSink[OutgoingBatch]):
    """Publishes every message with QoS 1; each worker has its own connection."""

    def __init__(
        self, settings: MqttSettings, topic: str, *, role: str, by_key: bool = False, retain: bool = False
    ) -> None:
        """Remember where to publish.

        Args:
            settings: the section ``[mqtt]``.
            topic: the topic, or with ``by_key`` what all topics begin with.
            role: appended to the client id, with the worker's index; differs between sinks.
            by_key: whether each key has its own topic, `keyed_topic`.
            retain: whether the broker keeps the latest message of a topic for later subscribers.
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
        client_id = f"{self._settings.client_id}-{self._role}-{worker_index}"
        return MqttSinkPartition(
            self._settings, client_id, self._topic, by_key=self._by_key, retain=self._retain
        )


class MqttSinkPartition(StatelessSinkPartition[OutgoingBatch]):
    """The connection of one worker. After an error it is of no further use."""

    def __init__(
        self, settings: MqttSettings, client_id: str, topic: str, *, by_key: bool, retain: bool
    ) -> None:
        self._delivery_timeout = settings.delivery_timeout
        self._topic = topic
        self._by_key = by_key
        self._retain = retain
        # Guarded by the session's `changed`:
        self._unconfirmed = 0
        self._enough = 0
        self._refusal: ReasonCode | None = None
        self._connection = 0
        self._session = MqttSession(settings, client_id, persistent=False, on_confirmed=self._confirmed)
        self._session.start()
        self._session.wait_until_connected()

    def write_batch(self, items: list[OutgoingBatch]) -> None:
        """Publish all messages, and return when each is confirmed.

        Raises:
            BrokerError: the broker refused us when we had to connect again.
            DeliveryError: the broker refused a message, or confirmed nothing for ``delivery_timeout``.
        """
        messages = [
            (keyed_topic(self._topic, key) if self._by_key else self._topic, payload)
            for batch in items
            for key, payload in zip(batch.keys, batch.payloads, strict=True)
        ]
        sent = 0
        while sent < len(messages):
            # Half a window at a time: the worker wakes once per half window, not once per PUBACK.
            window = min(WINDOW, self._session.receive_maximum)
            self._wait(enough=window // 2, to_publish=True)
            # Meanwhile there may be another connection.
            window = min(window, self._session.receive_maximum)
            portion = messages[sent : sent + (window + 1) // 2]
            if self._publish(portion):
                sent += len(portion)
        self._wait(enough=0, to_publish=False)

    def close(self) -> None:
        self._session.stop()

    def _publish(self, messages: Sequence[tuple[str, bytes]]) -> bool:
        with self._session.changed:
            self._unconfirmed += len(messages)  # before: the first PUBACK may come before the last PUBLISH
        published = self._session.publish(self._connection, messages, retain=self._retain)
        if not published:
            with self._session.changed:
                self._unconfirmed -= len(messages)
        return published

    def _wait(self, *, enough: int, to_publish: bool) -> None:
        """Wait until at most ``enough`` are unconfirmed and, ``to_publish``, there is a connection."""
        session = self._session
        while True:
            session.check()
            with session.changed:
                self._enough = enough
                unconfirmed = self._unconfirmed
                session.changed.wait_for(
                    lambda: session.failed or self._refusal or self._ready(enough, to_publish),
                    self._delivery_timeout,
                )
                if self._refusal is not None:
                    raise DeliveryError(
                        f"the MQTT broker at {session.address} refused a message to {self._where()}: "
                        f"{self._refusal}; check the rights of the user and the limits of the broker"
                    )
                if self._ready(enough, to_publish):
                    self._connection = session.connection
                    return
                if not session.failed and self._unconfirmed == unconfirmed:
                    raise DeliveryError(
                        f"the MQTT broker at {session.address} confirmed none of {unconfirmed} messages to "
                        f"{self._where()} within {self._delivery_timeout:g} s: "
                        f"{'it does not answer' if session.connected else session.trouble}; "
                        f"see to the broker or raise [mqtt] delivery_timeout"
                    )

    def _ready(self, enough: int, to_publish: bool) -> bool:
        if not to_publish:
            return self._unconfirmed <= enough
        # On a new connection what is unconfirmed is first repeated; new messages must not overtake.
        same = self._session.connection == self._connection
        return self._session.connected and self._unconfirmed <= (enough if same else 0)

    def _confirmed(self, count: int, refusal: ReasonCode | None) -> None:
        """Runs in the network thread."""
        with self._session.changed:
            self._unconfirmed -= count
            self._refusal = self._refusal or refusal
            if self._unconfirmed <= self._enough or self._refusal is not None:
                self._session.changed.notify_all()

    def _where(self) -> str:
        return f"{self._topic}/…" if self._by_key else self._topic
