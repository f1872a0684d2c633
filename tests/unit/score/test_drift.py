"""Drift of a shard's error."""

from __future__ import annotations

import logging
import pickle

import numpy as np
import pytest

from dataflows.detector import Scores
from dataflows.score.drift import DriftWatch

BLOCK = 50


def errors_of(blocks: int, usual: float, seed: int = 0) -> np.ndarray:
    return usual * np.random.default_rng(seed).lognormal(0.0, 0.4, blocks * BLOCK)


def scores_of(errors: np.ndarray, first: int = 0) -> Scores:
    scores = Scores.empty(len(errors), 1)
    scores.error[:] = errors
    scores.status[:] = 1
    scores.model_version[:] = (first + np.arange(len(errors))) // BLOCK
    return scores


def watched(
    watch: DriftWatch, errors: np.ndarray, cuts: list[int] | None = None, first: int = 0
) -> DriftWatch:
    for rows in np.split(np.arange(len(errors)), cuts or []):
        times = (first + rows).astype(np.int64) * 1_000_000
        watch.watch(times, scores_of(errors[rows], first + int(rows[0])))
    return watch


def test_a_shift_of_the_usual_error_is_reported_once_and_soon(caplog: pytest.LogCaptureFixture) -> None:
    errors = np.concatenate((errors_of(100, 1.0), errors_of(100, 3.0, seed=1)))
    with caplog.at_level(logging.WARNING):
        watch = watched(DriftWatch(), errors)
    assert len(watch.drifts) == 1
    shift = 100 * BLOCK * 1_000_000
    assert shift < watch.drifts[0] < shift + 30 * BLOCK * 1_000_000
    assert "the usual error went from" in caplog.text


def test_a_stationary_stream_hardly_ever_drifts() -> None:
    reports = sum(len(watched(DriftWatch(), errors_of(400, 1.0, seed)).drifts) for seed in range(10))
    assert reports <= 1


def test_reports_do_not_depend_on_how_the_stream_was_cut() -> None:
    errors = np.concatenate((errors_of(60, 1.0), errors_of(60, 2.0, seed=1)))
    whole = watched(DriftWatch(), errors)
    pieces = watched(DriftWatch(), errors, cuts=[1, 49, 50, 777, 3001, 3002, 5999])
    assert whole.drifts == pieces.drifts
    assert whole.drifts


def test_a_restored_watch_goes_on_where_it_was() -> None:
    errors = np.concatenate((errors_of(60, 1.0), errors_of(60, 2.0, seed=1)))
    cut = 3333
    before = watched(DriftWatch(), errors[:cut])
    after = DriftWatch()
    after.restore(pickle.loads(pickle.dumps(before.snapshot())))  # noqa: S301
    watched(after, errors[cut:], first=cut)
    assert after.drifts == watched(DriftWatch(), errors).drifts


def test_late_events_and_duplicates_are_not_watched() -> None:
    errors = errors_of(60, 1.0)
    scores = scores_of(errors)
    scores.error[1::7] = 1e6
    scores.duplicate[1::7] = True
    watch = DriftWatch()
    watch.watch(np.arange(len(errors), dtype=np.int64), scores)
    assert watch.drifts == []


def test_a_batch_in_which_nothing_counts_changes_nothing() -> None:
    watch, alone = DriftWatch(), DriftWatch()
    nothing = scores_of(errors_of(1, 1.0))
    nothing.duplicate[:] = True
    for each in (watch, alone):
        watched(each, errors_of(20, 1.0))
    watch.watch(np.zeros(BLOCK, dtype=np.int64), nothing)
    watch.watch(np.zeros(0, dtype=np.int64), Scores.empty(0, 1))
    assert pickle.dumps(watch.snapshot()) == pickle.dumps(alone.snapshot())
