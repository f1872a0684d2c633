"""The evidence against each signal, row by row: the compiled part of `dataflows.alert.evidence`.

One loop does everything for a row before it turns to the next one: it follows the vehicle, judges the row by
what was learned before it, and learns it. So results cannot depend on how rows were batched.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dataflows.clock import NEVER
from dataflows.compiled import Floats, Integers, Mask, Slots, compiled

Records: TypeAlias = NDArray[Any]
"""An array of one of the record types below."""

JUMP, TREND, SHIFT, STUCK = range(4)
STATISTICS = 4

VEHICLE = np.dtype([("latest", "i8"), ("started", "i8")])
"""Event times of a vehicle's latest row, and of the first one after its last pause."""

VEHICLE_SIGNAL = np.dtype(
    [
        ("held_at", "i8"),
        ("held", "f8"),
        ("count", "f8"),
        ("mean", "f8"),
        ("baseline", "f8"),
        ("trend", "f4"),
        ("shift", "f4"),
        ("level_spread", "f4"),
        ("jump_spread", "f4"),
        ("seen", "f4"),
        ("jumps_up", "f4"),
        ("jumps_down", "f4"),
        ("repeats", "i4"),
        ("hold_off", "i4"),
    ]
)
"""What is known of a vehicle's signal: last value, mean and baseline in its unit, the rest in spreads."""

SIGNAL = np.dtype(
    [
        ("scatter", "f8"),
        ("scatter_count", "f8"),
        ("change_square", "f8"),
        ("change_count", "f8"),
        ("resolution", "f8"),
        ("moves", "f8"),
        ("deviation", "f8"),
        ("change_deviation", "f8"),
        ("rest", "f8", 16),
        ("rests", "f8", 16),
    ]
)
"""What all vehicles share of a signal; `deviation` and `change_deviation` are those in force, or 0."""

PREDICTION = np.dtype(
    [
        ("per_deviation", "f8"),
        ("per_change", "f8"),
        ("level_by_level", "f8"),
        ("level_by_jump", "f8"),
        ("jump_by_level", "f8"),
        ("jump_by_jump", "f8"),
        ("level_unit", "f8"),
        ("jump_unit", "f8"),
        ("least_level", "f8"),
        ("least_jump", "f8"),
    ]
)
"""How a signal is scaled and predicted, in force until the next renewal.

`per_deviation` and `per_change` scale its value and its change, 0 while they are unknown. The next four give
the residuals of both, in their own standard deviations, from the two entries of the gradient. `level_unit`
and `jump_unit` are these deviations in the signal's unit, the last two its resolution in these deviations.
"""

TAIL = np.dtype([("start", "f8"), ("step", "f8"), ("shape", "f8"), ("nats", "f8")])
"""Tail of a statistic: where it starts, how far to four times rarer values, shape, nats at the start."""

BUCKETS, LOWEST, GROWTH = 256, 1e-2, 1.07
"""Bucket b counts statistics from LOWEST · GROWTH^b up; the last one those from about 3 · 10⁵ up."""

NEAR_TAIL = 0.8
"""Share of the value at which a tail starts from which on values are counted: the tail may start earlier."""

TREND_ROWS, SHIFT_ROWS = 5.0, 5.0
"""Rows over which jumps and deviations from the baseline are averaged: few, to be quick."""

BASELINE_ROWS = 300.0
"""Rows over which the baseline of a signal's deviation follows it: what changes more slowly is no fault."""

SPREAD_ROWS = 500.0
"""Rows that a vehicle's own spread is averaged over."""

LEAST_SPREAD = 0.05
"""Standard deviations that a vehicle's own spread counts for at least."""

CLIP = 3.0
"""Spreads: what deviates by more neither widens the spread nor moves the baseline any further."""

LARGEST_SCORE, LEARNED_SCORE = 50.0, 5.0
"""Standard deviations: bounds of what enters the model, and of what it learns."""

ROBUST = 4.0
"""Standard deviations at which a row counts half for the model, as with Cauchy's weights."""

KNOWN_AFTER = 20.0
"""Values of a vehicle, and movements of a signal, after which they are judged at all."""

SUSPICIOUS, HOLD_OFF, SUSPICIOUS_WEIGHT = 9.0, 60, 0.1
"""From this many nats on, a signal's next rows, this many, count only this much: they may be faulty."""

REPEATED, FADE = 8.0, 0.3
"""Nats of a jump beyond the first number add up over a run of rows, and lose the second one a row."""

RESTING_RUN, RESTING_TIMES = 4, 3
"""Rows that a value is held for, and how often, before it counts as one at which the signal rests."""


