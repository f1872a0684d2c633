"""Hostile vehicle ids and signal names on the page: shown literally, never interpreted."""

from __future__ import annotations

import re

import pytest
from streamlit.testing.v1 import AppTest

from config.settings import Settings, load
from tests.support.enriched_events import payload
from tests.support.hostile import HOSTILE_IDS
from tests.support.map_messages import texts_on_map
from tests.support.paths import REPOSITORY
from tests.support.staged_page import again, fleet_table, shown_in
from ui.live.mqtt_feed import MqttFeed

APP = REPOSITORY / "ui" / "script.py"
SIGNALS = {
    "<b>speed</b>": "<i>km/h</i>",
    "<script>alert(1)</script>": "<script>alert(2)</script>",
    "[x](javascript:alert(1))": "![x](http://evil.example)",
    ":red[heat]": ":material/home:",
    "a|b": "$x$",
    "https://evil.example": "`x`",
}
"""Name → unit."""


def hostile_settings() -> Settings:
    base = load()
    signal = base.signals["speed"]
    hostile = {name: signal.model_copy(update={"unit": unit, "max": 1.0}) for name, unit in SIGNALS.items()}
    positions = {name: base.signals[name] for name in ("latitude", "longitude")}
    return base.model_copy(update={"signals": hostile | positions})


def page_of(settings: Settings, payloads: list[bytes], monkeypatch: pytest.MonkeyPatch) -> AppTest:
    feed = MqttFeed(settings)  # never started: the test records the messages itself
    for message in payloads:
        feed.state.record(message)
    monkeypatch.setattr("ui.page.shared_feed", lambda: (settings, feed))
    page = AppTest.from_file(str(APP), default_timeout=60)
    page.run()
    assert not page.exception
    return page


def assert_nothing_is_interpreted(page: AppTest) -> None:
    """No Markdown of the page holds markup, a link or a directive that is not ours."""
    texts = [element.value for element in (*page.markdown, *page.caption, *page.info, *page.error)]
    texts += [metric.help for metric in page.metric if metric.help]
    for text in texts:
        assert not re.search(r"(?<!\\)[<>]", text), text
        assert not re.search(r"(?<!\\)\]\(", text), text
        assert "://" not in text, text
        assert not re.search(r"(?<!\\)(:material/home|:red\[(heat|x)|[`$])", text), text
    assert not any(element.allow_html for element in page.markdown)


def test_hostile_signal_names_and_units_are_shown_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    shares = {name: 1.0 / len(SIGNALS) for name in SIGNALS}
    first, *_ = SIGNALS
    message = payload(
        "VEH-1",
        error=5.0,
        values=dict.fromkeys(SIGNALS, 131.0),
        contributions=shares,
        expected=dict.fromkeys(SIGNALS, 90.0),
        implausible=list(SIGNALS),
    )
    page = page_of(hostile_settings(), [message], monkeypatch)
    assert_nothing_is_interpreted(page)
    (row,) = fleet_table(page)["What stands out"]
    assert f"{first} 131 <i>km/h</i>, expected 90 <i>km/h</i>" in row


def test_every_hostile_vehicle_has_a_row_and_none_is_more_than_text(monkeypatch: pytest.MonkeyPatch) -> None:
    payloads = [payload(vehicle, error=5.0) for vehicle in HOSTILE_IDS]
    page = page_of(load(), payloads, monkeypatch)
    assert_nothing_is_interpreted(page)
    rows = fleet_table(page)["Vehicle"].tolist()
    assert len(rows) == len(HOSTILE_IDS)
    assert all(row.isprintable() or row == " " for row in "".join(rows).split("\N{WORD JOINER}"))
    assert set(texts_on_map(page)) == set(HOSTILE_IDS)
    # The browser shows these as text, and sends them back when they are clicked.
    assert {row["id"] for row in shown_in(page, "fleet_vehicle_list")["rows"]} == set(HOSTILE_IDS)
    assert {row["id"] for row in shown_in(page, "fleet_swim_lanes")["rows"]} <= set(HOSTILE_IDS)


@pytest.mark.parametrize(
    "vehicle",
    [*HOSTILE_IDS[:3], *(pytest.param(vehicle, marks=pytest.mark.long) for vehicle in HOSTILE_IDS[3:])],
    ids=lambda vehicle: ascii(vehicle[:30]),
)
def test_a_hostile_vehicle_can_be_chosen(vehicle: str, monkeypatch: pytest.MonkeyPatch) -> None:
    page = page_of(load(), [payload("VEH-1", error=0.1), payload(vehicle, error=5.0)], monkeypatch)
    page.session_state.chosen = vehicle
    again(page)
    assert shown_in(page, "fleet_vehicle_list")["chosen"] == vehicle
    assert page.button(key="fleet_chosen_open")
    assert_nothing_is_interpreted(page)
