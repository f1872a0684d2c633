"""Commands over Kafka."""

from __future__ import annotations

from typing import Self

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from config.broker_settings import KafkaSettings
from config.errors import BrokerError
from config.kafka_options import librdkafka_options
from dataflows.connectors.kafka.client import PERMANENT_REFUSALS, error_text, retry, wrong_option
from dataflows.connectors.kafka.log import logger
from dataflows.connectors.kafka.topics import ensure_topics
from sim.commands.receivers import Delivery

_AT_ONCE = 1000  # messages


class KafkaCommandReceiver:
    """Reads the topic of commands from its end, as it is on entering; a key is the id of a vehicle.

    Nothing is committed: what is sent while no simulator runs is not obeyed later, and not answered.

    Args:
        settings: the section ``[kafka]``.
        topic: of commands.
        answers_topic: also created, if it is missing.

    Raises:
        BrokerError: on entering: the cluster cannot be reached within ``connect_timeout``, or a topic is
            missing and may not be created. At any time: the topic cannot be read.
        SettingsError: an option of ``[kafka.librdkafka]`` is wrong.
    """

    def __init__(self, settings: KafkaSettings, *, topic: str, answers_topic: str) -> None:
        self._settings = settings
        self._topic = topic
        self._answers_topic = answers_topic

    def take(self) -> list[Delivery]:
        """What has come since the last call."""
        taken = []
        for message in self._consumer.consume(_AT_ONCE, 0.0):
            error = message.error()
            if error is None:
                key = message.key()
                vehicle_id = _text(key) if key else None
                taken.append(Delivery(vehicle_id, message.value() or b""))
            elif error.code() in PERMANENT_REFUSALS or error.fatal():
                raise self._unreadable(KafkaException(error))
            elif error.code() != KafkaError._PARTITION_EOF:
                logger.warning("commands from %s: %s", self._topic, error.str())
        return taken

    def __enter__(self) -> Self:
        ensure_topics(self._settings, [self._topic, self._answers_topic])
        options = librdkafka_options(self._settings, "sim-commands")
        options |= {
            # Required, though nothing is committed to it.
            "group.id": f"{self._settings.group}-commands",
            "enable.auto.commit": False,
            "auto.offset.reset": "latest",
        }
        options.setdefault("log.connection.close", "false")
        # Commands are rare and wait for nobody.
        options.setdefault("fetch.wait.max.ms", "100")
        try:
            self._consumer = Consumer(options, logger=logger)
        except KafkaException as error:
            raise wrong_option(error) from None
        try:
            self._consumer.assign(retry(self._settings, self._ends))
        except KafkaException as error:
            self._consumer.close()
            raise self._unreadable(error) from None
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def _ends(self, patience: float) -> list[TopicPartition]:
        """The partitions, each at its end."""
        numbers = self._consumer.list_topics(self._topic, patience).topics[self._topic].partitions
        partitions = [TopicPartition(self._topic, number) for number in numbers]
        for partition in partitions:
            _, partition.offset = self._consumer.get_watermark_offsets(partition, patience)
        return partitions

    def _unreadable(self, error: KafkaException) -> BrokerError:
        return BrokerError(
            f"the Kafka cluster at {self._settings.bootstrap}: commands cannot be read from {self._topic}: "
            f"{error_text(error)}; check the permissions of the user, or use --no-commands"
        )


def _text(key: bytes | str) -> str:
    return key if isinstance(key, str) else key.decode(errors="backslashreplace")
