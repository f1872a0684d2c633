"""The block: rows that wait to be learned together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dataflows.detector.rowwise import Floats, Slots
from dataflows.detector.window import Filled

Columns: TypeAlias = tuple[NDArray[Any], ...]


@dataclass(frozen=True, slots=True)
class Lessons:
    """Scored rows with all that is learned from them.

    Attributes:
        slots: vehicle of each row, shape (n,).
        filled: the rows with missing values held.
        terms: shape (n, T).
        errors: as they are to be counted for the threshold, shape (n,).
        model_weights, threshold_weights: shape (n,).
    """

    slots: Slots
    filled: Filled
    terms: Floats
    errors: Floats
    model_weights: Floats
    threshold_weights: Floats

    def columns(self) -> Columns:
        """The arrays alone, in the order that `of` takes them."""
        return (
            self.slots,
            *self.filled.columns(),
            self.terms,
            self.errors,
            self.model_weights,
            self.threshold_weights,
        )

    @classmethod
    def of(cls, columns: Columns) -> Lessons:
        slots, *filled, terms, errors, model_weights, threshold_weights = columns
        return cls(slots, Filled(*filled), terms, errors, model_weights, threshold_weights)


class Block:
    """Rows that were scored with the same frozen parameters, until they are learned together.

    Attributes:
        size: rows at which the block is complete.
        rows: rows queued so far.
    """

    def __init__(self, size: int = 1) -> None:
        self.size = size
        self.rows = 0
        self._queued: list[Columns] = []

    @property
    def room(self) -> int:
        """Rows that still fit."""
        return self.size - self.rows

    def queue(self, lessons: Lessons) -> None:
        """Append rows; the caller cuts them so that they fit."""
        self._queued.append(lessons.columns())
        self.rows += len(lessons.slots)

    def joined(self) -> Lessons:
        """All queued rows as one."""
        # Concatenation keeps the memory order of its parts, and sums add in memory order: without one
        # order for all, the same rows would be learned differently when they came one by one.
        columns = (np.concatenate(parts) for parts in zip(*self._queued, strict=True))
        return Lessons.of(tuple(map(np.ascontiguousarray, columns)))

    def snapshot(self) -> dict[str, Any]:
        """Size and queued arrays; those are never changed once queued, so they are not copied."""
        return {"size": self.size, "queued": list(self._queued)}

    @classmethod
    def restore(cls, state: dict[str, Any]) -> Block:
        block = cls(state["size"])
        for columns in state["queued"]:
            block.queue(Lessons.of(columns))
        return block
