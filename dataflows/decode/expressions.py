"""Expressions over signals, such as ``speed - speed_limit``, evaluated for all events of a batch at once."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

import numexpr
import numpy as np
from numpy.typing import NDArray

from config.expressions import ParsedExpression, parse


class Expression:
    """An expression over the columns of a catalogue; safe to use from several threads.

    Every value is computed in float64 from the values of its own event alone, one operation after the other
    as in Python: the result does not depend on the other events of the batch, to the last bit.

    Args:
        parsed: the expression.
        names: the signals of the catalogue, in the order of its columns.

    Attributes:
        text: as it was written.
        names: the signals in it.
        is_condition: whether it is true or false rather than a number.
    """

    def __init__(self, parsed: ParsedExpression, names: Iterable[str]) -> None:
        columns = {name: column for column, name in enumerate(names)}
        self.text = parsed.text
        self.names = parsed.names
        self.is_condition = parsed.is_condition
        self._columns = [columns[name] for name in parsed.names]
        self._compiled = _compiled(parsed)
        # While it runs it releases the interpreter's lock and writes to memory that belongs to the program.
        self._lock = threading.Lock()

    @classmethod
    def parse(cls, text: str, names: Iterable[str]) -> Expression:
        """Read an expression.

        Args:
            text: what to compute; `config.expressions` says what is allowed.
            names: the signals of the catalogue, in the order of its columns.

        Raises:
            ValueError: it is wrong, in one line.
        """
        names = list(names)
        return cls(parse(text, names), names)

    def evaluate(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Its value for every event, 1 or 0 for a condition.

        Args:
            values: n events, the signals in the order of the catalogue, NaN where missing, shape (n, S).

        Returns:
            Shape (n,); NaN where one of its signals is missing, and where the result is not finite.
        """
        inputs = [values[:, column] for column in self._columns]
        with self._lock:
            result: NDArray[np.float64] = self._compiled(*inputs)
        if self.is_condition:
            result = result.astype(np.float64)
        # A comparison with NaN is false and where() then chooses: what is missing must not pass for a value.
        unknown = ~np.isfinite(result)
        for column in inputs:
            unknown |= np.isnan(column)
        result[unknown] = np.nan
        return result

    def holds(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """For which events it is true, or a number other than 0; not where one of its signals is missing.

        Args:
            values: as in `evaluate`.

        Returns:
            Shape (n,).
        """
        result = self.evaluate(values)
        found: NDArray[np.bool_] = (result != 0.0) & ~np.isnan(result)
        return found


def _compiled(parsed: ParsedExpression) -> Any:
    # A batch is too small to be shared, and every worker of the job has a processor of its own.
    numexpr.set_num_threads(1)
    signature = [(f"x{number}", np.float64) for number in range(len(parsed.names))]
    # Without optimisation a division stays a division, instead of a product with the inverse.
    return numexpr.NumExpr(parsed.code, signature, optimization="none")
