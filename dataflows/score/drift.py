"""Watches the error of a shard for drift: has what is normal changed?"""

from __future__ import annotations

import copy
import logging
import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river.drift import ADWIN

from dataflows.compiled import Floats, Integers, Mask, compiled
from dataflows.detector import Scores, Status

log = logging.getLogger(__name__)

LATE = int(Status.LATE)


class DriftWatch:
    """ADWIN over the mean logarithm of the error of each learned block.

    ADWIN (Bifet & Gavaldà, "Learning from time-changing data with adaptive windowing", SDM 2007) keeps a
    window of variable length, and reports when its newer part has another mean. It is fed once a block, not
    once an event: a block's mean is nearly normal, whatever the errors are, and costs nothing. The
    logarithm keeps a few wild events from looking like drift.

    Args:
        delta: chance of a false report, as ADWIN bounds it.

    Attributes:
        drifts: event times at which drift was seen, microseconds since 1970-01-01 UTC.
    """

    def __init__(self, *, delta: float = 0.002) -> None:
        self.drifts: list[int] = []
        self._adwin = ADWIN(delta=delta, grace_period=10, clock=1)
        self._version, self._total, self._rows, self._latest = 0, 0.0, 0, 0

    def watch(self, times: Integers, scores: Scores) -> None:
        """Take in scored events.

        Args:
            times: event times in microseconds, shape (n,).
            scores: their scores, in the order in which they were scored.
        """
        row = 0
        while True:
            row, self._total, self._rows, self._latest = _added(
                row,
                times,
                scores.error,
                scores.status,
                scores.duplicate,
                scores.model_version,
                self._version,
                self._total,
                self._rows,
                self._latest,
            )
            if row == len(times):
                return
            self._close()
            self._version = int(scores.model_version[row])

    def _close(self) -> None:
        if self._rows:
            before = self._adwin.estimation
            self._adwin.update(self._total / self._rows)
            if self._adwin.drift_detected:
                self.drifts.append(self._latest)
                log.warning(
                    "drift at %s: the usual error went from %.2f to %.2f",
                    datetime.fromtimestamp(self._latest / 1e6, UTC).isoformat(timespec="seconds"),
                    math.exp(before),
                    math.exp(self._adwin.estimation),
                )
        self._total, self._rows = 0.0, 0

    def snapshot(self) -> dict[str, Any]:
        """Copy the whole state."""
        return copy.deepcopy(vars(self))

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a copy of what `snapshot` returned."""
        vars(self).update(copy.deepcopy(state))


@compiled
def _added(
    first: int,
    times: Integers,
    errors: Floats,
    status: NDArray[np.uint8],
    duplicate: Mask,
    versions: Integers,
    version: int,
    total: float,
    rows: int,
    latest: int,
) -> tuple[int, float, int, int]:
    """Add the rows from `first` on up to one of another version; returns which one, and the sums."""
    for row in range(first, len(times)):
        if errors[row] > 0.0 and status[row] != LATE and not duplicate[row]:
            if versions[row] != version:
                return row, total, rows, latest
            # One by one: a sum must not depend on how the stream was cut.
            total += np.log(errors[row])
            rows += 1
            latest = times[row]
    return len(times), total, rows, latest
