"""Surprise at how long a signal has been standing still or moving."""

from __future__ import annotations

import numpy as np
import pytest

from dataflows.detector.rhythm import LARGEST_SURPRISE, PRIOR, Rhythm


def runs_of(moved: list[bool]) -> np.ndarray:
    run, length = [], 0
    for moves in moved:
        length = max(length, 0) + 1 if moves else min(length, 0) - 1
        run.append(length)
    return np.array(run)[:, None]


def taught(moved: list[bool]) -> Rhythm:
    rhythm = Rhythm(1, memory=1e9)
    run = runs_of(moved)
    rhythm.learn(run, np.ones_like(run, bool), np.ones(len(run)))
    return rhythm


def test_a_run_is_as_surprising_as_the_chain_says() -> None:
    # Still, still, moves, again and again: of two still samples one is followed by another still one.
    rhythm = taught([False, False, True] * 100)
    still, moving = rhythm.surprise(np.array([[-4], [3]]))
    stays, leaves = 100.0, 100.0
    assert still[0, 0] == pytest.approx(3 * np.log((stays + leaves + 2 * PRIOR) / (stays + PRIOR)), rel=0.02)
    assert moving[1, 0] == pytest.approx(2 * np.log((99 + 2 * PRIOR) / PRIOR), rel=0.02)
    assert still[1, 0] == moving[0, 0] == 0.0


def test_a_sensor_that_never_repeats_itself_is_stuck_after_a_few_repeats() -> None:
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


def test_samples_that_did_not_come_are_not_counted() -> None:
    rhythm = Rhythm(1, memory=1e9)
    rhythm.learn(runs_of([True] * 10), np.zeros((10, 1), bool), np.ones(10))
    assert rhythm.stayed.sum() == rhythm.left.sum() == 0.0


def test_memory_bounds_what_is_counted() -> None:
    rhythm = Rhythm(1, memory=50.0)
    run = runs_of([True] * 500)
    rhythm.learn(run, np.ones_like(run, bool), np.ones(500))
    assert (rhythm.stayed + rhythm.left).sum() == pytest.approx(50.0)
