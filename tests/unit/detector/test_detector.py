"""The detector's scores of events, as its users see them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from config.errors import SnapshotError
from dataflows.detector import Detector, Parameters, Scores, Status
from dataflows.detector.detector import BLOCK_PER_VEHICLE
from dataflows.detector.protection import ALLOWED, SHORTEST_RUN
from dataflows.detector.threshold import CLIMB, PercentileThreshold

SIGNALS = ("speed", "rpm", "load")
SECOND = 1_000_000


def quick_parameters(**changes: Any) -> Parameters:
    quick: dict[str, Any] = {"start_up": 50, "window": 5, "learn_every": 64, "percentile": 99.0}
    return Parameters(**quick | changes)


def drive(rows: int, seed: int = 0) -> np.ndarray:
    """Speed wanders; rpm and load follow it."""
    random = np.random.default_rng(seed)
    speed = 60 + 15 * np.sin(np.arange(rows) / 25) + random.normal(size=rows)
    rpm = 30 * speed + random.normal(scale=10, size=rows)
    load = 0.4 * speed + random.normal(scale=0.3, size=rows)
    return np.stack([speed, rpm, load], axis=1)


def times(rows: int, first: int = 0) -> np.ndarray:
    return (first + np.arange(rows, dtype=np.int64)) * SECOND


def scored(values: np.ndarray, parameters: Parameters | None = None, first: int = 0) -> Scores:
    detector = Detector(parameters or quick_parameters(), SIGNALS)
    return detector.process(["car"] * len(values), times(len(values), first), values)


def test_an_anomaly_is_an_error_above_the_threshold() -> None:
    values = drive(600)
    values[400:410, 1] += 900
    scores = scored(values)
    known = ~np.isnan(scores.threshold)
    assert known.any()
    assert (scores.anomaly[known] == (scores.error > scores.threshold)[known]).all()
    assert not scores.anomaly[~known].any()
    assert scores.anomaly[400:410].any()


def test_severity_is_fifty_at_the_threshold_and_rises_with_the_error() -> None:
    scores = scored(drive(600))
    known = np.flatnonzero(~np.isnan(scores.threshold))
    error, threshold = scores.error[known], scores.threshold[known]
    np.testing.assert_allclose(scores.severity[known], 100 * error / (error + threshold))
    assert ((scores.severity[known] > 50) == scores.anomaly[known]).all()


def test_a_fault_in_one_signal_is_flagged_and_leads_the_contributions() -> None:
    values = drive(800)
    values[600:620, 1] -= 1000
    scores = scored(values)
    assert scores.anomaly[600:605].all()
    assert (scores.contributions[600:605].argmax(axis=1) == 1).all()
    np.testing.assert_allclose(scores.contributions.sum(axis=1), scores.error > 0)


def test_the_expected_value_of_a_faulty_signal_is_near_the_true_one() -> None:
    clean, faulty = drive(800), drive(800)
    faulty[600:620, 1] -= 1000
    expected = scored(faulty).expected[600:605, 1]
    np.testing.assert_allclose(expected, clean[600:605, 1], rtol=0.05)


def test_normal_driving_is_flagged_about_as_often_as_the_percentile_says() -> None:
    scores = scored(drive(20_000))
    assert scores.anomaly[2000:].mean() == pytest.approx(0.01, rel=1.0)


def test_scale_and_offset_of_a_signal_change_no_verdict() -> None:
    values = drive(600)
    values[400:410, 2] += 8
    plain, moved = scored(values), scored(values * [0.01, 1.0, 1000.0] + [0.0, 1e4, -5.0])
    np.testing.assert_array_equal(plain.anomaly, moved.anomaly)
    np.testing.assert_allclose(plain.error, moved.error, rtol=1e-4)


@pytest.mark.parametrize("absurd", [1e300, -1e300, np.inf, -np.inf, np.nan, 1e-300])
def test_no_value_makes_the_scores_anything_but_finite(absurd: float) -> None:
    values = drive(300)
    values[150, 0] = absurd
    values[200] = absurd
    scores = scored(values)
    for column in (scores.error, scores.smoothed, scores.severity, scores.expected, scores.contributions):
        assert np.isfinite(column).all()


def test_events_without_a_verdict_are_warming_up() -> None:
    scores = scored(drive(300))
    assert scores.status[0] == Status.WARMING_UP
    assert scores.status[-1] == Status.OK
    assert np.isnan(scores.threshold[scores.status == Status.WARMING_UP]).all()


def test_an_event_whose_missing_signal_cannot_be_held_is_partial_even_while_warming_up() -> None:
    values = drive(300)
    held = int(Parameters().hold)
    values[0, 1] = values[200 : 200 + held + 2, 1] = np.nan
    scores = scored(values)
    assert np.flatnonzero(scores.status == Status.PARTIAL).tolist() == [0, 200 + held, 200 + held + 1]


def test_an_event_again_is_a_duplicate_and_changes_nothing() -> None:
    values = drive(300)
    with_repeat = np.insert(values, 200, values[199], axis=0)
    when = np.insert(times(300), 200, times(300)[199])
    identities = np.insert(np.arange(300), 200, 199)
    scores = Detector(quick_parameters(), SIGNALS).process(["car"] * 301, when, with_repeat, identities)
    assert np.flatnonzero(scores.duplicate).tolist() == [200]
    np.testing.assert_array_equal(np.delete(scores.error, 200), scored(values).error)


def test_events_of_one_time_are_scored_in_order_of_arrival_and_complete_each_other() -> None:
    values = drive(600)
    parts = np.repeat(values, 3, axis=0)
    for signal in range(3):
        for other in range(3):
            if other != signal:
                parts[signal::3, other] = np.nan
    scores = Detector(quick_parameters(), SIGNALS).process(["car"] * 1800, np.repeat(times(600), 3), parts)
    assert not scores.duplicate.any()
    assert np.flatnonzero(scores.status == Status.PARTIAL).tolist() == [0, 1]
    assert (scores.status[1000:] == Status.OK).all()


def test_a_late_event_is_scored_and_changes_nothing() -> None:
    values = drive(300)
    with_late = np.insert(values, 200, values[100], axis=0)
    when = np.insert(times(300), 200, times(300)[100] + 1)
    scores = Detector(quick_parameters(), SIGNALS).process(["car"] * 301, when, with_late)
    assert np.flatnonzero(scores.status == Status.LATE).tolist() == [200]
    assert scores.error[200] > 0
    np.testing.assert_array_equal(np.delete(scores.error, 200), scored(values).error)


def test_a_vehicle_with_a_wrong_clock_does_not_make_others_late() -> None:
    wrong = np.repeat(times(300), 2)
    wrong[1::2] += np.random.default_rng(0).choice([-86_400, 3600, 10**9], 300) * SECOND
    scores = Detector(quick_parameters(), SIGNALS).process(["good", "bad"] * 300, wrong, drive(600))
    assert (scores.status[1::2] == Status.LATE).any()
    assert (scores.status[0::2] != Status.LATE).all()


def longest_run(known: int, parameters: Parameters) -> float:
    """Flagged events in a row that the model does not learn after `known` events of a lone vehicle."""
    allowed = ALLOWED * (1 - parameters.percentile / 100)
    return (SHORTEST_RUN + allowed * known) / (1 - allowed)


@pytest.mark.parametrize(("known", "accept_after"), [(600, 300.0), (5000, 300.0), (5000, 60.0)])
def test_a_lasting_fault_is_flagged_and_not_learned_until_it_is_accepted(
    known: int, accept_after: float
) -> None:
    clean = drive(known + 600)
    faulty = clean.copy()
    faulty[known:, 1] += 3000
    parameters = quick_parameters(accept_after=accept_after)
    scores = scored(faulty, parameters)
    accepted = min(longest_run(known, parameters), accept_after)
    learned = np.abs(scores.expected - scored(clean, parameters).expected)[known:, 1] > 3
    assert accepted < np.flatnonzero(learned)[0] < accepted + 2 * BLOCK_PER_VEHICLE
    assert scores.anomaly[known : known + int(accepted)].all()
    assert scores.anomaly[known + 300 :].mean() < 0.05


def test_the_error_of_a_flagged_event_counts_as_little_more_than_the_threshold_until_it_is_accepted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    blocks, learn = list[np.ndarray](), PercentileThreshold.learn

    def learn_and_record(made: Any, slots: np.ndarray, errors: np.ndarray, *others: Any) -> None:
        blocks.append(errors.copy())
        learn(made, slots, errors, *others)

    monkeypatch.setattr(PercentileThreshold, "learn", learn_and_record)
    values = drive(700)
    values[600:, 1] += 3000
    scores = scored(values)
    end = np.flatnonzero(scores.model_version == scores.model_version[-1])[0]
    counted = np.full(700, np.nan)
    counted[end - sum(map(len, blocks)) : end] = np.concatenate(blocks)
    assert not scores.anomaly[200:600].any()
    np.testing.assert_array_equal(counted[200:600], scores.error[200:600])
    accepted = 600 + int(longest_run(600, quick_parameters()))
    np.testing.assert_array_equal(counted[600:accepted], CLIMB * scores.threshold[600:accepted])
    np.testing.assert_array_equal(counted[accepted:650], scores.error[accepted:650])


def test_events_without_any_signal_are_not_learned() -> None:
    values = drive(600)
    values[400:410, 1] += 900
    with_empty = np.insert(values, [200] * 5 + [405] * 5, np.nan, axis=0)
    empty = np.isnan(with_empty).all(axis=1)
    when = np.cumsum(np.where(empty, 1, 10)).astype(np.int64) * SECOND // 10
    scores = Detector(quick_parameters(), SIGNALS).process(["car"] * len(when), when, with_empty)
    plain = Detector(quick_parameters(), SIGNALS).process(["car"] * 600, when[~empty], values)
    for column in ("error", "threshold", "anomaly", "expected"):
        np.testing.assert_array_equal(getattr(scores, column)[~empty], getattr(plain, column))


def test_a_signal_that_is_missing_for_longer_than_it_is_held_has_no_share_in_the_error() -> None:
    values = drive(300)
    values[200:, 1] = np.nan
    contributions = scored(values, quick_parameters(hold=3.0)).contributions
    assert (contributions[190:200, 1] > 0).all()
    assert (contributions[204:, 1] == 0).all()


def test_a_new_vehicle_of_a_known_fleet_is_judged_from_its_first_events() -> None:
    detector = Detector(quick_parameters(), SIGNALS)
    fleet = [drive(100, seed) for seed in range(6)]
    ids, when = [f"car-{row % 6}" for row in range(600)], np.repeat(times(100), 6)
    detector.process(ids, when, np.stack(fleet, axis=1).reshape(600, 3))
    values = drive(100, seed=6)
    values[80:90, 1] += 900
    newcomer = detector.process(["new"] * 100, times(100, first=100), values)
    judged = np.flatnonzero(~np.isnan(newcomer.threshold))
    assert judged[0] <= 70
    assert newcomer.anomaly[80:90].all()
    assert newcomer.anomaly[:80].mean() < 0.1


def test_wrong_shapes_are_rejected() -> None:
    detector = Detector(quick_parameters(), SIGNALS)
    with pytest.raises(ValueError, match=r"expected times of shape \(2,\)"):
        detector.process(["a", "b"], times(3), np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"values of shape \(2, 3\)"):
        detector.process(["a", "b"], times(2), np.zeros((2, 4)))


def test_a_snapshot_that_does_not_match_is_rejected() -> None:
    state = Detector(quick_parameters(), SIGNALS).snapshot()
    with pytest.raises(SnapshotError, match="signals"):
        Detector.restore(quick_parameters(), ("speed", "rpm", "fuel"), state)
    with pytest.raises(SnapshotError, match="window"):
        Detector.restore(quick_parameters(window=6), SIGNALS, state)
    with pytest.raises(SnapshotError, match="layout_version"):
        Detector.restore(quick_parameters(), SIGNALS, state | {"layout_version": 0})
