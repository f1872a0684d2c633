"""Values that cannot be read: missing in their event, and counted here, so that no signal is lost unseen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataflows.decode.faults import MAX_REASON_CHARACTERS


@dataclass(frozen=True, slots=True)
class BadValue:
    """The bad values of one signal in one batch.

    Attributes:
        count: how many events have one.
        example: why the first of them cannot be read: what was expected, what came, where.
    """

    count: int
    example: str


class BadValues:
    """The values of a batch that are no numbers, by the position of their event in the batch."""

    def __init__(self) -> None:
        self._found: list[tuple[int | None, str, str]] = []

    def add(self, position: int | None, signal: str, reason: str) -> None:
        """Note a value that cannot be read.

        Args:
            position: of its event in the batch; ``None`` if its message has no event.
            signal: its name in the catalogue.
            reason: what was expected and what came, on one line.
        """
        self._found.append((position, signal, reason))

    def by_signal(self, is_faulty: NDArray[np.bool_]) -> dict[str, BadValue]:
        """The signals with bad values, in events that did not become dead letters.

        Args:
            is_faulty: for every event, whether it became a dead letter.
        """
        if not self._found:
            return {}
        counts: dict[str, int] = {}
        examples: dict[str, str] = {}
        for position, signal, reason in self._found:
            if position is not None and is_faulty[position]:
                continue
            counts[signal] = counts.get(signal, 0) + 1
            examples.setdefault(signal, reason[:MAX_REASON_CHARACTERS])
        return {signal: BadValue(count, examples[signal]) for signal, count in counts.items()}
