"""The evidence against each signal, row by row: the compiled part of `dataflows.alert.evidence`.

One loop does everything for a row before it turns to the next one: it follows the vehicle, judges the row by
what was learned before it, and learns it. So results cannot depend on how rows were batched.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataflows.alert import evidence_arrays as at
from dataflows.alert.evidence_arrays import InForce, Learned, Results, Singles, Vehicles
from dataflows.clock import NEVER
from dataflows.compiled import Floats, Integers, Mask, Slots, compiled

JUMP, TREND, SHIFT, STUCK = range(4)
STATISTICS = 4

BUCKETS, FIRST_BUCKET = 256, 16240
"""Sixteen buckets of a histogram are an octave: the number of one is made of the exponent of the float64 and
the first four bits of its fraction. They reach from 0.004 to 260, and the first and last ones beyond."""

NEAR_TAIL = 0.8
"""Share of the value at which a tail starts from which on values are counted: the tail may start earlier."""

TREND_ROWS, SHIFT_ROWS = 10.0, 15.0
"""Rows over which jumps and deviations from the baseline are averaged: few, to be quick."""

ROWS_PER_TEST = (1.0, TREND_ROWS, SHIFT_ROWS, 5.0)
"""Rows for which each statistic hardly changes: together they are one test (1 over the extremal index of
Leadbetter, "Extremes and Local Dependence in Stationary Sequences", 1983). Jumps come one by one."""

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

SUSPICIOUS, HOLD_OFF_ROWS, SUSPICIOUS_WEIGHT = 9.0, 60, 0.1
"""From this many nats on, a signal's next rows, this many, count only this much: they may be faulty."""

REPEATED, FADE = 8.0, 0.3
"""Nats of a jump beyond the first number add up over a run of rows, and lose the second one a row."""

SEEN, NEARLY = 12.0, 16
"""What was seen before, or nearly, by so many buckets, is at most e^SEEN times rarer than it was then.
A tail knows nothing of what happens once a trip: an engine that starts is no fault each time."""

LEARNED_ROWS, LEARNED_EVERY = 64, 4
"""Once a vehicle has sent the first number of rows, only one in so many teaches means and correlations."""

RESTS, RESTING_RUN, RESTING_ROWS = 16, 4, 12
"""Values at which a signal rests that are remembered, rows that a value is held for to be a rest, and rows of
such rests after which the signal rests there."""


