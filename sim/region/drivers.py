"""How the drivers of a region differ: economical, ordinary, hurried and hard ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.routes import FloatArray


@dataclass(frozen=True, slots=True)
class Style:
    """A way of driving: means, around which drivers vary.

    Attributes:
        share: of the drivers, 0–1.
        pace: desired speed as a share of what limit and road suggest.
        briskness: strongest acceleration, m/s².
        braking: deceleration that is planned towards a stop, m/s².
        gap: time gap to the vehicle in front, s; who keeps a long one is slowed down more by traffic.
    """

    share: float
    pace: float
    briskness: float
    braking: float
    gap: float


STYLES = (
    Style(0.25, 0.93, 1.2, 1.3, 2.1),  # economical
    Style(0.50, 0.97, 1.7, 1.6, 1.7),  # ordinary
    Style(0.17, 1.06, 2.0, 1.8, 1.3),  # hurried: exceeds limits
    Style(0.08, 1.02, 2.7, 2.4, 0.9),  # hard: brakes late, follows closely
)
_SLOWED = 0.065
"""Share of the speed that each level of traffic costs, per second of gap: 0.11 at the 1.7 s of most."""


class Drivers:
    """The habits of n drivers.

    Attributes:
        pace, briskness, braking: as in `Style`.
        crowding: share of the speed that each level of traffic costs.
    """

    def __init__(self, vehicles: int, rng: np.random.Generator) -> None:
        style = rng.choice(len(STYLES), size=vehicles, p=[style.share for style in STYLES])

        def around(means: list[float], spread: float) -> FloatArray:
            factor = rng.normal(1.0, spread, vehicles).clip(1.0 - 2.0 * spread, 1.0 + 2.0 * spread)
            values: FloatArray = np.array(means)[style] * factor
            return values

        self.pace = around([style.pace for style in STYLES], 0.02)
        self.briskness = around([style.briskness for style in STYLES], 0.08)
        self.braking = around([style.braking for style in STYLES], 0.08)
        self.crowding = _SLOWED * around([style.gap for style in STYLES], 0.1)
