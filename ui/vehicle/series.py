"""What a vehicle measured over time, and what was expected of it, as arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from config.settings import SignalSettings
from dataflows.clock import microseconds
from dataflows.compiled import Floats, Integers, Mask
from dataflows.events import Enriched
from ui.descriptions import leading_signals


@dataclass(frozen=True, slots=True)
class SignalSeries:
    """One signal.

    Attributes:
        values: in its unit, NaN where it was missing, shape (n,). In a summary, means.
        lowest, highest: the ends of the band around what was expected, NaN where that is unknown, shape (n,).
            In a summary, the least and the largest value.
        stands_out: whether it was one of the signals that explain an anomaly, shape (n,).
    """

    values: Floats
    lowest: Floats
    highest: Floats
    stands_out: Mask


@dataclass(frozen=True, slots=True)
class Series:
    """One vehicle.

    Attributes:
        times: rising, microseconds since 1970-01-01 UTC, shape (n,).
        severity: 0–100, 50 at the threshold, NaN while there is none and in a summary, shape (n,).
        error: the reconstruction error, shape (n,). In a summary, the largest of each window.
        flagged: anomalies, shape (n,). In a summary, windows with any.
        latitudes, longitudes: degrees, NaN where unknown, shape (n,).
        signals: signal → its values; without those of which nothing is known.
        is_summary: whether each point is a summary of a window, and not an event.
    """

    times: Integers
    severity: Floats
    error: Floats
    flagged: Mask
    latitudes: Floats
    longitudes: Floats
    signals: Mapping[str, SignalSeries]
    is_summary: bool = False

    def __len__(self) -> int:
        return len(self.times)

    def between(self, start: int, end: int) -> Series:
        """The part from `start` to before `end`, microseconds since 1970-01-01 UTC."""
        first, last = np.searchsorted(self.times, (start, end)).tolist()
        return self.at(np.arange(first, last))

    def at(self, places: Integers) -> Series:
        """The points at these places."""
        return Series(
            self.times[places],
            self.severity[places],
            self.error[places],
            self.flagged[places],
            self.latitudes[places],
            self.longitudes[places],
            {
                name: SignalSeries(*(getattr(signal, field.name)[places] for field in fields(signal)))
                for name, signal in self.signals.items()
            },
            self.is_summary,
        )


def band_of(expected: Floats, half: Floats, signal: SignalSettings) -> tuple[Floats, Floats]:
    """The ends of a band within the plausible range of its signal.

    Args:
        expected: NaN where nothing was expected, shape (n,).
        half: how far from it most normal values are at most, NaN where unknown, shape (n,).
        signal: of the catalogue.
    """
    least = -math.inf if signal.min is None else signal.min
    most = math.inf if signal.max is None else signal.max
    return np.clip(expected - half, least, most), np.clip(expected + half, least, most)


def series_of(
    events: Sequence[Enriched], signals: Mapping[str, SignalSettings], latitude: str, longitude: str
) -> Series:
    """Events as arrays.

    Args:
        events: of one vehicle, by event time.
        signals: the catalogue.
        latitude, longitude: the signals with the position.
    """
    leading = [set(leading_signals(event, signals)) if event.is_anomaly else set() for event in events]
    found = {}
    for name, signal in signals.items():
        values = column([event.values.get(name) for event in events])
        if signal.role == "position" or np.isnan(values).all():
            continue
        lowest = highest = np.full(len(events), np.nan)
        if signal.role == "target":
            expected = column([event.expected.get(name) for event in events])
            half = column([event.band.get(name) for event in events])
            lowest, highest = band_of(expected, half, signal)
        stands_out = np.array([name in names for names in leading], np.bool_)
        found[name] = SignalSeries(values, lowest, highest, stands_out)
    has_threshold = [event.anomaly_threshold is not None for event in events]
    return Series(
        times=np.array([microseconds(event.ts) for event in events], np.int64),
        severity=np.where(has_threshold, column([event.severity for event in events]), np.nan),
        error=column([event.reconstruction_error for event in events]),
        flagged=np.array([event.is_anomaly for event in events], np.bool_),
        latitudes=column([event.values.get(latitude) for event in events]),
        longitudes=column([event.values.get(longitude) for event in events]),
        signals=found,
    )


def merged(first: Series, second: Series) -> Series:
    """The points of both by time; of those with the same time, the one of `first`."""
    if not len(first) or not len(second):
        return first if len(first) else second
    times = np.concatenate((first.times, second.times))
    _, order = np.unique(times, return_index=True)

    def joined(name: str) -> Floats:
        values: Floats = np.concatenate((getattr(first, name), getattr(second, name)))[order]
        return values

    names = dict.fromkeys((*first.signals, *second.signals))
    return Series(
        times=times[order],
        severity=joined("severity"),
        error=joined("error"),
        flagged=np.concatenate((first.flagged, second.flagged))[order],
        latitudes=joined("latitudes"),
        longitudes=joined("longitudes"),
        signals={name: _joined(_signal_of(first, name), _signal_of(second, name), order) for name in names},
        is_summary=first.is_summary,
    )


def column(values: Sequence[float | None]) -> Floats:
    """Numbers as an array, NaN for what is missing or not finite."""
    return np.array(
        [math.nan if value is None or not math.isfinite(value) else value for value in values], np.float64
    )


def _signal_of(series: Series, name: str) -> SignalSeries:
    nothing = np.full(len(series), np.nan)
    return series.signals.get(name, SignalSeries(nothing, nothing, nothing, np.zeros(len(series), np.bool_)))


def _joined(first: SignalSeries, second: SignalSeries, order: Integers) -> SignalSeries:
    return SignalSeries(
        np.concatenate((first.values, second.values))[order],
        np.concatenate((first.lowest, second.lowest))[order],
        np.concatenate((first.highest, second.highest))[order],
        np.concatenate((first.stands_out, second.stands_out))[order],
    )
