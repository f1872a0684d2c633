"""What a channel is told of, and when."""

from __future__ import annotations

import logging
import pickle
from datetime import UTC, datetime, timedelta

import pytest

from dataflows.stored_state import check_layout, unpickle
from tests.support.alerts import OPENED, later, make_alert
from tests.support.told_channel import DAY, WINDOW, ToldChannel

HOUR = 3600


def opened(*vehicles: str) -> list[tuple[str, str]]:
    return [(vehicle, "opened") for vehicle in vehicles]


# Triggers


def test_an_opening_a_rise_and_the_clearing_are_each_told_once() -> None:
    channel = ToldChannel()
    first = make_alert()
    worse = later(first, severity="major")
    cleared = later(later(worse, events=9), state="cleared")
    channel.take(first)
    channel.advance(100)
    channel.take(worse)
    channel.take(later(worse, events=9))
    channel.advance(100)
    channel.take(cleared)
    channel.advance(10 * HOUR)
    assert channel.whats == [
        (60, opened("VEH-1")),
        (160, [("VEH-1", "worse")]),
        (260, [("VEH-1", "cleared")]),
    ]


def test_a_revision_that_comes_again_or_late_tells_nothing() -> None:
    channel = ToldChannel()
    first = make_alert()
    second = later(first, severity="major")
    channel.take(first, second, first)
    channel.advance(100)
    channel.take(first, second)
    channel.take(later(second, state="cleared"), second, first)
    channel.advance(HOUR)
    assert [whats for _, whats in channel.whats] == [opened("VEH-1"), [("VEH-1", "cleared")]]


def test_an_alert_that_comes_back_is_told_again() -> None:
    channel = ToldChannel()
    alert = make_alert()
    cleared = later(alert, state="cleared")
    channel.take(alert)
    channel.advance(100)
    channel.take(cleared)
    channel.advance(100)
    channel.take(later(cleared, state="open", cleared_at=None, openings=2))
    channel.advance(100)
    assert [whats for _, whats in channel.whats] == [opened("VEH-1"), [("VEH-1", "cleared")], opened("VEH-1")]


def test_an_alert_whose_clearing_nobody_has_seen_is_told_as_opened_again() -> None:
    channel = ToldChannel()
    alert = make_alert()
    channel.take(alert)
    channel.advance(100)
    channel.take(later(alert, openings=2))
    channel.advance(100)
    assert [whats for _, whats in channel.whats] == [opened("VEH-1"), opened("VEH-1")]


def test_the_clearing_of_an_alert_that_was_not_told_is_not_told() -> None:
    channel = ToldChannel()
    channel.take(make_alert(state="cleared"))
    channel.advance(HOUR)
    assert channel.told == []


def test_what_clears_before_it_was_told_is_told_in_order() -> None:
    channel = ToldChannel()
    alert = make_alert()
    channel.take(alert, later(alert, state="cleared"))
    channel.advance(HOUR)
    assert [whats for _, whats in channel.whats] == [opened("VEH-1"), [("VEH-1", "cleared")]]
    assert [change.alert.state for told in channel.told for change in told.group.changes] == [
        "open",
        "cleared",
    ]


def test_changes_that_were_not_told_yet_are_told_by_the_newest_state() -> None:
    channel = ToldChannel()
    alert = make_alert()
    cleared = later(alert, state="cleared")
    again = later(cleared, state="open", cleared_at=None, openings=2)
    channel.take(alert, cleared, again, later(again, severity="major"))
    channel.advance(HOUR)
    (told,) = channel.told
    assert [(change.alert.openings, change.alert.severity) for change in told.group.changes] == [(2, "major")]


def test_an_alert_that_is_taken_off_its_topic_is_not_repeated() -> None:
    channel = ToldChannel(repeat_after=HOUR)
    channel.take(make_alert())
    channel.advance(100)
    channel.take_away(make_alert())
    channel.advance(10 * HOUR)
    assert channel.whats == [(60, opened("VEH-1"))]


def test_the_next_alert_of_the_same_subject_ends_the_one_before() -> None:
    channel = ToldChannel(repeat_after=HOUR)
    channel.take(make_alert())
    channel.advance(100)
    channel.take(make_alert(alert_id="another"))
    channel.advance(1.5 * HOUR)
    ids = [change.alert.alert_id for told in channel.told for change in told.group.changes]
    assert ids == ["VEH-1/limit/coolant/1", "another", "another"]


