"""Choose on all kinds of streams but one, and measure on that one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.selection.choice import Choice, Worth, search
from benchmarks.selection.evaluations import Evaluations, KindFigures


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What was chosen without a kind, and how good it is on that kind."""

    chosen: Choice
    figures: KindFigures


def chosen_on(
    evaluations: Evaluations, kinds: Sequence[str], step: Callable[[str], None] = lambda name: None
) -> Choice:
    """What a search finds that sees these kinds only.

    Args:
        evaluations: of the streams.
        kinds: at least one.
        step: called before each step of the search with the name of what is chosen in it.
    """

    def judge(choices: Sequence[Choice]) -> list[Worth]:
        return [KindFigures.mean(list(figures.values())).worth for figures in evaluations.of(choices, kinds)]

    return search(judge, step)


def leave_each_out(
    evaluations: Evaluations, step: Callable[[str, str], None] = lambda kind, name: None
) -> Mapping[str, LeftOut]:
    """Leave each kind out in turn.

    Args:
        evaluations: of the streams, of at least two kinds.
        step: called before each step of a search with the kind left out and the name of what is chosen.
    """
    found = {}
    for kind in evaluations.kinds:
        others = [other for other in evaluations.kinds if other != kind]
        chosen = chosen_on(evaluations, others, lambda name, kind=kind: step(kind, name))  # type: ignore[misc]
        found[kind] = LeftOut(chosen, evaluations.of([chosen], [kind])[0][kind])
    return found
