"""A digital twin over MQTT: the whole fleet in every message, without times; ``config/digital-twin.toml``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import msgspec

from config.errors import SettingsError
from config.topic_template import TopicTemplate
from dataflows.messages import MessageBatch
from sim.fleet import FleetStep
from sim.formats.format import MessagePerEvent
from sim.routes import IntArray
from sim.sensors import column


class _Vehicle(msgspec.Struct, frozen=True):
    vehicle_id: str
    speed: float | msgspec.UnsetType
    battery: float | msgspec.UnsetType
    location: tuple[float, float]


class DigitalTwin(MessagePerEvent):
    """``{"VEH-0001": {"vehicle_id": "VEH-0001", "speed": 37.5, …}, "VEH-0002": {…}, …}``.

    A message is sent when the last vehicle of a step has reported. What arrives late or once more is a
    message with this vehicle only. The battery drives these vehicles: it is the simulated fuel level.

    Raises:
        SettingsError: each vehicle has a topic of its own.
    """

    sends_times: ClassVar[bool] = False

    def __init__(self, template: TopicTemplate, vehicle_ids: Sequence[str]) -> None:
        if "+" in template.filter:
            raise SettingsError(
                f"--format digital-twin has one topic for the fleet: expected [topics] telemetry without a "
                f"vehicle, got {template.text!r}; run it with FLEET_CONFIG=config/digital-twin.toml"
            )
        super().__init__(template, vehicle_ids)
        # Its messages belong to no vehicle. Over Kafka they all have the same key, and so keep their order.
        self._keys = None

    def payloads(self, step: FleetStep, _: IntArray) -> list[bytes]:
        """Each of the n events in a map of its own; a signal that is missing is left out."""
        readings = step.readings
        encode = msgspec.json.Encoder().encode
        locations = zip(readings["latitude"].tolist(), readings["longitude"].tolist(), strict=True)
        vehicles = zip(
            step.vehicle_ids, column(readings["speed"]), column(readings["fuel"]), locations, strict=True
        )
        return [encode({vehicle[0]: _Vehicle(*vehicle)}) for vehicle in vehicles]

    def together(self, batch: MessageBatch) -> MessageBatch:
        """One message with all vehicles, at the time of the last one."""
        if not batch.payloads:
            return batch
        fleet = b"{" + b",".join(payload[1:-1] for payload in batch.payloads) + b"}"
        return MessageBatch([fleet], batch.topics[:1], batch.arrived[-1:], batch.origin)
