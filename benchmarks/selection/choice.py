"""What is chosen: the weights of the terms and a few parameters, by a search along one of them at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from dataflows.detector import Parameters, terms

Choice: TypeAlias = Mapping[str, float | str]
"""Name in `GRID` → value."""

GRID: Mapping[str, tuple[float | str, ...]] = {
    **dict.fromkeys(terms.NAMES, (1.0, 0.75, 0.5, 0.25)),
    "reconstructor": ("linear", "mlp"),
    "ridge": (0.01, 0.001, 0.1),
    "threshold_prior": (400.0, 100.0, 1600.0),
}
"""Values that are tried: weights of terms, and other parameters. The search starts with the first of each."""

START: Choice = {name: values[0] for name, values in GRID.items()}

ROUNDS = 2
"""How often the search goes through the grid, at most."""

STEPS = ROUNDS * len(GRID)
"""Number of steps of a search, at most."""

MOST_FLAGGED = 2.0
"""Times the promised share of normal rows that may be flagged, in the mean over the kinds."""


@dataclass(frozen=True, slots=True, order=True)
class Worth:
    """What a choice is worth; the larger, the better.

    Attributes:
        within: share of the flagged normal rows over the promised one that is allowed, negated: 0 if no more
            than `MOST_FLAGGED` times the promise is flagged, the less the more there is.
        quality: mean over the kinds of the sum of ROC-AUC and average precision.
    """

    within: float
    quality: float

    @classmethod
    def of(cls, quality: float, flagged: float, promised: float) -> Worth:
        """Any choice that keeps the promise is worth more than one that does not.

        Args:
            quality: as above.
            flagged, promised: shares of normal rows, 0–1.
        """
        return cls(min(0.0, MOST_FLAGGED - flagged / promised), quality)


def applied(choice: Choice, parameters: Parameters) -> Parameters:
    """The parameters with what was chosen; what is not in `GRID` stays."""
    weights = {name: float(choice[name]) for name in terms.NAMES}
    others: dict[str, Any] = {name: value for name, value in choice.items() if name not in weights}
    return replace(parameters, terms=weights, **others)


def search(
    judge: Callable[[Sequence[Choice]], Sequence[Worth]], step: Callable[[str], None] = lambda name: None
) -> Choice:
    """Find a choice that is worth much: the best value of each name in turn, the others as they are.

    Args:
        judge: what each of several choices is worth.
        step: called before each step with the name in `GRID`.
    """
    best = START
    (worth,) = judge([best])
    for _ in range(ROUNDS):
        before = best
        for name, values in GRID.items():
            step(name)
            tried = [{**best, name: value} for value in values if value != best[name]]
            for choice, found in zip(tried, judge(tried), strict=True):
                if found > worth:
                    best, worth = choice, found
        if best == before:
            break
    return best
