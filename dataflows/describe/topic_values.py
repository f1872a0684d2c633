"""Messages that hold a single value, whose name is in the topic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from config.errors import RecordingError
from dataflows.describe import topics
from dataflows.describe.containers import LOOKED_AT, is_measured
from dataflows.describe.named_values import NAMES_OF_VALUES, looks_like_signal, signal_pointer
from dataflows.describe.sample import Sample
from dataflows.describe.shape import NOT_JSON, Record, at, scalars


class TopicValues(NamedTuple):
    """Messages of one value each.

    Attributes:
        rows: a record for each, with the value under the name that the topic has.
        pointer: where the value is in the payload; empty if the payload is the value.
    """

    rows: list[Record]
    pointer: str


def find_topic_values(sample: Sample, values: Sequence[Any]) -> TopicValues | None:
    """Read messages that hold a scalar, bare text, or ``{"value": …}``; ``None`` if they are not such.

    Args:
        sample: n messages with topics.
        values: n payloads as JSON values.

    Raises:
        RecordingError: the topics name signals, but have no level for the vehicle.
    """
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
            rows.append(Record({signal_pointer(name): single}, beside, "", message))
    if not rows:
        return None
    if level == 0:
        raise RecordingError(
            f"{sample.name}: expected topics with a level for the vehicle and one for the signal, such as "
            f"cars/1/speed, got {sample.topics[0]!r}; a bridge or the sender can put the vehicle in front"
        )
    return TopicValues(rows, pointer)


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
            measured = [other for other in others if is_measured(other, at(objects[0], other))]
            if not measured and all(at(each, pointer) is not None for each in objects[:LOOKED_AT]):
                return pointer
    return ""
