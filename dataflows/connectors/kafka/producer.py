"""Publishing to Kafka so that every message is known to have arrived when the call returns.

Nothing here knows Bytewax, so that the simulator publishes the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from config.broker_settings import KafkaSettings
from config.errors import DeliveryError
from config.kafka_options import librdkafka_options
from dataflows.connectors.kafka.client import check_reserved_options, error_text, wrong_option
from dataflows.connectors.kafka.log import logger
from dataflows.connectors.kafka.reachability import Reachability, reachability_of

RESERVED_OPTIONS = frozenset(
    {"enable.idempotence", "acks", "max.in.flight.requests.per.connection", "message.timeout.ms"}
    | {"delivery.timeout.ms", "delivery.report.only.error", "transactional.id", "partitioner"}
)
"""Options that the guarantee depends on: ``[kafka.librdkafka]`` may not change them."""

QUEUED_MESSAGES, QUEUED_KIB = "queue.buffering.max.messages", "queue.buffering.max.kbytes"
QUEUE = {QUEUED_MESSAGES: 100_000, QUEUED_KIB: 65_536}
"""Capacity of librdkafka's queue, unless the settings say otherwise; half of it is filled at once."""

OVERTIME = 5.0
"""Seconds after ``delivery_timeout`` by which librdkafka must have given up by itself."""

SLICE = 0.5
"""Seconds: how soon a signal is noticed while we wait."""


class ConfirmedProducer:
    """An idempotent producer that waits for confirmation.

    Messages with the same key go to the same partition (murmur2, the hash of the Java client) and keep their
    order, even if they are retried (KIP-98). A broker that is away is waited for: ``delivery_timeout``.

    Args:
        settings: the section ``[kafka]``.
        role: appended to the client id.

    Raises:
        SettingsError: librdkafka does not know or accept an option.
    """

    def __init__(self, settings: KafkaSettings, role: str) -> None:
        self._settings = settings
        self._failures: list[KafkaError] = []
        self._cluster = reachability_of(settings.bootstrap)
        check_reserved_options(settings, RESERVED_OPTIONS)
        options = librdkafka_options(settings, role)
        options |= {
            "enable.idempotence": True,
            "message.timeout.ms": max(1, round(settings.delivery_timeout * 1000)),
            "delivery.report.only.error": True,
            # Not a method: a producer that refers to itself would live until the garbage collector runs.
            "on_delivery": _appending_to(self._failures),
            "error_cb": _noting(self._cluster),
            "partitioner": "murmur2_random",
        }
        options.setdefault("compression.type", "lz4")
        options.setdefault("message.max.bytes", str(settings.max_message_bytes))
        # `flush` does not wait for it; it only makes the batches of what is published meanwhile larger.
        options.setdefault("linger.ms", "5")
        options.setdefault("log.connection.close", "false")
        queue = {name: int(options.setdefault(name, str(size))) for name, size in QUEUE.items()}
        self._most_messages = max(1, queue[QUEUED_MESSAGES] // 2)
        self._most_bytes = queue[QUEUED_KIB] * 1024 // 2
        try:
            self._producer = Producer(options, logger=logger)
        except KafkaException as error:
            raise wrong_option(error) from None

    @property
    def unconfirmed(self) -> int:
        """Messages that were published and are not confirmed yet."""
        return len(self._producer)

    def watch(self, topic: str) -> None:
        """Report to the health of the process whether the cluster can be reached, until `close`.

        Args:
            topic: one that exists.
        """
        self._cluster.join(self._producer, topic)

    def publish(self, topic: str, keys: Sequence[str], payloads: Sequence[bytes | None]) -> None:
        """Publish n messages, and return when the cluster has confirmed each of them.

        After an error some have arrived or may still arrive; the producer is of no further use.

        Args:
            topic: the topic.
            keys: n keys; an empty one means none, and any partition.
            payloads: n payloads; ``None`` removes the key from a compacted topic.

        Raises:
            DeliveryError: a message was refused, or not confirmed within ``delivery_timeout``.
        """
        start = 0
        while start < len(payloads):
            end = self._portion(payloads, start)
            self._enqueue(topic, keys[start:end], payloads[start:end])
            self._wait_for_all(topic)
            start = end

    def close(self) -> None:
        """Drop what is not confirmed, which only happens after an error."""
        self._cluster.leave(self._producer)
        self._producer.purge()
        self._producer.flush(SLICE)

    def _portion(self, payloads: Sequence[bytes | None], start: int) -> int:
        """The end of the portion that starts at `start`: at least one message."""
        if (
            start == 0
            and len(payloads) <= self._most_messages
            and sum(len(payload or b"") for payload in payloads) <= self._most_bytes
        ):
            return len(payloads)
        size = 0
        for position, payload in enumerate(islice(payloads, start, start + self._most_messages), start):
            size += len(payload or b"")
            if size > self._most_bytes and position > start:
                return position
        return min(start + self._most_messages, len(payloads))

    def _enqueue(self, topic: str, keys: Sequence[str], payloads: Sequence[bytes | None]) -> None:
        produce, enqueued = self._producer.produce, 0
        try:
            # One at a time: the call for many needs a dict per message, and takes twice as long.
            for key, payload in zip(keys, payloads, strict=True):
                produce(topic, payload, key or None)
                enqueued += 1
        except (KafkaException, BufferError) as error:
            raise self._error(topic, error_text(error), len(payloads) - enqueued) from None

    def _wait_for_all(self, topic: str) -> None:
        waited = 0.0
        while self._producer.flush(SLICE) and not self._failures:
            waited += SLICE
            if waited >= self._settings.delivery_timeout + OVERTIME:
                raise self._error(topic, "it does not answer", len(self._producer))
            if waited == 4 * SLICE:
                logger.warning(
                    "waiting for %s to confirm %d messages to %s",
                    self._where,
                    len(self._producer),
                    topic,
                    extra={"topic": topic, "count": len(self._producer)},
                )
        if self._failures:
            raise self._error(topic, self._failures[0].str(), len(self._failures))
        self._cluster.answers()

    @property
    def _where(self) -> str:
        return f"the Kafka cluster at {self._settings.bootstrap}"

    def _error(self, topic: str, reason: str, count: int) -> DeliveryError:
        return DeliveryError(
            f"{self._where} did not take {count} messages to {topic} (delivery_timeout = "
            f"{self._settings.delivery_timeout:g} s): {reason}; check the broker, the permissions of the "
            "user, [kafka] delivery_timeout and max_message_bytes"
        )


def _appending_to(failures: list[KafkaError]) -> Callable[[KafkaError | None, Message], None]:
    """A delivery report, which librdkafka calls within `flush` for messages that failed."""

    def report(error: KafkaError | None, message: Message) -> None:
        if error is not None:
            failures.append(error)

    return report


def _noting(cluster: Reachability) -> Callable[[KafkaError], None]:
    """What librdkafka calls within `flush` for errors of the connection; it then does not log them."""

    def note(error: KafkaError) -> None:
        cluster.note(error)
        if error.code() != KafkaError._ALL_BROKERS_DOWN:
            logger.warning("%s", error.str())

    return note
