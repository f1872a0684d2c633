"""The way of events from the vehicles to the broker: encoded in a format, and sent over a network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from config.errors import SettingsError
from dataflows.messages import MessageBatch
from sim.fleet import FleetStep
from sim.formats import Encoded, Format
from sim.formats.format import ORIGIN
from sim.in_transit import InTransit
from sim.network import Arrivals, Network
from sim.network_faults import NetworkFaults
from sim.routes import IntArray


class Transmission:
    """Sends the events of a fleet.

    Args:
        format: the shape of the messages.
        network: what they are sent over; ``None`` if nothing is wrong with it.
    """

    def __init__(self, format: Format, network: Network | None = None) -> None:
        self._format = format
        self._network = network
        self._in_transit: InTransit | None = None

    @property
    def under_way(self) -> int:
        """Messages that have been sent and have not arrived."""
        return 0 if self._in_transit is None else len(self._in_transit)

    def send(self, step: FleetStep) -> MessageBatch:
        """Send the events of a step.

        Returns:
            The messages that arrive before the next step, in order of arrival.
        """
        if self._network is None:
            batch = _of_reporters(self._format.encode(step, step.times), step)
            return self._format.together(batch)
        encoded = self._format.encode(step, self._network.clocks(step.times))
        arrivals = _of_those(self._network.arrivals(step.times), step)
        if self._in_transit is None:
            self._in_transit = InTransit(ORIGIN, keyed=encoded.batch.keys is not None)
        for batch, order in _on_time_and_late(encoded, arrivals, self._format):
            self._in_transit.add(batch, order)
        return self._in_transit.take(step.until)

    def rest(self) -> MessageBatch:
        """The messages that arrive after the last step, in order of arrival."""
        if self._in_transit is None:
            return MessageBatch([], [], [], ORIGIN)
        return self._in_transit.take()


def check_clocks(faults: NetworkFaults, format: Format, name: str) -> None:
    """Check that clocks can be wrong.

    Raises:
        SettingsError: the payloads of the format hold no time.
    """
    if faults.clock_skew and not format.sends_times:
        raise SettingsError(
            f"--network clock-skew needs payloads with a time, and those of --format {name} have none; "
            "leave it out"
        )


def _of_reporters(encoded: Encoded, step: FleetStep) -> MessageBatch:
    """The messages of those that report; parked vehicles may not."""
    if len(step.vehicles) == len(step.times):
        return encoded.batch
    return encoded.batch.take(_messages_of(step.vehicles, encoded)[1].tolist())


def _of_those(arrivals: Arrivals, step: FleetStep) -> Arrivals:
    """The arrivals of those that report; what the network does to them does not depend on the others."""
    if len(step.vehicles) == len(step.times):
        return arrivals
    chosen = np.isin(arrivals.events, step.vehicles)
    return Arrivals(*(getattr(arrivals, name)[chosen] for name in ("events", "due", "order", "on_time")))


def _on_time_and_late(
    encoded: Encoded, arrivals: Arrivals, format: Format
) -> list[tuple[MessageBatch, IntArray]]:
    """Messages with their times of arrival, and the order of those with the same time."""
    rows, positions = _messages_of(arrivals.events, encoded)
    due, order, on_time = arrivals.due[rows], arrivals.order[rows], arrivals.on_time[rows]
    parts = []
    for chosen in (np.flatnonzero(on_time), np.flatnonzero(~on_time)):
        part = encoded.batch.take(positions[chosen].tolist())
        parts.append((replace(part, arrived=due[chosen].tolist()), order[chosen]))
    (prompt, prompt_order), late = parts
    whole = format.together(prompt)
    return [(whole, prompt_order[len(prompt_order) - len(whole) :]), late]


def _messages_of(events: IntArray, encoded: Encoded) -> tuple[IntArray, IntArray]:
    """For each message of these events: the index into `events`, and its position in the batch."""
    if encoded.sizes is None:
        return np.arange(len(events)), events
    starts = np.cumsum(encoded.sizes) - encoded.sizes
    sizes = encoded.sizes[events]
    rows = np.repeat(np.arange(len(events)), sizes)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return rows, starts[events][rows] + within
