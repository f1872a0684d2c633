"""Signals with a condition: when they are judged, and when they are judged again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dataflows.alert.judged_while import REST, JudgedWhile
from dataflows.clock import SECOND
from dataflows.decode.expressions import Expression

RPM, VOLTAGE = range(2)
NAMES = ["rpm", "voltage"]
SETTLE = 300


def judged(
    rpm: Sequence[float], every: int, *, start: int = 0, state: JudgedWhile | None = None
) -> list[bool]:
    """Whether the voltage is judged at each event of one vehicle, which come `every` seconds."""
    conditions = [None, Expression.parse("rpm > 0", NAMES)]
    state = state or JudgedWhile(conditions, settle=SETTLE)
    state.grow(1)
    values = np.column_stack([rpm, np.full(len(rpm), 14.0)])
    result = values.copy()
    times = (np.arange(start, start + every * len(rpm), every) * SECOND).astype(np.int64)
    state.drop(np.zeros(len(rpm), np.intp), times, values, result)
    assert (result[:, RPM] == values[:, RPM]).all()
    return [bool(row) for row in np.isfinite(result[:, VOLTAGE])]


def test_it_is_judged_while_the_condition_holds_and_not_otherwise() -> None:
    assert judged([800, 0, 800, 0], every=1) == [True, False, True, False]


def test_after_a_short_stop_it_is_judged_at_once() -> None:
    assert judged([800, 0, 0, 800], every=20) == [True, False, False, True]


def test_after_a_long_stop_it_settles_first() -> None:
    seconds = REST // SECOND
    found = judged([800, 0, 800, *[800] * 11], every=seconds)
    again = SETTLE // seconds + 2
    assert found == [True, False, *[False] * (again - 2), *[True] * (len(found) - again)]


def test_it_does_not_depend_on_batches() -> None:
    rpm = [800, 0, 0, *[800] * 9]
    state = JudgedWhile([None, Expression.parse("rpm > 0", NAMES)], settle=SETTLE)
    parts = judged(rpm[:2], every=60, state=state)
    parts += judged(rpm[2:], every=60, start=120, state=state)
    assert parts == judged(rpm, every=60)


def test_without_conditions_everything_is_judged() -> None:
    state = JudgedWhile([None, None], settle=SETTLE)
    assert judged([0, 0], every=100, state=state) == [True, True]


def test_state_of_other_conditions_is_not_resumed() -> None:
    before = JudgedWhile([Expression.parse("rpm > 0", NAMES), None], settle=SETTLE)
    before.grow(1)
    state = JudgedWhile([Expression.parse("rpm > 0", NAMES)] * 2, settle=SETTLE)
    state.restore(before.snapshot(1))
    assert state.off_since.shape[1] == 2
