"""What the benchmark of the page says about what it measured."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from benchmarks.page.figures import MEBIBYTE, Figure, conclusion, figures
from benchmarks.page.markers import MarkerTimes
from benchmarks.page.measured import PageRun, Plan, ViewerRun
from benchmarks.page.processes import growth_per_hour
from benchmarks.page.report import circumstances, report
from benchmarks.page.trace import MainThread

PLAN = Plan("mosquitto", "/", 1_000, 1.0, viewers=2, full=1, warm_up=20.0, seconds=60.0, markers=20)


def viewer(*, light: bool = False, shown: float = 400.0, busy: float = 0.2) -> ViewerRun:
    """One that sees each of 20 markers after some milliseconds, 100 ms after its message."""
    published = np.array([1_000.0 * number for number in range(20)])
    thread = MainThread(30.0, busy, busy / 2.0, 80.0, 5.0, 2_048.0)
    times = MarkerTimes(published, published + shown - 100.0, published + shown)
    return ViewerRun(light, thread, (50 * 2**20, 51 * 2**20), [60 * 2**20], times)


def run(*viewers: ViewerRun, seconds: float = 60.0, **changes: Any) -> PageRun:
    fields: dict[str, Any] = {
        "seconds": seconds,
        "events_per_second": 1_000.0,
        "server_share": 0.4,
        "own_share": 0.6,
        "others_share": 0.01,
        "acknowledged": np.array([40.0, 60.0, 80.0]),
        "at": [seconds * share for share in (0.0, 0.5, 0.75, 1.0)],
        "server_memory": [200 * 2**20] * 4,
        "viewers": list(viewers or [viewer()]),
    }
    return PageRun(PLAN, "156.0", **(fields | changes))


def named(found: list[Figure], name: str) -> Figure:
    return next(figure for figure in found if figure.name == name)


def test_times_and_main_threads_are_those_of_viewers_that_draw_everything() -> None:
    found = figures(run(viewer(), viewer(light=True, shown=5_000.0, busy=0.9)))
    assert named(found, "shown_p95_ms").value == 400.0
    assert named(found, "refresh_p95_ms").value == pytest.approx(100.0)
    assert named(found, "main_thread_busy_percent").value == pytest.approx(20.0)


def test_with_light_viewers_only_they_count() -> None:
    assert named(figures(run(viewer(light=True, shown=700.0))), "shown_p95_ms").value == 700.0


def test_the_busiest_main_thread_counts() -> None:
    busiest = named(figures(run(viewer(), viewer(busy=0.31))), "main_thread_busy_percent")
    assert busiest.value == pytest.approx(31.0)
    assert busiest.verdict == "fails"


def test_a_figure_at_its_limit_passes() -> None:
    assert Figure("a", "a", 300.0, "ms", 300.0).verdict == "passes"
    assert Figure("a", "a", 300.1, "ms", 300.0).verdict == "fails"
    assert Figure("a", "a", math.inf, "ms", 300.0).verdict == "fails"
    assert Figure("a", "a", math.nan, "ms", 300.0).verdict == "not measured"
    assert Figure("a", "a", 1.0, "ms").verdict == ""


def test_the_growth_of_memory_is_judged_in_a_long_run_only() -> None:
    growing = [mebibytes * 2**20 for mebibytes in (100, 200, 250, 300)]
    short, long = run(server_memory=growing), run(seconds=3_600.0, server_memory=growing)
    assert named(figures(short), "server_growth_mib_per_hour").verdict == "not judged"
    found = named(figures(long), "server_growth_mib_per_hour")
    assert found.value == pytest.approx(200.0)
    assert found.verdict == "fails"


def test_growth_is_the_slope_of_the_second_half() -> None:
    at = [float(second) for second in range(0, 101, 10)]
    sizes = [1_000.0 * second if second < 50 else 2.0 * second for second in at]
    assert growth_per_hour(at, sizes) == pytest.approx(7_200.0)
    assert math.isnan(growth_per_hour([0.0, 1.0], [1.0, 2.0]))
    assert math.isnan(growth_per_hour([], []))


def test_the_conclusion_counts_what_was_judged_and_names_what_fails() -> None:
    found = [
        Figure("a", "first", 1.0, "ms", 2.0),
        Figure("b", "second", 3.0, "ms", 2.0),
        Figure("c", "third", math.nan, "ms", 2.0),
        Figure("d", "fourth", 3.0, "MiB/h", 2.0, is_judged=False),
        Figure("e", "fifth", 3.0, "ms"),
    ]
    said = conclusion(found)
    assert said.startswith("1 of 2 limits are kept. exceeded: second.")
    assert "not measured: third" in said
    assert "fourth" in said
    assert "fifth" not in said


def test_a_click_whose_action_never_arrives_counts_as_the_latest_of_all() -> None:
    arrived = figures(run())
    assert [named(arrived, f"acknowledged_{name}_ms").value for name in ("p50", "p95", "max")] == [60, 80, 80]
    assert named(arrived, "acknowledged_p95_ms").verdict == "passes"
    lost = figures(run(acknowledged=np.array([40.0, 60.0, np.inf])))
    assert named(lost, "acknowledged_p95_ms").verdict == "fails"
    assert named(figures(run(acknowledged=np.empty(0))), "acknowledged_p95_ms").verdict == "not measured"


def test_nothing_is_judged_on_a_machine_that_others_used() -> None:
    assert "too much to judge" not in circumstances(run())
    crowded = run(others_share=0.5)
    assert "too much to judge" in circumstances(crowded)
    assert {figure.verdict for figure in figures(crowded) if figure.limit is not None} == {"not judged"}


def test_the_report_is_json_in_which_what_never_came_is_null() -> None:
    never = viewer()
    never.markers.shown[-2:] = np.inf
    never.thread = None
    printed = json.loads(json.dumps(report(run(never)), allow_nan=False))
    assert printed["figures"]["shown_p95_ms"] == {"value": None, "limit": 1_000.0, "verdict": "fails"}
    assert printed["figures"]["main_thread_busy_percent"]["verdict"] == "not measured"
    assert printed["viewers"][0]["shown"]["missing"] == 2
    assert printed["viewers"][0]["main_thread"] is None
    assert printed["figures"]["server_memory_end_mib"]["value"] == 200 * 2**20 / MEBIBYTE
