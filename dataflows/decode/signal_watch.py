"""Watches whether signals can be read, and says so once in the log if they cannot."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import numpy as np

from dataflows.decode.batch import Decoded
from dataflows.decode.unknown_fields import UnknownFields
from dataflows.metrics import BAD_VALUES, IGNORED

logger = logging.getLogger(__name__)

WINDOW = 100
"""Values of a signal that are looked at before it is judged: few enough to be told soon what is wrong."""

MAX_SHARE = 0.5
"""A signal of which more values than this cannot be read is described wrongly, or its sensor is broken."""


class SignalWatch:
    """Counts values that cannot be read, and logs one warning per signal of which most cannot.

    What counts are the values that were sent: events without the signal say nothing about it. Another warning
    names numbers that look like signals and are not in the catalogue.

    Args:
        signals: names of the catalogue, in its order.
        unknown: looks at the numbers that are not in the catalogue; none without it.
    """

    def __init__(self, signals: Iterable[str], unknown: UnknownFields | None = None) -> None:
        self._columns = {signal: column for column, signal in enumerate(signals)}
        self._unknown = unknown
        self._watched: dict[str, tuple[int, int]] = {}
        self._reported: set[str] = set()
        self._has_reported_ignored = False

    def count(self, decoded: Decoded) -> None:
        """Count what a batch has."""
        self._count_ignored(decoded.ignored)
        warning = None if self._unknown is None else self._unknown.look_at(decoded.telemetry.telemetry)
        if warning is not None:
            logger.warning("%s", warning)
        for signal, bad in decoded.bad_values.items():
            BAD_VALUES.labels(signal).inc(bad.count)
            if signal not in self._reported:
                self._watched.setdefault(signal, (0, 0))
        for signal, (bad_before, sent_before) in list(self._watched.items()):
            values = decoded.telemetry.values[:, self._columns[signal]]
            found = decoded.bad_values.get(signal)
            bad_count = bad_before + (0 if found is None else found.count)
            sent = sent_before + int(np.isfinite(values).sum()) + (0 if found is None else found.count)
            self._watched[signal] = bad_count, sent
            if sent < WINDOW:
                continue
            self._watched[signal] = 0, 0
            if found is not None and bad_count > MAX_SHARE * sent:
                self._report(signal, bad_count, sent, found.example)

    def _report(self, signal: str, bad: int, sent: int, example: str) -> None:
        self._reported.add(signal)
        del self._watched[signal]
        logger.warning(
            "%d of the last %d values of signal %r cannot be read and count as missing: %s; "
            "check [signals.%s] and the words and the decimal mark of [payload]",
            bad,
            sent,
            signal,
            example,
            signal,
            extra={"signal": signal, "count": bad, "values": sent},
        )

    def _count_ignored(self, ignored: dict[str, int]) -> None:
        if not ignored:
            return
        IGNORED.inc(sum(ignored.values()))
        if not self._has_reported_ignored:
            self._has_reported_ignored = True
            logger.info(
                "ignoring signals that are not in the catalogue, such as %s",
                ", ".join(repr(name) for name in list(ignored)[:5]),
            )
