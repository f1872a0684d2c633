"""Rates and latency as charts: ECharts options."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pandas as pd

from ui.palette import LINES, NORMAL, NOTICE
from ui.pipeline import figures
from ui.pipeline.latency import quantile
from ui.pipeline.metrics_scraper import ProcessMetrics

HEIGHT = 200
"""Pixels."""

SHARES = {"half of the events": 0.5, "95 % of the events": 0.95}
STEP = 5
"""Readings between two points."""

Option = dict[str, Any]


def rate_chart(frame: pd.DataFrame) -> Option:
    """A line for each process; `frame` as of `rate_frame`."""
    return _lines(frame, "process", "rate", list(frame["process"].unique()), LINES, "%,.0f")


def latency_chart(frame: pd.DataFrame) -> Option:
    """A line for each of `SHARES`; `frame` as of `latency_frame`."""
    return _lines(frame, "share", "seconds", list(SHARES), (NORMAL, NOTICE), "%,.3g")


def rate_frame(processes: Sequence[ProcessMetrics]) -> pd.DataFrame:
    """Events per second between two readings: ``t`` (ms since 1970), ``process``, ``rate``."""
    rows = []
    for process in processes:
        for before, after in pairwise(process.readings):
            rise = after.total(figures.EVENTS) - before.total(figures.EVENTS)
            if after.has(figures.EVENTS) and rise >= 0.0 and after.at > before.at:
                rows.append((round(1e3 * after.at), process.address, rise / (after.at - before.at)))
    return pd.DataFrame(rows, columns=["t", "process", "rate"])


def latency_frame(processes: Sequence[ProcessMetrics]) -> pd.DataFrame:
    """Seconds that events take: ``t`` (ms since 1970), ``share`` (of `SHARES`), ``seconds``."""
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
            rows += [
                (round(1e3 * at), name, seconds)
                for name, share in SHARES.items()
                if (seconds := quantile(buckets, share)) is not None
            ]
    return pd.DataFrame(rows, columns=["t", "share", "seconds"])


def _lines(
    frame: pd.DataFrame, by: str, value: str, names: Sequence[str], colours: Sequence[str], form: str
) -> Option:
    faint = {"lineStyle": {"opacity": 0.35}}
    return {
        "animation": False,
        "color": list(colours),
        "grid": {"left": 8, "right": 14, "top": 30, "bottom": 4, "containLabel": True},
        "legend": {"top": 0, "left": 0, "icon": "roundRect", "itemHeight": 4, "itemWidth": 16},
        "xAxis": {
            "type": "time",
            "splitNumber": 4,
            "axisLabel": {"fontSize": 11, "hideOverlap": True, "formatter": "{HH}:{mm}:{ss}"},
            "splitLine": {"show": False},
        },
        "yAxis": {
            "type": "value",
            "min": 0,
            "splitNumber": 3,
            "axisLabel": {"fontSize": 11},
            "splitLine": faint,
        },
        "tooltip": {"trigger": "axis", "confine": True},
        "dataset": [{"source": frame[frame[by] == name].drop(columns=by)} for name in names],
        "series": [
            {
                "type": "line",
                "name": name,
                "datasetIndex": number,
                "encode": {"x": "t", "y": value, "tooltip": [value]},
                "showSymbol": False,
                "lineStyle": {"width": 1.8},
                "tooltip": {"valueFormatter": form},
            }
            for number, name in enumerate(names)
        ],
    }
