"""Vehicles that are seen once and never again, as where ids are made up per trip.

The guarantee: a shard knows at most ``detector.vehicles`` of them. Memory and recovery directory are bounded
by that, not by how many have ever been there, and every event is in the enriched topic.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from bytewax.recovery import init_db_dir

from dataflows.events import Enriched
from scripts.fault_measurement import Measure, Measurement
from tests.support.paths import REPOSITORY
from tests.support.telemetry import telemetry

KNOWN = 2_000
"""``detector.vehicles``; there are four shards."""

FEW, MANY = 20_000, 100_000
MEBIBYTE = 2**20
MOST_STORE = 150
"""MiB of a recovery directory with a few snapshots: 129 were measured, 94 without rollups. The engine
keeps a row without state for each vehicle whose windows have closed."""

MORE_MEMORY = 48.0
"""MiB by which memory may differ for five times the vehicles; their state alone would be over 60 MiB."""

pytestmark = pytest.mark.timeout(300)

# The job as `python -m bytewax.run` runs it; at its end it says how much memory it had at most.
RUN = """
import atexit, os, runpy, sys
from tests.support.process_memory import peak_memory_mib
atexit.register(lambda: print("peak", peak_memory_mib(os.getpid()), flush=True))
sys.argv = ["bytewax/run.py", "dataflows.fleet", "-r", sys.argv[1], "-s", "1", "-b", "0"]
runpy.run_module("bytewax.run", run_name="__main__")
"""


class Used(NamedTuple):
    """What a job needed.

    Attributes:
        memory: at most, MiB.
        store: its recovery directory at the end, bytes.
        events: what it emitted.
    """

    memory: float
    store: int
    events: list[Enriched]


def used_by(vehicles: int, directory: Path) -> Used:
    """Run a job on one event of each of so many vehicles."""
    recovery = directory / "recovery"
    recovery.mkdir(parents=True)
    init_db_dir(recovery, 1)
    (directory / "trip.jsonl").write_bytes(b"\n".join(telemetry(vehicles, vehicles=vehicles)) + b"\n")
    variables = {
        "FLEET__SOURCE__KIND": "recording",
        "FLEET__SINK__KIND": "recording",
        "FLEET__RECORDING__INPUT": str(directory / "trip.jsonl"),
        "FLEET__RECORDING__RESULTS": str(directory),
        "FLEET__DETECTOR__VEHICLES": str(KNOWN),
    }
    ended = subprocess.run(
        [sys.executable, "-c", RUN, str(recovery)],
        cwd=REPOSITORY,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert ended.returncode == 0, ended.stderr
    assert "raise detector.vehicles" in ended.stderr
    memory = float(ended.stdout.split("peak ")[1])
    store = sum(file.stat().st_size for file in recovery.iterdir())
    lines = (directory / "enriched.jsonl").read_bytes().splitlines()
    return Used(memory, store, [msgspec.json.decode(line, type=Enriched) for line in lines])


@pytest.mark.slow
def test_vehicles_that_are_seen_once_do_not_fill_memory_or_disk(tmp_path: Path, measure: Measure) -> None:
    few, many = used_by(FEW, tmp_path / "few"), used_by(MANY, tmp_path / "many")
    lost = MANY - len({event.vehicle_id for event in many.events})
    repeated = len(many.events) - len({event.event_id for event in many.events})
    note = f"recovery directory {many.store / MEBIBYTE:.0f} MiB"
    measure(
        Measurement(
            f"{MANY:,} vehicles seen once, {4 * KNOWN:,} known",
            MANY,
            lost,
            repeated,
            peak_memory_mib=many.memory,
            note=note,
        )
    )
    assert lost == 0
    assert many.memory < few.memory + MORE_MEMORY
    assert many.store < MOST_STORE * MEBIBYTE
