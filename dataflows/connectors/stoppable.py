"""A source that comes to its end when the program is asked to stop.

Bytewax ends a dataflow whose sources have ended in good order: what was read goes through to the sinks, the
epoch is closed, and with recovery the last snapshot is stored. The next start goes on from there and repeats
nothing. Without recovery a broker delivers again what was not acknowledged.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from config.stop_request import StopRequest

Item = TypeVar("Item")

NOTICED_WITHIN = timedelta(seconds=0.2)
"""Longest sleep of a partition: one that waits for its next message must not sleep through a request."""


class StoppableSource(FixedPartitionedSource[Item, Any], Generic[Item]):
    """Another source, until `stop` is requested."""

    def __init__(self, source: FixedPartitionedSource[Item, Any], stop: StopRequest) -> None:
        self._source = source
        self._stop = stop

    def list_parts(self) -> list[str]:
        return self._source.list_parts()

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> StoppablePartition[Item]:
        return StoppablePartition(self._source.build_part(step_id, for_part, resume_state), self._stop)


class StoppablePartition(StatefulSourcePartition[Item, Any], Generic[Item]):
    """A partition of another source, until `stop` is requested."""

    def __init__(self, partition: StatefulSourcePartition[Item, Any], stop: StopRequest) -> None:
        self._partition = partition
        self._stop = stop

    def next_batch(self) -> list[Item]:
        """What the other source hands over.

        Raises:
            StopIteration: the program was asked to stop, or the other source has come to its end.
        """
        if self._stop.requested:
            raise StopIteration
        return list(self._partition.next_batch())

    def next_awake(self) -> datetime | None:
        due = self._partition.next_awake()
        return None if due is None else min(due, datetime.now(UTC) + NOTICED_WITHIN)

    def snapshot(self) -> Any:
        return self._partition.snapshot()

    def close(self) -> None:
        self._partition.close()
