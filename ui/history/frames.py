"""The data frames behind the charts of the history."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import tzinfo

import numpy as np
import pandas as pd

from dataflows.clock import SECOND
from dataflows.history.trips import Trip
from dataflows.report.day import Chart
from dataflows.report.thinning import thinned
from dataflows.report.wording import amounts, distance, duration

COLUMNS_OF_PIXELS = 400
"""Width of a chart for which points are chosen: a signal has up to four in each."""

LONGEST_SPAN = 30 * SECOND
"""Microseconds for which an event is taken to hold."""


def day_frame(chart: Chart) -> pd.DataFrame:
    """The columns of `signal_chart` from all events of a day, thinned without losing a spike."""
    line = chart.line
    kept = thinned(line.times.astype(np.float64), line.values, COLUMNS_OF_PIXELS)
    # An anomaly that falls between the points would otherwise be invisible.
    kept = np.union1d(kept, np.flatnonzero(np.diff(line.flagged.astype(np.int8), prepend=0)))
    times = line.times[kept]
    until = np.minimum(np.append(times[1:], times[-1:] + SECOND), times + LONGEST_SPAN)
    # A single event of a day is as wide as a line: it would otherwise be a small part of a pixel.
    until = np.maximum(until, times + (times[-1] - times[0]) // COLUMNS_OF_PIXELS)
    expected, band = line.expected[kept], line.band[kept]
    return pd.DataFrame(
        {
            "time": pd.to_datetime(times, unit="us", utc=True),
            "until": pd.to_datetime(until, unit="us", utc=True),
            "actual": line.values[kept],
            "expected": expected,
            "lowest": np.clip(expected - band, line.least, line.most),
            "highest": np.clip(expected + band, line.least, line.most),
            "anomaly": line.flagged[kept],
            "implausible": (line.values[kept] < line.least) | (line.values[kept] > line.most),
        }
    )


def rollup_frame(rollups: pd.DataFrame, signals: Sequence[str]) -> pd.DataFrame:
    """The columns of `long_chart`: a row per vehicle, signal and part of the period.

    Args:
        rollups: of one vehicle or several, by vehicle and time.
        signals: those to show; what no rollup has is left out.
    """
    step = _step(rollups)
    frames = []
    for name in signals:
        if f"{name}_mean" not in rollups:
            continue
        columns = {f"{name}_mean": "mean", f"{name}_min": "lowest", f"{name}_max": "highest"}
        parts = rollups.assign(time=rollups["start"].dt.floor(step)).groupby(["vehicle_id", "time"])
        frame = parts[list(columns)].agg(dict(zip(columns, ("mean", "min", "max"), strict=True)))
        frames.append(frame.rename(columns=columns).reset_index().assign(signal=name))
    if not frames:
        return pd.DataFrame(columns=["vehicle_id", "time", "mean", "lowest", "highest", "signal"])
    return pd.concat(frames, ignore_index=True)


def hourly_frame(rollups: pd.DataFrame) -> pd.DataFrame:
    """Vehicle, hour of the period, share of its events that were flagged, %, and distance, km."""
    hours = rollups.assign(time=rollups["start"].dt.floor("h")).groupby(["vehicle_id", "time"])
    found = hours[["events", "anomalies", "distance_km"]].sum().reset_index()
    found["rate"] = 100.0 * found["anomalies"] / found["events"]
    return found


def trip_frame(trips: Iterable[Trip], units: dict[str, str], zone: tzinfo) -> pd.DataFrame:
    """One row for each trip or stop; all of it is text."""
    rows = [
        {
            "": "trip" if trip.moving else "stop",
            "From": f"{trip.start.astimezone(zone):%H:%M}",
            "To": f"{trip.end.astimezone(zone):%H:%M}",
            "Duration": duration(trip.duration.total_seconds()),
            "Distance": distance(trip.distance_km) if trip.moving else "",
            "Idle": duration(trip.idle_s) if trip.idle_s else "",
            "Used": amounts(trip.used, units) if trip.moving else "",
            "Anomalies": f"{trip.anomalies:,}" if trip.anomalies else "",
        }
        for trip in trips
    ]
    names = ["", "From", "To", "Duration", "Distance", "Idle", "Used", "Anomalies"]
    return pd.DataFrame(rows, columns=names)


def _step(rollups: pd.DataFrame) -> str:
    """The part of the period that is one point: about `COLUMNS_OF_PIXELS` of them."""
    if not len(rollups):
        return "1min"
    minutes = (rollups["end"].max() - rollups["start"].min()).total_seconds() / 60.0 / COLUMNS_OF_PIXELS
    return next((f"{step}min" for step in (1, 2, 5, 10, 15, 30, 60, 120, 240) if step >= minutes), "480min")
