"""Wait for a condition with a deadline, instead of sleeping and hoping."""

from __future__ import annotations

import time
from collections.abc import Callable

DEADLINE = 60.0
"""Seconds after which to give up: several times what anything here takes on a busy machine."""


def wait_until(condition: Callable[[], object], what: str, deadline: float = DEADLINE) -> None:
    """Return as soon as the condition is true.

    Args:
        condition: is called every 2 ms; may raise.
        what: what is waited for, as the error names it.
        deadline: seconds to wait.

    Raises:
        AssertionError: it was not true within ``deadline`` seconds.
    """
    end = time.monotonic() + deadline
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {deadline:g} s")
        time.sleep(0.002)
