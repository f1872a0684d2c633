"""The compiled loop that folds events into runs, one after the other."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from dataflows.clock import NEVER
from dataflows.compiled import Floats, Integers, Mask, Slots, compiled
from dataflows.rollup import run

SET_BACK_AFTER = 30
"""Consecutive late events of a vehicle after which its clock was set back, rather than its network slow."""

WINDOW, EVENTS, FIRST, LAST, LATEST, CLOSED, LATE, PART, OPEN, SPEED_AT, ODOMETER_AT = range(11)
"""Of a vehicle: the window of the unfinished run, its events and first and last event time; the event time of
its latest event, microseconds; the last window that is closed; consecutive late events; the part that it is
in; whether runs were finished since all was closed; event times of the latest speed and odometer reading."""

TIMES = 11

# Numba keeps the constants of other files until this one changes.
COUNT, SUM, MIN, MAX, LAST_VALUE, CHANGE = run.COUNT, run.SUM, run.MIN, run.MAX, run.LAST, run.CHANGE
ANOMALIES, ERROR_SUM, ERROR_PEAK = run.ANOMALIES, run.ERROR_SUM, run.ERROR_PEAK
METRES, MOVING, IDLE = run.METRES, run.MOVING, run.IDLE
NEVER_YET = NEVER

OUT_SLOT, OUT_WINDOW, OUT_EVENTS, OUT_FIRST, OUT_LAST, OUT_PART, OUT_WATERMARK = range(7)
"""Of a finished run: its vehicle's slot, window, events, first and last event time, part, and the watermark
of that part after it, microseconds. Without events: all windows of the part are closed."""

OUTPUTS = 7


class Rules(NamedTuple):
    """What is the same for all events; times in microseconds.

    Attributes:
        size: length of a window.
        lateness: time for which a window is held open.
        pause: time between two readings from which on nobody knows what the vehicle did.
        moving: m/s from which on it moves.
        speed, metres_per_second, odometer, metres, running: as in `Measures`.
    """

    size: int
    lateness: int
    pause: int
    moving: float
    speed: int
    metres_per_second: float
    odometer: int
    metres: float
    running: int


class Vehicles(NamedTuple):
    """What is known of V vehicles.

    Attributes:
        times: shape (V, `TIMES`).
        totals: of their unfinished runs, shape (V, `run.TOTALS`).
        signals: likewise, shape (V, S, `run.SUMMARIES`).
        before: the values of their latest events, NaN where there was none, shape (V, S).
    """

    times: Integers
    totals: Floats
    signals: Floats
    before: Floats


class Finished(NamedTuple):
    """Room for m finished runs.

    Attributes:
        rows: shape (m, `OUTPUTS`).
        totals: shape (m, `run.TOTALS`).
        signals: shape (m, S, `run.SUMMARIES`).
    """

    rows: Integers
    totals: Floats
    signals: Floats


@compiled
def fold(
    slots: Slots,
    stamps: Integers,
    values: Floats,
    errors: Floats,
    anomalies: Mask,
    notice_rows: Slots,
    notice_slots: Slots,
    first_part: int,
    rules: Rules,
    vehicles: Vehicles,
    out: Finished,
    late: Integers,
) -> int:
    """Fold n events into the unfinished runs of their vehicles.

    Args:
        slots: vehicle of each event, shape (n,).
        stamps: event times, microseconds, shape (n,).
        values: NaN where missing, shape (n, S).
        errors: shape (n,).
        anomalies: shape (n,).
        notice_rows: events at which vehicles were found to be silent, ascending, shape (k,).
        notice_slots: these vehicles, shape (k,).
        first_part: the part that a new vehicle begins with.
        rules: see there.
        vehicles: changed in place.
        out: filled with the finished runs; at least 2 n + 2 k rows.
        late: filled with the microseconds by which each event missed its window, 0 where it did not, (n,).

    Returns:
        The number of finished runs.
    """
    times, totals, signals, before = vehicles
    finished, notice = 0, 0
    for row in range(len(slots)):
        while notice < len(notice_rows) and notice_rows[notice] == row:
            slot = notice_slots[notice]
            finished = _close(slot, rules, vehicles, out, finished)
            notice += 1
        slot, now = slots[row], stamps[row]
        time = times[slot]
        window = now // rules.size
        if time[LATEST] == NEVER_YET:
            time[PART] = max(time[PART], first_part)
        else:
            late_by = time[LATEST] - (window + 1) * rules.size - rules.lateness
            time[LATE] = time[LATE] + 1 if late_by >= 0 else 0
            set_back = time[LATE] >= SET_BACK_AFTER
            if late_by >= 0 and not set_back:
                late[row] = late_by + 1
                continue
            if set_back or window <= time[CLOSED]:
                finished = _close(slot, rules, vehicles, out, finished)
                time[PART] += 1
                time[CLOSED] = NEVER_YET
            if set_back:
                time[LATEST], time[LATE] = NEVER_YET, 0
                before[slot] = np.nan
        if time[EVENTS] and time[WINDOW] != window:
            latest = max(time[LATEST], now)
            finished = _finish(slot, latest, rules, vehicles, out, finished)
        if not time[EVENTS]:
            time[WINDOW], time[FIRST], time[LAST] = window, now, now
            totals[slot] = 0.0
            signals[slot] = 0.0
            signals[slot, :, MIN] = math.inf
            signals[slot, :, MAX] = -math.inf
        time[EVENTS] += 1
        time[FIRST], time[LAST] = min(time[FIRST], now), max(time[LAST], now)
        total = totals[slot]
        total[ANOMALIES] += anomalies[row]
        total[ERROR_SUM] += errors[row]
        total[ERROR_PEAK] = max(total[ERROR_PEAK], errors[row])
        # Signals that are sent one by one often have the same time.
        in_order = now >= time[LATEST]
        if in_order:
            _travel(now, values[row], before[slot], rules, time, total)
        for signal in range(values.shape[1]):
            value = values[row, signal]
            if not math.isfinite(value):
                continue
            summary = signals[slot, signal]
            summary[COUNT] += 1.0
            summary[SUM] += value
            summary[MIN] = min(summary[MIN], value)
            summary[MAX] = max(summary[MAX], value)
            summary[LAST_VALUE] = value
            if in_order:
                if math.isfinite(before[slot, signal]):
                    summary[CHANGE] += value - before[slot, signal]
                before[slot, signal] = value
        time[LATEST] = max(time[LATEST], now)
    return finished


@compiled
def close_all(
    slots: Slots,
    rules: Rules,
    vehicles: Vehicles,
    out: Finished,
) -> int:
    """Finish the runs of these vehicles and close all of their windows, as `fold` does for silent ones."""
    finished = 0
    for slot in slots:
        finished = _close(slot, rules, vehicles, out, finished)
    return finished


@compiled
def _travel(now: int, values: Floats, before: Floats, rules: Rules, time: Integers, total: Floats) -> None:
    """Add what the vehicle did since its readings before, which are not always those of its event before."""
    knows_speed = rules.speed >= 0 and math.isfinite(before[rules.speed])
    knows_odometer = rules.odometer >= 0 and math.isfinite(before[rules.odometer])
    running = True
    if rules.running >= 0:
        latest = values[rules.running]
        running = (latest if math.isfinite(latest) else before[rules.running]) > 0.0
    if rules.speed >= 0 and math.isfinite(values[rules.speed]):
        elapsed = now - time[SPEED_AT]
        if knows_speed and elapsed <= rules.pause:
            speed = 0.5 * (values[rules.speed] + before[rules.speed]) * rules.metres_per_second
            _spend(elapsed, speed > rules.moving, running, total)
            if not knows_odometer:
                total[METRES] += max(speed, 0.0) * elapsed / 1e6
        time[SPEED_AT] = now
    if rules.odometer >= 0 and math.isfinite(values[rules.odometer]):
        elapsed = now - time[ODOMETER_AT]
        if knows_odometer:
            metres = max(values[rules.odometer] - before[rules.odometer], 0.0) * rules.metres
            total[METRES] += metres
            if not knows_speed and elapsed <= rules.pause:
                _spend(elapsed, metres > rules.moving * elapsed / 1e6, running, total)
        time[ODOMETER_AT] = now


@compiled
def _spend(elapsed: int, moving: bool, running: bool, total: Floats) -> None:
    """Add a time, in microseconds, in which a vehicle moved, or stood."""
    if moving:
        total[MOVING] += elapsed / 1e6
    elif running:
        total[IDLE] += elapsed / 1e6


@compiled
def _close(
    slot: int,
    rules: Rules,
    vehicles: Vehicles,
    out: Finished,
    finished: int,
) -> int:
    """Finish the run of a vehicle, and close all windows of its part."""
    time = vehicles.times[slot]
    if time[LATEST] == NEVER_YET:
        return finished
    if time[EVENTS]:
        finished = _finish(slot, time[LATEST], rules, vehicles, out, finished)
    last = time[LATEST] // rules.size
    time[CLOSED] = max(time[CLOSED], last)
    if time[OPEN]:
        out.rows[finished] = 0
        out.rows[finished, OUT_SLOT], out.rows[finished, OUT_PART] = slot, time[PART]
        out.rows[finished, OUT_WATERMARK] = (last + 1) * rules.size
        time[OPEN] = 0
        finished += 1
    return finished


@compiled
def _finish(
    slot: int,
    latest: int,
    rules: Rules,
    vehicles: Vehicles,
    out: Finished,
    finished: int,
) -> int:
    """Hand over the run of a vehicle, whose watermark is that of `latest` but does not pass this window."""
    time = vehicles.times[slot]
    out.rows[finished, OUT_SLOT] = slot
    out.rows[finished, OUT_WINDOW] = time[WINDOW]
    out.rows[finished, OUT_EVENTS] = time[EVENTS]
    out.rows[finished, OUT_FIRST], out.rows[finished, OUT_LAST] = time[FIRST], time[LAST]
    out.rows[finished, OUT_PART] = time[PART]
    watermark = min(latest - rules.lateness, (time[WINDOW] + 1) * rules.size - 1)
    out.rows[finished, OUT_WATERMARK] = watermark
    time[CLOSED] = max(time[CLOSED], watermark // rules.size - 1)
    out.totals[finished] = vehicles.totals[slot]
    out.signals[finished] = vehicles.signals[slot]
    time[EVENTS] = 0
    time[OPEN] = 1
    return finished + 1
