"""A channel with a clock that the test moves, and a service that accepts or refuses what the test says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from config.alert_settings import ChannelSettings
from dataflows.clock import SECOND, microseconds
from dataflows.events import Alert
from dataflows.notification.channel import MOST_ALERTS, Channel, Group
from dataflows.notification.grouping import Windows
from dataflows.notification.reading import Update, essence
from dataflows.notification.routing import Route
from dataflows.notification.stored_channel import restore, store
from dataflows.stored_state import Stored
from tests.support.alerts import OPENED, place_of

START = microseconds(OPENED)
WINDOW = 60
DAY = 86_400


class Told(NamedTuple):
    """A message that was accepted, `at` seconds after the start."""

    at: float
    group: Group

    @property
    def whats(self) -> list[tuple[str, str]]:
        """(vehicle, what happened) of each change."""
        return sorted((change.alert.vehicle_id, change.what) for change in self.group.changes)


class ToldChannel:
    """A channel that is told at once of whatever is due.

    Args:
        settings: keys of the channel besides its URL.
        most_alerts: that it remembers.
        more: like `settings`.

    Attributes:
        now: seconds since the start.
        told: what was accepted.
    """

    def __init__(
        self, settings: Mapping[str, object] | None = None, *, most_alerts: int = MOST_ALERTS, **more: object
    ) -> None:
        values = {"url": "json://localhost", **(settings or {}), **more}
        self._settings = ChannelSettings.model_validate(values)
        self._most_alerts = most_alerts
        self.now = 0.0
        self.told: list[Told] = []
        self.channel = self._new()

    @property
    def whats(self) -> list[tuple[float, list[tuple[str, str]]]]:
        """When which message was accepted."""
        return [(told.at, told.whats) for told in self.told]

    def take(self, *alerts: Alert) -> None:
        """Revisions come in one batch; what is due is told."""
        self.channel.take([Update(place_of(alert), essence(alert)) for alert in alerts], self._clock())
        self.tell()

    def take_away(self, alert: Alert) -> None:
        """The topic of an alert is emptied."""
        self.channel.take([Update(place_of(alert), None)], self._clock())
        self.tell()

    def tell(self, accepts: Iterator[bool] | None = None) -> None:
        """Tell what is due, until a message is refused."""
        while (group := self.channel.due(self._clock())) is not None:
            if accepts is not None and not next(accepts, True):
                self.channel.failed(group, self._clock())
                return
            self.channel.sent(group, self._clock())
            self.told.append(Told(self.now, group))

    def advance(self, seconds: float) -> None:
        """Let time pass; everything is told when it becomes due."""
        end = self.now + seconds
        while (due := self.channel.next_due(self._clock())) is not None:
            at = (due - START) / SECOND
            if at > end:
                break
            self.now = max(at, self.now)
            self.tell()
        self.now = end

    def snapshot(self) -> Stored:
        return store(self.channel)

    def restart(self, stored: Stored | None) -> None:
        """The job is killed and resumes from a snapshot, or without one."""
        self.channel = self._new()
        if stored is not None:
            restore(self.channel, stored)

    def _clock(self) -> int:
        return START + round(self.now * SECOND)

    def _new(self) -> Channel:
        route = Route.of("dispatch", self._settings)
        return Channel(route, Windows(WINDOW * SECOND), DAY * SECOND, self._most_alerts)
