"""Faults that develop over many minutes: a leak, wear, a brake that does not let go.

They act on the physics by their severity, `sim.damage`, so that whatever depends on it changes too: no
reading is altered. The severity rises without ever falling, until the fault is repaired: then it ends at
once, though what has heated up takes its time to cool down.
"""

from __future__ import annotations

from typing import TypeGuard, get_args

import numpy as np

from dataflows.events import FaultKind, SlowFaultKind
from sim.routes import FloatArray
from sim.tyres import TYRE_PRESSURES

SLOW_KINDS: tuple[SlowFaultKind, ...] = get_args(SlowFaultKind)
"""What happens at random in the region only."""

_SIGNALS: dict[SlowFaultKind, tuple[str, ...]] = {
    "coolant_leak": ("engine_temperature",),
    "weak_battery": ("battery_voltage", "state_of_charge", "range"),
    "brake_drag": ("throttle", "fuel", "power", "state_of_charge"),
    "tyre_leak": TYRE_PRESSURES,
}
_MINUTES: dict[SlowFaultKind, tuple[float, float]] = {
    "coolant_leak": (25.0, 50.0),
    "weak_battery": (25.0, 60.0),
    "brake_drag": (20.0, 50.0),
    "tyre_leak": (20.0, 60.0),
}
"""Shortest and longest duration."""

_DEVELOPING = 0.7
"""Share of the duration after which the severity has reached its final value."""


def is_slow(kind: FaultKind) -> TypeGuard[SlowFaultKind]:
    """Whether a fault develops slowly."""
    return kind in SLOW_KINDS


def signals_of(kind: SlowFaultKind, rng: np.random.Generator) -> tuple[str, ...]:
    """The signals in which a fault shows; those that a vehicle does not have included."""
    signals = _SIGNALS[kind]
    return (str(rng.choice(signals)),) if kind == "tyre_leak" else signals


def develop(
    kind: SlowFaultKind, rng: np.random.Generator, rate: float, seconds: float | None = None
) -> FloatArray:
    """Severity of a fault, one value per step, above 0, never falling.

    Args:
        kind: what is wrong.
        rng: decides how bad it becomes, and how long it lasts.
        rate: steps per second.
        seconds: how long it lasts; ``None`` for a random duration.
    """
    final = rng.uniform(0.5, 1.0)
    minutes = rng.uniform(*_MINUTES[kind])
    steps = max(1, round((minutes * 60.0 if seconds is None else seconds) * rate))
    share = (np.arange(steps) + 1.0) / (steps * _DEVELOPING)
    severity: FloatArray = final * np.minimum(share, 1.0)
    return severity
