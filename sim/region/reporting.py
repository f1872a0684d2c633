"""Which vehicles report: all that are awake, and the parked ones now and then, or not at all."""

from __future__ import annotations

import numpy as np

from sim.region.options import RegionOptions
from sim.routes import BoolArray, FloatArray, IntArray

_ROUNDING = 1e-6  # seconds


class Reporting:
    """Decides it for n vehicles.

    Args:
        vehicles: n.
        options: what parked vehicles do.
    """

    def __init__(self, vehicles: int, options: RegionOptions) -> None:
        self._parked = options.parked
        self._heartbeat = options.heartbeat
        self._awake: BoolArray = np.zeros(vehicles, dtype=np.bool_)
        # Heartbeats are spread evenly.
        self._last: FloatArray = -options.heartbeat * np.arange(vehicles) / vehicles

    def who(self, seconds: float, awake: BoolArray) -> IntArray | None:
        """Indices of the vehicles that report, rising; ``None`` for all.

        Args:
            seconds: since the start of the stream.
            awake: who is switched on or charging. Who has just fallen asleep reports once more, and says so.
        """
        if self._parked == "send":
            return None
        reports = awake | self._awake
        self._awake = awake
        if self._parked == "heartbeat":
            reports = reports | (seconds - self._last >= self._heartbeat - _ROUNDING)
        self._last = np.where(reports, seconds, self._last)
        return None if reports.all() else np.flatnonzero(reports)
