"""Properties of every kind of detector that can be chosen in the settings."""

from __future__ import annotations

import pickle
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.settings import DetectorSettings, load
from dataflows.detector import Detector, Scores, Signals
from dataflows.score.models import make_model, parameters_of

KINDS: dict[str, dict[str, Any]] = {
    "linear": {"kind": "reconstruction", "reconstructor": "linear"},
    "mlp": {"kind": "reconstruction", "reconstructor": "mlp"},
    "half-space-trees": {
        "kind": "river.anomaly.HalfSpaceTrees",
        "river": {"n_trees": 5, "height": 4, "seed": 1},
    },
    "one-class-svm": {"kind": "river.anomaly.OneClassSVM"},
    "loda": {"kind": "river.anomaly.LODA", "river": {"seed": 1}},
}
SIGNALS = ["a", "b", "c"]
ROWS = 260
kinds = pytest.mark.parametrize("kind", KINDS)


def chosen(kind: str) -> DetectorSettings:
    return load().detector.model_copy(update={"start_up": 30, **KINDS[kind]})


def detector(kind: str, state: dict[str, Any] | None = None) -> Detector:
    model = make_model(chosen(kind), Signals(SIGNALS))
    if state is None:
        return Detector(parameters_of(chosen(kind)), SIGNALS, model)
    return Detector.restore(parameters_of(chosen(kind)), SIGNALS, state, model)


def drive(seed: int = 0, rows: int = ROWS) -> np.ndarray:
    random = np.random.default_rng(seed)
    speed = np.cumsum(random.normal(size=rows))
    values = np.stack((speed, -2 * speed + random.normal(size=rows), random.normal(5, 0.1, rows)), axis=1)
    values[random.random(rows) < 0.03, 1] += 40
    return values


def scored(made: Detector, values: np.ndarray, first: int = 0, vehicle: str = "car") -> Scores:
    times = np.arange(first, first + len(values), dtype=np.int64) * 1_000_000
    return made.process([vehicle] * len(values), times, values)


def assert_same(left: Scores, right: Scores, rows: slice = slice(None)) -> None:
    for field in fields(Scores):
        a, b = getattr(left, field.name)[rows], getattr(right, field.name)[rows]
        assert a.tobytes() == b.tobytes(), field.name


@kinds
def test_a_row_is_scored_before_it_or_anything_after_it_is_learned(kind: str) -> None:
    values, other = drive(), drive()
    other[200:] = 1000.0
    assert_same(scored(detector(kind), values), scored(detector(kind), other), slice(0, 200))


@kinds
def test_the_same_stream_gives_the_same_scores(kind: str) -> None:
    assert_same(scored(detector(kind), drive()), scored(detector(kind), drive()))


@kinds
@given(cuts=st.lists(st.integers(1, ROWS - 1), max_size=8, unique=True).map(sorted))
@settings(max_examples=8, deadline=None)
def test_how_a_stream_is_cut_makes_no_difference(kind: str, cuts: list[int]) -> None:
    values, made, parts = drive(), detector(kind), []
    for rows in np.split(np.arange(ROWS), cuts):
        parts.append(scored(made, values[rows], int(rows[0])))
    whole = scored(detector(kind), values)
    joined = Scores(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Scores)))
    assert_same(whole, joined)


@kinds
@pytest.mark.parametrize("cut", [1, 37, 200])
def test_a_restored_detector_gives_bit_identical_results(kind: str, cut: int) -> None:
    values, made = drive(), detector(kind)
    scored(made, values[:cut])
    state = pickle.dumps(made.snapshot())
    rest = scored(made, values[cut:], cut)
    restored = detector(kind, pickle.loads(state))  # noqa: S301
    assert_same(rest, scored(restored, values[cut:], cut))


@kinds
def test_scale_and_shift_of_a_signal_do_not_change_the_verdicts(kind: str) -> None:
    values = drive()
    # A power of two and a whole number: exact in binary, so that not even rounding differs much.
    fahrenheit = values * [4.0, 1.0, 1.0] + [0.0, 64.0, -32.0]
    before, after = scored(detector(kind), values), scored(detector(kind), fahrenheit)
    assert (before.anomaly != after.anomaly).mean() <= 0.02
    if kind != "mlp":
        # Adam's first steps go by the signs of the gradient alone, and so magnify rounding.
        np.testing.assert_allclose(before.error, after.error, rtol=1e-4)


@kinds
@given(
    event=st.lists(
        st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.sampled_from([0.0, 1e300, -1e300])),
        min_size=3,
        max_size=3,
    ),
    first=st.booleans(),
)
@settings(max_examples=25, deadline=None)
def test_no_event_ever_produces_nan(kind: str, event: list[float], first: bool) -> None:
    values = drive(rows=80)
    values[0 if first else 60] = event
    scores = scored(detector(kind), values)
    assert np.isfinite(scores.error).all()
    assert np.isfinite(scores.smoothed).all()
    assert (scores.error >= 0).all()
    assert np.isfinite(scores.severity).all()
    assert np.isfinite(scores.contributions).all()


@kinds
def test_contributions_sum_to_one_or_are_all_zero(kind: str) -> None:
    total = scored(detector(kind), drive()).contributions.sum(axis=1)
    assert (np.isclose(total, 1.0) | (total == 0.0)).all()


@kinds
def test_signals_that_never_move_are_no_anomaly(kind: str) -> None:
    scores = scored(detector(kind), np.full((ROWS, 3), 7.0))
    assert not scores.anomaly.any()


@kinds
def test_strong_breaks_score_higher_than_the_rest(kind: str) -> None:
    values = drive(rows=600)
    broken = np.zeros(600, bool)
    broken[400:600:20] = True
    values[broken, 1] += 400.0
    error = scored(detector(kind), values).error
    assert np.median(error[400:][broken[400:]]) > np.median(error[400:][~broken[400:]])
