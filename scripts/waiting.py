"""Wait for a condition with a deadline, instead of sleeping and hoping."""

from __future__ import annotations

import time
from collections.abc import Callable

DEADLINE = 60.0
"""Seconds after which to give up: several times what anything here takes on a busy machine."""

SHORTEST_PAUSE, LONGEST_PAUSE = 0.002, 0.1
"""Seconds between two looks at the condition."""

PAUSE_PER_LOOK = 3.0
"""How much longer a pause is than the look before it: looking must not slow down what is waited for."""


def wait_until(condition: Callable[[], object], what: str, deadline: float = DEADLINE) -> None:
    """Return as soon as the condition is true.

    Args:
        condition: is called every 2 ms, or less often if it takes long itself; may raise.
        what: what is waited for, as the error names it.
        deadline: seconds to wait.

    Raises:
        AssertionError: it was not true within ``deadline`` seconds.
    """
    end = time.monotonic() + deadline
    while True:
        start = time.monotonic()
        if condition():
            return
        now = time.monotonic()
        if now > end:
            raise AssertionError(f"{what}: not within {deadline:g} s")
        time.sleep(min(max(SHORTEST_PAUSE, PAUSE_PER_LOOK * (now - start)), LONGEST_PAUSE))
