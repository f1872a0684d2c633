"""The load of the benchmark of the page."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import islice

import msgspec
import numpy as np
import pytest

from benchmarks.page.__main__ import main
from benchmarks.page.load import OPEN_FOR, alerts_due, enriched_events
from dataflows.events import Enriched
from sim.fleet import Fleet

START = datetime(2026, 1, 1, tzinfo=UTC)


def fleet() -> Fleet:
    return Fleet(
        vehicles=40, rate=2.0, seed=1, faults_per_hour=0.0, latitude=48.137, longitude=11.575, start=START
    )


def test_each_vehicle_sends_an_event_in_each_step_and_moves() -> None:
    steps = list(islice(fleet().steps(), 20))
    random = np.random.default_rng(1)
    first, *_, last = [list(enriched_events(step, random)) for step in steps]
    assert [event.vehicle_id for event in first] == [f"VEH-{number:04d}" for number in range(1, 41)]
    assert first[0].ts == START
    assert last[0].ts - first[0].ts == timedelta(seconds=9.5)
    before, after = ([event.values["latitude"] for event in events] for events in (first, last))
    assert sum(one != other for one, other in zip(before, after, strict=True)) > 20


def test_events_can_be_read_as_those_of_the_job() -> None:
    event = next(iter(enriched_events(next(fleet().steps()), np.random.default_rng(1))))
    assert msgspec.json.decode(msgspec.json.encode(event), type=Enriched) == event
    assert event.is_anomaly == (event.reconstruction_error > 1.0)


def test_every_alert_clears_after_a_while_and_times_rise() -> None:
    due = list(islice(alerts_due([f"VEH-{number}" for number in range(50)], START), 60))
    assert [at for at, _ in due] == sorted(at for at, _ in due)
    changes = Counter(alert.state for _, alert in due)
    assert changes["open"] - changes["cleared"] == pytest.approx(6, abs=1)
    for at, alert in due:
        if alert.state == "cleared":
            assert alert.cleared_at == START + timedelta(seconds=at)
            assert alert.cleared_at - alert.opened_at == timedelta(seconds=OPEN_FOR)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--viewers", "0"], "whole number ≥ 1"),
        (["--seconds", "soon"], "number ≥ 10"),
        (["--rate", "nan"], "number ≥ 0.01"),
        (["--path", "alerts"], "a path such as /alerts"),
    ],
)
def test_a_wrong_option_is_refused_in_words(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert said in capsys.readouterr().err
