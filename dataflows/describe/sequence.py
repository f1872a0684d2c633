"""A counter that tells apart the events that a vehicle sends at one time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dataflows.describe.names import words
from dataflows.describe.shape import Field

_NAMES = frozenset(
    {
        "seq", "sequence", "n", "sequence number", "sequence no", "seq no", "seq num", "msg id", "message id",
        "packet id", "packet no", "msg no", "index", "idx", "frame", "counter", "seqno", "msgid",
    }
)  # fmt: skip


def find_sequence(fields: Mapping[str, Field], vehicles: Sequence[str]) -> str:
    """Pointer to the field that is called so and grows with every event of a vehicle; empty without one."""
    rows = len(vehicles)
    for field in fields.values():
        if " ".join(words(field.name)) not in _NAMES or not field.is_whole:
            continue
        if any(isinstance(value, bool | float) for value in field.values):  # no identifiers to the decoder
            continue
        if len(field.rows) < 0.9 * rows or len(field.numbers) != len(field.rows):
            continue
        latest: dict[str, float] = {}
        steps = grows = 0
        for row, value in field.numbered:
            if vehicles[row] in latest:
                steps += 1
                grows += value > latest[vehicles[row]]
            latest[vehicles[row]] = value
        if steps and grows >= 0.95 * steps:
            return field.pointer
    return ""
