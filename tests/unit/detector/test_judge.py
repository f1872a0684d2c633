"""Scoring events as if they came next."""

from __future__ import annotations

import pickle
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.detector import Detector, Scores, Status
from tests.unit.detector.test_detector_law import SIGNALS, assert_identical, part, quick_parameters, stream


def content(state: Any) -> bytes:
    """A snapshot as bytes, by value: pickle alone would also tell which of its objects are the same one."""
    if isinstance(state, dict):
        return b"".join(name.encode() + content(value) for name, value in state.items())
    if isinstance(state, list | tuple):
        return b"".join(map(content, state))
    return state.tobytes() if isinstance(state, np.ndarray) else pickle.dumps(state)


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 1000),
    disorder=st.sampled_from([0.0, 0.2]),
    missing=st.sampled_from([0.0, 0.3, 1.0]),
    reconstructor=st.sampled_from(["linear", "mlp"]),
)
def test_what_is_judged_is_scored_the_same_when_it_comes(
    seed: int, disorder: float, missing: float, reconstructor: str
) -> None:
    events = stream(seed, vehicles=6, disorder=disorder, missing=missing, rows=150)
    # Few vehicles fit, so that slots are freed, and judged vehicles are often new.
    detector = Detector(quick_parameters(vehicles=4, reconstructor=reconstructor), SIGNALS)
    for row in range(150):
        ids, times, values, _ = part(events, slice(row, row + 1))
        judged = detector.judge(ids, times, values)
        assert_identical(judged, detector.process(ids, times, values))


def test_events_that_complete_no_block_are_judged_as_they_are_scored_together() -> None:
    ids, times, values, _ = stream(1, vehicles=4, disorder=0.2, missing=0.2)
    detector = Detector(quick_parameters(), SIGNALS)
    detector.process(ids[:300], times[:300], values[:300])
    size = min(detector._block.room - 1, 50)
    assert size > 5
    rows = slice(300, 300 + size)
    judged = detector.judge(ids[rows], times[rows], values[rows])
    assert (judged.status == Status.LATE).any()
    assert_identical(judged, detector.process(ids[rows], times[rows], values[rows]))


def test_judging_changes_nothing() -> None:
    events = stream(2, vehicles=5, disorder=0.2, missing=0.2, equal=0.1)
    asked, unasked = (Detector(quick_parameters(vehicles=4), SIGNALS) for _ in range(2))
    for start in range(0, 400, 50):
        now = part(events, slice(start, start + 50))
        asked.process(*now)
        learned, before = asked.learned, content(asked.snapshot())
        for number in range(5):
            ahead = number * 1_000_000_000
            asked.judge([*now[0], "new", "newer"], np.append(now[1] + ahead, [0, 1]), np.ones((52, 3)))
        assert content(asked.snapshot()) == before
        assert asked.learned is learned
        scores = unasked.process(*now)
    last = part(events, slice(350, 400))
    assert_identical(asked.judge(*last[:3]), unasked.judge(*last[:3]))
    assert isinstance(scores, Scores)


def test_a_clock_that_would_be_set_back_is_not() -> None:
    detector = Detector(quick_parameters(), SIGNALS)
    times = np.append(np.arange(100), np.arange(-1000, -971)) * 1_000_000
    values = np.random.default_rng(0).normal(size=(len(times), 3))
    detector.process(["car"] * len(times), times, values)
    before, again = content(detector.snapshot()), np.array([-970_000_000])
    judged = [detector.judge(["car"], again, np.ones((1, 3))) for _ in range(3)]
    assert content(detector.snapshot()) == before
    assert all(scores.status[0] != Status.LATE for scores in judged)
    assert_identical(judged[-1], detector.process(["car"], again, np.ones((1, 3))))


def test_nothing_to_judge() -> None:
    detector = Detector(quick_parameters(), SIGNALS)
    scores = detector.judge([], np.zeros(0, np.int64), np.zeros((0, 3)))
    assert all(len(getattr(scores, field.name)) == 0 for field in fields(Scores))


def test_wrong_shapes_are_rejected() -> None:
    with pytest.raises(ValueError, match=r"values of shape \(2, 3\)"):
        Detector(quick_parameters(), SIGNALS).judge(["a", "b"], np.zeros(2, np.int64), np.zeros((2, 4)))
