"""Ending a job in good order when it is asked to: ``kill``, ``docker stop``, systemd, Ctrl-C."""

from __future__ import annotations

import os
import sys
import threading
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from config.stop_request import StopRequest
from dataflows.messages import MessageBatch

PATIENCE = 8.0
"""Seconds to end in good order. Less than the ten after which most supervisors kill."""

Item = TypeVar("Item")

NOTICED_WITHIN = timedelta(seconds=0.2)
"""Longest sleep of a partition: one that waits for its next message must not sleep through a request."""


def with_graceful_shutdown(
    program: str, source: FixedPartitionedSource[MessageBatch, Any]
) -> StoppableSource[MessageBatch]:
    """The source, until SIGTERM or SIGINT asks this process to stop.

    The job then ends with status 0, with recovery after a last snapshot: it repeats nothing when it is
    started again. If the sinks do not let it within `PATIENCE` (a broker that is away), or at a second
    SIGINT, it ends with status 1 and one line. Of a job of several processes all must be asked.

    Args:
        program: what the line starts with.
        source: whatever is read.
    """
    asked, insisted = threading.Event(), threading.Event()
    stop = StopRequest(on_request=asked.set, on_repeat=insisted.set)
    stop.__enter__()  # for as long as this process lives
    waiting = threading.Thread(target=_give_up, args=(program, asked, insisted), name="stopping", daemon=True)
    waiting.start()
    return StoppableSource(source, stop)


def _give_up(program: str, asked: threading.Event, insisted: threading.Event) -> None:
    asked.wait()
    when = "at once" if insisted.wait(PATIENCE) else f"within {PATIENCE:g} s"
    print(
        f"{program}: asked to stop, and could not {when}: what was read last is not confirmed "
        "by its sink; with recovery nothing is lost, the next start goes on from the last snapshot",
        file=sys.stderr,
        flush=True,
    )
    # Neither the engine nor a sink that waits for its broker can be interrupted.
    os._exit(1)


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
