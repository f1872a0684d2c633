"""Values as they were sent → values in the unit of their signal, by `scale` and `offset` of each signal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.settings import SignalSettings


@dataclass(frozen=True, slots=True)
class Scaling:
    """What every value is multiplied by, and what is added then.

    Attributes:
        scales: of S signals, shape (S,).
        offsets: of S signals, shape (S,).
    """

    scales: NDArray[np.float64]
    offsets: NDArray[np.float64]

    @classmethod
    def of(cls, signals: Iterable[SignalSettings]) -> Scaling | None:
        """The scaling of a catalogue; ``None`` if it changes no value."""
        pairs = [(signal.scale, signal.offset) for signal in signals]
        if all(pair == (1.0, 0.0) for pair in pairs):
            return None
        scales, offsets = np.array(pairs, dtype=np.float64).T
        return cls(scales, offsets)

    def applied(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values in the units of their signals, shape (n, S); what exceeds float64 is NaN."""
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = values * self.scales + self.offsets
        scaled[np.isinf(scaled)] = np.nan
        return scaled
