"""What `benchmarks.page` reports: figures, each with its limit if it has one, and a row for each viewer."""

from __future__ import annotations

import importlib.metadata
import math
import os
import platform
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from rich.table import Table

from benchmarks.latency.figures import Figures
from benchmarks.page.measured import PageRun, ViewerRun
from benchmarks.page.processes import growth_per_hour
from benchmarks.page.trace import MainThread

MEBIBYTE = 2.0**20

SHOWN_WITHIN = 1_000.0
"""Milliseconds from publishing an alert until a viewer sees it, for 95 % of alerts."""

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


def machine() -> str:
    """Processors, Python and what draws the page, in one line."""
    name = platform.machine()
    with suppress(OSError):
        if found := re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE):
            name = " ".join(found[1].split())
    versions = f"Python {platform.python_version()}, Streamlit {importlib.metadata.version('streamlit')}"
    return f"{os.cpu_count()} × {name}, {versions}"


def circumstances(run: PageRun) -> str:
    """What was measured, where, and how busy the machine was, in a few lines."""
    plan = run.plan
    full = sum(not viewer.light for viewer in run.viewers)
    return (
        f"{machine()}, Chromium {run.chromium} without a graphics processor, {plan.broker}\n"
        f"{plan.vehicles:,} vehicles at {plan.rate:g} Hz: {run.events_per_second:,.0f} events/s published; "
        f"{plan.viewers} viewers of {plan.path}, {full} of them with maps; {run.seconds:.0f} s after "
        f"{plan.warm_up:g} s\n"
        f"{len(run.viewers[0].markers.published)} alerts timed; of all processors, this used "
        f"{100.0 * run.own_share:.0f} %, and others {100.0 * run.others_share:.0f} %"
        + (", too much to judge anything" if run.others_share > UNDISTURBED else "")
    )


def table(found: Sequence[Figure]) -> Table:
    """A row for each figure."""
    rows = Table()
    for title in ("", "measured", "limit", "verdict"):
        rows.add_column(title, justify="left" if title in ("", "verdict") else "right")
    for figure in found:
        limit = "" if figure.limit is None else f"≤ {_number(figure.limit)} {figure.unit}"
        rows.add_row(figure.title, f"{_number(figure.value)} {figure.unit}", limit, figure.verdict)
    return rows


def viewer_table(run: PageRun) -> Table:
    """A row for each viewer."""
    rows = Table(
        title="viewers", caption="busy, computing: share of time; heap: MiB in use, start → end, most"
    )
    rows.add_column("")
    for title in ("messages/s", "KiB/s", "busy", "computing", "longest, ms", "heap", "p50, ms", "p95, ms"):
        rows.add_column(title, justify="right")
    for number, viewer in enumerate(run.viewers, 1):
        rows.add_row(f"{number}{' without maps' if viewer.light else ''}", *_cells(viewer))
    return rows


def _cells(viewer: ViewerRun) -> Iterator[str]:
    if viewer.thread is None:
        yield from [""] * 5
    else:
        yield f"{viewer.thread.messages:.1f}"
        yield f"{viewer.thread.bytes / 1024.0:,.0f}"
        yield f"{100.0 * viewer.thread.busy:.0f} %"
        yield f"{100.0 * viewer.thread.computing:.0f} %"
        yield f"{viewer.thread.longest_task:,.0f}"
    before, after = viewer.heaps
    most = max(viewer.heap_samples, default=after)
    yield f"{before / MEBIBYTE:.0f} → {after / MEBIBYTE:.0f}, {most / MEBIBYTE:.0f}"
    shown = Figures.of(viewer.markers.until_shown)
    yield _number(shown.p50)
    yield _number(shown.p95)


def report(run: PageRun) -> dict[str, Any]:
    """For JSON; what could not be measured, or never came, is null."""
    found = figures(run)
    return {
        "machine": machine(),
        "chromium": run.chromium,
        "broker": run.plan.broker,
        "path": run.plan.path,
        "vehicles": run.plan.vehicles,
        "rate": run.plan.rate,
        "seconds": _finite(run.seconds),
        "events_per_second": _finite(run.events_per_second),
        "own_percent": _finite(100.0 * run.own_share),
        "others_percent": _finite(100.0 * run.others_share),
        "figures": {
            figure.name: {"value": _finite(figure.value), "limit": figure.limit, "verdict": figure.verdict}
            for figure in found
        },
        "viewers": [
            {
                "with_maps": not viewer.light,
                "main_thread": None if viewer.thread is None else _thread(viewer.thread),
                "heap_bytes": list(viewer.heaps),
                "heap_samples_bytes": viewer.heap_samples,
                "shown": Figures.of(viewer.markers.until_shown).report(),
                "refresh": Figures.of(viewer.markers.refreshes).report(),
            }
            for viewer in run.viewers
        ],
    }


def _thread(thread: MainThread) -> dict[str, float | None]:
    return {
        "busy_percent": _finite(100.0 * thread.busy),
        "computing_percent": _finite(100.0 * thread.computing),
        "longest_task_ms": _finite(thread.longest_task),
        "messages_per_second": _finite(thread.messages),
        "bytes_per_second": _finite(thread.bytes),
    }


def _finite(value: float) -> float | None:
    return round(value, 3) if math.isfinite(value) else None


def _number(value: float) -> str:
    if math.isnan(value):
        return "–"
    return f"{value:,.0f}" if math.isfinite(value) else "never"
