"""Pictures of a day as SVG: signals with what was expected of them, and the route."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from markupsafe import Markup, escape

from dataflows.clock import microseconds, utc
from dataflows.compiled import Floats, Integers, Mask
from dataflows.report.day import Line
from dataflows.report.thinning import thinned

WIDTH, LEFT, RIGHT = 900, 64, 24
"""Pixels: of a chart, of the space beside its axis, and at its right end."""

HEIGHT, TOP, BOTTOM = 130, 8, 20

PAUSE = 60.0
"""Seconds without an event in which a line is interrupted."""

ROUTE_SIZE = 420
"""Pixels, of the longer side of a route."""

NICE = (1.0, 2.0, 2.5, 5.0, 10.0)
"""Steps of an axis, times a power of ten."""


def signal_chart(line: Line, start: datetime, end: datetime, limits: Sequence[float] = ()) -> Markup:
    """A signal in its band, with anomalies and alarm limits.

    Args:
        line: the signal.
        start, end: of the axis, UTC.
        limits: alarm limits, in the unit of the signal.
    """
    low, high = _range(line, limits)
    axes = _Axes(microseconds(start), microseconds(end), low, high)
    parts = [*_grid(axes, start, end)]
    for flagged in _spans(line.times, line.flagged):
        left, right = axes.x(np.array(flagged, np.float64)).tolist()
        parts.append(
            f'<rect class="anomaly" x="{left:.1f}" y="{TOP}" width="{max(right - left, 1.5):.1f}" '
            f'height="{axes.bottom - TOP}"/>'
        )
    # A band says little where it is wider than all that was measured: it ends at the edges of the picture.
    upper = np.clip(line.expected + line.band, max(line.least, low), min(line.most, high))
    lower = np.clip(line.expected - line.band, max(line.least, low), min(line.most, high))
    for piece in _pieces(line.times, upper):
        kept = piece[thinned(line.times[piece].astype(np.float64), upper[piece], WIDTH // 2)]
        there = _points(axes, line.times[kept], upper[kept])
        back = _points(axes, line.times[kept][::-1], lower[kept][::-1])
        parts.append(f'<polygon class="band" points="{there} {back}"/>')
    for limit in limits:
        y = axes.y(np.array([limit]))[0]
        parts.append(f'<line class="limit" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
    for name, values in (("expected", line.expected), ("actual", line.values)):
        for piece in _pieces(line.times, values):
            kept = piece[thinned(line.times[piece].astype(np.float64), values[piece], WIDTH)]
            parts.append(
                f'<polyline class="{name}" points="{_points(axes, line.times[kept], values[kept])}"/>'
            )
    return _picture(WIDTH, HEIGHT, parts)


def route(latitudes: Floats, longitudes: Floats, flagged: Mask) -> Markup | None:
    """The way that a vehicle took, north up, with anomalies; ``None`` if it is nowhere known.

    Args:
        latitudes, longitudes: degrees, NaN where unknown, shape (n,).
        flagged: anomalies, shape (n,).
    """
    known = np.isfinite(latitudes) & np.isfinite(longitudes)
    if not known.any():
        return None
    y, x = -latitudes[known], longitudes[known] * math.cos(math.radians(float(np.mean(latitudes[known]))))
    # Short ways are drawn small rather than magnified until noise looks like a way.
    scale = (ROUTE_SIZE - 40) / max(np.ptp(x), np.ptp(y), 0.002)
    x, y = 20 + (x - x.min()) * scale, 20 + (y - y.min()) * scale
    pixels = np.round(np.column_stack((x, y)))
    kept = np.flatnonzero((np.diff(pixels, axis=0, prepend=np.nan) != 0.0).any(axis=1))
    points = " ".join(f"{px:.1f},{py:.1f}" for px, py in zip(x[kept], y[kept], strict=True))
    dots = [
        f'<circle class="flagged" cx="{px:.1f}" cy="{py:.1f}" r="2.5"/>'
        for px, py in zip(x[flagged[known]], y[flagged[known]], strict=True)
    ]
    ends = [
        f'<circle class="{name}" cx="{x[place]:.1f}" cy="{y[place]:.1f}" r="6"><title>{name}</title></circle>'
        for name, place in (("start", 0), ("end", -1))
    ]
    width, height = int(x.max()) + 20, int(y.max()) + 20
    return _picture(width, height, [f'<polyline class="actual" points="{points}"/>', *dots, *ends])


@dataclass(frozen=True, slots=True)
class _Axes:
    start: int
    end: int
    low: float
    high: float
    bottom: int = HEIGHT - BOTTOM

    def x(self, times: Floats) -> Floats:
        share: Floats = (times - self.start) / max(self.end - self.start, 1)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, values: Floats) -> Floats:
        share: Floats = (values - self.low) / (self.high - self.low)
        return self.bottom - share * (self.bottom - TOP)


def _range(line: Line, limits: Sequence[float]) -> tuple[float, float]:
    """What the axis shows: values, expectations, and those limits that are not far away."""
    shown = np.concatenate((line.values, line.expected))
    shown = shown[np.isfinite(shown)]
    if not len(shown):
        return 0.0, 1.0
    low, high = float(shown.min()), float(shown.max())
    near = max(high - low, 1e-9)
    for limit in limits:
        if low - near <= limit <= high + near:
            low, high = min(low, limit), max(high, limit)
    margin = 0.06 * (high - low) or max(abs(high), 1.0) * 0.1
    return low - margin, high + margin


def _grid(axes: _Axes, start: datetime, end: datetime) -> Iterator[str]:
    for value in _ticks(axes.low, axes.high):
        y = axes.y(np.array([value]))[0]
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{escape(f"{value:,.6g}")}</text>'
    hours = max((end - start) / timedelta(hours=1), 1e-9)
    step = next((step for step in (0.25, 0.5, 1, 2, 3, 6) if hours / step <= 12), 24)
    every = timedelta(hours=step)
    moment = utc(
        -(-microseconds(start) // (every // timedelta(microseconds=1))) * (every // timedelta(microseconds=1))
    )
    while moment <= end:
        x = axes.x(np.array([float(microseconds(moment))]))[0]
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{axes.bottom}"/>'
        yield f'<text x="{x:.1f}" y="{HEIGHT - 5}" text-anchor="middle">{moment:%H:%M}</text>'
        moment += every


def _ticks(low: float, high: float) -> list[float]:
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(nice * power for nice in NICE if nice * power >= rough * 0.999)
    return [step * number for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _spans(times: Integers, flagged: Mask) -> Iterator[tuple[int, int]]:
    """First and last time of flagged events that follow each other."""
    edges = np.flatnonzero(np.diff(flagged.astype(np.int8), prepend=0, append=0))
    for first, after in edges.reshape(-1, 2).tolist():
        yield int(times[first]), int(times[after - 1])


def _pieces(times: Integers, values: Floats) -> Iterator[Integers]:
    """Positions that belong to one line, without those that have no value."""
    known = np.flatnonzero(np.isfinite(values))
    if len(known):
        cuts = np.flatnonzero(np.diff(times[known]) > PAUSE * 1e6) + 1
        yield from np.split(known, cuts)


def _points(axes: _Axes, times: Integers, values: Floats) -> str:
    xs, ys = axes.x(times.astype(np.float64)).tolist(), axes.y(values).tolist()
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True))


def _picture(width: int, height: int, parts: Sequence[str]) -> Markup:
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return Markup(f'<svg {size} role="img">{"".join(parts)}</svg>')
