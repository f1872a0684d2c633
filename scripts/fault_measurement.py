"""What a fault cost the job: the rows of the table that ``make faults`` prints."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

REPORT = "FAULTS_REPORT"
"""Environment variable with the file that rows are appended to, one JSON object per line."""


class Measurement(msgspec.Struct, frozen=True, omit_defaults=True):
    """One row: what happened to a job under one fault.

    Attributes:
        fault: what was done to the job, in a few words.
        events: number of events published.
        lost: number of those that were never emitted.
        duplicated: number of events that were emitted again.
        first_output_seconds: from a restart to the first emitted event, the longest of all restarts; ``None``
            if nothing was restarted.
        caught_up_seconds: from a restart until every event published before it was emitted, the longest of
            all restarts; ``None`` if nothing was restarted.
        peak_memory_mib: highest total resident memory of the processes of the job.
        note: further conditions, such as the seed.
    """

    fault: str
    events: int
    lost: int
    duplicated: int
    first_output_seconds: float | None = None
    caught_up_seconds: float | None = None
    peak_memory_mib: float | None = None
    note: str = ""


Measure = Callable[[Measurement], None]
"""Records a row: the type of the fixture ``measure``."""


class Emitted(Protocol):
    """An emitted event."""

    @property
    def event_id(self) -> str: ...

    @property
    def telemetry(self) -> bytes: ...


class Fate(NamedTuple):
    """How many published events were lost or duplicated.

    Attributes:
        lost: number of events that were never emitted.
        duplicated: number of events that were emitted again.
    """

    lost: int
    duplicated: int


def fate(published: Iterable[bytes], emitted: Sequence[Emitted]) -> Fate:
    """Compare what was published with what was emitted.

    Args:
        published: payloads, all different.
        emitted: all emitted events, including repeated ones.
    """
    out = {one.telemetry for one in emitted}
    lost = sum(payload not in out for payload in published)
    return Fate(lost, len(emitted) - len({one.event_id for one in emitted}))


def record(measurement: Measurement) -> None:
    """Append a row to the file that the environment variable names, if it is set."""
    if file := os.environ.get(REPORT):
        with Path(file).open("ab") as report:
            report.write(msgspec.json.encode(measurement) + b"\n")


def read(file: Path) -> list[Measurement]:
    """The rows of a report in the order they were recorded; none if the file does not exist."""
    if not file.exists():
        return []
    return [msgspec.json.decode(line, type=Measurement) for line in file.read_bytes().splitlines()]
