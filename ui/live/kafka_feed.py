"""The page's subscriber over Kafka. Its client is kafka-python, and not the one that the dataflow uses."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from kafka import TopicPartition
from kafka.errors import AuthorizationError, KafkaError, TopicAuthorizationFailedError

from config.settings import Settings
from ui.live.feed import Feed, Phase
from ui.live.kafka_client import HUNG_UP, Consumer, consumer_options, noted_trouble, reason

log = logging.getLogger(__name__)

CATCH_UP = 10_000
"""Messages of each topic that are read when the page starts, for the vehicles' latest state and history."""

POLL = 100
"""Milliseconds to wait for messages; those that are there are returned at once."""

PATIENCE = 3000
"""Milliseconds within which the cluster has to answer."""

LOOK_EVERY = 2.0
"""Seconds between checks whether the cluster answers, and for new partitions."""

NOT_LOOKED_YET: dict[TopicPartition, int] = {}

RETRY_AFTER = 1.0
"""Seconds to wait after an error."""

ASK_AGAIN_AFTER = 60.0
"""Seconds for which the page does without alerts or answers that the cluster has refused it."""


class KafkaFeed(Feed):
    """Reads all partitions in a thread, without a consumer group: every page sees everything."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        topics = settings.topics
        self._options = consumer_options(settings.kafka, "page")
        self._dead_letter_topic = topics.dead_letter
        self._alerts_topic = settings.alerts_topic
        self._refused_until: dict[str, float] = {}
        self._topics = [topics.enriched, topics.dead_letter, self._alerts_topic]
        if self._answers_topic is not None:
            self._topics.append(self._answers_topic)
        if self._ground_truth_topic is not None:
            self._topics.append(self._ground_truth_topic)
        self._positions: dict[TopicPartition, int] = {}
        # Ends of the partitions when the page was started: messages below them are older than it.
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
                if not (isinstance(error, TopicAuthorizationFailedError) and self._does_without(error)):
                    self._enter("refused", reason(error))
            except KafkaError as error:
                # A cluster that has refused us may just hang up the next time.
                if self._connection.phase != "refused" or trouble.text != HUNG_UP:
                    phase = "refused" if trouble.is_refusal else self._away()
                    self._enter(phase, trouble.text or reason(error))
            except Exception as error:
                log.exception("the subscriber of the page failed")
                self._enter(self._away(), str(error) or type(error).__name__)
            self._stopping.wait(RETRY_AFTER)

    def _does_without(self, error: TopicAuthorizationFailedError) -> bool:
        """Whether only topics were refused that the page can do without; notes it."""
        notes = {
            self._alerts_topic: self._note_alerts,
            self._answers_topic: self._note_answers,
            self._ground_truth_topic: self._note_faults,
        }
        refused = error.args[0] if error.args and isinstance(error.args[0], set) else set()
        if not refused or not refused <= notes.keys():
            return False
        for topic in refused:
            self._refused_until[topic] = time.monotonic() + ASK_AGAIN_AFTER
            notes[topic](f"not authorized to read the topic {topic}")
        return True

    def _away(self) -> Phase:
        return "lost" if self._connection.phase in ("connected", "lost") else "unreachable"

    def _follow(self) -> None:
        """Read until an error, or until the page stops."""
        consumer = Consumer(
            **self._options,
            bootstrap_timeout_ms=PATIENCE,
            request_timeout_ms=PATIENCE,
            enable_auto_commit=False,
            # The page skips messages that were deleted before it has read them.
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

    def _assign(self, consumer: Consumer) -> None:
        """Read all partitions that exist, including new ones.

        Raises:
            KafkaError: the cluster does not answer.
        """
        now = time.monotonic()
        may_read_alerts = now >= self._refused_until.get(self._alerts_topic, 0.0)
        there = [
            TopicPartition(topic, number)
            for topic in self._topics
            if now >= self._refused_until.get(topic, 0.0)
            for number in consumer.partitions_for_topic(topic) or ()
        ]
        alerts = [partition for partition in there if partition.topic == self._alerts_topic]
        if may_read_alerts:
            missing = f"there is no topic {self._alerts_topic}, or this page may not see it"
            self._note_alerts("" if alerts else missing)
        if any(partition.topic == self._answers_topic for partition in there):
            self._note_answers("")
        if any(partition.topic == self._ground_truth_topic for partition in there):
            self._note_faults("")
        ends: dict[TopicPartition, int] = consumer.end_offsets(there, timeout_ms=PATIENCE)
        if self._kept is NOT_LOOKED_YET:
            self._kept = ends
        if set(there) == consumer.assignment():
            return
        consumer.assign(there)
        if alerts:
            # All of them; the topic need not begin at 0.
            self._positions = consumer.beginning_offsets(alerts, timeout_ms=PATIENCE) | self._positions
        for partition in there:
            if partition not in self._positions:
                among = sum(other.topic == partition.topic for other in there)
                self._positions[partition] = max(0, self._kept.get(partition, 0) - CATCH_UP // among)
            consumer.seek(partition, self._positions[partition])

    def _record(self, record: Any, *, retained: bool) -> None:
        topic, payload = record.topic, record.value or b""
        if topic == self._alerts_topic:
            # Without a key, nothing can ever replace the message.
            key = f"{record.partition}/{record.offset}".encode() if record.key is None else record.key
            self.alerts.record(key.decode(errors="replace"), payload)
        elif topic == self._answers_topic:
            self.answers.record(payload)
        elif topic == self._ground_truth_topic:
            self.faults.record(payload)
        elif topic == self._dead_letter_topic:
            if not retained:
                self.state.record_dead_letter(payload)
        else:
            self.state.record(payload, retained=retained)
