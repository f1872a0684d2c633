"""A job that is asked to stop shuts down cleanly, and says so when it cannot."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.recovery import init_db_dir

from config.stop_request import StopRequest
from dataflows.events import Enriched, Rollup
from dataflows.job.stopping import LONGEST_SLEEP, StoppableSource
from dataflows.recordings import RecordingWriter
from scripts.waiting import DEADLINE, wait_until
from tests.support.paths import REPOSITORY
from tests.support.scripted_broker import CONNACK_OF_MQTT_5, CONNECT, PUBLISH, ScriptedBroker
from tests.support.telemetry import batches, telemetry

LATER = datetime(2100, 1, 1, tzinfo=UTC)
A_YEAR = 365 * 86_400 * 1_000_000
"""Microseconds."""


class _Counting(StatefulSourcePartition[int, int]):
    def __init__(self, start: int) -> None:
        self.count = start
        self.closed = False
        self.due: datetime | None = None

    def next_batch(self) -> list[int]:
        self.count += 1
        return [self.count]

    def next_awake(self) -> datetime | None:
        return self.due

    def snapshot(self) -> int:
        return self.count

    def close(self) -> None:
        self.closed = True


class _Numbers(FixedPartitionedSource[int, int]):
    def __init__(self) -> None:
        self.built: list[_Counting] = []

    def list_parts(self) -> list[str]:
        return ["one", "two"]

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> _Counting:
        self.built.append(_Counting(resume_state or 0))
        return self.built[-1]


def test_a_source_is_unchanged_until_the_request_and_then_ends() -> None:
    numbers, stop = _Numbers(), StopRequest()
    source = StoppableSource(numbers, stop)
    assert source.list_parts() == ["one", "two"]
    part = source.build_part("step", "one", 5)
    assert part.next_batch() == [6]
    stop.requested = True
    with pytest.raises(StopIteration):
        part.next_batch()
    assert part.snapshot() == 6
    part.close()
    assert numbers.built[0].closed


def test_a_source_that_waits_for_its_next_message_notices_the_request() -> None:
    numbers = _Numbers()
    part = StoppableSource(numbers, StopRequest()).build_part("step", "one", None)
    assert part.next_awake() is None
    numbers.built[0].due = LATER
    awake = part.next_awake()
    assert awake is not None
    assert awake <= datetime.now(UTC) + LONGEST_SLEEP


def start(directory: Path, **variables: str) -> subprocess.Popen[str]:
    """The job with recovery, from a recording that pauses for a year after its first events."""
    recovery = directory / "recovery"
    if not recovery.exists():
        recovery.mkdir()
        init_db_dir(recovery, 1)
        [batch] = batches(telemetry(41), 41)
        writer = RecordingWriter(directory / "trip.jsonl", None)
        writer.write(replace(batch, arrived=[0] * 40 + [A_YEAR]))
        writer.close()
    environment = os.environ | {
        "FLEET__SOURCE__KIND": "recording",
        "FLEET__SINK__KIND": "recording",
        "FLEET__RECORDING__INPUT": str(directory / "trip.jsonl"),
        "FLEET__RECORDING__RESULTS": str(directory),
        "FLEET__RECORDING__SPEED": "1",
        **variables,
    }
    command = [sys.executable, "-m", "bytewax.run", "dataflows.fleet", "-r", str(recovery)]
    return subprocess.Popen(
        [*command, "-s", "1", "-b", "0"],
        cwd=REPOSITORY,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_a_job_that_is_asked_to_stop_shuts_down_cleanly_and_the_next_one_repeats_nothing(
    tmp_path: Path, number: signal.Signals
) -> None:
    results, rollups = tmp_path / "enriched.jsonl", tmp_path / "rollups.jsonl"

    def events() -> list[Enriched]:
        lines = results.read_bytes().splitlines() if results.exists() else []
        return [msgspec.json.decode(line, type=Enriched) for line in lines]

    job = start(tmp_path)
    wait_until(lambda: len(events()) == 40, "the events before the pause")
    job.send_signal(number)
    _, errors = job.communicate(timeout=30)
    assert job.returncode == 0, errors
    assert not rollups.exists()
    job = start(tmp_path, FLEET__RECORDING__SPEED="max")
    _, errors = job.communicate(timeout=60)
    assert job.returncode == 0, errors
    assert len(events()) == 41
    assert len({event.event_id for event in events()}) == 41
    # What was not over when the job was stopped has gone on.
    summed = [msgspec.json.decode(line, type=Rollup) for line in rollups.read_bytes().splitlines()]
    assert sorted(rollup.events for rollup in summed) == [10, 10, 10, 11]


@pytest.mark.long
def test_a_job_whose_sink_prevents_a_clean_shutdown_says_so_and_exits(tmp_path: Path) -> None:
    published = threading.Event()

    def keep_silent(packet: bytes) -> bytes:
        published.set()
        return b""

    with ScriptedBroker({CONNECT: CONNACK_OF_MQTT_5, PUBLISH: keep_silent}) as broker:
        job = start(tmp_path, FLEET__SINK__KIND="mqtt", FLEET__MQTT__PORT=str(broker.port))
        assert published.wait(DEADLINE)
        job.send_signal(signal.SIGTERM)
        _, errors = job.communicate(timeout=60)
    assert job.returncode == 1
    assert errors.splitlines()[-1].startswith("fleet: could not shut down cleanly within 8 s: ")
