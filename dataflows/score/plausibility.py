"""Which signals of an event are outside the range that the settings call plausible."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from config.settings import SignalSettings
from dataflows.compiled import Floats, Mask


class PlausibleRanges:
    """The plausible ranges of S signals; a signal without `min` or `max` is unbounded on that side.

    Args:
        signals: the catalogue, in its order.
    """

    def __init__(self, signals: Iterable[SignalSettings]) -> None:
        ranges = [(signal.min, signal.max) for signal in signals]
        self._lowest = np.array([-math.inf if low is None else low for low, _ in ranges])
        self._highest = np.array([math.inf if high is None else high for _, high in ranges])
        self._is_bounded = any(bound is not None for bounds in ranges for bound in bounds)

    def outside(self, values: Floats) -> Mask | None:
        """Which values are implausible; a missing one is not.

        Args:
            values: n events, each signal in its own unit, NaN where missing, shape (n, S).

        Returns:
            Shape (n, S), or ``None`` if every value is plausible, as nearly always.
        """
        if not self._is_bounded:
            return None
        outside: Mask = (values < self._lowest) | (values > self._highest)
        return outside if outside.any() else None
