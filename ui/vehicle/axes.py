"""The range of an axis: what was measured and what is dangerous; a wide band does not stretch it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from config.settings import SignalSettings
from dataflows.compiled import Floats
from ui.vehicle.series import SignalSeries

NICE = (1.0, 2.0, 2.5, 5.0, 10.0)
"""Steps of an axis, times a power of ten."""

STEPS = 3
"""Of an axis, about."""

BAND_BEYOND = 0.5
"""How far a band may stretch an axis on each side, in ranges of the values."""

BESIDE_LIMIT = 0.05
"""What is shown beyond an alarm limit, as a share of the axis: a line at its very end would be overlooked."""

SAME = 1e-7
"""Numbers that differ by a smaller share of their size have the same label."""

LEAST_SHARE = 0.02
"""The least length of an axis, as a share of the plausible range or of the size of the values: the noise of a
vehicle that stands is not drawn as large as driving."""


@dataclass(frozen=True, slots=True)
class Axis:
    """From `low` to `high`, with a label every `step`, in the unit of the signal."""

    low: float
    high: float
    step: float


def axis_of(series: SignalSeries, signal: SignalSettings) -> Axis:
    """The axis of a signal: its values, its alarm limits, and a part of the band."""
    limits = [limit for limit in (signal.low, signal.high) if limit is not None]
    values = _known(series.values)
    if not len(values):
        return nice(min(limits, default=0.0), max(limits, default=1.0))
    lowest, highest = float(values.min()), float(values.max())
    plausible = 0.0 if signal.min is None or signal.max is None else signal.max - signal.min
    least = LEAST_SHARE * max(abs(lowest), abs(highest), plausible)
    room = max(BAND_BEYOND * (highest - lowest), least)
    low = max(lowest - room, min(_known(series.lowest).min(initial=lowest), lowest))
    high = min(highest + room, max(_known(series.highest).max(initial=highest), highest))
    missing = max(0.0, least - (high - low)) / 2.0
    low, high = low - missing, high + missing
    if signal.min is not None:
        # Nothing is drawn below 0 of what cannot be negative, unless it was measured.
        low = max(low, min(signal.min, lowest))
    beyond = BESIDE_LIMIT * (max(high, *limits, high) - min(low, *limits, low))
    if signal.low is not None:
        low = min(low, signal.low - beyond)
    if signal.high is not None:
        high = max(high, signal.high + beyond)
    return nice(low, high)


def nice(low: float, high: float) -> Axis:
    """The range widened to round numbers."""
    size = max(abs(low), abs(high))
    if high - low <= SAME * max(size, SAME):
        half = max(0.5, 0.001 * size)
        low, high = low - half, high + half
    rough = (high - low) / STEPS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(size * power for size in NICE if size * power >= rough * 0.999)
    # Products end in digits that come from the computer; ten are more than any label has.
    bottom, top = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return Axis(_clean(bottom * step), _clean(top * step), _clean(step))


def _known(values: Floats) -> Floats:
    known: Floats = values[np.isfinite(values)]
    return known


def _clean(value: float) -> float:
    return float(f"{value:.10g}")