@compiled
def judge(
    slots: Slots,
    times: Integers,
    values: Floats,
    hold: int,
    settle: int,
    memory: float,
    bar: float,
    judged: Mask,
    vehicles: Vehicles,
    learned: Learned,
    force: InForce,
    results: Results,
) -> None:
    """Judge n rows, each by what was learned before it, and learn them.

    Args:
        slots, times, values: as in `Evidence.judge`.
        hold, settle: microseconds, as in `Evidence`.
        memory: rows.
        bar: nats from which on an alert is due.
        judged: which signals are judged, shape (S,); the others only explain them.
        vehicles, learned: updated.
        force: what is in force.
        results: filled.
    """
    # A call with a tuple counts references to all of its arrays, which takes longer than a row.
    vehicle_times, exact, rough = vehicles
    sums, rests, scatter, weight, histogram, totals, seconds = learned
    scales, residual, near, tails, survival = force
    nats, statistic, upwards, typical = results
    rows, count = values.shape
    two = 2 * count
    features, residuals, sent = np.zeros(two), np.zeros(two), np.zeros(count)
    moves, before, changed = np.zeros(count), np.zeros(count), np.zeros(count)
    used, known, counted = np.zeros(count), np.zeros(count), np.zeros(count)
    statistics, away = np.zeros((STATISTICS, count)), np.zeros((2, count))
    held_for = float(hold)
    for row in range(rows):
        slot, now = slots[row], times[row]
        moment = float(now)
        vehicle, own, lately = vehicle_times[slot], exact[slot], rough[slot]
        resumed = vehicle[at.LATEST] == NEVER or now - vehicle[at.LATEST] > hold
        if resumed:
            vehicle[at.STARTED] = now
        else:
            seconds[0] += (now - vehicle[at.LATEST]) / 1e6
        vehicle[at.LATEST] = now
        settled = now - vehicle[at.STARTED] >= settle
        for signal in range(count):
            value, held = values[row, signal], own[at.HELD, signal]
            is_sent = value == value
            recent = moment - own[at.HELD_AT, signal] <= held_for
            moved = value - held if is_sent and recent else 0.0
            before[signal] = held
            held = value if is_sent else held
            own[at.HELD, signal] = held
            own[at.HELD_AT, signal] = moment if is_sent else own[at.HELD_AT, signal]
            level = (
                (held - own[at.MEAN, signal]) * scales[at.PER_DEVIATION, signal] if is_sent or recent else 0.0
            )
            jump = moved * scales[at.PER_CHANGE, signal]
            features[signal] = min(max(level, -LARGEST_SCORE), LARGEST_SCORE)
            features[count + signal] = min(max(jump, -LARGEST_SCORE), LARGEST_SCORE)
            moves[signal] = moved
            sent[signal] = 1.0 if is_sent else 0.0
            changed[signal] = 1.0 if is_sent and recent else 0.0
            used[signal] = 1.0 if is_sent and judged[signal] else 0.0
        residuals[:] = 0.0
        for other in range(two):
            feature = features[other]
            for signal in range(two):
                residuals[signal] += feature * residual[other, signal]
        moving, largest = False, 0.0
        for signal in range(count):
            moving = moving or moves[signal] != 0.0
            farthest = max(abs(residuals[signal]), abs(residuals[count + signal])) * used[signal]
            largest = max(largest, farthest)
        for signal in range(count):
            use = used[signal] > 0.0
            unit, seen = scales[at.LEVEL_UNIT, signal], own[at.COUNT, signal]
            # With the mean, which follows the signal too: without it, a baseline would drift as that does.
            where = residuals[signal] * unit + own[at.MEAN, signal]
            starts_over = resumed or changed[signal] == 0.0
            baseline = where if starts_over or seen < KNOWN_AFTER else own[at.BASELINE, signal]
            off = (where - baseline) * scales[at.PER_LEVEL_UNIT, signal]
            baseline += min(max(off, -CLIP), CLIP) * unit * (1.0 / BASELINE_ROWS)
            own[at.BASELINE, signal] = baseline if use else own[at.BASELINE, signal]
            share = 1.0 / min(max(seen, KNOWN_AFTER), SPREAD_ROWS)
            spread = float(lately[at.LEVEL_SPREAD, signal])
            scale = max(spread, LEAST_SPREAD, scales[at.LEAST_LEVEL, signal])
            spread += (min(abs(off), CLIP * spread) - spread) * share
            lately[at.LEVEL_SPREAD, signal] = spread if use else lately[at.LEVEL_SPREAD, signal]
            lowest, highest, held = sums[at.LOWEST, signal], sums[at.HIGHEST, signal], own[at.HELD, signal]
            away[1, signal] = _within(off * unit, held, lowest, highest)
            off = away[1, signal] * scales[at.PER_LEVEL_UNIT, signal] / scale
            jump, spread = residuals[count + signal] * changed[signal], float(lately[at.JUMP_SPREAD, signal])
            scale = max(spread, LEAST_SPREAD, scales[at.LEAST_JUMP, signal])
            spread += (min(abs(jump), CLIP * spread) - spread) * share
            is_new = changed[signal] > 0.0
            lately[at.JUMP_SPREAD, signal] = spread if use and is_new else lately[at.JUMP_SPREAD, signal]
            farther = jump * scales[at.JUMP_UNIT, signal]
            away[0, signal] = _within(farther, held, lowest, highest)
            jump = away[0, signal] * scales[at.PER_JUMP_UNIT, signal] / scale
            trend = 0.0 if starts_over else float(lately[at.TRENDED, signal])
            shift = 0.0 if starts_over else float(lately[at.SHIFTED, signal])
            trend += (jump - trend) * (1.0 / TREND_ROWS)
            shift += (off - shift) * (1.0 / SHIFT_ROWS)
            lately[at.TRENDED, signal] = trend if use else lately[at.TRENDED, signal]
            lately[at.SHIFTED, signal] = shift if use else lately[at.SHIFTED, signal]
            statistics[JUMP, signal], statistics[TREND, signal] = jump, trend
            statistics[SHIFT, signal] = shift
            held_off = float(lately[at.HOLD_OFF, signal])
            moves_enough = sums[at.MOVES, signal] >= KNOWN_AFTER
            known[signal] = 1.0 if settled and moves_enough and seen >= KNOWN_AFTER else 0.0
            weighs = SUSPICIOUS_WEIGHT if held_off > 0.0 else 1.0
            counted[signal] = weighs if use and (known[signal] > 0.0 or not settled) else 0.0
            totals[signal] += counted[signal]
            lately[at.HOLD_OFF, signal] = max(held_off - 1.0, 0.0) if use else held_off
            up, down = float(lately[at.JUMPS_UP, signal]), float(lately[at.JUMPS_DOWN, signal])
            lately[at.JUMPS_UP, signal] = max(up - FADE, 0.0) if use else up
            lately[at.JUMPS_DOWN, signal] = max(down - FADE, 0.0) if use else down
        jumped = False
        for signal in range(count):
            if used[signal] == 0.0:
                continue
            stuck = 0.0
            if moves[signal] != 0.0:
                # Only now it is known that the signal has rested, and was not stuck.
                if lately[at.REPEATS, signal] >= RESTING_RUN:
                    _rest(lately, rests, signal, before[signal])
                lately[at.REPEATS, signal] = 0.0
            elif moving and changed[signal] > 0.0:
                # A parked vehicle repeats all that it sends: nothing is stuck.
                stuck = _stuck(lately, rests, signal, before[signal])
            statistics[STUCK, signal] = stuck
            for which in range(STATISTICS):
                value = statistics[which, signal]
                # Compared with both, since nobody can predict on which side it is.
                if -near[which, 1, signal] <= value <= near[which, 0, signal]:
                    continue
                side, size = 0 if value > 0.0 else 1, abs(value)
                tail, surprise = tails[signal, which, side], 0.0
                bucket, counts = _bucket(size), counted[signal]
                if size > tail.notable:
                    surprise = _surprise(tail, size)
                    as_large = survival[signal, which, side, max(bucket - NEARLY, 0)]
                    if as_large > 0.0:
                        surprise = min(surprise, np.log(max(totals[signal] / as_large, 1.0)) + SEEN)
                if surprise > SUSPICIOUS:
                    counts = min(counts, SUSPICIOUS_WEIGHT)
                    if known[signal] > 0.0:
                        lately[at.HOLD_OFF, signal] = HOLD_OFF_ROWS
                histogram[signal, which, side, bucket] += counts
                if which == JUMP and surprise > 0.0:
                    surprise = _with_repeats(lately, signal, surprise, side)
                surprise += np.log(ROWS_PER_TEST[which]) if surprise > 0.0 else 0.0
                if surprise > nats[row, signal] and known[signal] > 0.0:
                    jumped = jumped or (which == JUMP and surprise > SUSPICIOUS)
                    nats[row, signal], statistic[row, signal] = surprise, which
                    upwards[row, signal] = side == 0
                    off = np.nan if which == STUCK else away[min(which, 1), signal]
                    typical[row, signal] = values[row, signal] - off
        if jumped:
            _blame(row, bar, used, known, residuals, scales, statistic, nats)
        trust = 1.0 / (1.0 + (largest * (1.0 / ROBUST)) ** 2)
        vehicle[at.ROWS] += 1
        if vehicle[at.ROWS] <= LEARNED_ROWS or vehicle[at.ROWS] % LEARNED_EVERY == 0:
            _learn(own, lately, sums, scatter, sent, changed, moves, features, trust, scales, memory)
            weight[0] += trust


