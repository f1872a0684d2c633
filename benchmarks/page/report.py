"""What `benchmarks.page` reports: a row for each figure and for each viewer, or JSON."""

from __future__ import annotations

import importlib.metadata
import math
import os
import platform
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks.latency.figures import Figures
from benchmarks.page.figures import MEBIBYTE, UNDISTURBED, Figure, figures
from benchmarks.page.measured import PageRun, ViewerRun
from benchmarks.page.trace import MainThread


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
        f"{len(run.viewers[0].markers.published)} alerts and {len(run.acknowledged)} acknowledgements timed; "
        f"of all processors, this used {100.0 * run.own_share:.0f} %, "
        f"and others {100.0 * run.others_share:.0f} %"
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
        "acknowledged": Figures.of(run.acknowledged).report(),
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
