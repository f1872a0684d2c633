"""The figures of `benchmarks.page`, and the limits by which they are judged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from benchmarks.latency.figures import Figures
from benchmarks.page.measured import PageRun, ViewerRun
from benchmarks.page.processes import growth_per_hour

MEBIBYTE = 2.0**20

SHOWN_WITHIN = 1_000.0
"""Milliseconds from publishing an alert until a viewer sees it, for 95 % of alerts."""

ON_THE_TOPIC_WITHIN = 1_000.0
"""Milliseconds from a click on *Acknowledge* until the action arrives at a subscriber, for 95 % of clicks."""

REFRESHED_WITHIN = 300.0
"""Milliseconds from a message until what it changes is painted, for 95 % of messages."""

SERVER_SHARE = 0.6
"""Of one processor, with four viewers."""

MAIN_THREAD_SHARE = 0.3
"""Of its time in which a page's main thread may be busy: with more, scrolling and typing stutter."""

SERVER_GROWTH, HEAP_GROWTH = 50.0, 20.0
"""MiB per hour: a server and a tab that stay open for a day then still fit into a GiB or two."""

LONG_ENOUGH = 600.0
"""Seconds: in less, caches and histories that still fill look like growth, and are not judged."""

UNDISTURBED = 0.1
"""Share of all processors that others may use. With more, times are those of waiting for a processor, and
shares are low because there was none: no limit is judged."""

Verdict = Literal["", "passes", "fails", "not judged", "not measured"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the report.

    Attributes:
        name: in JSON.
        title: in the table.
        value: NaN if it could not be measured, infinite if what was waited for never came.
        unit: of value and limit: ``ms``, ``%``, ``MiB`` or ``MiB/h``.
        limit: the most that is allowed; ``None`` if there is no limit.
        is_judged: whether this run can tell: nothing disturbed it, and it was long enough.
    """

    name: str
    title: str
    value: float
    unit: str
    limit: float | None = None
    is_judged: bool = True

    @property
    def verdict(self) -> Verdict:
        """Whether the value is within the limit."""
        if self.limit is None:
            return ""
        if math.isnan(self.value):
            return "not measured"
        if not self.is_judged:
            return "not judged"
        return "passes" if self.value <= self.limit else "fails"


def figures(run: PageRun) -> list[Figure]:
    """The figures of a measurement.

    Times are those of all viewers that draw everything, and main threads that of the busiest of them; of all
    viewers if there are only light ones.
    """
    viewers = [viewer for viewer in run.viewers if not viewer.light] or run.viewers
    shown = Figures.of(np.concatenate([viewer.markers.until_shown for viewer in viewers]))
    refresh = Figures.of(np.concatenate([viewer.markers.refreshes for viewer in viewers]))
    sent = Figures.of(run.acknowledged)
    threads = [viewer.thread for viewer in viewers if viewer.thread is not None]
    is_calm = run.others_share <= UNDISTURBED
    is_long = is_calm and run.seconds >= LONG_ENOUGH
    memory = [size / MEBIBYTE for size in run.server_memory]
    return [
        Figure("shown_p50_ms", "alert published → painted, p50", shown.p50, "ms"),
        Figure("shown_p95_ms", "alert published → painted, p95", shown.p95, "ms", SHOWN_WITHIN, is_calm),
        Figure("shown_max_ms", "alert published → painted, max", shown.max, "ms"),
        Figure("refresh_p50_ms", "refresh: message → painted, p50", refresh.p50, "ms"),
        Figure(
            "refresh_p95_ms",
            "refresh: message → painted, p95",
            refresh.p95,
            "ms",
            REFRESHED_WITHIN,
            is_calm,
        ),
        Figure("acknowledged_p50_ms", "acknowledged → on the topic, p50", sent.p50, "ms"),
        Figure(
            "acknowledged_p95_ms",
            "acknowledged → on the topic, p95",
            sent.p95,
            "ms",
            ON_THE_TOPIC_WITHIN,
            is_calm,
        ),
        Figure("acknowledged_max_ms", "acknowledged → on the topic, max", sent.max, "ms"),
        Figure(
            "main_thread_busy_percent",
            "main thread busy, busiest viewer",
            100.0 * max((thread.busy for thread in threads), default=math.nan),
            "%",
            100.0 * MAIN_THREAD_SHARE,
            is_calm,
        ),
        Figure(
            "longest_task_ms",
            "longest task of a main thread",
            max((thread.longest_task for thread in threads), default=math.nan),
            "ms",
        ),
        Figure(
            "server_percent",
            f"server, of one processor, {run.plan.viewers} viewers",
            100.0 * run.server_share,
            "%",
            100.0 * SERVER_SHARE,
            is_calm,
        ),
        Figure("server_memory_start_mib", "memory of the server, start", memory[0], "MiB"),
        Figure("server_memory_end_mib", "memory of the server, end", memory[-1], "MiB"),
        Figure(
            "server_growth_mib_per_hour",
            "memory of the server, growth",
            growth_per_hour(run.at, memory),
            "MiB/h",
            SERVER_GROWTH,
            is_long,
        ),
        Figure(
            "heap_growth_mib_per_hour",
            "JavaScript objects, growth, worst viewer",
            max(heap_growth(viewer, run.seconds) for viewer in run.viewers),
            "MiB/h",
            HEAP_GROWTH,
            is_long,
        ),
    ]


def heap_growth(viewer: ViewerRun, seconds: float) -> float:
    """By how much the objects that are in use grew, MiB per hour."""
    before, after = viewer.heaps
    return (after - before) / MEBIBYTE * 3600.0 / seconds


def conclusion(found: Sequence[Figure]) -> str:
    """One line: which limits are kept."""
    names = {
        verdict: [figure.title for figure in found if figure.verdict == verdict]
        for verdict in ("passes", "fails", "not judged", "not measured")
    }
    parts = [f"{len(names['passes'])} of {len(names['passes']) + len(names['fails'])} limits are kept"]
    if names["fails"]:
        parts.append(f"exceeded: {'; '.join(names['fails'])}")
    if names["not judged"]:
        parts.append(f"not judged: {'; '.join(names['not judged'])}")
    if names["not measured"]:
        parts.append(f"not measured: {'; '.join(names['not measured'])}")
    return ". ".join(parts)
