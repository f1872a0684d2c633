"""Alerts against the faults that were injected."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from benchmarks.fleet.matching import Openings, figures, signals_of
from dataflows.events import Alert, FaultKind, InjectedFault
from tests.support.alerts import later, make_alert

START = datetime(2026, 3, 1, tzinfo=UTC)


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def fault(
    begin: float, end: float, *, vehicle: str = "VEH-1", kind: FaultKind = "overheating"
) -> InjectedFault:
    return InjectedFault(
        fault_id=f"{vehicle}-{begin}",
        vehicle_id=vehicle,
        kind=kind,
        signals=("coolant",),
        starts_at=at(begin),
        ends_at=at(end),
    )


def alert(second: float, vehicle: str = "VEH-1", subject: str = "coolant", **more: Any) -> Alert:
    return make_alert(
        vehicle, alert_id=f"{vehicle}/{subject}/{second}", subject=subject, opened_at=at(second), **more
    )


def matched(alerts: list[Alert], faults: list[InjectedFault], **inputs: list[str]) -> dict[str, Any]:
    openings = Openings()
    for each in alerts:
        openings.add(each)
    return figures(openings, faults, start=START, inputs=inputs)


def test_a_fault_is_found_by_an_alert_that_opens_while_it_lasts() -> None:
    for second, recall in [(99, 0.0), (100, 1.0), (199, 1.0), (200, 0.0)]:
        assert matched([alert(second)], [fault(100, 200)])["kinds"]["overheating"]["recall"] == recall


def test_an_alert_of_another_vehicle_finds_nothing_and_is_false() -> None:
    found = matched([alert(150, "VEH-2")], [fault(100, 200)])
    assert found["kinds"]["overheating"]["recall"] == 0.0
    assert [each.vehicle_id for each in found["false_alerts"]] == ["VEH-2"]
    assert found["precision"] == 0.0


@pytest.mark.parametrize(("second", "is_false"), [(99, True), (100, False), (259, False), (260, True)])
def test_an_alert_within_a_minute_after_a_fault_is_not_false(second: float, is_false: bool) -> None:
    assert bool(matched([alert(second)], [fault(100, 200)])["false_alerts"]) == is_false


def test_delays_are_medians_of_the_first_alerts() -> None:
    faults = [fault(0, 50), fault(100, 150), fault(200, 250), fault(300, 350)]
    row = matched([alert(5), alert(40), alert(110), alert(230)], faults)["kinds"]["overheating"]
    assert row == {"faults": 4, "recall": 0.75, "delay_s": 10.0, "right_signal": 1.0}


def test_the_right_signal_may_be_one_that_is_derived_from_it() -> None:
    wrong = alert(110, subject="speed")
    assert matched([wrong], [fault(100, 200)])["kinds"]["overheating"]["right_signal"] == 0.0
    row = matched([wrong], [fault(100, 200)], speed=["coolant", "rpm"])["kinds"]["overheating"]
    assert row["right_signal"] == 1.0
    assert signals_of(wrong, {"speed": ["coolant"]}) == {"speed", "coolant"}


def test_an_alert_that_opens_again_finds_a_fault_but_is_not_counted_twice() -> None:
    first = alert(-500)
    revisions = [first, later(first, state="cleared"), later(first, openings=2, opened_at=at(150))]
    found = matched(revisions, [fault(100, 200)])
    assert found["kinds"]["overheating"]["recall"] == 1.0
    assert (found["alerts"], found["false_alerts"], found["precision"]) == (0, [], None)


def test_revisions_that_open_nothing_do_not_count() -> None:
    first = alert(50)
    found = matched([first, later(first, severity="critical"), later(first, state="cleared")], [])
    assert (found["alerts"], len(found["false_alerts"])) == (1, 1)


def test_faults_before_the_start_are_not_counted_but_excuse_alerts() -> None:
    found = matched([alert(5)], [fault(-10, 10)])
    assert (found["kinds"], found["false_alerts"], found["precision"]) == ({}, [], 1.0)


def test_each_kind_of_fault_has_its_row() -> None:
    found = matched([alert(110)], [fault(100, 200), fault(300, 400, kind="overspeed")])
    assert [(kind, row["recall"]) for kind, row in found["kinds"].items()] == [
        ("overheating", 1.0),
        ("overspeed", 0.0),
    ]
    assert found["kinds"]["overspeed"] == {"faults": 1, "recall": 0.0, "delay_s": None, "right_signal": None}
