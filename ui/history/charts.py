"""The charts of the history that no other page has."""

from __future__ import annotations

from functools import cache
from typing import Any

import altair as alt

from ui import palette
from ui.vehicle.charts import specification

HEIGHT_OF_LONG, HEIGHT_OF_HOURS = 130, 130
"""Pixels."""

VEHICLE_COLOURS = alt.Scale(range=[palette.NORMAL, palette.NOTICE])
"""Of the first and the second vehicle."""

_TIME = alt.Axis(title=None, grid=False, labelFlush=True, tickCount=6)
_HOURS = alt.Axis(title=None, grid=False, labelFlush=True, tickCount=8, format="%d %b %H:%M")


@cache
def long_chart() -> dict[str, Any]:
    """A signal over days: mean (line) between the least and the largest value (band), for each vehicle.

    Columns: ``time``, ``vehicle_id``, ``mean``, ``lowest``, ``highest``.
    """
    base = alt.Chart().encode(
        x=alt.X("time:T", axis=_TIME),
        color=alt.Color("vehicle_id:N", scale=VEHICLE_COLOURS, legend=None),
    )
    band = base.mark_area(opacity=0.18).encode(
        y=alt.Y("lowest:Q", title=None, scale=alt.Scale(zero=False, nice=True)), y2="highest:Q"
    )
    mean = base.mark_line(strokeWidth=1.6).encode(
        y=alt.Y("mean:Q", title=None, scale=alt.Scale(zero=False, nice=True)),
        tooltip=[
            alt.Tooltip("vehicle_id:N", title="vehicle"),
            alt.Tooltip("time:T", format="%d %b %H:%M"),
            *(alt.Tooltip(f"{name}:Q", format=".4~g") for name in ("mean", "lowest", "highest")),
        ],
    )
    return specification(alt.layer(band, mean), HEIGHT_OF_LONG)


@cache
def hourly_chart() -> dict[str, Any]:
    """Share of events that were flagged in each hour.

    Columns: ``time``, ``vehicle_id``, ``rate`` (%), ``anomalies``, ``events``.
    """
    bars = (
        alt.Chart()
        .mark_bar(color=palette.ANOMALY)
        .encode(
            x=alt.X("time:T", axis=_HOURS, timeUnit="yearmonthdatehours"),
            y=alt.Y("rate:Q", title=None, axis=alt.Axis(format=".3~g", tickCount=4)),
            xOffset=alt.XOffset("vehicle_id:N"),
            opacity=alt.Opacity("vehicle_id:N", scale=alt.Scale(range=[0.9, 0.5]), legend=None),
            tooltip=[
                alt.Tooltip("vehicle_id:N", title="vehicle"),
                alt.Tooltip("time:T", format="%d %b %H:00"),
                alt.Tooltip("anomalies:Q", format=","),
                alt.Tooltip("events:Q", format=","),
                alt.Tooltip("rate:Q", title="%", format=".3~g"),
            ],
        )
    )
    return specification(bars, HEIGHT_OF_HOURS)
