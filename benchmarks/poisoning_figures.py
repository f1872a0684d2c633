"""What faults in the stream do to a detector that learns from it, in figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.ablations import Build
from benchmarks.poisoned_stream import (
    MINUTE,
    SIZES,
    TRIED,
    Course,
    Kind,
    Size,
    Stream,
    follow,
    lasting,
    minutes_until_it_ends,
    sporadic,
)
from config.settings import Settings
from dataflows.detector import Detector

VEHICLES = 20
WARM_UP, SPORADIC, LASTING, AFTER = 30 * MINUTE, 10 * MINUTE, 60 * MINUTE, 60 * MINUTE
"""Events of a vehicle before the poison, during single faults, during a lasting fault, and after it."""

SHARES = (0.05, 0.1, 0.2, 0.3)
BACK = 0.95
"""Share of the recall without poison from which on the recall counts as recovered."""

MINUTES_AFTER = (0, 1, 2, 3, 5, 7, 10, 15, 20, 25, 30, 40, 50, 59)
"""Minutes after the last single fault at which recall is measured."""


ONE = ([3], [11])
"""Vehicles that are poisoned alone, each in a run of its own."""

STOP, END = WARM_UP + SPORADIC, WARM_UP + LASTING
"""Event after the last single fault, and after the last one of a lasting fault."""

PHASES = {
    "before": [WARM_UP - 5 * MINUTE, WARM_UP],
    "during": [WARM_UP + minute * MINUTE for minute in range(1, 11, 3)],
    "last minute": [STOP - MINUTE],
    "0-10 min after": [STOP + minute * MINUTE for minute in MINUTES_AFTER if minute <= 10],
    "59 min after": [STOP + 59 * MINUTE],
}
CHECKED = sorted(
    {row for rows in PHASES.values() for row in rows} | {STOP + m * MINUTE for m in MINUTES_AFTER}
)


@dataclass(frozen=True, slots=True)
class SporadicFigures:
    """The effect of single faults; means over the runs.

    Attributes:
        who: "one vehicle" or "all vehicles" had them.
        size, share: of the faults.
        flagged: share of the poisoned events that was flagged.
        precision: share of the flagged events of these vehicles that were poisoned.
        recall: size of the test faults → phase → recall relative to that without poison.
        threshold: at the end of the poison, relative to that without it.
        others: recall of mild test faults of the other vehicles at the end of the poison, relative to that
            without it; ``None`` if there are no others.
        back: minutes until the recall of mild test faults is `BACK` and stays so; ``None`` if that takes
            longer than was measured.
    """

    who: str
    size: Size
    share: float
    flagged: float
    precision: float
    recall: dict[Size, dict[str, float]]
    threshold: float
    others: float | None
    back: int | None


@dataclass(frozen=True, slots=True)
class Trial:
    """Vehicles of a fleet that are poisoned together.

    Attributes:
        clean: the fleet without poison.
        vehicles: their indices.
        build: makes the detector.
        usual: verdicts on the fleet without poison.
        beside: the same with tests of the other vehicles; ``None`` if there are none.
        seed: determines where single faults are.
    """

    clean: Stream
    vehicles: Sequence[int]
    build: Build
    usual: Course
    beside: Course | None
    seed: int

    @property
    def others(self) -> list[int]:
        """Indices of the vehicles that are not poisoned."""
        return [vehicle for vehicle in range(VEHICLES) if vehicle not in self.vehicles]


def trials(
    settings: Settings, fleets: Sequence[Stream], groups: Sequence[Sequence[int]], build: Build = Detector
) -> list[Trial]:
    """Each group of vehicles of each fleet, with the verdicts of the detector that `build` makes."""
    every: list[Trial] = []
    for seed, clean in enumerate(fleets):
        for group in groups:
            usual = follow(settings, clean, clean, group, CHECKED, build)
            trial = Trial(clean, group, build, usual, None, seed)
            if trial.others:
                trial = replace(trial, beside=follow(settings, clean, clean, trial.others, [STOP], build))
            every.append(trial)
    return every


def sporadic_figures(
    settings: Settings, who: str, each: Sequence[Trial], size: Size, share: float
) -> SporadicFigures:
    """Poison each trial with single faults, and measure the effect."""
    runs: list[tuple[Course, Course]] = []
    beside: list[tuple[Course, Course]] = []
    flagged, precision, threshold = [], [], []
    for trial in each:
        group = trial.vehicles
        stream = sporadic(trial.clean, share, size, group, slice(WARM_UP, STOP), trial.seed)
        course = follow(settings, stream, trial.clean, group, CHECKED, trial.build)
        runs.append((course, trial.usual))
        if trial.beside:
            aside = follow(settings, stream, trial.clean, trial.others, [STOP], trial.build)
            beside.append((aside, trial.beside))
        flags, poison = (mask[WARM_UP:STOP][:, group] for mask in (course.flagged, stream.poisoned))
        flagged.append(flags[poison].mean())
        precision.append(poison[flags].mean() if flags.any() else np.nan)
        now, usual = (one.threshold[STOP - MINUTE : STOP][:, group] for one in (course, trial.usual))
        threshold.append(np.median(now / usual))
    low = [m for m in MINUTES_AFTER if _relative(runs, "mild", [STOP + m * MINUTE]) < BACK]
    return SporadicFigures(
        who=who,
        size=size,
        share=share,
        flagged=float(np.mean(flagged)),
        precision=float(np.nanmean(precision)),
        recall={
            tested: {name: _relative(runs, tested, phase) for name, phase in PHASES.items()}
            for tested in SIZES
        },
        threshold=float(np.median(threshold)),
        others=_relative(beside, "mild", [STOP]) if beside else None,
        back=next((m for m in MINUTES_AFTER if m > max(low, default=-1)), None),
    )


def _relative(runs: Sequence[tuple[Course, Course]], size: Size, rows: Sequence[int]) -> float:
    poisoned, usual = (np.mean([pair[index].mean_recall(size, rows) for pair in runs]) for index in (0, 1))
    return float(poisoned / usual)


@dataclass(frozen=True, slots=True)
class LastingFigures:
    """The effect of an hour of a wrong signal.

    Attributes:
        kind, signal: of the fault.
        before_acceptance: share of the events up to `accept_after` that was flagged.
        afterwards: the same for the rest of the hour.
        ends: minutes until flagging ends, median.
        repaired: share of the normal events in the ten minutes after the repair that was flagged.
        recall: of mild test faults at the end of the hour, relative to that without the fault.
    """

    kind: Kind
    signal: str
    before_acceptance: float
    afterwards: float
    ends: float
    repaired: float
    recall: float


def lasting_figures(settings: Settings, each: Sequence[Trial], kind: Kind, signal: int) -> LastingFigures:
    """Make one signal wrong for an hour in each trial, and measure the effect."""
    accepted = WARM_UP + int(settings.detector.accept_after)
    first, then, ends, repaired = [], [], [], []
    runs: list[tuple[Course, Course]] = []
    for trial in each:
        (vehicle,) = trial.vehicles
        stream = lasting(trial.clean, kind, vehicle, signal, slice(WARM_UP, END))
        course = follow(settings, stream, trial.clean, [vehicle], [END], trial.build)
        runs.append((course, trial.usual))
        flags = course.flagged[:, vehicle]
        first.append(flags[WARM_UP:accepted].mean())
        then.append(flags[accepted:END].mean())
        ends.append(minutes_until_it_ends(flags[WARM_UP:END]))
        repaired.append(flags[END : END + 10 * MINUTE].mean())
    return LastingFigures(
        kind=kind,
        signal=TRIED[signal],
        before_acceptance=float(np.mean(first)),
        afterwards=float(np.mean(then)),
        ends=float(np.median(ends)),
        repaired=float(np.mean(repaired)),
        recall=_relative(runs, "mild", [END]),
    )
