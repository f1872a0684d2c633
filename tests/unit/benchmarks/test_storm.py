"""The benchmark of a storm measures one: every vehicle has alerts, and none has them without it."""

from __future__ import annotations

import json
import math

import pytest

from benchmarks import storm
from config.settings import load

SPEEDS = {"seconds", "calm", "storm", "ratio"}


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storm, "VEHICLES", 8)
    monkeypatch.setattr(storm, "BEFORE", 60)


def test_every_vehicle_has_an_alert_in_a_storm_and_none_has_one_without() -> None:
    minute = storm.Minute(load())
    calm, faulty = minute.run(storm=False), minute.run(storm=True)
    assert calm.alerts == 0
    assert faulty.alerts > storm.VEHICLES
    assert minute.run(storm=False).alerts == 0


def test_it_reports_the_first_seconds_and_the_whole_minute(capsys: pytest.CaptureFixture[str]) -> None:
    storm.main(["--json", "--pairs", "1"])
    report = json.loads(capsys.readouterr().out)
    assert [speed["seconds"] for speed in report["speeds"]] == [storm.FIRST, storm.MEASURED]
    for speed in report["speeds"]:
        assert set(speed) == SPEEDS
        assert math.isclose(speed["ratio"], speed["storm"] / speed["calm"], rel_tol=0.01)
