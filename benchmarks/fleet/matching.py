"""Alerts against the faults that were injected."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from dataflows.events import Alert, InjectedFault

AFTERMATH = timedelta(seconds=60)
"""After a fault: what comes back to normal may still be unusual, and is no false alert."""


@dataclass(slots=True)
class Opening:
    """An alert that opened, or opened again.

    Attributes:
        alert: the revision with which it did.
        is_first: whether it was opened for the first time.
    """

    alert: Alert
    is_first: bool


@dataclass(slots=True)
class Openings:
    """Collects the openings in a stream of revisions, by vehicle."""

    by_vehicle: dict[str, list[Opening]] = field(default_factory=lambda: defaultdict(list))
    _seen: dict[str, int] = field(default_factory=dict)

    def add(self, alert: Alert) -> None:
        """Take in the next revision."""
        if self._seen.get(alert.alert_id, 0) < alert.openings:
            first = alert.alert_id not in self._seen
            self._seen[alert.alert_id] = alert.openings
            self.by_vehicle[alert.vehicle_id].append(Opening(alert, first))


def signals_of(alert: Alert, inputs: Mapping[str, Collection[str]]) -> set[str]:
    """The signal that leads, or those that it is derived from."""
    return {alert.subject, *inputs.get(alert.subject, ())}


def figures(
    openings: Openings,
    faults: Iterable[InjectedFault],
    *,
    start: datetime,
    inputs: Mapping[str, Collection[str]],
) -> dict[str, Any]:
    """Per kind of fault, how many were found, how soon, and whether the right signal was named.

    Args:
        openings: of all alerts.
        faults: the ground truth.
        start: faults and alerts before are not counted.
        inputs: derived signal → the signals that it is computed from.

    Returns:
        ``kinds``: kind → faults, recall, delay_s (median), right_signal; ``false_alerts``: alerts of a
        vehicle that had no fault then; ``precision``: share of the alerts that are not false.
    """
    by_kind: dict[str, list[tuple[float, bool] | None]] = defaultdict(list)
    spans: dict[str, list[InjectedFault]] = defaultdict(list)
    for fault in faults:
        spans[fault.vehicle_id].append(fault)
        if fault.starts_at < start:
            continue
        inside = [
            opening.alert
            for opening in openings.by_vehicle[fault.vehicle_id]
            if fault.starts_at <= opening.alert.opened_at < fault.ends_at
        ]
        if not inside:
            by_kind[fault.kind].append(None)
            continue
        first = inside[0]
        right = bool(signals_of(first, inputs) & set(fault.signals))
        by_kind[fault.kind].append(((first.opened_at - fault.starts_at).total_seconds(), right))
    alerts = [
        opening.alert
        for found in openings.by_vehicle.values()
        for opening in found
        if opening.is_first and opening.alert.opened_at >= start
    ]
    false = [alert for alert in alerts if not _is_true(alert, spans[alert.vehicle_id])]
    return {
        "kinds": {kind: _row(found) for kind, found in sorted(by_kind.items())},
        "alerts": len(alerts),
        "precision": 1.0 - len(false) / len(alerts) if alerts else None,
        "false_alerts": false,
    }


def _row(found: list[tuple[float, bool] | None]) -> dict[str, Any]:
    hits = [hit for hit in found if hit is not None]
    return {
        "faults": len(found),
        "recall": len(hits) / len(found),
        "delay_s": median(delay for delay, _ in hits) if hits else None,
        "right_signal": sum(right for _, right in hits) / len(hits) if hits else None,
    }


def _is_true(alert: Alert, faults: Iterable[InjectedFault]) -> bool:
    return any(fault.starts_at <= alert.opened_at < fault.ends_at + AFTERMATH for fault in faults)
