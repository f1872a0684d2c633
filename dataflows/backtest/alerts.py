"""The alerts that the job would have sent for a recording, each as it was last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from dataflows.events import Alert
from dataflows.messages import OutgoingBatch

MOST_LISTED = 1000
"""Alerts in the figures."""

MOST_SHOWN = 10
"""Alerts in the report for people."""

FIELDS = (
    "alert_id",
    "kind",
    "subject",
    "vehicle_id",
    "severity",
    "opened_at",
    "cleared_at",
    "summary",
)


class FoundAlerts:
    """Keeps the latest revision of every alert."""

    def __init__(self) -> None:
        self._latest: dict[str, Alert] = {}
        self._decode = msgspec.json.Decoder(Alert).decode

    def __len__(self) -> int:
        return len(self._latest)

    def add(self, messages: OutgoingBatch | None) -> None:
        """Add what the alerts of a shard have sent, in order."""
        # An empty message says that an alert is no longer kept; it was one all the same.
        for payload in filter(None, () if messages is None else messages.payloads):
            alert = self._decode(payload)
            self._latest[alert.alert_id] = alert

    def figures(self) -> dict[str, Any]:
        """How many there are, of each kind, and the first of them, by when they opened."""
        in_order = sorted(self._latest.values(), key=lambda alert: (alert.opened_at, alert.alert_id))
        kinds = Counter(alert.kind for alert in in_order)
        return {
            "alerts_total": len(in_order),
            "alerts_by_kind": dict(sorted(kinds.items())),
            "alerts": [_listed(alert) for alert in in_order[:MOST_LISTED]],
        }


def _listed(alert: Alert) -> dict[str, Any]:
    fields = msgspec.to_builtins(alert)
    return {name: fields[name] for name in FIELDS}


def alert_lines(figures: dict[str, Any]) -> Iterable[str]:
    """The alerts of these figures, for people."""
    total = figures["alerts_total"]
    if not total:
        yield "no alerts"
        return
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in figures["alerts_by_kind"].items())
    first = f"; the first {MOST_SHOWN}" if total > MOST_SHOWN else ""
    yield f"{total:,} alert{'s' if total > 1 else ''} ({kinds}){first}"
    for alert in figures["alerts"][:MOST_SHOWN]:
        opened = alert["opened_at"][:19].replace("T", " ")
        yield f"  {opened}  {alert['vehicle_id']}  {alert['severity']}  {alert['summary']}"
