"""Streams poisoned with faults, and how well a detector detects test faults while it learns from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice, pairwise
from typing import Literal, TypeAlias, get_args

import numpy as np

from benchmarks.ablations import Build
from config.settings import Settings
from dataflows.compiled import Floats, Integers, Mask
from dataflows.decode import Decoder
from dataflows.detector import Detector
from dataflows.messages import MessageBatch
from dataflows.score.models import parameters_of, signals_of
from sim.fleet import Fleet

MINUTE = 60
"""Events of a vehicle, which sends one a second."""

TRIED = ("speed", "acceleration", "rpm", "throttle", "engine_temperature", "battery_voltage")
"""Signals that are poisoned and tested: those that move. They are the first ones in the settings."""

Size: TypeAlias = Literal["mild", "gross"]
SIZES: tuple[Size, ...] = get_args(Size)
SPIKES: dict[Size, tuple[float, float]] = {"mild": (3.0, 8.0), "gross": (10.0, 30.0)}
"""Size of single faults, from and to, in standard deviations of the vehicle's signal."""

TESTS: dict[Size, tuple[tuple[int, float], ...]] = {
    "mild": ((1, 4.0), (10, 3.0)),
    "gross": ((1, 15.0), (10, 12.0)),
}
"""Test faults: number of events, and offset in standard deviations."""

