"""What a long run is judged by."""

from __future__ import annotations

import numpy as np
import pytest

from scripts.soak_report import MEBIBYTE, Sample, SoakReport


def samples(*, leak: float = 0.0, store_leak: float = 0.0, lost: int = 0) -> list[Sample]:
    """An hour of a job that warms up to 300 MiB; leaks are in bytes a second."""
    noise = np.random.default_rng(0).normal(scale=0.3 * MEBIBYTE, size=121)
    seen = []
    for number, wobble in enumerate(noise.tolist()):
        at = 30.0 * number
        memory = 300 * MEBIBYTE - 100 * MEBIBYTE * np.exp(-at / 200.0) + leak * at + wobble
        events = int(80 * at)
        seen.append(Sample(at, int(memory), int(3 * MEBIBYTE + store_leak * at), events + 40, events))
    last = seen[-1]
    return [*seen, last._replace(published=last.published, emitted=last.published - lost)]


def test_a_job_that_has_warmed_up_and_stays_as_it_is_has_no_problem() -> None:
    assert SoakReport(samples()).problems() == []


def test_memory_that_leaks_is_told() -> None:
    report = SoakReport(samples(leak=20_000.0))
    assert report.memory_slope == pytest.approx(20_000.0, rel=0.1)
    [problem] = report.problems()
    assert problem.startswith("memory grew by 34")


def test_a_recovery_directory_that_grows_is_told() -> None:
    assert SoakReport(samples(store_leak=2_000.0)).problems() == [
        "the recovery directory grew from 6.4 to 9.9 MiB"
    ]


def test_events_that_did_not_come_out_are_told() -> None:
    [problem] = SoakReport(samples(lost=3)).problems()
    assert problem == "3 of 288,040 events did not come out"


def test_the_report_says_what_was_seen() -> None:
    lines = SoakReport(samples()).lines()
    assert lines[0] == "3,600 s: 288,040 events published, 288,040 came out, at most 40 on their way"
    assert lines[2] == "recovery directory: at most 3.0 MiB"
