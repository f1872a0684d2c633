"""Numeric columns that do not tell how a vehicle behaves: ids, positions, headings, counters and the like."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataflows.backtest.sample import Sample
from dataflows.backtest.vehicle_column import is_id
from dataflows.recordings.names import is_time, word_set, words

POSITIONS = word_set(
    "lat latitude lon lng longitude altitude elevation breitengrad längengrad laengengrad latitud "
    "longitud altitud northing easting"
)
SHORT_POSITIONS = word_set("long alt hoehe höhe pos x y")
"""Words that mean a position only beside the other coordinates: "long" is in "long term fuel trim" too."""

NOT_POSITIONS = word_set("acc accel acceleration g force accuracy error speed velocity")
HEADINGS = word_set("heading bearing course cog azimuth compass direction kurs richtung rumbo")
NOT_HEADINGS = word_set("temp temperature vibration wear pressure rate speed")
COUNTERS = word_set(
    "odometer odo mileage kilometerstand distance trip run runtime elapsed since hours seq sequence "
    "counter count index row frame packet uptime total cumulative consumed time duration timestamp "
    "seconds"
)
YEARS = word_set("year baujahr modelljahr")

LEAST_ROWS = 20
"""Shorter recordings do not show what rises or stays."""

RISING_SHARE = 0.99
"""A counter does not fall in this share of the steps: it may start again with the next trip."""

EVEN_SHARE = 0.9
"""A counter of rows or seconds rises evenly in this share of the steps, whatever it is called."""


def unscored(names: Iterable[str], sample: Sample, vehicle: str | None) -> dict[str, str]:
    """Which numeric columns are not worth scoring, and why.

    Args:
        names: of numeric columns.
        sample: the first messages.
        vehicle: name of the column with the vehicle id, if there is one.

    Returns:
        Name → the reason in a word or two, in the order of the names.
    """
    names = list(names)
    ids = sample.values[vehicle] if vehicle is not None else [None] * len(sample.arrived)
    located = any(set(words(name)) & {"lat", "latitude", "latitud", "breitengrad"} for name in names)
    reasons = {name: _reason(name, sample, ids, located=located) for name in names}
    return {name: reason for name, reason in reasons.items() if reason}


def sentence(reasons: dict[str, str]) -> str:
    """The columns left out, grouped by reason: "not scored: lat, lon (position), heading (circular); …"."""
    grouped: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        grouped.setdefault(reason, []).append(name)
    listed = ", ".join(f"{', '.join(names)} ({reason})" for reason, names in grouped.items())
    return f"not scored: {listed}; --signals names columns to score, --signals all takes every one"


def _reason(name: str, sample: Sample, ids: Sequence[Any], *, located: bool) -> str:
    said = set(words(name))
    numbers = sample.numbers(name)
    finite = numbers[np.isfinite(numbers)]
    if is_id(name):
        return "id"
    if said & POSITIONS and not said & NOT_POSITIONS:
        return "position"
    if located and said <= SHORT_POSITIONS | {"gps", "pos"}:
        return "position"
    if said & HEADINGS and not said & NOT_HEADINGS and len(finite) and np.abs(finite).max() <= 360:
        return "circular"
    if said & YEARS and len(finite) and finite.min() >= 1900 and finite.max() <= 2100:
        return "year"
    if len(finite) < LEAST_ROWS:
        return ""
    if sample.whole and finite.min() == finite.max():
        return "constant"
    if _counts(numbers, sample.arrived, ids, named=bool(said & COUNTERS) or is_time(name)):
        return "counter"
    return ""


def _counts(
    numbers: NDArray[np.float64], arrived: NDArray[np.int64], ids: Sequence[Any], *, named: bool
) -> bool:
    """Whether a column only rises within each vehicle, and is named as a counter or rises evenly."""
    steps: list[NDArray[np.float64]] = []
    times: list[NDArray[np.float64]] = []
    positions: dict[str, list[int]] = {}
    for position in np.flatnonzero(np.isfinite(numbers)).tolist():
        positions.setdefault(str(ids[position]), []).append(position)
    for rows in positions.values():
        steps.append(np.diff(numbers[rows]))
        times.append(np.diff(arrived[rows]).astype(np.float64))
    step, time = np.concatenate(steps), np.concatenate(times)
    if len(step) == 0 or (step >= 0).mean() < RISING_SHARE or step.max() <= 0:
        return False
    return named or _is_even(step) or (bool((time > 0).all()) and _is_even(step / time))


def _is_even(steps: NDArray[np.float64]) -> bool:
    usual = float(np.median(steps))
    return usual > 0 and bool((np.abs(steps - usual) <= 0.01 * usual).mean() >= EVEN_SHARE)
