"""The signals of a detector, and what is known about them beforehand."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from dataflows.compiled import Mask
from dataflows.detector.circular import CircularColumns, Turn


@dataclass(frozen=True, slots=True)
class Signals:
    """S signals. The parts of a detector see them as columns: two of each circular signal, one of all others.

    Attributes:
        names: in the order of the values.
        context: those that explain the others: they are believed, and are no evidence of an anomaly.
        circular: those that start over after one turn → their values.

    Raises:
        ValueError: `context` or `circular` names something else, a turn has no length, or every signal is
            context.
    """

    names: Sequence[str]
    context: Collection[str] = ()
    circular: Mapping[str, Turn] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = sorted({*self.context, *self.circular} - set(self.names))
        if unknown:
            raise ValueError(f"expected names of signals ({', '.join(self.names)}), got {', '.join(unknown)}")
        if self.names and set(self.context) == set(self.names):
            raise ValueError("expected at least one signal that is not context, got none")
        for name, turn in self.circular.items():
            if not (np.isfinite(turn.start) and 0.0 < turn.period < np.inf):
                raise ValueError(f"{name}: expected a finite turn with a period > 0, got {turn}")

    @classmethod
    def of(cls, signals: Signals | Sequence[str]) -> Signals:
        """The signals; of names alone, all are to be judged and none is circular."""
        return signals if isinstance(signals, Signals) else cls(tuple(signals))

    @property
    def columns(self) -> CircularColumns:
        """Turns values into columns and back."""
        places = {name: place for place, name in enumerate(self.names)}
        return CircularColumns(
            len(self.names), {places[name]: turn for name, turn in self._circular_in_order()}
        )

    @property
    def judged(self) -> Mask:
        """Which columns are evidence, shape (S + C,): those of all signals but context."""
        names = [*self.names, *(name for name, _ in self._circular_in_order())]
        return np.array([name not in self.context for name in names], np.bool_)

    @property
    def header(self) -> dict[str, tuple[object, ...]]:
        """What the state of a detector depends on, as plain data in the order of the names."""
        return {
            "signals": tuple(self.names),
            "context": tuple(name for name in self.names if name in self.context),
            "circular": tuple((name, turn.period) for name, turn in self._circular_in_order()),
        }

    def _circular_in_order(self) -> list[tuple[str, Turn]]:
        return [(name, self.circular[name]) for name in self.names if name in self.circular]
