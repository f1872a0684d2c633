"""What a user may say of a table whose times are not found by themselves, or not read as meant."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from difflib import get_close_matches
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from config.errors import RecordingError

EPOCHS = {"epoch_s": 1e6, "epoch_ms": 1e3, "epoch_us": 1.0, "epoch_ns": 1e-3}
"""Formats of numbers since 1970-01-01 UTC, and the microseconds in their unit."""

FORMATS = ("auto", "iso8601", *EPOCHS)


@dataclass(frozen=True, slots=True)
class TableOptions:
    """Where the times of a table are and how they are written.

    Attributes:
        time: name of the column, or of two with date and time of day, separated by a comma; "" finds it.
        time_format: one of `FORMATS`, or a pattern of `datetime.strptime`, which holds a "%".
        time_zone: IANA name of the zone of times that have none; "" is UTC.

    Raises:
        RecordingError: the format or the zone is unknown.
    """

    time: str = ""
    time_format: str = "auto"
    time_zone: str = ""

    def __post_init__(self) -> None:
        if self.time_format not in FORMATS and "%" not in self.time_format:
            raise RecordingError(
                f"time format: expected {', '.join(FORMATS)} or a pattern such as '%d.%m.%Y %H:%M:%S', "
                f"got {self.time_format!r}"
            )
        if "%" in self.time_format:
            _check_pattern(self.time_format)
        self.zone()

    def zone(self) -> tzinfo:
        """The zone of times that have none.

        Raises:
            RecordingError: there is no such zone.
        """
        name = self.time_zone or "UTC"
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            near = get_close_matches(name, available_timezones(), n=5, cutoff=0.5)
            choices = ", ".join(near or ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"))
            raise RecordingError(
                f"time zone: expected an IANA name, got {name!r}; choose from {choices}, …"
            ) from None


def _check_pattern(pattern: str) -> None:
    try:
        datetime.strptime(datetime.now(UTC).strftime(pattern), pattern)  # noqa: DTZ007 - only the pattern counts
    except (ValueError, re.error) as error:
        raise RecordingError(f"time format: expected a pattern of Python's strptime: {error}") from None
