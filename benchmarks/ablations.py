"""The detector without one of its terms or mechanisms, to measure what each of them is good for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias
from unittest.mock import patch

import numpy as np

from config.errors import SettingsError
from dataflows.compiled import Floats, Integers, Mask, Slots
from dataflows.detector import Detector, Parameters, histogram, terms
from dataflows.detector.protection import Protection
from dataflows.detector.reconstruction import OUTLIER_CLIP, ReconstructionModel
from dataflows.detector.rowwise import distinct
from dataflows.detector.signals import Signals
from dataflows.detector.state import State
from dataflows.detector.threshold import PercentileThreshold
from dataflows.detector.window import Samples, Window

Build: TypeAlias = Callable[[Parameters, Signals | Sequence[str]], Detector]
"""Makes a new detector from its parameters and its signals; `Detector` itself is one."""

NEARLY_NOTHING = 1e-9
"""Rows: weight of a prior that must be above 0."""


def named(names: str) -> dict[str, Build]:
    """Some of `ABLATIONS` by their names, separated by commas.

    Raises:
        SettingsError: there is none of that name.
    """
    asked = [name for name in names.split(",") if name]
    unknown = [name for name in asked if name not in ABLATIONS]
    if unknown:
        raise SettingsError(f"--without: expected some of {', '.join(ABLATIONS)}, got {unknown[0]!r}")
    return {name: ABLATIONS[name] for name in asked}


def _without_term(name: str) -> Build:
    """The term is learned as ever, but has no weight in the error."""

    def build(parameters: Parameters, signals: Signals | Sequence[str]) -> Detector:
        return Detector(replace(parameters, terms={**parameters.terms, name: 0.0}), signals)

    return build


class _Unprotected(Protection):
    """Every event in order is learned in full, flagged or not."""

    def weights(
        self, slots: Slots, times: Integers, anomalous: Mask, *, level: float
    ) -> tuple[Floats, Floats]:
        return np.ones(len(slots)), np.ones(len(slots))


def _no_protection(parameters: Parameters, signals: Signals | Sequence[str]) -> Detector:
    return _with(Detector(parameters, signals), protection=_Unprotected(accept_after=0))


def _no_short_runs(parameters: Parameters, signals: Signals | Sequence[str]) -> Detector:
    protection = Protection(accept_after=int(parameters.accept_after * 1e6), shortest_run=np.inf)
    return _with(Detector(parameters, signals), protection=protection)


def _no_fleet_prior(parameters: Parameters, signals: Signals | Sequence[str]) -> Detector:
    """What the fleet knows counts for nothing in a vehicle that is known, neither do assumed errors."""
    return Detector(replace(parameters, prior=NEARLY_NOTHING, threshold_prior=NEARLY_NOTHING), signals)


def _no_slow_moments(parameters: Parameters, signals: Signals | Sequence[str]) -> Detector:
    """The moments behind the z-energy are clipped like those of the model, so they are the same."""
    model = ReconstructionModel(parameters, Signals.of(signals).judged)
    model.scaler.clips = np.full(len(model.scaler.clips), OUTLIER_CLIP)
    return Detector(parameters, signals, model)


class _LongBlocks(Detector):
    """Blocks grow to `learn_every` rows even if there are few vehicles."""

    def _learn(self) -> None:
        super()._learn()
        self._block.clear(max(1, min(self.parameters.learn_every, self._rows_learned)))


class _HoldsNothing(Window):
    """A signal that is missing is not observed; the changes of those that are sent are known as ever."""

    def fill(self, slots: Slots, times: Integers, values: Floats) -> Samples:
        samples, sent = super().fill(slots, times, values), np.isfinite(values)
        return replace(
            samples,
            values=np.where(sent, samples.values, 0.0),
            observed=samples.observed & sent,
            mean_change=np.where(sent, samples.mean_change, np.nan),
            run=np.where(sent, samples.run, 0),
        )


def _no_held_values(parameters: Parameters, signals: Signals | Sequence[str]) -> Detector:
    columns, hold = len(Signals.of(signals).judged), int(parameters.hold * 1e6)
    window = _HoldsNothing(columns, size=parameters.window, hold=hold)
    return _with(Detector(parameters, signals), window=window)


def _no_assumed_errors(parameters: Parameters, signals: Signals | Sequence[str]) -> Detector:
    threshold = _threshold(PercentileThreshold, parameters)
    threshold.fleet_counts = np.zeros_like(threshold.fleet_counts)
    return _with(Detector(parameters, signals), threshold=threshold)


class _Counted(PercentileThreshold):
    """A quantile is that of the errors counted, however few of them lie above it."""

    def learn(self, slots: Slots, errors: Floats, weights: Floats, level: float) -> None:
        super().learn(slots, errors, weights, level)
        self.fleet_bound = _counted(self.fleet_counts, level)
        prior = self.fleet_counts * (self.prior / max(float(self.fleet_counts.sum()), 1e-300))
        for slot in distinct(slots, len(self.bound)):
            self.bound[slot] = _counted(prior + self.counts[slot], level)


def _counted(counts: Floats, level: float) -> float:
    rows = float(counts.sum())
    return float(histogram._located(counts, (1.0 - level) * rows)) if rows > 0.0 else 0.0


def _no_extrapolation(parameters: Parameters, signals: Signals | Sequence[str]) -> Detector:
    return _with(Detector(parameters, signals), threshold=_threshold(_Counted, parameters))


class _EqualRows(terms.Combination):
    """The first rows count as much as any others."""

    def learn(self, logs: Floats, weights: Floats) -> None:
        with patch.object(terms, "FIRST", 1e-9):
            super().learn(logs, weights)


def _no_slow_start(parameters: Parameters, signals: Signals | Sequence[str]) -> Detector:
    model = ReconstructionModel(parameters, Signals.of(signals).judged)
    model.combination = _EqualRows(model.combination.weights, memory=model.combination.memory)
    return Detector(parameters, signals, model)


def _threshold(kind: type[PercentileThreshold], parameters: Parameters) -> PercentileThreshold:
    return kind(prior=parameters.threshold_prior, memory=float(parameters.threshold_memory))


def _with(detector: Detector, **parts: State) -> Detector:
    """The detector, which has not seen anything yet, with other parts."""
    for name, part in parts.items():
        setattr(detector, f"_{name}", part)
        detector._parts[name] = part
    return detector


TERMS: Mapping[str, Build] = {name.replace("_", "-"): _without_term(name) for name in terms.NAMES}

MECHANISMS: Mapping[str, Build] = {
    "protection": _no_protection,
    "short-runs": _no_short_runs,
    "fleet-prior": _no_fleet_prior,
    "slow-moments": _no_slow_moments,
    "short-blocks": _LongBlocks,
    "held-values": _no_held_values,
    "assumed-errors": _no_assumed_errors,
    "extrapolation": _no_extrapolation,
    "slow-start": _no_slow_start,
}

ABLATIONS: Mapping[str, Build] = {**TERMS, **MECHANISMS}
"""What is left out → the detector without it. `EXPLANATION` says what the mechanisms are."""

EXPLANATION = """
  protection      flagged events are not learned until accepted; without it every event is learned in full
  short-runs      while little is known, a short run of flagged events is accepted as a new normal; without
                  it only one that has lasted for accept_after
  fleet-prior     what the fleet has taught counts in a vehicle's moments and threshold
  slow-moments    the z-energy has moments of its own that outliers hardly move
  short-blocks    few vehicles: rows are learned after 16 of each vehicle; without it after 1,024
  held-values     a missing signal keeps its last value (matters only where signals are missing)
  assumed-errors  a threshold starts with assumed errors
  extrapolation   a quantile with few rows above it is extrapolated from the body of the errors
  slow-start      the first rows count less when the tails of the terms are learned
"""
