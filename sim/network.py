"""The network between vehicles and broker: which events arrive, how often, when, and with which clocks.

It decides from the times of the events alone, with a random stream of its own for each kind of fault. So the
telemetry and its ground truth are the same with and without it, whatever the format, and asking for one more
fault does not move the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.network_faults import NetworkFaults
from sim.routes import BoolArray, FloatArray, IntArray

_SECOND = 1_000_000  # microseconds
_HOUR = 3600.0 * _SECOND
_REPEATED_WITHIN = 5.0  # seconds
_HELD_BACK = (1.1, 5.0)  # periods between two events of a vehicle; more than one, so that the next overtakes
_GAP = (30.0, 300.0)  # seconds
_STREAM = 0x4E6574
"""Which of the random streams of a seed is the network's; the fleet has the first few."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What arrives of n events: m ≤ 2 n arrivals.

    Attributes:
        events: m indices of events; those of first arrivals rise.
        due: m times of arrival, microseconds.
        order: m numbers; of arrivals due at the same time, the lower one is first.
        on_time: m; arrives at once and for the first time.
    """

    events: IntArray
    due: IntArray
    order: IntArray
    on_time: BoolArray


class Network:
    """The network of n vehicles.

    Args:
        faults: what is wrong with it.
        vehicles: n.
        seed: decides everything that is random; the same as for the fleet gives different numbers.
        rate: events per second and vehicle.

    Attributes:
        repeated: events that arrive twice.
        lost: events that were lost, other than in gaps.
        held_back: events that later ones may have overtaken.
        gaps: gaps in which an event happened.
        lost_in_gaps: events of gaps that never arrive.
        stored_in_gaps: events of gaps that arrive at their end.
    """

    def __init__(self, faults: NetworkFaults, vehicles: int, seed: int, rate: float) -> None:
        streams = np.random.SeedSequence(seed, spawn_key=(_STREAM,)).spawn(6)
        clocks, phases, self._losses, self._repeats, self._holds, self._gaps = map(
            np.random.default_rng, streams
        )
        self._faults = faults
        self._period = _SECOND / rate
        milliseconds = np.rint(clocks.standard_normal(vehicles) * faults.clock_skew * 1000.0)
        self._skew: IntArray = milliseconds.astype(np.int64) * 1000
        self._upload = round(faults.delay * _SECOND)
        self._phase: IntArray = (phases.random(vehicles) * self._upload).astype(np.int64)
        self._gap_start: IntArray = np.zeros(vehicles, np.int64)
        self._gap_end: IntArray = np.zeros(vehicles, np.int64)
        self._gap_loses: BoolArray = np.zeros(vehicles, np.bool_)
        self._was_offline: BoolArray = np.zeros(vehicles, np.bool_)
        self.repeated = self.lost = self.held_back = 0
        self.gaps = self.lost_in_gaps = self.stored_in_gaps = 0

    def clocks(self, times: IntArray) -> IntArray:
        """What the clocks of the vehicles show at n times; each is wrong by the same amount all the time."""
        return times + self._skew

    def arrivals(self, times: IntArray) -> Arrivals:
        """What becomes of the next event of each of n vehicles, sent at these times (microseconds)."""
        offline = self._offline(times)
        due = np.where(offline, self._gap_end, times)
        held, extent = _some(self._holds, self._faults.reorder, len(times))
        shortest, longest = _HELD_BACK
        hold = held * (shortest + extent * (longest - shortest)) * self._period
        order = times + hold.astype(np.int64)
        due = np.maximum(due, order)
        if self._upload:
            due = self._phase - (self._phase - due) // self._upload * self._upload

        lost, _ = _some(self._losses, self._faults.loss, len(times))
        lost_in_gap = offline & self._gap_loses
        arrives = ~(lost | lost_in_gap)
        self.lost += int((lost & ~lost_in_gap).sum())
        self.lost_in_gaps += int(lost_in_gap.sum())
        self.stored_in_gaps += int((offline & arrives).sum())
        self.held_back += int((held & arrives).sum())

        events = np.flatnonzero(arrives)
        due, order = due[events], order[events]
        first = Arrivals(events, due, order, due == times[events])
        repeated, extent = _some(self._repeats, self._faults.duplicates, len(times))
        return self._with_repeats(first, repeated, extent)

    def summary(self) -> str:
        """What was done, of each kind that was asked for: ``120 repeated, 3 lost``."""
        faults = self._faults
        parts = []
        if faults.duplicates:
            parts.append(f"{self.repeated:,} repeated")
        if faults.loss:
            parts.append(f"{self.lost:,} lost")
        if faults.reorder:
            parts.append(f"{self.held_back:,} held back")
        if faults.delay:
            parts.append(f"all stored for up to {faults.delay:g} s")
        if faults.gaps:
            outcome = f"{self.lost_in_gaps:,} lost and {self.stored_in_gaps:,} stored in them"
            parts.append(f"{self.gaps:,} gap{'' if self.gaps == 1 else 's'}, {outcome}")
        if faults.clock_skew:
            parts.append(f"clocks wrong by up to {np.abs(self._skew).max() / _SECOND:.3g} s")
        return ", ".join(parts)

    def _with_repeats(self, first: Arrivals, repeated: BoolArray, when: FloatArray) -> Arrivals:
        again = np.flatnonzero(repeated[first.events])
        later = (when[first.events[again]] * _REPEATED_WITHIN * _SECOND).astype(np.int64)
        self.repeated += len(again)
        return Arrivals(
            np.concatenate((first.events, first.events[again])),
            np.concatenate((first.due, first.due[again] + later)),
            np.concatenate((first.order, first.order[again] + later)),
            np.concatenate((first.on_time, np.zeros(len(again), np.bool_))),
        )

    def _offline(self, times: IntArray) -> BoolArray:
        """Which vehicles are in a gap; draws the next one of each vehicle whose gap is over."""
        if not self._faults.gaps:
            return self._was_offline
        over = np.flatnonzero(self._gap_end <= times)
        draws = self._gaps.random((3, len(over)))
        pause = -np.log1p(-draws[0]) * _HOUR / self._faults.gaps
        length = (_GAP[0] + draws[1] * (_GAP[1] - _GAP[0])) * _SECOND
        self._gap_start[over] = times[over] + pause.astype(np.int64)
        self._gap_end[over] = self._gap_start[over] + length.astype(np.int64)
        self._gap_loses[over] = draws[2] < 0.5
        offline: BoolArray = self._gap_start <= times
        self._was_offline[over] = False
        self.gaps += int((offline & ~self._was_offline).sum())
        self._was_offline = offline
        return offline


def _some(random: np.random.Generator, share: float, count: int) -> tuple[BoolArray, FloatArray]:
    """A share of n events at random, and n numbers from 0 to 1 that say how much happens to them."""
    if not share:
        return np.zeros(count, np.bool_), np.zeros(count)
    chosen, extent = random.random((2, count))
    return chosen < share, extent
