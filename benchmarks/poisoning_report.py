"""What faults in the stream do to a detector that learns from it, as tables."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from benchmarks.poisoned_stream import TRIED
from benchmarks.poisoning_figures import MINUTES_AFTER, PHASES, SHARES, LastingFigures, SporadicFigures


def single_table(name: str, figures: Sequence[SporadicFigures]) -> Table:
    """The effect of single faults on one detector."""
    table = Table(title=f"{name}: single faults for ten minutes", title_justify="left")
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


def lasting_table(name: str, figures: Sequence[LastingFigures]) -> Table:
    """The effect of an hour of a wrong signal on one detector."""
    table = Table(title=f"{name}: a wrong signal for an hour", title_justify="left")
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
