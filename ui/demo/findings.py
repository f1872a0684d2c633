"""Whether an injected fault was found: which alert of its vehicle opened while it was there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dataflows.events import Alert, InjectedFault

AFTERWARDS = timedelta(seconds=60)
"""After the end of a fault, an alert that opens is still its: an alert needs some events to be sure."""


@dataclass(frozen=True, slots=True)
class Finding:
    """An injected fault, and what became of it.

    Attributes:
        fault: what the simulator did.
        alert: the first alert of that vehicle that opened meanwhile, or `AFTERWARDS`; ``None`` if none did.
        is_over: whether the fault has ended.
        may_follow: whether such an alert may still open.
    """

    fault: InjectedFault
    alert: Alert | None
    is_over: bool
    may_follow: bool

    @property
    def seconds(self) -> float | None:
        """From the first affected event until the alert; ``None`` without an alert."""
        return None if self.alert is None else (self.alert.opened_at - self.fault.starts_at).total_seconds()


def findings(faults: Sequence[InjectedFault], alerts: Sequence[Alert], now: datetime) -> list[Finding]:
    """What became of each fault, in the order of `faults`.

    Args:
        faults: what the simulator did.
        alerts: open and cleared ones.
        now: the event time up to which alerts are known.
    """
    of_vehicle: dict[str, list[Alert]] = {fault.vehicle_id: [] for fault in faults}
    for alert in sorted(alerts, key=lambda alert: alert.opened_at):
        if alert.vehicle_id in of_vehicle:
            of_vehicle[alert.vehicle_id].append(alert)
    return [_finding(fault, of_vehicle[fault.vehicle_id], now) for fault in faults]


def _finding(fault: InjectedFault, alerts: Sequence[Alert], now: datetime) -> Finding:
    until = fault.ends_at + AFTERWARDS
    found = next((alert for alert in alerts if fault.starts_at <= alert.opened_at <= until), None)
    return Finding(fault, found, now >= fault.ends_at, now <= until)
