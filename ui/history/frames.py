"""The data frames behind the charts and tables of the history."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import tzinfo

import numpy as np
import pandas as pd

from dataflows.clock import SECOND
from dataflows.compiled import Integers, Mask
from dataflows.history.trips import Trip
from dataflows.report.day import Chart
from dataflows.report.thinning import thinned
from dataflows.report.wording import amounts, distance, duration
from ui.history.charts import Line

COLUMNS_OF_PIXELS = 400
"""Width of a chart for which points are chosen: a signal has up to four in each."""

LONGEST_SPAN = 30 * SECOND
"""Microseconds for which an event is taken to hold."""

SPACES_FOR_GAP = 5
"""Times the usual distance between two events, after which a line is interrupted."""


def event_line(vehicle: str, chart: Chart) -> Line:
    """A signal from all events of a vehicle, thinned without losing a spike.

    Args:
        vehicle: its name, as it is shown.
        chart: the signal.
    """
    line = chart.line
    kept = thinned(line.times.astype(np.float64), line.values, COLUMNS_OF_PIXELS)
    times, expected, band = line.times[kept], line.expected[kept], line.band[kept]
    lowest, highest = (np.clip(expected + sign * band, line.least, line.most) for sign in (-1.0, 1.0))
    frame = pd.DataFrame(
        {
            "t": times // 1000,
            "value": line.values[kept],
            "expected": expected,
            "lowest": lowest,
            "width": highest - lowest,
        }
    )
    return Line(vehicle, _interrupted(frame, line.times), stretches(line.times, line.flagged))


def nothing() -> pd.DataFrame:
    """The columns of a line without values."""
    return pd.DataFrame(columns=["t", "value", "lowest", "width"], dtype=np.float64)


def stretches(times: Integers, flagged: Mask) -> list[tuple[int, int]]:
    """From and to of flagged events that follow each other, in milliseconds since 1970.

    Args:
        times: rising, microseconds since 1970-01-01 UTC, shape (n,).
        flagged: shape (n,).
    """
    if not flagged.any():
        return []
    # What is narrower than a line could not be seen.
    least = int(times[-1] - times[0]) // COLUMNS_OF_PIXELS
    until = np.minimum(np.append(times[1:], times[-1] + SECOND), times + LONGEST_SPAN)
    found: list[list[int]] = []
    for place in np.flatnonzero(flagged):
        start, end = int(times[place]), int(max(until[place], times[place] + least))
        if found and start <= found[-1][1]:
            found[-1][1] = max(found[-1][1], end)
        else:
            found.append([start, end])
    return [(start // 1000, end // 1000) for start, end in found]


def rollup_lines(rollups: pd.DataFrame, signal: str, vehicles: Sequence[tuple[str, str]]) -> list[Line]:
    """A signal from rollups: mean, lowest and highest value in each part of the period.

    Args:
        rollups: of one vehicle or two, by vehicle and time.
        signal: which; no lines if no rollup has it.
        vehicles: ids and names of the vehicles.
    """
    frame = rollup_frame(rollups, [signal])
    if not len(frame):
        return []
    lines = []
    for vehicle, name in vehicles:
        part = frame[frame["vehicle_id"] == vehicle].sort_values("time")
        shown = pd.DataFrame(
            {
                "t": _milliseconds(part["time"]),
                "value": part["mean"].to_numpy(),
                "lowest": part["lowest"].to_numpy(),
                "width": (part["highest"] - part["lowest"]).to_numpy(),
            }
        )
        lines.append(Line(name, _interrupted(shown, shown["t"].to_numpy() * 1000)))
    return lines


def rollup_frame(rollups: pd.DataFrame, signals: Sequence[str]) -> pd.DataFrame:
    """A row per vehicle, signal and part of the period: mean, lowest and highest value.

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
    """Vehicle, middle of an hour (milliseconds since 1970), and share of its events that were flagged, %."""
    hours = rollups.assign(time=rollups["start"].dt.floor("h")).groupby(["vehicle_id", "time"])
    found = hours[["events", "anomalies"]].sum().reset_index()
    found["rate"] = 100.0 * found["anomalies"] / found["events"]
    found["t"] = _milliseconds(found["time"] + pd.Timedelta(minutes=30))
    return found[["vehicle_id", "t", "rate", "anomalies", "events"]]


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


def _interrupted(frame: pd.DataFrame, times: Integers) -> pd.DataFrame:
    """The frame with an empty row in each gap: nobody knows what the vehicle did in it.

    Args:
        frame: with a column ``t``, milliseconds since 1970, rising.
        times: of all values, microseconds since 1970-01-01 UTC; the frame may have fewer.
    """
    if len(frame) < 2:
        return frame
    usual = max(float(np.median(np.diff(times))), LONGEST_SPAN) * SPACES_FOR_GAP
    places = np.flatnonzero(np.diff(times) > usual)
    if not len(places):
        return frame
    gaps = pd.DataFrame({"t": times[places] // 1000 + 1}).reindex(columns=frame.columns)
    return pd.concat((frame, gaps), ignore_index=True).sort_values("t", kind="stable", ignore_index=True)


def _milliseconds(times: pd.Series) -> Integers:
    found: Integers = times.dt.tz_convert("UTC").dt.as_unit("ms").astype(np.int64).to_numpy()
    return found


def _step(rollups: pd.DataFrame) -> str:
    """The part of the period that is one point: about `COLUMNS_OF_PIXELS` of them."""
    if not len(rollups):
        return "1min"
    minutes = (rollups["end"].max() - rollups["start"].min()).total_seconds() / 60.0 / COLUMNS_OF_PIXELS
    return next((f"{step}min" for step in (1, 2, 5, 10, 15, 30, 60, 120, 240) if step >= minutes), "480min")
