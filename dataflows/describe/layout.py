"""What a message is: one event, a list or a map of them, records in an envelope, a series, or a single value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from config.errors import RecordingError
from dataflows.describe import topics
from dataflows.describe.named_values import NAMES_OF_VALUES, looks_like_signal, pivoted, signal_and_value
from dataflows.describe.names import pointer_of
from dataflows.describe.sample import Sample
from dataflows.describe.series import find_series, series_records
from dataflows.describe.shape import NOT_JSON, Record, at, parsed, scalars
from dataflows.describe.times import are_times, is_time_name
from dataflows.describe.vehicle import is_vehicle_name

MOST_RECORDS = 20_000
"""Records that are looked at: messages may hold thousands each."""

_LOOKED_AT = 200
"""Messages that decide what the layout is; the others are counted where they do not fit."""


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
    key: Literal["", "vehicle", "time"] = ""
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
    if sample.has_topics and (found := _one_value_per_topic(sample, values)):
        return found
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
    looked_at = [value for value in values if isinstance(value, dict | list)][:_LOOKED_AT]
    lists = sum(isinstance(value, list) for value in looked_at)
    if lists > len(looked_at) / 2:
        rows, unfit = _split(values, lambda value: _elements(value))
        return Layout("list", "every message is an array of events", rows, unfit=unfit)
    objects = [value for value in looked_at if isinstance(value, dict)]
    if key := _key_of_map(objects):
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
    if envelope := _envelope(objects):
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


def _one_value_per_topic(sample: Sample, values: Sequence[Any]) -> Layout | None:
    """Messages that hold a value whose name is in the topic: a scalar, bare text, or ``{"value": …}``."""
    bare = sum(not isinstance(value, dict | list) for value in values)
    pointer = ""
    if bare <= len(values) / 2:
        if len(set(sample.topics)) < 2:
            return None
        objects = [value for value in values if isinstance(value, dict)]
        pointer = _value_beside_topic(sample, objects)
        if not pointer:
            return None
    rows = []
    level = topics.signal_level(sample.topics)
    for message, (topic, payload, value) in enumerate(
        zip(sample.topics, sample.payloads, values, strict=True)
    ):
        name = topics.level_of(topic, level)
        single = at(value, pointer) if pointer else value
        if single is NOT_JSON:
            single = payload.decode("utf-8", errors="replace")
        if name and not isinstance(single, dict | list):
            beside = dict(scalars(value)) if isinstance(value, dict) else {}
            beside.pop(pointer, None)
            rows.append(Record({"/" + name.replace("~", "~0"): single}, beside, "", message))
    if not rows:
        return None
    where = f"the value is at {pointer}" if pointer else "the payload is the value"
    return Layout(
        "event",
        f"every topic is one signal, and {where}",
        rows,
        value=pointer,
        one_per_topic=True,
        unfit=len(values) - len(rows),
    )


def _value_beside_topic(sample: Sample, objects: list[dict[str, Any]]) -> str:
    """Pointer to the value of messages whose topic names their signal; empty if they are not such."""
    if len(objects) < 0.9 * len(sample):
        return ""
    level = topics.signal_level(sample.topics)
    names = {topics.level_of(topic, level) for topic in sample.topics}
    if len(names) < 2 or not all(looks_like_signal(name) for name in names if name):
        return ""
    for pointer, value in scalars(objects[0]):
        if pointer.rpartition("/")[2].lower() in NAMES_OF_VALUES and not isinstance(value, dict | list):
            others = [other for other, _ in scalars(objects[0]) if other != pointer]
            measured = [other for other in others if _is_measured(other, at(objects[0], other))]
            if not measured and all(at(each, pointer) is not None for each in objects[:_LOOKED_AT]):
                return pointer
    return ""


def _split(values: Sequence[Any], parts_of: Any, envelope: str = "") -> tuple[list[Record], int]:
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


def _key_of_map(objects: Sequence[Any]) -> Literal["", "vehicle", "time"]:
    """What the keys are if these objects are maps of similar events; empty if they are not.

    A nested event, ``{"engine": {…}, "gps": {…}}``, is told from a map by its inner objects, which differ.
    """
    maps = [value for value in objects if isinstance(value, dict) and value]
    if not maps or len(maps) < 0.9 * len(objects):
        return ""
    inner = [part for value in maps for part in value.values()]
    if sum(isinstance(part, dict) for part in inner) < 0.98 * len(inner):
        return ""
    inner = [part for part in inner if isinstance(part, dict) and part]
    keys = [key for value in maps for key in value]
    if not inner or not _are_alike(inner):
        return ""
    if are_times(sorted(set(keys))):
        return "time"
    repeats_key = sum(key in part.values() for value in maps for key, part in value.items() if part)
    has_digits = sum(any(character.isdigit() for character in key) for key in keys)
    several = max(map(len, maps)) > 1
    if repeats_key > 0.9 * len(keys) or (has_digits > 0.9 * len(keys) and len(inner[0]) > 1):
        return "vehicle"
    return "vehicle" if several and len(set(keys)) > 2 * max(map(len, maps)) else ""


def _are_alike(inner: list[dict[str, Any]]) -> bool:
    counts = Counter(key for part in inner for key in part)
    common = {key for key, count in counts.items() if count >= len(inner) / 2}
    if not common:
        return False
    overlap = [len(common & part.keys()) / len(common | part.keys()) for part in inner]
    return sum(overlap) / len(overlap) >= 0.6


def _envelope(objects: list[dict[str, Any]]) -> tuple[str, Literal["", "vehicle", "time"]] | None:
    """Pointer to what holds the records of these messages, and what its keys are if it is a map."""
    best: tuple[int, str, Literal["", "vehicle", "time"]] | None = None
    for pointer in dict.fromkeys(pointer for value in objects for pointer in _containers(value)):
        found = [at(value, pointer) for value in objects]
        present = [part for part in found if part]
        key: Literal["", "vehicle", "time"] = ""
        if all(isinstance(part, list) for part in present):
            elements = [element for part in present for element in part]
        elif key := _key_of_map(present):
            elements = [element for part in present for element in part.values()]
        else:
            continue
        elements = [element for element in elements if isinstance(element, dict)]
        if not elements:
            continue
        inside = _measured(elements)
        outside = _measured(objects, pointer)
        if inside and inside >= outside and (best is None or inside > best[0]):
            best = inside, pointer, key
    return None if best is None else best[1:]


def _containers(value: Any, above: tuple[str, ...] = ()) -> Iterator[str]:
    """Pointers to the arrays of objects and to the objects below an object, not looking into arrays."""
    if not isinstance(value, dict) or len(above) > 4:
        return
    for key, below in value.items():
        path = (*above, key)
        if isinstance(below, list) and below and all(isinstance(element, dict) for element in below):
            yield pointer_of(path)
        elif isinstance(below, dict):
            if below and all(isinstance(member, dict) for member in below.values()):
                yield pointer_of(path)
            yield from _containers(below, path)


def _measured(objects: Sequence[Any], without: str = "") -> int:
    """How many different numbers these objects hold that are neither times nor ids."""
    found = set()
    for value in objects[:_LOOKED_AT]:
        for pointer, scalar in scalars(value):
            if not (without and pointer.startswith(f"{without}/")) and _is_measured(pointer, scalar):
                found.add(pointer)
    return len(found)


def _is_measured(pointer: str, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    name = pointer.rpartition("/")[2]
    return not is_time_name(name) and not is_vehicle_name(name)


def _excerpt(payload: bytes) -> str:
    text = payload[:60].decode("utf-8", errors="backslashreplace")
    return repr(text + "…" if len(payload) > 60 else text)
