"""The block: rows that wait to be learned together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dataflows.compiled import Floats, Slots
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

    They stand in arrays of the block's size that are used again for the next one: a row that comes alone
    costs no more to learn than one of a thousand.

    Attributes:
        size: rows at which the block is complete.
        rows: rows queued so far.
    """

    def __init__(self, size: int = 1) -> None:
        self.size = size
        self.rows = 0
        self._columns: Columns = ()

    @property
    def room(self) -> int:
        """Rows that still fit."""
        return self.size - self.rows

    def queue(self, lessons: Lessons) -> None:
        """Append rows; the caller cuts them so that they fit."""
        columns = lessons.columns()
        if not self._columns or len(self._columns[0]) < self.size:
            self._columns = tuple(
                np.empty((self.size, *column.shape[1:]), column.dtype) for column in columns
            )
        start, self.rows = self.rows, self.rows + len(lessons.slots)
        for whole, part in zip(self._columns, columns, strict=True):
            whole[start : self.rows] = part

    def queued(self) -> Lessons:
        """All queued rows, as views that hold until the next are queued."""
        return Lessons.of(self._queued())

    def begin(self, size: int) -> None:
        """Empty the block for the next `size` rows."""
        self.size, self.rows = size, 0

    def snapshot(self) -> dict[str, Any]:
        """Size and a copy of the queued rows."""
        return {"size": self.size, "columns": tuple(column.copy() for column in self._queued())}

    @classmethod
    def restore(cls, state: dict[str, Any]) -> Block:
        block = cls(state["size"])
        if state["columns"]:
            block.queue(Lessons.of(state["columns"]))
        return block

    def _queued(self) -> Columns:
        return tuple(column[: self.rows] for column in self._columns) if self.rows else ()
