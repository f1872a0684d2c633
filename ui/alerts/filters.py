"""Which alerts are listed: what a viewer can choose, how it stands in the address, and how many there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Literal, get_args

from dataflows.events import ALERT_KINDS, SEVERITIES, Alert, AlertKind, Severity
from ui.alerts.alert_words import vehicle_of
from ui.formatting import plain
from ui.live.alert_state import is_muted

State = Literal["open", "unacknowledged", "muted", "cleared", "all"]
STATES: tuple[State, ...] = get_args(State)

STATE_LABELS: dict[str, str] = {state: state for state in STATES}

SINCE: dict[str, timedelta | None] = {
    "any": None,
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "8h": timedelta(hours=8),
    "1d": timedelta(days=1),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
"""Word in the address → for how long alerts have been opened that are listed."""

SINCE_LABELS = {
    "any": "at any time",
    "15m": "in the last 15 min",
    "1h": "in the last hour",
    "8h": "in the last 8 h",
    "1d": "in the last 24 h",
    "7d": "in the last 7 days",
    "30d": "in the last 30 days",
}

SEVERITY_LABELS: dict[str, str] = {
    "warning": "any severity",
    "minor": "minor or worse",
    "major": "major or worse",
    "critical": "critical",
}

MOST_SUBJECTS = 100
"""Signals to choose from: the most frequent ones."""

LONGEST = 200
"""Characters of a text in the address that are read."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What is listed.

    Attributes:
        state: of the alerts; ``open`` ones include those that are acknowledged or muted.
        severity: at least.
        kinds: any of them; none for all.
        vehicle: part of the vehicle's id, in any case; empty for all.
        subject: the signal, or ``vehicle`` or ``fleet``; empty for all.
        since: a key of `SINCE`.
    """

    state: State = "open"
    severity: Severity = SEVERITIES[0]
    kinds: tuple[AlertKind, ...] = ()
    vehicle: str = ""
    subject: str = ""
    since: str = "any"

    def query(self) -> dict[str, str | list[str]]:
        """What differs from the usual, as it stands in the address."""
        usual = Filters()
        parts: dict[str, str | list[str]] = {}
        if self.kinds:
            parts["kind"] = list(self.kinds)
        for name in ("state", "severity", "vehicle", "subject", "since"):
            if getattr(self, name) != getattr(usual, name):
                parts[name] = getattr(self, name)
        return parts

    def start(self, now: float) -> float | None:
        """Seconds since the epoch from which on alerts were opened; ``None`` for no limit."""
        length = SINCE[self.since]
        return None if length is None else now - length.total_seconds()


PARAMETERS = ("state", "severity", "kind", "vehicle", "subject", "since")
"""Names in the address."""


def filters_in(query: Mapping[str, Sequence[str]]) -> Filters:
    """The filters in an address; what cannot be read there is as usual.

    Args:
        query: name → its values.
    """

    def one(name: str, allowed: Iterable[str] | None, usual: str) -> Any:
        text = next(iter(query.get(name, ())), usual)[:LONGEST]
        return text if allowed is None or text in allowed else usual

    usual = Filters()
    return Filters(
        state=one("state", STATES, usual.state),
        severity=one("severity", SEVERITIES, usual.severity),
        kinds=tuple(kind for kind in ALERT_KINDS if kind in query.get("kind", ())),
        vehicle=one("vehicle", None, usual.vehicle),
        subject=one("subject", None, usual.subject),
        since=one("since", SINCE, usual.since),
    )


def matching(alerts: Iterable[Alert], filters: Filters, now: float) -> list[Alert]:
    """The alerts that are listed, in their order, at `now`, seconds since the epoch."""
    tests = list(_tests(filters, now).values())
    return [alert for alert in alerts if all(test(alert) for test in tests)]


@dataclass(frozen=True, slots=True)
class Choice:
    """Something to choose.

    Attributes:
        value: as it stands in the address.
        label: as it reads.
        count: of the alerts that would be listed.
    """

    value: str
    label: str
    count: int


def choices(alerts: Sequence[Alert], filters: Filters, now: float) -> dict[str, list[Choice]]:
    """What there is to choose for each filter, with the number of alerts that all other filters let through.

    Args:
        alerts: all that are known.
        filters: as they are.
        now: seconds since the epoch.
    """
    tests = _tests(filters, now)
    passing: dict[str, list[Alert]] = {name: [] for name in tests}
    for alert in alerts:
        failed = [name for name, test in tests.items() if not test(alert)]
        if len(failed) < 2:
            for name in failed or tests:
                passing[name].append(alert)

    def count(name: str, labels: Mapping[str, str], changes: Iterable[Filters]) -> list[Choice]:
        found = passing[name]
        return [
            Choice(value, label, sum(map(_tests(change, now)[name], found)))
            for (value, label), change in zip(labels.items(), changes, strict=True)
        ]

    severities = [replace(filters, severity=each) for each in SEVERITIES]
    kinds = Counter(alert.kind for alert in passing["kinds"])
    subjects = Counter(alert.subject for alert in passing["subject"])
    frequent = [name for name, _ in subjects.most_common(MOST_SUBJECTS)]
    return {
        "state": count("state", STATE_LABELS, [replace(filters, state=each) for each in STATES]),
        "severity": count("severity", SEVERITY_LABELS, severities),
        "kind": [Choice(kind, kind, kinds[kind]) for kind in ALERT_KINDS],
        "subject": [
            Choice("", "any signal", len(passing["subject"])),
            *(
                Choice(name, plain(name.replace("_", " "), 40), subjects[name])
                for name in sorted({*frequent, filters.subject} - {""})
            ),
        ],
        "since": count("since", SINCE_LABELS, [replace(filters, since=each) for each in SINCE]),
    }


def _tests(filters: Filters, now: float) -> dict[str, Callable[[Alert], bool]]:
    start = filters.start(now)
    worst = SEVERITIES.index(filters.severity)
    text = filters.vehicle.strip().casefold()
    return {
        "state": lambda alert: _is_in(filters.state, alert, now),
        "severity": lambda alert: SEVERITIES.index(alert.severity) >= worst,
        "kinds": lambda alert: not filters.kinds or alert.kind in filters.kinds,
        "vehicle": lambda alert: text in vehicle_of(alert).casefold(),
        "subject": lambda alert: filters.subject in ("", alert.subject),
        "since": lambda alert: start is None or alert.opened_at.timestamp() >= start,
    }


def _is_in(state: State, alert: Alert, now: float) -> bool:
    is_open = alert.state == "open"
    match state:
        case "open":
            return is_open
        case "unacknowledged":
            return is_open and not alert.acknowledged_by and not is_muted(alert, now)
        case "muted":
            return is_open and is_muted(alert, now)
        case "cleared":
            return not is_open
        case "all":
            return True
