"""The tyres of a fleet: pressure follows temperature, and a leak takes gas away.

The gas in a tyre is ideal and its volume constant (Gay-Lussac's law): the absolute pressure divided by the
absolute temperature changes only with the amount of gas. Flexing heats a tyre in proportion to the speed; air
cools it. The temperature of a tyre that rolls steadily, about 20 K above the air at 100 km/h, and the time it
takes, about a quarter of an hour, are those of J. Y. Wong, *Theory of Ground Vehicles*, ch. 1.
"""

from __future__ import annotations

import numpy as np

from sim.routes import BoolArray, FloatArray

TYRE_PRESSURES = (
    "tyre_pressure_front_left",
    "tyre_pressure_front_right",
    "tyre_pressure_rear_left",
    "tyre_pressure_rear_right",
)
"""The signals, in the order of the tyres."""

ATMOSPHERE = 1.013  # bar
KELVIN = 273.15  # K at 0 °C
COLD = 20.0 + KELVIN  # K, at which tyres are inflated

_HEATING = 0.75  # K above the air per m/s, when rolling steadily
_WARMING = 800.0  # s, time constant while rolling
_COOLING = 1800.0  # s, while standing
_PERMEATION = 0.02 / (30 * 86400)  # share of the gas lost per second: 2 % a month
_LEAK = 0.55  # share of the overpressure that the worst leak has let out by the end
_REFILL_BELOW = 0.92  # share of the right amount of gas below which somebody adds some at a station


class Tyres:
    """The four tyres of n vehicles.

    Args:
        vehicles: n.
        rng: decides how well they were inflated.
        ambient: temperature outside, °C.

    Attributes:
        temperature: of the gas, °C; one value per vehicle.
        leak: share of the overpressure that has leaked out, tyres × vehicles.
    """

    def __init__(self, vehicles: int, rng: np.random.Generator, ambient: float) -> None:
        right = rng.choice((2.2, 2.4, 2.6, 3.0), size=vehicles, p=(0.3, 0.4, 0.2, 0.1))
        self._right: FloatArray = np.tile(right, (len(TYRE_PRESSURES), 1))
        self._right[2:] += 0.1
        # bar at `COLD`, above the atmosphere
        self._inflated = self._right * rng.normal(1.0, 0.015, self._right.shape).clip(0.94, 1.05)
        self.temperature: FloatArray = np.full(vehicles, ambient)
        self.leak: FloatArray = np.zeros(self._right.shape)

    def step(self, speed: FloatArray, ambient: float, dt: float) -> None:
        """Roll or stand for dt seconds.

        Args:
            speed: n speeds, m/s.
            ambient: temperature outside, °C.
            dt: seconds.
        """
        settled = ambient + _HEATING * speed
        share = 1.0 - np.exp(-dt / np.where(speed > 1.0, _WARMING, _COOLING))
        self.temperature = self.temperature + (settled - self.temperature) * share
        self._inflated *= 1.0 - _PERMEATION * dt

    def let_out(self, tyre: FloatArray, severity: FloatArray) -> None:
        """Set how far the leak of each vehicle has come.

        Args:
            tyre: n indices of the leaking tyres.
            severity: n severities; 0 where no tyre leaks: what leaked before has been repaired and refilled.
        """
        self.leak = np.zeros_like(self.leak)
        leaking = np.flatnonzero(severity)
        self.leak[tyre[leaking].astype(np.int64), leaking] = _LEAK * severity[leaking]

    def refill(self, vehicles: BoolArray) -> None:
        """Somebody looks after the tyres of the marked vehicles, and adds air where it lacks."""
        chosen = np.flatnonzero(vehicles)
        low = self._inflated[:, chosen] < _REFILL_BELOW * self._right[:, chosen]
        self._inflated[:, chosen] = np.where(low, self._right[:, chosen], self._inflated[:, chosen])

    @property
    def pressure(self) -> FloatArray:
        """Pressure above the atmosphere, bar; tyres × vehicles."""
        cold = self._inflated * (1.0 - self.leak) + ATMOSPHERE
        pressure: FloatArray = cold * (self.temperature + KELVIN) / COLD - ATMOSPHERE
        return pressure
