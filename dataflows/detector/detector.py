"""The detector: scores every event with what was learned from the events before it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config.errors import SnapshotError
from dataflows.compiled import Floats, Integers, Slots
from dataflows.detector.alarm_rate import AlarmRate
from dataflows.detector.arrival import DUPLICATE, IN_ORDER, LATE, OUT_OF_ORDER, UNIQUE
from dataflows.detector.block import Block, LearnBatch, LearnedBlock
from dataflows.detector.bounded import bounded
from dataflows.detector.model import Model
from dataflows.detector.parameters import Parameters
from dataflows.detector.protection import Protection
from dataflows.detector.reconstruction import ReconstructionModel
from dataflows.detector.scores import Scores
from dataflows.detector.signals import Signals
from dataflows.detector.state import State
from dataflows.detector.threshold import PercentileThreshold
from dataflows.detector.vehicle_slots import VehicleSlots
from dataflows.detector.verdicts import set_status, verdicts
from dataflows.detector.window import Samples, Window

LAYOUT_VERSION = 10
"""Version of what `Detector.snapshot` returns."""

BLOCK_PER_VEHICLE = 16
"""Rows per vehicle up to which freezing the model costs no quality."""


class Detector:
    """Scores the events of many vehicles and learns from them, online, in blocks.

    Every event is scored with the parameters of the last block boundary. Where a block ends depends only on
    the events before, so the same events in the same order give bit-identical scores, however they are
    batched and wherever the state was saved and restored.

    The first blocks are short, so that the model is usable soon: a block has as many rows as were learned
    before it, up to `learn_every` rows and to `BLOCK_PER_VEHICLE` rows per vehicle.

    Args:
        parameters: what it knows, learns and flags.
        signals: the S signals, or just their names, in the order of the values.
        model: gives an event its error, from `Signals.columns`; a `ReconstructionModel` by default.

    Attributes:
        signals: names of the S signals.
        learned: the blocks that the last call of `process` completed, in order.
        version: blocks that were learned, in its whole life.
        learning_seconds: spent on learning since it was created.
    """

    def __init__(
        self, parameters: Parameters, signals: Signals | Sequence[str], model: Model | None = None
    ) -> None:
        self._described = Signals.of(signals)
        self.parameters, self.signals = parameters, tuple(self._described.names)
        judged = self._described.judged
        self._columns, self._width = self._described.columns, len(judged)
        self.learned: list[LearnedBlock] = []
        self.learning_seconds = 0.0
        self._vehicle_slots = VehicleSlots(parameters.vehicles)
        self._window = Window(self._width, size=parameters.window, hold=int(parameters.hold * 1e6))
        self._model: Model = ReconstructionModel(parameters, judged) if model is None else model
        memory = float(parameters.threshold_memory)
        self._threshold = PercentileThreshold(prior=parameters.threshold_prior, memory=memory)
        self._alarm_rate = AlarmRate(
            percentile=parameters.percentile, per_day=parameters.false_alarms_per_day, memory=memory
        )
        self._protection = Protection(accept_after=int(parameters.accept_after * 1e6))
        self._parts: dict[str, State] = {
            "window": self._window,
            "model": self._model,
            "threshold": self._threshold,
            "alarm_rate": self._alarm_rate,
            "protection": self._protection,
        }
        self._block = Block()
        self._rows_learned = 0
        self.version = 0
        self._room = 0

    @property
    def vehicles(self) -> int:
        """Vehicles that are known: seen so far and not forgotten."""
        return len(self._vehicle_slots)

    @property
    def threshold(self) -> float:
        """Threshold of a vehicle that nothing is known of; 0 before there is one."""
        return self._threshold.fleet_bound

    @property
    def vehicles_forgotten(self) -> int:
        """How often a vehicle was forgotten because there were too many."""
        return self._vehicle_slots.evicted

    def process(
        self,
        vehicles: Sequence[str],
        times: Integers,
        values: Floats,
        identities: Integers | None = None,
    ) -> Scores:
        """Score n events, and learn every block that they complete.

        Args:
            vehicles: vehicle ids, length n.
            times: event times, microseconds since 1970-01-01 UTC, shape (n,).
            values: shape (n, S); NaN or infinite where a signal is missing.
            identities: what tells events of one vehicle and time apart, shape (n,). An event with the
                vehicle, the time and the identity of one in the vehicle's window is a duplicate. Without
                them there are no duplicates.

        Raises:
            ValueError: the shapes do not match each other or the number of signals.
        """
        self._check_shapes(vehicles, times, values)
        rows = len(vehicles)
        self.learned = []
        identities = np.full(rows, UNIQUE) if identities is None else identities
        slots = np.empty(rows, np.intp)
        values, present = bounded(self._columns.expanded(values))
        scores = Scores.empty(rows, len(self.signals))
        start = known = 0
        while start < rows:
            if start == known:
                # Never beyond the block: at its end vehicles may be forgotten.
                known = min(rows, start + self._block.room)
                slots[start:known] = self._slots(vehicles[start:known])
            ahead = slice(start, known)
            arrivals = self._window.arrive(slots[ahead], times[ahead], identities[ahead])
            chunk = slice(start, start + len(arrivals))
            self._score(chunk, arrivals, slots, times, identities, values, present, scores, learns=True)
            if self._block.room == 0:
                self._learn()
            start = chunk.stop
        return scores

    def judge(self, vehicles: Sequence[str], times: Integers, values: Floats) -> Scores:
        """Score n events as if they came next, in this order, and change nothing.

        They are scored with what has been learned up to now; as long as they complete no block, `process`
        gives the same scores.

        Args:
            vehicles: vehicle ids, length n; new ones may be among them.
            times: event times, microseconds since 1970-01-01 UTC, shape (n,).
            values: shape (n, S); NaN or infinite where a signal is missing.

        Raises:
            ValueError: the shapes do not match each other or the number of signals.
        """
        self._check_shapes(vehicles, times, values)
        rows, start = len(vehicles), 0
        slots = self._vehicle_slots.looked_up(vehicles)
        self._make_room(int(slots.max(initial=-1)) + 1)
        identities = np.full(rows, UNIQUE)
        values, present = bounded(self._columns.expanded(values))
        scores = Scores.empty(rows, len(self.signals))
        with self._window.undone(slots):
            while start < rows:
                ahead = slice(start, rows)
                arrivals = self._window.arrive(slots[ahead], times[ahead], identities[ahead])
                chunk = slice(start, start + len(arrivals))
                self._score(chunk, arrivals, slots, times, identities, values, present, scores, learns=False)
                start = chunk.stop
        return scores

    def snapshot(self) -> dict[str, Any]:
        """Copy the whole state: arrays, numbers and the list of vehicles."""
        return {
            **self._header(),
            "vehicle_slots": self._vehicle_slots.snapshot(),
            "parts": {name: part.snapshot(self._vehicle_slots.size) for name, part in self._parts.items()},
            "block": self._block.snapshot(),
            "rows_learned": self._rows_learned,
            "version": self.version,
        }

    @classmethod
    def restore(
        cls,
        parameters: Parameters,
        signals: Signals | Sequence[str],
        state: dict[str, Any],
        model: Model | None = None,
    ) -> Detector:
        """Build a detector that resumes where `snapshot` was taken.

        Raises:
            SnapshotError: the snapshot has another layout, other signals or roles of them, another window or
                another model.
        """
        detector = cls(parameters, signals, model)
        for name, here in detector._header().items():
            if state.get(name) != here:
                raise SnapshotError(
                    f"expected a snapshot with {name} = {here}, got {state.get(name)}: it was taken by "
                    "another version or with other settings; restore those, or start with an empty "
                    "recovery directory"
                )
        detector._vehicle_slots.restore(state["vehicle_slots"])
        for name, part in detector._parts.items():
            part.restore(state["parts"][name])
        detector._block = Block.restore(state["block"])
        detector._rows_learned = state["rows_learned"]
        detector.version = state["version"]
        return detector

    def _header(self) -> dict[str, Any]:
        """What a snapshot must have in common with the detector that is restored from it."""
        return {
            "layout_version": LAYOUT_VERSION,
            **self._described.header,
            "window": self.parameters.window,
            "kind": self._model.kind,
            "reconstructor": self.parameters.reconstructor,
        }

    def _slots(self, vehicles: Sequence[str]) -> Slots:
        slots = self._vehicle_slots.slots(vehicles)
        self._make_room(self._vehicle_slots.size)
        return slots

    def _make_room(self, slots: int) -> None:
        if slots > self._room:
            self._room = slots
            for part in self._parts.values():
                part.grow(slots)

    def _check_shapes(self, vehicles: Sequence[str], times: Integers, values: Floats) -> None:
        rows, signals = len(vehicles), len(self.signals)
        if times.shape != (rows,) or values.shape != (rows, signals):
            raise ValueError(
                f"expected times of shape ({rows},) and values of shape ({rows}, {signals}) for "
                f"{rows} vehicle ids, got {times.shape} and {values.shape}"
            )

    def _score(
        self,
        chunk: slice,
        arrivals: NDArray[np.uint8],
        slots: Slots,
        times: Integers,
        identities: Integers,
        values: Floats,
        present: Integers,
        scores: Scores,
        *,
        learns: bool,
    ) -> None:
        """Score the rows of a chunk into `scores`; if it `learns`, queue those that are to be learned."""
        scores.model_version[chunk] = self.version
        if not arrivals.any():
            # Nearly always; slices make views where positions would make copies.
            self._score_in_order(chunk, slots, times, values, present, scores, learns=learns)
        else:
            scores.duplicate[chunk] = arrivals == DUPLICATE
            in_order = np.flatnonzero(arrivals == IN_ORDER)
            if len(in_order):
                rows = in_order + chunk.start
                self._score_in_order(rows, slots, times, values, present, scores, learns=learns)
            out_of_order = np.flatnonzero(arrivals >= LATE)
            if len(out_of_order):
                in_window = arrivals[out_of_order[-1]] == OUT_OF_ORDER
                rows = out_of_order + chunk.start
                events = (slots, times, identities, values)
                self._score_out_of_order(rows, bool(in_window), *events, scores, learns=learns)
        set_status(arrivals, present[chunk], self._width, scores.threshold[chunk], scores.status[chunk])

    def _score_in_order(
        self,
        rows: slice | Slots,
        slots: Slots,
        times: Integers,
        values: Floats,
        present: Integers,
        scores: Scores,
        *,
        learns: bool,
    ) -> None:
        slots, times = slots[rows], times[rows]
        samples = self._window.fill(slots, times, values[rows])
        memo = self._evaluate(rows, slots, samples, scores)
        error, anomaly = scores.error[rows], scores.anomaly[rows]
        scores.smoothed[rows] = self._window.append(slots, error)
        informative = present[rows] > 0
        if (present[rows] < self._width).any():
            # What is held is not missing.
            present[rows] = samples.observed.sum(axis=1)
        if not learns:
            return
        if not informative.all():
            # An event without any signal is evidence neither for nor against an anomaly.
            slots, times = slots[informative], times[informative]
            samples, memo = samples.take(informative), memo[informative]
            error, anomaly = error[informative], anomaly[informative]
        model_weights, threshold_weights = self._protection.weights(
            slots, times, anomaly, level=self._alarm_rate.level
        )
        # What is expected of a vehicle that is hardly known says nothing about the errors to come.
        threshold_weights *= self._model.rows(slots) >= self.parameters.window
        self._block.queue(LearnBatch(slots, times, samples, memo, error, model_weights, threshold_weights))

    def _score_out_of_order(
        self,
        rows: Slots,
        in_window: bool,
        slots: Slots,
        times: Integers,
        identities: Integers,
        values: Floats,
        scores: Scores,
        *,
        learns: bool,
    ) -> None:
        """Score rows that came after newer ones: on their own values only, with nothing held and no changes.

        Args:
            rows: their positions.
            in_window: the last of them belongs into its vehicle's window, and can be learned; all others are
                late.
        """
        samples = Samples.without_history(values[rows])
        memo = self._evaluate(rows, slots[rows], samples, scores)
        scores.smoothed[rows] = scores.error[rows]
        if in_window:
            row, last = int(rows[-1]), slice(len(rows) - 1, None)
            error = scores.error[rows[last]]
            scores.smoothed[row] = self._window.insert(
                int(slots[row]), int(times[row]), int(identities[row]), float(error[0])
            )
            if learns and samples.observed[-1].any():
                slot, weight = slots[rows[last]], np.array([0.0 if scores.anomaly[row] else 1.0])
                known = weight * (self._model.rows(slot) >= self.parameters.window)
                taken = samples.take(last)
                self._block.queue(
                    LearnBatch(slot, times[rows[last]], taken, memo[last], error, weight, known)
                )

    def _evaluate(self, rows: slice | Slots, slots: Slots, samples: Samples, scores: Scores) -> Floats:
        """Fill in everything that follows from the frozen model.

        Returns:
            `Evaluation.memo`, shape (n, M).
        """
        evaluation = self._model.evaluate(slots, samples)
        scores.error[rows] = evaluation.error
        scores.contributions[rows] = self._columns.sums(evaluation.contributions)
        scores.expected[rows] = self._columns.values(evaluation.expected)
        scores.band[rows] = self._columns.straight(evaluation.band)
        fleet_is_warm = self._threshold.rows_seen >= self.parameters.start_up
        known = self._model.rows(slots)
        least = float(self.parameters.window) if fleet_is_warm else np.inf
        judged = verdicts(evaluation.error, self._threshold.of(slots), known, least)
        scores.threshold[rows], scores.anomaly[rows], scores.severity[rows] = judged
        return evaluation.memo

    def _learn(self) -> None:
        """Learn the queued block, and freeze the resulting parameters for the next one."""
        began = time.perf_counter()
        block = self._block.queued()
        self._model.learn(block)
        if self._rows_learned >= self.parameters.start_up:
            self._alarm_rate.learn(block.samples.interval)
            # The thresholds in force now were in force for the whole block.
            limited = self._threshold.limited(block.slots, block.errors)
            errors = np.where(block.model_weights > 0.0, block.errors, limited)
            self._threshold.learn(block.slots, errors, block.threshold_weights, self._alarm_rate.level)
        summary = block.summary()
        if summary is not None:
            self.learned.append(summary)
        self._rows_learned += len(block.slots)
        self.version += 1
        largest = min(self.parameters.learn_every, BLOCK_PER_VEHICLE * self._model.vehicles)
        self._block.clear(max(1, min(largest, self._rows_learned)))
        evicted = self._vehicle_slots.evict()
        if len(evicted):
            for part in self._parts.values():
                part.forget(evicted)
        self.learning_seconds += time.perf_counter() - began
