"""What is measured by `benchmarks.page`, and what was."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.page.markers import MarkerTimes
from benchmarks.page.trace import MainThread


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure.

    Attributes:
        broker: ``mosquitto`` or ``embedded``.
        path: of the page that all viewers look at, as in ``/alerts``.
        vehicles: of the load.
        rate: events per second and vehicle.
        viewers: how many, at least one.
        full: how many of them draw maps in a large window; the first ones.
        warm_up: seconds before the measurement.
        seconds: of the measurement.
        markers: how many are published in that time.
        clicks: how many alerts the first viewer acknowledges in that time.
    """

    broker: str
    path: str
    vehicles: int
    rate: float
    viewers: int
    full: int
    warm_up: float
    seconds: float
    markers: int
    clicks: int = 10


@dataclass(slots=True)
class ViewerRun:
    """What one viewer's browser did.

    Attributes:
        light: whether it drew no maps.
        thread: its main thread in the traced seconds; ``None`` if it was too busy to say which thread is its.
        heaps: bytes of JavaScript objects after a garbage collection, before and after the measurement.
        heap_samples: bytes of JavaScript objects in between, garbage included.
        markers: when it got and showed the markers.
    """

    light: bool
    thread: MainThread | None
    heaps: tuple[int, int]
    heap_samples: list[int]
    markers: MarkerTimes


@dataclass(slots=True)
class PageRun:
    """What was measured.

    Attributes:
        plan: of the measurement.
        chromium: version of the browser.
        seconds: how long it took, which is longer than planned if the browser did not answer in time.
        events_per_second: of the load, as published.
        server_share: of one processor that the page's server used.
        own_share: of all processors that the benchmark with all that it started used, 0–1.
        others_share: of all processors that anything else on this machine used, 0–1.
        acknowledged: milliseconds from each click on *Acknowledge* until the action arrived at a subscriber,
            shape (n,); infinite if it never did.
        at: seconds since the beginning, of each sample of memory.
        server_memory: bytes, at these times.
        viewers: in order of their numbers.
    """

    plan: Plan
    chromium: str
    seconds: float = 0.0
    events_per_second: float = 0.0
    server_share: float = 0.0
    own_share: float = 0.0
    others_share: float = 0.0
    acknowledged: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    at: list[float] = field(default_factory=list)
    server_memory: list[int] = field(default_factory=list)
    viewers: list[ViewerRun] = field(default_factory=list)
