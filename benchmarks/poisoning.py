"""What do faults in the stream do to a detector that learns from it? ``python -m benchmarks.poisoning``"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table
from threadpoolctl import threadpool_limits

from benchmarks.poisoned_stream import (
    KINDS,
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
    normal_fleet,
    sporadic,
)
from config.errors import exit_on_error
from config.settings import Settings, load

VEHICLES = 20
WARM_UP, SPORADIC, LASTING, AFTER = 30 * MINUTE, 10 * MINUTE, 60 * MINUTE, 60 * MINUTE
"""Events of a vehicle before the poison, during single faults, during a lasting fault, and after it."""

SHARES = (0.05, 0.1, 0.2, 0.3)
BACK = 0.95
"""Share of the recall without poison from which on the recall counts as recovered."""

MINUTES_AFTER = (0, 1, 2, 3, 5, 7, 10, 15, 20, 25, 30, 40, 50, 59)
"""Minutes after the last single fault at which recall is measured."""


DESCRIPTION = """
A simulated fleet (20 vehicles, 9 signals, an event a second) drives normally for half an hour. Then 5 to 30
% of the events of one vehicle, or of all, have a signal that is off by 3 to 8 standard deviations (mild),
or by 10 to 30 (gross), for ten minutes; or a signal of one vehicle is wrong for an hour. Every few minutes,
copies of the detector get test faults in the vehicle's next events: in each of six signals, up and down, a
spike and an offset of ten events, of 4 and 3 deviations (mild), or of 15 and 12 (gross). A test fault is
found if one event is flagged. The copies are discarded, so nothing is learned from the tests. "before" to
"59 min after": test faults found, relative to those found in the same fleet at the same minutes without
poison. "precision": share of the flagged events that were poisoned. "others": recall of mild faults of the
other vehicles at the end of the poison. "back": minutes after the poison until the recall of mild faults is
95 % of that without poison, and stays so. "ends": minutes until less than half of the events of a minute
are flagged.

examples:
  python -m benchmarks.poisoning
  python -m benchmarks.poisoning --seeds 1 --json
"""


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
class Trial:
    """Vehicles of a fleet that are poisoned together.

    Attributes:
        clean: the fleet without poison.
        vehicles: their indices.
        usual: verdicts on the fleet without poison.
        beside: the same with tests of the other vehicles; ``None`` if there are none.
        seed: determines where single faults are.
    """

    clean: Stream
    vehicles: Sequence[int]
    usual: Course
    beside: Course | None
    seed: int

    @property
    def others(self) -> list[int]:
        """Indices of the vehicles that are not poisoned."""
        return [vehicle for vehicle in range(VEHICLES) if vehicle not in self.vehicles]


def trials(settings: Settings, fleets: Sequence[Stream], groups: Sequence[Sequence[int]]) -> list[Trial]:
    """Each group of vehicles of each fleet."""
    every: list[Trial] = []
    for seed, clean in enumerate(fleets):
        for group in groups:
            trial = Trial(clean, group, follow(settings, clean, clean, group, CHECKED), None, seed)
            if trial.others:
                trial = replace(trial, beside=follow(settings, clean, clean, trial.others, [STOP]))
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
        course = follow(settings, stream, trial.clean, group, CHECKED)
        runs.append((course, trial.usual))
        if trial.beside:
            beside.append((follow(settings, stream, trial.clean, trial.others, [STOP]), trial.beside))
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
        course = follow(settings, stream, trial.clean, [vehicle], [END])
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


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    options = _parser().parse_args(arguments)
    with exit_on_error("benchmarks.poisoning"), threadpool_limits(limits=1):
        settings, notes = load(), Console(stderr=True)
        fleets = [
            normal_fleet(settings, vehicles=VEHICLES, rows=END + AFTER, seed=seed)
            for seed in track(range(options.seeds), "simulating", console=notes, transient=True)
        ]
        one = trials(settings, fleets, ONE)
        everyone = trials(settings, fleets, [range(VEHICLES)])
        who = {"one vehicle": one, "all vehicles": everyone}
        cases = [
            (name, each, size, share) for name, each in who.items() for size in SIZES for share in SHARES
        ]
        single = [
            sporadic_figures(settings, *case)
            for case in track(cases, "single faults", console=notes, transient=True)
        ]
        wrong = [(kind, signal) for kind in KINDS for signal in range(len(TRIED))]
        long = [
            lasting_figures(settings, one, *case)
            for case in track(wrong, "lasting faults", console=notes, transient=True)
        ]
    if options.json:
        report = {"single": [asdict(row) for row in single], "lasting": [asdict(row) for row in long]}
        print(json.dumps(report, indent=1))
        return
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(_single_table(single))
    console.print(_lasting_table(long))


def _single_table(figures: Sequence[SporadicFigures]) -> Table:
    table = Table()
    for title in (
        "poison",
        "share",
        "flagged",
        "precision",
        "threshold",
        *PHASES,
        "gross,\nlast minute",
        "others",
        "back",
    ):
        table.add_column(title, justify="left" if title == "poison" else "right")
    for one in figures:
        table.add_row(
            f"{one.who}, {one.size}",
            f"{one.share:.0%}",
            f"{one.flagged:.0%}",
            f"{one.precision:.0%}",
            f"{one.threshold:.2f}",
            *(f"{one.recall['mild'][phase]:.2f}" for phase in PHASES),
            f"{one.recall['gross']['last minute']:.2f}",
            "" if one.others is None else f"{one.others:.2f}",
            f"> {MINUTES_AFTER[-1]}" if one.back is None else str(one.back),
            end_section=one.share == SHARES[-1],
        )
    return table


def _lasting_table(figures: Sequence[LastingFigures]) -> Table:
    table = Table()
    titles = (
        "an hour of",
        "signal",
        "flagged before\nacceptance",
        "afterwards",
        "ends",
        "repaired",
        "recall",
    )
    for title in titles:
        table.add_column(title, justify="left" if title in titles[:2] else "right")
    for one in figures:
        shares = (f"{share:.1%}" for share in (one.before_acceptance, one.afterwards))
        ends = (f"{one.ends:.0f}", f"{one.repaired:.1%}", f"{one.recall:.2f}")
        table.add_row(one.kind, one.signal, *shares, *ends, end_section=one.signal == TRIED[-1])
    return table


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.poisoning",
        description="Measure how faults in the stream affect the detector that learns from it.",
        epilog=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=int, default=2, metavar="N", help="fleets (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    return parser


if __name__ == "__main__":
    main()
