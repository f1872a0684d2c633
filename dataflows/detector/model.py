"""The interface of a model: an error for each event from what was learned before, and learning in blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from dataflows.compiled import Floats, Slots
from dataflows.detector.block import LearnBatch
from dataflows.detector.state import State
from dataflows.detector.window import Samples


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A model's verdict on n rows.

    Attributes:
        error: ≥ 0 and finite, shape (n,).
        contributions: each signal's share of the error, shape (n, S); rows sum to 1, or to 0 where the
            model cannot tell.
        expected: the value the model expected, in the signal's unit, shape (n, S); NaN where it expects
            none.
        band: half the width of the interval around it that holds a normal value, in the signal's unit, shape
            (n, S); NaN where it is unknown.
        memo: whatever the model wants to get back as `LearnBatch.memo` when it learns these rows, so that it
            need not compute it twice; shape (n, M).
    """

    error: Floats
    contributions: Floats
    expected: Floats
    band: Floats
    memo: Floats


class Model(State, Protocol):
    """A model of the vehicles of one shard.

    `evaluate` changes nothing, and its result for a row does not depend on the other rows of the call: a
    stream may be cut into batches anywhere.
    """

    @property
    def kind(self) -> str:
        """Name of this kind of model; another kind cannot take over its state."""

    @property
    def vehicles(self) -> int:
        """Number of vehicles that the model has learned from."""

    def rows(self, slots: Slots) -> Floats:
        """Rows learned from each vehicle, shape (n,)."""

    def evaluate(self, slots: Slots, samples: Samples) -> Evaluation:
        """Judge n rows by what was learned before.

        Args:
            slots: vehicle of each row, shape (n,).
            samples: their values.
        """

    def learn(self, block: LearnBatch) -> None:
        """Learn a block of rows."""
