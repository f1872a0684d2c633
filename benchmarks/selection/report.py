"""The results of the protocol, as JSON and as tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table

from benchmarks.selection.choice import GRID, Choice
from benchmarks.selection.evaluations import KindFigures
from benchmarks.selection.protocol import LeftOut
from benchmarks.selection.trips import TripFigures

SPACECRAFT = "spacecraft"
"""Kind that resembles vehicles least; there is a mean without it."""

HEADINGS = {
    "reconstruction": "recon-\nstruction",
    "z_energy": "z-\nenergy",
    "flat_line": "flat\nline",
    "reconstructor": "recon-\nstructor",
    "threshold_prior": "threshold\nprior",
}
"""Names in `GRID` as they are printed, where that differs."""


@dataclass(frozen=True, slots=True)
class Report:
    """All results.

    Attributes:
        left_out: kind → what was chosen without it, and how good that is on it.
        chosen: on all kinds.
        trips: name → figures of that choice.
    """

    left_out: Mapping[str, LeftOut]
    chosen: Choice
    trips: Mapping[str, TripFigures]

    @property
    def means(self) -> dict[str, KindFigures]:
        """Means of the kinds left out: of those that are not spacecraft, if there are both, and of all."""
        figures = {kind: one.figures for kind, one in self.left_out.items()}
        others = [one for kind, one in figures.items() if kind != SPACECRAFT]
        means = {"all": KindFigures.mean(list(figures.values()))}
        if 0 < len(others) < len(figures):
            return {f"no {SPACECRAFT}": KindFigures.mean(others)} | means
        return means

    def as_json(self) -> dict[str, Any]:
        """What ``--json`` prints."""
        return {
            "left_out": {
                kind: {"chosen": dict(one.chosen), **asdict(one.figures)}
                for kind, one in self.left_out.items()
            },
            "means": {name: asdict(figures) for name, figures in self.means.items()},
            "all": {
                "chosen": dict(self.chosen),
                "trips": {name: asdict(figures) for name, figures in self.trips.items()},
            },
        }


def tables(report: Report) -> Iterator[Table]:
    """What is printed: the kinds left out, and the trips if there are any."""
    yield _kinds(report)
    if report.trips:
        yield _trips(report.trips)


def _kinds(report: Report) -> Table:
    table = Table(
        title="chosen on all kinds but one, measured on that one", title_justify="left", pad_edge=False
    )
    table.add_column("left out")
    for name in GRID:
        table.add_column(HEADINGS.get(name, name), justify="right")
    for title in ("ROC-AUC", "AP", "normal\nflagged", "prom-\nised", "false\nper 1,000"):
        table.add_column(title, justify="right")
    for kind, one in report.left_out.items():
        last = kind == [*report.left_out][-1]
        table.add_row(kind, *_values(one.chosen), *_cells(one.figures), end_section=last)
    for name, figures in report.means.items():
        last = name == [*report.means][-1]
        table.add_row(f"mean: {name}", *[""] * len(GRID), *_cells(figures), end_section=last)
    table.add_row("nothing", *_values(report.chosen))
    return table


def _values(choice: Choice) -> Iterable[str]:
    return (value if isinstance(value, str) else f"{value:g}" for value in (choice[name] for name in GRID))


def _cells(figures: KindFigures) -> tuple[str, ...]:
    quality = (f"{figure:.3f}" for figure in (figures.roc_auc, figures.average_precision))
    shares = (f"{share:.2%}" for share in (figures.normal_flagged, figures.promised))
    return (*quality, *shares, f"{figures.false_episodes_per_1000:.2f}")


def _trips(trips: Mapping[str, TripFigures]) -> Table:
    table = Table(title="the choice on normal trips: share of the events flagged", title_justify="left")
    table.add_column("trip")
    for title in ("events", "signals", "fresh", "in a row"):
        table.add_column(title, justify="right")
    for name, one in trips.items():
        last = name == [*trips][-1]
        shares = (f"{share:.2%}" for share in (one.fresh, one.in_a_row))
        table.add_row(name, f"{one.events:,}", str(one.signals), *shares, end_section=last)
    means = (sum(getattr(one, name) for one in trips.values()) / len(trips) for name in ("fresh", "in_a_row"))
    table.add_row("mean", "", "", *(f"{share:.2%}" for share in means))
    return table
