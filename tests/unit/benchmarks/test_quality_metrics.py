"""The metrics of the quality benchmark, on examples counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import quality_metrics
from benchmarks.candidates import Verdicts
from benchmarks.quality_metrics import Timed, delays, event_recall_at, figures, smoothed, vus_pr
from benchmarks.streams import LabelledStream, ManifestEntry


@pytest.fixture(autouse=True)
def _no_vus_pr(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes 1.5 s of a processor for each stream, and only one test below is about it."""
    monkeypatch.setattr(quality_metrics, "vus_pr", lambda label, scores: None)


def stream(label: list[int], eval_from: int = 0) -> LabelledStream:
    entry = ManifestEntry("some", "some.csv", eval_from)
    return LabelledStream(entry, "", np.zeros((len(label), 1)), np.array(label, bool))


def test_smoothing_is_the_mean_of_the_rows_up_to_now() -> None:
    assert smoothed(np.array([1.0, 3.0, 5.0, 7.0]), rows=3).tolist() == [1.0, 2.0, 3.0, 5.0]


def test_recall_is_that_of_the_best_threshold_within_the_allowed_false_episodes() -> None:
    # 1,000 rows: one event that is easy, one hidden under three false episodes, 980 normal rows.
    label, scores = np.zeros(1000, bool), np.zeros(1000)
    label[100:110] = label[500:510] = True
    scores[105], scores[505] = 9.0, 2.0
    scores[[200, 300, 400]] = 5.0
    assert event_recall_at(scores, label, 1.0) == 0.5
    assert event_recall_at(scores, label, 4.0) == 1.0


def test_flagged_rows_close_together_are_one_false_episode() -> None:
    label, scores = np.zeros(1000, bool), np.zeros(1000)
    label[100:110] = True
    scores[105], scores[300:360:5] = 1.0, 2.0
    assert event_recall_at(scores, label, 1.1) == 1.0


def test_delay_is_counted_from_the_start_of_each_found_event() -> None:
    label, flagged = np.zeros(30, bool), np.zeros(30, bool)
    label[5:10] = label[15:20] = label[25:28] = True
    flagged[[2, 7, 8, 15, 22]] = True
    assert delays(flagged, label) == [2, 0]


def test_warm_up_rows_do_not_count() -> None:
    label = [1] * 5 + [0] * 20 + [1] * 5
    scores = np.array([0.0] * 5 + [0.0] * 20 + [1.0] * 5)
    flagged = np.array([True] * 10 + [False] * 20)
    flagged[[12, 20, 27]] = True
    measured = figures(stream(label, eval_from=10), Timed(Verdicts(scores, flagged, 0.01), 2.0))
    assert measured.roc_auc == measured.average_precision == 1.0
    assert (measured.events, measured.events_found, measured.false_episodes) == (1, 1, 0)
    assert (measured.normal_rows, measured.normal_flagged) == (15, 2)
    assert (measured.rows, measured.seconds, measured.promised) == (30, 2.0, 0.01)


def test_a_detector_without_verdicts_has_no_figures_about_them() -> None:
    measured = figures(stream([0] * 10 + [1] * 10), Timed(Verdicts(np.arange(20, dtype=np.float64)), 1.0))
    assert measured.events_found is None
    assert measured.false_episodes is None
    assert measured.normal_flagged is None
    assert measured.delays is None


def test_a_stream_with_only_one_kind_of_rows_cannot_be_measured() -> None:
    with pytest.raises(ValueError, match="only one kind"):
        figures(stream([0] * 20), Timed(Verdicts(np.zeros(20)), 1.0))


def test_random_scores_are_worth_nothing_by_any_metric() -> None:
    random = np.random.default_rng(0)
    label = np.zeros(5000, bool)
    for start in range(500, 5000, 900):
        label[start : start + 40] = True
    measured = figures(stream(label.tolist()), Timed(Verdicts(random.random(5000)), 1.0))
    assert measured.roc_auc == pytest.approx(0.5, abs=0.05)
    assert measured.average_precision == pytest.approx(label.mean(), abs=0.03)
    assert measured.event_recall_at_1_episode <= 0.4


@pytest.mark.long
def test_vus_pr_rewards_scores_that_are_high_in_the_event() -> None:
    label = np.zeros(600, bool)
    label[300:340] = True
    good, bad = vus_pr(label, label + 0.0), vus_pr(label, 1.0 - label)
    if good is None or bad is None:
        pytest.skip("aeon is not installed")
    assert good > 0.8 > 0.4 > bad
