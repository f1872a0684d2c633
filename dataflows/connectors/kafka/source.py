"""A Kafka topic as a Bytewax source: its partitions are the parts, their offsets the resume state.

Offsets live in Bytewax's recovery store, in the same epoch as the state they belong to; a job resumes from
there and nowhere else. They are also committed to a consumer group, so that ordinary tools show the consumer
lag and jobs without recovery can resume. That happens on the first `next_batch` after a `snapshot`: only then
has the epoch passed through the whole dataflow and, with recovery on, been committed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from confluent_kafka import (
    TIMESTAMP_NOT_AVAILABLE,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from config.broker_settings import KafkaSettings
from config.errors import BrokerError
from config.kafka_options import librdkafka_options
from dataflows.connectors.kafka.client import (
    PERMANENT_REFUSALS,
    check_reserved_options,
    error_text,
    retry,
    wrong_option,
)
from dataflows.connectors.kafka.log import logger
from dataflows.connectors.kafka.reachability import reachability_of
from dataflows.connectors.kafka.topics import ensure_topics
from dataflows.messages import MessageBatch
from dataflows.metrics import LAG
from dataflows.stored_state import KAFKA, Stored

RESERVED_OPTIONS = frozenset(
    {"group.id", "enable.auto.commit", "enable.auto.offset.store", "auto.offset.reset"}
)
"""Options that the guarantee depends on: ``[kafka.librdkafka]`` may not change them."""

READ_AHEAD = 16_384
"""KiB that are fetched ahead, per partition."""

DISAPPEARED = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_PARTITION})
"""Errors that are transient while a broker starts, and permanent if somebody has deleted the topic."""

OUT_OF_RANGE = frozenset({KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE})

GRACE = 5.0
"""Seconds without a message after which a topic that has disappeared counts as deleted.

By then librdkafka has waited itself, for ``topic.metadata.propagation.max.ms``.
"""

AT_ONCE = 1.0
"""Seconds to wait for an answer while other partitions wait to be read."""

LATEST = 7_258_118_400_000
"""Milliseconds, 2200-01-01: producers that confuse microseconds with milliseconds exceed every calendar."""

MOST_KNOWN_KEYS, LONGEST_KNOWN_KEY = 1 << 16, 64
"""How many keys of a partition are kept decoded, and of how many characters at most: a few megabytes."""


class KafkaSource(FixedPartitionedSource[MessageBatch, Stored]):
    """One topic. At-least-once; within a partition in the order of the broker.

    Parts are named so that part n goes to worker ``n % workers``: Bytewax assigns them in the order of their
    names.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topic: str,
        *,
        role: str,
        group: str | None = None,
        compacted: bool = False,
    ) -> None:
        """Wait for the cluster, and make sure that the topic exists.

        Args:
            settings: the section ``[kafka]``.
            topic: what to read.
            role: appended to the client id.
            group: consumer group to commit to; ``None`` means that of the settings.
            compacted: whether the topic, if it is created, keeps the latest message of each key.

        Raises:
            BrokerError: the cluster cannot be reached, or the topic is missing; see `ensure_topics`.
            SettingsError: librdkafka does not accept the options.
        """
        check_reserved_options(settings, RESERVED_OPTIONS)
        self._topic_id = ensure_topics(settings, [topic], compacted=compacted)[topic]
        self._settings = settings
        self._topic = topic
        self._role = role
        self._group = group or settings.group
        _consumer(settings, self._group, role, lambda _: None).close()

    def list_parts(self) -> list[str]:
        """The partitions that the topic has now; one that is added is read after the next start."""
        consumer = _consumer(self._settings, self._group, self._role, lambda _: None)

        def ask(patience: float) -> list[int]:
            metadata = consumer.list_topics(self._topic, patience).topics[self._topic]
            if metadata.error is not None or not metadata.partitions:
                raise KafkaException(metadata.error or KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))
            return sorted(metadata.partitions)

        try:
            return [f"{self._topic}/{partition:05d}" for partition in retry(self._settings, ask)]
        except KafkaException as error:
            raise _lost(self._settings, f"the partitions of {self._topic} cannot be listed", error) from None
        finally:
            consumer.close()

    def build_part(self, step_id: str, for_part: str, resume_state: Stored | None) -> KafkaSourcePartition:
        """Open a partition.

        Args:
            step_id: as Bytewax calls it.
            for_part: as in `list_parts`.
            resume_state: offset of the next message and id of the topic (KIP-516: a topic that was deleted
                and created again has another id), with the layout `KAFKA`.

        Raises:
            BrokerError: it cannot be read, or the state belongs to another topic.
            SnapshotError: the state has another layout.
        """
        offset: int | None = None
        if resume_state is not None:
            offset, topic_id = KAFKA.unwrap(resume_state)
            if topic_id != self._topic_id:
                raise BrokerError(
                    f"the topic {self._topic} at {self._settings.bootstrap} is not the one that was read "
                    "before: it was deleted and created again, so the offset in the recovery directory no "
                    "longer applies; start with an empty recovery directory"
                )
        partition = TopicPartition(self._topic, int(for_part.rpartition("/")[2]))
        return KafkaSourcePartition(
            self._settings, self._group, self._role, partition, self._topic_id, offset
        )


