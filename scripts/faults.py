"""Every fault that the job must survive, one after the other: ``make faults``.

Runs all tests in ``tests/fault``, including the slow ones, and prints what each fault cost as a table in
Markdown. The tests need mosquitto, and Java and Maven for Kafka.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from scripts.fault_measurement import REPORT, Measurement, read

ROOT = Path(__file__).resolve().parents[1]
TESTS = "tests/fault"
HEADINGS = (
    "fault",
    "events",
    "lost",
    "duplicated",
    "first output s",
    "caught up s",
    "peak memory MiB",
)
NOT_MEASURED = "–"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the tests and print the table.

    Raises:
        SystemExit: with the exit status of pytest, which is 0 only if no test failed.
    """
    parser = argparse.ArgumentParser(
        prog="python -m scripts.faults",
        description=__doc__,
        epilog="example:\n  python -m scripts.faults --only 'mqtt and killed'",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--only", metavar="EXPRESSION", help="run only tests that match, as with -k of pytest (default: all)"
    )
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "faults.jsonl"
        status = run(report, options.only)
        if measurements := read(report):
            print(f"\n{table(measurements)}", flush=True)
    raise SystemExit(status)


def run(report: Path, only: str | None = None) -> int:
    """Run the fault tests in the foreground.

    Args:
        report: file that they append their measurements to.
        only: expression that selects tests, as with ``-k`` of pytest; ``None`` for all.

    Returns:
        the exit status of pytest.
    """
    # An empty -m overrides the one in pyproject.toml, which deselects slow tests.
    # One after the other: what a fault costs is measured.
    command = [sys.executable, "-m", "pytest", TESTS, "-v", "-m", "", "-n", "0"]
    if only is not None:
        command += ["-k", only]
    return subprocess.run(command, cwd=ROOT, env=os.environ | {REPORT: str(report)}, check=False).returncode


def table(measurements: Sequence[Measurement]) -> str:
    """The measurements as a Markdown table: one row per fault, its note in parentheses."""
    rows = [HEADINGS, tuple("---" for _ in HEADINGS), *map(_cells, measurements)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cells(one: Measurement) -> tuple[str, ...]:
    return (
        (f"{one.fault} ({one.note})" if one.note else one.fault).replace("|", r"\|"),
        f"{one.events:,}",
        f"{one.lost:,}",
        f"{one.duplicated:,}",
        _number(one.first_output_seconds, ".1f"),
        _number(one.caught_up_seconds, ".1f"),
        _number(one.peak_memory_mib, ",.0f"),
    )


def _number(value: float | None, form: str) -> str:
    return NOT_MEASURED if value is None else format(value, form)


if __name__ == "__main__":
    main()
