"""What a detector needs of a model: an error per event from what was learned before, and learning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from dataflows.compiled import Floats, Slots
from dataflows.detector.block import Lessons
from dataflows.detector.state import State
from dataflows.detector.window import Filled


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a model says of n rows.

    Attributes:
        error: ≥ 0 and finite, shape (n,).
        contributions: each signal's share of the error, shape (n, S); rows sum to 1, or to 0 where the
            model cannot tell.
        expected: the value the model expected, in the signal's unit, shape (n, S); NaN where it expects
            none.
        terms: what the model wants to have back when it learns these rows, shape (n, T).
    """

    error: Floats
    contributions: Floats
    expected: Floats
    terms: Floats


class Model(State, Protocol):
    """A model of the vehicles of one shard.

    `evaluate` changes nothing, and what it says of a row does not depend on the rows beside it: so a
    stream may be cut into batches anywhere.
    """

    @property
    def vehicles(self) -> int:
        """Vehicles that something was learned of."""

    def rows(self, slots: Slots) -> Floats:
        """Rows learned of each vehicle, shape (n,)."""

    def evaluate(self, slots: Slots, filled: Filled) -> Evaluation:
        """Judge n rows by what was learned before."""

    def learn(self, block: Lessons) -> None:
        """Learn a block of rows."""
