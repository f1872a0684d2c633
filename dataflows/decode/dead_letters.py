"""Dead letters: their form on the wire, and the limit above which the job stops.

A few bad messages are diverted and looked at later. When most are bad, something upstream has changed (a
format, a unit, a topic), and a job that kept diverting them would hide it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from config.errors import DeadLetterLimitError
from config.settings import DeadLetterSettings
from dataflows.decode.batch import Decoded
from dataflows.decode.faults import KINDS, LAYOUT, kind_of
from dataflows.events import DeadLetter
from dataflows.messages import OutgoingBatch
from dataflows.metrics import DEAD_LETTERS


def encode_dead_letters(letters: Sequence[DeadLetter]) -> OutgoingBatch:
    """Dead letters for a sink, in order and without keys."""
    encoder = msgspec.json.Encoder()
    return OutgoingBatch([""] * len(letters), [encoder.encode(letter) for letter in letters])


def count_dead_letters(letters: Sequence[DeadLetter]) -> None:
    """Count dead letters by kind of reason."""
    for kind, count in Counter(kind_of(letter.reason) for letter in letters).items():
        DEAD_LETTERS.labels(kind).inc(count)


class DeadLetterLimit:
    """Stops the job when there are too many dead letters, at the same event however events are batched.

    Args:
        settings: how many in a row, and which share of the most recent events, are tolerated.
    """

    def __init__(self, settings: DeadLetterSettings) -> None:
        self._settings = settings
        self._recent = np.zeros(0, dtype=np.bool_)
        self._run = 0
        self._last_reason = ""
        for kind in (*KINDS, LAYOUT):
            DEAD_LETTERS.labels(kind)

    def count(self, decoded: Decoded) -> None:
        """Count the dead letters of a batch.

        Raises:
            DeadLetterLimitError: more than `max_run` events in a row were bad, or more than `max_share` of
                the last `window` events, once there have been that many.
        """
        bad, letters = decoded.bad, decoded.dead_letters
        count_dead_letters(letters)
        runs = self._runs(bad)
        shares = self._shares(bad)
        too_many = (runs > self._settings.max_run) | (shares > self._settings.max_share)
        if too_many.any():
            first = int(np.argmax(too_many))
            letters = letters[: int(bad[: first + 1].sum())]
            raise self._error(
                int(runs[first]),
                float(shares[first]),
                letters[-1].reason if letters else self._last_reason,
            )
        if letters:
            self._last_reason = letters[-1].reason
        if len(bad):
            self._run = int(runs[-1])
            self._recent = np.concatenate([self._recent, bad])[-self._settings.window :]

    def _runs(self, bad: NDArray[np.bool_]) -> NDArray[np.int64]:
        """After each event, how many in a row have been bad."""
        positions = np.arange(1, len(bad) + 1)
        last_good = np.maximum.accumulate(np.where(bad, 0, positions))
        lengths: NDArray[np.int64] = positions - last_good + np.where(last_good == 0, self._run, 0)
        return lengths

    def _shares(self, bad: NDArray[np.bool_]) -> NDArray[np.float64]:
        """After each event, the share of bad ones in the window; 0 until the window is full."""
        window = self._settings.window
        totals = np.concatenate([[0], np.cumsum(np.concatenate([self._recent, bad]))])
        ends = np.arange(len(totals) - len(bad), len(totals))
        starts = np.maximum(ends - window, 0)
        return np.where(ends >= window, (totals[ends] - totals[starts]) / window, 0.0)

    def _error(self, run: int, share: float, reason: str) -> DeadLetterLimitError:
        settings = self._settings
        if share > settings.max_share:
            what = (
                f"{share:.1%} of the last {settings.window} events could not be decoded, "
                f"more than the tolerated {settings.max_share:.1%} (dead_letters.max_share)"
            )
        else:
            what = (
                f"{run} events in a row could not be decoded, "
                f"more than the tolerated {settings.max_run} (dead_letters.max_run)"
            )
        return DeadLetterLimitError(
            f"{what}; the last reason: {reason}; check [payload] and [signals.*] against what is sent"
        )
