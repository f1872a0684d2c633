"""Injects faults into recorded trips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np

from dataflows.compiled import Floats

Kind: TypeAlias = Literal["stuck", "spike", "drift", "offset", "noise", "zero", "gain", "other time"]
KINDS: tuple[Kind, ...] = get_args(Kind)

SHORTEST, LONGEST = 20, 80
"""Rows that a fault lasts, at least and at most."""

PAUSE = (250, 450)
"""Rows between two faults, from and to (exclusive)."""

MOVING_VALUES = 5
"""A signal needs more distinct values than this to be given a fault."""


@dataclass(frozen=True, slots=True)
class InjectedRows:
    """One fault.

    Attributes:
        kind: kind of fault.
        signal: column.
        start, stop: rows, `stop` not included.
    """

    kind: Kind
    signal: int
    start: int
    stop: int


def inject(
    values: Floats,
    first: int,
    random: np.random.Generator,
    *,
    pause: tuple[int, int] = PAUSE,
    at_once: int = 1,
) -> tuple[Floats, list[InjectedRows]]:
    """Inject faults into a trip.

    Args:
        values: shape (n, S); NaN where a signal was not sent; it stays NaN in a fault.
        first: rows before this one are not changed.
        random: decides kinds, signals, rows and sizes.
        pause: rows between two faults, as in `PAUSE`.
        at_once: largest number of signals that have the same kind of fault in the same rows.

    Returns:
        The changed trip, shape (n, S), and the faults in order, one entry for each signal. A fault that would
        change no value is left out.
    """
    changed = values.copy()
    deviation = np.nanstd(values, axis=0)
    sent = np.isfinite(values)
    moving = [
        signal
        for signal in range(values.shape[1])
        if len(np.unique(values[sent[:, signal], signal])) > MOVING_VALUES
    ]
    faults: list[InjectedRows] = []
    start = first + int(random.integers(0, pause[0]))
    while moving and start + LONGEST < len(values):
        stop = start + int(random.integers(SHORTEST, LONGEST + 1))
        signals, kind = [int(random.choice(moving))], KINDS[int(random.integers(len(KINDS)))]
        if at_once > 1:
            others = [signal for signal in moving if signal not in signals]
            more = min(int(random.integers(at_once)), len(others))
            signals += random.choice(others, more, replace=False).tolist() if more else []
        for signal in signals:
            before = values[:start, signal]
            column = _faulty(kind, values[start:stop, signal], before, float(deviation[signal]), random)
            column = np.where(sent[start:stop, signal], column, np.nan)
            if np.nanmax(np.abs(column - values[start:stop, signal]), initial=0.0) > 0:
                changed[start:stop, signal] = column
                faults.append(InjectedRows(kind, signal, start, stop))
        start = stop + int(random.integers(*pause))
    return changed, faults


def _faulty(
    kind: Kind, values: Floats, before: Floats, deviation: float, random: np.random.Generator
) -> Floats:
    sign, rows = float(random.choice((-1.0, 1.0))), len(values)
    known = before[np.isfinite(before)]
    added: Floats
    match kind:
        case "stuck":
            return np.full(rows, known[-1] if len(known) else np.nan)
        case "zero":
            return np.zeros(rows)
        case "gain":
            return values * float(random.uniform(1.2, 1.8))
        case "other time":
            place = int(random.integers(0, max(1, len(known) - rows)))
            borrowed = known[place : place + rows]
            return np.resize(borrowed, rows) if len(borrowed) else values.copy()
        case "spike":
            added = sign * random.uniform(3, 6) * (random.random(rows) < 0.2).astype(np.float64)
        case "drift":
            added = sign * random.uniform(1.5, 4) * (np.arange(rows, dtype=np.float64) / rows)
        case "offset":
            added = np.full(rows, sign * random.uniform(1, 3))
        case "noise":
            added = random.normal(0, random.uniform(0.5, 1.5), rows)
    return values + deviation * added
