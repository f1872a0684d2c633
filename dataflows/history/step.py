"""The history as a Bytewax sink: one partition for each kind, written at the end of every epoch."""

from __future__ import annotations

from collections.abc import Mapping

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

    def list_parts(self) -> list[str]:
        return self._parts

    def part_fn(self, item_key: str) -> int:
        return self._parts.index(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: Stored | None) -> HistorySinkPartition:
        if resume_state is not None:
            HISTORY.unwrap(resume_state)
        # The last level of a topic names a vehicle, but not in that of telemetry, which the user chooses.
        topic = "" if for_part == "telemetry" else self._topics[for_part]
        return HistorySinkPartition(KindWriter(self._place, KINDS[for_part], topic, distinct=self._distinct))


class HistorySinkPartition(StatefulSinkPartition[MessageBatch, Stored]):
    """One kind being written. Its state says nothing: what is written again is a copy, which readers drop."""

    def __init__(self, writer: KindWriter) -> None:
        self._writer = writer

    def write_batch(self, values: list[MessageBatch]) -> None:
        for batch in values:
            self._writer.write(batch)

    def snapshot(self) -> Stored:
        self._writer.flush()
        return HISTORY.wrap(None)

    def close(self) -> None:
        self._writer.flush()
