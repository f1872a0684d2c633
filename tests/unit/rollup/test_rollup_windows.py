"""When windows close: by the clock of their vehicle, by silence, at the end, and across restarts."""

from __future__ import annotations

import logging

import msgspec
import numpy as np
import pytest

from dataflows.events import LateEvent
from dataflows.rollup import shard_runs
from dataflows.rollup.encode import encode_late
from dataflows.rollup.run_kernel import SET_BACK_AFTER
from dataflows.rollup.shard_runs import Part, ShardRuns
from tests.support.alert_streams import as_scored, events
from tests.support.rollup_streams import SIGNALS, Summaries, rollup_settings, short
from tests.support.telemetry import START

SETTINGS = rollup_settings()
HOUR, DAY = 3600, 86_400


def seconds(begin: int, end: int, every: int = 1) -> list[float]:
    return [float(second) for second in range(begin, end, every)]


@pytest.mark.parametrize("key", ["VEH-1", "a#b", "", "7#", "ä/ö"])
def test_the_key_of_a_part_leads_back_to_its_vehicle(key: str) -> None:
    assert Part.of(Part(3, key).key) == Part(3, key)


def test_a_window_closes_when_its_vehicle_is_so_much_later_and_has_completed_another() -> None:
    summaries = Summaries(SETTINGS)
    summaries.send("A", seconds(0, 180))
    assert summaries.counts() == {}
    summaries.send("A", [180.0])
    assert summaries.counts() == {"A@0": 60}
    summaries.send("A", seconds(181, 241))
    assert summaries.counts() == {"A@0": 60, "A@60": 60}
    assert summaries.late == []


def test_an_event_counts_until_its_window_was_held_open_for_long_enough() -> None:
    summaries = Summaries(SETTINGS)
    summaries.send("A", [0.0, 179.9, 59.9, 180.0, 59.8, 119.0])
    summaries.finish()
    assert summaries.counts() == {"A@0": 2, "A@60": 1, "A@120": 1, "A@180": 1}
    assert summaries.late == ["A@59.8#4"]


def test_a_late_event_is_told_by_how_much_it_missed_its_window() -> None:
    scored = as_scored(events(["A", "A", "A"], [0.0, 200.0, 30.5], [[0.0] * len(SIGNALS)] * 3))
    _, late = ShardRuns(SETTINGS).fold(scored)
    batch = encode_late(scored, late)
    [event] = [msgspec.json.decode(payload, type=LateEvent) for payload in batch.payloads]
    assert list(batch.keys) == ["A"]
    assert (event.event_id, event.vehicle_id) == ("A@30.5#2", "A")
    assert (event.ts - START).total_seconds() == 30.5
    assert event.late_by_s == pytest.approx(20.0, abs=1e-5)


@pytest.mark.parametrize("off", [-DAY, -HOUR, HOUR, DAY])
def test_a_vehicle_whose_clock_is_off_spoils_no_window_of_another(off: int) -> None:
    summaries = Summaries(SETTINGS)
    for second in range(600):
        summaries.send("A", [float(second)])
        summaries.send("B", [float(second + off)])
    summaries.finish()
    assert summaries.late == []
    assert summaries.counts() == {
        f"{vehicle}@{start + begin}": 60
        for vehicle, begin in (("A", 0), ("B", off))
        for start in range(0, 600, 60)
    }


def test_a_clock_that_was_set_back_is_followed_after_thirty_late_events_under_another_id() -> None:
    summaries = Summaries(SETTINGS)
    summaries.send("A", seconds(HOUR, HOUR + 90))
    summaries.send("A", seconds(0, 180))
    summaries.finish()
    assert len(summaries.late) == SET_BACK_AFTER - 1
    assert summaries.counts() == {
        f"A@{HOUR}": 60,
        f"A@{HOUR + 60}": 30,
        "A@0#1": 60 - len(summaries.late),
        "A@60#1": 60,
        "A@120#1": 60,
    }


