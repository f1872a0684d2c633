"""Publishing to Kafka so that every message is known to have arrived when the call returns.

Nothing here knows Bytewax, so that the simulator publishes the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from config.broker_settings import KafkaSettings
from config.errors import DeliveryError, SettingsError
from config.kafka_options import librdkafka_options
from dataflows.connectors.kafka.log import logger

OURS = frozenset(
    {"enable.idempotence", "acks", "max.in.flight.requests.per.connection", "message.timeout.ms"}
    | {"delivery.timeout.ms", "delivery.report.only.error", "transactional.id", "partitioner"}
)
"""Options that the guarantee rests on: ``[kafka.librdkafka]`` may not change them."""

QUEUED_MESSAGES, QUEUED_KIB = "queue.buffering.max.messages", "queue.buffering.max.kbytes"
QUEUE = {QUEUED_MESSAGES: 100_000, QUEUED_KIB: 65_536}
"""What librdkafka's queue takes, unless the settings say otherwise; half of it is handed over at once."""

OVERTIME = 5.0
"""Seconds beyond ``delivery_timeout`` in which librdkafka must have given up by itself."""

SLICE = 0.5
"""Seconds: how soon a signal is noticed while we wait."""


class ConfirmedProducer:
    """An idempotent producer that confirms.

    Messages with the same key are in the same partition (the hash of Java's clients, murmur2) and keep
    their order, also over retries (KIP-98). A broker that is away is waited for up to ``delivery_timeout``.

    Args:
        settings: the section ``[kafka]``.
        role: appended to the client id.

    Raises:
        SettingsError: librdkafka does not know, or does not take, an option.
    """

    def __init__(self, settings: KafkaSettings, role: str) -> None:
        self._settings = settings
        self._failures: list[KafkaError] = []
        refuse_our_options(settings, OURS)
        options = librdkafka_options(settings, role)
        options |= {
            "enable.idempotence": True,
            "message.timeout.ms": max(1, round(settings.delivery_timeout * 1000)),
            "delivery.report.only.error": True,
            # Not a method: a producer that knows itself would stay until the garbage collector runs.
            "on_delivery": _into(self._failures),
            "partitioner": "murmur2_random",
        }
        options.setdefault("compression.type", "lz4")
        options.setdefault("message.max.bytes", str(settings.max_message_bytes))
        # A flush does not wait for it; it only fills the batches of what is published meanwhile.
        options.setdefault("linger.ms", "5")
        options.setdefault("log.connection.close", "false")
        queue = {name: int(options.setdefault(name, str(size))) for name, size in QUEUE.items()}
        self._most_messages = max(1, queue[QUEUED_MESSAGES] // 2)
        self._most_bytes = queue[QUEUED_KIB] * 1024 // 2
        try:
            self._producer = Producer(options, logger=logger)
        except KafkaException as error:
            raise SettingsError(f"kafka.librdkafka: {words(error)}; correct or remove the option") from None

    def publish(self, topic: str, keys: Sequence[str], payloads: Sequence[bytes]) -> None:
        """Publish n messages, and return when the cluster has confirmed each of them.

        After an error some may have arrived, and more may arrive; the producer is of no further use.

        Args:
            topic: where to.
            keys: n keys; the empty one means none, and any partition.
            payloads: n payloads.

        Raises:
            DeliveryError: a message was refused, or not confirmed within ``delivery_timeout``.
        """
        start = 0
        while start < len(payloads):
            end = self._portion(payloads, start)
            self._hand_over(topic, keys[start:end], payloads[start:end])
            self._wait_for_all(topic)
            start = end

    def close(self) -> None:
        """Drop what is not confirmed; there is something only after an error."""
        self._producer.purge()
        self._producer.flush(SLICE)

    def _portion(self, payloads: Sequence[bytes], start: int) -> int:
        """The end of a portion that begins at `start`: at least one message."""
        if (
            start == 0
            and len(payloads) <= self._most_messages
            and sum(map(len, payloads)) <= self._most_bytes
        ):
            return len(payloads)
        size = 0
        for position, payload in enumerate(islice(payloads, start, start + self._most_messages), start):
            size += len(payload)
            if size > self._most_bytes and position > start:
                return position
        return min(start + self._most_messages, len(payloads))

    def _hand_over(self, topic: str, keys: Sequence[str], payloads: Sequence[bytes]) -> None:
        produce, taken = self._producer.produce, 0
        try:
            # One by one: the call for many takes a dict of each message, and twice as long.
            for key, payload in zip(keys, payloads, strict=True):
                produce(topic, payload, key or None)
                taken += 1
        except (KafkaException, BufferError) as error:
            raise self._error(topic, words(error), len(payloads) - taken) from None

    def _wait_for_all(self, topic: str) -> None:
        waited = 0.0
        while self._producer.flush(SLICE) and not self._failures:
            waited += SLICE
            if waited >= self._settings.delivery_timeout + OVERTIME:
                raise self._error(topic, "it does not answer", len(self._producer))
            if waited == 4 * SLICE:
                logger.warning(
                    "waiting for %s to confirm %d messages to %s", self._where, len(self._producer), topic
                )
        if self._failures:
            raise self._error(topic, self._failures[0].str(), len(self._failures))

    @property
    def _where(self) -> str:
        return f"the Kafka cluster at {self._settings.bootstrap}"

    def _error(self, topic: str, reason: str, count: int) -> DeliveryError:
        return DeliveryError(
            f"{self._where} did not take {count} messages to {topic} (delivery_timeout = "
            f"{self._settings.delivery_timeout:g} s): {reason}; see to the broker, the rights of the user, "
            "[kafka] delivery_timeout and max_message_bytes"
        )


def _into(failures: list[KafkaError]) -> Callable[[KafkaError | None, Message], None]:
    """A report of delivery, which librdkafka calls within `flush` for messages that failed."""

    def report(error: KafkaError | None, message: Message) -> None:
        if error is not None:
            failures.append(error)

    return report


def refuse_our_options(settings: KafkaSettings, ours: frozenset[str]) -> None:
    """Check that ``[kafka.librdkafka]`` leaves alone what a guarantee rests on.

    Raises:
        SettingsError: it does not.
    """
    for option in settings.librdkafka:
        if option in ours:
            raise SettingsError(
                f"kafka.librdkafka.{option}: not to be changed, the delivery guarantee rests on it; remove it"
            )


def words(error: Exception) -> str:
    """What an exception of librdkafka says, without its code."""
    first = error.args[0] if error.args else error
    return first.str() if isinstance(first, KafkaError) else str(first)
