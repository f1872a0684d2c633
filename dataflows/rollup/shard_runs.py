"""The unfinished runs of one shard's vehicles, and what is known of each vehicle's time."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple, TypeAlias

import numpy as np

from config.rollup_settings import LONGEST_WINDOW
from config.settings import Settings
from dataflows.alert.silence import Silence
from dataflows.clock import NEVER, SECOND
from dataflows.compiled import Integers, Slots
from dataflows.detector.state import ArrayState, State
from dataflows.detector.vehicle_slots import VehicleSlots
from dataflows.rollup import run
from dataflows.rollup.measures import Measures
from dataflows.rollup.run import Run
from dataflows.rollup.run_kernel import (
    CLOSED,
    EVENTS,
    LATEST,
    OUT_EVENTS,
    OUT_FIRST,
    OUT_LAST,
    OUT_PART,
    OUT_SLOT,
    OUT_WATERMARK,
    OUT_WINDOW,
    OUTPUTS,
    PART,
    TIMES,
    Finished,
    Rules,
    Vehicles,
    close_all,
    fold,
)
from dataflows.score.scorer import ScoredBatch
from dataflows.stored_state import ROLLUPS, Stored

logger = logging.getLogger(__name__)

EVICT_EVERY = 1024
"""Events of a shard after which vehicles beyond `detector.vehicles` are forgotten."""


class Progress(NamedTuple):
    """How far a vehicle has come, and the run that it has finished.

    Attributes:
        watermark: no event before this counts any more, microseconds.
        run: ``None`` where all windows are closed.
    """

    watermark: int
    run: Run | None


class Part(NamedTuple):
    """A stretch of a vehicle's time in which every window comes once; each has a watermark of its own.

    Attributes:
        number: how many there were before.
        vehicle: its id.
    """

    number: int
    vehicle: str

    @property
    def key(self) -> str:
        """It as the key of a stream."""
        return f"{self.number}#{self.vehicle}"

    @classmethod
    def of(cls, key: str) -> Part:
        """The part with this key."""
        number, _, vehicle = key.partition("#")
        return cls(int(number), vehicle)


Late: TypeAlias = tuple[Slots, Integers]
"""Rows of events that came too late, and by how many microseconds each, shape (k,)."""


class _Times(ArrayState):
    """The unfinished run of each vehicle; `run_kernel` says what is where."""

    PER_VEHICLE: ClassVar = ("times", "totals", "signals", "before")
    SHARED: ClassVar = ("first_part",)

    def __init__(self, signals: int) -> None:
        # Above the parts of all evicted vehicles, as one of them may come back.
        self.first_part = 0
        self.times = np.zeros((0, TIMES), np.int64)
        self.totals = np.zeros((0, run.TOTALS))
        self.signals = np.zeros((0, signals, run.SUMMARIES))
        self.before = np.zeros((0, signals))

    @property
    def vehicles(self) -> Vehicles:
        """The arrays, for the compiled loop."""
        return Vehicles(self.times, self.totals, self.signals, self.before)

    def fill_value(self, name: str) -> Any:
        if name == "before":
            return np.nan
        if name != "times":
            return 0
        never = np.zeros(TIMES, np.int64)
        never[[LATEST, CLOSED]] = NEVER
        return never

    def adopt(self, state: dict[str, Any], before: Sequence[str], now: Sequence[str]) -> None:
        """Take over a snapshot, whose signals may have been others.

        Args:
            state: what `snapshot` returned.
            before, now: the signals then and now.
        """
        there, here = run.kept(before, now)
        vehicles = len(state["times"])
        signals = np.repeat(run.empty(len(now))[None], vehicles, axis=0)
        signals[:, here] = state["signals"][:, there]
        latest = np.full((vehicles, len(now)), np.nan)
        latest[:, here] = state["before"][:, there]
        self.restore(state | {"signals": signals, "before": latest})


class ShardRuns:
    """Folds scored events into runs.

    The same events in the same order give the same runs, to the last bit, however they are batched.

    Args:
        settings: all settings.
        snapshot: state to resume from, as returned by `snapshot`.

    Raises:
        SnapshotError: the snapshot does not fit this version.
    """

    def __init__(self, settings: Settings, snapshot: Stored | None = None) -> None:
        rollups, measures = settings.rollups, Measures.of(settings.signals)
        self._rules = Rules(
            size=int(rollups.window * SECOND),
            lateness=int(rollups.allowed_lateness * SECOND),
            pause=int(rollups.pause * SECOND),
            moving=rollups.moving_above / 3.6,
            speed=measures.speed,
            metres_per_second=measures.metres_per_second,
            odometer=measures.odometer,
            metres=measures.metres,
            running=measures.running,
        )
        self._names = tuple(settings.signals)
        self._slots = VehicleSlots(settings.detector.vehicles)
        # A vehicle that sends nothing for so long has finished all of its windows.
        self._silence = Silence(after=rollups.window + rollups.allowed_lateness)
        self._runs = _Times(len(self._names))
        self._parts: dict[str, State] = {"silence": self._silence, "runs": self._runs}
        self._room = 0
        self._rows = 0
        self._waiting: list[tuple[str, Progress]] = []
        if snapshot is not None:
            self._restore(ROLLUPS.unwrap(snapshot))

    def fold(self, scored: ScoredBatch) -> tuple[list[tuple[str, Progress]], Late]:
        """Fold a scored batch, in arrival order.

        Returns:
            How far the parts of vehicles have come, by key and in the order in which they did, and the events
            that came too late.
        """
        rows = len(scored.telemetry)
        progress = self.waiting()
        late = np.zeros(rows, np.int64)
        start = 0
        while start < rows:
            stop = rows
            # With so few vehicles none is forgotten, and the batch need not be cut where it would be.
            if len(self._slots) + stop - start > self._slots.limit:
                stop = min(stop, start + EVICT_EVERY - self._rows % EVICT_EVERY)
            progress += self._fold(scored, slice(start, stop), late[start:stop])
            self._rows += stop - start
            start = stop
            if self._rows % EVICT_EVERY == 0:
                progress += self._evict()
        found = np.flatnonzero(late)
        return progress, (found, late[found])

    def waiting(self) -> list[tuple[str, Progress]]:
        """What has to be passed on since the restart, before anything else; each once."""
        waiting, self._waiting = self._waiting, []
        return waiting

    def finish(self) -> list[tuple[str, Progress]]:
        """Finish all runs and close all windows: there will be no more events."""
        return self.waiting() + self._close(self._known(), self._rules)

    def snapshot(self) -> Stored:
        """Copy the whole state, with the layout `ROLLUPS`."""
        size = self._slots.size
        return ROLLUPS.wrap(
            {
                "signals": self._names,
                "window": self._rules.size,
                "slots": self._slots.snapshot(),
                "parts": {name: part.snapshot(size) for name, part in self._parts.items()},
                "rows": self._rows,
            }
        )

    def _restore(self, state: dict[str, Any]) -> None:
        self._slots.restore(state["slots"])
        self._silence.restore(state["parts"]["silence"])
        self._room, self._rows = self._slots.size, state["rows"]
        self._runs.adopt(state["parts"]["runs"], state["signals"], self._names)
        if state["window"] != self._rules.size:
            logger.warning(
                "rollups.window was %g s and is %g s now: rollups of windows that were open then end there",
                state["window"] / SECOND,
                self._rules.size / SECOND,
            )
            self._end_windows(self._rules._replace(size=state["window"]))

    def _end_windows(self, rules: Rules) -> None:
        """Close the windows of a job that had other rules, and begin a part for those of this one."""
        times, known = self._runs.times, self._known()
        unfinished = times[:, EVENTS].copy()
        times[:, EVENTS] = 0
        closed = self._close(known, rules)
        # Windows with another length would not merge them with the runs before.
        times[:, EVENTS] = unfinished
        times[known, PART] += 1
        closed += self._close(known, rules)
        times[known, PART] += 1
        times[:, CLOSED] = NEVER
        longest = int(LONGEST_WINDOW * SECOND)
        self._waiting = [
            (key, each._replace(watermark=each.watermark + longest * (each.run is None)))
            for key, each in closed
        ]

    def _known(self) -> Slots:
        return np.flatnonzero(self._runs.times[: self._slots.size, LATEST] != NEVER)

    def _fold(self, scored: ScoredBatch, part: slice, late: Integers) -> list[tuple[str, Progress]]:
        batch, scores = scored.telemetry, scored.scores
        stamps, values = batch.timestamps[part], batch.values[part]
        if scored.implausible is not None:
            values = np.where(scored.implausible[part], np.nan, values)
        slots = self._slots.slots(batch.vehicle_ids[part])
        self._grow()
        awake = np.zeros(len(slots), np.bool_)
        notices, _ = self._silence.hear(slots, stamps, awake)
        silent = [(notice.row, notice.slot) for notice in notices if notice.silent]
        rows, who = np.array(silent, np.intp).reshape(-1, 2).T.copy()
        out = self._room_for(2 * (len(slots) + len(silent)))
        finished = fold(
            slots,
            stamps,
            values,
            scores.error[part],
            scores.anomaly[part],
            rows,
            who,
            self._runs.first_part,
            self._rules,
            self._runs.vehicles,
            out,
            late,
        )
        return self._progress(finished, out, self._rules.size)

    def _evict(self) -> list[tuple[str, Progress]]:
        evicted = self._slots.evict()
        if not len(evicted):
            return []
        progress = self._close(evicted, self._rules, self._slots.last_evicted)
        self._runs.first_part = max(self._runs.first_part, int(self._runs.times[evicted, PART].max()) + 1)
        for part in self._parts.values():
            part.forget(evicted)
        return progress

    def _close(
        self, slots: Slots, rules: Rules, names: list[str] | None = None
    ) -> list[tuple[str, Progress]]:
        out = self._room_for(2 * len(slots))
        finished = close_all(slots, rules, self._runs.vehicles, out)
        named = None if names is None else dict(zip(slots.tolist(), names, strict=True))
        return self._progress(finished, out, rules.size, named)

    def _room_for(self, runs: int) -> Finished:
        signals = len(self._names)
        return Finished(
            np.empty((runs, OUTPUTS), np.int64),
            np.empty((runs, run.TOTALS)),
            np.empty((runs, signals, run.SUMMARIES)),
        )

    def _progress(
        self,
        finished: int,
        out: Finished,
        size: int,
        named: dict[int, str] | None = None,
    ) -> list[tuple[str, Progress]]:
        name = self._slots.name if named is None else named.__getitem__
        progress = []
        for row, of in enumerate(out.rows[:finished].tolist()):
            ended = None
            if of[OUT_EVENTS]:
                ended = Run(
                    start=of[OUT_WINDOW] * size,
                    end=(of[OUT_WINDOW] + 1) * size,
                    part=of[OUT_PART],
                    first=of[OUT_FIRST],
                    last=of[OUT_LAST],
                    events=of[OUT_EVENTS],
                    totals=out.totals[row].copy(),
                    signals=out.signals[row].copy(),
                )
            part = Part(of[OUT_PART], name(of[OUT_SLOT]))
            progress.append((part.key, Progress(of[OUT_WATERMARK], ended)))
        return progress

    def _grow(self) -> None:
        if self._slots.size > self._room:
            self._room = max(self._slots.size, 2 * self._room, 16)
            for part in self._parts.values():
                part.grow(self._room)
