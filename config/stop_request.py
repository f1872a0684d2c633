"""SIGINT and SIGTERM as a flag that a program checks where it can stop safely."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Self


def _interrupt() -> None:
    raise KeyboardInterrupt


class StopRequest:
    """Context manager that turns SIGINT and SIGTERM into a request, checked between two messages.

    The handler only sets a flag, because the main thread may hold any lock when the signal arrives. A second
    SIGINT interrupts the program immediately.

    Args:
        on_request: called once, in the signal handler; must not take a lock that the main thread may hold.
        on_repeat: called for a second SIGINT; raises `KeyboardInterrupt` unless given.

    Attributes:
        requested: whether the program was asked to stop.
    """

    def __init__(
        self, on_request: Callable[[], None] | None = None, on_repeat: Callable[[], None] = _interrupt
    ) -> None:
        self.requested = False
        self._on_request = on_request
        self._on_repeat = on_repeat

    def __enter__(self) -> Self:
        self._before = {
            number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)
        }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.requested and number == signal.SIGINT:
            self._on_repeat()
        if not self.requested:
            self.requested = True
            if self._on_request is not None:
                self._on_request()
