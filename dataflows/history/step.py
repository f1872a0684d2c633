"""The history as a Bytewax sink: one partition for each kind, written at the end of every epoch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Event

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from config.history_settings import Place
from dataflows.history.kinds import KINDS
from dataflows.history.writer import KindWriter
from dataflows.messages import MessageBatch
from dataflows.stored_state import HISTORY, Stored


class HistorySink(FixedPartitionedSink[MessageBatch, Stored]):
    """Keeps messages; takes ``(kind, MessageBatch)``.

    At the end of an epoch its messages are stored. Only then are they acknowledged to the broker, so each is
    kept at least once, with and without a recovery directory.
    """

    def __init__(self, place: Place, topics: Mapping[str, str], *, distinct: bool) -> None:
        """Remember where to write.

        Args:
            place: of the history.
            topics: kind → topic; over MQTT the prefix of topics that name a vehicle in the level below.
            distinct: whether no two messages of telemetry over MQTT have the same topic and payload.
        """
        self._place = place
        self._topics = topics
        self._distinct = distinct
        self._parts = sorted(topics)
        self._has_failed = Event()

    def list_parts(self) -> list[str]:
        return self._parts

    def part_fn(self, item_key: str) -> int:
        return self._parts.index(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: Stored | None) -> HistorySinkPartition:
        if resume_state is not None:
            HISTORY.unwrap(resume_state)
        # The last level of a topic names a vehicle, but not in that of telemetry, which the user chooses.
        topic = "" if for_part == "telemetry" else self._topics[for_part]
        writer = KindWriter(self._place, KINDS[for_part], topic, distinct=self._distinct)
        return HistorySinkPartition(writer, self._has_failed)


class HistorySinkPartition(StatefulSinkPartition[MessageBatch, Stored]):
    """One kind being written. Its state says nothing: what is written again is a copy, which readers drop."""

    def __init__(self, writer: KindWriter, has_failed: Event) -> None:
        """Remember how to write.

        Args:
            writer: writes the rows of the kind.
            has_failed: set by whichever partition could not write.
        """
        self._writer = writer
        self._has_failed = has_failed

    def write_batch(self, values: list[MessageBatch]) -> None:
        with self._noting_failure():
            for batch in values:
                self._writer.write(batch)

    def snapshot(self) -> Stored:
        with self._noting_failure():
            self._writer.flush()
        return HISTORY.wrap(None)

    def close(self) -> None:
        # The engine closes all partitions while the error of one stops it. A second error would abort the
        # process before it has said the first. Nothing of this epoch is acknowledged: all of it comes again.
        if not self._has_failed.is_set():
            with self._noting_failure():
                self._writer.flush()

    @contextmanager
    def _noting_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._has_failed.set()
            raise
