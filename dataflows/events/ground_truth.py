"""Faults that the simulator injects."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

SuddenFaultKind = Literal[
    "sudden_deceleration",
    "overspeed",
    "overheating",
    "battery_failure",
    "stuck_sensor",
    "spiking_sensor",
    "drifting_sensor",
    "missing_sensor",
]
"""What happens within seconds, and is over within minutes."""

SlowFaultKind = Literal["coolant_leak", "weak_battery", "brake_drag", "tyre_leak"]
"""What gets worse for as long as it lasts."""

FaultKind = Literal[SuddenFaultKind, SlowFaultKind]


class InjectedFault(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Ground truth: a fault that the simulator injects into a vehicle, announced when it starts.

    Attributes:
        fault_id: unique within a run of the simulator.
        vehicle_id: the faulty vehicle.
        kind: what is wrong with it.
        signals: the signals that the fault affects.
        starts_at: event time of the first affected event, UTC.
        ends_at: event time of the first event that is no longer affected, UTC.
        severity: how bad it becomes, above 0, at most 1; a slow fault develops from nothing to this.
    """

    fault_id: str
    vehicle_id: str
    kind: FaultKind
    signals: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime
    severity: float = 1.0
