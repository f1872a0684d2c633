"""What a channel wants to be told, and when it may be told."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from config.alert_settings import ChannelSettings
from dataflows.clock import SECOND, microseconds
from dataflows.events import SEVERITIES, Alert
from dataflows.notification.quiet_hours import QuietHours

CRITICAL = SEVERITIES.index("critical")

LONGEST_HOLD = 365 * 86_400 * SECOND
"""Microseconds. Who mutes an alert for good may choose the end of the calendar, where no morning follows."""


def rank(alert: Alert) -> int:
    """The severity as a number, the mildest is 0."""
    return SEVERITIES.index(alert.severity)


def is_acknowledged(alert: Alert) -> bool:
    """Whether somebody has said that they look after it."""
    return alert.acknowledged_at is not None or bool(alert.acknowledged_by)


def is_muted(alert: Alert, now: int) -> bool:
    """Whether nobody is to be told of it at this time, microseconds since 1970-01-01 UTC."""
    return alert.muted_until is not None and microseconds(alert.muted_until) > now


@dataclass(frozen=True, slots=True)
class Route:
    """The settings of a channel, as routing needs them.

    Attributes:
        name: of the channel.
        least: rank of the least severity that it wants.
        kinds: that it wants; all if empty.
        repeat_after: repeat interval in microseconds; ``None`` for never.
        quiet: its quiet hours, if it has any.
        zone: for the times in messages.
        cleared: whether it wants to be told that an alert has cleared.
    """

    name: str
    least: int
    kinds: frozenset[str]
    repeat_after: int | None
    quiet: QuietHours | None
    zone: ZoneInfo
    cleared: bool

    @classmethod
    def of(cls, name: str, settings: ChannelSettings) -> Route:
        """The route of a channel."""
        zone = ZoneInfo(settings.time_zone)
        hours = settings.quiet_hours
        return cls(
            name=name,
            least=SEVERITIES.index(settings.severity),
            kinds=frozenset(settings.kinds),
            repeat_after=None if settings.repeat_after is None else round(settings.repeat_after * SECOND),
            quiet=None if hours is None else QuietHours(*hours, zone),
            zone=zone,
            cleared=settings.cleared,
        )

    def wants(self, alert: Alert) -> bool:
        """Whether the channel is for alerts like this one."""
        return rank(alert) >= self.least and (not self.kinds or alert.kind in self.kinds)

    def held_until(self, alert: Alert, now: int) -> int:
        """The earliest time from `now` on at which it may be told of an alert: not muted, not in quiet hours.

        Args:
            alert: its newest revision.
            now: microseconds since 1970-01-01 UTC.

        Returns:
            That time; at most `LONGEST_HOLD` from `now`, when it is to be asked again.
        """
        earliest = now
        if alert.muted_until is not None:
            earliest = min(max(earliest, microseconds(alert.muted_until)), now + LONGEST_HOLD)
        if self.quiet is not None and rank(alert) < CRITICAL and self.quiet.contain(earliest):
            earliest = self.quiet.end_after(earliest)
        return earliest
