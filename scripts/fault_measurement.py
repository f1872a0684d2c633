"""What a fault cost: rows of the table that ``make faults`` prints."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

REPORT = "FAULTS_REPORT"
"""Environment variable that names the file to which rows are appended, one JSON object a line."""


class Measurement(msgspec.Struct, frozen=True, omit_defaults=True):
    """One row: what happened to a job under one fault.

    Attributes:
        fault: what was done to it, in a few words.
        events: how many were published.
        lost: of these, how many never came out.
        duplicated: how many came out that had come out before.
        first_output_seconds: from the restart to the first event that comes out; the worst if there were
            several; ``None`` where nothing is restarted.
        caught_up_seconds: from the restart until everything is out that had been published before it; the
            worst if there were several.
        peak_memory_mib: the most that all processes of the job had in memory together.
        note: what else there is to say.
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
"""Records a row; see the fixture ``measure``."""


class Emitted(Protocol):
    """An event that came out."""

    @property
    def event_id(self) -> str: ...

    @property
    def telemetry(self) -> bytes: ...


class Fate(NamedTuple):
    """What became of published events.

    Attributes:
        lost: published ones that never came out.
        duplicated: events that came out although they had come out before.
    """

    lost: int
    duplicated: int


def fate(published: Iterable[bytes], emitted: Sequence[Emitted]) -> Fate:
    """Compare what was published with what came out.

    Args:
        published: payloads, no two the same.
        emitted: every event that came out, with every copy.
    """
    out = {one.telemetry for one in emitted}
    lost = sum(payload not in out for payload in published)
    return Fate(lost, len(emitted) - len({one.event_id for one in emitted}))


def record(measurement: Measurement) -> None:
    """Append a row to the file that the environment names, if it names one."""
    if file := os.environ.get(REPORT):
        with Path(file).open("ab") as report:
            report.write(msgspec.json.encode(measurement) + b"\n")


def read(file: Path) -> list[Measurement]:
    """The rows of a report, in the order in which they were recorded; none if there is no file."""
    if not file.exists():
        return []
    return [msgspec.json.decode(line, type=Measurement) for line in file.read_bytes().splitlines()]
