"""The first messages of a recording as columns, to tell what each column holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import jsonpointer
import msgspec
import numpy as np
from numpy.typing import NDArray

from dataflows.events import JSON_ERRORS
from dataflows.recordings import Column, Recording

SAMPLE_MESSAGES = 10_000


@dataclass(frozen=True, slots=True)
class Sample:
    """The first n messages.

    Attributes:
        arrived: their times of arrival, microseconds since 1970-01-01 UTC, shape (n,).
        values: name of column → its n values as decoded; ``None`` where there is none.
        whole: whether these are all messages of the recording.
    """

    arrived: NDArray[np.int64]
    values: dict[str, list[Any]]
    whole: bool

    def numbers(self, name: str) -> NDArray[np.float64]:
        """A column as numbers, NaN for what is none, shape (n,)."""
        return np.array(
            [
                float(value) if isinstance(value, bool | int | float) and abs(value) < 1e300 else np.nan
                for value in self.values[name]
            ],
            np.float64,
        )


def sample_of(recording: Recording, columns: dict[str, Column]) -> Sample:
    """Read the first messages of a recording; payloads that are no JSON objects have no values.

    Raises:
        RecordingError: the recording is damaged within them.
    """
    messages = list(islice(_messages(recording), SAMPLE_MESSAGES + 1))
    whole = len(messages) <= SAMPLE_MESSAGES
    messages = messages[:SAMPLE_MESSAGES]
    objects = [_decoded(payload) for payload, _ in messages]
    pointers = {name: jsonpointer.JsonPointer(column.pointer).parts for name, column in columns.items()}
    values = {name: [_at(value, keys) for value in objects] for name, keys in pointers.items()}
    return Sample(np.array([arrived for _, arrived in messages], np.int64), values, whole)


def _messages(recording: Recording) -> Iterator[tuple[bytes, int]]:
    batches = (zip(batch.payloads, batch.arrived, strict=True) for batch in recording.read())
    return chain.from_iterable(batches)


def _decoded(payload: bytes) -> Any:
    try:
        return msgspec.json.decode(payload)
    except JSON_ERRORS:
        return None


def _at(value: Any, keys: list[str]) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
