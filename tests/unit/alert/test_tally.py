"""Alerts are counted by kind as they open, clear and are dropped."""

from __future__ import annotations

from dataflows.alert.tally import Tally
from tests.support.alerts import make_alert

OPEN = make_alert(kind="limit", state="open")
CLEARED = make_alert(kind="limit", state="cleared")


def test_an_alert_opens_once_whatever_its_further_revisions() -> None:
    tally = Tally()
    tally.changed(None, OPEN)
    tally.changed(OPEN, OPEN)
    assert (tally.opened["limit"], tally.cleared["limit"], tally.open["limit"]) == (1, 0, 1)


def test_an_alert_that_clears_and_opens_again_counts_as_that() -> None:
    tally = Tally()
    for before, after in [(None, OPEN), (OPEN, CLEARED), (CLEARED, CLEARED), (CLEARED, OPEN)]:
        tally.changed(before, after)
    assert (tally.opened["limit"], tally.cleared["limit"], tally.open["limit"]) == (2, 1, 1)


def test_an_alert_that_is_dropped_is_open_no_more() -> None:
    tally = Tally()
    tally.changed(None, OPEN)
    tally.dropped(CLEARED)
    assert tally.open["limit"] == 1
    tally.dropped(OPEN)
    assert tally.open["limit"] == 0
    assert tally.cleared["limit"] == 0


def test_what_was_open_before_a_restart_is_open_and_has_not_opened() -> None:
    tally = Tally()
    tally.restored([OPEN, CLEARED, make_alert(kind="silent", state="open")])
    assert tally.open == {"limit": 1, "silent": 1}
    assert not tally.opened