Kind: TypeAlias = Literal["stuck", "offset of 4", "offset of 12", "drift to 12"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Stream:
    """R rows of one event of each of V vehicles.

    Attributes:
        vehicles: V ids.
        times: microseconds since 1970-01-01 UTC, shape (R, V).
        values: shape (R, V, S).
        poisoned: whether the event was changed, shape (R, V).
        deviation: standard deviation of each vehicle's signals without faults, shape (V, S).
    """

    vehicles: list[str]
    times: Integers
    values: Floats
    poisoned: Mask
    deviation: Floats


def normal_fleet(settings: Settings, *, vehicles: int, rows: int, seed: int) -> Stream:
    """A simulated fleet without faults."""
    simulator = settings.simulator
    fleet = Fleet(
        vehicles=vehicles,
        rate=1.0,
        seed=seed,
        faults_per_hour=0.0,
        latitude=simulator.latitude,
        longitude=simulator.longitude,
        start=datetime(2026, 1, 1, tzinfo=UTC),
    )
    steps = list(islice(fleet.steps(), rows))
    payloads = [payload for step in steps for payload in step.payloads]
    nothing = [""] * len(payloads)
    batch = MessageBatch(payloads, nothing, [0] * len(payloads), origin="sim")
    decoded = Decoder(settings.payload, settings.signals).decode(batch).telemetry
    columns = [list(settings.signals).index(name) for name in settings.scored_signals]
    values = decoded.values[:, columns].reshape(rows, vehicles, len(columns))
    return Stream(
        vehicles=fleet.vehicle_ids,
        times=decoded.timestamps.reshape(rows, vehicles),
        values=values,
        poisoned=np.zeros((rows, vehicles), np.bool_),
        deviation=values.std(axis=0),
    )


def sporadic(
    stream: Stream, share: float, size: Size, vehicles: Sequence[int], rows: slice, seed: int
) -> Stream:
    """The stream with single faults: in a share of these vehicles' events, one signal is far off."""
    random = np.random.default_rng(seed)
    values, poisoned = stream.values.copy(), stream.poisoned.copy()
    for vehicle in vehicles:
        for row in range(rows.start, rows.stop):
            if random.random() < share:
                signal = int(random.integers(len(TRIED)))
                height = random.choice((-1.0, 1.0)) * random.uniform(*SPIKES[size])
                values[row, vehicle, signal] += height * stream.deviation[vehicle, signal]
                poisoned[row, vehicle] = True
    return replace(stream, values=values, poisoned=poisoned)


def lasting(stream: Stream, kind: Kind, vehicle: int, signal: int, rows: slice) -> Stream:
    """The stream with one signal of one vehicle wrong for a long time: stuck, offset, or drifting away."""
    values, poisoned = stream.values.copy(), stream.poisoned.copy()
    column = values[rows, vehicle, signal]
    if kind == "stuck":
        column[:] = values[rows.start - 1, vehicle, signal]
    else:
        course = (
            np.arange(1, len(column) + 1) / len(column) if kind == "drift to 12" else np.ones(len(column))
        )
        column += float(kind.split()[-1]) * stream.deviation[vehicle, signal] * course
    poisoned[rows, vehicle] = True
    return replace(stream, values=values, poisoned=poisoned)


@dataclass(frozen=True, slots=True)
class Course:
    """The verdicts on a stream, and the test results on the way.

    Attributes:
        flagged: verdicts, shape (R, V).
        threshold: in force, shape (R, V); NaN where there was none.
        recall: size of the test faults → row → share of them that was found.
    """

    flagged: Mask
    threshold: Floats
    recall: dict[Size, dict[int, float]]

    def mean_recall(self, size: Size, rows: Sequence[int]) -> float:
        """Mean over these rows."""
        return float(np.mean([self.recall[size][row] for row in rows]))


def follow(
    settings: Settings,
    stream: Stream,
    clean: Stream,
    tested: Sequence[int],
    rows: Sequence[int],
    build: Build = Detector,
) -> Course:
    """Score a stream, and test copies of the detector on the way.

    Args:
        settings: all settings.
        stream: is scored and learned.
        clean: the stream without poison, from which the tests are made.
        tested: indices of the vehicles that are tested.
        rows: before which rows to test.
        build: makes the detector.
    """
    detector = build(parameters_of(settings.detector), signals_of(settings))
    total, count = stream.poisoned.shape
    flagged, threshold = np.zeros((total, count), np.bool_), np.full((total, count), np.nan)
    recall: dict[Size, dict[int, float]] = {size: {} for size in SIZES}
    stops = sorted({*rows, *range(0, total, MINUTE), total})
    for start, stop in pairwise(stops):
        if start in rows:
            for size in SIZES:
                recall[size][start] = _recall(detector, clean, tested, start, size)
        part = slice(start, stop)
        scores = detector.process(
            stream.vehicles * (stop - start),
            stream.times[part].ravel(),
            stream.values[part].reshape(-1, stream.values.shape[2]),
        )
        flagged[part] = scores.anomaly.reshape(-1, count)
        threshold[part] = scores.threshold.reshape(-1, count)
    return Course(flagged, threshold, recall)


def _recall(detector: Detector, clean: Stream, tested: Sequence[int], start: int, size: Size) -> float:
    found = []
    for faulty in _test_faults(clean, tested, start, size):
        rows = len(faulty)
        scores = deepcopy(detector).process(
            [clean.vehicles[vehicle] for vehicle in tested] * rows,
            clean.times[start : start + rows][:, tested].ravel(),
            faulty.reshape(-1, faulty.shape[2]),
        )
        found.append(scores.anomaly.reshape(rows, -1).any(axis=0).mean())
    return float(np.mean(found))


def _test_faults(clean: Stream, tested: Sequence[int], start: int, size: Size) -> Iterator[Floats]:
    """The next events of these vehicles, shape (rows, vehicles, S), each with the same test fault."""
    for signal in range(len(TRIED)):
        for sign in (-1.0, 1.0):
            for rows, height in TESTS[size]:
                values = clean.values[start : start + rows][:, tested].copy()
                values[:, :, signal] += sign * height * clean.deviation[tested, signal]
                yield values


def minutes_until_it_ends(flagged: Mask) -> int:
    """Minutes until less than half of a minute's events are flagged; `flagged` has shape (R,)."""
    shares = flagged[: len(flagged) // MINUTE * MINUTE].reshape(-1, MINUTE).mean(axis=1)
    ended = np.flatnonzero(shares < 0.5)
    return int(ended[0]) if len(ended) else len(shares)
