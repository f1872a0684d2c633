"""Who is not to be notified of what."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from config.alert_settings import MaintenanceWindow
from dataflows.alert import mutes as module
from dataflows.alert.mutes import Mute, Mutes, window_end
from dataflows.clock import microseconds

PLACE = ("VEH-1", "limit", "coolant")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("muted", "matches"),
    [
        (("VEH-1", "limit", "coolant"), True),
        (("VEH-1", "limit", ""), True),
        (("VEH-1", "", ""), True),
        (("", "limit", ""), True),
        (("", "", ""), True),
        (("VEH-2", "", ""), False),
        (("", "silent", ""), False),
        (("VEH-1", "limit", "speed"), False),
    ],
)
def test_an_empty_part_matches_everything(muted: tuple[str, str, str], matches: bool) -> None:
    mutes = Mutes()
    mutes.mute(*muted, Mute(100, "service"))
    assert mutes.of(*PLACE, 99) == (Mute(100, "service") if matches else None)


def test_a_mute_ends() -> None:
    mutes = Mutes()
    mutes.mute(*PLACE, Mute(100, ""))
    assert mutes.of(*PLACE, 99) is not None
    assert mutes.of(*PLACE, 100) is None


def test_the_mute_that_lasts_longest_wins() -> None:
    mutes = Mutes()
    mutes.mute("VEH-1", "", "", Mute(200, "longest"))
    mutes.mute(*PLACE, Mute(150, "short"))
    assert mutes.of(*PLACE, 0) == Mute(200, "longest")
    assert mutes.of(*PLACE, 175) == Mute(200, "longest")


def test_the_latest_mute_of_the_same_replaces_the_one_before() -> None:
    mutes = Mutes()
    mutes.mute(*PLACE, Mute(200, "first"))
    mutes.mute(*PLACE, Mute(100, "second"))
    assert mutes.of(*PLACE, 0) == Mute(100, "second")


def test_unmuting_a_vehicle_ends_the_mutes_of_its_kinds_and_subjects() -> None:
    mutes = Mutes()
    for place in (PLACE, ("VEH-1", "", ""), ("VEH-2", "", "")):
        mutes.mute(*place, Mute(100, ""))
    mutes.unmute("VEH-1", "", "")
    assert mutes.of(*PLACE, 0) is None
    assert mutes.of("VEH-2", "limit", "coolant", 0) is not None


def test_unmuting_one_alert_leaves_the_mute_of_its_vehicle() -> None:
    mutes = Mutes()
    mutes.mute("VEH-1", "", "", Mute(100, ""))
    mutes.unmute(*PLACE)
    assert mutes.of(*PLACE, 0) is not None


def test_what_has_ended_is_forgotten() -> None:
    mutes = Mutes()
    mutes.mute(*PLACE, Mute(100, ""))
    mutes.mute("VEH-2", "", "", Mute(101, ""))
    mutes.forget(100)
    assert mutes.snapshot() == [("VEH-2", "", "", 101, "")]


def test_there_are_never_too_many_and_those_that_end_first_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    mutes = Mutes()
    for number, until in enumerate([50, 10, 40, 30]):
        mutes.mute(f"VEH-{number}", "", "", Mute(until, ""))
    assert [entry[0] for entry in mutes.snapshot()] == ["VEH-0", "VEH-2", "VEH-3"]


def test_a_snapshot_restores_the_same_mutes() -> None:
    mutes, restored = Mutes(), Mutes()
    mutes.mute(*PLACE, Mute(100, "service"))
    restored.restore(mutes.snapshot())
    assert restored.of(*PLACE, 0) == Mute(100, "service")


def single(**changes: Any) -> MaintenanceWindow:
    return MaintenanceWindow.model_validate(
        {"start": "2026-03-01T08:00:00Z", "end": "2026-03-01T14:00:00+02:00"} | changes
    )


def test_a_single_window_begins_inclusively_and_ends_exclusively() -> None:
    window = single()
    end = moment("2026-03-01T12:00")
    assert window_end(window, moment("2026-03-01T07:59:59")) is None
    assert window_end(window, moment("2026-03-01T08:00")) == end
    assert window_end(window, moment("2026-03-01T11:59:59")) == end
    assert window_end(window, end) is None


@pytest.mark.parametrize(
    ("changes", "matches"),
    [
        ({}, True),
        ({"vehicle": "VEH-1", "kind": "limit"}, True),
        ({"vehicle": "VEH-2"}, False),
        ({"kind": "silent"}, False),
    ],
)
def test_a_window_mutes_its_vehicle_and_kind(changes: dict[str, str], matches: bool) -> None:
    mutes = Mutes([single(reason="new brakes", **changes)])
    found = mutes.of(*PLACE, microseconds(moment("2026-03-01T09:00")))
    expected = Mute(microseconds(moment("2026-03-01T12:00")), "new brakes")
    assert found == (expected if matches else None)


def test_a_mute_that_lasts_longer_than_the_window_wins() -> None:
    mutes = Mutes([single()])
    now, until = (microseconds(moment(f"2026-03-01T{clock}")) for clock in ("09:00", "13:00"))
    mutes.mute(*PLACE, Mute(until, "longer"))
    assert mutes.of(*PLACE, now) == Mute(until, "longer")
    mutes.mute(*PLACE, Mute(now + 1, "shorter"))
    assert mutes.of(*PLACE, now) == Mute(microseconds(moment("2026-03-01T12:00")), "maintenance")


def weekly(begin: str, until: str, *days: str, zone: str = "Europe/Berlin") -> MaintenanceWindow:
    return MaintenanceWindow.model_validate({"days": days, "begin": begin, "until": until, "time_zone": zone})


@pytest.mark.parametrize(
    ("now", "is_open"),
    [
        ("2026-01-10T20:59:59", False),  # a Saturday, 21:59:59 in Berlin
        ("2026-01-10T21:00:00", True),
        ("2026-01-10T23:30:00", True),
        ("2026-01-11T02:59:59", True),
        ("2026-01-11T03:00:00", False),
        ("2026-01-11T21:30:00", False),
        ("2026-01-10T02:00:00", False),
    ],
)
def test_a_weekly_window_goes_over_midnight_by_the_clocks_of_its_zone(now: str, is_open: bool) -> None:
    end = window_end(weekly("22:00", "04:00", "sat"), moment(now))
    assert end == (moment("2026-01-11T03:00") if is_open else None)


def test_a_weekly_window_within_a_day() -> None:
    window = weekly("08:00", "10:00", "mon", "tue", zone="UTC")
    assert window_end(window, moment("2026-01-06T09:00")) == moment("2026-01-06T10:00")
    assert window_end(window, moment("2026-01-07T09:00")) is None
    assert window_end(window, moment("2026-01-06T10:00")) is None


@pytest.mark.parametrize(
    ("date", "end", "hours"),
    [
        ("2026-03-28", "2026-03-29T02:00", 5),
        ("2026-10-24", "2026-10-25T03:00", 7),
        ("2026-01-10", "2026-01-11T03:00", 6),
    ],
)
def test_a_night_in_which_clocks_change_is_an_hour_shorter_or_longer(date: str, end: str, hours: int) -> None:
    """From 22:00 to 04:00 in Berlin, by the clocks on the wall."""
    window = weekly("22:00", "04:00", "sat")
    summer = date == "2026-10-24"
    begin = moment(f"{date}T{'20' if summer else '21'}:00")
    assert window_end(window, begin) == moment(end)
    assert (moment(end) - begin).total_seconds() == 3600 * hours
    assert window_end(window, begin.replace(minute=0) - (moment(end) - begin) / 3600) is None
    assert window_end(window, moment(end)) is None
