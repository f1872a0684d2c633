"""The block: scored rows that are waiting to be learned together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dataflows.compiled import Floats, Integers, Slots, compiled
from dataflows.detector.window import Samples

Columns: TypeAlias = tuple[NDArray[Any], ...]


class LearnedBlock(NamedTuple):
    """What is reported about a block once it is learned.

    Attributes:
        time: event time of its last row, microseconds since 1970-01-01 UTC.
        mean_log_error: mean of the natural logarithm of its rows' errors.
    """

    time: int
    mean_log_error: float


@dataclass(frozen=True, slots=True)
class LearnBatch:
    """n scored rows with everything that is learned from them, in arrival order.

    Attributes:
        slots: vehicle of each row, shape (n,).
        times: event times, microseconds since 1970-01-01 UTC, shape (n,).
        samples: the rows' values, missing ones held.
        memo: `Evaluation.memo` of the rows, shape (n, M).
        errors: as scored, ≥ 0, shape (n,).
        model_weights, threshold_weights: how much each row counts for the model and for the threshold, ≥ 0,
            shape (n,).
    """

    slots: Slots
    times: Integers
    samples: Samples
    memo: Floats
    errors: Floats
    model_weights: Floats
    threshold_weights: Floats

    def columns(self) -> Columns:
        """All arrays, in the order that `of` expects."""
        return (
            self.slots,
            self.times,
            *self.samples.columns(),
            self.memo,
            self.errors,
            self.model_weights,
            self.threshold_weights,
        )

    @classmethod
    def of(cls, columns: Columns) -> LearnBatch:
        """The batch made of these arrays, as returned by `columns`."""
        slots, times, *samples, memo, errors, model_weights, threshold_weights = columns
        return cls(slots, times, Samples(*samples), memo, errors, model_weights, threshold_weights)

    def summary(self) -> LearnedBlock | None:
        """What is reported about the rows, n ≥ 1; ``None`` if every error is 0."""
        mean = _mean_log(self.errors)
        return None if np.isnan(mean) else LearnedBlock(int(self.times[-1]), mean)


class Block:
    """Rows that were scored with the same frozen parameters, queued until they are learned together.

    They are kept in arrays of the block's size that are reused for the next block: a row that arrives alone
    costs no more to learn than one of a thousand.

    Attributes:
        size: number of rows at which the block is complete.
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

    def queue(self, batch: LearnBatch) -> None:
        """Append rows; there must be room for all of them."""
        columns = batch.columns()
        if not self._columns or len(self._columns[0]) < self.size:
            self._columns = tuple(
                np.empty((self.size, *column.shape[1:]), column.dtype) for column in columns
            )
        start, self.rows = self.rows, self.rows + len(batch.slots)
        for whole, part in zip(self._columns, columns, strict=True):
            whole[start : self.rows] = part

    def queued(self) -> LearnBatch:
        """All queued rows, as views that are valid until more rows are queued."""
        return LearnBatch.of(self._queued())

    def clear(self, size: int) -> None:
        """Empty the block; the next one has `size` rows."""
        self.size, self.rows = size, 0

    def snapshot(self) -> dict[str, Any]:
        """The size and a copy of the queued rows."""
        return {"size": self.size, "columns": tuple(column.copy() for column in self._queued())}

    @classmethod
    def restore(cls, state: dict[str, Any]) -> Block:
        """A block with the queued rows that `snapshot` returned."""
        block = cls(state["size"])
        if state["columns"]:
            block.queue(LearnBatch.of(state["columns"]))
        return block

    def _queued(self) -> Columns:
        return tuple(column[: self.rows] for column in self._columns) if self.rows else ()


@compiled
def _mean_log(errors: Floats) -> float:
    """Mean logarithm of those errors that are above 0; NaN if none is."""
    total, rows = 0.0, 0
    for error in errors:
        if error > 0.0:
            total += np.log(error)
            rows += 1
    return total / rows if rows else np.nan