@compiled
def _within(far: float, value: float, lowest: float, highest: float) -> float:
    """How far a value is off: what is expected beyond the range of a signal is expected at its end."""
    return float(max(min(far, max(value - lowest, 0.0)), min(value - highest, 0.0)))


@compiled
def _blame(
    row: int,
    bar: float,
    used: Floats,
    known: Floats,
    residuals: Floats,
    scales: Floats,
    statistic: NDArray[np.uint8],
    nats: Floats,
) -> None:
    """Blame jumps, and means that they move, on the one signal without which the row is the most likely.

    A faulty value makes those unusual that are predicted from it, even more than itself. Leaving out a signal
    takes the distance of its residuals off the Mahalanobis distance of the row (Lauritzen, section 5.1.3):
    more for the faulty one of two signals that follow each other.
    """
    count = len(used)
    best, most = -1, 0.0
    for signal in range(count):
        if used[signal] > 0.0 and known[signal] > 0.0:
            level, jump = residuals[signal], residuals[count + signal]
            both = scales[at.CORRELATION, signal]
            distance = (level * level - 2.0 * both * level * jump + jump * jump) / (1.0 - both * both)
            if distance > most:
                best, most = signal, distance
    if best < 0 or nats[row, best] < 0.5 * bar:
        return
    for signal in range(count):
        if signal != best and statistic[row, signal] != STUCK:
            nats[row, signal] = 0.0


