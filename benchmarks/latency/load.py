"""What `benchmarks.latency` sends, and when: numbered events at a constant rate, regardless of answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
from numpy.typing import NDArray

VEHICLES = 1_000
SIGNALS = 8
START = datetime(2026, 1, 1, tzinfo=UTC)
NANOSECONDS = 1_000_000_000
DISTINCT_ROWS = 4_096
"""Rows of values after which they repeat, for other vehicles and other times."""


@dataclass(frozen=True, slots=True)
class Load:
    """Events at a constant rate, of vehicles that take turns.

    Attributes:
        first: number of the first event; numbering continues from one load to the next.
        rate: events per second.
        seconds: duration.
        since: event time of the first, seconds after `START`.
    """

    first: int
    rate: float
    seconds: float
    since: float

    @property
    def count(self) -> int:
        return round(self.rate * self.seconds)

    def due(self) -> NDArray[np.int64]:
        """When each event is due, nanoseconds after the first, shape (n,)."""
        return (np.arange(self.count) * (NANOSECONDS / self.rate)).astype(np.int64)


class _Event(msgspec.Struct):
    sequence: int


class _Enriched(msgspec.Struct):
    telemetry: _Event


_number = msgspec.json.Decoder(_Enriched)
_encode = msgspec.json.Encoder().encode


def number_of(enriched: bytes) -> int:
    """The number of the telemetry event inside an enriched event."""
    return _number.decode(enriched).telemetry.sequence


def publish_on_time(
    load: Load, begin: int, send: Callable[[str, bytes], None], wait: Callable[[float], None]
) -> NDArray[np.int64]:
    """Send each event when it is due, or at once if that time has passed; never waits for an answer.

    Args:
        load: what to send.
        begin: when the first event is due, by `time.monotonic_ns`.
        send: publishes a vehicle's payload.
        wait: lets at most this many seconds pass, maybe none, and serves the connection meanwhile.

    Returns:
        How late each event was sent, nanoseconds, shape (n,).
    """
    random = np.random.default_rng(0)
    mixing = random.normal(size=(SIGNALS, SIGNALS)) / SIGNALS**0.5
    rows = np.round(50.0 + 10.0 * random.normal(size=(DISTINCT_ROWS, SIGNALS)) @ mixing, 2).tolist()
    names = [f"signal{number}" for number in range(SIGNALS)]
    late = np.empty(load.count, np.int64)
    for position, offset in enumerate(load.due().tolist()):
        number = load.first + position
        vehicle = f"VEH-{number % VEHICLES:05d}"
        at = START + timedelta(seconds=load.since + offset / NANOSECONDS)
        event = {"vehicle_id": vehicle, "ts": at, "sequence": number}
        payload = _encode(event | dict(zip(names, rows[number % DISTINCT_ROWS], strict=True)))
        # At least once: even a publisher that is behind has to read the broker's answers.
        wait(max(0, begin + offset - time.monotonic_ns()) / NANOSECONDS)
        while (remaining := begin + offset - time.monotonic_ns()) > 0:
            wait(remaining / NANOSECONDS)
        send(vehicle, payload)
        late[position] = time.monotonic_ns() - begin - offset
    return late


def settings_text() -> str:
    """The part of the job's settings that describes these events, in TOML."""
    return "".join(f'[signals.signal{n}]\npointer = "/signal{n}"\n' for n in range(SIGNALS))
