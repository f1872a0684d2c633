"""The charts of the history, as ECharts options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from dataflows.clock import microseconds
from ui import palette
from ui.history.period import Period

HEIGHT_OF_SIGNAL, HEIGHT_OF_HOURS = 150, 150
"""Pixels."""

VEHICLE_COLOURS = (palette.NORMAL, palette.NOTICE)
"""Of the first and the second vehicle."""

Option = dict[str, Any]

_DIM = {"lineStyle": {"opacity": 0.35}}
_GRID = {"left": 52, "right": 14, "top": 10, "bottom": 24, "containLabel": False, "outerBoundsMode": "none"}
"""Charts below each other have their axes below each other, however long the labels are."""


@dataclass(frozen=True, slots=True)
class Line:
    """A signal of one vehicle.

    Attributes:
        vehicle: its name, as it is shown.
        frame: columns ``t`` (milliseconds since 1970), ``value``, ``lowest`` and ``width`` (of the band), and
            ``expected`` if it is to be drawn.
        flagged: from and to of anomalies, milliseconds since 1970.
    """

    vehicle: str
    frame: pd.DataFrame
    flagged: Sequence[tuple[int, int]] = ()


def signal_chart(lines: Sequence[Line], period: Period, limits: Sequence[float] = ()) -> Option:
    """A signal of one vehicle or two: its values (line), a band around them, anomalies, alarm limits.

    Of one vehicle, anomalies are red; of two, each has its colour.

    Args:
        lines: of each vehicle.
        period: which the axis of time shows.
        limits: in the signal's unit.
    """
    series: list[Option] = []
    for number, line in enumerate(lines):
        series += _series(line, number, len(lines) == 1)
    if series and limits:
        series[-1]["markLine"] = {
            "symbol": "none",
            "silent": True,
            "label": {"show": False},
            "lineStyle": {"color": palette.NOTICE, "type": "dashed", "width": 1.2},
            "data": [{"yAxis": limit} for limit in limits],
        }
    return {
        "animation": False,
        "grid": _GRID,
        "xAxis": _times(period),
        "yAxis": {
            "type": "value",
            "scale": True,
            "splitNumber": 3,
            "axisLabel": {"fontSize": 11, "hideOverlap": True},
            "splitLine": _DIM,
        },
        "tooltip": {"trigger": "axis", "confine": True, "axisPointer": {"type": "line"}},
        "dataset": [{"source": line.frame} for line in lines],
        "series": series,
    }


def hourly_chart(frame: pd.DataFrame, vehicles: Sequence[tuple[str, str]], period: Period) -> Option:
    """Share of events that were flagged in each hour, a bar for each vehicle.

    Args:
        frame: columns ``vehicle_id``, ``t`` (milliseconds since 1970), ``rate`` (%), ``anomalies`` and
            ``events``.
        vehicles: ids and names of the vehicles.
        period: which the axis of time shows.
    """
    colours = (palette.ANOMALY,) if len(vehicles) == 1 else VEHICLE_COLOURS
    return {
        "animation": False,
        "grid": _GRID,
        "xAxis": _times(period),
        "yAxis": {
            "type": "value",
            "min": 0,
            "splitNumber": 3,
            "axisLabel": {"fontSize": 11},
            "splitLine": _DIM,
        },
        "tooltip": {"trigger": "item", "confine": True},
        "dataset": [
            {"source": frame[frame["vehicle_id"] == vehicle].drop(columns="vehicle_id")}
            for vehicle, _ in vehicles
        ],
        "series": [
            {
                "type": "bar",
                "name": name,
                "datasetIndex": number,
                "encode": {"x": "t", "y": "rate", "tooltip": ["rate", "anomalies", "events"]},
                "itemStyle": {"color": colours[number]},
                "barMaxWidth": 26,
                "barMinHeight": 1,
                "tooltip": {"valueFormatter": "%,.4g"},
            }
            for number, (_, name) in enumerate(vehicles)
        ],
    }


def _series(line: Line, number: int, is_alone: bool) -> list[Option]:
    colour = VEHICLE_COLOURS[number]
    base: Option = {"type": "line", "datasetIndex": number, "showSymbol": False, "symbol": "circle"}
    hidden: Option = {"lineStyle": {"opacity": 0}, "tooltip": {"show": False}, "silent": True, "z": 1}
    band = {"stack": f"band{number}", "stackStrategy": "all"}
    area = {"color": palette.EXPECTED if is_alone else colour, "opacity": 0.22 if is_alone else 0.14}
    found = [
        base | hidden | band | {"encode": {"x": "t", "y": "lowest"}},
        base | hidden | band | {"encode": {"x": "t", "y": "width"}, "areaStyle": area},
    ]
    if is_alone and "expected" in line.frame:
        dashed = {"color": palette.EXPECTED, "type": "dashed", "width": 1.2}
        found.append(
            base
            | {
                "name": "expected",
                "encode": {"x": "t", "y": "expected", "tooltip": ["expected"]},
                "lineStyle": dashed,
                "itemStyle": {"color": palette.EXPECTED},
                "tooltip": {"valueFormatter": "%.4g"},
                "z": 2,
            }
        )
    found.append(
        base
        | {
            "name": line.vehicle,
            "encode": {"x": "t", "y": "value", "tooltip": ["value"]},
            "lineStyle": {"color": colour, "width": 1.6},
            "itemStyle": {"color": colour},
            "tooltip": {"valueFormatter": "%.4g"},
            "markArea": {
                "silent": True,
                "itemStyle": {"color": palette.ANOMALY if is_alone else colour, "opacity": 0.24},
                "data": [[{"xAxis": start}, {"xAxis": end}] for start, end in line.flagged],
            },
            "z": 3,
        }
    )
    return found


def _times(period: Period) -> Option:
    return {
        "type": "time",
        "min": microseconds(period.start) // 1000,
        "max": microseconds(period.end) // 1000,
        "axisLabel": {
            "fontSize": 11,
            "hideOverlap": True,
            "alignMinLabel": "left",
            "alignMaxLabel": "right",
        },
        "axisLine": {"onZero": False},
        "splitLine": {"show": False},
    }
