"""Graceful shutdown of a job: on ``kill``, ``docker stop``, systemd's stop or Ctrl-C."""

from __future__ import annotations

import logging
import os
import threading
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from config.errors import report_failure
from config.stop_request import StopRequest
from dataflows.messages import MessageBatch

SHUTDOWN_TIMEOUT = 8.0
"""Seconds to shut down cleanly. Less than the ten after which most supervisors send SIGKILL."""

Item = TypeVar("Item")

LONGEST_SLEEP = timedelta(seconds=0.2)
"""A partition that waits for its next message wakes up this often, so as not to sleep through a request."""


def with_graceful_shutdown(
    program: str, source: FixedPartitionedSource[MessageBatch, Any]
) -> StoppableSource[MessageBatch]:
    """A source that ends when SIGTERM or SIGINT asks this process to stop.

    The job then exits with status 0, with recovery after a final snapshot, so that it repeats nothing when it
    is started again. If the sinks prevent that for `SHUTDOWN_TIMEOUT` (because a broker is away), or on a
    second SIGINT, it exits with status 1 and one line. Of a job of several processes, all must be asked.

    Args:
        program: name that the line starts with.
        source: the source to read until then.
    """
    requested, repeated = threading.Event(), threading.Event()
    stop = StopRequest(on_request=requested.set, on_repeat=repeated.set)
    stop.__enter__()  # for as long as this process lives
    threading.Thread(
        target=_exit_after_timeout, args=(program, requested, repeated), name="shutdown", daemon=True
    ).start()
    return StoppableSource(source, stop)


def _exit_after_timeout(program: str, requested: threading.Event, repeated: threading.Event) -> None:
    requested.wait()
    logging.getLogger(program).info("asked to stop: the sources end, and what has arrived is finished")
    when = "at once" if repeated.wait(SHUTDOWN_TIMEOUT) else f"within {SHUTDOWN_TIMEOUT:g} s"
    report_failure(
        program,
        f"could not shut down cleanly {when}: the sink has not confirmed the latest output; with recovery "
        "nothing is lost, the next start resumes from the last snapshot",
    )
    # Neither the engine nor a sink that waits for its broker can be interrupted.
    os._exit(1)


class StoppableSource(FixedPartitionedSource[Item, Any], Generic[Item]):
    """Another source, until `stop` is requested."""

    def __init__(self, source: FixedPartitionedSource[Item, Any], stop: StopRequest) -> None:
        self._source = source
        self._stop = stop

    def beside(self, source: FixedPartitionedSource[Item, Any]) -> StoppableSource[Item]:
        """Another source that ends with this one."""
        return StoppableSource(source, self._stop)

    @property
    def has_been_stopped(self) -> bool:
        """Whether it ends because the program was asked to stop, and not by itself."""
        return self._stop.requested

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
        """The other source's next batch.

        Raises:
            StopIteration: the program was asked to stop, or the other source has ended.
        """
        if self._stop.requested:
            raise StopIteration
        return list(self._partition.next_batch())

    def next_awake(self) -> datetime | None:
        due = self._partition.next_awake()
        return None if due is None else min(due, datetime.now(UTC) + LONGEST_SLEEP)

    def snapshot(self) -> Any:
        return self._partition.snapshot()

    def close(self) -> None:
        self._partition.close()