@compiled
def judge(
    slots: Slots,
    times: Integers,
    values: Floats,
    hold: int,
    settle: int,
    memory: float,
    vehicles: Records,
    states: Records,
    signals: Records,
    scatter: Floats,
    weight: Floats,
    precision: Floats,
    predictions: Records,
    judged: Mask,
    tails: Records,
    histogram: Floats,
    totals: Floats,
    seconds: Floats,
    nats: Floats,
    statistic: NDArray[np.uint8],
    upwards: Mask,
    typical: Floats,
) -> None:
    """Judge n rows, each by what was learned before it, and learn them.

    Args:
        slots, times, values: as in `Evidence.judge`.
        hold, settle: microseconds, as in `Evidence`.
        memory: rows.
        vehicles, states, signals: of shapes (V,), (V, S) and (S,); updated.
        scatter, weight: sums behind the correlations, of shapes (2 · S, 2 · S) and (1,); updated.
        judged: which signals are judged, shape (S,); the others only explain them.
        precision, predictions, tails: in force, of shapes (2 · S, 2 · S), (S,) and (S, `STATISTICS`, 2).
        histogram, totals: counts of the statistics, of shapes (S, `STATISTICS`, 2, `BUCKETS`) and
            (S, `STATISTICS`); updated.
        seconds: for how long vehicles have sent in total, shape (1,); updated.
        nats, statistic, upwards, typical: the results, shape (n, S); filled.
    """
    rows, count = values.shape
    features, gradient = np.zeros(2 * count), np.zeros(2 * count)
    sent, change = np.zeros(count, np.bool_), np.full(count, np.nan)
    for row in range(rows):
        vehicle, now = vehicles[slots[row]], times[row]
        resumed = vehicle.latest == NEVER or now - vehicle.latest > hold
        if resumed:
            vehicle.started = now
        else:
            seconds[0] += (now - vehicle.latest) / 1e6
        vehicle.latest = now
        settled = now - vehicle.started >= settle
        for column in range(count):
            state, signal, value = states[slots[row], column], signals[column], values[row, column]
            recent = state.held_at != NEVER and now - state.held_at <= hold
            sent[column] = np.isfinite(value)
            change[column] = value - state.held if sent[column] and recent else np.nan
            if sent[column]:
                state.held, state.held_at = value, now
            level, jump = 0.0, 0.0
            if sent[column] or recent:
                level = (state.held - state.mean) * predictions[column].per_deviation
            if not np.isnan(change[column]):
                jump = change[column] * predictions[column].per_change
            features[column] = min(max(level, -LARGEST_SCORE), LARGEST_SCORE)
            features[count + column] = min(max(jump, -LARGEST_SCORE), LARGEST_SCORE)
        gradient[:] = 0.0
        for other in range(2 * count):
            if features[other] != 0.0:
                for column in range(2 * count):
                    gradient[column] += features[other] * precision[other, column]
        largest = 0.0
        # A parked vehicle repeats all that it sends: nothing is stuck.
        moving = False
        for column in range(count):
            moving = moving or (change[column] != 0.0 and not np.isnan(change[column]))
        for column in range(count):
            nats[row, column], typical[row, column] = 0.0, np.nan
            if not (sent[column] and judged[column]):
                continue
            state, signal, moved = states[slots[row], column], signals[column], change[column]
            own, first, second = predictions[column], gradient[column], gradient[count + column]
            level = first * own.level_by_level + second * own.level_by_jump
            jump = first * own.jump_by_level + second * own.jump_by_jump
            largest = max(largest, abs(level), abs(jump))
            level_scale = max(state.level_spread, LEAST_SPREAD, own.least_level)
            jump_scale = max(state.jump_spread, LEAST_SPREAD, own.least_jump)
            level, jump = _follow(
                state, level, jump, resumed, np.isnan(moved), own.level_unit, level_scale, jump_scale
            )
            stuck = _repeats(state, signal, values[row, column], moved) if moving else 0.0
            known = settled and signal.moves >= KNOWN_AFTER and state.count >= KNOWN_AFTER
            held_off = state.hold_off > 0
            for which in range(STATISTICS):
                value = jump if which == JUMP else state.trend if which == TREND else state.shift
                if which == STUCK:
                    value = stuck
                side = 0 if value > 0.0 else 1
                surprise = _surprise(tails[column, which, side], abs(value))
                if which == JUMP:
                    surprise = _with_repeats(state, surprise, side)
                if known and surprise > nats[row, column]:
                    nats[row, column], statistic[row, column] = surprise, which
                    upwards[row, column] = side == 0
                if known or not settled:
                    counted = SUSPICIOUS_WEIGHT if held_off or surprise > SUSPICIOUS else 1.0
                    totals[column, which] += counted
                    if not abs(value) <= NEAR_TAIL * tails[column, which, side].start:
                        histogram[column, which, side, _bucket(abs(value))] += counted
            if nats[row, column] > 0.0 and statistic[row, column] != STUCK:
                is_jump = statistic[row, column] == JUMP
                off = jump * jump_scale * own.jump_unit if is_jump else level * level_scale * own.level_unit
                typical[row, column] = values[row, column] - off
            if nats[row, column] > SUSPICIOUS:
                state.hold_off = HOLD_OFF
            elif held_off:
                state.hold_off -= 1
        _learn(states[slots[row]], signals, sent, change, features, largest, scatter, weight, memory)


