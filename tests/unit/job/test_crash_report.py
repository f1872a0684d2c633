"""Standard error without the engine's crash reports."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dataflows.job.crash_report import without_crash_reports

REPORT = b"""thread '<unnamed>' panicked at src/operators.rs:198:33:
Box<dyn Any>
stack backtrace:
   0: std::panicking::begin_panic
             at /rustc/library/std/src/panicking.rs:600:5
   1: bytewax::worker::worker_main
note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.
"""
SHORT_REPORT = b"""thread 'worker-1' (4711) panicked at library/core/src/panicking.rs:221:5:
panic in a function that cannot unwind
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
"""
lines = st.lists(
    st.sampled_from([b"2026-01-01 INFO fleet: connected\n", b"fleet: expected\n", b"Traceback:\n"])
)


@given(before=lines, after=lines, report=st.sampled_from([REPORT, SHORT_REPORT, REPORT + SHORT_REPORT]))
def test_every_line_but_those_of_a_report_is_passed_on(
    before: list[bytes], after: list[bytes], report: bytes
) -> None:
    said = [*before, *report.splitlines(keepends=True), *after]
    assert list(without_crash_reports(said)) == before + after


def test_what_looks_like_a_part_of_a_report_is_passed_on_where_there_is_none() -> None:
    said = [b"note: this is fine\n", b"\n", b"   1: first\n", b"stack backtrace:\n", b"without an end"]
    assert list(without_crash_reports(said)) == said