class KafkaSourcePartition(StatefulSourcePartition[MessageBatch, Stored]):
    """One partition while it is read. librdkafka fetches in the background."""

    def __init__(
        self,
        settings: KafkaSettings,
        group: str,
        role: str,
        partition: TopicPartition,
        topic_id: str,
        offset: int | None,
    ) -> None:
        self._settings = settings
        self._topic, self._partition, self._topic_id = partition.topic, partition.partition, topic_id
        self._lag = LAG.labels(self._topic, str(self._partition))
        self._lag.set(math.nan)
        self._keys = _Keys()
        self._disappeared: tuple[float, KafkaError] | None = None
        self._refusal: KafkaError | None = None
        self._deleted_unread = False
        self._cluster = reachability_of(settings.bootstrap)
        self._consumer = _consumer(settings, group, role, self._note)
        self._cluster.join(self._consumer, self._topic)
        self._next = self._start(settings.start) if offset is None else offset
        self._in_snapshot = self._committed = -1
        self._consumer.assign([self._at(self._next)])

    def next_batch(self) -> list[MessageBatch]:
        """Emit what has arrived, at most ``batch_size`` messages in one batch.

        Does not wait, except for up to `AT_ONCE` if messages were deleted unread.

        Raises:
            BrokerError: the broker refuses to let us read, or the topic is not the same any more.
        """
        self._commit_what_is_safe()
        self._check()
        messages = self._consumer.consume(self._settings.batch_size, 0.0)
        # `map` with methods in C: a line of Python per message costs as much as fetching it.
        if any(map(Message.error, messages)):
            for error in filter(None, map(Message.error, messages)):
                self._note(error)
            messages = [message for message in messages if message.error() is None]
        offsets = cast(list[int], list(map(Message.offset, messages)))
        if offsets:
            self._disappeared = None
            self._cluster.delivers()
            self._next = offsets[-1] + 1
        self._show_lag()
        if not messages:
            return []
        return [
            MessageBatch(
                payloads=[value or b"" for value in map(Message.value, messages)],
                topics=[self._topic] * len(messages),
                arrived=_arrivals(list(map(Message.timestamp, messages))),
                origin=f"{self._topic}/{self._partition}",
                offsets=offsets,
                keys=list(map(self._keys.__getitem__, map(Message.key, messages))),
                partition=self._partition,
            )
        ]

    def snapshot(self) -> Stored:
        """Offset of the next message and id of the topic."""
        self._in_snapshot = self._next
        return KAFKA.wrap((self._next, self._topic_id))

    def close(self) -> None:
        """Stop reading. What no snapshot covers is read again next time."""
        self._cluster.leave(self._consumer)
        LAG.remove(self._topic, str(self._partition))
        self._consumer.close()

    def _start(self, start: str) -> int:
        """Where to start without a position of our own."""
        try:
            low, high = retry(self._settings, self._watermarks)
            committed = retry(self._settings, self._committed_offsets)
        except KafkaException as error:
            raise self._unreadable(error) from None
        if start == "committed" and committed[self._partition] >= 0:
            return committed[self._partition]
        # Nobody has read a partition that was added after the job's first run.
        is_added = any(offset >= 0 for offset in committed.values())
        return high if start == "end" and not is_added else low

    def _committed_offsets(self, patience: float) -> dict[int, int]:
        """Partition → offset that the group has committed; negative where it has not."""
        numbers = self._consumer.list_topics(self._topic, patience).topics[self._topic].partitions
        partitions = [TopicPartition(self._topic, number) for number in {*numbers, self._partition}]
        return {found.partition: found.offset for found in self._consumer.committed(partitions, patience)}

    def _watermarks(self, patience: float) -> tuple[int, int]:
        return self._consumer.get_watermark_offsets(self._at(0), patience)

    def _commit_what_is_safe(self) -> None:
        if self._in_snapshot != self._committed:
            self._committed = self._in_snapshot
            self._consumer.commit(offsets=[self._at(self._committed)], asynchronous=True)

    def _note(self, error: KafkaError) -> None:
        """Also called by librdkafka, within `consume`; it recovers from errors that are not noted."""
        self._cluster.note(error)
        if error.code() in OUT_OF_RANGE:
            self._deleted_unread = True
        elif error.code() in PERMANENT_REFUSALS or error.fatal():
            self._refusal = error
        elif error.code() in DISAPPEARED and self._disappeared is None:
            self._disappeared = time.monotonic(), error

    def _check(self) -> None:
        """Handle noted errors."""
        if self._refusal is not None:
            raise self._unreadable(KafkaException(self._refusal))
        if self._disappeared is not None and time.monotonic() - self._disappeared[0] > GRACE:
            raise self._unreadable(KafkaException(self._disappeared[1]))
        if self._deleted_unread:
            self._resume_after_deleted()

    def _resume_after_deleted(self) -> None:
        try:
            low, high = self._watermarks(AT_ONCE)
        except KafkaException:
            return  # the next batch asks again
        if not self._next < low:
            raise BrokerError(
                f"{self._name} at {self._settings.bootstrap} ends at offset {high}, expected at least "
                f"{self._next}: the topic was deleted and created again, or has lost messages that had been "
                "read; start with an empty recovery directory and another [kafka] group"
            )
        logger.error(
            "%s: %d messages (offsets %d to %d) were deleted by the broker before they could be read; "
            "resuming after them. Raise the topic's retention",
            self._name,
            low - self._next,
            self._next,
            low - 1,
            extra={"topic": self._topic, "partition": self._partition, "count": low - self._next},
        )
        self._deleted_unread = False
        self._next = low
        self._consumer.assign([self._at(low)])

    def _show_lag(self) -> None:
        _, high = self._consumer.get_watermark_offsets(self._at(0), cached=True)
        if high >= 0:
            self._lag.set(max(0, high - self._next))

    def _at(self, offset: int) -> TopicPartition:
        return TopicPartition(self._topic, self._partition, offset)

    @property
    def _name(self) -> str:
        return f"partition {self._partition} of the topic {self._topic}"

    def _unreadable(self, error: KafkaException) -> BrokerError:
        return _lost(self._settings, f"{self._name} cannot be read", error)


