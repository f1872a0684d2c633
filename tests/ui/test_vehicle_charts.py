"""What the charts of a vehicle send to the browser."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from config.settings import load
from dataflows.clock import microseconds
from dataflows.events import Enriched
from tests.support.enriched_events import START, enriched
from ui.vehicle.chart_spec import height_of, option_of, rows_of
from ui.vehicle.contributions import option_of as bars_of
from ui.vehicle.route import route_of
from ui.vehicle.series import series_of
from ui.vehicle.stretches import with_pauses
from ui.vehicle.window import Window

SETTINGS = load()
FIVE_MINUTES = Window(START, START + timedelta(minutes=5))


def option(
    events: list[Enriched], at: int | None = None, window: Window = FIVE_MINUTES, most: int = 20
) -> dict[str, Any]:
    series = with_pauses(series_of(events, SETTINGS.signals, "latitude", "longitude"))
    rows = rows_of(series, SETTINGS.signals, {}, events[-1].values if events else {}, most)
    return option_of(series, rows, window, at)


def driving(count: int) -> list[Enriched]:
    return [
        enriched("V1", number, measured={"speed": 40.0 + (number * 7919 % 1000) / 77.0})
        for number in range(count)
    ]


def measured(chart: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(line for line in chart["series"] if line.get("name") == name)
    return found


def columns(chart: dict[str, Any], name: str) -> tuple[list[Any], list[Any]]:
    """Times and values of a line."""
    line = measured(chart, name)
    source = chart["dataset"][line["datasetIndex"]]["source"]
    return source["t"], source[line["encode"]["y"]]


def test_all_rows_have_the_same_axis_of_time_and_severity_is_on_top() -> None:
    chart = option(driving(30))
    ends = {(axis["min"], axis["max"]) for axis in chart["xAxis"]}
    assert ends == {(microseconds(FIVE_MINUTES.start) // 1000, microseconds(FIVE_MINUTES.end) // 1000)}
    names = [line["name"] for line in chart["series"] if "name" in line]
    assert names[:3] == ["severity", "speed", "acceleration"]
    assert len(chart["grid"]) == len(chart["xAxis"]) == len(chart["yAxis"]) == len(names)
    assert chart["grid"][-1]["top"] + chart["grid"][-1]["height"] < height_of(len(names))
    assert chart["animation"] is False


def test_the_moment_of_the_slider_is_in_every_row() -> None:
    at = microseconds(START + timedelta(seconds=7))
    lines = [line for line in option(driving(30), at)["series"] if "name" in line]
    marks = [[mark["xAxis"] for mark in line["markLine"]["data"] if "xAxis" in mark] for line in lines]
    assert marks == [[at // 1000]] * len(lines)
    assert not any("xAxis" in mark for mark in measured(option(driving(30)), "speed")["markLine"]["data"])


def test_limits_and_the_threshold_are_drawn() -> None:
    chart = option(driving(30))
    levels = {
        line["name"]: [mark["yAxis"] for mark in line["markLine"]["data"] if "yAxis" in mark]
        for line in chart["series"]
        if "name" in line
    }
    assert levels["severity"] == [50.0]
    assert levels["engine_temperature"] == [115.0]
    assert levels["battery_voltage"] == [11.5]
    assert levels["speed"] == []


def test_an_anomaly_is_shaded_strongly_where_the_signal_stands_out() -> None:
    events = driving(30)
    events[12] = enriched("V1", 12, error=5.0, measured={"rpm": 8_000.0})
    chart = option(events)
    shading = {
        name: measured(chart, name)["markArea"]["data"][0][0]["itemStyle"]["opacity"]
        for name in ("severity", "rpm", "fuel")
    }
    assert shading["severity"] == shading["rpm"] > shading["fuel"] > 0.0


def test_five_minutes_of_ten_signals_are_few_bytes_with_one_column_of_times() -> None:
    chart = option(driving(300))
    assert len(chart["dataset"]) == 1
    assert len(json.dumps(chart, separators=(",", ":"))) < 75_000
    _, speeds = columns(chart, "speed")
    assert all(speed == float(f"{speed:.4g}") for speed in speeds)


def test_an_hour_is_thinned_without_losing_a_spike() -> None:
    events = driving(3_600)
    events[1_801] = enriched("V1", 1_801, measured={"rpm": 8_123.0})
    chart = option(events, window=Window(START, START + timedelta(hours=1)))
    times, values = columns(chart, "rpm")
    assert len(values) <= 4 * 240
    assert values[times.index(microseconds(events[1_801].ts) // 1000)] == 8_123.0


def test_bands_end_at_the_edges_of_their_chart() -> None:
    events = [enriched("V1", number, band={"fuel": 90.0}) for number in range(20)]
    chart = option(events)
    place = measured(chart, "fuel")["xAxisIndex"]
    lines = [line for line in chart["series"] if line.get("stack") == f"band{place}"]
    source = chart["dataset"][lines[0]["datasetIndex"]]["source"]
    low, width = (source[line["encode"]["y"]][0] for line in lines)
    axis = chart["yAxis"][place]
    assert axis["min"] <= low
    assert low + width <= axis["max"]
    assert axis["max"] - axis["min"] < 20.0


def test_there_is_no_threshold_while_the_vehicle_warms_up() -> None:
    events = [enriched("V1", number, threshold=None) for number in range(5)]
    chart = option(events)
    assert measured(chart, "severity")["markLine"]["data"] == []
    assert "no threshold yet" in [title["text"] for title in chart["title"]]


def test_of_too_many_signals_those_that_stood_out_are_drawn() -> None:
    events = driving(30)
    events[3] = enriched("V1", 3, error=5.0, measured={"fuel": 1.0})
    names = [line["name"] for line in option(events, most=3)["series"] if "name" in line]
    assert names == ["severity", "speed", "acceleration", "fuel"]


def test_names_and_units_are_no_markup_in_formats() -> None:
    chart = option(driving(3))
    assert measured(chart, "fuel")["tooltip"]["valueFormatter"] == "%.4g %%"
    assert measured(chart, "severity")["tooltip"]["valueFormatter"] == "%.4g"


def test_bars_are_red_for_what_explains_the_anomaly() -> None:
    bars = bars_of([("rpm", 0.704), ("fuel", 0.2)], ["rpm"])
    first, second = bars["series"][0]["data"]
    assert (first["value"], second["value"]) == (70, 20)
    assert first["itemStyle"] != second["itemStyle"]


def test_a_route_keeps_anomalies_and_the_moment() -> None:
    events = [
        enriched("V1", number, error=5.0 if number == 777 else 0.5, position=(48.0 + number * 1e-6, 11.5))
        for number in range(3_000)
    ]
    series = series_of(events, SETTINGS.signals, "latitude", "longitude")
    route = route_of(series, microseconds(events[1_234].ts))
    assert route is not None
    assert len(route.points) < 100
    assert [route.points[place] for place in route.flagged] == [(48.000777, 11.5)]
    assert route.at is not None
    assert route.points[route.at] == (48.001234, 11.5)


def test_without_a_position_there_is_no_route() -> None:
    series = series_of([enriched("V1", position=None)], SETTINGS.signals, "latitude", "longitude")
    assert route_of(series, None) is None
