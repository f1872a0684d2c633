"""What an event is made of: where each field is, and how it is found and checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jsonpointer

from config.settings import PayloadSettings, SignalSettings
from dataflows.decode.faults import UndecodableError, described
from dataflows.decode.field_types import ANYTHING, IDENTIFIER, TEXT_OR_NUMBER, FieldType

ARRAY_INDEX = re.compile("0|[1-9][0-9]{0,8}")
"""What RFC 6901, section 4, allows as an index."""

SERIES_TIME = "/time"
SERIES_VALUE = "/value"
"""Where a sample of a series holds its time and value, unless the settings say otherwise."""

Row = tuple[Any, ...]
"""One value per `Field`, as its `FieldType` says."""


def tokens_of(pointer: str) -> tuple[str, ...]:
    """The unescaped parts of a JSON pointer."""
    return tuple(jsonpointer.JsonPointer(pointer).parts)


@dataclass(frozen=True, slots=True)
class Field:
    """One value to be found in every event.

    Attributes:
        name: for reasons, e.g. ``"signal 'speed'"``.
        pointer: where it is in the event (RFC 6901).
        tokens: the unescaped parts of the pointer.
        type: what it may hold.
        signal: the signal that it is the value of, or ``None``.
    """

    name: str
    pointer: str
    tokens: tuple[str, ...]
    type: FieldType
    signal: str | None = None

    @classmethod
    def at(cls, pointer: str, name: str, type: FieldType, signal: str | None = None) -> Field:
        """The field at a JSON pointer."""
        return cls(name, pointer, tokens_of(pointer), type, signal)

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
        fields: the vehicle id, the event time, the time of day, the sequence and the name of the signal, each
            only if the settings point to it. Then every signal of the catalogue in its order, or, if events
            name their signal, the one value.
        vehicle_id: position of the vehicle id among the fields; none if it is not in the event.
        time: position of the event time, or of its date.
        time_of_day: position of the time of day if that is in a field of its own.
        sequence: position of the sequence.
        signal: position of the name of the signal.
        values: position of the first signal, or of the one value.
    """

    fields: tuple[Field, ...]
    vehicle_id: int | None
    time: int | None
    time_of_day: int | None
    sequence: int | None
    signal: int | None
    values: int

    @classmethod
    def of(
        cls,
        payload: PayloadSettings,
        signals: Mapping[str, SignalSettings],
        *,
        time_type: FieldType,
        signal_type: FieldType,
    ) -> EventFields:
        """The fields that the settings name.

        Args:
            payload: where the parts of an event are.
            signals: the catalogue.
            time_type: what the event time may be.
            signal_type: what the value of a signal may be.
        """
        fields: list[Field] = []

        def position(
            pointer: str | None, name: str, type: FieldType, signal: str | None = None
        ) -> int | None:
            if pointer is None:
                return None
            fields.append(Field.at(pointer, name, type, signal))
            return len(fields) - 1

        in_event = payload.vehicle_id not in ("topic", "key")
        vehicle_id = position(payload.vehicle_id if in_event else None, "the vehicle id", IDENTIFIER)
        date_pointer, clock_pointer = time_pointers(payload)
        if clock_pointer is not None:
            time_type = TEXT_OR_NUMBER
        time = position(date_pointer, "the event time", time_type)
        time_of_day = position(clock_pointer, "the time of day", TEXT_OR_NUMBER)
        sequence = position(payload.sequence, "the sequence", IDENTIFIER)
        signal = position(payload.signal, "the name of the signal", IDENTIFIER)
        values = len(fields)
        if payload.value is not None and payload.layout != "series":
            position(payload.value, "the value", ANYTHING)
        else:
            for name, settings in signals.items():
                position(settings.pointer, f"signal {name!r}", signal_type, name)
        return cls(tuple(fields), vehicle_id, time, time_of_day, sequence, signal, values)


def time_pointers(payload: PayloadSettings) -> tuple[str | None, str | None]:
    """Pointers to the time and, if it is in a field of its own, to the time of day; ``None`` for none.

    Events of a series have their time where their samples have it, or by default at `SERIES_TIME`.
    """
    match payload.time:
        case (date, time_of_day):
            return date, time_of_day
        case "key" | None if payload.layout == "series":
            return SERIES_TIME, None
        case "key" | None:
            return None, None
        case pointer:
            return str(pointer), None
