"""Faults that the simulator injects."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

FaultKind = Literal[
    "sudden_deceleration",
    "overspeed",
    "overheating",
    "battery_failure",
    "stuck_sensor",
    "spiking_sensor",
    "drifting_sensor",
    "missing_sensor",
]


class InjectedFault(msgspec.Struct, frozen=True, kw_only=True):
    """Ground truth: a fault that the simulator injects into a vehicle, announced when it starts.

    Attributes:
        fault_id: unique within a run of the simulator.
        vehicle_id: the faulty vehicle.
        kind: what is wrong with it.
        signals: the signals that the fault affects.
        starts_at: event time of the first affected event, UTC.
        ends_at: event time of the first event that is no longer affected, UTC.
    """

    fault_id: str
    vehicle_id: str
    kind: FaultKind
    signals: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime
