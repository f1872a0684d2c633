"""Signals that are computed from other signals of the same event."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from config.expressions import in_order, parse
from config.settings import SignalSettings
from dataflows.decode.expressions import Expression


class DerivedSignals:
    """The derived signals of a catalogue.

    Args:
        signals: the catalogue, with at least one derived signal.

    Raises:
        ValueError: an expression is wrong, or some use each other in a circle.
    """

    def __init__(self, signals: Mapping[str, SignalSettings]) -> None:
        parsed = {
            name: parse(signal.expression, signals)
            for name, signal in signals.items()
            if signal.expression is not None
        }
        columns = {name: column for column, name in enumerate(signals)}
        self._signals = len(columns)
        self._measured = [column for name, column in columns.items() if name not in parsed]
        self._derived = [(columns[name], Expression(parsed[name], columns)) for name in in_order(parsed)]

    @classmethod
    def of(cls, signals: Mapping[str, SignalSettings]) -> DerivedSignals | None:
        """Those of a catalogue; ``None`` if all of its signals are measured."""
        return cls(signals) if any(signal.is_derived for signal in signals.values()) else None

    def added_to(self, measured: NDArray[np.float64]) -> NDArray[np.float64]:
        """All signals of n events.

        Args:
            measured: the measured signals in the order of the catalogue and in their units, NaN where
                missing, shape (n, M).

        Returns:
            All signals in that order, shape (n, S); a derived one is NaN where one of its signals is, and
            where it is not finite.
        """
        values = np.empty((len(measured), self._signals))
        values[:, self._measured] = measured
        for column, expression in self._derived:
            values[:, column] = expression.evaluate(values)
        return values
