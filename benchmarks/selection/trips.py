"""Which share of the events of real trips is flagged: by a new detector each, and by one over all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.selection.choice import Choice, applied
from benchmarks.trips import SECOND, Trip, read_trip
from config.settings import Settings
from dataflows.detector import Detector
from dataflows.score.models import parameters_of, signals_of

PAUSE = 10 * 3600 * SECOND
"""Microseconds between two trips in a row."""


@dataclass(frozen=True, slots=True)
class TripFigures:
    """How much of a trip is flagged.

    Attributes:
        events, signals: number of them.
        fresh: share of the events flagged by a new detector.
        in_a_row: share flagged by a detector that has learned from the trips before it.
    """

    events: int
    signals: int
    fresh: float
    in_a_row: float


def trip_figures(
    choice: Choice, paths: Sequence[Path], settings: Settings, executor: Executor | None
) -> Mapping[str, TripFigures]:
    """Drive trips in the order of their names.

    Args:
        choice: applied to the settings.
        paths: of the trips.
        settings: all settings.
        executor: runs the detectors; ``None`` for this process.

    Returns:
        Name → figures. Trips in a row are those of a dataset with the same number of signals.

    Raises:
        RecordingError: a trip cannot be read.
    """
    run = map if executor is None else executor.map
    trips = [read_trip(path, settings) for path in paths]
    groups: dict[tuple[str, int], list[Trip]] = {}
    for trip in trips:
        groups.setdefault((trip.dataset, trip.values.shape[1]), []).append(trip)
    journeys = [[trip] for trip in trips] + list(groups.values())
    shares = list(run(flagged_shares, repeat(choice), journeys))
    in_a_row = {
        trip.name: share
        for group, found in zip(groups.values(), shares[len(trips) :], strict=True)
        for trip, share in zip(group, found, strict=True)
    }
    return {
        trip.name: TripFigures(len(trip.values), trip.values.shape[1], fresh, in_a_row[trip.name])
        for trip, (fresh,) in zip(trips, shares[: len(trips)], strict=True)
    }


def flagged_shares(choice: Choice, trips: Sequence[Trip]) -> list[float]:
    """Share of the events of each trip that one detector flags, with a pause between two trips."""
    settings = trips[0].settings
    detector = Detector(applied(choice, parameters_of(settings.detector)), signals_of(settings))
    shares, begin = [], 0
    with threadpool_limits(limits=1):
        for trip in trips:
            times = trip.times - trip.times.min() + begin
            begin = int(times.max()) + PAUSE
            scores = detector.process([trip.dataset] * len(times), times, trip.values)
            shares.append(float(np.mean(scores.anomaly)))
    return shares
