"""The weather of a region: outside temperature by season and hour, rain and snow, and the grip of the roads.

Temperature is a yearly and a daily wave with a slow Ornstein-Uhlenbeck process on top; it rains while a
second such process is high, so that wet and dry spells last for hours. Grip, relative to a dry road, is the
ratio of friction coefficients of J. Y. Wong, *Theory of Ground Vehicles*, ch. 1: about 0.85 dry, 0.6 wet,
0.25 on snow and ice.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sim.region.time_of_day import LocalTime

DRY: Final = 0
RAIN: Final = 1
SNOW: Final = 2

_YEARLY_MEAN = 9.5  # °C, in the temperate zone at 48°
_YEARLY = 10.0  # K, amplitude; coldest in the middle of January
_DAILY = 4.5  # K, amplitude under a clear sky; warmest at 15 h
_VARIATION, _VARIATION_SECONDS = 3.5, 1.5 * 86400.0  # K and s of the slow process
_SPELL_SECONDS = 2.5 * 3600.0  # time constant of rain
_RAIN_ABOVE = 0.9  # of a standard normal process: about a fifth of the time
_DRYING_SECONDS = 1800.0  # until a wet road is dry
_FREEZING = 1.0  # °C, below which it snows and wet roads are icy
_GRIP = {DRY: 1.0, RAIN: 0.7, SNOW: 0.32}


class Weather:
    """The weather, the same in all of the region.

    Args:
        rng: decides it.
        latitude: of the region, degrees; seasons are the other way round in the south.

    Attributes:
        temperature: outside, °C.
        wetness: of the roads, 0 (dry) to 1.
        grip: of the roads, relative to a dry road.
    """

    def __init__(self, rng: np.random.Generator, latitude: float) -> None:
        self._rng = rng
        self._summer = 1.0 if latitude >= 0.0 else -1.0
        # At home in the temperate zone; warmer and with weaker seasons towards the equator.
        away = abs(latitude) / 48.0
        self._mean = _YEARLY_MEAN + 18.0 * (1.0 - away)
        self._seasons = _YEARLY * away
        self._variation, self._moisture = rng.standard_normal(2) * (_VARIATION, 1.0)
        self.wetness = 1.0 if self._moisture > _RAIN_ABOVE else 0.0
        self.temperature = self._mean
        self.grip = 1.0

    @property
    def kind(self) -> int:
        """`DRY`, `RAIN` or `SNOW`: what falls or lies on the road."""
        if self.wetness < 0.15:
            return DRY
        return SNOW if self.temperature < _FREEZING else RAIN

    @property
    def caution(self) -> float:
        """Share of their usual speed at which people drive because of the weather."""
        return float(self.grip**0.25)

    def advance(self, dt: float, now: LocalTime) -> None:
        """Let dt seconds pass, until a moment."""
        variation, moisture = self._rng.standard_normal(2)
        kept = np.exp(-dt / _VARIATION_SECONDS)
        self._variation = self._variation * kept + _VARIATION * np.sqrt(1.0 - kept**2) * variation
        kept = np.exp(-dt / _SPELL_SECONDS)
        self._moisture = self._moisture * kept + np.sqrt(1.0 - kept**2) * moisture
        raining = self._moisture > _RAIN_ABOVE
        toward = 1.0 if raining else 0.0
        self.wetness += (toward - self.wetness) * (
            1.0 - np.exp(-dt / (300.0 if raining else _DRYING_SECONDS))
        )

        season = -np.cos(2.0 * np.pi * (now.day - 15.0) / 365.25) * self._summer
        day = _DAILY * (1.0 - 0.6 * self.wetness) * np.cos(2.0 * np.pi * (now.hour - 15.0) / 24.0)
        self.temperature = float(self._mean + self._seasons * season + day + self._variation)
        self.grip = 1.0 - (1.0 - _GRIP[self.kind]) * min(self.wetness, 1.0)
