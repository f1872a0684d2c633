"""A plain drawing of a route, with the signature of the page's map, until that is there."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from config.settings import Settings
from ui import palette


@dataclass(frozen=True, slots=True)
class MapRoute:
    """Where one vehicle was, drawn as a line.

    Attributes:
        points: (latitude, longitude) in degrees, oldest first.
        flagged: indices of the points at which something was unusual.
        at: index of the moment that the page shows; ``None`` for none.
    """

    points: Sequence[tuple[float, float]]
    flagged: Sequence[int] = ()
    at: int | None = None


def show_map(
    settings: Settings,
    key: str,
    vehicles: Sequence[Any],
    *,
    chosen: str | None = None,
    route: MapRoute | None = None,
    height: int = 460,
    on_click: Callable[[str], None] | None = None,
) -> None:
    """Draw a route, north up; see `ui.map.view.show_map`, which takes the same."""
    del settings, vehicles, chosen, on_click
    if route is None or not route.points:
        st.info("No map: no event of this time has a position.")
        return
    st.echarts_chart(option_of(route), key=key, height=height, alt="The route of the vehicle, north up")


def option_of(route: MapRoute) -> dict[str, Any]:
    """The drawing as an ECharts option."""
    latitudes = [point[0] for point in route.points]
    scale = math.cos(math.radians(sum(latitudes) / len(latitudes)))
    places = [[round(east * scale, 6), north] for north, east in route.points]
    xs, ys = [x for x, _ in places], [y for _, y in places]
    # As long as it is wide, so that a way has its true shape in a square.
    size = max(max(xs) - min(xs), max(ys) - min(ys), 0.004) * 0.55
    middle = (max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2
    axis: dict[str, Any] = {name: {"show": False} for name in ("axisLabel", "axisTick", "axisLine")}
    axis |= {"type": "value", "splitNumber": 4, "splitLine": {"lineStyle": {"opacity": 0.4}}}
    dots = {
        "type": "scatter",
        "silent": True,
        "symbolSize": 7,
        "itemStyle": {"color": palette.ANOMALY},
        "z": 4,
    }
    here = [] if route.at is None else [places[route.at]]
    return {
        "animation": False,
        "grid": {"left": 8, "right": 8, "top": 8, "bottom": 8},
        "xAxis": axis | {"min": middle[0] - size, "max": middle[0] + size},
        "yAxis": axis | {"min": middle[1] - size, "max": middle[1] + size},
        "series": [
            {
                "type": "line",
                "data": places,
                "showSymbol": False,
                "silent": True,
                "lineStyle": {"color": palette.NORMAL, "width": 3},
            },
            dots | {"data": [places[place] for place in route.flagged]},
            dots
            | {
                "data": here,
                "symbolSize": 16,
                "z": 5,
                "itemStyle": {"color": palette.NOTICE, "borderColor": "#ffffff", "borderWidth": 3},
            },
        ],
    }
