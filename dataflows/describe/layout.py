"""What a message is: an event, a list or map of events, records in an envelope, a series, or a value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from config.errors import RecordingError
from dataflows.describe.containers import LOOKED_AT, Key, find_envelope, key_of_map
from dataflows.describe.named_values import pivoted, signal_and_value
from dataflows.describe.sample import Sample
from dataflows.describe.series import find_series, series_records
from dataflows.describe.shape import Record, at, parsed, scalars
from dataflows.describe.topic_values import find_topic_values

MOST_RECORDS = 20_000
"""Records that are looked at: messages may hold thousands each."""

PartsOf = Callable[[Any], list[tuple[str, Any]] | None]
"""A JSON value → key (empty in an array) and value of each event in it; ``None`` if it is something else."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How messages are read, and the records that come out of them.

    Attributes:
        kind: the value of ``payload.layout``.
        why: what was seen that makes it this one.
        rows: the records.
        envelope: pointer to the records inside a message, ``payload.records``; empty if there is no envelope.
        key: what the key of a map is.
        signal, value: pointers to the name and the value of a record that holds one signal; empty elsewhere.
        time: pointer to the time inside an element of a series; empty elsewhere.
        one_per_topic: whether the topic names the signal.
        unfit: messages that are read in no such way.
        unsure: what could be otherwise.
    """

    kind: Literal["event", "list", "map", "series"]
    why: str
    rows: list[Record]
    envelope: str = ""
    key: Key = ""
    signal: str = ""
    value: str = ""
    time: str = ""
    one_per_topic: bool = False
    unfit: int = 0
    unsure: list[str] = field(default_factory=list)


def find_layout(sample: Sample) -> Layout:
    """Decide what the messages of a sample are.

    Raises:
        RecordingError: nothing in them can be an event.
    """
    values = [parsed(payload) for payload in sample.payloads]
    if sample.has_topics and (found := find_topic_values(sample, values)):
        where = f"the value is at {found.pointer}" if found.pointer else "the payload is the value"
        return Layout(
            "event",
            f"every topic is one signal, and {where}",
            found.rows,
            value=found.pointer,
            one_per_topic=True,
            unfit=len(values) - len(found.rows),
        )
    if not any(isinstance(value, dict | list) for value in values):
        raise RecordingError(
            f'{sample.name}: expected JSON objects such as {{"speed": 61.2}}, or one value per topic, '
            f"got {_excerpt(sample.payloads[0])}; is this telemetry?"
        )
    layout = _of_objects(sample, values)
    if not any(record.fields for record in layout.rows):
        raise RecordingError(
            f'{sample.name}: expected JSON objects with values such as {{"speed": 61.2}}, got none in '
            f"{len(sample):,} messages; the first is {_excerpt(sample.payloads[0])}"
        )
    named = signal_and_value(layout.rows)
    if named is None:
        return layout
    signal, value = named
    return replace(
        layout,
        rows=pivoted(layout.rows, signal, value),
        signal=signal,
        value=value,
        why=f"{layout.why}; each names one signal at {signal} and has its value at {value}",
    )


def _of_objects(sample: Sample, values: Sequence[Any]) -> Layout:
    looked_at = [value for value in values if isinstance(value, dict | list)][:LOOKED_AT]
    lists = sum(isinstance(value, list) for value in looked_at)
    if lists > len(looked_at) / 2:
        rows, unfit = _split(values, lambda value: _elements(value))
        return Layout("list", "every message is an array of events", rows, unfit=unfit)
    objects = [value for value in looked_at if isinstance(value, dict)]
    if key := key_of_map(objects):
        rows, unfit = _split(values, _members)
        what = "the time" if key == "time" else "the vehicle"
        return Layout("map", f"every message is a map of events by {what}", rows, key=key, unfit=unfit)
    if series := find_series(objects):
        found = list(series_records(values, series))
        return Layout(
            "series",
            "every signal is an array of samples with their times",
            found[:MOST_RECORDS],
            time=series.time,
            value=series.value,
            unfit=sum(not isinstance(value, dict) for value in values),
        )
    if envelope := find_envelope(objects):
        pointer, key = envelope
        rows, unfit = _split(values, lambda value: _inside(value, pointer), pointer)
        what = {"": "an array of", "time": "a map by time of", "vehicle": "a map by vehicle of"}[key]
        kind: Literal["list", "map"] = "map" if key else "list"
        return Layout(
            kind, f"every message is an envelope with {what} records at {pointer}", rows, pointer, key,
            unfit=unfit,
        )  # fmt: skip
    rows, unfit = _split(values, lambda value: [("", value)] if isinstance(value, dict) else None)
    what = "row of the table" if sample.is_table else "message"
    return Layout("event", f"every {what} is one event", rows, unfit=unfit)


def _split(values: Sequence[Any], parts_of: PartsOf, envelope: str = "") -> tuple[list[Record], int]:
    """The records of all messages, and how many messages have none because they are something else."""
    rows: list[Record] = []
    unfit = 0
    for message, value in enumerate(values):
        parts = parts_of(value)
        if parts is None:
            unfit += 1
            continue
        if len(rows) >= MOST_RECORDS:
            break
        outside: dict[str, Any] = {}
        if envelope:
            inside = f"{envelope}/"
            outside = {
                pointer: scalar for pointer, scalar in scalars(value) if not pointer.startswith(inside)
            }
        for key, part in parts:
            if isinstance(part, dict):
                rows.append(Record(dict(scalars(part)), outside, key, message))
    return rows, unfit


def _elements(value: Any) -> list[tuple[str, Any]] | None:
    return [("", part) for part in value] if isinstance(value, list) else None


def _members(value: Any) -> list[tuple[str, Any]] | None:
    return list(value.items()) if isinstance(value, dict) else None


def _inside(value: Any, pointer: str) -> list[tuple[str, Any]] | None:
    found = at(value, pointer)
    return _elements(found) if isinstance(found, list) else _members(found)


def _excerpt(payload: bytes) -> str:
    text = payload[:60].decode("utf-8", errors="backslashreplace")
    return repr(text + "…" if len(payload) > 60 else text)
