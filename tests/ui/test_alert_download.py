"""Alerts as files."""

from __future__ import annotations

import csv
import io
from typing import Any

import msgspec
import pytest

from dataflows.events import Alert, AlertSignal, Comment
from tests.support.enriched_events import START
from tests.support.shown_alerts import alert, cleared
from ui.alerts.download import COLUMNS, csv_of, json_of


def lines(*alerts: Alert) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(csv_of(alerts).decode("utf-8-sig"))))


def test_a_table_has_a_line_for_each_alert_with_its_leading_signal() -> None:
    said = (Comment(by="Kim", at=START, text="driver, called"), Comment(by="Robin", at=START, text="towed"))
    first, second = lines(cleared(useful=False, comments=said), alert("VEH-2", signals=()))
    assert list(first) == list(COLUMNS)
    assert (first["vehicle_id"], first["state"], first["severity"]) == ("VEH-1", "cleared", "major")
    assert (first["signal"], first["actual"], first["typical"]) == ("engine_temperature", "131.0", "90.0")
    assert first["opened_at"] == "2026-01-01T12:00:00+00:00"
    assert (first["useful"], first["comments"]) == ("false", "Kim: driver, called; Robin: towed")
    assert (second["signal"], second["cleared_at"], second["useful"]) == ("", "", "")


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_a_spreadsheet_does_not_take_a_text_for_a_formula(start: str) -> None:
    formula = f'{start}HYPERLINK("http://evil.example")'
    (line,) = lines(alert(formula, summary=formula, signals=(), mute_reason=formula, acknowledged_by=formula))
    for name in ("vehicle_id", "summary", "mute_reason", "acknowledged_by", "alert_id"):
        assert line[name].startswith(f"'{start}")


def test_a_program_gets_the_alerts_as_they_are_on_their_topic() -> None:
    signal = AlertSignal(name="fuel", actual=None, typical=50.0, share=1.0)
    alerts = [alert(signals=(signal,)), cleared("VEH-2")]
    assert msgspec.json.decode(json_of(alerts), type=list[Alert]) == alerts
