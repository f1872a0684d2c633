"""Alerts that belong together: the same kind and signal on several vehicles within minutes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import timedelta

from dataflows.events import Alert
from ui.live.alert_state import urgency

GROUP_WITHIN = timedelta(minutes=5)
"""The longest time between the first and the last opening in a group."""

FEWEST_VEHICLES = 3
"""Vehicles in a group: of two, the sentences are worth more than the row that a group would save."""

Row = tuple[Alert, ...]
"""One alert, or the alerts of a group, the most urgent first."""


def grouped(alerts: Sequence[Alert], now: float) -> list[Row]:
    """The rows of a list of alerts; which alerts are in a group does not depend on the order.

    A group is counted from its first opening, so that a fault that keeps coming to vehicle after vehicle is
    several groups instead of one without end. Open, muted and cleared alerts are never in the same group.

    Args:
        alerts: in the order of `urgency`.
        now: seconds since the epoch.

    Returns:
        Each alert once, in the given order; a group is where its most urgent alert is.
    """
    alike: dict[tuple[int, str, str], list[Alert]] = {}
    for alert in alerts:
        standing = urgency(alert, now)[0]
        alike.setdefault((standing, alert.kind, alert.subject), []).append(alert)
    group_of = {
        alert.alert_id: (key, number)
        for key, candidates in alike.items()
        for number, window in enumerate(_windows(candidates))
        if len(vehicles_of(window)) >= FEWEST_VEHICLES
        for alert in window
    }
    rows: dict[object, list[Alert]] = {}
    for alert in alerts:
        rows.setdefault(group_of.get(alert.alert_id, alert.alert_id), []).append(alert)
    return [tuple(row) for row in rows.values()]


def vehicles_of(alerts: Sequence[Alert]) -> set[str]:
    """The vehicles that alerts are about."""
    return {alert.vehicle_id for alert in alerts}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the list.

    Attributes:
        alerts: what it stands for: one, or all of a group.
        is_opened: it is a group, whose alerts follow in lines of their own.
        is_member: it is an alert of the opened group above.
    """

    alerts: Row
    is_opened: bool = False
    is_member: bool = False

    @property
    def is_group(self) -> bool:
        """Whether it stands for several alerts."""
        return len(self.alerts) > 1

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of its alerts, by which the line is found again."""
        return tuple(alert.alert_id for alert in self.alerts)


def lines_of(rows: Sequence[Row], opened: Set[str]) -> Iterator[Line]:
    """The lines of rows; groups are opened that have an alert whose id is in `opened`."""
    for row in rows:
        is_opened = len(row) > 1 and not opened.isdisjoint(alert.alert_id for alert in row)
        yield Line(row, is_opened=is_opened)
        if is_opened:
            yield from (Line((alert,), is_member=True) for alert in row)


def _windows(alerts: Sequence[Alert]) -> list[list[Alert]]:
    windows: list[list[Alert]] = []
    for alert in sorted(alerts, key=lambda alert: (alert.opened_at, alert.alert_id)):
        if windows and alert.opened_at - windows[-1][0].opened_at <= GROUP_WITHIN:
            windows[-1].append(alert)
        else:
            windows.append([alert])
    return windows
