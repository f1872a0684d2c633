"""Which signals of the catalogue say how far a vehicle drives, whether its engine runs and what it uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from config.signal_settings import METRES, METRES_PER_SECOND, Measure, SignalSettings

NO_SIGNAL = -1
"""Column of what no signal measures."""


class Measures(NamedTuple):
    """Columns of the catalogue, `NO_SIGNAL` where there is none.

    Attributes:
        speed: that of the speed.
        metres_per_second: one unit of it.
        odometer: that of the distance driven so far.
        metres: one unit of it.
        running: that of a signal above 0 while the engine runs.
    """

    speed: int
    metres_per_second: float
    odometer: int
    metres: float
    running: int

    @classmethod
    def of(cls, signals: Mapping[str, SignalSettings]) -> Measures:
        """The measures of a catalogue that has been checked."""
        columns = {signal.measures: column for column, signal in enumerate(signals.values())}

        def column(measure: Measure) -> int:
            return columns.get(measure, NO_SIGNAL)

        def unit(measure: Measure, units: Mapping[str, float]) -> float:
            names = [signal.unit for signal in signals.values() if signal.measures == measure]
            return units[names[0]] if names else 1.0

        return cls(
            column("speed"),
            unit("speed", METRES_PER_SECOND),
            column("odometer"),
            unit("odometer", METRES),
            column("running"),
        )

    @property
    def distance(self) -> bool:
        """Whether anything says how far a vehicle drives."""
        return self.speed != NO_SIGNAL or self.odometer != NO_SIGNAL
