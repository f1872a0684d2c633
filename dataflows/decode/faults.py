"""Why events cannot be used: the reasons in dead letters, their wording, and which events have one."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MAX_REASON_CHARACTERS = 400
_MAX_EXCERPT_CHARACTERS = 40


KINDS = {
    "not_json": r"expected JSON",
    "too_long": r"expected a message of at most",
    "vehicle_id": r"expected the vehicle id",
    "time": r"expected the (?:event time|time of day)",
    "sequence": r"expected the sequence",
    "signal": r"expected (?:a signal in the topic|the name of the signal|signal)",
    "own_output": r"expected telemetry, got an enriched event",
    "action": r"expected an alert action",
}
"""Kinds of reasons, few enough to be the label of a metric, and how these begin; others are of `LAYOUT`."""

LAYOUT = "layout"
"""Kind of a reason: what is there is not where, or not of the form that, the settings say."""

_KIND = re.compile("|".join(f"(?P<{kind}>{beginning})" for kind, beginning in KINDS.items()))


def kind_of(reason: str) -> str:
    """Which of the `KINDS` a reason is, or `LAYOUT`."""
    found = _KIND.match(reason)
    return LAYOUT if found is None or found.lastgroup is None else found.lastgroup


class UndecodableError(ValueError):
    """One event or message cannot be used; the text is the reason in its dead letter."""


class Faults:
    """The events of a batch that cannot be used, by their position in the batch.

    Every stage of decoding adds what it finds. The first reason of an event is the one that is kept: later
    stages only see what the first one left of it.
    """

    def __init__(self) -> None:
        self._reasons: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._reasons)

    def add(self, position: int, reason: str) -> None:
        """Rule out an event, unless it is ruled out already.

        Args:
            position: of the event in its batch.
            reason: what was expected and what came, on one line; cut to `MAX_REASON_CHARACTERS`.
        """
        self._reasons.setdefault(position, reason[:MAX_REASON_CHARACTERS])

    def of_events(self, positions: Sequence[int]) -> Faults:
        """Those of some events, by their place among these.

        Args:
            positions: of the events, ascending.
        """
        chosen = Faults()
        for place, position in enumerate(positions):
            if position in self._reasons:
                chosen.add(place, self._reasons[position])
        return chosen

    def in_order(self) -> list[tuple[int, str]]:
        """Positions, ascending, and their reasons."""
        return sorted(self._reasons.items())

    def mask(self, events: int) -> NDArray[np.bool_]:
        """Whether each of `events` events has a fault."""
        mask = np.zeros(events, dtype=np.bool_)
        if self._reasons:
            mask[list(self._reasons)] = True
        return mask


def check_utf8(payload: bytes) -> None:
    """Check every byte of a payload; msgspec does not look into strings that it skips.

    Raises:
        UnicodeDecodeError: the payload is not UTF-8.
    """
    if not payload.isascii():
        payload.decode("utf-8")


def json_reason(payload: bytes, error: Exception) -> str:
    """Why a payload is not JSON, from one of the `dataflows.events.JSON_ERRORS`."""
    size = len(payload)
    match error:
        case UnicodeDecodeError():
            byte = error.object[error.start]
            return f"expected JSON in UTF-8, got the byte 0x{byte:02x} at position {error.start}"
        case RecursionError():
            return f"expected JSON, got {size} bytes that are nested too deeply to be read"
        case _ if not payload:
            return "expected JSON, got an empty payload"
        case _ if not payload.strip():
            return f"expected JSON, got nothing but white space ({size} bytes)"
        case _:
            problem = str(error).removeprefix("JSON is malformed: ").lower()
            that = "byte that is" if size == 1 else "bytes that are"
            return f"expected JSON, got {size} {that} not JSON: {problem}"


def described(value: object) -> str:
    """A decoded JSON value as a reason names it: its type, and a scalar itself."""
    match value:
        case None:
            return "null"
        case bool():
            return f"the boolean {str(value).lower()}"
        case int() | float():
            return f"the number {excerpt(value)}"
        case str():
            return f"the string {excerpt(value)}"
        case list():
            return "an array"
        case _:
            return "an object"


def excerpt(value: object) -> str:
    """The start of a value's `repr`: short and on one line, whatever the value is."""
    text = repr(value)
    return text if len(text) <= _MAX_EXCERPT_CHARACTERS else f"{text[:_MAX_EXCERPT_CHARACTERS]}…"