class _Keys(dict[bytes | None, str]):
    """Key of a message → the same as text; a dict, so that looking up a known one runs no Python code."""

    def __missing__(self, key: bytes | None) -> str:
        text = (key or b"").decode(errors="backslashreplace")
        if len(text) <= LONGEST_KNOWN_KEY:
            if len(self) >= MOST_KNOWN_KEYS:
                self.clear()
            self[key] = text
        return text


def _consumer(settings: KafkaSettings, group: str, role: str, note: Callable[[KafkaError], None]) -> Consumer:
    options = librdkafka_options(settings, role)
    options |= {
        "group.id": group,
        "enable.auto.commit": False,
        # Out of range means that messages are gone, which must be reported and not skipped.
        "auto.offset.reset": "error",
        "error_cb": note,
        "on_commit": _note_commit,
    }
    options.setdefault("queued.max.messages.kbytes", str(READ_AHEAD))
    options.setdefault("log.connection.close", "false")
    try:
        return Consumer(options, logger=logger)
    except KafkaException as error:
        raise wrong_option(error) from None


def _arrivals(timestamps: Sequence[tuple[int, int]]) -> list[int]:
    """Times of the broker or the producer, microseconds since 1970-01-01 UTC: the same when read again.

    Args:
        timestamps: of n messages, their kind and milliseconds.
    """
    # Two columns of numbers: creating an array of pairs checks the type of each pair.
    kinds, milliseconds = (np.array(column, np.int64) for column in zip(*timestamps, strict=True))
    arrivals = np.clip(milliseconds, 0, LATEST) * 1000
    arrivals[kinds == TIMESTAMP_NOT_AVAILABLE] = time.time_ns() // 1000
    return cast(list[int], arrivals.tolist())


def _lost(settings: KafkaSettings, what: str, error: KafkaException) -> BrokerError:
    return BrokerError(
        f"the Kafka cluster at {settings.bootstrap}: {what}: {error_text(error)}; "
        "check the broker, [topics] and the permissions of the user"
    )


def _note_commit(error: KafkaError | None, _: Any) -> None:
    if error is not None:
        logger.warning("the position in Kafka could not be committed to the consumer group: %s", error.str())
