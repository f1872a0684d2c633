"""Scored events and their rollups, through Bytewax's windowing operator but without its engine."""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeAlias

import msgspec
import numpy as np
from bytewax.operators.windowing import _WindowLogic, _WindowSnapshot

from config.settings import Settings, SignalSettings, load
from dataflows.clock import EPOCH, SECOND
from dataflows.events import Rollup
from dataflows.job.window_state import is_of_windows, pieces
from dataflows.rollup.encode import RollupEncoder
from dataflows.rollup.run import Run
from dataflows.rollup.shard_runs import Part, Progress, ShardRuns
from dataflows.rollup.windows import InOrder, RunMerger, VehicleClock
from dataflows.score.scorer import ScoredBatch
from dataflows.stored_state import check_layout, unpickle
from tests.support.alert_streams import as_scored, events, part

SIGNALS: dict[str, dict[str, Any]] = {
    "speed": {"unit": "km/h", "measures": "speed"},
    "odometer": {"unit": "km", "measures": "odometer", "role": "ignored"},
    "fuel": {"unit": "%", "measures": "level"},
    "rpm": {"unit": "1/min", "measures": "running"},
}

Windows: TypeAlias = "_WindowLogic[Progress, Run, Any, Any, Any]"


def rollup_settings(
    signals: Mapping[str, Mapping[str, Any]] = SIGNALS, *, vehicles: int = 1000, **rollups: Any
) -> Settings:
    """Settings with these signals, and with these keys of ``[rollups]`` changed; windows of a minute."""
    settings = load()
    of_rollups = {"window": 60.0, "allowed_lateness": 120.0, "pause": 60.0, "moving_above": 1.0} | rollups
    return settings.model_copy(
        update={
            "signals": {
                name: SignalSettings.model_validate({"pointer": f"/{name}"} | dict(keys))
                for name, keys in signals.items()
            },
            "rollups": settings.rollups.model_copy(update=of_rollups),
            "detector": settings.detector.model_copy(update={"vehicles": vehicles}),
        }
    )


