"""The charts of a vehicle as one ECharts option: severity on top, the signals below, one axis of time.

One chart with a grid for each signal costs the server less than half, and the browser two thirds, of a chart
for each signal. Its data are columns in JSON: a data frame for each signal would be a quarter smaller, and
cost the server three times as much.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from config.settings import SignalSettings
from dataflows.clock import microseconds
from dataflows.compiled import Floats, Integers
from dataflows.report.thinning import thinned
from ui import palette
from ui.formatting import number, plain, quantity
from ui.vehicle.axes import Axis, axis_of, nice
from ui.vehicle.series import Series, SignalSeries
from ui.vehicle.stretches import Stretch, rounded, stretches_of, unexplained
from ui.vehicle.window import Window

COLUMNS_OF_PIXELS = 240
"""Width of a chart for which points are chosen: a signal has up to four in each."""

DIGITS = 4
"""Significant digits of a value: a chart of 70 pixels shows two of them, and its tooltip all."""

DIGITS_OF_BAND = 3

TITLE, PLOT, GAP = 22, 62, 8
"""Pixels of each signal: its name and value, its lines, the space below."""

AXIS = 26
"""Pixels for the times, at the top and at the bottom."""

LEFT, RIGHT = 50, 12
"""Pixels beside the lines: values of the axis on the left."""

SEVERITY, THRESHOLD, MOST_SEVERITY = "severity", 50.0, 100.0

Option = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One of the charts below each other.

    Attributes:
        name: what is drawn.
        unit: of its values.
        line: its values, shape (n,).
        axis: of the values.
        limits: alarm limits, the lower and the upper one.
        is_severity: whether it is the one on top.
        word: what is wrong at the moment that is shown; empty if nothing is.
        value: what was measured at that moment, in words.
    """

    name: str
    unit: str
    line: SignalSeries
    axis: Axis
    limits: tuple[float | None, float | None] = (None, None)
    is_severity: bool = False
    word: str = ""
    value: str = ""


def height_of(rows: int) -> int:
    """Pixels of a chart with so many rows, severity included."""
    return 2 * AXIS + rows * (TITLE + PLOT + GAP)


def rows_of(
    series: Series,
    signals: Mapping[str, SignalSettings],
    words: Mapping[str, str],
    values: Mapping[str, float | None],
    most: int,
) -> list[Row]:
    """The rows of the chart, severity first, then the signals in the order of the catalogue.

    Args:
        series: the vehicle.
        signals: the catalogue.
        words: signal → what is wrong with it at the moment that is shown.
        values: signal → its value at that moment.
        most: signals that are drawn at most: then those that stood out come first.
    """
    names = [name for name in signals if name in series.signals]
    if len(names) > most:
        names.sort(key=lambda name: not series.signals[name].stands_out.any())
        names = sorted(names[:most], key=list(signals).index)
    rows = [_severity(series)]
    for name in names:
        line, signal = series.signals[name], signals[name]
        value = values.get(name)
        shown = "" if value is None else quantity(value, signal.unit)
        rows.append(
            Row(
                name,
                signal.unit,
                line,
                axis_of(line, signal),
                (signal.low, signal.high),
                False,
                words.get(name, ""),
                shown,
            )
        )
    return rows


def option_of(series: Series, rows: Sequence[Row], window: Window, at: int | None) -> Option:
    """The option of the chart.

    Args:
        series: the vehicle, within the window.
        rows: see `rows_of`.
        window: that the axis of time shows.
        at: the moment of the slider, microseconds since 1970-01-01 UTC; ``None`` for none.
    """
    length = microseconds(window.end) - microseconds(window.start)
    stretches = stretches_of(series, length)
    data = _Data()
    lines: list[Option] = []
    for number_of_row, row in enumerate(rows):
        lines += _lines(series, row, number_of_row, stretches, at, data)
    places = range(len(rows))
    tops = [AXIS + place * (TITLE + PLOT + GAP) for place in places]
    return {
        "animation": False,
        "title": [title for top, row in zip(tops, rows, strict=True) for title in _titles(row, top)],
        "grid": [{"left": LEFT, "right": RIGHT, "top": top + TITLE, "height": PLOT} for top in tops],
        "xAxis": [_times(place, len(rows), window) for place in places],
        "yAxis": [_values(place, row) for place, row in enumerate(rows)],
        "axisPointer": {"link": [{"xAxisIndex": "all"}], "lineStyle": {"color": palette.EXPECTED}},
        "tooltip": {
            "trigger": "axis",
            "confine": True,
            "order": "seriesAsc",
            "axisPointer": {"type": "line"},
        },
        "dataset": data.sets,
        "series": lines,
    }


