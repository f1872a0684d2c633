"""A line of the log about dead letters, however many there are: how many, and of which kinds."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence

from dataflows.decode.faults import kind_of
from dataflows.events import DeadLetter

logger = logging.getLogger(__name__)

PAUSE = 60.0
"""Seconds between two lines: some sender is often wrong in every message."""


class DeadLetterLog:
    """Logs the first dead letters at once, and what comes after them once a minute.

    What the messages say, and the whole reasons, are in the dead letters only: they may be personal data.

    Args:
        topic: of the dead letters.
        clock: seconds that only go forward.
    """

    def __init__(self, topic: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._topic = topic
        self._clock = clock
        self._waiting: Counter[str] = Counter()
        self._total = 0
        self._logged_at = -PAUSE

    def count(self, letters: Sequence[DeadLetter]) -> None:
        """Count the dead letters of a batch, of which there may be none."""
        self._waiting.update(kind_of(letter.reason) for letter in letters)
        now = self._clock()
        if not self._waiting or now - self._logged_at < PAUSE:
            return
        count = self._waiting.total()
        self._total += count
        kinds = dict(self._waiting.most_common())
        logger.warning(
            "%d events could not be decoded (%d since the start): %s; they are on %s with their reasons",
            count,
            self._total,
            ", ".join(f"{kind} {times}" for kind, times in kinds.items()),
            self._topic,
            extra={"count": count, "total": self._total, "reasons": kinds, "topic": self._topic},
        )
        self._waiting.clear()
        self._logged_at = now
