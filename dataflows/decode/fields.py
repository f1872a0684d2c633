"""What an event is made of: where each field is, what it may hold, and how it is found and checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import jsonpointer
import msgspec

from config.settings import PayloadSettings, SignalSettings
from dataflows.decode.faults import UndecodableError, described, excerpt

ARRAY_INDEX = re.compile("0|[1-9][0-9]{0,8}")
"""What RFC 6901, section 4, allows as an index."""

Row = tuple[Any, ...]
"""One value per `Field`, as its `FieldType` says."""

_ABSENT = float("nan")


@dataclass(frozen=True, slots=True)
class FieldType:
    """What a field may hold.

    Attributes:
        expected: in words, for reasons.
        schema: the same for msgspec.
        absent: the value of a missing field.
        read: a decoded JSON value → the value to work with; raises `TypeError` for a wrong type and
            `ValueError` with a reason for a wrong value.
    """

    expected: str
    schema: Any
    absent: Any
    read: Callable[[Any], Any]


def _read_identifier(value: Any) -> str | int | None:
    if isinstance(value, bool) or not isinstance(value, str | int | None):
        raise TypeError
    return value


def _read_iso8601(value: Any) -> datetime | None:
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
    if moment.tzinfo is None:
        raise ValueError(f"got {excerpt(value)}, which has no time zone")
    return moment


def _read_epoch(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | None):
        raise TypeError
    return value


def _read_signal(value: Any) -> float:
    if value is None:
        return _ABSENT
    if not isinstance(value, bool | int | float):
        raise TypeError
    return float(value)


IDENTIFIER = FieldType("a string or an integer", str | int | None, None, _read_identifier)
ISO8601 = FieldType(
    "an ISO 8601 time with a zone, such as '2026-01-31T12:00:00Z'",
    Annotated[datetime, msgspec.Meta(tz=True)] | None,
    None,
    _read_iso8601,
)
EPOCH_SECONDS = FieldType("a number of seconds since 1970", int | float | None, None, _read_epoch)
EPOCH_MILLISECONDS = FieldType("a number of milliseconds since 1970", int | float | None, None, _read_epoch)
SIGNAL = FieldType("a number, a boolean or null", float | bool | None, _ABSENT, _read_signal)

_TIME_TYPES = {"iso8601": ISO8601, "epoch_s": EPOCH_SECONDS, "epoch_ms": EPOCH_MILLISECONDS}


@dataclass(frozen=True, slots=True)
class Field:
    """One value to be found in every event.

    Attributes:
        name: for reasons, e.g. ``"signal 'speed'"``.
        pointer: where it is in the event (RFC 6901).
        tokens: the unescaped parts of the pointer.
        type: what it may hold.
    """

    name: str
    pointer: str
    tokens: tuple[str, ...]
    type: FieldType

    @classmethod
    def at(cls, pointer: str, name: str, type: FieldType) -> Field:
        """The field at a JSON pointer."""
        return cls(name, pointer, tuple(jsonpointer.JsonPointer(pointer).parts), type)

    @property
    def title(self) -> str:
        """Name and place, e.g. ``"signal 'speed' at /speed"``."""
        return f"{self.name} at {self.pointer}"

    def of(self, event: dict[str, Any]) -> Any:
        """The value in a decoded event; `type.absent` if it, or what should hold it, is missing or null.

        Raises:
            UndecodableError: it has the wrong type, or what should hold it has.
            OverflowError: it is an integer beyond float64.
        """
        value: Any = event
        for depth, token in enumerate(self.tokens):
            if isinstance(value, dict):
                value = value.get(token)
            elif isinstance(value, list) and ARRAY_INDEX.fullmatch(token):
                value = value[int(token)] if int(token) < len(value) else None
            elif value is None:
                break
            else:
                parent = self.pointer.rsplit("/", len(self.tokens) - depth)[0]
                raise UndecodableError(f"expected {self.title}, got {described(value)} at {parent}")
        try:
            return self.type.read(value)
        except TypeError:
            problem = f"got {described(value)}"
        except ValueError as error:
            problem = str(error)
        raise UndecodableError(f"expected {self.title} to be {self.type.expected}, {problem}")


@dataclass(frozen=True, slots=True)
class EventFields:
    """The fields of an event, as `[payload]` and `[signals.*]` name them.

    Attributes:
        fields: the vehicle id, the event time and the sequence, each only if the settings point to
            it, then every signal of the catalogue in its order.
        vehicle_id: position of the vehicle id among the fields; none if it is not in the event.
        time: position of the event time, an aware `datetime` or a number.
        sequence: position of the sequence.
    """

    fields: tuple[Field, ...]
    vehicle_id: int | None
    time: int | None
    sequence: int | None

    @classmethod
    def of(cls, payload: PayloadSettings, signals: Mapping[str, SignalSettings]) -> EventFields:
        """The fields that the settings name."""
        fields: list[Field] = []

        def position(pointer: str | None, name: str, type: FieldType) -> int | None:
            if pointer is None:
                return None
            fields.append(Field.at(pointer, name, type))
            return len(fields) - 1

        in_event = payload.vehicle_id not in ("topic", "key")
        vehicle_id = position(payload.vehicle_id if in_event else None, "the vehicle id", IDENTIFIER)
        time = position(payload.time, "the event time", _TIME_TYPES[payload.time_format])
        sequence = position(payload.sequence, "the sequence", IDENTIFIER)
        for name, signal in signals.items():
            position(signal.pointer, f"signal {name!r}", SIGNAL)
        return cls(tuple(fields), vehicle_id, time, sequence)
