"""TeslaMate over MQTT: a topic for each vehicle and signal, with the bare value; ``config/teslamate.toml``.

As in its MQTT integration, a message is sent for every known value, and none for one that is not known. Cars
have their numbers there; here they have the ids of the fleet, since the ground truth names those.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import Any, ClassVar

import numpy as np

from config.errors import SettingsError
from config.topic_template import SIGNAL, TopicTemplate
from dataflows.messages import MessageBatch
from sim.fleet import FleetStep
from sim.formats.format import ORIGIN, Encoded
from sim.routes import FloatArray, IntArray
from sim.sensors import Readings, column

_SIGNALS = ("speed", "power", "battery_level", "latitude", "longitude", "shift_state")
_MASS = 1_850.0  # kg
_ROLLING = 0.01  # resistance, share of the weight
_DRAG = 0.33  # N per (m/s)²: half of the density of air times the drag area
_GRAVITY = 9.81  # m/s²


class TeslaMate:
    """``61`` on ``teslamate/cars/VEH-0001/speed``, and so on for `_SIGNALS`.

    Args:
        template: topic of the telemetry; vehicle and signal are filled in.
        vehicle_ids: n ids.

    Raises:
        SettingsError: the topic has no place for the signal.
    """

    sends_times: ClassVar[bool] = False

    def __init__(self, template: TopicTemplate, vehicle_ids: Sequence[str]) -> None:
        if not template.names_signal:
            raise SettingsError(
                f"--format teslamate has a topic for each signal: expected [topics] telemetry with {SIGNAL}, "
                f"got {template.text!r}; run it with FLEET_CONFIG=config/teslamate.toml"
            )
        self._topics = [template.topic_of(vehicle, signal) for vehicle in vehicle_ids for signal in _SIGNALS]

    def encode(self, step: FleetStep, _: IntArray) -> Encoded:
        """Up to six messages for each of n vehicles, as `Format` says."""
        readings = step.readings
        columns: list[list[Any]] = [
            column(np.round(readings["speed"]), integer=True, missing=None),
            column(np.round(power(readings)), integer=True, missing=None),
            column(np.round(readings["fuel"]), integer=True, missing=None),
            readings["latitude"].tolist(),
            readings["longitude"].tolist(),
            ["D"] * len(step.times),
        ]
        values = [value for event in zip(*columns, strict=True) for value in event]
        known = [value is not None for value in values]
        batch = MessageBatch(
            payloads=[str(value).encode() for value in compress(values, known)],
            topics=list(compress(self._topics, known)),
            arrived=list(compress(np.repeat(step.times, len(_SIGNALS)).tolist(), known)),
            origin=ORIGIN,
        )
        return Encoded(batch, np.array(known, np.int64).reshape(-1, len(_SIGNALS)).sum(axis=1))

    def together(self, batch: MessageBatch) -> MessageBatch:
        """The messages themselves."""
        return batch


def power(readings: Readings) -> FloatArray:
    """Power that the battery of such a car would give, kW: negative while braking."""
    speed = readings["speed"] / 3.6
    force = _MASS * (readings["acceleration"] + _ROLLING * _GRAVITY * (speed > 0.0)) + _DRAG * speed**2
    watts: FloatArray = force * speed
    return watts / 1000.0
