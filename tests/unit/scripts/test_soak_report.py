"""How a soak run is judged."""

from __future__ import annotations

import numpy as np
import pytest

from scripts.soak_report import MEBIBYTE, Sample, SoakReport


def samples(*, leak: float = 0.0, store_leak: float = 0.0, lost: int = 0) -> list[Sample]:
    """An hour of a job that warms up to 300 MiB; leaks are in bytes per second."""
    noise = np.random.default_rng(0).normal(scale=0.3 * MEBIBYTE, size=121)
    seen = []
    for number, wobble in enumerate(noise.tolist()):
        at = 30.0 * number
        memory = 300 * MEBIBYTE - 100 * MEBIBYTE * np.exp(-at / 200.0) + leak * at + wobble
        events = int(80 * at)
        seen.append(Sample(at, int(memory), int(3 * MEBIBYTE + store_leak * at), events + 40, events))
    last = seen[-1]
    return [*seen, last._replace(published=last.published, emitted=last.published - lost)]


def test_a_job_that_warms_up_and_then_stays_constant_has_no_problem() -> None:
    assert SoakReport(samples()).problems() == []


def test_a_memory_leak_is_reported() -> None:
    report = SoakReport(samples(leak=20_000.0))
    assert report.memory_slope == pytest.approx(20_000.0, rel=0.1)
    [problem] = report.problems()
    assert problem.startswith("memory grew by 34")


def test_a_growing_recovery_directory_is_reported() -> None:
    assert SoakReport(samples(store_leak=2_000.0)).problems() == [
        "the recovery directory grew from 6.4 to 9.9 MiB"
    ]


def test_lost_events_are_reported() -> None:
    [problem] = SoakReport(samples(lost=3)).problems()
    assert problem == "3 of 288,040 events were not emitted"


def test_the_report_has_totals_memory_and_store() -> None:
    lines = SoakReport(samples()).lines()
    assert lines[0] == "3,600 s: 288,040 events published, 288,040 emitted, at most 40 in flight"
    assert lines[2] == "recovery directory: at most 3.0 MiB"