class Summaries:
    """The rollups of one shard: what the steps of the job do, one after the other.

    Args:
        settings: all settings.

    Attributes:
        closed: vehicles and the runs of their windows, in the order in which they closed.
        late: ids of the events that came too late.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._runs = ShardRuns(settings)
        self._windows: dict[str, Windows] = {}
        self.closed: list[tuple[str, Run]] = []
        self.late: list[str] = []

    def fold(self, scored: ScoredBatch) -> None:
        """Fold a batch."""
        progress, (rows, _) = self._runs.fold(scored)
        self.late += [scored.telemetry.event_ids[row] for row in rows]
        self._advance(progress)

    def send(self, vehicle: str, seconds: Iterable[float], *values: float) -> None:
        """Fold events of a vehicle in which each signal has the same value."""
        times = list(seconds)
        rows = [values or (0.0,) * len(self._settings.signals)] * len(times)
        self.fold(as_scored(events([vehicle] * len(times), times, rows)))

    def finish(self) -> None:
        """There are no more events."""
        self._advance(self._runs.finish())

    def restart(self, settings: Settings | None = None) -> None:
        """Store and restore everything, as a job does that is stopped, changed and started again."""
        self._settings = settings or self._settings
        state = self._runs.snapshot()
        check_layout(state)
        self._runs = ShardRuns(self._settings, unpickle(pickle.dumps(state)))
        for key, logic in self._windows.items():
            stored = unpickle(pickle.dumps(logic.snapshot()), is_of_windows)
            for piece in pieces(stored):
                check_layout(piece)
            self._windows[key] = self._logic(stored)

    def rollups(self) -> list[Rollup]:
        """What was said about the windows that have closed."""
        return [msgspec.json.decode(payload, type=Rollup) for payload in self.payloads()]

    def payloads(self) -> list[bytes]:
        """The messages, without when they were made being told apart."""
        if not self.closed:
            return []
        made = RollupEncoder(self._settings).encode(self.closed).payloads
        return [re.sub(rb'"made_at":"[^"]+"', b'"made_at":"1970-01-01T00:00:00Z"', bytes(it)) for it in made]

    def counts(self) -> dict[str, int]:
        """Rollup id, with seconds since the start instead of microseconds since 1970 → events."""
        return {short(rollup.rollup_id): rollup.events for rollup in self.rollups()}

    def _advance(self, progress: Sequence[tuple[str, Progress]]) -> None:
        by_key: dict[str, list[Progress]] = {}
        for key, each in progress:
            by_key.setdefault(key, []).append(each)
        for key, values in by_key.items():
            logic = self._windows.pop(key, None) or self._logic(None)
            found, empty = logic.on_batch(values)
            # The operator drops what it takes for late, so that must never be a run.
            assert not [each for each in found if each[1] == "L" and each[2].run is not None]
            self.closed += [(Part.of(key).vehicle, each[2]) for each in found if each[1] == "E"]
            if not empty:
                self._windows[key] = logic

    def _logic(self, stored: _WindowSnapshot[Any, Any, Any, Any] | None) -> Windows:
        names, size = list(self._settings.signals), timedelta(seconds=self._settings.rollups.window)

        def merger(state: Any) -> RunMerger:
            return RunMerger(names, state)

        clock, windower = VehicleClock(), InOrder(length=size, align_to=EPOCH)
        if stored is None:
            return _WindowLogic(clock.build(None), windower.build(None), merger, False)
        return _WindowLogic(
            clock.build(stored.clock_state),
            windower.build(stored.windower_state),
            merger,
            False,
            {window: merger(state) for window, state in stored.logic_states.items()},
            stored.queue,
        )


def short(rollup_id: str) -> str:
    """An id with seconds since `alert_streams.START`."""
    vehicle, _, rest = rollup_id.rpartition("@")
    start, _, number = rest.partition("#")
    second = int(start) // SECOND - 1_767_225_600
    return f"{vehicle}@{second}#{number}" if number else f"{vehicle}@{second}"


def summed(
    settings: Settings, scored: ScoredBatch, cuts: Sequence[int] = (), *, restart: bool = False
) -> Summaries:
    """The rollups of a whole stream.

    Args:
        settings: all settings.
        scored: the stream.
        cuts: positions at which it is cut into batches, ascending.
        restart: whether everything is stored and restored at each of them.
    """
    summaries = Summaries(settings)
    start = 0
    for stop in [*cuts, len(scored.telemetry)]:
        if stop > start:
            summaries.fold(part(scored, start, stop))
            start = stop
        if restart:
            summaries.restart()
    summaries.finish()
    return summaries


def stream(
    seed: int, rows: int = 600, vehicles: int = 4, *, every: float = 3.0, set_back: bool = False
) -> ScoredBatch:
    """Vehicles of which each has its own clock, with jitter, gaps, late events and missing values.

    Args:
        seed: of everything that is random.
        rows: events.
        vehicles: how many.
        every: seconds between two events of a vehicle, about.
        set_back: whether clocks are also set back, or a day ahead for a moment.
    """
    random = np.random.default_rng(seed)
    active = random.integers(0, vehicles, rows)
    active[rows // 3 : rows // 2] = np.where(active[rows // 3 : rows // 2] == 0, vehicles - 1, 1)
    times = np.cumsum(random.choice([0.0, every, every, 2.0 * every], rows) / vehicles)
    times += np.array([3600.0, -3600.0, 0.0, 5.0])[active % 4]
    times[rows // 2 :] += random.choice([0.0, 1000.0])
    out_of_order = random.random(rows) < 0.1
    times[out_of_order] -= random.integers(0, 60 * int(every), out_of_order.sum())
    if set_back:
        times[(active == 1) & (np.arange(rows) > rows // 2)] -= 7200.0
        times[random.random(rows) < 0.004] += 86_400.0
    values = np.stack(
        [
            np.maximum(50.0 * np.sin(np.arange(rows) / 30.0) + random.normal(size=rows), 0.0),
            np.where(active == 2, np.cumsum(random.random(rows)), np.nan),
            50.0 + np.cumsum(random.normal(size=rows)),
            random.choice([0.0, 800.0], rows),
        ],
        axis=1,
    )
    values[random.random(values.shape) < 0.2] = np.nan
    scored = as_scored(events([f"VEH-{number}" for number in active], times.round(1), values))
    scored.scores.error[:] = random.random(rows)
    scored.scores.anomaly[:] = random.random(rows) < 0.1
    return scored
