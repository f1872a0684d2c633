"""Circular signals: no jump where they start over, and back to angles on the way out."""

from __future__ import annotations

import math
import pickle
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import SnapshotError
from dataflows.detector import Detector, Parameters, Scores, Signals, Status, Turn
from dataflows.detector.circular import CircularColumns

NAMES = ("speed", "heading", "compass", "rpm")
DEGREES, SIGNED = Turn(0.0, 360.0), Turn(-math.pi, 2 * math.pi)
CIRCULAR = Signals(NAMES, circular={"heading": DEGREES, "compass": SIGNED})
ROWS = 2000


def quick_parameters(**changes: Any) -> Parameters:
    quick: dict[str, Any] = {"start_up": 50, "window": 5, "learn_every": 64, "percentile": 99.0}
    return Parameters(**quick | changes)


def drive(first: float = 150.0, rows: int = ROWS) -> np.ndarray:
    """A vehicle whose heading wanders about `first`, in degrees, with a compass in radians."""
    random = np.random.default_rng(0)
    speed = 60 + 15 * np.sin(np.arange(rows) / 25) + random.normal(size=rows)
    heading = first + 30 * np.sin(np.arange(rows) / 40) + 0.5 * random.normal(size=rows)
    compass = np.radians(heading + 0.5 * random.normal(size=rows))
    rpm = 30 * speed + 20 * random.normal(size=rows)
    wrapped = (compass + np.pi) % (2 * np.pi) - np.pi
    return np.stack([speed, heading % 360.0, wrapped, rpm], axis=1)


def times(rows: int) -> np.ndarray:
    return np.arange(rows, dtype=np.int64) * 1_000_000


def scored(values: np.ndarray, signals: Signals | tuple[str, ...] = CIRCULAR, **changes: Any) -> Scores:
    return Detector(quick_parameters(**changes), signals).process(
        ["car"] * len(values), times(len(values)), values
    )


def apart(left: np.ndarray, right: np.ndarray, period: float) -> np.ndarray:
    """Distance along the circle."""
    across: np.ndarray = (left - right) % period
    return np.where(across > period / 2, period - across, across)


def test_two_headings_that_cross_north_one_after_the_other_are_no_anomaly() -> None:
    """They do so once, after many events elsewhere: as plain numbers they contradict each other."""
    random = np.random.default_rng(1)
    heading = 180 + 165 * np.sin(np.arange(ROWS) / 40) + random.normal(size=ROWS)
    course = heading + random.normal(size=ROWS)
    heading[1500:1504], course[1500:1504] = (357.0, 358.5, 0.5, 1.5), (358.0, 0.1, 359.5, 2.0)
    values, names = np.stack([drive()[:, 0], heading, course], axis=1), ("speed", "heading", "course")
    plain = scored(values, names)
    circular = scored(values, Signals(names, circular={"heading": DEGREES, "course": DEGREES}))
    assert plain.anomaly[1501:1503].all()
    assert plain.contributions[1501:1503, 1:].sum(axis=1).min() > 0.9
    assert not circular.anomaly[1500:1504].any()


def test_what_is_expected_near_north_is_near_north() -> None:
    values = drive(first=0.0)
    expected = scored(values).expected[1000:]
    assert ((expected[:, 1] >= 0.0) & (expected[:, 1] <= 360.0)).all()
    assert (np.abs(expected[:, 2]) <= math.pi).all()
    assert np.median(apart(expected[:, 1], values[1000:, 1], 360.0)) < 2.0
    assert np.median(apart(expected[:, 2], values[1000:, 2], 2 * math.pi)) < math.radians(2.0)


def test_a_wrong_heading_leads_the_contributions_which_sum_to_one() -> None:
    values = drive()
    values[1500:1505, 1] = (values[1500:1505, 1] + 170.0) % 360.0
    scores = scored(values)
    assert scores.contributions.shape == scores.expected.shape == values.shape
    assert scores.anomaly[1500:1505].all()
    assert (scores.contributions[1500:1505].argmax(axis=1) == 1).all()
    total = scores.contributions.sum(axis=1)
    assert (np.isclose(total, 1.0) | (total == 0.0)).all()


def test_whole_turns_make_no_difference() -> None:
    values, turned = drive(), drive()
    turned[::3, 1] += 720.0
    turned[1::3, 1] -= 360.0
    left, right = scored(values), scored(turned)
    np.testing.assert_allclose(left.error, right.error, atol=1e-6)


def test_a_circular_signal_that_is_missing_or_infinite_is_missing() -> None:
    values = drive()
    values[1000:, 1] = np.nan
    values[1500:, 1] = np.inf
    scores = scored(values, hold=3.0)
    assert (scores.status[1003:] == Status.PARTIAL).all()
    assert (scores.status[900:1000] == Status.OK).all()
    assert (scores.contributions[1003:, 1] == 0.0).all()
    assert np.median(apart(scores.expected[1003:, 1], drive()[1003:, 1], 360.0)) < 2.0


turns = st.builds(Turn, start=st.floats(-1000, 1000), period=st.floats(1e-3, 1e4) | st.just(360.0))


