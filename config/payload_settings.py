"""The section ``[payload]``: where a message holds its events, and how ids, times and values are written."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BeforeValidator,
    PositiveInt,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from config.section import UNSET, JsonPointer, Section

TIME_FORMATS = ("iso8601", "epoch_s", "epoch_ms", "epoch_us", "epoch_ns", "auto")
"""What `payload.time_format` can name; anything else is a pattern of `datetime.strptime`."""

_DIRECTIVES_OF_THE_YEAR = ("%Y", "%y", "%G", "%c", "%x")
_POINTER: TypeAdapter[str] = TypeAdapter(JsonPointer)


def _time(value: Any) -> Any:
    """A pointer, two of them, ``"key"``, or nothing."""
    if value in ("", None):
        return None
    if value == "key":
        return value
    if isinstance(value, list | tuple):
        if len(value) != 2:
            raise ValueError("expected two JSON pointers, to the date and to the time of day")
        return tuple(_pointer(part) for part in value)
    return _pointer(value)


def _pointer(value: Any) -> str:
    try:
        return _POINTER.validate_python(value)
    except ValidationError as error:
        raise ValueError(error.errors()[0]["msg"].removeprefix("Value error, ")) from None


def _time_format(text: str) -> str:
    if text in TIME_FORMATS:
        return text
    if "%" not in text:
        known = ", ".join(TIME_FORMATS)
        raise ValueError(f"expected {known}, or a pattern such as '%d.%m.%Y %H:%M:%S'")
    if not any(directive in text for directive in _DIRECTIVES_OF_THE_YEAR):
        raise ValueError("expected a pattern with the year, such as '%d.%m.%Y %H:%M:%S'")
    try:
        datetime.strptime(datetime.now(UTC).strftime(text), text)  # noqa: DTZ007 - only the pattern counts
    except (ValueError, re.error) as error:
        raise ValueError(f"expected a pattern of Python's strptime: {error}") from None
    if "%Z" in text:
        raise ValueError(
            "expected a pattern with %z for an offset, or time_zone, got %Z, whose names are ambiguous"
        )
    return text


def check_time_zone(name: str | None) -> str | None:
    """Check the name of a time zone.

    Raises:
        ValueError: there is none with this name.
    """
    if name is not None:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("expected the IANA name of a time zone, such as 'Europe/Berlin'") from None
    return name


class PayloadSettings(Section):
    """Where a message holds its events, where an event holds what, and how that is written.

    Attributes:
        time: a pointer; two pointers, to the date and to the time of day; ``"key"`` for the key of the map;
            ``None`` for the time of arrival.
        time_format: one of `TIME_FORMATS`, or a pattern of `datetime.strptime`.
        true: texts that mean 1, compared without case, as are those of `false` and `missing`.
    """

    layout: Literal["event", "list", "map", "series"]
    records: Annotated[JsonPointer | None, UNSET]
    vehicle_id: JsonPointer | Literal["topic", "key"]
    time: Annotated[str | tuple[str, str] | None, BeforeValidator(_time)]
    time_format: Annotated[str, AfterValidator(_time_format)]
    time_zone: Annotated[str | None, AfterValidator(check_time_zone), UNSET]
    sequence: Annotated[JsonPointer | None, UNSET]
    signal: Annotated[JsonPointer | None, UNSET]
    value: Annotated[JsonPointer | None, UNSET]
    missing: tuple[str, ...]
    true: tuple[str, ...]
    false: tuple[str, ...]
    decimal: Literal[".", ","]
    max_bytes: PositiveInt

    @property
    def has_time(self) -> bool:
        """Whether the time of an event is sent with it, and not that of its arrival."""
        return self.time is not None or self.layout == "series"

    @property
    def holds_maps(self) -> bool:
        """Whether messages hold maps, or may hold them."""
        return self.layout == "map" or self.records is not None

    @model_validator(mode="after")
    def _times_can_be_read(self) -> PayloadSettings:
        time_format, is_pattern = self.time_format, self.time_format not in TIME_FORMATS
        if isinstance(self.time, tuple) and time_format.startswith("epoch"):
            raise ValueError(
                "time: a date and a time of day in two fields need time_format = 'iso8601', 'auto' or a "
                f"pattern, got {time_format!r}"
            )
        if isinstance(self.time, tuple) and self.layout == "series":
            raise ValueError("time: expected one JSON pointer into a sample of a series, got two")
        if is_pattern and self.time_zone is None and "%z" not in time_format and time_format[-1] != "Z":
            raise ValueError(
                "time_zone: times in a pattern without %z need the name of their zone, such as "
                f"'Europe/Berlin' or 'UTC', got none for {time_format!r}"
            )
        return self

    @model_validator(mode="after")
    def _keys_mean_one_thing(self) -> PayloadSettings:
        if self.time == "key" and not (self.holds_maps or self.layout == "series"):
            raise ValueError(
                "time = 'key' needs a map of events by time: layout = 'map', layout = 'series' or records, "
                f"got layout = {self.layout!r}"
            )
        if self.time == "key" and self.vehicle_id == "key" and self.layout != "series":
            raise ValueError("expected the key of a map as time or as vehicle_id, got it as both")
        return self

    @model_validator(mode="after")
    def _signals_are_named_once(self) -> PayloadSettings:
        if self.signal is not None and self.value is None:
            raise ValueError("value: expected a JSON pointer beside that of signal, got none")
        if self.signal is not None and self.layout == "series":
            raise ValueError("signal: expected none with layout = 'series', whose signals have pointers")
        return self

    @model_validator(mode="after")
    def _words_mean_one_thing(self) -> PayloadSettings:
        seen: dict[str, str] = {}
        for key in ("missing", "true", "false"):
            for word in getattr(self, key):
                other = seen.setdefault(word.strip().casefold(), key)
                if other != key:
                    raise ValueError(f"{key}: expected words that are not in {other}, got {word!r}")
        return self
