"""The page's subscriber over Kafka, with another client than the one that the dataflow writes with."""

from __future__ import annotations

import logging
import threading

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import AuthorizationError, KafkaError

from config.kafka_options import kafka_python_options
from config.kafka_trouble import HUNG_UP, noted_trouble
from config.settings import Settings
from ui.feed import Feed, Phase

log = logging.getLogger(__name__)

CATCH_UP = 10_000
"""Messages of each topic that are read when the page starts, for the vehicles' last state and history."""

POLL = 100
"""Milliseconds to wait for messages; what is there comes at once."""

PATIENCE = 3000
"""Milliseconds in which the cluster has to answer."""

QUIET = 20
"""Polls without a message after which the cluster is asked whether it is there."""

RETRY_AFTER = 1.0
"""Seconds to wait after an error."""


class KafkaFeed(Feed):
    """Reads all partitions in a thread, without a consumer group: every page sees everything."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        topics = settings.topics
        self._options = kafka_python_options(settings.kafka, "page")
        self._dead_letter_topic = topics.dead_letter
        self._topics = (topics.enriched, topics.dead_letter)
        self._positions: dict[TopicPartition, int] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kafka-feed", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with noted_trouble() as trouble:
                    self._follow()
            except AuthorizationError as error:
                self._enter("refused", _words(error))
            except KafkaError as error:
                # A cluster that has refused us may the next time just hang up.
                if self._connection.phase != "refused" or trouble.words != HUNG_UP:
                    phase = "refused" if trouble.is_refusal else self._away()
                    self._enter(phase, trouble.words or _words(error))
            except Exception as error:
                log.exception("the subscriber of the page failed")
                self._enter(self._away(), str(error) or type(error).__name__)
            self._stopping.wait(RETRY_AFTER)

    def _away(self) -> Phase:
        return "lost" if self._connection.phase in ("connected", "lost") else "unreachable"

    def _follow(self) -> None:
        """Read until an error, or until the page stops."""
        consumer = KafkaConsumer(
            **self._options,
            bootstrap_timeout_ms=PATIENCE,
            request_timeout_ms=PATIENCE,
            enable_auto_commit=False,
            # What was deleted before we came to it is gone for a page as well.
            auto_offset_reset="latest",
        )
        try:
            quiet = 0
            kept = self._assign(consumer)
            self._enter("connected", "")
            while not self._stopping.is_set():
                received = consumer.poll(timeout_ms=POLL)
                quiet = 0 if received else quiet + 1
                for partition, records in received.items():
                    for record in records:
                        self._record(record, retained=record.offset < kept.get(partition, 0))
                    self._positions[partition] = records[-1].offset + 1
                if quiet and quiet % QUIET == 0:
                    kept |= self._assign(consumer)
        finally:
            consumer.close()

    def _assign(self, consumer: KafkaConsumer) -> dict[TopicPartition, int]:
        """Read partitions that are new, too; returns where each of those ends now.

        Raises:
            KafkaError: the cluster does not answer.
        """
        there = {
            TopicPartition(topic, number)
            for topic in self._topics
            for number in consumer.partitions_for_topic(topic) or ()
        }
        ends: dict[TopicPartition, int] = consumer.end_offsets(list(there), timeout_ms=PATIENCE)
        new = there - consumer.assignment()
        if new:
            consumer.assign(list(there))
            for partition in there:
                among = sum(other.topic == partition.topic for other in there)
                first = max(0, ends[partition] - CATCH_UP // among)
                consumer.seek(partition, self._positions.get(partition, first))
        return {partition: ends[partition] for partition in new}

    def _record(self, record: object, *, retained: bool) -> None:
        topic, payload = record.topic, record.value or b""  # type: ignore[attr-defined]
        if topic == self._dead_letter_topic:
            if not retained:
                self.state.record_dead_letter(payload)
        else:
            self.state.record(payload, retained=retained)


def _words(error: Exception) -> str:
    return str(error).splitlines()[0].removeprefix(f"{type(error).__name__}: ")[:200] or type(error).__name__