@given(turn=turns, share=st.floats(0.0, 1.0, exclude_max=True), others=st.tuples(st.floats(), st.floats()))
def test_an_angle_comes_back_and_other_signals_are_not_touched(
    turn: Turn, share: float, others: tuple[float, float]
) -> None:
    value = turn.start + share * turn.period
    columns = CircularColumns(3, {1: turn})
    values = np.array([[others[0], value, others[1]]])
    expanded = columns.expanded(values)
    assert expanded.shape == (1, 4)
    assert expanded[0, 1] ** 2 + expanded[0, 3] ** 2 == pytest.approx(1.0)
    folded = columns.values(expanded)
    reach = 1e-9 * (turn.period + abs(turn.start))
    assert apart(folded[:, 1], values[:, 1], turn.period)[0] <= reach
    assert turn.start - reach <= folded[0, 1] <= turn.start + turn.period + reach
    assert folded[:, [0, 2]].tobytes() == values[:, [0, 2]].tobytes()


@given(value=st.floats())
def test_every_number_becomes_a_point_of_the_circle_or_is_missing(value: float) -> None:
    expanded = CircularColumns(1, {0: DEGREES}).expanded(np.array([[value]]))
    if math.isfinite(value):
        assert np.hypot(*expanded[0]) == pytest.approx(1.0)
    else:
        assert np.isnan(expanded).all()


def test_contributions_of_both_columns_are_added() -> None:
    columns = CircularColumns(3, {0: DEGREES, 2: SIGNED})
    assert columns.sums(np.array([[1.0, 2.0, 4.0, 8.0, 16.0]])).tolist() == [[9.0, 2.0, 20.0]]


def test_without_circular_signals_nothing_is_copied() -> None:
    columns, values = Signals(NAMES).columns, drive()
    assert columns.expanded(values) is values
    assert columns.values(values) is values
    assert columns.sums(values) is values


def test_a_circular_context_signal_has_no_column_that_is_evidence() -> None:
    signals = Signals(NAMES, context=("compass",), circular=CIRCULAR.circular)
    assert signals.judged.tolist() == [True, True, False, True, True, False]
    values = drive()
    values[1500:, 2] = 0.0
    assert (scored(values, signals).contributions[:, 2] == 0.0).all()


both = Signals(NAMES, context=("speed",), circular=CIRCULAR.circular)


def joined(cuts: list[int], reload: bool, reconstructor: str) -> Scores:
    """Scores of a stream with gaps and late events that was cut into batches."""
    values, when = drive(first=0.0, rows=400), times(400)
    values[np.random.default_rng(5).random(values.shape) < 0.2] = np.nan
    when[::17] -= 7_500_000
    parameters, parts, start = quick_parameters(reconstructor=reconstructor), [], 0
    detector = Detector(parameters, both)
    for stop in [*cuts, 400]:
        ids = [f"car-{row % 3}" for row in range(start, stop)]
        parts.append(detector.process(ids, when[start:stop], values[start:stop]))
        if reload:
            state = pickle.loads(pickle.dumps(detector.snapshot()))  # noqa: S301
            detector = Detector.restore(parameters, both, state)
        start = stop
    return Scores(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(Scores)))


@pytest.mark.parametrize("reconstructor", ["linear", "mlp"])
@given(cuts=st.lists(st.integers(0, 400), max_size=10).map(sorted), reload=st.booleans())
def test_batches_and_restarts_change_no_bit_with_context_and_circular_signals(
    cuts: list[int], reload: bool, reconstructor: str
) -> None:
    whole, parts = joined([], False, reconstructor), joined(cuts, reload, reconstructor)
    for each in fields(Scores):
        assert getattr(whole, each.name).tobytes() == getattr(parts, each.name).tobytes(), each.name


def test_what_is_judged_is_scored_the_same_when_it_comes() -> None:
    values, detector = drive(first=0.0, rows=301), Detector(quick_parameters(), both)
    detector.process(["car"] * 300, times(300), values[:300])
    judged = detector.judge(["car"], times(301)[300:], values[300:])
    come = detector.process(["car"], times(301)[300:], values[300:])
    assert judged.expected.tobytes() == come.expected.tobytes()
    assert judged.contributions.tobytes() == come.contributions.tobytes()


def test_another_turn_does_not_fit_the_snapshot_but_another_range_does() -> None:
    state = Detector(quick_parameters(), CIRCULAR).snapshot()
    with pytest.raises(SnapshotError, match=r"circular = \(\('heading', 6.0\),"):
        Detector.restore(
            quick_parameters(),
            Signals(NAMES, circular={"heading": Turn(0.0, 6.0), "compass": SIGNED}),
            state,
        )
    moved = Signals(NAMES, circular={"compass": SIGNED, "heading": Turn(-180.0, 360.0)})
    assert Detector.restore(quick_parameters(), moved, state).signals == NAMES


@pytest.mark.parametrize("turn", [Turn(0.0, 0.0), Turn(0.0, math.inf), Turn(math.nan, 1.0)])
def test_a_turn_needs_a_length(turn: Turn) -> None:
    with pytest.raises(ValueError, match="heading: expected a finite turn with a period > 0"):
        Signals(NAMES, circular={"heading": turn})
