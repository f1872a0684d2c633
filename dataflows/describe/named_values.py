"""Records that hold one value and say which signal it is, as VSS, Ditto, FleetWise and long tables do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dataflows.describe.shape import Field, Record, collect
from dataflows.describe.times import is_time_name
from dataflows.describe.vehicle import is_vehicle_name

NAMES_OF_VALUES = frozenset({"value", "val", "v", "reading", "doublevalue", "measurevalue"})
NAMES_OF_NAMES = (
    *("signal", "signalname", "signal_name", "path", "pid", "parameter", "param", "metric", "measurement"),
    *("measure", "sensor", "channel", "variable", "property", "name", "key", "tag", "field", "code", "type"),
    "n",  # SenML (RFC 8428)
)
"""What the name of a signal may be called, the surest first."""

MOST_SIGNALS = 500
"""Different names; more are ids."""


def looks_like_signal(name: str) -> bool:
    """Whether a text can be the name of a signal: it has letters, and few digits."""
    letters = sum(character.isalpha() for character in name)
    return letters > 1 and letters > sum(character.isdigit() for character in name)


def signal_and_value(rows: Sequence[Record]) -> tuple[str, str] | None:
    """Pointers to name and value in records that hold one signal each; ``None`` if they are not such."""
    fields = collect(record.fields for record in rows)
    values = [
        field
        for field in fields.values()
        if field.name.lower() in NAMES_OF_VALUES and len(field.numbers) >= 0.3 * max(len(field.values), 1)
    ]
    if len(values) != 1:
        return None
    value = values[0]
    measured = [
        field
        for field in fields.values()
        if field is not value
        and field.is_numeric
        and not field.is_text
        and not is_time_name(field.name)
        and not is_vehicle_name(field.name)
    ]
    names = [field for field in fields.values() if _is_name(field, len(rows))]
    if not names or len(measured) > 1:
        return None
    best = max(names, key=lambda field: (len(field.distinct) > 1, -NAMES_OF_NAMES.index(_plain(field))))
    return best.pointer, value.pointer


def pivoted(rows: Sequence[Record], signal: str, value: str) -> list[Record]:
    """Records with the value under ``"/" + name`` instead of the name and the value."""
    pivoted_rows = []
    for record in rows:
        rest = {
            pointer: scalar for pointer, scalar in record.fields.items() if pointer not in (signal, value)
        }
        name = record.fields.get(signal)
        if name is not None:
            rest[signal_pointer(str(name))] = record.fields.get(value)
        pivoted_rows.append(replace(record, fields=rest))
    return pivoted_rows


def signal_pointer(name: str) -> str:
    """The pointer of a signal that the payload or the topic names: its parts joined by "/" are that name."""
    return "/" + name.removeprefix("/").replace("~", "~0")


def _is_name(field: Field, rows: int) -> bool:
    return (
        _plain(field) in NAMES_OF_NAMES
        and len(field.values) >= 0.9 * rows
        and len(field.distinct) <= min(MOST_SIGNALS, max(rows / 2, 1))
        and all(isinstance(value, str) for value in field.values)
        and all(map(looks_like_signal, field.distinct))
    )


def _plain(field: Field) -> str:
    return field.name.lower()
