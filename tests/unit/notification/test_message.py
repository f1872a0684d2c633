"""The words of messages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from dataflows.events import Alert
from dataflows.notification.changes import Change, What
from dataflows.notification.channel import Group
from dataflows.notification.message import Message, compose
from tests.support.alerts import OPENED, make_alert

BERLIN = ZoneInfo("Europe/Berlin")


def message(*alerts: Alert, what: What = "opened", zone: ZoneInfo = BERLIN) -> Message:
    changes = tuple(Change(number, what, alert, 0) for number, alert in enumerate(alerts))
    return compose(Group(changes[0].group, changes), zone)


def test_a_single_alert_is_told_with_all_that_a_dispatcher_needs() -> None:
    alert = make_alert("VEH-7", severity="critical", openings=3, acknowledged_by="Ada")
    assert message(alert) == Message(
        "Critical again: VEH-7, coolant outside its limits",
        "Coolant of VEH-7 is at 118 °C, above its limit of 110 °C.\n"
        "\n"
        "Vehicle: VEH-7\n"
        "Severity: critical (peak 62 of 100)\n"
        "Since: 2026-03-01 14:02 CET\n"
        "Opened: 3 times\n"
        "Acknowledged by: Ada",
        "critical",
    )


def test_the_title_says_what_happened() -> None:
    alert = make_alert(severity="major")
    assert message(alert).title == "Major: VEH-1, coolant outside its limits"
    assert message(alert, what="worse").title == "Now major: VEH-1, coolant outside its limits"
    assert message(alert, what="repeated").title == "Still major: VEH-1, coolant outside its limits"
    cleared = message(make_alert(state="cleared"), what="cleared")
    assert cleared.title == "Cleared: VEH-1, coolant outside its limits"
    assert "\nCleared: 2026-03-01 14:20 CET" in cleared.body
    assert cleared.severity is None


def test_the_title_names_the_fault() -> None:
    def title(**fields: str) -> str:
        return message(make_alert(**fields)).title

    assert title(kind="anomaly") == "Minor: VEH-1, anomaly of coolant"
    assert title(kind="missing") == "Minor: VEH-1, coolant missing"
    assert title(kind="silent", subject="vehicle") == "Minor: VEH-1, no data"
    assert title(vehicle="", kind="silent", subject="fleet") == "Minor: the whole fleet, no data"


def test_a_group_lists_ten_vehicles_the_worst_first_and_counts_the_rest() -> None:
    alerts = [
        make_alert(f"VEH-{number}", opened_at=OPENED + timedelta(minutes=number)) for number in range(11)
    ]
    told = message(*alerts, make_alert("VEH-99", severity="major", opened_at=OPENED + timedelta(hours=1)))
    assert told.title == "Major: 12 vehicles, coolant outside its limits"
    lines = told.body.splitlines()
    assert lines[0] == "12 vehicles: coolant outside its limits since 2026-03-01 14:02 CET"
    assert lines[2].startswith("- VEH-99: Coolant of VEH-99 is at 118 °C")
    assert lines[2].endswith("(major, since 2026-03-01 15:02 CET)")
    assert [line.split(":")[0] for line in lines[3:12]] == [f"- VEH-{number}" for number in range(9)]
    assert lines[12:] == ["and 2 more"]


def test_two_alerts_of_one_vehicle_are_told_by_its_name() -> None:
    first, second = make_alert(), make_alert(alert_id="again")
    assert message(first, second).title == "Minor: VEH-1, coolant outside its limits"


def test_times_at_the_end_of_the_calendar_are_shown_in_utc() -> None:
    alert = make_alert(opened_at=datetime(9999, 12, 31, 23, 59, tzinfo=UTC))
    assert "Since: 9999-12-31 23:59 UTC" in message(alert).body
    assert "Since: 2026-03-01 18:32 IST" in message(make_alert(), zone=ZoneInfo("Asia/Kolkata")).body
