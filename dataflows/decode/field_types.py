"""What a field of an event may hold, for the parser in C and for pointers that are followed in Python."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dataflows.decode.texts import TextValues

MISSING = float("nan")
"""The value of a signal that was not sent, or cannot be read."""


@dataclass(frozen=True, slots=True)
class FieldType:
    """What a field may hold.

    Attributes:
        expected: in words, for reasons.
        schema: the same for msgspec. It may be narrower than what `read` accepts.
        absent: the value of a missing field.
        read: a decoded JSON value → the value to work with; raises `TypeError` for a wrong type and
            `ValueError` with a reason for a wrong value.
    """

    expected: str
    schema: Any
    absent: Any
    read: Callable[[Any], Any]


def signal_type(texts: TextValues) -> FieldType:
    """A measured value as float: a number, a boolean, or a text that holds one of them.

    The schema has no texts: senders of numbers are not slowed down by those who write texts.
    """

    def read(value: Any) -> float:
        if value is None:
            return MISSING
        if isinstance(value, str):
            number = texts.read(value)
            if number is None:
                raise TypeError
            return number
        if not isinstance(value, bool | int | float):
            raise TypeError
        return float(value)

    return FieldType("a number, a boolean or null", float | bool | None, MISSING, read)


def _read_identifier(value: Any) -> str | int | None:
    if isinstance(value, bool) or not isinstance(value, str | int | None):
        raise TypeError
    return value


def _read_text_or_number(value: Any) -> str | int | float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float | None):
        raise TypeError
    return value


def _read_anything(value: Any) -> Any:
    return value


IDENTIFIER = FieldType("a string or an integer", str | int | None, None, _read_identifier)
TEXT_OR_NUMBER = FieldType("a string or a number", str | int | float | None, None, _read_text_or_number)
"""A part of a time, or a time that is read together with all others of a batch."""
ANYTHING = FieldType("any value", Any, None, _read_anything)
"""The value of a signal that is named beside it; it is read once it is known that the signal is wanted."""