@compiled
def _stuck(lately: Singles, rests: Floats, signal: int, value: float) -> float:
    """For how many rows a signal has kept a value at which it does not usually rest."""
    lately[at.REPEATS, signal] += 1.0
    if lately[at.REPEATS, signal] >= RESTING_RUN:
        place = _place(rests, signal, value)
        if rests[signal, 0, place] == value and rests[signal, 1, place] >= RESTING_ROWS:
            return 0.0
    return float(lately[at.REPEATS, signal])


@compiled
def _rest(lately: Singles, rests: Floats, signal: int, value: float) -> None:
    """Remember a value at which a signal has rested, and for how many rows."""
    place = _place(rests, signal, value)
    if rests[signal, 0, place] != value:
        rests[signal, 0, place], rests[signal, 1, place] = value, 0.0
    rests[signal, 1, place] += lately[at.REPEATS, signal]


@compiled
def _place(rests: Floats, signal: int, value: float) -> int:
    """Where a value is among those at which a signal rests, or else the one at which it has rested least."""
    least = 0
    for place in range(RESTS):
        if rests[signal, 0, place] == value and rests[signal, 1, place] > 0.0:
            return place
        if rests[signal, 1, place] < rests[signal, 1, least]:
            least = place
    return least


@compiled
def _surprise(tail: Any, value: float) -> float:
    """Nats: minus the logarithm of how often the statistic is as large as this; 0 outside its tail."""
    if np.isnan(tail.start) or value <= tail.start:
        return 0.0
    steps = (value - tail.start) / tail.step
    if tail.index < 0.01:
        return float(tail.nats + steps * np.log(4.0))
    return float(tail.nats + np.log(1.0 + steps * (4.0**tail.index - 1.0)) / tail.index)


@compiled
def _with_repeats(lately: Singles, signal: int, surprise: float, side: int) -> float:
    """The surprise at a jump, together with that at those before it in the same direction."""
    place = at.JUMPS_UP if side == 0 else at.JUMPS_DOWN
    before = float(lately[place, signal])
    total = before + FADE * (before > 0.0) + surprise - REPEATED
    lately[place, signal] = min(max(total, 0.0), LARGEST_SCORE)
    return max(surprise, float(lately[place, signal]) + REPEATED)


@compiled
def _bucket(size: float) -> int:
    bucket = int(np.float64(size).view(np.int64) >> 48) - FIRST_BUCKET
    return min(max(bucket, 0), BUCKETS - 1)


@compiled
def _learn(
    own: Floats,
    lately: Singles,
    sums: Floats,
    scatter: Floats,
    sent: Floats,
    changed: Floats,
    moves: Floats,
    features: Floats,
    trust: float,
    scales: Floats,
    memory: float,
) -> None:
    """Learn a row of one vehicle: its means, how far signals deviate and change, and how they correlate."""
    for signal in range(len(sent)):
        share = (SUSPICIOUS_WEIGHT if lately[at.HOLD_OFF, signal] > 0.0 else 1.0) * sent[signal]
        seen = min(own[at.COUNT, signal] + share, memory)
        if share == 1.0:
            sums[at.LOWEST, signal] = min(sums[at.LOWEST, signal], own[at.HELD, signal])
            sums[at.HIGHEST, signal] = max(sums[at.HIGHEST, signal], own[at.HELD, signal])
        part = share / max(seen, 1e-9)
        most = scales[at.MOST_OFF, signal] if seen > KNOWN_AFTER else np.inf
        off = (own[at.HELD, signal] - own[at.MEAN, signal]) * sent[signal]
        off = min(max(off, -most), most)
        own[at.COUNT, signal] = seen
        own[at.MEAN, signal] += off * part
        sums[at.SCATTER, signal] += share * off * off * (1.0 - part)
        sums[at.SCATTER_ROWS, signal] += share
        moved, least = abs(moves[signal]), sums[at.RESOLUTION, signal]
        is_move = moved > 1e-9
        sums[at.MOVES, signal] += 1.0 if is_move else 0.0
        sums[at.RESOLUTION, signal] = min(least, moved) if is_move else least
        moved = min(moved, scales[at.MOST_MOVED, signal])
        sums[at.CHANGE_SQUARE, signal] += share * changed[signal] * moved * moved
        sums[at.CHANGES, signal] += share * changed[signal]
    for first in range(len(features)):
        features[first] = min(max(features[first], -LEARNED_SCORE), LEARNED_SCORE)
    for first in range(len(features)):
        weighted = trust * features[first]
        for second in range(len(features)):
            scatter[first, second] += weighted * features[second]
