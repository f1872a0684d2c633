"""The sections ``[alerts]`` and ``[notify]``: when alerts open, and who is notified."""

from __future__ import annotations

import re
from datetime import datetime, time
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    SecretStr,
    model_validator,
)

from config.section import UNSET, Section

AlertKind = Literal["anomaly", "limit", "missing", "silent"]  # as in `dataflows.events`
Severity = Literal["warning", "minor", "major", "critical"]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError):
        raise ValueError("expected the name of a time zone, such as 'Europe/Berlin' or 'UTC'") from None
    return name


def _clock(text: str) -> str:
    if not _CLOCK.fullmatch(text):
        raise ValueError("expected a time of day from '00:00' to '23:59'")
    return text


TimeZone = Annotated[str, AfterValidator(_zone)]
TimeOfDay = Annotated[str, AfterValidator(_clock)]


def _moment(value: object) -> object:
    # TOML has times of its own; pydantic reads the texts.
    return value.isoformat() if isinstance(value, datetime) else value


Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]


class MaintenanceWindow(Section):
    """When alerts of a vehicle, of a kind or of everything are muted.

    Attributes:
        vehicle: id of the vehicle; ``None`` for all.
        kind: kind of the alerts; ``None`` for all.
        reason: shown with the alerts.
        start, end: of a single window, with a time zone.
        days: on which days a weekly window begins.
        begin, until: time of day at which it begins and ends; it may end on the day after.
        time_zone: of `begin` and `until`.
    """

    vehicle: Annotated[str | None, UNSET] = None
    kind: Annotated[AlertKind | None, UNSET] = None
    reason: str = "maintenance"
    start: Moment | None = None
    end: Moment | None = None
    days: tuple[Day, ...] = ()
    begin: TimeOfDay | None = None
    until: TimeOfDay | None = None
    time_zone: TimeZone = "UTC"

    @model_validator(mode="after")
    def _is_single_or_weekly(self) -> MaintenanceWindow:
        single = (self.start is not None, self.end is not None)
        weekly = (bool(self.days), self.begin is not None, self.until is not None)
        if not (all(single) and not any(weekly)) and not (all(weekly) and not any(single)):
            raise ValueError(
                "expected start and end of a single window, or days, begin and until of a weekly one, got "
                + (", ".join(name for name in type(self).model_fields if getattr(self, name)) or "neither")
            )
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise ValueError(f"expected start < end, got start = {self.start} and end = {self.end}")
        if self.begin is not None and self.begin == self.until:
            raise ValueError(f"expected begin and until to differ, got {self.begin} for both")
        return self


class AlertSettings(Section):
    """When alerts open and clear; described in ``docs/alerts.md``."""

    enabled: bool
    false_alerts_per_day: PositiveFloat
    clear_after: PositiveFloat
    reopen_within: NonNegativeFloat
    limit_after: NonNegativeFloat
    missing_after: Annotated[PositiveFloat | None, UNSET]
    silent_after: Annotated[PositiveFloat | None, UNSET]
    asleep: Annotated[str | None, UNSET]
    no_data_after: Annotated[PositiveFloat | None, UNSET]
    keep_cleared: NonNegativeFloat
    maintenance: tuple[MaintenanceWindow, ...] = ()


class ChannelSettings(Section):
    """One way to tell people: an Apprise URL, and what is sent to it.

    Attributes:
        url: as Apprise takes it, e.g. ``mailtos://user:password@example.com?to=ops@example.com``. It may hold
            a password and is never logged.
        severity: least severity of the alerts that are sent.
        kinds: kinds of the alerts that are sent; all if empty.
        repeat_after: seconds after which an alert that is still open, and not acknowledged, is sent again;
            ``None`` for never.
        quiet: ``"22:00-06:00"``: in these hours only critical alerts are sent; the others when they end.
        time_zone: of `quiet`, and of the times in messages.
        cleared: whether to say that an alert has cleared.
    """

    url: SecretStr
    severity: Severity = "warning"
    kinds: tuple[AlertKind, ...] = ()
    repeat_after: Annotated[PositiveFloat | None, UNSET] = None
    quiet: Annotated[str | None, UNSET] = None
    time_zone: TimeZone = "UTC"
    cleared: bool = True

    @model_validator(mode="after")
    def _quiet_hours_are_a_range(self) -> ChannelSettings:
        if self.quiet is not None:
            begin, dash, end = self.quiet.partition("-")
            if not dash or not _CLOCK.fullmatch(begin) or not _CLOCK.fullmatch(end) or begin == end:
                raise ValueError(f"quiet: expected hours such as '22:00-06:00', got {self.quiet!r}")
        return self

    @property
    def quiet_hours(self) -> tuple[time, time] | None:
        """Begin and end of the quiet hours, in `time_zone`."""
        if self.quiet is None:
            return None
        begin, _, end = self.quiet.partition("-")
        return time.fromisoformat(begin), time.fromisoformat(end)


class NotifySettings(Section):
    """Who is notified of alerts, and how; described in ``docs/notifications.md``."""

    dry_run: bool
    group_within: NonNegativeFloat
    retry_first: PositiveFloat
    retry_longest: PositiveFloat
    channels: dict[Annotated[str, Field(pattern=r"^[\w-]+$")], ChannelSettings] = Field(default_factory=dict)
