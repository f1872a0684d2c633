"""The simulator's own format: flat JSON with the signals of ``config/fleet.toml``."""

from __future__ import annotations

from sim.fleet import FleetStep
from sim.formats.format import MessagePerEvent
from sim.routes import IntArray
from sim.sensors import encode


class Plain(MessagePerEvent):
    """``{"vehicle_id": "VEH-0001", "ts": "2026-01-31T12:00:00.000Z", "sequence": 0, "speed": 61.2, …}``."""

    def payloads(self, step: FleetStep, clocks: IntArray) -> list[bytes]:
        """The n events; a signal that is missing is left out."""
        return encode(step.vehicle_ids, clocks, step.sequence, step.readings, step.telemetry)
