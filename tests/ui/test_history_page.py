"""The page *History*, on histories that the test has written."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from streamlit.testing.v1 import AppTest

from config.errors import HistoryError
from dataflows.events import Rollup
from tests.support.enriched_events import START, payload
from tests.support.history_job import rollup
from tests.support.stored_history import store
from ui.history.downloads import csv_of, parquet_of
from ui.history.frames import rollup_frame

MINUTE = timedelta(minutes=1)


def page() -> None:
    """The script that is tested."""
    import os
    from zoneinfo import ZoneInfo

    from config.settings import load
    from ui.history.page import show_history

    show_history(load(), ZoneInfo(os.environ.get("TEST_ZONE", "UTC")))


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FLEET__HISTORY__DIRECTORY", str(tmp_path / "history"))
    return tmp_path / "history"


def keep(directory: Path, *rollups: Rollup) -> None:
    for one in rollups:
        store(directory, "rollups", [msgspec.json.encode(one)], topic=f"fleet/rollups/{one.vehicle_id}")


def minute_of(vehicle: str, start: datetime, **more: Any) -> Rollup:
    times = {"start": start, "end": start + MINUTE, "first_at": start, "last_at": start + MINUTE}
    fields = {"rollup_id": f"{vehicle}@{start}", **times, "moving_s": 60.0, "distance_km": 1.0}
    return msgspec.structs.replace(rollup(vehicle), **(fields | more))


def shown(**parameters: str | list[str]) -> AppTest:
    test = AppTest.from_function(page, default_timeout=60)
    for name, value in parameters.items():
        test.query_params[name] = value
    test.run()
    assert not test.exception
    return test


WINDOW = {"from": "2026-01-01T12:00:00Z", "to": "2026-01-01T12:10:00Z"}
"""Ten minutes from `START` on."""


def chart(test: AppTest, key: str) -> dict[str, Any]:
    """The option of a chart."""
    found = next(each.proto for each in test.get("echarts_chart") if each.proto.id.endswith(key))
    option: dict[str, Any] = json.loads(found.spec)
    return option


def milliseconds(second: int) -> int:
    """So many seconds after `START`, since 1970."""
    return round((START.timestamp() + second) * 1000)


def metrics(test: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in test.metric}


def test_an_empty_history_says_how_to_fill_it(directory: Path) -> None:
    (info,) = shown().info
    assert "python -m bytewax.run dataflows.record" in info.value


def test_without_a_directory_it_says_so(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET__HISTORY__DIRECTORY", "")
    (info,) = shown().info
    assert "`history.directory` is empty" in info.value


def test_at_first_it_shows_the_latest_day_of_which_anything_is_kept(directory: Path) -> None:
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    days = [noon - timedelta(days=ago) for ago in (9, 4)]
    keep(directory, *(minute_of("V1", day) for day in days))
    test = shown()
    assert test.date_input[0].value == days[1].date()
    assert metrics(test)["driven"] == "1.0 km"


def test_a_link_opens_a_vehicle_and_a_day(directory: Path) -> None:
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    keep(directory, minute_of("V1", noon), minute_of("V2", noon), minute_of("V2", noon + MINUTE))
    test = shown(vehicle=["V2"], until="2026-11-20")
    assert test.multiselect[0].value == ["V2"]
    assert metrics(test)["driven"] == "2.0 km"


def test_two_vehicles_are_compared(directory: Path) -> None:
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    keep(directory, minute_of("V1", noon), minute_of("V2", noon, distance_km=3.0))
    test = shown(vehicle=["V1", "V2"], until="2026-11-20")
    totals = test.dataframe[0].value
    assert totals["Vehicle"].tolist() == ["V1", "V2"]
    assert totals["Distance, km"].tolist() == [1.0, 3.0]


def test_a_week_sums_up_its_days(directory: Path) -> None:
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    keep(directory, *(minute_of("V1", noon - timedelta(days=ago)) for ago in (0, 3, 6, 7)))
    test = shown(vehicle=["V1"], until="2026-11-20", range="Week")
    assert test.dataframe[0].value["Distance, km"].tolist() == [3.0]


def test_the_day_is_that_of_the_viewer(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # In Tokyo, nine hours ahead, this is the 21st already.
    keep(directory, minute_of("V1", datetime(2026, 11, 20, 16, tzinfo=UTC)))
    monkeypatch.setenv("TEST_ZONE", "Asia/Tokyo")
    assert shown(vehicle=["V1"], until="2026-11-20").info
    test = shown(vehicle=["V1"], until="2026-11-21")
    assert metrics(test)["driven"] == "1.0 km"
    trips = next(table.value for table in test.dataframe if "Distance" in table.value.columns)
    assert trips["From"].tolist() == ["01:00"]


def test_any_time_can_be_chosen_and_is_in_the_address(directory: Path) -> None:
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    keep(directory, *(minute_of("V1", noon + timedelta(minutes=minute)) for minute in range(0, 90, 30)))
    window = {"from": "2026-11-20T12:10:00Z", "to": "2026-11-20T12:40:00Z"}
    test = shown(vehicle=["V1"], range="From–to", **window)
    assert metrics(test)["driven"] == "1.0 km"
    test.datetime_input(key="history_to").set_value(
        datetime(2026, 11, 20, 13, 30, tzinfo=UTC).replace(tzinfo=None)
    )
    test.run()
    assert metrics(test)["driven"] == "2.0 km"
    assert test.query_params["to"] == "2026-11-20T13:30:00Z"


def test_a_time_that_ends_before_it_begins_is_none(directory: Path) -> None:
    window = {"from": "2026-11-20T12:10:00Z", "to": "2026-11-20T12:00:00Z"}
    (warning,) = shown(range="From–to", **window).warning
    assert "Choose an end after the beginning" in warning.value


def test_the_events_of_a_short_time_are_charted_one_by_one(directory: Path) -> None:
    store(directory, "events", [payload("V1", n, error=3.0 if n == 30 else 0.5) for n in range(60)])
    test = shown(vehicle=["V1"], range="From–to", **WINDOW)
    speed = chart(test, "past_speed")
    assert [line.get("name") for line in speed["series"]] == [None, None, "expected", "V1"]
    shaded = speed["series"][-1]["markArea"]["data"]
    assert shaded == [[{"xAxis": milliseconds(30)}, {"xAxis": milliseconds(31)}]]


def test_two_vehicles_are_compared_event_by_event_in_a_short_time(directory: Path) -> None:
    for vehicle in ("V1", "V2"):
        store(directory, "events", [payload(vehicle, n) for n in range(60)])
        keep(directory, minute_of(vehicle, START))
    speed = chart(shown(vehicle=["V1", "V2"], range="From–to", **WINDOW), "past_speed")
    assert [line["name"] for line in speed["series"] if "name" in line] == ["V1", "V2"]


def clicks() -> None:
    """What runs when the second alert of a table has been clicked."""
    from datetime import timedelta

    import streamlit as st

    from dataflows.report.day import AlertLine
    from tests.support.enriched_events import START
    from ui.history import alert_table

    opened = [START, START + timedelta(seconds=20)]
    alerts = [AlertLine(at, None, "major", "hot", "", f"V{number}") for number, at in enumerate(opened)]
    st.session_state["past_alerts_shown"] = alerts
    st.session_state["past_alert_click"] = {"row": 1, "label": "01 Jan 12:00"}
    alert_table._clicked()


def test_an_alert_leads_to_its_vehicle_at_its_moment() -> None:
    test = AppTest.from_function(clicks, default_timeout=60).run()
    assert not test.exception
    assert test.session_state["link_wanted"] == (
        "vehicle",
        {"vehicle": "V1", "at": "2026-01-01T12:00:20Z"},
    )


def test_a_day_is_replayed_from_its_first_to_its_last_moment(directory: Path) -> None:
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    keep(directory, minute_of("V1", noon))
    test = shown(vehicle=["V1"], until="2026-11-20")
    test.button(key="replay_this").click().run()
    page, query = test.session_state["link_wanted"]
    assert (page, query) == ("replay", {"from": "2026-11-20T00:00:00Z", "to": "2026-11-21T00:00:00Z"})


def test_what_is_downloaded_is_what_is_kept() -> None:
    table = pa.table({"vehicle_id": ["V,1"], "implausible": [["rpm", "fuel"]], "speed": [1.5]})
    assert csv_of(table) == b'"vehicle_id","implausible","speed"\n"V,1","rpm fuel",1.5\n'
    assert pq.read_table(BytesIO(parquet_of(table))) == table


def test_names_that_hold_markup_are_shown_as_they_are(directory: Path) -> None:
    hostile = "<b>:red[V]</b>"
    store(directory, "events", [payload(hostile, number) for number in range(3)])
    keep(directory, minute_of(hostile, START))
    test = shown(vehicle=[hostile], until=f"{START:%Y-%m-%d}")
    assert metrics(test)["driven"] == "1.0 km"
    assert not any("<b>" in element.value for element in test.markdown)


def test_what_cannot_be_read_is_one_line(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> list[str]:
        raise HistoryError("no permission\nto read")

    monkeypatch.setattr("ui.history.page.vehicles_in", refused)
    (error,) = shown().error
    assert re.fullmatch(r"The history cannot be read: no permission.to read", error.value)


def test_a_long_period_keeps_the_extremes_of_what_it_sums_up() -> None:
    start = pd.date_range("2026-11-01", periods=30 * 24 * 60, freq="min", tz="UTC")
    speed = np.sin(np.arange(len(start)) / 100.0) * 30.0 + 40.0
    speed_max = speed.copy()
    speed_max[12_345] = 250.0
    rollups = pd.DataFrame(
        {
            "vehicle_id": "V1",
            "start": start,
            "end": start + pd.Timedelta("1min"),
            "speed_mean": speed,
            "speed_min": speed,
            "speed_max": speed_max,
        }
    )
    frame = rollup_frame(rollups, ["speed", "fuel"])
    assert set(frame["signal"]) == {"speed"}
    assert len(frame) < 500
    assert frame["highest"].max() == 250.0
    assert frame["lowest"].min() == pytest.approx(speed.min())
