"""The data frames behind the charts, from the history of one vehicle."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pandas as pd

from dataflows.events import Enriched

MAX_POINTS = 300
"""Events in a chart, roughly."""

_BUCKETS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
"""Seconds."""

_LONGEST_SPAN = timedelta(seconds=30)


def thinned(history: Sequence[Enriched], limit: int = MAX_POINTS) -> list[Enriched]:
    """About `limit` events that preserve the shape: one per bucket of time, every anomaly, and the last.

    The buckets are fixed in time: an event that was kept stays kept, and the lines do not shimmer.

    Args:
        history: by event time.
        limit: events to keep, anomalies not counted.
    """
    if len(history) <= limit:
        return list(history)
    seconds = (history[-1].ts - history[0].ts).total_seconds() / limit
    bucket = next((size for size in _BUCKETS if size >= seconds), math.ceil(seconds))
    kept: list[Enriched] = []
    previous = -1
    for event in history:
        number = int(event.ts.timestamp() / bucket)
        if number != previous or event.is_anomaly or event is history[-1]:
            kept.append(event)
        previous = number
    return kept


def signal_frames(events: Sequence[Enriched], signals: Iterable[str]) -> dict[str, pd.DataFrame]:
    """Signal → the columns of `ui.vehicle.charts.signal_chart`, one row per event.

    Args:
        events: by event time.
        signals: names of the signals to show.
    """
    times = pd.to_datetime([event.ts for event in events], utc=True)
    until = pd.to_datetime(_until(events), utc=True)
    anomaly = [event.is_anomaly for event in events]
    frames = {}
    for name in signals:
        expected = _column([event.expected.get(name) for event in events])
        band = _column([event.band.get(name) for event in events])
        frames[name] = pd.DataFrame(
            {
                "time": times,
                "until": until,
                "actual": _column([event.values.get(name) for event in events]),
                "expected": expected,
                "lowest": expected - band,
                "highest": expected + band,
                "anomaly": anomaly,
                "implausible": [name in event.implausible for event in events],
            }
        )
    return frames


def error_frame(events: Sequence[Enriched]) -> pd.DataFrame:
    """The columns of `ui.vehicle.charts.error_chart`, one row per event."""
    return pd.DataFrame(
        {
            "time": pd.to_datetime([event.ts for event in events], utc=True),
            "error": _column([event.reconstruction_error for event in events]),
            "threshold": _column([event.anomaly_threshold for event in events]),
            "anomaly": [event.is_anomaly for event in events],
            "severity": [event.severity for event in events],
        }
    )


def contribution_frame(shares: Sequence[tuple[str, float]], leading: Sequence[str]) -> pd.DataFrame:
    """The columns of `ui.vehicle.charts.contribution_chart`, one row per signal and share of the error."""
    return pd.DataFrame(
        {
            "signal": [name for name, _ in shares],
            "share": [share for _, share in shares],
            "leading": [name in leading for name, _ in shares],
        }
    )


def _until(events: Sequence[Enriched]) -> list[pd.Timestamp]:
    """Each event lasts until the next one, but not across a gap."""
    ends = [pd.Timestamp(min(after.ts, event.ts + _LONGEST_SPAN)) for event, after in pairwise(events)]
    if events:
        typical = events[-1].ts - events[-2].ts if len(events) > 1 else timedelta(seconds=1)
        ends.append(pd.Timestamp(events[-1].ts + min(typical, _LONGEST_SPAN)))
    return ends


def _column(values: Sequence[float | None]) -> np.ndarray:
    return np.array([math.nan if value is None or not math.isfinite(value) else value for value in values])
