"""Topics as templates: which level names the vehicle and which the signal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

_COLLECTIONS = frozenset(
    {
        "car", "cars", "vehicle", "vehicles", "fleet", "device", "devices", "truck", "trucks", "bus",
        "buses", "van", "vans", "asset", "assets", "thing", "things", "veh", "unit", "units", "d",
        "wican", "tracker", "trackers", "machine", "machines", "bikes", "obd",
    }
)  # fmt: skip
"""Levels that the id of a vehicle often follows."""


def usual_depth(topics: Sequence[str]) -> int:
    """The number of levels that most topics have."""
    return Counter(topic.count("/") + 1 for topic in topics).most_common(1)[0][0]


def level_of(topic: str, level: int) -> str:
    """A level of a topic, from 0; empty if the topic has no such level."""
    levels = topic.split("/")
    return levels[level] if 0 <= level < len(levels) else ""


def signal_level(topics: Sequence[str]) -> int:
    """The level that names the signal of topics that do: the last one that varies and is no id."""
    depth = usual_depth(topics)
    varying = _varying(topics, depth)
    words = [level for level in varying if not _are_ids(topics, depth, level)]
    return (words or varying or [depth - 1])[-1]


def vehicle_level(topics: Sequence[str], signal: int | None = None) -> int | None:
    """The level that names the vehicle; ``None`` if none seems to.

    It varies and holds ids, or else follows a level such as "cars", or else looks like an id.

    Args:
        topics: of all messages.
        signal: the level that names the signal, which does not name the vehicle.
    """
    depth = usual_depth(topics)
    levels = [level for level in range(depth) if level != signal]
    varying = [level for level in _varying(topics, depth) if level in levels]
    with_ids = [level for level in varying if _are_ids(topics, depth, level)]
    for candidates in (with_ids, varying):
        if candidates:
            return candidates[0]
    constant = next(topic for topic in topics if topic.count("/") + 1 == depth).split("/")
    for level in levels:
        if (
            level
            and constant[level - 1].lower() in _COLLECTIONS
            and (signal is not None or _is_id(constant[level]))
        ):
            return level
    return next((level for level in levels if level and _is_id(constant[level])), None)


def template(
    topics: Sequence[str], subscribed: str | None, vehicle: int | None, signal: int | None
) -> tuple[str, int]:
    """The value of ``topics.telemetry``, and how many of the topics it does not cover.

    Args:
        topics: of all messages.
        subscribed: the filter that they were subscribed to with; ``None`` for a recording.
        vehicle, signal: the levels that name these, if any.
    """
    depth = usual_depth(topics)
    asked = (subscribed or "").split("/")
    levels = []
    for level in range(depth):
        seen = {level_of(topic, level) for topic in topics if topic.count("/") + 1 == depth}
        if level == vehicle:
            levels.append("{vehicle}")
        elif level == signal:
            levels.append("{signal}")
        elif len(seen) > 1 or (subscribed and level < len(asked) and asked[level] == "+"):
            levels.append("+")
        else:
            levels.append(min(seen))
    uncovered = sum(topic.count("/") + 1 != depth for topic in topics)
    return "/".join(levels), uncovered


def _varying(topics: Sequence[str], depth: int) -> list[int]:
    same_depth = [topic.split("/") for topic in topics if topic.count("/") + 1 == depth]
    return [level for level in range(depth) if len({levels[level] for levels in same_depth}) > 1]


def _are_ids(topics: Sequence[str], depth: int, level: int) -> bool:
    names = {level_of(topic, level) for topic in topics if topic.count("/") + 1 == depth}
    return sum(map(_is_id, names)) > len(names) / 2


def _is_id(text: str) -> bool:
    digits = sum(character.isdigit() for character in text)
    return digits > 0 and (digits >= 2 or len(text) <= 8)
