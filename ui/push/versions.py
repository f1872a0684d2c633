"""What can change under a viewer's eyes, and how often it has."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Literal

Topic = Literal["fleet", "alerts", "connection", "clock", "replay", "commands", "demo", "metrics"]
"""What a section shows: vehicles and their events; alerts; the connection to the broker; how long something
has lasted; where a replay is; answers to commands; what the simulator did; what the
processes of the job measure."""

Versions = Mapping[Topic, int]
"""Topic → a number that rises with every change."""

CLOCK_EVERY = 5.0
"""Seconds after which what a section says of durations is too old."""


def clock_version(now: float | None = None) -> int:
    """The version of the clock at `now`, seconds since the epoch."""
    return int((time.time() if now is None else now) // CLOCK_EVERY)
