"""One channel: the alerts as it was told of them, and what it has still to be told."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from msgspec.structs import replace

from dataflows.clock import SECOND, utc
from dataflows.events import Alert
from dataflows.notification.changes import Change, Followed, GroupKey, What, change_between
from dataflows.notification.grouping import Windows
from dataflows.notification.reading import Update
from dataflows.notification.routing import Route, is_acknowledged, is_muted, rank

logger = logging.getLogger(__name__)

MOST_ALERTS = 10_000
"""Alerts that a channel remembers: some 7 MB of state."""

SWEEP_EVERY = 60 * SECOND


@dataclass(frozen=True, slots=True)
class Group:
    """Changes that are told in one message."""

    key: GroupKey
    changes: tuple[Change, ...]


class Channel:
    """What a channel is to be told, from the revisions of alerts and from what was told successfully.

    All times are microseconds since 1970-01-01 UTC. A change stays until `sent` is called for it.

    Args:
        route: what the channel wants.
        windows: its group windows.
        keep: microseconds for which a cleared alert is remembered, so that a revision that comes again is
            recognised.

    Attributes:
        dropped: changes that were forgotten because there were too many alerts.
    """

    def __init__(self, route: Route, windows: Windows, keep: int, most_alerts: int = MOST_ALERTS) -> None:
        self.route = route
        self.windows = windows
        self.alerts: dict[str, Followed] = {}
        self.numbered = 0
        self.dropped = 0
        self._keep = keep
        self._most_alerts = most_alerts
        self._swept_at = 0
        self._warned = False
        self._in_flight: frozenset[int] = frozenset()
        self._tried: dict[GroupKey, int] = {}
        self._newest: dict[str, str] = {}

    @property
    def waiting(self) -> int:
        """How many changes it has still to be told of."""
        return sum(len(known.waiting) for known in self.alerts.values())

    def remember(self, known: Followed) -> None:
        """Follow an alert from now on."""
        self.alerts[known.alert.alert_id] = known
        self._newest[known.place] = known.alert.alert_id

    def take(self, updates: Iterable[Update], now: int) -> None:
        """Take note of what came from the alerts topic."""
        for place, alert in updates:
            if alert is None:
                self._over(self._newest.get(place), now)
            else:
                self._revised(place, alert, now)
        self._forget(now)

    def due(self, now: int) -> Group | None:
        """The group to send next, which is then in flight; ``None`` if there is none, or one is in flight."""
        if self._in_flight:
            return None
        self._repeat(now)
        groups = self._groups(now)
        self._tried = {key: at for key, at in self._tried.items() if key in groups}
        ready = [
            (self._tried.get(key, 0), due, key, changes)
            for key, changes in groups.items()
            if (due := self.windows.due(key, changes)) <= now
        ]
        if not ready:
            return None
        *_, key, changes = min(ready, key=lambda group: group[:3])
        self._in_flight = frozenset(change.number for change in changes)
        return Group(key, tuple(changes))

    def sent(self, group: Group, now: int) -> None:
        """The channel was told: note it."""
        self._in_flight = frozenset()
        self._tried.pop(group.key, None)
        self.windows.note(group.key, group.changes, now)
        for change in group.changes:
            known = self.alerts.get(change.alert.alert_id)
            if known is None:
                continue
            known.waiting = [other for other in known.waiting if other.number != change.number]
            if change.what != "cleared":
                known.told, known.told_at = change.alert.openings, now

    def failed(self, group: Group, now: int) -> None:
        """The channel was not told: the group waits again, behind others that are due."""
        self._in_flight = frozenset()
        self._tried[group.key] = now

    def next_due(self, now: int) -> int | None:
        """When something is to be sent next, if nothing changes until then; ``None`` for never."""
        times = [self.windows.due(key, changes) for key, changes in self._groups(now).items()]
        for known in self.alerts.values():
            if known.waiting:
                held = self.route.held_until(known.waiting[0].alert, now)
                times += [held] if held > now else []
            elif (repeat := self._repeat_at(known)) is not None:
                times.append(self.route.held_until(known.alert, max(repeat, now)))
        return min(times, default=None)

    def _revised(self, place: str, alert: Alert, now: int) -> None:
        known = self.alerts.get(alert.alert_id)
        if known is not None and alert.revision <= known.alert.revision:
            return
        what = change_between(known, alert)
        if known is None:
            before = self.alerts.get(self._newest.get(place, ""))
            if before is not None and _names(before.alert) == _names(alert):
                # At most one of these is open; the message that said so has been replaced.
                self._over(before.alert.alert_id, now)
            known = Followed(place, alert, rank(alert), now)
        was_told = known.is_told
        is_to_be_told = any(_tells_of(change, known.alert.openings) for change in known.waiting)
        known.place, known.alert, known.seen_at = place, alert, now
        self.remember(known)
        match what:
            case "opened":
                known.worst = rank(alert)
                self._changed(known, "opened", now)
            case "worse":
                known.worst = rank(alert)
                self._changed(known, "worse" if was_told or is_to_be_told else "opened", now)
            case "cleared":
                self._cleared(known, was_told or is_to_be_told, now)
        self._refresh(known, now)

    def _changed(self, known: Followed, what: What, now: int) -> None:
        """It opened or got worse."""
        if not self.route.wants(known.alert):
            return
        unsent = [change for change in known.waiting if self._is_idle(change) and change.is_open]
        # What was not sent yet is told together with this, in the newest state.
        self._keep_waiting(known, lambda change: change in unsent[:1])
        for change in unsent[:1]:
            change.alert = known.alert
            change.what = "opened" if what == "opened" else change.what
        if not unsent:
            self._add(known, what, now)

    def _cleared(self, known: Followed, was_told: bool, now: int) -> None:
        if is_muted(known.alert, now):
            # Nobody was to be told of it.
            self._keep_waiting(known, lambda _: False)
            return
        self._keep_waiting(known, lambda change: change.what != "repeated")
        if self.route.cleared and was_told:
            self._add(known, "cleared", now)

    def _refresh(self, known: Followed, now: int) -> None:
        """Let what waits be told in the words of the newest revision, and drop needless repetitions."""
        newest = known.alert
        for change in filter(self._is_idle, known.waiting):
            is_same = (change.alert.state, change.alert.openings) == (newest.state, newest.openings)
            # A past state is told as it was; only whether it is muted is asked of the newest revision.
            change.alert = newest if is_same else replace(change.alert, muted_until=newest.muted_until)
        if is_acknowledged(newest) or is_muted(newest, now):
            self._keep_waiting(known, lambda change: change.what != "repeated")

    def _over(self, alert_id: str | None, now: int) -> None:
        """An alert is not open any more, though no revision says so: do not repeat it."""
        known = self.alerts.get(alert_id or "")
        if known is not None and known.is_open:
            known.alert = replace(known.alert, state="cleared", cleared_at=utc(now))
            self._keep_waiting(
                known, lambda change: change.what != "repeated" and not is_muted(change.alert, now)
            )

    def _keep_waiting(self, known: Followed, wanted: Callable[[Change], bool]) -> None:
        """Drop waiting changes that are not wanted, except those in flight."""
        known.waiting = [change for change in known.waiting if not self._is_idle(change) or wanted(change)]

    def _repeat(self, now: int) -> None:
        for known in self.alerts.values():
            repeat = self._repeat_at(known)
            if repeat is not None and self.route.held_until(known.alert, max(repeat, now)) <= now:
                self._add(known, "repeated", now)

    def _repeat_at(self, known: Followed) -> int | None:
        """When an alert is to be repeated; ``None`` for never."""
        if self.route.repeat_after is None or known.waiting or not known.is_open or not known.is_told:
            return None
        return None if is_acknowledged(known.alert) else known.told_at + self.route.repeat_after

    def _groups(self, now: int) -> dict[GroupKey, list[Change]]:
        """What may be told now, in groups. Of each alert only the first change, so that they are in order."""
        groups: dict[GroupKey, list[Change]] = {}
        for known in self.alerts.values():
            if not known.waiting or not self._is_idle(known.waiting[0]):
                continue
            change = known.waiting[0]
            # The clock may have been set back.
            change.at = min(change.at, now)
            if self.route.held_until(change.alert, now) <= now:
                groups.setdefault(change.group, []).append(change)
        return groups

    def _add(self, known: Followed, what: What, now: int) -> None:
        self.numbered += 1
        known.waiting.append(Change(self.numbered, what, known.alert, now))

    def _is_idle(self, change: Change) -> bool:
        return change.number not in self._in_flight

    def _forget(self, now: int) -> None:
        if now - self._swept_at >= SWEEP_EVERY or self._swept_at > now:
            self._swept_at = now
            self.alerts = {
                name: known
                for name, known in self.alerts.items()
                if known.is_open or known.waiting or now - known.seen_at < self._keep
            }
            self._newest = {place: name for place, name in self._newest.items() if name in self.alerts}
        excess = len(self.alerts) - self._most_alerts
        if excess > 0:
            # Rarely, and then some more, because this sorts all of them.
            by_need = sorted(self.alerts.items(), key=lambda item: _need(item[1]))
            for name, known in by_need[: excess + self._most_alerts // 10]:
                self._drop(name, known)

    def _drop(self, name: str, known: Followed) -> None:
        del self.alerts[name]
        self.dropped += len(known.waiting)
        if (known.is_open or known.waiting) and not self._warned:
            self._warned = True
            logger.warning(
                "channel %s: more than %d alerts are open or not told yet; the oldest are forgotten: they "
                "are not repeated, and changes not told are counted in fleet_notifications_dropped_total",
                self.route.name,
                self._most_alerts,
            )


def _names(alert: Alert) -> tuple[str, str, str]:
    return alert.vehicle_id, alert.kind, alert.subject


def _tells_of(change: Change, opening: int) -> bool:
    return change.is_open and change.alert.openings == opening


def _need(known: Followed) -> tuple[bool, bool, int]:
    """Sorts alerts that can be forgotten first to the front."""
    return bool(known.waiting), known.is_open, known.seen_at
