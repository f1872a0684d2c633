"""What a format is: the events of a step in, messages out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from config.topic_template import TopicTemplate
from dataflows.messages import MessageBatch
from sim.fleet import FleetStep
from sim.routes import IntArray

ORIGIN = "sim"


@dataclass(frozen=True, slots=True)
class Encoded:
    """The messages that hold n events.

    Attributes:
        batch: the messages, those of an event beside each other, in the order of the events; they arrive when
            the event happens.
        sizes: n numbers of messages, one for each event; ``None`` if each has one.
    """

    batch: MessageBatch
    sizes: IntArray | None = None


class Format(Protocol):
    """The shape in which a system sends telemetry. One object encodes one stream, step by step.

    Attributes:
        sends_times: whether payloads hold the event time.
    """

    sends_times: ClassVar[bool]

    def encode(self, step: FleetStep, clocks: IntArray) -> Encoded:
        """Encode one event of each of n vehicles.

        Args:
            step: the events.
            clocks: n event times as the clocks of the vehicles show them, microseconds.
        """

    def together(self, batch: MessageBatch) -> MessageBatch:
        """What messages become that are sent on time in the same step: usually they stay as they are."""


class MessagePerEvent(ABC):
    """A format with one message for each event.

    Args:
        template: topic of the telemetry; the vehicle is filled in.
        vehicle_ids: n ids.

    Raises:
        SettingsError: each topic is for one signal.
    """

    sends_times: ClassVar[bool] = True

    def __init__(self, template: TopicTemplate, vehicle_ids: Sequence[str]) -> None:
        self._topics = [template.topic_of(vehicle_id) for vehicle_id in vehicle_ids]
        # On Kafka there is one topic, and the key names the vehicle.
        self._keys = None if "+" in template.filter else list(vehicle_ids)

    def encode(self, step: FleetStep, clocks: IntArray) -> Encoded:
        """Encode one event of each of n vehicles, as `Format` says."""
        payloads = self.payloads(step, clocks)
        return Encoded(MessageBatch(payloads, self._topics, step.times.tolist(), ORIGIN, keys=self._keys))

    def together(self, batch: MessageBatch) -> MessageBatch:
        """The messages themselves."""
        return batch

    @abstractmethod
    def payloads(self, step: FleetStep, clocks: IntArray) -> list[bytes]:
        """The n events, encoded."""
