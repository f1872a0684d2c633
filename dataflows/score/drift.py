"""Watches a shard's error for drift: has what is normal changed?"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from typing import Any

# Not from `river.drift`, which wraps it and imports scikit-learn and pandas: a job would take twice as long
# to start.
from river._river_rust.drift import AdaptiveWindowing

from dataflows.detector.block import LearnedBlock

log = logging.getLogger(__name__)

LAYOUT_VERSION = 1
"""Version of what `DriftWatch.snapshot` returns."""

RIVER_VERSION = version("river")

REMEMBERED = 100
"""Reported drifts that are kept, the newest ones."""

ADWIN_PARAMETERS = {"clock": 1, "max_buckets": 5, "min_window_length": 5, "grace_period": 10}
"""River's defaults, except that ADWIN checks for drift after every block, not every 32nd."""


class DriftWatch:
    """ADWIN over the mean logarithm of the error of each learned block.

    ADWIN (Bifet & Gavaldà, "Learning from time-changing data with adaptive windowing", SDM 2007) keeps a
    window of variable length, and reports drift when its newer part has another mean than the older one. It
    gets one value per block, not per event: the mean of a block is nearly normally distributed, whatever the
    errors are, and costs next to nothing. The logarithm keeps a few extreme events from looking like drift.

    Args:
        delta: probability of a false report, as bounded by ADWIN.

    Attributes:
        drifts: event times of the newest reports, at most `REMEMBERED`; microseconds since 1970-01-01 UTC.
        reported: drifts since it was created.
    """

    def __init__(self, *, delta: float = 0.002) -> None:
        self.drifts: deque[int] = deque(maxlen=REMEMBERED)
        self.reported = 0
        self._parameters: dict[str, Any] = {"delta": delta, **ADWIN_PARAMETERS}
        self._adwin = AdaptiveWindowing(**self._parameters)

    def watch(self, blocks: Iterable[LearnedBlock]) -> None:
        """Add learned blocks, in order."""
        for block in blocks:
            before = self._mean()
            if self._adwin.update(block.mean_log_error):
                self.drifts.append(block.time)
                self.reported += 1
                log.warning(
                    "drift at %s: the usual error went from %.2f to %.2f",
                    datetime.fromtimestamp(block.time / 1e6, UTC).isoformat(timespec="seconds"),
                    math.exp(before),
                    math.exp(self._mean()),
                )
                # As River does at the next update. Done here, no flag has to be part of the state.
                self._adwin = AdaptiveWindowing(**self._parameters)

    def _mean(self) -> float:
        """Of the window; 0 while it is empty."""
        width = self._adwin.get_width()
        return self._adwin.get_total() / width if width else 0.0

    def snapshot(self) -> dict[str, Any]:
        """Copy the whole state: numbers, text and bytes.

        River has no public format for ADWIN's window; `window` are the bytes that it would be pickled as,
        without the names of classes that a pickle holds.
        """
        return {
            "layout_version": LAYOUT_VERSION,
            "river": RIVER_VERSION,
            "parameters": dict(self._parameters),
            "window": self._adwin.__getstate__(),
            "drifts": list(self.drifts),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Replace the state by what `snapshot` returned.

        If it was taken with another version of River or with other parameters, the window starts out empty,
        and a line in the log says so: a drift that is under way is then seen later or not at all. No score
        depends on the window.
        """
        own = self.snapshot()
        checked = ("layout_version", "river", "parameters")
        differing = [name for name in checked if state.get(name) != own[name]]
        if differing:
            name = differing[0]
            _report_restart(name, str(own[name]), str(state.get(name)))
        else:
            self._adwin.__setstate__(state["window"])
        self.drifts.clear()
        if "layout_version" not in differing:
            self.drifts.extend(state["drifts"])


@cache
def _report_restart(name: str, expected: str, found: str) -> None:
    """Log once per process, not once per shard, why windows start out empty."""
    log.warning(
        "drift detection starts over: expected a snapshot with %s = %s, got %s; scores are not affected",
        name,
        expected,
        found,
    )
