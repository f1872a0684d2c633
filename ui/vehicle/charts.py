"""The charts of one vehicle.

Every chart is a Vega-Lite specification without data that is built once. The page passes the same
specification at each update, so that the browser only replaces the data and need not rebuild the chart.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import altair as alt

from ui import palette

HEIGHT_OF_SIGNAL = 110
HEIGHT_OF_ERROR = 170
HEIGHT_OF_CONTRIBUTIONS = 195
"""Pixels."""

_TIME = alt.Axis(title=None, format="%H:%M:%S", tickCount=3, grid=False, labelFlush=True)
_VALUE = alt.Axis(format=",.6~g", tickCount=4)


@cache
def signal_chart() -> dict[str, Any]:
    """One signal: actual (line) and expected values (dashed, in a light band), anomalies (red), implausible
    values (orange).

    Columns: ``time``, ``until`` (end of the time span that an event represents), ``actual``, ``expected``,
    ``lowest``, ``highest`` (ends of the band), ``anomaly`` (bool), ``implausible`` (bool: outside the
    plausible range).
    """
    base = alt.Chart().encode(x=alt.X("time:T", axis=_TIME))
    value = alt.Y("actual:Q", title=None, scale=alt.Scale(zero=False, nice=True), axis=_VALUE)
    anomalies = base.mark_rect(color=palette.ANOMALY, clip=True).encode(
        x2="until:T", opacity=_shown_if("anomaly", 0.22)
    )
    band = base.mark_area(color=palette.EXPECTED, opacity=0.16).encode(y="lowest:Q", y2="highest:Q")
    expected = base.mark_line(color=palette.EXPECTED, strokeDash=[5, 3], strokeWidth=1.3).encode(
        y="expected:Q"
    )
    actual = base.mark_line(color=palette.NORMAL, strokeWidth=1.8).encode(y=value)
    implausible = base.mark_circle(color=palette.NOTICE, size=28).encode(
        y="actual:Q",
        opacity=_shown_if("implausible", 1.0),
        tooltip=[
            alt.Tooltip("time:T", format="%H:%M:%S"),
            alt.Tooltip("actual:Q", format=".4~g"),
            alt.Tooltip("expected:Q", format=".4~g"),
        ],
    )
    return specification(alt.layer(band, anomalies, expected, actual, implausible), HEIGHT_OF_SIGNAL)


@cache
def error_chart() -> dict[str, Any]:
    """The reconstruction error and the threshold at that time, anomalies as red dots.

    Columns: ``time``, ``error``, ``threshold`` (null while warming up), ``anomaly`` (bool), ``severity``.
    """
    base = alt.Chart().encode(x=alt.X("time:T", axis=_TIME))
    scale = alt.Scale(type="sqrt", domainMin=0, nice=True)
    area = base.mark_area(
        color=palette.NORMAL, opacity=0.18, line={"color": palette.NORMAL, "strokeWidth": 1.4}
    ).encode(y=alt.Y("error:Q", title=None, scale=scale, stack=False, axis=_VALUE))
    threshold = base.mark_line(
        color=palette.NOTICE, strokeDash=[6, 4], strokeWidth=1.5, interpolate="step-after"
    ).encode(y="threshold:Q")
    anomalies = base.mark_circle(color=palette.ANOMALY, size=45).encode(
        y="error:Q",
        opacity=_shown_if("anomaly", 0.95),
        tooltip=[
            alt.Tooltip("time:T", format="%H:%M:%S"),
            alt.Tooltip("error:Q", format=".3~g"),
            alt.Tooltip("threshold:Q", format=".3~g"),
            alt.Tooltip("severity:Q", format=".0f"),
        ],
    )
    return specification(alt.layer(area, threshold, anomalies), HEIGHT_OF_ERROR)


@cache
def contribution_chart() -> dict[str, Any]:
    """Each signal's share of the error, the largest first.

    Columns: ``signal``, ``share`` (0–1), ``leading`` (bool: named in the description of the anomaly).
    """
    shares = alt.Axis(title="share of the error", format="%", tickCount=4)
    names = alt.Axis(labelLimit=150, labelOverlap=False, ticks=False, domain=False)
    bars = (
        alt.Chart()
        .mark_bar(cornerRadiusEnd=3)
        .encode(
            x=alt.X("share:Q", scale=alt.Scale(domain=[0, 1]), axis=shares),
            y=alt.Y(
                "signal:N",
                title=None,
                sort="-x",
                axis=names,
            ),
            color=alt.condition("datum.leading", alt.value(palette.ANOMALY), alt.value(palette.EXPECTED)),
            tooltip=[alt.Tooltip("signal:N"), alt.Tooltip("share:Q", format=".0%")],
        )
    )
    # Until the data arrives there is one row without a signal, whose place on the axis would remain.
    bars = bars.transform_filter("isValid(datum.signal)")
    return specification(bars, HEIGHT_OF_CONTRIBUTIONS)


@cache
def rate_chart() -> dict[str, Any]:
    """Events per second of each process.

    Columns: ``time``, ``process``, ``rate``.
    """
    lines = (
        alt.Chart()
        .mark_line(strokeWidth=1.8)
        .encode(
            x=alt.X("time:T", axis=_TIME),
            y=alt.Y(
                "rate:Q", title=None, axis=alt.Axis(format=",.3~g", tickCount=4), scale=alt.Scale(zero=True)
            ),
            color=alt.Color("process:N", legend=None),
            tooltip=[
                alt.Tooltip("process:N"),
                alt.Tooltip("time:T", format="%H:%M:%S"),
                alt.Tooltip("rate:Q", format=",.0f"),
            ],
        )
    )
    return specification(lines, HEIGHT_OF_ERROR)


def _shown_if(column: str, opacity: float) -> Any:
    # Transparent, not filtered out: a layer without rows has no extent, and Vega would warn about that in the
    # console at every update.
    return alt.condition(f"datum.{column}", alt.value(opacity), alt.value(0.0))


def specification(chart: alt.Chart | alt.LayerChart | alt.FacetChart, height: int) -> dict[str, Any]:
    """The chart as Vega-Lite, `height` pixels high, without data."""
    found: dict[str, Any] = chart.properties(
        height=height,
        # A canvas, since an SVG would replace thousands of elements in the document at every update.
        usermeta={"embedOptions": {"renderer": "canvas"}},
    ).to_dict(validate=False)
    return found
