"""Injected faults, and how their explanations are assessed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import explanations
from benchmarks.explanations import Incident, outcome
from benchmarks.injection import LONGEST, SHORTEST, inject
from dataflows.detector import Scores


def trip(rows: int = 3000) -> np.ndarray:
    random = np.random.default_rng(0)
    speed = np.abs(np.cumsum(random.normal(size=rows)))
    return np.stack((speed, 40 * speed + random.normal(size=rows), np.full(rows, 3.0)), axis=1)


@settings(deadline=None)
@given(seed=st.integers(0, 500))
def test_faults_change_one_signal_in_their_rows_and_nothing_else(seed: int) -> None:
    values = trip()
    changed, faults = inject(values, 500, np.random.default_rng(seed))
    untouched = np.ones_like(values, bool)
    for fault in faults:
        untouched[fault.start : fault.stop, fault.signal] = False
        assert fault.start >= 500
        assert SHORTEST <= fault.stop - fault.start <= LONGEST
        assert fault.signal != 2, "a signal that never moves is given no fault"
        part = np.s_[fault.start : fault.stop, fault.signal]
        assert (changed[part] != values[part]).any()
    np.testing.assert_array_equal(changed[untouched], values[untouched])
    assert faults


def test_the_same_seed_gives_the_same_faults() -> None:
    first, second = (inject(trip(), 100, np.random.default_rng(7)) for _ in range(2))
    assert first[1] == second[1]
    np.testing.assert_array_equal(first[0], second[0])


def test_a_value_that_was_not_sent_stays_missing_in_a_fault() -> None:
    values = trip()
    values[np.arange(len(values)) % 3 > 0] = np.nan
    changed, faults = inject(values, 100, np.random.default_rng(1))
    np.testing.assert_array_equal(np.isnan(changed), np.isnan(values))
    assert faults


def scores() -> Scores:
    made = Scores.empty(4, 3)
    made.error[:] = [1.0, 1.0, 10.0, 1.0]
    made.contributions[:] = [[0.6, 0.3, 0.1], [0.6, 0.3, 0.1], [0.3, 0.6, 0.1], [0.6, 0.3, 0.1]]
    made.anomaly[2] = True
    made.expected[:] = [[1.0, 2.0, 3.0]] * 4
    return made


def incident(signal: int) -> Incident:
    sent, without = np.full((3, 3), 9.0), np.full((3, 3), 2.5)
    return Incident("cars", "offset", np.array([0, 1, 2]), [signal], sent, without, np.zeros((3, 3)))


def test_rows_are_weighted_by_their_error_and_flagged_ones_assessed_separately() -> None:
    judged = outcome(incident(1), scores(), np.array([1.0, 0.5, 1.0]))
    assert (judged.first, judged.flagged, judged.flagged_first) == (True, True, True)
    assert judged.chance == pytest.approx(1 / 3)
    other = outcome(incident(0), scores(), np.ones(3))
    assert (other.first, other.first_two, other.flagged_first) == (False, True, False)


def test_distances_are_in_standard_deviations_of_the_signal() -> None:
    judged = outcome(incident(1), scores(), np.array([1.0, 0.5, 1.0]))
    assert (judged.expected, judged.size) == (1.0, 13.0)


def test_how_far_healthy_signals_are_moved_is_measured_by_the_worst_of_them_in_changed_rows() -> None:
    fault = incident(1)
    fault.sent[0] = fault.without[0] if fault.without is not None else 0.0
    judged = outcome(fault, scores(), np.array([0.5, 1.0, 2.0]))
    assert judged.healthy.tolist() == [2.0, 2.0]
    still = outcome(fault, scores(), np.array([0.0, 1.0, 2.0]))
    assert still.healthy.tolist() == [1.5, 1.5]


@pytest.mark.slow
def test_the_report_covers_the_fleet_and_the_trips(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = trip(1500)
    lines = ["speed,rpm,gear", *(",".join(f"{value:.3f}" for value in row) for row in values)]
    (tmp_path / "car-one.csv").write_text("\n".join(lines))
    explanations.main(
        ["--trips", str(tmp_path), "--vehicles", "3", "--seconds", "1500", "--repetitions", "1", "--json"]
    )
    report = json.loads(capsys.readouterr().out)
    assert list(report) == ["simulated fleet", "car"]
    for kinds in report.values():
        assert kinds["all"]["faults"] >= 1
        assert kinds["all"]["first"] > kinds["all"]["chance"]


def test_a_directory_without_trips_ends_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        explanations.main(["--trips", str(tmp_path)])
    assert "expected a directory with recorded trips" in capsys.readouterr().err
