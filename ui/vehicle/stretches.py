"""Stretches of anomalies, and what is drawn of the bands meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dataflows.clock import SECOND
from dataflows.compiled import Floats, Integers, Mask
from ui.vehicle.series import Series

JOINED_WITHIN = 5 * SECOND
"""Microseconds without an anomaly that do not end a stretch: the verdict flickers near the threshold."""

LONGEST_EVENT = 30 * SECOND
"""Microseconds for which an event is taken to hold."""

NARROWEST = 1 / 400
"""Of the window: a stretch that is narrower could not be seen."""

PAUSE = 60 * SECOND
"""Microseconds without an event in which a line is interrupted; three windows between summaries."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Anomalies that follow each other.

    Attributes:
        start, end: microseconds since 1970-01-01 UTC.
        signals: those that explain them.
    """

    start: int
    end: int
    signals: frozenset[str]


def stretches_of(series: Series, length: int) -> list[Stretch]:
    """The stretches of anomalies, in order of time.

    Args:
        series: the vehicle.
        length: of the window that is drawn, microseconds.
    """
    places = np.flatnonzero(series.flagged)
    if not len(places):
        return []
    ends = _ends(series)
    within = max(JOINED_WITHIN, int(length * NARROWEST))
    cuts = np.flatnonzero(series.times[places[1:]] - ends[places[:-1]] > within) + 1
    found = []
    for piece in np.split(places, cuts):
        start, end = int(series.times[piece[0]]), int(ends[piece[-1]])
        signals = frozenset(name for name, signal in series.signals.items() if signal.stands_out[piece].any())
        found.append(Stretch(start, max(end, start + int(length * NARROWEST)), signals))
    return found


def unexplained(series: Series, name: str, stretches: list[Stretch]) -> Mask:
    """Where the band of a signal says nothing, shape (n,).

    While another signal is wrong, the model explains this one by the wrong values of that one, and what it
    expects is as wrong. So the band is only drawn for the signals that stand out.
    """
    hidden = np.zeros(len(series), np.bool_)
    for stretch in stretches:
        if name not in stretch.signals:
            first, last = np.searchsorted(series.times, (stretch.start, stretch.end)).tolist()
            hidden[first:last] = True
    return hidden


def with_pauses(series: Series) -> Series:
    """The same with a point without values in each pause, so that no line is drawn across it."""
    if len(series) < 2:
        return series
    gaps = np.diff(series.times)
    pause = max(3 * PAUSE, 3 * int(np.median(gaps))) if series.is_summary else PAUSE
    before = np.flatnonzero(gaps > pause)
    if not len(before):
        return series
    places = np.insert(np.arange(len(series)), before + 1, before)
    widened = series.at(places)
    added = before + 1 + np.arange(len(before))
    widened.times[added] += 1
    widened.flagged[added] = False
    for values in (widened.severity, widened.error, widened.latitudes, widened.longitudes):
        values[added] = np.nan
    for signal in widened.signals.values():
        for values in (signal.values, signal.lowest, signal.highest):
            values[added] = np.nan
    return widened


def _ends(series: Series) -> Integers:
    """Until when each point holds: until the next one, but not across a pause."""
    times = series.times
    typical = int(np.median(np.diff(times))) if len(times) > 1 else SECOND
    longest = max(LONGEST_EVENT, typical) if series.is_summary else LONGEST_EVENT
    ends: Integers = np.minimum(np.append(times[1:], times[-1:] + typical), times + longest)
    return ends


def rounded(values: Floats, digits: int) -> list[float | None]:
    """Numbers with this many significant digits, ``None`` for NaN: more would only be more to send."""
    return [None if value != value else float(f"{value:.{digits}g}") for value in values.tolist()]
