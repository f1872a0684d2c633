"""Signals that are judged only while a condition holds, as the catalogue's `when` says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from dataflows.clock import NEVER, SECOND
from dataflows.compiled import Floats, Integers, Mask, Slots, compiled
from dataflows.decode.expressions import Expression
from dataflows.detector.state import ArrayState

REST = 60 * SECOND
"""Microseconds that a condition does not hold for before what comes after is a new beginning.

A stop at a traffic light is none, but an engine that is started again after refuelling is.
"""


class JudgedWhile(ArrayState):
    """Follows the conditions of C of S signals.

    Args:
        conditions: of each signal, or ``None``, shape (S,).
        settle: seconds in which a signal is not judged after its condition has not held for long.

    Attributes:
        off_since: event time since which each condition has not held, microseconds, `NEVER` while it holds,
            shape (V, C).
        from_then: event time from which on each signal is judged, shape (V, C).
    """

    PER_VEHICLE: ClassVar = ("off_since", "from_then")

    def __init__(self, conditions: Sequence[Expression | None], *, settle: float) -> None:
        self._conditions = [condition for condition in conditions if condition is not None]
        self._columns = np.flatnonzero([condition is not None for condition in conditions])
        self._settle = int(settle * SECOND)
        self.off_since = np.zeros((0, len(self._columns)), np.int64)
        self.from_then = np.zeros((0, len(self._columns)), np.int64)

    def fill_value(self, name: str) -> Any:
        return NEVER

    def restore(self, state: dict[str, Any]) -> None:
        """Replace the state by a copy of what `snapshot` returned, unless that was of other conditions."""
        if state["off_since"].shape[1] == len(self._columns):
            super().restore(state)
        else:
            self.grow(len(state["off_since"]))

    def drop(self, slots: Slots, times: Integers, values: Floats, judged: Floats) -> None:
        """Put NaN in place of the values of n events that are not judged.

        Args:
            slots: vehicle of each event, shape (n,).
            times: event times, microseconds, not falling within a vehicle, shape (n,).
            values: of all signals, shape (n, A).
            judged: of the S signals; changed.
        """
        if not self._conditions:
            return
        holds = np.stack([condition.holds(values) for condition in self._conditions], axis=1)
        _drop(slots, times, holds, self._columns, self._settle, self.off_since, self.from_then, judged)


@compiled
def _drop(
    slots: Slots,
    times: Integers,
    holds: Mask,
    columns: Slots,
    settle: int,
    off_since: Integers,
    from_then: Integers,
    judged: Floats,
) -> None:
    for row in range(len(slots)):
        slot, now = slots[row], times[row]
        for place in range(len(columns)):
            since = off_since[slot, place]
            if not holds[row, place]:
                off_since[slot, place] = now if since == NEVER else since
                judged[row, columns[place]] = np.nan
                continue
            if since != NEVER and now - since >= REST:
                from_then[slot, place] = now + settle
            off_since[slot, place] = NEVER
            if now < from_then[slot, place]:
                judged[row, columns[place]] = np.nan
