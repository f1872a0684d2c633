"""How large stored state is, without storing it a second time."""

from __future__ import annotations

import pickle
from itertools import islice
from typing import Any

import numpy as np

from dataflows.metrics import STATE_BYTES
from dataflows.stored_state import Stored

SAMPLED = 200
"""Entries of a longer list or dict that are pickled, about; the others are taken to be as large."""

OVERHEAD = 8
"""Bytes that anything takes besides what it holds; pickled, it is between 2 and 12."""


def size_of(state: Any) -> int:
    """Estimated bytes of plain data once it is pickled: numbers, texts, bytes, arrays and collections."""
    match state:
        case np.ndarray():
            return OVERHEAD + int(state.nbytes)
        case str() | bytes():
            return OVERHEAD + len(state)
        case dict() | list() | tuple() if len(state) > SAMPLED:
            entries = state.items() if isinstance(state, dict) else state
            sample = list(islice(entries, 0, None, len(state) // SAMPLED))
            return OVERHEAD + len(pickle.dumps(sample)) * len(state) // len(sample)
        case dict():
            return OVERHEAD + sum(size_of(key) + size_of(value) for key, value in state.items())
        case list() | tuple():
            return OVERHEAD + sum(map(size_of, state))
        case _:
            return OVERHEAD


class StateSize:
    """Reports the size of what one shard's part of a step stores.

    Args:
        step: id of the step.
    """

    def __init__(self, step: str) -> None:
        self._gauge = STATE_BYTES.labels(step)
        self._bytes = 0

    def of(self, stored: Stored) -> Stored:
        """Report the size of a snapshot, and return it."""
        size = size_of(stored)
        # All shards of the process add up.
        self._gauge.inc(size - self._bytes)
        self._bytes = size
        return stored
