"""How senders write event times: `payload.time_format` and `payload.time_zone`."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from numpy.typing import NDArray

from config.payload_settings import TIME_FORMATS
from dataflows.clock import microseconds
from dataflows.decode.columns import (
    check_range,
    timestamps_of_datetimes,
    timestamps_of_numbers,
)
from dataflows.decode.faults import Faults, excerpt
from dataflows.decode.field_types import TEXT_OR_NUMBER, FieldType
from dataflows.decode.free_times import moment_of

UNITS = {
    "epoch_s": "seconds",
    "epoch_ms": "milliseconds",
    "epoch_us": "microseconds",
    "epoch_ns": "nanoseconds",
}
"""What the numbers of each format count, since 1970-01-01 UTC."""

_NUMBER = re.compile(r"[+-]?[0-9]{1,20}(?:\.[0-9]{0,20})?(?:[eE][+-]?[0-9]{1,2})?")


class EventTimes(ABC):
    """Reads event times of one format.

    Attributes:
        type: what the field of an event may hold.
    """

    type: FieldType

    @staticmethod
    def of(time_format: str, time_zone: str | None) -> EventTimes:
        """The reader of a format.

        Args:
            time_format: one of `TIME_FORMATS`, or a pattern of `datetime.strptime`.
            time_zone: IANA name of the zone of times that are sent without one.
        """
        zone = None if time_zone is None else ZoneInfo(time_zone)
        if time_format in UNITS:
            return _EpochTimes(time_format)
        if time_format == "iso8601":
            return _Iso8601Times(zone)
        if time_format in TIME_FORMATS:
            return _FreeTimes(zone or UTC)
        return _PatternTimes(time_format, zone)

    @abstractmethod
    def timestamps(self, column: Sequence[Any], title: str, faults: Faults) -> NDArray[np.int64]:
        """Event times as microseconds since 1970-01-01 UTC; any integer where there is a fault.

        Args:
            column: n values as `type` gives them.
            title: what they are and where, for reasons, e.g. ``"the event time at /ts"``.
            faults: gets the events whose time is missing, unreadable or out of range.
        """

    def timestamps_of_texts(self, column: Sequence[Any], title: str, faults: Faults) -> NDArray[np.int64]:
        """The same of values that no field was read from: keys of maps, joined texts, samples of series."""
        values = []
        for position, text in enumerate(column):
            value = None
            try:
                value = self.type.read(text)
            except TypeError:
                faults.add(position, f"expected {title} to be {self.type.expected}, got {excerpt(text)}")
            except ValueError as error:
                faults.add(position, f"expected {title} to be {self.type.expected}, {error}")
            values.append(value)
        return self.timestamps(values, title, faults)


class _EpochTimes(EventTimes):
    """Numbers, or texts that hold one."""

    def __init__(self, time_format: str) -> None:
        self._format = time_format
        expected = f"a number of {UNITS[time_format]} since 1970"
        self.type = FieldType(expected, int | float | None, None, self._read)

    @staticmethod
    def _read(value: Any) -> float | None:
        if isinstance(value, str):
            value = number_of(value)
            if value is None:
                raise TypeError
        if isinstance(value, bool) or not isinstance(value, int | float | None):
            raise TypeError
        return value

    def timestamps(self, column: Sequence[Any], title: str, faults: Faults) -> NDArray[np.int64]:
        return timestamps_of_numbers(column, self._format, title, faults)


class _Iso8601Times(EventTimes):
    """ISO 8601, in a zone of its own or in the one that the settings name."""

    def __init__(self, zone: tzinfo | None) -> None:
        self._zone = zone
        self.type = FieldType(
            "an ISO 8601 time with a zone, such as '2026-01-31T12:00:00Z'"
            if zone is None
            else "an ISO 8601 time, such as '2026-01-31T12:00:00'",
            Annotated[datetime, msgspec.Meta(tz=True)] | None,
            None,
            self._read,
        )
        # Loading the compiled loop takes a while, for which the first event would otherwise wait.
        timestamps_of_datetimes([], "", Faults())

    def _read(self, value: Any) -> datetime | None:
        if value is None:
            return None
        if not isinstance(value, str):
            raise TypeError
        try:
            moment = msgspec.convert(value, datetime)
        except msgspec.ValidationError:
            # RFC 3339 is a part of ISO 8601; the standard library reads more of it: times without
            # seconds, the basic format, weeks.
            try:
                moment = datetime.fromisoformat(value)
            except ValueError:
                raise ValueError(f"got {excerpt(value)}, which is not ISO 8601") from None
        if moment.tzinfo is not None:
            return moment
        if self._zone is None:
            raise ValueError(f"got {excerpt(value)}, which has no time zone")
        return moment.replace(tzinfo=self._zone)

    def timestamps(self, column: Sequence[Any], title: str, faults: Faults) -> NDArray[np.int64]:
        return timestamps_of_datetimes(column, title, faults)


class _TextTimes(EventTimes):
    """Times that the parser in C cannot tell from other texts: read one by one."""

    type = TEXT_OR_NUMBER
    expected: str

    @abstractmethod
    def _moment(self, value: str | float) -> datetime | None:
        """The time with its zone; ``None`` if it is not in the format."""

    def timestamps(self, column: Sequence[Any], title: str, faults: Faults) -> NDArray[np.int64]:
        timestamps = np.zeros(len(column), dtype=np.int64)
        for position, value in enumerate(column):
            if value is None:
                faults.add(position, f"expected {title}, got none: it is missing or null")
                continue
            moment = self._moment(value)
            if moment is None:
                faults.add(position, f"expected {title} to be {self.expected}, got {excerpt(value)}")
            else:
                timestamps[position] = microseconds(moment)
        check_range(timestamps, column, title, faults)
        return timestamps


class _PatternTimes(_TextTimes):
    """A pattern of `datetime.strptime`."""

    def __init__(self, pattern: str, zone: tzinfo | None) -> None:
        self._pattern = pattern
        # Without %z, the settings name the zone, or the pattern ends with the Z of UTC.
        self._zone = UTC if pattern[-1:] == "Z" and pattern[-2:] != "%Z" else zone or UTC
        self.expected = f"a time in the pattern {pattern!r}"

    def _moment(self, value: str | float) -> datetime | None:
        try:
            moment = datetime.strptime(str(value).strip(), self._pattern)  # noqa: DTZ007
        except ValueError:
            return None
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=self._zone)


class _FreeTimes(_TextTimes):
    """Whatever can be read in one way only (`free_times`)."""

    expected = "a time, as ISO 8601, a number since 1970, or a date with its time"

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone

    def _moment(self, value: str | float) -> datetime | None:
        number = number_of(value) if isinstance(value, str) else value
        return moment_of(value if number is None else number, self._zone)


def number_of(text: str) -> int | float | None:
    """The number that a text is as a whole; ``None`` if it is not one."""
    stripped = text.strip()
    if not _NUMBER.fullmatch(stripped):
        return None
    return int(stripped) if stripped.lstrip("+-").isdigit() else float(stripped)
