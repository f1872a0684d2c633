"""Alerts that the page reads from the history."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from dataflows.events import Alert, Comment
from tests.support.enriched_events import START
from tests.support.shown_alerts import alert, cleared, message
from tests.support.stored_history import store
from ui.alerts.past import cleared_since, revisions_of, with_past

OPENED = alert(comments=(Comment(by="Kim", at=START, text="“hot”"),))
CLEARED = cleared(comments=OPENED.comments, useful=True)


@pytest.fixture
def history(tmp_path: Path) -> Path:
    others = [alert("VEH-2"), cleared("VEH-3", 5), cleared("VEH-4", -90_000)]
    store(tmp_path, "alerts", [message(each) for each in (OPENED, CLEARED, *others)])
    return tmp_path


def test_an_alert_of_the_history_is_as_it_was_on_its_topic(history: Path) -> None:
    (read,) = [each for each in cleared_since(history, START) if each.vehicle_id == "VEH-1"]
    assert read == CLEARED


def test_alerts_of_a_time_are_those_that_have_cleared_the_last_one_first(history: Path) -> None:
    def vehicles(start_days_ago: int) -> list[str]:
        found = cleared_since(history, START - timedelta(days=start_days_ago))
        return [each.vehicle_id for each in found]

    assert vehicles(0) == ["VEH-3", "VEH-1"]
    assert vehicles(2) == ["VEH-3", "VEH-1", "VEH-4"]


def test_the_revisions_of_an_alert_end_with_the_one_that_is_shown(history: Path) -> None:
    latest = replace(CLEARED, revision=9, acknowledged_by="Kim")
    assert revisions_of(history, latest) == [OPENED, CLEARED, latest]
    assert revisions_of(history, CLEARED) == [OPENED, CLEARED]


def test_a_history_that_is_not_there_has_no_alerts(tmp_path: Path) -> None:
    assert cleared_since(tmp_path / "none", START) == []
    assert revisions_of(tmp_path / "none", OPENED) == [OPENED]


def test_what_the_stream_has_counts_more_than_the_history() -> None:
    def ids(alerts: list[Alert]) -> list[tuple[str, int]]:
        return [(each.vehicle_id, each.revision) for each in alerts]

    live = [replace(OPENED, revision=7)]
    assert ids(with_past(live, [CLEARED, cleared("VEH-3")])) == [("VEH-1", 7), ("VEH-3", 2)]
