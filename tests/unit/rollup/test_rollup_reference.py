"""Rollups against a plain account of the same events: lists, and pairs of readings."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.clock import SECOND, microseconds
from dataflows.events import Rollup
from dataflows.score.scorer import ScoredBatch
from tests.support.rollup_streams import SIGNALS, rollup_settings, stream, summed

SIZE, LATENESS, PAUSE = 60 * SECOND, 120 * SECOND, 60 * SECOND
SPEED, ODOMETER, FUEL, RPM = range(4)
NAMES = list(SIGNALS)


@dataclass
class Expected:
    """What happened to a vehicle in a window."""

    times: list[int] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    anomalies: int = 0
    values: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    metres: float = 0.0
    moving: float = 0.0
    idle: float = 0.0
    change: float = 0.0


Windows = dict[tuple[str, int], Expected]


def reference(scored: ScoredBatch) -> tuple[Windows, list[str]]:
    """Window by window what happened, and the ids of late events."""
    windows: Windows = defaultdict(Expected)
    late: list[str] = []
    in_order: dict[str, list[tuple[int, list[float]]]] = defaultdict(list)
    batch = scored.telemetry
    for row, vehicle in enumerate(batch.vehicle_ids):
        now, values = int(batch.timestamps[row]), batch.values[row].tolist()
        start = now - now % SIZE
        before = in_order[vehicle]
        if before and before[-1][0] >= start + SIZE + LATENESS:
            late.append(batch.event_ids[row])
            continue
        window = windows[vehicle, start]
        window.times.append(now)
        window.errors.append(float(scored.scores.error[row]))
        window.anomalies += bool(scored.scores.anomaly[row])
        for name, value in zip(NAMES, values, strict=True):
            if not math.isnan(value):
                window.values[name].append(value)
        if not before or now >= before[-1][0]:
            before.append((now, values))
    for vehicle, readings in in_order.items():
        travel(windows, vehicle, readings)
    return windows, late


def travel(windows: Windows, vehicle: str, events: list[tuple[int, list[float]]]) -> None:
    """Add what a vehicle did between any two readings of the same signal."""

    def places(signal: int) -> list[int]:
        return [place for place, (_, values) in enumerate(events) if not math.isnan(values[signal])]

    def is_running(place: int) -> bool:
        running = [at for at in places(RPM) if at <= place]
        return bool(running) and events[running[-1]][1][RPM] > 0.0

    first = {signal: (places(signal) or [len(events)])[0] for signal in (SPEED, ODOMETER)}
    for signal in (SPEED, ODOMETER, FUEL):
        for one, other in pairwise(places(signal)):
            (begin, old), (end, new) = events[one], events[other]
            window = windows[vehicle, end - end % SIZE]
            seconds, rise = (end - begin) / SECOND, new[signal] - old[signal]
            if signal == FUEL:
                window.change += rise
                continue
            mean = (old[SPEED] + new[SPEED]) / 2 / 3.6 if signal == SPEED else 0.0
            metres = mean * seconds if signal == SPEED else max(rise, 0.0) * 1000.0
            known = end - begin <= PAUSE
            if (signal == SPEED and known and first[ODOMETER] >= other) or signal == ODOMETER:
                window.metres += metres
            if known and (signal == SPEED or first[SPEED] >= other):
                if metres > seconds / 3.6 if signal == ODOMETER else mean > 1 / 3.6:
                    window.moving += seconds
                elif is_running(other):
                    window.idle += seconds


def close(number: float) -> object:
    return pytest.approx(number, rel=1e-6, abs=1e-6)


@given(st.integers(0, 100_000))
def test_rollups_are_what_a_plain_account_of_the_events_says(seed: int) -> None:
    scored = stream(seed)
    windows, late = reference(scored)
    summaries = summed(rollup_settings(), scored)
    found: dict[tuple[str, int], list[Rollup]] = defaultdict(list)
    for rollup in summaries.rollups():
        found[rollup.vehicle_id, microseconds(rollup.start)].append(rollup)
    assert sorted(summaries.late) == sorted(late)
    assert set(found) == set(windows)
    for key, expected in windows.items():
        check(found[key], expected)


def check(parts: list[Rollup], expected: Expected) -> None:
    """Compare all rollups of a window; there are several where the vehicle had been taken for silent."""
    assert sum(part.events for part in parts) == len(expected.times)
    assert microseconds(min(part.first_at for part in parts)) == min(expected.times)
    assert microseconds(max(part.last_at for part in parts)) == max(expected.times)
    assert sum(part.anomalies for part in parts) == expected.anomalies
    assert sum(part.error_mean * part.events for part in parts) == close(sum(expected.errors))
    assert max(part.error_peak for part in parts) == close(max(expected.errors))
    assert sum(part.distance_km or 0.0 for part in parts) == close(expected.metres / 1000.0)
    assert sum(part.moving_s for part in parts) == close(expected.moving)
    assert sum(part.idle_s for part in parts) == close(expected.idle)
    filled = sum(part.filled["fuel"] - part.used["fuel"] for part in parts)
    assert filled == close(expected.change)
    assert all(min(part.filled["fuel"], part.used["fuel"]) == 0.0 for part in parts)
    for name in NAMES:
        values = expected.values[name]
        summaries = [part.signals[name] for part in parts]
        assert sum(summary.count for summary in summaries) == len(values)
        if not values:
            assert all(summary.mean is summary.last is summary.min is None for summary in summaries)
            continue
        with_values = [summary for summary in summaries if summary.count]
        assert sum(each.count * (each.mean or 0.0) for each in with_values) == close(sum(values))
        assert min(each.min for each in with_values if each.min is not None) == close(min(values))
        assert max(each.max for each in with_values if each.max is not None) == close(max(values))
        assert with_values[-1].last == close(values[-1])
