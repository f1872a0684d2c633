"""An MQTT subscription as a Bytewax source that acknowledges only what a snapshot covers.

The broker keeps unacknowledged messages (QoS 1 in a persistent session) and redelivers them after a crash, so
the session is the position in the stream. Bytewax does not report when a snapshot is durable. But it asks a
source for more only after the previous epoch has passed through the whole dataflow and, with recovery on, has
been committed. Hence the rule: on the first `next_batch` after a `snapshot`, start to acknowledge what was
emitted before that snapshot.

Messages that were emitted and are not acknowledged yet are redelivered on the next connection, including
those that the state of the dataflow already covers. `RedeliveryFilter` tells them from new ones. It is the
resume state, so that neither after a restart nor after a lost connection a message is emitted that the state
covers. That requires messages that are all distinct, as they are if they carry a time; others are emitted
again.

Memory is bounded. Per connection at most 65,535 QoS 1 messages can be unacknowledged, and with MQTT 5 the
broker sends at most ``queue_size`` of them (Receive Maximum). MQTT 3.1.1 has no such limit, and QoS 0 has no
acknowledgements: when those fill the queue, the network thread waits in the callback, the socket's buffers
fill up and TCP slows the broker down. A queue that stays full for longer than the keepalive costs the
connection; the broker then redelivers what is unacknowledged.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import paho.mqtt.client as paho
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from config.broker_settings import MqttSettings
from dataflows.connectors.mqtt.packets import Delivery, PublishReader, pubacks
from dataflows.connectors.mqtt.redelivery import RedeliveryFilter
from dataflows.connectors.mqtt.session import MqttSession
from dataflows.messages import MessageBatch
from dataflows.metrics import QUEUED, UNACKNOWLEDGED
from dataflows.stored_state import MQTT, Stored

logger = logging.getLogger(__name__)

PARTITION = "mqtt"
"""Name of the only partition, and origin of its batches."""

KNOWN_TOPICS = 65_536
"""Topics that are matched with the filters only once."""


class _Received(NamedTuple):
    """A message in the queue; `arrived` in microseconds since 1970-01-01 UTC, of no other message."""

    delivery: Delivery
    arrived: int
    connection_generation: int


class MqttSource(FixedPartitionedSource[MessageBatch, Stored]):
    """One persistent MQTT session as one partition. At-least-once, in the order of the broker."""

    def __init__(
        self,
        settings: MqttSettings,
        filters: Sequence[str],
        role: str = "source",
        *,
        distinct: bool = True,
    ) -> None:
        """Remember what to subscribe to.

        Args:
            settings: the section ``[mqtt]``.
            filters: topic filters (MQTT 5, 4.7), subscribed with QoS 1.
            role: appended to the client id; names the session, so it must stay the same over restarts and
                differ between jobs that run at the same time.
            distinct: whether no two messages have the same topic and payload. Only then is a redelivered
                message recognised; otherwise it is emitted again.
        """
        self._settings = settings
        self._filters = [filters] if isinstance(filters, str) else list(filters)
        self._role = role
        self._distinct = distinct

    def list_parts(self) -> list[str]:
        return [PARTITION]

    def build_part(self, step_id: str, for_part: str, resume_state: Stored | None) -> MqttSourcePartition:
        return MqttSourcePartition(
            self._settings, self._filters, self._role, resume_state, distinct=self._distinct
        )


class MqttSourcePartition(StatefulSourcePartition[MessageBatch, Stored]):
    """The subscription while it runs. Connects in the background; errors surface in `next_batch`."""

    def __init__(
        self,
        settings: MqttSettings,
        filters: Sequence[str],
        role: str,
        resume_state: Stored | None = None,
        *,
        distinct: bool = True,
    ) -> None:
        self._queue_size = settings.queue_size
        self._batch_size = settings.batch_size
        self._filters = [_without_share(topic_filter) for topic_filter in filters]
        self._is_subscribed = lru_cache(KNOWN_TOPICS)(self._matches_a_filter)
        self._foreign_topic_logged = False
        self._queue: deque[_Received] = deque()
        self._latest = 0
        # Packet identifiers of messages that came on the connection of the latest one.
        self._connection_generation = 0
        self._emitted: list[int] = []
        self._in_snapshot: list[int] = []
        self._distinct = distinct
        self._known = RedeliveryFilter(None if resume_state is None else MQTT.unwrap(resume_state))
        version_5 = settings.protocol == "5"
        self._role = role
        self._session = MqttSession(
            settings,
            f"{settings.client_id}-{role}",
            persistent=True,
            new_reader=lambda: PublishReader(version_5=version_5, on_delivered=self._receive),
            filters=filters,
        )
        QUEUED.labels(role).set_function(lambda: self.queued)
        UNACKNOWLEDGED.labels(role).set_function(lambda: self.unacknowledged)
        self._session.start()

    @property
    def queued(self) -> int:
        """Messages that have arrived and are not emitted yet."""
        return len(self._queue)

    @property
    def unacknowledged(self) -> int:
        """Messages that have arrived and are not acknowledged yet; with QoS 0 only those in the queue."""
        return len(self._queue) + len(self._emitted) + len(self._in_snapshot)

    def next_batch(self) -> list[MessageBatch]:
        """Emit what has arrived, at most ``batch_size`` messages in one batch.

        Does not wait, unless the broker has stopped reading acknowledgements.

        Raises:
            BrokerError: the broker was not reached in time, or refused us or the subscription.
        """
        self._session.check()
        if self._in_snapshot:
            # In portions, so that the network accepts them at once.
            portion = self._in_snapshot[: self._batch_size]
            self._session.write(self._connection_generation, lambda: pubacks(portion))
            del self._in_snapshot[: self._batch_size]
        if not self._queue:
            return []
        with self._session.condition:
            was_full = len(self._queue) >= self._queue_size
            received = [self._queue.popleft() for _ in range(min(len(self._queue), self._batch_size))]
            if was_full:
                self._session.condition.notify_all()
        received = self._without_foreign([message for message in received if self._is_new(message)])
        if not received:
            return []
        return [
            MessageBatch(
                payloads=[message.delivery.payload for message in received],
                topics=[message.delivery.topic for message in received],
                arrived=[message.arrived for message in received],
                origin=PARTITION,
            )
        ]

    def snapshot(self) -> Stored:
        """Mark all emitted messages as covered; returns which ones the broker may redeliver."""
        self._in_snapshot += self._emitted
        self._emitted = []
        return MQTT.wrap(self._known.snapshot())

    def close(self) -> None:
        """Disconnect. What no snapshot covers stays unacknowledged and is redelivered next time."""
        self._session.stop()
        for gauge in (QUEUED, UNACKNOWLEDGED):
            gauge.remove(self._role)

    def _is_new(self, message: _Received) -> bool:
        """Whether a message is to be emitted; note its packet identifier."""
        if message.connection_generation != self._connection_generation:
            # The broker redelivers what was not acknowledged on the connection before.
            self._connection_generation = message.connection_generation
            self._emitted = []
            self._in_snapshot = []
        delivery = message.delivery
        identifier, topic, payload = delivery.packet_identifier, delivery.topic, delivery.payload
        if not identifier:
            return True
        if not self._distinct:
            self._emitted.append(identifier)
            return True
        known = self._known
        is_known = delivery.is_repeated and known.has(identifier, topic, payload)
        if not is_known:
            known.add(identifier, topic, payload)
        # A snapshot that covers it was durable before this batch was asked for.
        (self._in_snapshot if known.is_covered(identifier) else self._emitted).append(identifier)
        return not is_known

    def _without_foreign(self, received: list[_Received]) -> list[_Received]:
        """Drop messages that no filter matches.

        The session may still have a subscription of an earlier configuration, and some brokers send a client
        retained messages that only others have subscribed to.
        """
        own = [message for message in received if self._is_subscribed(message.delivery.topic)]
        if len(own) < len(received) and not self._foreign_topic_logged:
            topics = [message.delivery.topic for message in received]
            self._foreign_topic_logged = True
            logger.warning(
                "dropping messages that the MQTT broker sends on other topics than %s, such as %r",
                self._filters,
                next(topic for topic in topics if not self._is_subscribed(topic)),
            )
        return own

    def _matches_a_filter(self, topic: str) -> bool:
        return any(paho.topic_matches_sub(topic_filter, topic) for topic_filter in self._filters)

    def _receive(self, deliveries: list[Delivery]) -> None:
        """Runs in the network thread."""
        # Each message gets a later time than the one before, so messages without timestamps stay distinct.
        self._latest = max(time.time_ns() // 1000, self._latest + 1)
        session, queue = self._session, self._queue
        with session.condition:
            for delivery in deliveries:
                if len(queue) >= self._queue_size:
                    session.condition.wait_for(lambda: len(queue) < self._queue_size or session.stopping)
                if session.stopping:
                    return
                queue.append(_Received(delivery, self._latest, session.connection_generation))
                self._latest += 1


def _without_share(topic_filter: str) -> str:
    """The filter within a shared subscription, ``$share/group/filter`` (MQTT 5, 4.8.2)."""
    return topic_filter.split("/", 2)[2] if topic_filter.startswith("$share/") else topic_filter