class _Data:
    """The columns of the chart; signals whose points are at the same times share them."""

    def __init__(self) -> None:
        self.sets: list[Option] = []
        self._at: dict[bytes, int] = {}

    def add(self, times: Integers, columns: Mapping[str, list[float | None]]) -> int:
        """Add columns that have these times; returns the number of their data set."""
        key = times.tobytes()
        if key not in self._at:
            self._at[key] = len(self.sets)
            self.sets.append({"source": {"t": (times // 1000).tolist()}})
        self.sets[self._at[key]]["source"].update(columns)
        return self._at[key]


def _lines(
    series: Series,
    row: Row,
    place: int,
    stretches: Sequence[Stretch],
    at: int | None,
    data: _Data,
) -> list[Option]:
    line = row.line
    hidden = np.zeros(len(series), np.bool_)
    if not row.is_severity and not series.is_summary:
        hidden = unexplained(series, row.name, list(stretches))
    kept = _kept(series.times, line.values)
    lowest, highest = _band(line, hidden, row.axis)
    has_band = bool(np.isfinite(lowest).any())
    names = {"v": f"v{place}", "low": f"l{place}", "width": f"w{place}"}
    columns = {names["v"]: rounded(line.values[kept], DIGITS)}
    if has_band:
        columns[names["low"]] = rounded(lowest[kept], DIGITS_OF_BAND)
        columns[names["width"]] = rounded((highest - lowest)[kept], DIGITS_OF_BAND)
    base = {
        "type": "line",
        "xAxisIndex": place,
        "yAxisIndex": place,
        "datasetIndex": data.add(series.times[kept], columns),
        "showSymbol": False,
        "symbol": "circle",
        "silent": True,
    }
    found = [_part_of_band(base, names, part, place) for part in ("low", "width")] if has_band else []
    label = plain(row.name, 40)
    measured = base | {
        "name": label,
        "encode": {"x": "t", "y": names["v"], "tooltip": [names["v"]]},
        "lineStyle": {"color": palette.NORMAL, "width": 1.5},
        "itemStyle": {"color": palette.NORMAL},
        "markLine": _marks(row, at),
        "markArea": _shading(row, stretches),
        "tooltip": {"valueFormatter": f"%.{DIGITS}g {plain(row.unit, 20).replace('%', '%%')}".rstrip()},
        "z": 3,
    }
    return [*found, measured]


def _kept(times: Integers, values: Floats) -> Integers:
    return thinned(times.astype(np.float64), values, COLUMNS_OF_PIXELS)


def _band(line: SignalSeries, hidden: Any, axis: Axis) -> tuple[Floats, Floats]:
    """The band within the axis, where something can be said of it."""
    lowest, highest = (np.clip(ends, axis.low, axis.high) for ends in (line.lowest, line.highest))
    return np.where(hidden, np.nan, lowest), np.where(hidden, np.nan, highest)


def _part_of_band(base: Option, names: Mapping[str, str], part: str, place: int) -> Option:
    """ECharts draws a band as an area on top of a line that cannot be seen."""
    area = {"areaStyle": {"color": palette.EXPECTED, "opacity": 0.22}} if part == "width" else {}
    return base | area | {
        "encode": {"x": "t", "y": names[part]},
        "stack": f"band{place}",
        "stackStrategy": "all",
        "lineStyle": {"opacity": 0},
        "tooltip": {"show": False},
        "z": 1,
    }  # fmt: skip


def _marks(row: Row, at: int | None) -> Option:
    """Alarm limits, the threshold, and the moment of the slider."""
    marks: list[Option] = []
    low, high = row.limits
    if low is not None:
        marks.append(_level(low, f"limit {number(low)}", "insideStartTop"))
    if high is not None:
        marks.append(_level(high, f"limit {number(high)}", "insideStartBottom"))
    if row.is_severity and np.isfinite(row.line.values).any() and row.axis.high == MOST_SEVERITY:
        marks.append(_level(THRESHOLD, "threshold", "insideStartTop"))
    if at is not None:
        marks.append(
            {"xAxis": at // 1000, "lineStyle": {"color": palette.NOTICE, "width": 2, "type": "solid"}}
        )
    return {"symbol": "none", "silent": True, "label": {"show": False}, "data": marks}


def _level(value: float, label: str, position: str) -> Option:
    return {
        "yAxis": value,
        "lineStyle": {"color": palette.NOTICE, "type": "dashed", "width": 1.2},
        "label": {
            "show": True,
            "formatter": label,
            "position": position,
            "color": palette.NOTICE,
            "fontSize": 10,
        },
    }


def _shading(row: Row, stretches: Sequence[Stretch]) -> Option:
    """Anomalies: strongly where this signal stood out, and else just to be seen."""
    areas = [
        [
            {
                "xAxis": stretch.start // 1000,
                "itemStyle": {"opacity": 0.26 if row.is_severity or row.name in stretch.signals else 0.06},
            },
            {"xAxis": stretch.end // 1000},
        ]
        for stretch in stretches
    ]
    return {"silent": True, "itemStyle": {"color": palette.ANOMALY}, "data": areas}


def _titles(row: Row, top: int) -> list[Option]:
    name = plain(row.name.replace("_", " "), 40)
    left = {"text": name, "left": LEFT - 4, "top": top, "padding": 4, "textStyle": {"fontSize": 13}}
    text = f"{row.value}  {row.word}" if row.word else row.value
    style: Option = {"fontSize": 13, "fontWeight": "bold" if row.word else "normal"}
    if row.word:
        style["color"] = palette.ANOMALY
    right = {"text": text, "right": RIGHT - 4, "top": top, "padding": 4, "textStyle": style}
    return [left, right]


def _times(place: int, rows: int, window: Window) -> Option:
    """The axis of time of a row; only the first and the last one have labels."""
    is_first, is_last = place == 0, place == rows - 1
    return {
        "type": "time",
        "gridIndex": place,
        "min": microseconds(window.start) // 1000,
        "max": microseconds(window.end) // 1000,
        "position": "top" if is_first and not is_last else "bottom",
        "offset": TITLE if is_first and not is_last else 0,
        "axisLabel": {"show": is_first or is_last, "fontSize": 11, "hideOverlap": True},
        "axisLine": {"show": not is_first, "onZero": False},
        "axisTick": {"show": is_last},
        "splitLine": {"show": True, "lineStyle": {"opacity": 0.35}},
        "axisPointer": {"label": {"show": is_last}},
    }


def _values(place: int, row: Row) -> Option:
    return {
        "type": "value",
        "gridIndex": place,
        "min": row.axis.low,
        "max": row.axis.high,
        "interval": row.axis.step,
        "axisLabel": {"fontSize": 10, "hideOverlap": True},
        "splitLine": {"lineStyle": {"opacity": 0.35}},
        "axisPointer": {"show": False},
    }


def _severity(series: Series) -> Row:
    """The row on top: severity, or in a summary the largest error of each window."""
    nothing = np.full(len(series), np.nan)
    if series.is_summary:
        axis = nice(0.0, float(np.nanmax(series.error, initial=1.0)))
        line = SignalSeries(series.error, nothing, nothing, series.flagged)
        return Row("largest error of each minute", "", line, axis, is_severity=True)
    value = "" if np.isfinite(series.severity).any() else "no threshold yet"
    line = SignalSeries(series.severity, nothing, nothing, series.flagged)
    return Row(SEVERITY, "", line, Axis(0.0, MOST_SEVERITY, THRESHOLD), is_severity=True, value=value)