def test_nobody_knows_what_a_vehicle_did_while_its_clock_was_set_back() -> None:
    summaries = Summaries(SETTINGS)
    summaries.send("A", [float(HOUR)], 36.0, 50.0, 90.0, 800.0)
    summaries.send("A", seconds(0, SET_BACK_AFTER + 10), 36.0, 70.0, 20.0, 800.0)
    summaries.finish()
    _, after = summaries.rollups()
    assert (after.rollup_id[-2:], after.events) == ("#1", 11)
    assert (after.distance_km, after.moving_s, after.used) == (0.0, 10.0, {"fuel": 0.0})


def test_after_a_clock_was_set_back_events_out_of_order_count_as_ever() -> None:
    summaries = Summaries(SETTINGS)
    summaries.send("A", [float(HOUR)])
    summaries.send("A", [float(180 + number) for number in range(SET_BACK_AFTER)])
    summaries.send("A", [130.0, 70.0, 211.0])
    summaries.finish()
    assert len(summaries.late) == SET_BACK_AFTER - 1
    assert summaries.counts() == {f"A@{HOUR}": 1, "A@180#1": 2, "A@120#1": 1, "A@60#1": 1}


def test_one_event_far_ahead_makes_those_after_it_late_and_not_for_ever() -> None:
    summaries = Summaries(SETTINGS)
    summaries.send("A", [0.0, 100.0 * 365 * DAY, *seconds(1, 600)])
    summaries.finish()
    assert len(summaries.late) == SET_BACK_AFTER - 1
    assert sum(summaries.counts().values()) == 601 - len(summaries.late)


def test_a_vehicle_that_falls_silent_gets_its_last_window_closed_by_the_time_of_the_others() -> None:
    summaries = Summaries(SETTINGS)
    for second in range(100):
        summaries.send("A", [float(second)])
        summaries.send("B", [float(second)])
    summaries.send("B", seconds(100, 250))
    assert not [name for name in summaries.counts() if name.startswith("A")]
    summaries.send("B", seconds(250, 330))
    assert {name: events for name, events in summaries.counts().items() if name.startswith("A")} == {
        "A@0": 60,
        "A@60": 40,
    }


def test_what_a_silent_vehicle_had_stored_is_lost_to_no_window() -> None:
    """Its window was closed, so there is a second rollup of it; later windows are whole."""
    summaries = Summaries(SETTINGS)
    for second in range(90):
        summaries.send("A", [float(second)])
        summaries.send("B", [float(second)])
    summaries.send("B", seconds(90, 900))
    summaries.send("A", seconds(90, 180))
    summaries.finish()
    assert summaries.late == []
    found = {name: events for name, events in summaries.counts().items() if name.startswith("A")}
    assert found == {"A@0": 60, "A@60": 30, "A@60#1": 30, "A@120#1": 60}


def test_an_evicted_vehicle_gets_its_windows_closed_and_other_ids_when_it_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shard_runs, "EVICT_EVERY", 8)
    summaries = Summaries(rollup_settings(vehicles=2))
    summaries.send("A", [0.0, 1.0])
    for vehicle in "BCBCBC":
        summaries.send(vehicle, [2.0])
    assert summaries.counts() == {"A@0": 2}
    summaries.send("A", [3.0])
    summaries.finish()
    assert summaries.counts() == {"A@0": 2, "A@0#1": 1, "B@0": 3, "C@0": 3}
    assert len({rollup.rollup_id for rollup in summaries.rollups()}) == 4


def test_after_a_restart_open_windows_go_on() -> None:
    summaries = Summaries(SETTINGS)
    summaries.send("A", seconds(0, 90))
    summaries.restart()
    assert summaries.counts() == {}
    summaries.send("A", seconds(90, 180))
    summaries.finish()
    assert summaries.counts() == {"A@0": 60, "A@60": 60, "A@120": 60}