# Routing


def test_a_channel_is_told_from_its_least_severity_on() -> None:
    channel = ToldChannel(severity="major")
    mild, severe = make_alert("mild"), make_alert("severe", severity="critical")
    channel.take(mild, severe)
    channel.advance(100)
    assert channel.whats == [(0, opened("severe"))]
    channel.take(later(mild, state="cleared"))
    rising = make_alert("rising")
    channel.take(rising, later(rising, severity="major"))
    channel.advance(100)
    assert channel.whats[1:] == [(160, opened("rising"))]


def test_a_channel_is_told_of_its_kinds() -> None:
    channel = ToldChannel(kinds=["silent"])
    channel.take(make_alert("a"), make_alert("b", kind="silent", subject="vehicle"))
    channel.advance(100)
    assert channel.whats == [(60, opened("b"))]


def test_a_channel_that_does_not_want_clearings_gets_none() -> None:
    channel = ToldChannel(cleared=False)
    alert = make_alert()
    channel.take(alert)
    channel.advance(100)
    channel.take(later(alert, state="cleared"))
    channel.advance(HOUR)
    assert channel.whats == [(60, opened("VEH-1"))]


# Repeat interval


def test_an_open_alert_is_repeated_until_somebody_acknowledges_it() -> None:
    channel = ToldChannel(repeat_after=HOUR)
    alert = make_alert()
    channel.take(alert)
    channel.advance(2.5 * HOUR)
    repeated = [("VEH-1", "repeated")]
    assert channel.whats == [(60, opened("VEH-1")), (HOUR + 120, repeated), (2 * HOUR + 180, repeated)]
    channel.take(later(alert, acknowledged_by="Ada", acknowledged_at=OPENED))
    channel.advance(10 * HOUR)
    assert len(channel.told) == 3


def test_a_cleared_alert_is_not_repeated() -> None:
    channel = ToldChannel(repeat_after=HOUR)
    alert = make_alert()
    channel.take(alert)
    channel.advance(100)
    channel.take(later(alert, state="cleared"))
    channel.advance(10 * HOUR)
    assert [whats for _, whats in channel.whats] == [opened("VEH-1"), [("VEH-1", "cleared")]]


# Mutes


def test_a_muted_alert_is_told_when_the_mute_ends_if_it_is_still_open() -> None:
    channel = ToldChannel()
    until = OPENED + timedelta(hours=1)
    cleared = make_alert("cleared", muted_until=until)
    channel.take(make_alert("open", muted_until=until), cleared)
    channel.advance(100)
    channel.take(later(cleared, state="cleared"))
    channel.advance(2 * HOUR)
    assert channel.whats == [(HOUR, opened("open"))]


def test_a_mute_for_good_lasts_for_good() -> None:
    channel = ToldChannel(quiet="22:00-06:00")
    channel.take(make_alert(muted_until=datetime.max.replace(tzinfo=UTC)))
    channel.advance(400 * DAY)
    assert channel.told == []


def test_the_end_of_a_mute_can_come_early() -> None:
    channel = ToldChannel()
    alert = make_alert(muted_until=OPENED + timedelta(hours=1))
    channel.take(alert)
    channel.advance(600)
    channel.take(later(alert, muted_until=None))
    assert channel.whats == [(600, opened("VEH-1"))]


def test_an_alert_that_is_muted_is_neither_repeated_nor_told_as_cleared() -> None:
    channel = ToldChannel(repeat_after=HOUR)
    alert = make_alert()
    channel.take(alert)
    channel.advance(100)
    muted = later(alert, muted_until=OPENED + timedelta(days=1))
    channel.take(muted)
    channel.advance(5 * HOUR)
    channel.take(later(muted, state="cleared"))
    channel.advance(3 * DAY)
    assert channel.whats == [(60, opened("VEH-1"))]


# Quiet hours


def test_in_quiet_hours_only_critical_alerts_are_told_and_the_rest_when_they_end() -> None:
    """The start is at 13:02 UTC, 14:02 in Berlin."""
    channel = ToldChannel(quiet="14:00-15:00", time_zone="Europe/Berlin", repeat_after=0.4 * HOUR)
    alert = make_alert("short")
    channel.take(make_alert("mild"), alert)
    channel.advance(600)
    channel.take(later(alert, state="cleared"), make_alert("severe", severity="critical"))
    channel.advance(58 * 60 - 600)
    assert channel.whats == [
        (600, opened("severe")),
        (600 + 1440 + 60, [("severe", "repeated")]),
        (58 * 60, opened("mild", "short")),
        (58 * 60, [("short", "cleared")]),
    ]


