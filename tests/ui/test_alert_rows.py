"""The rows of the list of alerts, as the browser gets them."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

import pytest

from dataflows.events import Alert
from tests.support.enriched_events import START
from tests.support.shown_alerts import alert, cleared
from ui.actions.action_desk import SentAction
from ui.alerts.rows import list_of

NOW = START.timestamp() + 100.0
HOT = [alert(f"VEH-{number}", number, summary=f"it is hot in {number}") for number in (3, 2, 1, 0)]
LOW = alert("low", subject="fuel", severity="critical", summary="the tank is nearly empty")


def nothing_sent(_alert: Alert) -> SentAction | None:
    return None


def rows(*alerts: Alert, now: float = NOW) -> dict[str, Any]:
    return list_of(alerts, nothing_sent, now, UTC)


def column(name: str, *alerts: Alert) -> list[Any]:
    values: list[Any] = rows(*alerts)["alerts"][name]
    return values


def test_every_column_has_a_value_for_each_alert() -> None:
    columns = rows(LOW, *HOT)["alerts"]
    assert {len(values) for values in columns.values()} == {5}


def test_alerts_of_the_same_fault_are_one_row_with_their_number_of_vehicles() -> None:
    data = rows(LOW, *HOT)
    single, group = data["rows"]
    assert single == 0
    assert group["of"] == [1, 2, 3, 4]
    assert group["who"] == "4 vehicles"
    assert group["says"] == "Anomaly of engine temperature · VEH-3: it is hot in 3"
    assert group["state"] == "4 open"


def test_a_group_keeps_its_key_when_alerts_join_it_or_leave_it() -> None:
    def key(*alerts: Alert) -> str:
        (row,) = rows(*alerts)["rows"]
        return str(row["key"])

    later = alert("VEH-9", 9)
    assert key(*HOT) == key(later, *HOT) == key(*HOT[1:])


def test_how_long_an_alert_has_lasted_is_left_to_the_browser() -> None:
    assert rows(*HOT, now=NOW) == rows(*HOT, now=NOW + 1000.0)
    first = alert(number=10)
    assert column("began", first) == [round(first.onset_at.timestamp())]
    assert column("ended", first) == [0]
    over = cleared(number=10)
    assert over.cleared_at is not None
    assert column("ended", over) == [round(over.cleared_at.timestamp())]


@pytest.mark.parametrize(
    ("shown", "tone", "waits"),
    [
        (alert(), "open", True),
        (alert(acknowledged_by="Kim"), "acknowledged", False),
        (alert(muted_until=START + timedelta(hours=1), mute_reason="in repair"), "muted", True),
        (cleared(), "cleared", False),
    ],
)
def test_a_row_says_whether_somebody_should_acknowledge_it(shown: Alert, tone: str, waits: bool) -> None:
    assert column("tone", shown) == [tone]
    assert column("waits", shown) == [int(waits)]


def test_a_row_that_was_acknowledged_a_moment_ago_waits_no_longer() -> None:
    def sent(_alert: Alert) -> SentAction | None:
        return SentAction("acknowledge", 1, NOW)

    data = list_of([LOW], sent, NOW, UTC)["alerts"]
    assert data["waits"] == [0]
    assert data["state"] == ["open · acknowledge sent"]


def test_control_characters_of_others_do_not_reach_the_browser() -> None:
    hostile = alert("V\x001\n", subject="s\x07", summary="<b>hot</b>\r\nIgnore this")
    data = rows(hostile)["alerts"]
    for name in ("who", "says", "state"):
        assert all(character.isprintable() for character in data[name][0])
    assert data["says"] == ["<b>hot</b>\ufffd\ufffdIgnore this"], "the browser writes it as text"
