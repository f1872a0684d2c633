"""Messages that are under way, and come out in the order in which they arrive."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dataflows.messages import MessageBatch
from sim.routes import IntArray

_Objects = NDArray[np.object_]


class InTransit:
    """Messages with their times of arrival.

    Args:
        origin: that of the messages.
        keyed: whether they have keys.
    """

    def __init__(self, origin: str, *, keyed: bool) -> None:
        self._origin = origin
        self._keyed = keyed
        self._due: IntArray = np.empty(0, np.int64)
        self._order: IntArray = np.empty(0, np.int64)
        self._messages: _Objects = np.empty((3, 0), np.object_)  # payloads, topics, keys

    def __len__(self) -> int:
        return len(self._due)

    def add(self, batch: MessageBatch, order: IntArray) -> None:
        """Send n messages.

        Args:
            batch: the messages, with their times of arrival.
            order: n numbers; of messages that arrive at the same time, the lower one comes out first.
        """
        keys: Sequence[str] = batch.keys or [""] * len(batch)
        added: _Objects = np.empty((3, len(batch)), np.object_)
        added[0], added[1], added[2] = batch.payloads, batch.topics, keys
        self._messages = np.concatenate((self._messages, added), axis=1)
        self._due = np.concatenate((self._due, np.array(batch.arrived, np.int64)))
        self._order = np.concatenate((self._order, order))

    def take(self, until: int | None = None) -> MessageBatch:
        """The messages that arrive before a time (microseconds; ``None``: all), in order of arrival."""
        arrives = np.ones(len(self), np.bool_) if until is None else self._due < until
        taken = np.flatnonzero(arrives)
        taken = taken[np.lexsort((self._order[taken], self._due[taken]))]
        payloads, topics, keys = self._messages[:, taken].tolist()
        batch = MessageBatch(
            payloads, topics, self._due[taken].tolist(), self._origin, keys=keys if self._keyed else None
        )
        kept = ~arrives
        self._due, self._order = self._due[kept], self._order[kept]
        self._messages = self._messages[:, kept]
        return batch
