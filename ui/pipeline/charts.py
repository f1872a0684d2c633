"""Rates and latency as charts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import altair as alt
import pandas as pd

from ui.palette import NORMAL, NOTICE
from ui.pipeline import figures
from ui.pipeline.latency import quantile
from ui.pipeline.metrics_scraper import ProcessMetrics

HEIGHT = 190
"""Pixels."""

_TIME = alt.Axis(title=None, format="%H:%M:%S", tickCount=3, grid=False, labelFlush=True)

SHARES = {"half of the events": 0.5, "95 % of the events": 0.95}
STEP = 5
"""Readings between two points."""


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
    return _specification(lines)


def latency_chart() -> dict[str, Any]:
    """Seconds that events take, as two lines. Columns: ``time``, ``share``, ``seconds``."""
    lines = (
        alt.Chart()
        .mark_line(strokeWidth=1.8)
        .encode(
            x=alt.X("time:T", axis=alt.Axis(format="%H:%M:%S", title=None, grid=False, tickCount=5)),
            y=alt.Y(
                "seconds:Q",
                title=None,
                axis=alt.Axis(format=",.2~g", tickCount=4),
                scale=alt.Scale(zero=True),
            ),
            color=alt.Color(
                "share:N",
                scale=alt.Scale(domain=list(SHARES), range=[NORMAL, NOTICE]),
                legend=alt.Legend(orient="top", title=None, offset=4, padding=0),
            ),
            tooltip=[
                alt.Tooltip("share:N"),
                alt.Tooltip("time:T", format="%H:%M:%S"),
                alt.Tooltip("seconds:Q", format=",.3~g"),
            ],
        )
    )
    return _specification(lines)


def rate_frame(processes: Sequence[ProcessMetrics]) -> pd.DataFrame:
    """The columns of `rate_chart`: events per second between two readings of each process."""
    rows = []
    for process in processes:
        for before, after in pairwise(process.readings):
            rise = after.total(figures.EVENTS) - before.total(figures.EVENTS)
            if after.has(figures.EVENTS) and rise >= 0.0 and after.at > before.at:
                time = pd.Timestamp(after.at, unit="s", tz="UTC")
                rows.append((time, process.address, rise / (after.at - before.at)))
    return pd.DataFrame(rows, columns=["time", "process", "rate"])


def latency_frame(processes: Sequence[ProcessMetrics]) -> pd.DataFrame:
    """The columns of `latency_chart`, of all processes together."""
    rows = []
    longest = max((len(process.readings) for process in processes), default=0)
    for end in range(longest - 1, 0, -STEP):
        buckets: dict[float, float] = {}
        at = 0.0
        for process in processes:
            # Counted from the latest reading, since processes were started at different times.
            last = len(process.readings) - longest + end
            first = max(0, last - STEP)
            if last > first:
                before, after = process.readings[first], process.readings[last]
                at = max(at, after.at)
                figures.add_buckets(buckets, before, after)
        if min(buckets.values(), default=-1.0) >= 0.0:
            time = pd.Timestamp(at, unit="s", tz="UTC")
            rows += [
                (time, name, seconds)
                for name, share in SHARES.items()
                if (seconds := quantile(buckets, share)) is not None
            ]
    return pd.DataFrame(rows, columns=["time", "share", "seconds"])


def _specification(chart: alt.Chart) -> dict[str, Any]:
    """The chart as Vega-Lite, without data."""
    found: dict[str, Any] = chart.properties(
        height=HEIGHT,
        # A canvas, since an SVG would replace thousands of elements in the document at every update.
        usermeta={"embedOptions": {"renderer": "canvas"}},
    ).to_dict(validate=False)
    return found
