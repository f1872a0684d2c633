"""The measurements of the fault tests end up in the table of ``make faults``."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from scripts.fault_measurement import REPORT, Measurement, fate, read, record
from scripts.faults import table

KILLED = Measurement("SIGKILL, 20 times", 40_000, 0, 1_234, 2.345, 3.0, 345.6, "seed 7 | MQTT")
STOPPED = Measurement("SIGTERM", 2_000, 0, 0)


class Emitted(NamedTuple):
    event_id: str
    telemetry: bytes


def test_the_table_has_one_row_per_fault_in_the_order_of_measurement() -> None:
    assert table([KILLED, STOPPED]).splitlines() == [
        "| fault | events | lost | duplicated | first output s | caught up s | peak memory MiB |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        r"| SIGKILL, 20 times (seed 7 \| MQTT) | 40,000 | 0 | 1,234 | 2.3 | 3.0 | 346 |",
        "| SIGTERM | 2,000 | 0 | 0 | – | – | – |",
    ]


def test_rows_are_appended_to_the_file_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = tmp_path / "faults.jsonl"
    assert read(report) == []
    monkeypatch.setenv(REPORT, str(report))
    record(KILLED)
    record(STOPPED)
    assert read(report) == [KILLED, STOPPED]


def test_nothing_is_recorded_without_the_environment_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(REPORT, raising=False)
    monkeypatch.chdir(tmp_path)
    record(KILLED)
    assert list(tmp_path.iterdir()) == []


def test_an_event_never_emitted_is_lost_and_every_further_copy_is_a_duplicate() -> None:
    emitted = [Emitted("a", b"1"), Emitted("b", b"2"), Emitted("a", b"1"), Emitted("a", b"1")]
    assert fate([b"1", b"2", b"3"], emitted) == (1, 2)
