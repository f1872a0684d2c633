"""The detector: scores every event with what was learned from the events before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config.errors import SnapshotError
from config.settings import DetectorSettings
from dataflows.compiled import Floats, Integers, Mask, Slots, compiled
from dataflows.detector.alarm_rate import AlarmRate
from dataflows.detector.arrival import DUPLICATE, IN_ORDER, LATE, OUT_OF_ORDER
from dataflows.detector.block import Block, Lessons
from dataflows.detector.model import Model
from dataflows.detector.protection import Protection
from dataflows.detector.reconstruction import ReconstructionModel
from dataflows.detector.roster import Roster
from dataflows.detector.scores import Scores, Status
from dataflows.detector.state import State
from dataflows.detector.threshold import PercentileThreshold, restrained
from dataflows.detector.window import Filled, Window

LAYOUT_VERSION = 5
"""Version of what `Detector.snapshot` returns."""

LARGEST_VALUE = 1e12
"""Finite values beyond this are taken for this: their squares must stay finite."""

# Plain numbers, which compiled loops want and which are compared many times faster than members of an enum.
WARMING_UP, OK, STATUS_LATE, PARTIAL = map(int, Status)

BLOCK_PER_VEHICLE = 32
"""Rows per vehicle up to which freezing the model costs no quality."""


class Detector:
    """Scores the events of many vehicles and learns from them, online, in blocks.

    Every event is scored with the parameters of the last block boundary. A block ends after a number
    of events that depends only on the events before, so the same events in the same order give
    bit-identical scores, however they are batched and wherever the state was saved and restored.

    Args:
        settings: the section ``[detector]``.
        signals: names of the S signals, in the order of the columns.
        model: what gives an event its error; a `ReconstructionModel` unless given.
    """

    def __init__(
        self, settings: DetectorSettings, signals: Sequence[str], model: Model | None = None
    ) -> None:
        self.settings, self.signals = settings, tuple(signals)
        self._roster = Roster(settings.vehicles)
        self._window = Window(len(self.signals), size=settings.window, hold=int(settings.hold * 1e6))
        self._model: Model = ReconstructionModel(settings, len(self.signals)) if model is None else model
        memory = float(settings.threshold_memory)
        self._threshold = PercentileThreshold(prior=settings.threshold_prior, memory=memory)
        self._alarm_rate = AlarmRate(
            percentile=settings.percentile, per_day=settings.false_alarms_per_day, memory=memory
        )
        self._protection = Protection(
            accept_after=int(settings.accept_after * 1e6), weight=settings.anomaly_weight
        )
        self._parts: dict[str, State] = {
            "window": self._window,
            "model": self._model,
            "threshold": self._threshold,
            "alarm_rate": self._alarm_rate,
            "protection": self._protection,
        }
        self._block = Block()
        self._rows_learned = 0
        self._version = 0
        self._room = 0

    @property
    def vehicles(self) -> int:
        """Vehicles that are known: seen so far and not forgotten."""
        return len(self._roster)

    @property
    def vehicles_forgotten(self) -> int:
        """Vehicles that were forgotten because there were too many; one that comes back counts again."""
        return self._roster.forgotten

    def process(self, vehicles: Sequence[str], times: Integers, values: Floats) -> Scores:
        """Score n events, and learn every block that they complete.

        Args:
            vehicles: vehicle ids, length n.
            times: event times, microseconds since 1970-01-01 UTC, shape (n,).
            values: shape (n, S); NaN or infinite where a signal is missing.

        Raises:
            ValueError: the shapes do not fit each other or the number of signals.
        """
        rows = len(vehicles)
        if times.shape != (rows,) or values.shape != (rows, len(self.signals)):
            raise ValueError(
                f"expected times of shape ({rows},) and values of shape ({rows}, {len(self.signals)}) for "
                f"{rows} vehicle ids, got {times.shape} and {values.shape}"
            )
        slots = np.empty(rows, np.intp)
        values, present = _admitted(values)
        scores = Scores.empty(rows, len(self.signals))
        start = known = 0
        while start < rows:
            if start == known:
                # Never beyond the block: at its end vehicles may be forgotten.
                known = min(rows, start + self._block.room)
                slots[start:known] = self._slots(vehicles[start:known])
            arrivals = self._window.arrive(slots[start:known], times[start:known])
            chunk = slice(start, start + len(arrivals))
            self._score(chunk, arrivals, slots, times, values, present, scores)
            if self._block.room == 0:
                self._learn()
            start = chunk.stop
        return scores

    def snapshot(self) -> dict[str, Any]:
        """Copy the whole state: arrays, numbers and the list of vehicles."""
        return {
            "layout_version": LAYOUT_VERSION,
            "signals": self.signals,
            "window": self.settings.window,
            "kind": self.settings.kind,
            "reconstructor": self.settings.reconstructor,
            "roster": self._roster.snapshot(),
            "parts": {name: part.snapshot(self._roster.size) for name, part in self._parts.items()},
            "block": self._block.snapshot(),
            "rows_learned": self._rows_learned,
            "version": self._version,
        }

    @classmethod
    def restore(
        cls,
        settings: DetectorSettings,
        signals: Sequence[str],
        state: dict[str, Any],
        model: Model | None = None,
    ) -> Detector:
        """Build a detector that goes on where `snapshot` was taken.

        Raises:
            SnapshotError: the snapshot is of another layout, other signals, another window or another model.
        """
        for name, here in (
            ("layout_version", LAYOUT_VERSION),
            ("signals", tuple(signals)),
            ("window", settings.window),
            ("kind", settings.kind),
            ("reconstructor", settings.reconstructor),
        ):
            if state.get(name) != here:
                raise SnapshotError(
                    f"expected a snapshot with {name} = {here}, got {state.get(name)}: another version or "
                    "other settings made it; restore those, or start with an empty recovery directory"
                )
        detector = cls(settings, signals, model)
        detector._roster.restore(state["roster"])
        for name, part in detector._parts.items():
            part.restore(state["parts"][name])
        detector._block = Block.restore(state["block"])
        detector._rows_learned = state["rows_learned"]
        detector._version = state["version"]
        return detector

    def _slots(self, vehicles: Sequence[str]) -> Slots:
        slots = self._roster.slots(vehicles)
        if self._roster.size > self._room:
            self._room = self._roster.size
            for part in self._parts.values():
                part.grow(self._room)
        return slots

    def _score(
        self,
        chunk: slice,
        arrivals: NDArray[np.uint8],
        slots: Slots,
        times: Integers,
        values: Floats,
        present: Integers,
        scores: Scores,
    ) -> None:
        """Score the rows of a chunk into `scores`, and queue those that are to be learned."""
        scores.model_version[chunk] = self._version
        if not arrivals.any():
            # Nearly always; slices make views where positions would make copies.
            self._score_in_order(chunk, slots, times, values, present, scores)
        else:
            scores.duplicate[chunk] = arrivals == DUPLICATE
            in_order = np.flatnonzero(arrivals == IN_ORDER)
            if len(in_order):
                self._score_in_order(in_order + chunk.start, slots, times, values, present, scores)
            stragglers = np.flatnonzero(arrivals >= LATE)
            if len(stragglers):
                rows, out_of_order = stragglers + chunk.start, arrivals[stragglers[-1]] == OUT_OF_ORDER
                self._score_stragglers(rows, bool(out_of_order), slots, times, values, scores)
        _set_status(
            arrivals, present[chunk], len(self.signals), scores.threshold[chunk], scores.status[chunk]
        )

    def _score_in_order(
        self,
        rows: slice | Slots,
        slots: Slots,
        times: Integers,
        values: Floats,
        present: Integers,
        scores: Scores,
    ) -> None:
        slots, times = slots[rows], times[rows]
        filled = self._window.fill(slots, times, values[rows])
        term_values = self._evaluate(rows, slots, filled, scores)
        error, threshold, anomaly = scores.error[rows], scores.threshold[rows], scores.anomaly[rows]
        scores.smoothed[rows] = self._window.append(slots, error)
        telling = present[rows] > 0
        if not telling.all():
            # An event without any signal says nothing: neither that all is well nor the contrary.
            slots, times, filled, term_values = (
                slots[telling],
                times[telling],
                filled.take(telling),
                term_values[telling],
            )
            error, threshold, anomaly = error[telling], threshold[telling], anomaly[telling]
        level, settled = self._alarm_rate.level, self._threshold.settled
        weights = self._protection.weights(slots, times, anomaly, level=level, settled=settled)
        self._block.queue(Lessons(slots, filled, term_values, restrained(error, threshold), *weights))

    def _score_stragglers(
        self, rows: Slots, out_of_order: bool, slots: Slots, times: Integers, values: Floats, scores: Scores
    ) -> None:
        """Score rows that came after newer ones: on their own values only, without change or holding.

        Args:
            rows: their positions; only the last may be out of order, the others are late.
        """
        filled = Filled.alone(values[rows])
        term_values = self._evaluate(rows, slots[rows], filled, scores)
        scores.smoothed[rows] = scores.error[rows]
        if out_of_order:
            row, last = int(rows[-1]), slice(len(rows) - 1, None)
            error, threshold = scores.error[rows[last]], scores.threshold[rows[last]]
            scores.smoothed[row] = self._window.insert(int(slots[row]), int(times[row]), float(error[0]))
            if filled.observed[-1].any():
                trust = (
                    self._protection.anomaly_weight(self._threshold.settled) if scores.anomaly[row] else 1.0
                )
                weights = np.array([trust])
                errors = restrained(error, threshold)
                lessons = Lessons(
                    slots[rows[last]], filled.take(last), term_values[last], errors, weights, weights
                )
                self._block.queue(lessons)

    def _evaluate(self, rows: slice | Slots, slots: Slots, filled: Filled, scores: Scores) -> Floats:
        """Fill in everything that follows from the frozen model; returns the terms, shape (n, T)."""
        evaluation = self._model.evaluate(slots, filled)
        scores.error[rows] = evaluation.error
        scores.contributions[rows] = evaluation.contributions
        scores.expected[rows] = evaluation.expected
        fleet_is_warm = self._threshold.rows_seen >= self.settings.start_up
        known = self._model.rows(slots)
        least = self.settings.window if fleet_is_warm else np.inf
        verdicts = _verdicts(evaluation.error, self._threshold.of(slots), known, least)
        scores.threshold[rows], scores.anomaly[rows], scores.severity[rows] = verdicts
        return evaluation.terms

    def _learn(self) -> None:
        """Learn the pending block and freeze the parameters anew."""
        block = self._block.queued()
        self._model.learn(block)
        if self._rows_learned >= self.settings.start_up:
            self._alarm_rate.learn(block.filled.interval)
            self._threshold.learn(block.slots, block.errors, block.threshold_weights, self._alarm_rate.level)
        self._rows_learned += len(block.slots)
        self._version += 1
        largest = min(self.settings.learn_every, BLOCK_PER_VEHICLE * self._model.vehicles)
        self._block.begin(max(1, min(largest, self._rows_learned)))
        overdue = self._roster.overdue()
        if len(overdue):
            for part in self._parts.values():
                part.forget(overdue)


@compiled
def _admitted(values: Floats) -> tuple[Floats, Integers]:
    """Values within ±`LARGEST_VALUE`, NaN where missing or infinite, and how many each row has."""
    admitted, present = np.empty(values.shape), np.zeros(len(values), np.int64)
    for row in range(values.shape[0]):
        for signal in range(values.shape[1]):
            value = values[row, signal]
            finite = np.isfinite(value)
            admitted[row, signal] = min(max(value, -LARGEST_VALUE), LARGEST_VALUE) if finite else np.nan
            present[row] += finite
    return admitted, present


@compiled
def _set_status(
    arrivals: NDArray[np.uint8], present: Integers, signals: int, threshold: Floats, status: NDArray[np.uint8]
) -> None:
    for row in range(len(status)):
        if arrivals[row] == LATE:
            status[row] = STATUS_LATE
        elif present[row] < signals:
            status[row] = PARTIAL
        else:
            status[row] = WARMING_UP if np.isnan(threshold[row]) else OK


@compiled
def _verdicts(error: Floats, bound: Floats, known: Floats, least: float) -> tuple[Floats, Mask, Floats]:
    """Threshold, verdict and severity of n rows; none as long as a vehicle is not known from `least` rows."""
    threshold, severity = np.full(len(error), np.nan), np.zeros(len(error))
    anomaly = np.zeros(len(error), np.bool_)
    for row in range(len(error)):
        if known[row] >= least:
            threshold[row] = bound[row]
            anomaly[row] = error[row] > bound[row]
            severity[row] = 100.0 * error[row] / max(error[row] + bound[row], 1e-300)
    return threshold, anomaly, severity
