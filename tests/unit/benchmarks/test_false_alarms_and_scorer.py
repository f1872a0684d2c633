"""The benchmarks of the threshold's promise and of the detector's speed."""

from __future__ import annotations

import json

import pytest

from benchmarks import false_alarms, scorer
from benchmarks.false_alarms import Case, measure
from dataflows.detector import Parameters

PROMISE_KEPT_WITHIN = 2.0


@pytest.mark.parametrize("percentile", [95.0, 99.0, 99.5])
@pytest.mark.parametrize(
    "case",
    [
        Case("one", 1, 8_000),
        Case("driving", 1, 8_000, persistence=0.9),
        Case("drifting", 1, 8_000, drift=3.0),
        Case("fleet", 40, 1_000),
    ],
    ids=lambda case: case.name,
)
def test_the_share_of_normal_events_flagged_is_what_was_promised_within_a_factor_of_two(
    case: Case, percentile: float
) -> None:
    rates = measure(Parameters(), case, percentile)
    assert 1 / PROMISE_KEPT_WITHIN < rates.ratio < PROMISE_KEPT_WITHIN


def test_every_case_and_percentile_is_reported(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(false_alarms, "CASES", (Case("tiny", 2, 300),))
    false_alarms.main(["--json"])
    report = json.loads(capsys.readouterr().out)
    assert [round(rate["promised"], 6) for rate in report] == [0.05, 0.01, 0.005, 0.001]


def test_the_speed_of_every_case_is_reported(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scorer, "ROWS", 500)
    monkeypatch.setattr(scorer, "REPETITIONS", 1)
    monkeypatch.setattr(scorer, "CASES", (scorer.Case(10, 3, 64), scorer.Case(1, 2, 16)))
    scorer.main(["--json"])
    report = json.loads(capsys.readouterr().out)
    assert [case["signals"] for case in report] == [3, 2]
    assert all(case["events_per_second"] > 0 for case in report)
