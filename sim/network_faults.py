"""What is wrong with a network, as given on the command line: ``--network duplicates=0.01,delay=30``."""

from __future__ import annotations

import math
from argparse import ArgumentTypeError
from contextlib import suppress
from dataclasses import dataclass

_DAY = 86_400.0
_MOST = {
    "duplicates": 1.0,
    "loss": 1.0,
    "reorder": 1.0,
    "delay": _DAY,
    "clock-skew": _DAY,
    "gaps": 60.0,
}


@dataclass(frozen=True, slots=True)
class NetworkFaults:
    """What is wrong with the network between the vehicles and the broker; by default nothing.

    Attributes:
        duplicates: share of events that arrive once more, up to 5 s later.
        loss: share of events that never arrive.
        reorder: share of events that are held back for one to five periods, so that later ones overtake them.
        delay: vehicles store their events, and send them every so many seconds.
        clock_skew: standard deviation of what the clocks of the vehicles show wrong, seconds.
        gaps: per vehicle and hour; in a gap a vehicle is offline for half a minute to five minutes, and its
            events are lost or arrive at the end.
    """

    duplicates: float = 0.0
    loss: float = 0.0
    reorder: float = 0.0
    delay: float = 0.0
    clock_skew: float = 0.0
    gaps: float = 0.0

    @property
    def is_none(self) -> bool:
        """Whether nothing is wrong."""
        return self == NetworkFaults()


def network_faults(text: str) -> NetworkFaults:
    """Read ``NAME=VALUE,...`` with the names of `NetworkFaults`, ``clock-skew`` with a hyphen.

    Raises:
        ArgumentTypeError: a name is unknown or given twice, or a value is not a number in its range.
    """
    found: dict[str, float] = {}
    for part in text.split(","):
        name, _, value = (piece.strip() for piece in part.partition("="))
        if name not in _MOST:
            raise ArgumentTypeError(f"expected NAME=VALUE with {_one_of(list(_MOST))}, got {part!r}")
        if _attribute(name) in found:
            raise ArgumentTypeError(f"expected {name} once, got it several times")
        found[_attribute(name)] = _value(name, value)
    return NetworkFaults(**found)


def _value(name: str, text: str) -> float:
    most = _MOST[name]
    with suppress(ValueError):
        value = float(text)
        if math.isfinite(value) and 0.0 <= value <= most:
            return value
    raise ArgumentTypeError(f"{name}: expected a number from 0 to {most:g}, got {text!r}")


def _attribute(name: str) -> str:
    return name.replace("-", "_")


def _one_of(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"
