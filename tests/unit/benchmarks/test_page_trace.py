"""What the benchmark of the page reads from a trace of Chromium."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from benchmarks.page.trace import MARK, MESSAGE, TASK, TraceEvent, events_of, main_threads, outermost

PAGE, OTHER = (10, 10), (20, 21)
MILLISECOND = 1_000.0


def event(
    name: str, ts: float, thread: tuple[int, int] = PAGE, ph: str = "X", **fields: Any
) -> dict[str, Any]:
    """An event as Chromium writes it; times in milliseconds."""
    process, number = thread
    times = {key: fields[key] * MILLISECOND for key in ("dur", "tdur") if key in fields}
    return fields | {"name": name, "ph": ph, "pid": process, "tid": number, "ts": ts * MILLISECOND} | times


def of(*events: dict[str, Any]) -> list[TraceEvent]:
    """A trace of a second from 1,000 ms on, in which the thread `PAGE` is the main thread of viewer 3."""
    frame = [
        event("thread_name", 0, ph="M", args={"name": "CrRendererMain"}),
        event("thread_name", 0, OTHER, "M", args={"name": "CrBrowserMain"}),
        event(f"{MARK}3", 1_000, ph="I", args={"data": {"startTime": 1.5}}),
        event(TASK, 1_000, OTHER, dur=1),
        event(TASK, 1_999, OTHER, dur=1),
    ]
    return events_of(msgspec.json.encode({"traceEvents": [*frame, *events], "metadata": {"os": "any"}}))


def test_a_main_thread_is_busy_for_the_time_of_its_tasks() -> None:
    found = main_threads(of(event(TASK, 1_100, dur=150, tdur=40), event(TASK, 1_500, dur=50, tdur=20)))
    assert found[3].seconds == pytest.approx(1.0)
    assert found[3].busy == pytest.approx(0.2)
    assert found[3].computing == pytest.approx(0.06)
    assert found[3].longest_task == pytest.approx(150.0)


def test_tasks_of_other_threads_and_other_events_do_not_count() -> None:
    found = main_threads(of(event(TASK, 1_100, OTHER, dur=500), event("FunctionCall", 1_200, dur=300)))
    assert found[3].busy == 0.0
    assert found[3].longest_task == 0.0


def test_a_measure_that_began_before_the_trace_does_not_make_it_longer() -> None:
    found = main_threads(of(event("script-run-cycle", 20, ph="b"), event(TASK, 1_100, dur=150)))
    assert found[3].seconds == pytest.approx(1.0)
    assert found[3].busy == pytest.approx(0.15)


def test_a_task_within_a_task_counts_once() -> None:
    tasks = of(
        event(TASK, 1_100, dur=100, tdur=90),
        event(TASK, 1_120, dur=30, tdur=30),
        event(TASK, 1_200, dur=50, tdur=50),
    )
    assert main_threads(tasks)[3].busy == pytest.approx(0.15)
    assert main_threads(tasks)[3].computing == pytest.approx(0.14)


def test_of_tasks_that_begin_together_the_longer_one_is_the_outer() -> None:
    trace = of(event(TASK, 1_100, dur=5), event(TASK, 1_100, dur=20))
    tasks = [each for each in trace if each.name == TASK and (each.pid, each.tid) == PAGE]
    assert [task.dur for task in outermost(tasks)] == [20 * MILLISECOND]


def test_messages_are_those_of_all_threads_of_the_page() -> None:
    worker = (PAGE[0], 77)
    found = main_threads(
        of(
            event(MESSAGE, 1_100, ph="I", args={"data": {"dataLength": 1_000, "identifier": 5}}),
            event(MESSAGE, 1_300, worker, "I", args={"data": {"dataLength": 24}}),
            event(MESSAGE, 1_300, OTHER, "I", args={"data": {"dataLength": 99}}),
        )
    )
    assert found[3].messages == pytest.approx(2.0)
    assert found[3].bytes == pytest.approx(1_024.0)


def test_a_viewer_whose_mark_is_missing_is_missing() -> None:
    assert list(main_threads(of())) == [3]
    assert main_threads([each for each in of() if not each.name.startswith(MARK)]) == {}
    assert main_threads([]) == {}
