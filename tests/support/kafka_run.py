"""A job on Kafka that something happens to, and what that cost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple

from scripts.fault_measurement import Measurement, fate
from tests.support.kafka_fleet import Emitted, Job


class Copy(NamedTuple):
    """An event that came out, as `fate` wants it."""

    event_id: str
    telemetry: bytes


class Kill(NamedTuple):
    """A job was killed.

    Attributes:
        at: when, seconds since 1970.
        committed: offset in each partition that a snapshot covered before, at least.
    """

    at: float
    committed: list[int]

    def may_repeat(self, one: Emitted) -> bool:
        """Whether an event, first emitted before, may be emitted again: no snapshot covered it."""
        origin, _, offset = one.event.event_id.rpartition(":")
        partition = int(origin.rpartition("/")[2])
        return one.at <= self.at and int(offset) >= self.committed[partition]


class Run:
    """A job whose starts are remembered.

    Args:
        job: which is not started yet.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self._starts: list[float] = []

    def start(self, processes: int = 1) -> None:
        self._starts.append(time.time())
        self.job.start_processes(processes)

    def kill(self) -> Kill:
        committed = self.job.committed()
        self.job.kill()
        return Kill(time.time(), committed)

    def measurement(
        self, fault: str, published: list[bytes], emitted: list[Emitted], note: str = ""
    ) -> Measurement:
        """The row of this run.

        Times are from a start to what the cluster dates the first event that was published then, the worst
        of all starts but the first; and from the last start until every event was out once.
        """
        copies = [Copy(one.event.event_id, bytes(one.event.telemetry)) for one in emitted]
        lost, duplicated = fate(published, copies)
        return Measurement(
            fault,
            len(published),
            lost,
            duplicated,
            max(self._first_outputs(emitted), default=None),
            self._caught_up(emitted),
            self.job.peak_memory_mib or None,
            note,
        )

    def _first_outputs(self, emitted: list[Emitted]) -> Iterator[float]:
        moments = sorted(one.at for one in emitted)
        ends = [*self._starts[2:], float("inf")]
        for start, end in zip(self._starts[1:], ends, strict=True):
            first = next((moment for moment in moments if moment > start), end)
            if first < end:
                yield first - start

    def _caught_up(self, emitted: list[Emitted]) -> float | None:
        first: dict[str, float] = {}
        for one in emitted:
            first[one.event.event_id] = min(one.at, first.get(one.event.event_id, one.at))
        return max(first.values()) - self._starts[-1] if len(self._starts) > 1 else None
