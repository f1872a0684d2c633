"""What do faults in the stream do to a detector that learns from it? ``python -m benchmarks.poisoning``"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.progress import track
from threadpoolctl import threadpool_limits

from benchmarks.ablations import EXPLANATION, TERMS, Build, named
from benchmarks.poisoned_stream import KINDS, SIZES, TRIED, Stream, normal_fleet
from benchmarks.poisoning_figures import (
    AFTER,
    END,
    ONE,
    SHARES,
    VEHICLES,
    LastingFigures,
    SporadicFigures,
    lasting_figures,
    sporadic_figures,
    trials,
)
from benchmarks.poisoning_report import lasting_table, single_table
from config.errors import exit_on_error
from config.settings import Settings, load
from dataflows.detector import Detector

DESCRIPTION = (
    """
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

--without X,Y: the detector without its term or mechanism X, and another one without Y, on the same streams:
  """
    + ", ".join(TERMS)
    + """
"""
    + EXPLANATION
    + """
examples:
  python -m benchmarks.poisoning
  python -m benchmarks.poisoning --seeds 1 --json
  python -m benchmarks.poisoning --seeds 1 --without activity,protection
"""
)


@dataclass(frozen=True, slots=True)
class Figures:
    """The effect of all faults on one detector."""

    single: list[SporadicFigures]
    lasting: list[LastingFigures]


def measure(settings: Settings, fleets: Sequence[Stream], name: str, build: Build, notes: Console) -> Figures:
    """Poison the fleets in every way, and measure the effect on one detector.

    Args:
        settings: all settings.
        fleets: without faults.
        name, build: of the detector.
        notes: for the progress bar.
    """
    one = trials(settings, fleets, ONE, build)
    who = {"one vehicle": one, "all vehicles": trials(settings, fleets, [range(VEHICLES)], build)}
    cases = [(group, each, size, share) for group, each in who.items() for size in SIZES for share in SHARES]
    single = [
        sporadic_figures(settings, *case)
        for case in track(cases, f"{name}: single faults", console=notes, transient=True)
    ]
    wrong = [(kind, signal) for kind in KINDS for signal in range(len(TRIED))]
    lasting = [
        lasting_figures(settings, one, *case)
        for case in track(wrong, f"{name}: lasting faults", console=notes, transient=True)
    ]
    return Figures(single, lasting)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line.

    Raises:
        SystemExit: status 1 after one line on standard error if the name of a term or mechanism is wrong.
    """
    options = _parser().parse_args(arguments)
    with exit_on_error("benchmarks.poisoning"), threadpool_limits(limits=1):
        settings, notes = load(), Console(stderr=True)
        variants: dict[str, Build] = {"ours": Detector}
        variants |= {f"ours-no-{name}": build for name, build in named(options.without).items()}
        fleets = [
            normal_fleet(settings, vehicles=VEHICLES, rows=END + AFTER, seed=seed)
            for seed in track(range(options.seeds), "simulating", console=notes, transient=True)
        ]
        found = {name: measure(settings, fleets, name, build, notes) for name, build in variants.items()}
    if options.json:
        print(json.dumps({name: asdict(figures) for name, figures in found.items()}, indent=1))
        return
    console = Console(width=None if sys.stdout.isatty() else 160)
    for name, figures in found.items():
        console.print(single_table(name, figures.single))
        console.print(lasting_table(name, figures.lasting))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.poisoning",
        description="Measure how faults in the stream affect the detector that learns from it.",
        epilog=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=int, default=2, metavar="N", help="fleets (default: %(default)s)")
    parser.add_argument(
        "--without", default="", metavar="X,Y", help="measure the detector without these, too: see below"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    return parser


if __name__ == "__main__":
    main()
