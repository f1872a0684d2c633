"""The alerts of a shard, open or lately cleared, as they are published."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from heapq import heapify, heappop, heappush
from typing import Any
from urllib.parse import quote

import msgspec

from dataflows.alert.mutes import Mute, Mutes
from dataflows.alert.tally import Tally
from dataflows.clock import SECOND, microseconds, utc
from dataflows.events import Alert, AlertAction, AlertKind, AlertSignal, Comment
from dataflows.messages import OutgoingBatch

MOST_COMMENTS = 20

MOST_ALERTS = 100_000
"""Alerts that a shard keeps; beyond that, those that cleared first are dropped."""

MOST_AGES = 2 * MOST_ALERTS
"""Entries, outdated ones included, of the heap that finds the oldest alert; a larger heap is rebuilt."""

MOST_WAITING = 200
"""Actions about alerts that are not known that are kept; more than people do between two snapshots."""

Key = tuple[str, AlertKind, str]
"""Vehicle, kind and subject."""

Age = tuple[bool, datetime, Key]
"""Whether an alert is open, when it cleared or showed last, and which it is: the least is dropped first."""

_PLAIN = re.compile(r"[A-Za-z0-9_.~-]*").fullmatch
"""Finds a text that percent-encoding does not change, as nearly all are: asking takes a tenth of the time."""

GONE = b""
"""Payload that removes a retained message (MQTT 5, 3.3.1.3), and a key from a compacted topic of Kafka."""


def topic_key(key: Key) -> str:
    """The key of an alert's messages, and its topic below that of all alerts: vehicle/kind/subject.

    Each part is percent-encoded, so that it cannot add levels or wildcards.
    """
    return "/".join([part if _PLAIN(part) else quote(part, safe="", errors="surrogatepass") for part in key])


_encode = msgspec.json.Encoder().encode


class AlertBook:
    """Keeps the latest revision of every alert, and turns each change into a message.

    After a kill, what people did may be read again before the events that opened the alert. So actions about
    an alert that is not known wait for it.

    Args:
        mutes: what is muted.
        keep_cleared: seconds of event time that a cleared alert is kept and stays on its topic.
        now: the time of day, for `Alert.changed_at`.

    Attributes:
        tally: of its alerts.
    """

    def __init__(
        self, mutes: Mutes, *, keep_cleared: float, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._mutes = mutes
        self._keep_cleared = int(keep_cleared * SECOND)
        self._now = now
        self.tally = Tally()
        self._alerts: dict[Key, Alert] = {}
        self._by_id: dict[str, Key] = {}
        self._waiting: list[AlertAction] = []
        self._out: list[tuple[Key, bytes]] = []
        # A heap with the age of every alert, and outdated ages; empty while nothing has to be dropped.
        self._by_age: list[Age] = []

    def __len__(self) -> int:
        return len(self._alerts)

    def __iter__(self) -> Iterator[Alert]:
        return iter(self._alerts.values())

    def __getitem__(self, key: Key) -> Alert:
        return self._alerts[key]

    def __contains__(self, key: Key) -> bool:
        return key in self._alerts

    def opened(self, key: Key, event_id: str, alert: dict[str, Any]) -> None:
        """A new alert.

        Args:
            key: vehicle, kind and subject.
            event_id: of the event that opened it.
            alert: the fields of `Alert` that follow from events.
        """
        vehicle, kind, subject = key
        previous = self._alerts.get(key)
        alert_id = f"{vehicle}/{kind}/{subject}/{event_id}"
        revision = 0
        if previous is not None:
            self._by_id.pop(previous.alert_id, None)
            if previous.alert_id == alert_id:
                # Readers keep the highest revision of an id.
                revision = previous.revision
        self._by_id[alert_id] = key
        fields: dict[str, Any] = {
            "vehicle_id": vehicle,
            "kind": kind,
            "subject": subject,
            "state": "open",
            "openings": 1,
        }
        self._publish(
            key,
            Alert(
                alert_id=alert_id,
                revision=revision,
                cleared_at=None,
                changed_at=self._now(),
                **(fields | alert),
            ),
        )
        due = [action for action in self._waiting if action.alert_id == alert_id]
        if due:
            self._waiting = [action for action in self._waiting if action.alert_id != alert_id]
            for action in due:
                self.act(action)
        if len(self._alerts) > MOST_ALERTS:
            self._drop_oldest()

    def changed(self, key: Key, **fields: Any) -> None:
        """The next revision of an alert.

        Args:
            key: vehicle, kind and subject of an alert that is kept.
            fields: the fields of `Alert` that have changed.
        """
        self._publish(key, msgspec.structs.replace(self._alerts[key], **fields))

    def act(self, action: AlertAction) -> bool:
        """Do what somebody wants done.

        Args:
            action: what; it was checked.

        Returns:
            Whether it was about an alert or a vehicle that could be found.
        """
        if action.alert_id and action.alert_id not in self._by_id:
            self._waiting = [*self._waiting, action][-MOST_WAITING:]
            return False
        if action.action in ("mute", "unmute"):
            return self._act_on_mutes(action)
        key = self._by_id[action.alert_id]
        alert, now = self._alerts[key], self._now()
        comments = alert.comments
        if action.text:
            comments = (*comments, Comment(by=action.by, at=now, text=action.text))[-MOST_COMMENTS:]
        if action.action == "acknowledge":
            self.changed(key, acknowledged_by=action.by, acknowledged_at=now, comments=comments)
        elif action.action == "comment":
            self.changed(key, comments=comments)
        else:
            self.changed(key, useful=action.action == "useful", comments=comments)
        return True

    def forget(self, clock: int) -> None:
        """Drop what cleared long ago, and the mutes that have ended.

        Args:
            clock: event time of the shard, microseconds.
        """
        self._mutes.forget(clock)
        for key, alert in list(self._alerts.items()):
            cleared = alert.cleared_at
            if cleared is not None and clock - microseconds(cleared) > self._keep_cleared:
                self._drop(key)
                self._by_age = []

    def take(self) -> OutgoingBatch | None:
        """The messages since the last call; ``None`` if there are none."""
        if not self._out:
            return None
        out, self._out = self._out, []
        return OutgoingBatch([topic_key(key) for key, _ in out], [payload for _, payload in out])

    def snapshot(self) -> list[dict[str, Any]]:
        """Copy all alerts, as plain data."""
        return [msgspec.to_builtins(alert) for alert in self._alerts.values()]

    def restore(self, state: list[dict[str, Any]]) -> None:
        """Replace the alerts by a copy of what `snapshot` returned."""
        alerts = msgspec.convert(state, list[Alert])
        self._alerts = {(alert.vehicle_id, alert.kind, alert.subject): alert for alert in alerts}
        self._by_id = {alert.alert_id: key for key, alert in self._alerts.items()}
        self.tally.restored(alerts)
        self._by_age = []

    def waiting(self) -> list[dict[str, Any]]:
        """Copy the actions that wait for their alert, as plain data."""
        return [msgspec.to_builtins(action) for action in self._waiting]

    def restore_waiting(self, state: list[dict[str, Any]]) -> None:
        """Replace them by a copy of what `waiting` returned."""
        self._waiting = msgspec.convert(state, list[AlertAction])

    def _act_on_mutes(self, action: AlertAction) -> bool:
        vehicle, kind, subject = action.vehicle_id, action.kind or "", ""
        if action.alert_id:
            vehicle, kind, subject = self._by_id[action.alert_id]
        if action.action == "mute" and action.until is not None:
            self._mutes.mute(vehicle, kind, subject, Mute(microseconds(action.until), action.text))
        else:
            self._mutes.unmute(vehicle, kind, subject)
        for key in [
            key
            for key in self._alerts
            if all(part in ("", own) for part, own in zip((vehicle, kind, subject), key, strict=True))
        ]:
            self.changed(key)
        return True

    def _publish(self, key: Key, alert: Alert) -> None:
        mute = None
        if self._mutes:
            mute = self._mutes.of(*key, microseconds(alert.cleared_at or alert.last_at))
        alert = msgspec.structs.replace(
            alert,
            revision=alert.revision + 1,
            muted_until=None if mute is None else utc(mute.until),
            mute_reason="" if mute is None else mute.reason,
            changed_at=self._now(),
        )
        self.tally.changed(self._alerts.get(key), alert)
        self._alerts[key] = alert
        self._out.append((key, _encode(alert)))
        if self._by_age:
            heappush(self._by_age, _age(key, alert))
            if len(self._by_age) > MOST_AGES:
                self._by_age = []

    def _drop_oldest(self) -> None:
        # In a storm, every alert that opens makes one too many: a search through all would take a while each.
        if not self._by_age:
            self._by_age = [_age(key, alert) for key, alert in self._alerts.items()]
            heapify(self._by_age)
        while True:
            age = heappop(self._by_age)
            key = age[-1]
            if key in self._alerts and _age(key, self._alerts[key]) == age:
                self._drop(key)
                return

    def _drop(self, key: Key) -> None:
        alert = self._alerts.pop(key)
        self.tally.dropped(alert)
        self._by_id.pop(alert.alert_id, None)
        self._out.append((key, GONE))


def _age(key: Key, alert: Alert) -> Age:
    """Sorts cleared alerts before open ones, and old ones before new ones."""
    return alert.cleared_at is None, alert.cleared_at or alert.last_at, key


def _rounded(value: float) -> float | None:
    """Six digits, which is more than sensors have; ``None`` for what is not finite."""
    return float(f"{value:.6g}") if math.isfinite(value) else None


def alert_signal(name: str, actual: float, typical: float, share: float) -> AlertSignal:
    """An `AlertSignal`; what is not finite is null."""
    return AlertSignal(
        name=name,
        actual=_rounded(actual),
        typical=_rounded(typical),
        share=share,
    )
