"""The life of alerts as arrays: what opens, re-opens, becomes worse and clears, with hysteresis.

Every vehicle has one *channel* for each alert that it can have. A channel opens when its condition has a
strength of at least 1, stays open while the condition shows again within `clear_after`, and then clears; if
it shows again within `reopen_within` after that, the same alert opens again. So a condition that comes and
goes is one alert.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, ClassVar, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dataflows.clock import NEVER
from dataflows.compiled import Floats, Integers, Slots, compiled
from dataflows.detector.state import ArrayState
from dataflows.events import PEAKS

JOIN = 10_000_000
"""Microseconds within which conditions of a vehicle are signs of the same fault."""

MOST_ROWS = 4096
"""Events that are advanced by at a time, so that the arrays of changes stay small."""

CHANNEL = np.dtype(
    [
        ("open", "?"),
        ("level", "u1"),
        ("peak", "f4"),
        ("events", "i4"),
        ("onset", "i8"),
        ("opened", "i8"),
        ("last", "i8"),
        ("cleared", "i8"),
    ]
)
"""An alert of a vehicle; `peak` is the largest strength, the times are event times in microseconds."""

Channels: TypeAlias = NDArray[Any]

# Rounded: 200 / 3 is not exact, and a strength of exactly 2 has to be enough.
_STRENGTHS = np.round([peak / (100.0 - peak) for peak in PEAKS], 9)


class Change(IntEnum):
    """What happened to an alert."""

    OPENED = 0
    REOPENED = 1
    WORSENED = 2
    CLEARED = 3


class Conditions(NamedTuple):
    """What n events say of some channels.

    Attributes:
        strengths: 0 where a condition does not show, 1 where it is just enough for an alert, shape (n, k).
        onsets: when the condition began, microseconds, used where it opens an alert, shape (n, k) or (n, 1).
    """

    strengths: Floats
    onsets: Integers


class Changes(NamedTuple):
    """m changes in the order in which they happened.

    Attributes:
        row: the event that made the change, shape (m,).
        channel: which channel of its vehicle, shape (m,).
        change: `Change`, shape (m,).
        state: the channel after the change, of type `CHANNEL`, shape (m,).
    """

    row: Slots
    channel: Slots
    change: NDArray[np.uint8]
    state: Channels


class Lifecycle(ArrayState):
    """The alerts of the vehicles of a shard.

    Args:
        channels: alerts that a vehicle can have, K.
        together: the first channels, this many, are one alert when they show within `JOIN` of each other:
            the strongest opens, and the others count as it, unless they show later and are stronger.
        clear_after, reopen_within: seconds of event time.
    """

    PER_VEHICLE: ClassVar = ("channels", "open")

    def __init__(self, channels: int, *, together: int, clear_after: float, reopen_within: float) -> None:
        self._together = together
        self._clear_after, self._reopen_within = int(clear_after * 1e6), int(reopen_within * 1e6)
        self.channels = np.zeros((0, channels), CHANNEL)
        self.open = np.zeros(0, np.int32)

    def fill_value(self, name: str) -> Any:
        if name == "open":
            return 0
        never = np.zeros((), CHANNEL)
        never["onset"] = never["opened"] = never["last"] = never["cleared"] = NEVER
        return never

    def adopt(self, state: dict[str, Any], columns: Sequence[int | None]) -> None:
        """Take over the channels of a snapshot that had others.

        Args:
            state: what `snapshot` returned.
            columns: which of the snapshot's channels each one is, ``None`` for a new one, shape (K,).
        """
        vehicles = len(state["channels"])
        for column, old in enumerate(columns):
            if old is not None:
                self.channels[:vehicles, column] = state["channels"][:, old]
        self.open[:] = np.count_nonzero(self.channels["open"], axis=1)

    def advance(self, slots: Slots, times: Integers, conditions: Sequence[Conditions]) -> Changes:
        """Advance the alerts by n events.

        Args:
            slots: vehicle of each event, shape (n,).
            times: event times, microseconds, not falling within a vehicle, shape (n,).
            conditions: of K channels in all, those of the first ones first.
        """
        # Nearly always there is nothing to do.
        busy = self.open > 0
        for condition in conditions:
            busy[slots[_shown(condition.strengths)]] = True
        rows = np.flatnonzero(busy[slots])
        found = [self._advance(slots, times, conditions, rows[:MOST_ROWS])]
        for start in range(MOST_ROWS, len(rows), MOST_ROWS):
            found.append(self._advance(slots, times, conditions, rows[start : start + MOST_ROWS]))
        return Changes(*(np.concatenate(columns) for columns in zip(*found, strict=True)))

    def _advance(
        self, slots: Slots, times: Integers, conditions: Sequence[Conditions], rows: Slots
    ) -> Changes:
        if not len(rows):
            return Changes(rows, rows, np.zeros(0, np.uint8), np.zeros(0, CHANNEL))
        strengths = np.concatenate([condition.strengths[rows] for condition in conditions], axis=1)
        onsets = np.concatenate(
            [
                np.broadcast_to(condition.onsets[rows], (len(rows), condition.strengths.shape[1]))
                for condition in conditions
            ],
            axis=1,
        )
        most = 2 * strengths.size
        out = Changes(
            np.empty(most, np.intp),
            np.empty(most, np.intp),
            np.empty(most, np.uint8),
            np.empty(most, CHANNEL),
        )
        made = _advance(
            rows,
            slots,
            times,
            strengths,
            onsets,
            self._together,
            JOIN,
            self._clear_after,
            self._reopen_within,
            _STRENGTHS,
            self.channels,
            self.open,
            *out,
        )
        return Changes._make(column[:made] for column in out)


@compiled
def _shown(strengths: Floats) -> Slots:
    """The rows with a strength of at least 1."""
    rows = np.empty(len(strengths), np.intp)
    found = 0
    for row in range(len(strengths)):
        shown = False
        for channel in range(strengths.shape[1]):
            shown |= strengths[row, channel] >= 1.0
        rows[found] = row
        found += shown
    return rows[:found]


@compiled
def _advance(
    positions: Slots,
    slots: Slots,
    times: Integers,
    strengths: Floats,
    onsets: Integers,
    together: int,
    join: int,
    clear_after: int,
    reopen_within: int,
    levels: Floats,
    channels: Channels,
    open_channels: NDArray[np.int32],
    rows: Slots,
    which: Slots,
    changes: NDArray[np.uint8],
    states: Channels,
) -> int:
    made = 0
    for position, row in enumerate(positions):
        slot, now = slots[row], times[row]
        for number in range(channels.shape[1] if open_channels[slot] > 0 else 0):
            channel = channels[slot, number]
            if channel.open and strengths[position, number] < 1.0 and now - channel.last > clear_after:
                channel.open, channel.cleared = False, now
                open_channels[slot] -= 1
                rows[made], which[made], changes[made] = row, number, 3
                states[made] = channel
                made += 1
        strongest, running = -1, -1
        for number in range(together):
            if strengths[position, number] >= 1.0 and (
                strongest < 0 or strengths[position, number] > strengths[position, strongest]
            ):
                strongest = number
            shown_lately = channels[slot, number].open and now - channels[slot, number].last <= join
            if shown_lately and (running < 0 or channels[slot, number].last > channels[slot, running].last):
                running = number
        for number in range(channels.shape[1]):
            strength, target = strengths[position, number], number
            if strength < 1.0:
                continue
            if number < together:
                is_open = channels[slot, number].open
                if number != strongest and not is_open:
                    continue
                # A stronger sign long after an alert has opened is another fault, and no consequence.
                if running >= 0 and not is_open:
                    since = now - channels[slot, running].opened
                    if since <= join or strength <= channels[slot, running].peak:
                        target = running
            channel = channels[slot, target]
            level = 0
            for step in range(1, len(levels)):
                if strength >= levels[step]:
                    level = step
            change = -1
            if not channel.open:
                again = channel.cleared != NEVER and now - channel.cleared <= reopen_within
                if not again:
                    channel.onset, channel.events = min(onsets[position, number], now), 0
                    channel.peak, channel.level = 0.0, 0
                channel.open, channel.opened, channel.level = True, now, max(level, channel.level)
                open_channels[slot] += 1
                change = 1 if again else 0
            elif level > channel.level:
                channel.level, change = level, 2
            channel.last = max(channel.last, now)
            channel.events += 1
            channel.peak = max(channel.peak, strength)
            if change >= 0:
                rows[made], which[made], changes[made] = row, target, change
                states[made] = channel
                made += 1
    return made
