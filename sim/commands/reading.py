"""A payload is a command as JSON, or a bare word such as ``stop``."""

from __future__ import annotations

import re
from typing import Any, NamedTuple
from uuid import uuid4

import msgspec

from dataflows.events import JSON_ERRORS, Command

LARGEST = 65_536
"""Bytes; a command needs a few hundred."""

_BARE_WORD = re.compile(rb"\s*([A-Za-z_][\w-]{0,99})\s*", re.ASCII)
_LONGEST_ID, _LONGEST_NAME, _LONGEST_SENDER = 200, 100, 100
_decoder = msgspec.json.Decoder(Command)


class Unreadable(NamedTuple):
    """What is no command.

    Attributes:
        command_id, name, by: as far as they could be read; else empty.
        reason: expected, got; one line.
    """

    command_id: str
    name: str
    by: str
    reason: str


def read(payload: bytes) -> Command | Unreadable:
    """The command in a payload; a bare word gets an id of its own with every delivery. Never raises."""
    if len(payload) > LARGEST:
        return Unreadable("", "", "", f"expected at most {LARGEST:,} bytes, got {len(payload):,}")
    if (word := _BARE_WORD.fullmatch(payload)) is not None:
        return Command(id=f"word-{uuid4().hex}", name=word[1].decode("ascii"))
    try:
        return _decoder.decode(payload)
    except JSON_ERRORS as error:
        reason = " ".join(str(error).split())
        return _remains(payload, f"expected a word or a JSON object with id and name, got: {reason[:300]}")


def quoted(value: object) -> str:
    """A value of a sender, for an error message: short, and on one line."""
    text = value if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)
    short = text if len(text) <= 80 else f"{text[:80]}…"
    return repr(short) if isinstance(value, str) else short


def _remains(payload: bytes, reason: str) -> Unreadable:
    """What can still be read, so that the sender recognizes its command."""
    try:
        found: Any = msgspec.json.decode(payload)
    except JSON_ERRORS:
        found = None
    fields = found if isinstance(found, dict) else {}
    return Unreadable(
        _text(fields, "id", _LONGEST_ID),
        _text(fields, "name", _LONGEST_NAME),
        _text(fields, "by", _LONGEST_SENDER),
        reason,
    )


def _text(fields: dict[str, Any], name: str, longest: int) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) and len(value) <= longest else ""
