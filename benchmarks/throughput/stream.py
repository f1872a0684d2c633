"""The stream of every part of `benchmarks.throughput`: a fleet's telemetry, always the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np

START = datetime(2026, 1, 1, tzinfo=UTC)
DISTINCT_ROWS = 65_536
"""Rows of values after which they repeat, for other vehicles and other times."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Events with correlated signals, of vehicles that take turns and send one event per second each.

    Attributes:
        events: number of events.
        vehicles: number of vehicles.
        signals: number of signals in each event.
    """

    events: int
    vehicles: int = 1_000
    signals: int = 8

    def payloads(self) -> Iterator[bytes]:
        """The events as JSON, in order; about 185 bytes each with 8 signals."""
        random = np.random.default_rng(0)
        mixing = random.normal(size=(self.signals, self.signals)) / self.signals**0.5
        rows = min(self.events, DISTINCT_ROWS)
        values = np.round(50.0 + 10.0 * random.normal(size=(rows, self.signals)) @ mixing, 2).tolist()
        names = [f"signal{number}" for number in range(self.signals)]
        encode = msgspec.json.Encoder().encode
        second = ""
        for number in range(self.events):
            seconds, vehicle = divmod(number, self.vehicles)
            if vehicle == 0:
                second = (START + timedelta(seconds=seconds)).isoformat()
            event: dict[str, str | float] = {"vehicle_id": vehicle_name(vehicle), "ts": second}
            event.update(zip(names, values[number % rows], strict=True))
            yield encode(event)

    def keys(self) -> Iterator[str]:
        """The vehicle of each event."""
        return (vehicle_name(number % self.vehicles) for number in range(self.events))

    def lists(self, length: int) -> Iterator[bytes]:
        """The events as JSON lists of `length` events; the last list may be shorter."""
        payloads = self.payloads()
        while part := list(islice(payloads, length)):
            yield b"[" + b",".join(part) + b"]"

    def record(self, directory: Path) -> Path:
        """Write the events to a recording in JSON lines, unless it exists; returns the file."""
        file = directory / f"telemetry-{self.events}-{self.vehicles}-{self.signals}.jsonl"
        if not file.exists():
            with file.open("wb") as output:
                output.writelines(payload + b"\n" for payload in self.payloads())
        return file


def vehicle_name(number: int) -> str:
    """Name of a vehicle, e.g. ``VEH-00042``."""
    return f"VEH-{number:05d}"


def settings_text(stream: Stream, more: str = "", *, layout: str = "event") -> str:
    """A settings file for a stream, in TOML; everything else has its default.

    Args:
        stream: the stream whose signals are listed.
        more: further tables.
        layout: ``payload.layout``.
    """
    signals = "".join(f'[signals.signal{n}]\npointer = "/signal{n}"\n' for n in range(stream.signals))
    return f'{more}\n[payload]\nlayout = "{layout}"\nsequence = ""\n{signals}'