# Grouping


def test_alerts_of_one_kind_and_subject_within_the_window_are_one_message() -> None:
    channel = ToldChannel()
    channel.take(make_alert("a"), make_alert("other", subject="oil"))
    channel.advance(30)
    channel.take(make_alert("b"))
    channel.advance(29)
    channel.take(make_alert("c"))
    channel.advance(2)
    channel.take(make_alert("d"))
    channel.advance(100)
    assert channel.whats == [(60, opened("a", "b", "c")), (60, opened("other")), (121, opened("d"))]


def test_a_critical_alert_is_told_at_once_and_what_follows_in_the_window_is_the_next_message() -> None:
    channel = ToldChannel()
    channel.take(make_alert("a", severity="critical"))
    channel.advance(10)
    channel.take(make_alert("b", severity="critical"))
    channel.advance(20)
    channel.take(make_alert("c"))
    channel.advance(WINDOW)
    assert channel.whats == [(0, opened("a")), (60, opened("b", "c"))]
    channel.advance(40)
    channel.take(make_alert("d", severity="critical"))
    assert channel.whats[2:] == [(130, opened("d"))]


def test_a_critical_alert_takes_those_along_that_wait() -> None:
    channel = ToldChannel()
    channel.take(make_alert("a"))
    channel.advance(20)
    channel.take(make_alert("b", severity="critical"))
    assert channel.whats == [(20, opened("a", "b"))]


# Failures


def test_a_message_that_is_refused_waits_with_what_came_since_behind_others() -> None:
    channel = ToldChannel()
    channel.take(make_alert("a"), make_alert("other", subject="oil"))
    channel.now = 60
    channel.tell(iter([False]))
    assert channel.told == []
    channel.take(make_alert("b"))
    assert channel.whats == [(60, opened("other")), (60, opened("a", "b"))]


def test_a_change_while_a_message_is_in_flight_is_another_message() -> None:
    channel = ToldChannel()
    alert = make_alert()
    channel.take(alert)
    channel.now = 60
    clock = channel._clock()
    group = channel.channel.due(clock)
    assert group is not None
    assert channel.channel.due(clock) is None
    channel.take(later(alert, severity="major"))
    channel.channel.sent(group, clock)
    channel.advance(100)
    assert channel.whats == [(120, [("VEH-1", "worse")])]


# State


def test_what_is_stored_is_plain_data_and_what_is_in_flight_waits_after_a_restart() -> None:
    channel = ToldChannel()
    told = make_alert("told", severity="critical")
    channel.take(told)
    channel.take(make_alert("waits"), later(told, state="cleared"))
    channel.now = 61
    group = channel.channel.due(channel._clock())
    assert group is not None
    stored = unpickle(pickle.dumps(channel.snapshot()))
    check_layout(stored)
    channel.restart(stored)
    assert channel.snapshot() == stored
    channel.advance(100)
    assert sorted(whats for _, whats in channel.whats[1:]) == [[("told", "cleared")], opened("waits")]


def test_a_cleared_alert_is_forgotten_after_a_while() -> None:
    channel = ToldChannel()
    alert = make_alert()
    channel.take(alert)
    channel.advance(100)
    channel.take(later(alert, state="cleared"))
    channel.advance(DAY - 1)
    channel.take(make_alert("other"))
    assert set(channel.channel.alerts) == {"VEH-1/limit/coolant/1", "other/limit/coolant/1"}
    channel.advance(61)
    channel.take(later(make_alert("other")))
    assert set(channel.channel.alerts) == {"other/limit/coolant/1"}


def test_there_are_never_more_alerts_than_allowed_and_what_is_lost_is_counted_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    channel = ToldChannel(most_alerts=20)
    done = make_alert("done")
    channel.take(done, later(done, state="cleared"))
    channel.advance(200)
    with caplog.at_level(logging.WARNING):
        for number in range(100):
            channel.take(make_alert(f"v{number}"))
            assert len(channel.channel.alerts) <= 20
    assert done.alert_id not in channel.channel.alerts
    assert channel.channel.dropped == 100 - channel.channel.waiting
    (record,) = caplog.records
    assert record.message.startswith("channel dispatch: more than 20 alerts are open")
