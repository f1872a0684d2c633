"""The page as a viewer sees it, with a fleet that the test records."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from ui.fleet.fleet_table import RANK_EVERY, vehicle_named

from config.settings import load
from tests.support.enriched_events import CALM, payload
from tests.support.map_messages import has_map, settings_of_map, texts_on_map
from tests.support.staged_page import NOW, StagedFeed, again, fleet_table, opened, text
from ui.live.feed import Connection

HOSTILE = "<img src=x onerror=alert(1)>:red[**b**] [x](http://evil.example) @@=f(1)"

ShowPage = Callable[[], AppTest]


@pytest.fixture
def feed() -> StagedFeed:
    return StagedFeed(load())


@pytest.fixture
def show(feed: StagedFeed, monkeypatch: pytest.MonkeyPatch) -> ShowPage:
    """Opens the page, which must not show an exception."""
    monkeypatch.setattr("ui.page.shared_feed", lambda: (load(), feed))
    return opened


def table(page: AppTest) -> Any:
    return fleet_table(page)


def test_an_anomaly_is_described_in_the_table_and_the_detail(feed: StagedFeed, show: ShowPage) -> None:
    feed.state.record(payload("VEH-1", error=5.0, measured={"engine_temperature": 131.0}))
    page = show()
    description = "engine_temperature 131 °C, expected 90 °C"
    assert table(page)["What stands out"].tolist() == [description]
    assert table(page)["State"].tolist() == ["anomaly"]
    assert f":red[**{description}**]" in text(page)


def test_the_worst_vehicles_come_first_and_silent_ones_last(feed: StagedFeed, show: ShowPage) -> None:
    feed.state.record(payload("silent", error=9.0))
    feed.now += 30.0
    for name, error in (("calm", 0.2), ("worst", 8.0), ("uneasy", 0.9), ("bad", 3.0)):
        feed.state.record(payload(name, error=error))
    feed.state.record(payload("recovering", error=0.5, smoothed=4.0))
    page = show()
    assert table(page)["Vehicle"].tolist() == ["worst", "bad", "recovering", "uneasy", "calm", "silent"]
    assert table(page)["State"].tolist()[-1] == "silent 30 s"


def test_missing_and_implausible_signals_are_described(feed: StagedFeed, show: ShowPage) -> None:
    feed.state.record(payload("VEH-1", measured={"fuel": None}, status="partial"))
    feed.state.record(payload("VEH-2", measured={"rpm": 12_000.0}, implausible=("rpm",)))
    descriptions = table(show()).set_index("Vehicle")["What stands out"].to_dict()
    assert descriptions == {
        "VEH-1": "missing fuel",
        "VEH-2": "implausible: rpm 12,000 1/min, plausible 0 to 9,000",
    }


def test_the_figures_count_the_fleet(feed: StagedFeed, show: ShowPage) -> None:
    feed.state.record(payload("silent"))
    feed.now += 30.0
    feed.state.record(payload("bad", error=5.0))
    feed.state.record(payload("calm"))
    feed.state.record(payload("new", threshold=None))
    feed.state.record(b"nonsense")
    feed.state.record_dead_letter(b"{}")
    figures = {metric.label: (metric.value, metric.delta) for metric in show().metric}
    assert figures["Anomalous now"] == ("1", "1 in the last hour")
    assert figures["Vehicles"] == ("4", "1 warming up")
    assert figures["Silent"] == ("1", "no events for 10 s")
    assert figures["Events per second"][1] == "4 received"
    assert figures["Dead letters"] == ("1", "1 unreadable here")


def test_before_the_first_event_the_page_says_how_to_get_events(show: ShowPage) -> None:
    page = show()
    (hint,) = [element.value for element in page.info]
    assert "No events yet on `fleet/enriched/+`" in hint
    assert "python -m bytewax.run dataflows.fleet" in hint
    assert "no events yet" in text(page)
    assert not page.dataframe
    assert not page.error


@pytest.mark.parametrize(
    ("connection", "expected"),
    [
        (
            Connection("unreachable", "Connection refused", NOW),
            "Cannot reach the MQTT broker at 127.0.0.1:1883",
        ),
        (Connection("refused", "Not authorized", NOW), "refused this page: Not authorized. Check username"),
        (Connection("lost", "Keep alive timeout", NOW), "was lost: Keep alive timeout"),
    ],
)
def test_a_broken_connection_is_reported_with_its_reason_while_the_fleet_stays_on_the_page(
    connection: Connection, expected: str, feed: StagedFeed, show: ShowPage
) -> None:
    feed.state.record(payload("VEH-1"))
    feed.stage = connection
    page = show()
    (trouble,) = [element.value.replace("\\", "").replace("\u2060", "") for element in page.error]
    assert expected in trouble
    assert "Disconnected" in text(page)
    assert table(page)["Vehicle"].tolist() == ["VEH-1"]


def test_the_page_says_what_to_do_about_an_unreachable_broker(feed: StagedFeed, show: ShowPage) -> None:
    feed.stage = Connection("unreachable", "Connection refused", NOW)
    assert "Start it, or set its address in `[mqtt]`" in show().error[0].value


def test_the_page_says_for_how_long_the_stream_has_been_silent(feed: StagedFeed, show: ShowPage) -> None:
    feed.state.record(payload("VEH-1"))
    assert "Live" in text(show())
    feed.now += 42.0
    assert "Stream silent" in text(show())
    assert "last event 42 s ago" in text(show())


def test_a_page_opened_after_the_job_has_died_says_since_when_nothing_came_and_where_to_look(
    feed: StagedFeed, show: ShowPage
) -> None:
    feed.state.record(payload("VEH-1"), retained=True)
    scored_at = feed.now
    feed.now += 3 * 3600.0
    page = show()
    (warning,) = [element.value for element in page.warning]
    assert f"{datetime.fromtimestamp(scored_at, UTC):%H:%M:%S}**, for 3 h" in warning
    assert "Nothing has come on `fleet/enriched/+` since" in warning
    assert "the last line of its output" in warning
    assert "`fleet/dead-letter`" in warning
    assert not page.info


def test_invalid_settings_are_one_clear_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET__MQTT__PORT", "nonsense")
    page = opened()
    (trouble,) = [element.value.replace("\\", "") for element in page.error]
    assert "Invalid settings" in trouble
    assert "mqtt.port" in trouble


def test_the_chosen_vehicle_stays_chosen_when_the_order_changes(feed: StagedFeed, show: ShowPage) -> None:
    for name, error in (("VEH-1", 0.1), ("VEH-2", 0.9)):
        feed.state.record(payload(name, error=error))
    page = show()
    assert page.selectbox[0].value == "VEH-2", "initially the worst one"
    page.selectbox[0].select("VEH-1")
    again(page)
    feed.now += RANK_EVERY
    feed.state.record(payload("VEH-3", error=9.0))
    feed.state.record(payload("VEH-2", 1, error=0.01))
    again(page)
    assert table(page)["Vehicle"].tolist() == ["VEH-3", "VEH-1", "VEH-2"]
    assert page.selectbox[0].value == "VEH-1"


def test_the_label_of_a_button_leads_back_to_its_vehicle(feed: StagedFeed, show: ShowPage) -> None:
    for name in ("VEH-1", "VEH-2", HOSTILE):
        feed.state.record(payload(name))
    page = show()
    labels = dict(zip(sorted(("VEH-1", "VEH-2", HOSTILE)), sorted(table(page)["Vehicle"]), strict=True))
    for vehicle_id, label in labels.items():
        assert vehicle_named(label, labels) == vehicle_id
    assert vehicle_named("VEH-9", labels) is None


def test_the_order_is_kept_long_enough_to_be_read(feed: StagedFeed, show: ShowPage) -> None:
    for name, error in (("VEH-1", 0.1), ("VEH-2", 0.9)):
        feed.state.record(payload(name, error=error))
    page = show()
    feed.now += RANK_EVERY / 2
    feed.state.record(payload("VEH-1", 1, error=5.0))
    again(page)
    assert table(page)["Vehicle"].tolist() == ["VEH-2", "VEH-1"]
    assert table(page)["State"].tolist() == ["ok", "anomaly"], "only the order is kept"
    feed.now += RANK_EVERY
    again(page)
    assert table(page)["Vehicle"].tolist() == ["VEH-1", "VEH-2"]


def test_the_map_shows_every_vehicle_with_a_position_and_marks_the_chosen_one(
    feed: StagedFeed, show: ShowPage
) -> None:
    feed.state.record(payload("VEH-1", error=5.0, measured={"engine_temperature": 131.0}))
    feed.state.record(payload("VEH-2"))
    feed.state.record(payload("VEH-3", position=None))
    page = show()
    assert settings_of_map(page)["chosen"] == "VEH-1"
    assert settings_of_map(page)["base"] is None
    texts = texts_on_map(page)
    assert list(texts) == ["VEH-1", "VEH-2"]
    assert texts["VEH-1"] == [
        "anomaly, severity 83",
        "engine_temperature 131 °C, expected 90 °C",
        "speed 60 km/h",
    ]


def test_a_base_map_that_cannot_be_read_is_reported_and_the_map_is_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = load()
    changed = {"base_map": tmp_path / "nowhere.geojson"}
    settings = settings.model_copy(update={"page": settings.page.model_copy(update=changed)})
    feed = StagedFeed(settings)
    feed.state.record(payload("VEH-1"))
    monkeypatch.setattr("ui.page.shared_feed", lambda: (settings, feed))
    page = opened()
    assert "cannot read" in page.warning[0].value
    assert settings_of_map(page)["base"] is None


def test_charts_get_new_data_but_never_a_new_specification(feed: StagedFeed, show: ShowPage) -> None:
    feed.state.record(payload("VEH-1", 0))
    page = show()
    before = [element.proto for element in page.get("vega_lite_chart")]
    specifications, data = [chart.spec for chart in before], [chart.data.data for chart in before]
    assert len(before) == 2 + len(CALM)
    feed.now += 1.0
    feed.state.record(payload("VEH-1", 1, error=5.0, measured={"rpm": 12_000.0}))
    after = [element.proto for element in again(page).get("vega_lite_chart")]
    assert [chart.spec for chart in after] == specifications
    assert all(new.data.data != old for new, old in zip(after, data, strict=True))


def test_without_a_position_in_the_catalogue_there_is_a_note_instead_of_a_map(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = load()
    settings = settings.model_copy(update={"page": settings.page.model_copy(update={"latitude": "north"})})
    feed = StagedFeed(settings)
    feed.state.record(payload("VEH-1"))
    monkeypatch.setattr("ui.page.shared_feed", lambda: (settings, feed))
    page = opened()
    assert not has_map(page)
    assert "`north`" in page.info[0].value


def test_a_hostile_vehicle_id_is_shown_and_never_interpreted(feed: StagedFeed, show: ShowPage) -> None:
    for name in (HOSTILE, "@@#a.b"):
        feed.state.record(payload(name, error=5.0, contributions={HOSTILE: 1.0}, expected={HOSTILE: 1.0}))
    page = show()
    for element in (*page.markdown, *page.caption, *page.info):
        assert not re.search(r"(?<!\\)[<>]", element.value)
        assert "](" not in element.value
        assert "://" not in element.value
        assert not element.allow_html
    assert HOSTILE in page.selectbox[0].options
    # As it is: the browser shows it as text, and sends it back when it is clicked.
    assert list(texts_on_map(page)) == [HOSTILE, "@@#a.b"]


def test_a_hostile_dead_letter_reason_is_escaped(feed: StagedFeed, show: ShowPage) -> None:
    feed.state.record(payload("VEH-1"))
    feed.state.record_dead_letter(
        b'{"reason": "<b>x</b> [x](http://evil.example)", "payload": "", "topic": "t", "partition": "mqtt",'
        b' "offset": null, "arrived_at": "2026-01-01T12:00:00Z"}'
    )
    explanation = next(metric for metric in show().metric if metric.label == "Dead letters").help
    assert "\\<b\\>x" in explanation
    assert "](" not in explanation
