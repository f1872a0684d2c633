"""Unit and plausible range of a signal: the usual ones of its kind, or else from the sample."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dataflows.describe.names import words
from dataflows.describe.numbers import unit_of
from dataflows.describe.shape import Field
from dataflows.describe.usual import Usual, clean_unit, in_unit, of_battery, unit_in_name, usual

FEW = 0.01
"""Share of the values that may lie outside of the usual range: they are broken. More: the range is wrong."""

OBVIOUS = frozenset({"°", "1/min"})
"""Units that need no mention: no other is in use."""

_BULK = (0.5, 99.5)
"""Percentiles between which the bulk of the sample lies: broken values must not make the range."""


@dataclass(frozen=True, slots=True)
class Range:
    """What the values of a signal mean.

    Attributes:
        unit: empty for a pure number, or if it is not known.
        min, max: plausible range in that unit; ``None`` without one.
        why: where both come from.
        unsure: what could be otherwise; empty if nothing.
        assumed: whether the unit is only the usual one of such signals.
    """

    unit: str
    min: float | None
    max: float | None
    why: str
    unsure: str = ""
    assumed: bool = False


def kind_of(field: Field) -> Usual | None:
    """What kind of signal a numeric field is, by its name and, for batteries, its numbers."""
    kind = usual(" ".join(words(field.name))) or usual(field.words)
    if kind is not None and kind.name in ("battery", "voltage"):
        return of_battery(kind, field.numbers)
    return kind


def range_of(field: Field, header_unit: str = "") -> Range:
    """Unit and range of a numeric field.

    Args:
        field: with at least one number.
        header_unit: its unit as the header of a table says; empty without one.
    """
    if field.is_truth:
        return Range("", None, None, "true and false count as 1 and 0")
    kind = kind_of(field)
    said = clean_unit(header_unit) or unit_in_name(words(field.name)) or clean_unit(_unit_in_values(field))
    unit = said or (kind.unit if kind else "")
    bounds = in_unit(kind, unit) if kind else None
    low, high = float(field.numbers.min()), float(field.numbers.max())
    seen = f"{low:g} to {high:g} in the sample"
    if kind is not None and bounds is not None:
        outside = int(np.sum((field.numbers < bounds[0]) | (field.numbers > bounds[1])))
        if outside <= FEW * len(field.numbers):
            why = f"usual for {kind.name}; {seen}"
            if outside:
                why += f", {outside:,} of {len(field.numbers):,} values outside"
            assumed = bool(unit) and not said and unit not in OBVIOUS
            return Range(unit, *bounds, why, assumed=assumed)
        usually = f"{kind.name} in {unit or 'this unit'} is usually {bounds[0]:g} to {bounds[1]:g}"
        doubt = f"{usually}: which unit is it?"
        return Range(said, *_around(field), f"generous around {seen}", doubt)
    if low == high:
        return Range(unit, None, None, f"no range: always {low:g} in the sample")
    return Range(unit, *_around(field), f"generous around {seen}")


def _around(field: Field) -> tuple[float | None, float | None]:
    """Round bounds, as far from the bulk of the sample as that is wide; not below 0 if nothing there is."""
    low, high = map(float, np.percentile(field.numbers, _BULK))
    width = high - low or abs(high) or 1.0
    step = 10.0 ** math.floor(math.log10(width)) if math.isfinite(width) and width > 1e-300 else 0.0
    if not step or not math.isfinite(high + 2 * width) or not math.isfinite(low - 2 * width):
        return None, None
    lower = math.floor((low - width) / step) * step
    upper = math.ceil((high + width) / step) * step
    if low >= 0.0 > lower:
        lower = 0.0
    lower, upper = float(f"{lower:.6g}"), float(f"{upper:.6g}")
    return (lower, upper) if lower < upper else (None, None)


def _unit_in_values(field: Field) -> str:
    units = {unit_of(value) for value in field.values[:50]} - {""}
    return units.pop() if len(units) == 1 else ""
