"""The page's subscriber over Kafka, with another client than the one that the dataflow writes with."""

from __future__ import annotations

import logging
import threading
import time

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import AuthorizationError, KafkaError

from config.kafka_options import kafka_python_options
from config.kafka_python import HUNG_UP, noted_trouble, open_client, words
from config.settings import Settings
from ui.feed import Feed, Phase

log = logging.getLogger(__name__)

CATCH_UP = 10_000
"""Messages of each topic that are read when the page starts, for the vehicles' last state and history."""

POLL = 100
"""Milliseconds to wait for messages; what is there comes at once."""

PATIENCE = 3000
"""Milliseconds in which the cluster has to answer."""

LOOK_EVERY = 2.0
"""Seconds after which the cluster is asked whether it is there, and for partitions that are new."""

NOT_LOOKED_YET: dict[TopicPartition, int] = {}

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
        # Where the partitions ended when the page was started: what is below came before it.
        self._kept = NOT_LOOKED_YET
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
                self._enter("refused", words(error))
            except KafkaError as error:
                # A cluster that has refused us may the next time just hang up.
                if self._connection.phase != "refused" or trouble.words != HUNG_UP:
                    phase = "refused" if trouble.is_refusal else self._away()
                    self._enter(phase, trouble.words or words(error))
            except Exception as error:
                log.exception("the subscriber of the page failed")
                self._enter(self._away(), str(error) or type(error).__name__)
            self._stopping.wait(RETRY_AFTER)

    def _away(self) -> Phase:
        return "lost" if self._connection.phase in ("connected", "lost") else "unreachable"

    def _follow(self) -> None:
        """Read until an error, or until the page stops."""
        consumer = open_client(
            KafkaConsumer,
            **self._options,
            bootstrap_timeout_ms=PATIENCE,
            request_timeout_ms=PATIENCE,
            enable_auto_commit=False,
            # What was deleted before we came to it is gone for a page as well.
            auto_offset_reset="latest",
        )
        try:
            self._assign(consumer)
            self._enter("connected", "")
            looked = time.monotonic()
            while not self._stopping.is_set():
                for partition, records in consumer.poll(timeout_ms=POLL).items():
                    for record in records:
                        self._record(record, retained=record.offset < self._kept.get(partition, 0))
                    self._positions[partition] = records[-1].offset + 1
                if time.monotonic() - looked > LOOK_EVERY:
                    self._assign(consumer)
                    looked = time.monotonic()
        finally:
            consumer.close()

    def _assign(self, consumer: KafkaConsumer) -> None:
        """Read all partitions that there are, those that are new, too.

        Raises:
            KafkaError: the cluster does not answer.
        """
        there = [
            TopicPartition(topic, number)
            for topic in self._topics
            for number in consumer.partitions_for_topic(topic) or ()
        ]
        ends: dict[TopicPartition, int] = consumer.end_offsets(there, timeout_ms=PATIENCE)
        if self._kept is NOT_LOOKED_YET:
            self._kept = ends
        if set(there) == consumer.assignment():
            return
        consumer.assign(there)
        for partition in there:
            if partition not in self._positions:
                among = sum(other.topic == partition.topic for other in there)
                self._positions[partition] = max(0, self._kept.get(partition, 0) - CATCH_UP // among)
            consumer.seek(partition, self._positions[partition])

    def _record(self, record: object, *, retained: bool) -> None:
        topic, payload = record.topic, record.value or b""  # type: ignore[attr-defined]
        if topic == self._dead_letter_topic:
            if not retained:
                self.state.record_dead_letter(payload)
        else:
            self.state.record(payload, retained=retained)
