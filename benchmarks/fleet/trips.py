"""Recorded trips without a fault: every alert is false."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.fleet.alerting import Alerting
from benchmarks.fleet.matching import Openings
from config.settings import Settings, load
from dataflows.backtest.catalogue import with_catalogue
from dataflows.decode import Decoded, Decoder
from dataflows.recordings import TableOptions, open_recording

HOUR = 3.6e9
PAUSE = 86_400_000_000
"""Microseconds between two trips of a car in a row."""

KNOWN_AFTER = 2
"""Trips in a row after which a car is known."""


@dataclass(frozen=True, slots=True)
class Trip:
    """A decoded trip.

    Attributes:
        car: the name of its file up to the first hyphen.
        settings: with the signals of this trip.
        batches: its events.
    """

    car: str
    settings: Settings
    batches: list[Decoded]

    @property
    def start(self) -> int:
        """Event time of the first event, microseconds."""
        return int(self.batches[0].telemetry.timestamps[0])

    @property
    def length(self) -> int:
        """Microseconds from the first event to the last."""
        return int(self.batches[-1].telemetry.timestamps[-1]) - self.start


def trips(directory: Path) -> dict[str, Any]:
    """Alerts per hour: of each trip by itself, and of the trips of one car in a row, from the third on."""
    read = [_read(path) for path in sorted(directory.glob("*.csv.gz"))]
    fresh = sum(_count(Alerting(trip.settings), trip.batches) for trip in read)
    by_car: dict[str, list[Trip]] = defaultdict(list)
    for trip in read:
        by_car[trip.car].append(trip)
    row_hours, row_alerts = 0.0, 0
    for cars_trips in by_car.values():
        settings = _together(cars_trips)
        alerting, at = Alerting(settings), cars_trips[0].start
        for number, trip in enumerate(cars_trips):
            found = _count(alerting, _in_a_row(trip, settings, at))
            at += trip.length + PAUSE
            if number >= KNOWN_AFTER:
                row_hours, row_alerts = row_hours + trip.length / HOUR, row_alerts + found
    hours = sum(trip.length for trip in read) / HOUR
    return {
        "trips": len(read),
        "hours": hours,
        "false_alerts_per_hour": fresh / hours if hours else None,
        "false_alerts_per_hour_in_a_row": row_alerts / row_hours if row_hours else None,
    }


def _read(path: Path) -> Trip:
    recording = open_recording(path, TableOptions())
    settings = with_catalogue(load(), recording, "", None)
    decoder = Decoder.of(settings)
    batches = [decoded for batch in recording.read() if len((decoded := decoder.decode(batch)).telemetry)]
    return Trip(path.name.split("-")[0], settings, batches)


def _together(cars_trips: list[Trip]) -> Settings:
    """Settings with the signals that all trips have: of the others, some would be missing."""
    common = set.intersection(*(set(trip.settings.signals) for trip in cars_trips))
    signals = {name: signal for name, signal in cars_trips[0].settings.signals.items() if name in common}
    return cars_trips[0].settings.model_copy(update={"signals": signals})


def _in_a_row(trip: Trip, settings: Settings, at: int) -> Iterator[Decoded]:
    """The events of a trip, as events of its car from the event time `at` on."""
    names = list(settings.signals)
    columns = [list(trip.settings.signals).index(name) for name in names]
    for decoded in trip.batches:
        telemetry = decoded.telemetry
        moved = replace(
            telemetry,
            vehicle_ids=[trip.car] * len(telemetry),
            timestamps=telemetry.timestamps - trip.start + at,
            values=telemetry.values[:, columns],
        )
        yield replace(decoded, telemetry=moved)


def _count(alerting: Alerting, batches: Iterable[Decoded]) -> int:
    """How many alerts open."""
    openings = Openings()
    for alert in alerting.revisions(batches):
        openings.add(alert)
    return sum(opening.is_first for found in openings.by_vehicle.values() for opening in found)
