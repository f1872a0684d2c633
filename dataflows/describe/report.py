"""The explanation for people: what was seen, is proposed, is unsure, came out, and is next."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

from dataflows.describe.proposal import Proposal
from dataflows.describe.roles import Signal
from dataflows.describe.sample import Sample
from dataflows.describe.trial import Trial

WIDTH = 110
"""Characters in a line, at most; commands are not broken."""

MOST_LEFT_OUT = 12
"""Fields that are named with their reason; the file names all."""


def explanation(proposal: Proposal, sample: Sample, trial: Trial, output: Path | None) -> str:
    """The whole text.

    Args:
        proposal: for the sample.
        sample: what it is for.
        trial: how the sample was scored with it.
        output: the file it is written to; ``None`` for standard output.
    """
    has_sequence = any(setting.key == "sequence" and setting.value for setting in proposal.settings)
    parts = [
        ("seen", proposal.seen),
        ("proposed", _proposed(proposal)),
        ("unsure of", proposal.doubts or ["nothing"]),
        ("scored with it", _scored(trial, has_sequence)),
    ]
    lines = [line for title, items in parts for line in _part(title, items)]
    return "\n".join([*lines, *_next(sample, output or Path("mine.toml"))])


def _part(title: str, items: Iterable[str]) -> list[str]:
    lines = [title]
    for item in items:
        lines += textwrap.wrap(item, WIDTH, initial_indent="  ", subsequent_indent="    ")
    return [*lines, ""]


def _proposed(proposal: Proposal) -> list[str]:
    lines = []
    for setting in proposal.settings:
        if setting.section in ("topics", "payload"):
            lines.append(f"{setting.key} = {setting.value!r}: {setting.why}")
    targets = [signal for signal in proposal.signals if signal.role == "target"]
    context = [signal for signal in proposal.signals if signal.role == "context"]
    shown = [signal for signal in proposal.signals if not signal.is_scored]
    lines.append(f"scored: {', '.join(map(_with_range, targets))}")
    if context:
        lines.append(f"scored as context: {', '.join(map(_with_range, context))}")
    if shown:
        lines.append(f"shown, not scored: {', '.join(f'{signal.name} ({signal.kind})' for signal in shown)}")
    left_out = proposal.left_out
    named = [f"{each.pointer} ({each.why})" for each in left_out[:MOST_LEFT_OUT]]
    if len(left_out) > MOST_LEFT_OUT:
        named.append(f"and {len(left_out) - MOST_LEFT_OUT} more")
    if named:
        lines.append(f"left out: {', '.join(named)}")
    return lines


def _with_range(signal: Signal) -> str:
    found = signal.range
    if found.min is None or found.max is None:
        return f"{signal.name} ({found.unit})" if found.unit else signal.name
    return f"{signal.name} ({found.min:g} to {found.max:g}{' ' * bool(found.unit)}{found.unit})"


def _scored(trial: Trial, has_sequence: bool) -> list[str]:
    if trial.failure:
        return [f"not possible: {trial.failure}"]
    figures = trial.figures
    events = figures["events"]
    lines = [
        f"{_counted(events, 'event')} of {_counted(trial.vehicles, 'vehicle')}, {trial.span}",
        _counted(figures["dead_letters"], "dead letter") + (trial.reason and f", the first: {trial.reason}"),
        f"{_counted(figures['anomalies'], 'anomaly', 'anomalies')} ({figures['anomalies'] / events:.1%})",
        f"{_counted(figures['partial'], 'partial event')} ({figures['partial'] / events:.1%}), in which a "
        "scored signal is missing",
    ]
    if figures["duplicates"]:
        is_are = "is" if figures["duplicates"] == 1 else "are"
        ask = "" if has_sequence else ", or is there a counter for payload.sequence"
        lines.append(
            f"{_counted(figures['duplicates'], 'duplicate')} {is_are} not scored: events of one vehicle at "
            f"one time; is the time or the vehicle another field{ask}?"
        )
    return lines


def _counted(count: int, one: str, several: str = "") -> str:
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def _next(sample: Sample, output: Path) -> Sequence[str]:
    """The commands that lead to a live page."""
    settings = f"FLEET_CONFIG={shlex.quote(str(output))}"
    job = "python -m bytewax.run dataflows.fleet"
    page = "streamlit run ui"
    if sample.source != "file":
        return [f"next: read {output}; then, in two terminals", f"  {settings} {job}", f"  {settings} {page}"]
    played = (
        f"FLEET__SOURCE__KIND=recording FLEET__RECORDING__INPUT={shlex.quote(sample.name)} "
        f"FLEET__RECORDING__SPEED=10 {job}"
    )
    return [
        f"next: read {output}; then, in three terminals:",
        f"  export {settings} FLEET__MQTT__PROTOCOL=3.1.1    # in each",
        "  python -m scripts.brokers.embedded",
        f"  {page}",
        f"  {played}",
    ]