@compiled
def _follow(
    state: Any,
    level: float,
    jump: float,
    resumed: bool,
    new: bool,
    unit: float,
    level_scale: float,
    jump_scale: float,
) -> tuple[float, float]:
    """Track a signal's baseline, spreads and averages; returns deviation and jump in its own spreads."""
    # With the mean, which follows the signal as well: a baseline without it would drift as the mean does.
    where = level * unit + state.mean
    if resumed:
        state.baseline, state.trend, state.shift = where, 0.0, 0.0
    off = (where - state.baseline) / unit if unit > 0.0 else 0.0
    state.baseline += min(max(off, -CLIP), CLIP) * unit * (1.0 / BASELINE_ROWS)
    state.seen = min(state.seen + 1.0, SPREAD_ROWS)
    share = 1.0 / max(state.seen, KNOWN_AFTER)
    state.level_spread += (min(abs(off), CLIP * state.level_spread) - state.level_spread) * share
    off /= level_scale
    if new:
        jump = 0.0
    else:
        state.jump_spread += (min(abs(jump), CLIP * state.jump_spread) - state.jump_spread) * share
        jump /= jump_scale
    state.trend += (jump - state.trend) * (1.0 / TREND_ROWS)
    state.shift += (off - state.shift) * (1.0 / SHIFT_ROWS)
    return off, jump


@compiled
def _repeats(state: Any, signal: Any, value: float, change: float) -> float:
    """For how many rows a signal has kept a value at which it does not usually rest."""
    if np.isnan(change) or change != 0.0:
        state.repeats = 0
        return 0.0
    state.repeats += 1
    if state.repeats < RESTING_RUN:
        return float(state.repeats)
    lowest, found = 0, -1
    for place in range(len(signal.rest)):
        if signal.rest[place] == value and signal.rests[place] > 0.0:
            found = place
        if signal.rests[place] < signal.rests[lowest]:
            lowest = place
    if state.repeats == RESTING_RUN:
        if found >= 0:
            signal.rests[found] += 1.0
        else:
            signal.rest[lowest], signal.rests[lowest] = value, 1.0
    if found >= 0 and signal.rests[found] >= RESTING_TIMES:
        return 0.0
    return float(state.repeats)


@compiled
def _surprise(tail: Any, value: float) -> float:
    """Nats: minus the logarithm of how often the statistic is as large as this; 0 outside its tail."""
    if np.isnan(tail.start) or value <= tail.start:
        return 0.0
    steps = (value - tail.start) / tail.step
    if tail.shape < 0.01:
        return float(tail.nats + steps * np.log(4.0))
    return float(tail.nats + np.log(1.0 + steps * (4.0**tail.shape - 1.0)) / tail.shape)


@compiled
def _with_repeats(state: Any, surprise: float, side: int) -> float:
    """The surprise at a jump, together with that at those before it in the same direction."""
    up = surprise - REPEATED if side == 0 and surprise > 0.0 else -FADE
    down = surprise - REPEATED if side == 1 and surprise > 0.0 else -FADE
    state.jumps_up = min(max(state.jumps_up + up, 0.0), LARGEST_SCORE)
    state.jumps_down = min(max(state.jumps_down + down, 0.0), LARGEST_SCORE)
    if surprise <= 0.0:
        return 0.0
    total = state.jumps_up if side == 0 else state.jumps_down
    return float(max(surprise, total + REPEATED))


@compiled
def _bucket(value: float) -> int:
    return min(max(int(np.log(max(value, LOWEST) / LOWEST) / np.log(GROWTH)), 0), BUCKETS - 1)


@compiled
def _learn(
    states: Records,
    signals: Records,
    sent: Mask,
    change: Floats,
    features: Floats,
    largest: float,
    scatter: Floats,
    weight: Floats,
    memory: float,
) -> None:
    """Learn a row of one vehicle: its means, how far signals deviate and change, and how they correlate."""
    count = len(sent)
    trust = 1.0 / (1.0 + (largest / ROBUST) ** 2)
    for column in range(count):
        if not sent[column]:
            continue
        state, signal = states[column], signals[column]
        own = SUSPICIOUS_WEIGHT if state.hold_off > 0 else 1.0
        state.count = min(state.count + own, memory)
        off = state.held - state.mean
        if state.count > KNOWN_AFTER and signal.deviation > 0.0:
            off = min(max(off, -10.0 * signal.deviation), 10.0 * signal.deviation)
        state.mean += off * own / state.count
        signal.scatter += own * off * off * (1.0 - own / state.count)
        signal.scatter_count += own
        if not np.isnan(change[column]):
            moved = abs(change[column])
            if moved > 1e-9:
                signal.resolution = min(signal.resolution, moved)
                signal.moves += 1.0
            if signal.change_count > 50.0:
                moved = min(moved, 10.0 * signal.change_deviation)
            signal.change_square += own * moved * moved
            signal.change_count += own
    for row in range(2 * count):
        features[row] = min(max(features[row], -LEARNED_SCORE), LEARNED_SCORE)
    for row in range(2 * count):
        first = trust * features[row]
        if first != 0.0:
            for column in range(2 * count):
                scatter[row, column] += first * features[column]
    weight[0] += trust
