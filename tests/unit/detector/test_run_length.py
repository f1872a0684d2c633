"""Surprise at how long a signal has been standing still or moving."""

from __future__ import annotations

import numpy as np
import pytest

from dataflows.detector.run_length import LARGEST_SURPRISE, PRIOR, RunLength


def runs_of(moved: list[bool]) -> np.ndarray:
    run, length = [], 0
    for moves in moved:
        length = max(length, 0) + 1 if moves else min(length, 0) - 1
        run.append(length)
    return np.array(run)[:, None]


def taught(moved: list[bool]) -> RunLength:
    run_length = RunLength(1, memory=1e9)
    run = runs_of(moved)
    run_length.learn(run, np.ones_like(run, bool), np.ones(len(run)))
    return run_length


def test_a_run_is_as_surprising_as_the_chain_says() -> None:
    # Still, still, moving, repeated: one in two still samples is followed by another still one.
    run_length = taught([False, False, True] * 100)
    still, moving = run_length.surprise(np.array([[-4], [3]]))
    stays, leaves = 100.0, 100.0
    assert still[0, 0] == pytest.approx(3 * np.log((stays + leaves + 2 * PRIOR) / (stays + PRIOR)), rel=0.02)
    assert moving[1, 0] == pytest.approx(2 * np.log((99 + 2 * PRIOR) / PRIOR), rel=0.02)
    assert still[1, 0] == moving[0, 0] == 0.0


def test_a_sensor_that_never_repeats_a_value_is_stuck_after_a_few_repeats() -> None:
    still, _ = taught([True] * 500).surprise(np.array([[-3]]))
    idle, _ = taught(([False] * 60 + [True] * 60) * 10).surprise(np.array([[-3]]))
    assert still[0, 0] > 1.0 > 0.2 > idle[0, 0]


def test_the_first_sample_of_a_run_is_no_surprise() -> None:
    still, moving = taught([True, False] * 50).surprise(np.array([[1], [-1], [0]]))
    assert not still.any()
    assert not moving.any()


def test_surprise_has_a_bound() -> None:
    _, moving = taught([False, True] * 500).surprise(np.array([[10**6]]))
    assert moving[0, 0] == LARGEST_SURPRISE


def test_missing_samples_are_not_counted() -> None:
    run_length = RunLength(1, memory=1e9)
    run_length.learn(runs_of([True] * 10), np.zeros((10, 1), bool), np.ones(10))
    assert run_length.stayed.sum() == run_length.left.sum() == 0.0


def test_memory_bounds_what_is_counted() -> None:
    run_length = RunLength(1, memory=50.0)
    run = runs_of([True] * 500)
    run_length.learn(run, np.ones_like(run, bool), np.ones(500))
    assert (run_length.stayed + run_length.left).sum() == pytest.approx(50.0)
