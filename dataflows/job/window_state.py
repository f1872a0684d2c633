"""State of Bytewax's windowing operator, which wraps ours in classes of its own."""

from __future__ import annotations

from typing import Any

from bytewax.operators import windowing

SNAPSHOT = "_WindowSnapshot"

CLASSES = frozenset(
    {
        (windowing.__name__, SNAPSHOT),
        (windowing.__name__, "_SlidingWindowerState"),
        (windowing.__name__, "WindowMetadata"),
        ("datetime", "datetime"),
        ("datetime", "timedelta"),
        ("datetime", "timezone"),
    }
)
"""All that such state names besides plain data, as (module, name), in Bytewax 0.21."""


def is_of_windows(module: str, name: str) -> bool:
    """Whether the state of windows may name this."""
    return (module, name) in CLASSES


def pieces(state: Any) -> list[Any]:
    """What is ours in the state of a step: that of the clock and of each open window, or all of it."""
    if type(state).__name__ != SNAPSHOT:
        return [state]
    return [state.clock_state, *state.logic_states.values()]
