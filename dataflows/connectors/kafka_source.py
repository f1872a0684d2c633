"""A Kafka topic as a Bytewax source: its partitions are the parts, their offsets the resume state.

Offsets live in Bytewax's recovery store, of the same epoch as the state they belong to; a job resumes
from there and nowhere else. They are also committed to a consumer group, for ordinary tools to show
the lag and for jobs without recovery. That happens on the first `next_batch` after a `snapshot`, since
only then the epoch has passed through the whole dataflow and, with recovery on, has been committed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from confluent_kafka import (
    TIMESTAMP_NOT_AVAILABLE,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from prometheus_client import Gauge

from config.broker_settings import KafkaSettings
from config.errors import BrokerError, SettingsError
from config.kafka_options import librdkafka_options
from dataflows.connectors.kafka_producer import refuse_our_options, words
from dataflows.connectors.kafka_topics import ensure_topics
from dataflows.connectors.messages import MessageBatch

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")

OURS = frozenset({"group.id", "enable.auto.commit", "enable.auto.offset.store", "auto.offset.reset"})
"""Options that the guarantee rests on: ``[kafka.librdkafka]`` may not change them."""

READ_AHEAD = 16_384
"""KiB that are fetched ahead, per partition."""

REFUSALS = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
    }
)
"""Errors that do not pass by themselves; librdkafka goes on trying after the others."""

PAUSE = 0.2
"""Seconds between two questions to a cluster that could not answer."""

OUT_OF_RANGE = frozenset({KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE})

LAG = Gauge(
    "fleet_kafka_consumer_lag_messages",
    "messages of a partition that have not been read yet",
    ["topic", "partition"],
)


class KafkaSource(FixedPartitionedSource[MessageBatch, int]):
    """One topic. At-least-once; within a partition in the order of the broker.

    Parts are named so that part n goes to worker ``n % workers``: Bytewax deals them out in the order of
    their names.
    """

    def __init__(self, settings: KafkaSettings, topic: str, *, role: str, group: str | None = None) -> None:
        """Wait for the cluster, and see that the topic is there.

        Args:
            settings: the section ``[kafka]``.
            topic: what to read.
            role: appended to the client id.
            group: consumer group to commit to; ``None`` means that of the settings.

        Raises:
            BrokerError: the cluster cannot be reached, or the topic is missing; see `ensure_topics`.
            SettingsError: librdkafka does not take the options.
        """
        refuse_our_options(settings, OURS)
        ensure_topics(settings, [topic])
        self._settings = settings
        self._topic = topic
        self._role = role
        self._group = group or settings.group
        self._consumer().close()

    def list_parts(self) -> list[str]:
        """The partitions that the topic has now; one that is added is read from the next start on."""
        consumer = self._consumer()
        try:
            metadata = consumer.list_topics(self._topic, self._settings.connect_timeout).topics[self._topic]
        except KafkaException as error:
            raise _lost(self._settings, f"the partitions of {self._topic} cannot be listed", error) from None
        finally:
            consumer.close()
        return [f"{self._topic}/{partition:05d}" for partition in sorted(metadata.partitions)]

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> KafkaSourcePartition:
        partition = int(for_part.rpartition("/")[2])
        return KafkaSourcePartition(
            self._settings, self._consumer(), TopicPartition(self._topic, partition), resume_state
        )

    def _consumer(self) -> Consumer:
        options = librdkafka_options(self._settings, self._role)
        options |= {
            "group.id": self._group,
            "enable.auto.commit": False,
            # Out of range means that messages are gone: to be said, not to be skipped.
            "auto.offset.reset": "error",
            "error_cb": _note,
            "on_commit": _note_commit,
        }
        options.setdefault("queued.max.messages.kbytes", str(READ_AHEAD))
        try:
            return Consumer(options, logger=logger)
        except KafkaException as error:
            raise SettingsError(f"kafka.librdkafka: {words(error)}; correct or remove the option") from None


class KafkaSourcePartition(StatefulSourcePartition[MessageBatch, int]):
    """One partition while it is read. librdkafka fetches in the background."""

    def __init__(
        self, settings: KafkaSettings, consumer: Consumer, partition: TopicPartition, resume_state: int | None
    ) -> None:
        self._settings = settings
        self._consumer = consumer
        self._topic, self._partition = partition.topic, partition.partition
        self._next = self._start(settings.start) if resume_state is None else resume_state
        self._in_snapshot = self._committed = -1
        self._lag = LAG.labels(self._topic, str(self._partition))
        self._consumer.assign([self._at(self._next)])

    def next_batch(self) -> list[MessageBatch]:
        """Hand over what has arrived, at most ``batch_size`` messages in one batch; never waits.

        Raises:
            BrokerError: the broker refuses to let us read, or the topic is not the one it was.
        """
        self._commit_what_is_safe()
        received = self._consumer.consume(self._settings.batch_size, 0.0)
        if not received:
            return []
        errors = [error for message in received if (error := message.error())]
        messages = [message for message in received if not message.error()] if errors else received
        offsets = [message.offset() or 0 for message in messages]
        if offsets:
            self._next = offsets[-1] + 1
        if errors:
            self._react(errors)
        self._show_lag()
        if not messages:
            return []
        return [
            MessageBatch(
                payloads=[message.value() or b"" for message in messages],
                topics=[self._topic] * len(messages),
                arrived=[_arrival(message) for message in messages],
                origin=f"{self._topic}/{self._partition}",
                offsets=offsets,
                keys=[(message.key() or b"").decode(errors="backslashreplace") for message in messages],
                partition=self._partition,
            )
        ]

    def snapshot(self) -> int:
        """Offset of the next message."""
        self._in_snapshot = self._next
        return self._next

    def close(self) -> None:
        """Leave. What no snapshot covers comes again next time."""
        self._consumer.close()

    def _start(self, start: str) -> int:
        low, high = self._asked(self._watermarks)
        if start == "committed":
            [committed] = self._asked(lambda patience: self._consumer.committed([self._at(0)], patience))
            return committed.offset if committed.offset >= 0 else low
        return high if start == "end" else low

    def _asked(self, ask: Callable[[float], Answer]) -> Answer:
        """The answer of the cluster; asked again for ``connect_timeout``: a young one still gets ready."""
        deadline = time.monotonic() + self._settings.connect_timeout
        while True:
            try:
                return ask(max(deadline - time.monotonic(), PAUSE))
            except KafkaException as error:
                if time.monotonic() > deadline:
                    raise self._unreadable(error) from None
                time.sleep(PAUSE)

    def _watermarks(self, patience: float) -> tuple[int, int]:
        return self._consumer.get_watermark_offsets(self._at(0), patience)

    def _unreadable(self, error: KafkaException) -> BrokerError:
        return _lost(self._settings, f"{self._name} cannot be read", error)

    def _commit_what_is_safe(self) -> None:
        if self._in_snapshot != self._committed:
            self._committed = self._in_snapshot
            self._consumer.commit(offsets=[self._at(self._committed)], asynchronous=True)

    def _react(self, errors: list[KafkaError]) -> None:
        for error in errors:
            if error.code() in REFUSALS or error.fatal():
                raise self._unreadable(KafkaException(error))
            if error.code() in OUT_OF_RANGE:
                self._go_on_after_deleted()
            else:
                logger.warning("%s: %s", self._name, error.str())

    def _go_on_after_deleted(self) -> None:
        low, high = self._asked(self._watermarks)
        if not self._next < low:
            raise BrokerError(
                f"{self._name} at {self._settings.bootstrap} ends at offset {high}, expected at least "
                f"{self._next}: the topic has been made anew; start with an empty recovery directory"
            )
        logger.error(
            "%s: %d messages (offsets %d to %d) were deleted by the broker before they could be read; "
            "going on after them. Raise the topic's retention",
            self._name,
            low - self._next,
            self._next,
            low - 1,
        )
        self._next = low
        self._consumer.assign([self._at(low)])

    def _show_lag(self) -> None:
        _, high = self._consumer.get_watermark_offsets(self._at(0), cached=True)
        self._lag.set(max(0, high - self._next))

    def _at(self, offset: int) -> TopicPartition:
        return TopicPartition(self._topic, self._partition, offset)

    @property
    def _name(self) -> str:
        return f"partition {self._partition} of the topic {self._topic}"


def _arrival(message: Message) -> int:
    """Microseconds since 1970-01-01 UTC by the broker or the producer: the same when it is read again."""
    kind, milliseconds = message.timestamp()
    return time.time_ns() // 1000 if kind == TIMESTAMP_NOT_AVAILABLE else milliseconds * 1000


def _lost(settings: KafkaSettings, what: str, error: KafkaException) -> BrokerError:
    return BrokerError(
        f"the Kafka cluster at {settings.bootstrap}: {what}: {words(error)}; "
        "see to the broker, [topics] and the rights of the user"
    )


def _note(error: KafkaError) -> None:
    """librdkafka tries again by itself."""
    logger.warning("Kafka: %s", error.str())


def _note_commit(error: KafkaError | None, _: Any) -> None:
    if error is not None:
        logger.warning("the position in Kafka could not be committed to the consumer group: %s", error.str())
