"""Finds numbers in telemetry that look like signals and that no setting points to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import jsonpointer
import msgspec

from config.settings import Settings
from dataflows.events import JSON_ERRORS

ENOUGH = 500
"""Events that are looked at: a few seconds of a fleet."""

USUAL_SHARE = 0.5
"""Share of the events in which a field must be a number."""

LEAST_DIFFERENT = 3
"""Different values that a field must have: a flag or a constant is no signal."""

DEEPEST = 12
"""Levels of nesting that are looked at."""

LARGEST = 1e300
"""Numbers beyond it are no measurements, and may be beyond float64."""

MOST_NAMED = 8
"""Fields that a warning names."""


class UnknownFields:
    """Looks at the first events of a stream for numbers that are not used.

    Args:
        used: JSON pointers that settings name; what is below one is used, too.
    """

    def __init__(self, used: Iterable[str]) -> None:
        self._used = {tuple(jsonpointer.JsonPointer(pointer).parts) for pointer in used}
        self._seen = 0
        self._numbers: dict[tuple[str, ...], int] = {}
        self._values: dict[tuple[str, ...], set[float]] = {}

    @classmethod
    def of(cls, settings: Settings) -> UnknownFields:
        """Looks at what no key of the settings points to.

        Where the telemetry names its signals, unknown ones are counted by the decoder instead.
        """
        payload, topic = settings.payload, settings.topics.telemetry_template
        if payload.signal is not None or payload.layout == "series" or topic.names_signal:
            return cls([""])  # the pointer to the whole event
        times = payload.time if isinstance(payload.time, tuple) else (payload.time,)
        pointers = [payload.vehicle_id, payload.sequence, *times]
        pointers += [signal.pointer for signal in settings.signals.values()]
        return cls(pointer for pointer in pointers if pointer is not None and pointer.startswith("/"))

    def look_at(self, events: Sequence[bytes]) -> str | None:
        """Look at some events, unless enough have been seen.

        Args:
            events: JSON; what is no object has no fields.

        Returns:
            The warning, once: when enough events have been seen and there is something to say.
        """
        if self._seen >= ENOUGH:
            return None
        for event in events[: ENOUGH - self._seen]:
            self._look_at(event)
        self._seen += len(events)
        return self.warning() if self._seen >= ENOUGH else None

    def warning(self) -> str | None:
        """What has been found so far, in a sentence; ``None`` if nothing."""
        seen = min(self._seen, ENOUGH)
        found = [
            str(jsonpointer.JsonPointer.from_parts(path).path)
            for path, count in self._numbers.items()
            if count >= USUAL_SHARE * seen and len(self._values[path]) >= LEAST_DIFFERENT
        ]
        if not found:
            return None
        more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
        return (
            f"{', '.join(found[:MOST_NAMED])}{more}: numbers that look like signals and are not in the "
            "catalogue, so they are not scored; add [signals.NAME] with their pointer if they matter"
        )

    def _look_at(self, event: bytes) -> None:
        try:
            decoded = msgspec.json.decode(event)
        except JSON_ERRORS:
            return
        for path, value in _numbers(decoded):
            if any(path[: len(used)] == used for used in self._used):
                continue
            self._numbers[path] = self._numbers.get(path, 0) + 1
            values = self._values.setdefault(path, set())
            if len(values) < LEAST_DIFFERENT:
                values.add(value)


def _numbers(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], float]]:
    if len(path) > DEEPEST:
        return
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _numbers(below, (*path, key))
    elif isinstance(value, list):
        for index, below in enumerate(value[:LEAST_DIFFERENT]):
            yield from _numbers(below, (*path, str(index)))
    elif path and isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGEST:
        yield path, float(value)