def test_after_the_end_of_a_recording_that_grew_nothing_is_said_twice() -> None:
    summaries = Summaries(SETTINGS)
    summaries.send("A", seconds(0, 90))
    summaries.finish()
    summaries.restart()
    summaries.finish()
    summaries.send("A", seconds(90, 120))
    summaries.finish()
    assert summaries.counts() == {"A@0": 60, "A@60": 30, "A@60#1": 30}
    assert summaries.late == []


def test_a_signal_that_is_new_after_a_restart_had_no_values_and_one_that_is_gone_is_left_out() -> None:
    summaries = Summaries(SETTINGS)
    summaries.send("A", seconds(0, 90), 36.0, np.nan, 50.0, 800.0)
    others = {"boost": {"unit": "bar"}, "fuel": SIGNALS["fuel"], "speed": SIGNALS["speed"]}
    summaries.restart(rollup_settings(others))
    summaries.send("A", seconds(90, 120), 1.5, 45.0, 36.0)
    summaries.finish()
    one, other = summaries.rollups()
    assert [list(rollup.signals) for rollup in (one, other)] == [list(others)] * 2
    assert (one.signals["boost"].count, one.signals["boost"].mean) == (0, None)
    assert (other.signals["boost"].count, other.signals["boost"].last) == (30, 1.5)
    assert (other.signals["fuel"].count, other.signals["fuel"].mean) == (60, 47.5)
    assert other.used == {"fuel": 5.0}
    assert other.distance_km == pytest.approx(0.6)


@pytest.mark.parametrize("window", [900.0, 30.0])
def test_windows_that_are_open_when_their_length_changes_end_there_and_the_job_says_so(
    window: float, caplog: pytest.LogCaptureFixture
) -> None:
    summaries = Summaries(SETTINGS)
    summaries.send("A", [*seconds(0, 100), 30.0])
    with caplog.at_level(logging.WARNING):
        summaries.restart(rollup_settings(window=window))
    [record] = caplog.records
    assert record.getMessage() == (
        f"rollups.window was 60 s and is {window:g} s now: rollups of windows that were open then end there"
    )
    summaries.send("A", seconds(100, 110))
    assert sum(summaries.counts().values()) == 101
    summaries.finish()
    rollups = summaries.rollups()
    assert sum(rollup.events for rollup in rollups) == 111
    assert len({rollup.rollup_id for rollup in rollups}) == len(rollups)
    assert {(rollup.end - rollup.start).total_seconds() for rollup in rollups} == {60.0, window}
    assert summaries.late == []


def test_windows_are_held_open_longer_after_a_restart_without_opening_one_again() -> None:
    summaries = Summaries(rollup_settings(allowed_lateness=0.0))
    summaries.send("A", seconds(0, 300))
    assert "A@60" in summaries.counts()
    summaries.restart(rollup_settings(allowed_lateness=600.0))
    summaries.send("A", [70.0, 300.0])
    summaries.finish()
    counts = summaries.counts()
    assert summaries.late == []
    assert (counts["A@60"], counts["A@60#1"]) == (60, 1)
    assert sum(counts.values()) == 302


def test_what_is_before_1970_is_in_a_window_too() -> None:
    summaries = Summaries(SETTINGS)
    summaries.send("A", [-1_767_225_600.0 - 30.0, -1_767_225_600.0 + 30.0])
    summaries.finish()
    assert summaries.counts() == {f"A@{-1_767_225_660}": 1, f"A@{-1_767_225_600}": 1}


def test_ids_are_made_of_vehicle_window_and_part() -> None:
    summaries = Summaries(SETTINGS)
    summaries.send("a@b#c", [61.0])
    summaries.finish()
    [rollup] = summaries.rollups()
    assert rollup.rollup_id == "a@b#c@1767225660000000"
    assert short(rollup.rollup_id) == "a@b#c@60"
    assert np.isclose((rollup.start - START).total_seconds(), 60.0)
