"""Recordings through Bytewax: played at a pace, resumed, written exactly once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.outputs import Sink
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSink, TestingSource, cluster_main, run_main

from config.errors import RecordingError
from dataflows.connectors.files import (
    JsonLinesSink,
    RecordingSink,
    RecordingSource,
    RecordingSourcePartition,
    Speed,
)
from dataflows.messages import MessageBatch, OutgoingBatch
from dataflows.recordings import RecordingWriter, open_recording
from dataflows.stored_state import RECORDING

NOON = 1_700_000_000_000_000
EVERY_BATCH = timedelta(0)
PAYLOADS = [b'{"number": %d}' % number for number in range(9)] + [b"\x00 not JSON \n\xff"]
PLAIN_AND_GZIP = pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz"])


class Clock:
    """A monotonic clock that a test advances."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def batch_of(payloads: list[bytes], seconds: list[float] | None = None) -> MessageBatch:
    since = seconds or [float(index) for index in range(len(payloads))]
    return MessageBatch(
        payloads=payloads,
        topics=[f"fleet/telemetry/{index}" for index in range(len(payloads))],
        arrived=[NOON + round(second * 1_000_000) for second in since],
        origin="mqtt",
    )


def write_recording(path: Path, seconds: list[float] | None = None) -> Path:
    with RecordingWriter(path) as writer:
        writer.write(batch_of(PAYLOADS[: len(seconds)] if seconds else PAYLOADS, seconds))
    return path


def payloads_in(path: Path) -> list[bytes]:
    return [payload for batch in open_recording(path).read() for payload in batch.payloads]


def partition(path: Path, speed: Speed, start: int = 0, batch_size: int = 1024) -> tuple[Any, Clock]:
    clock = Clock()
    return RecordingSourcePartition(open_recording(path), speed, batch_size, start, clock), clock


def offsets_now(part: RecordingSourcePartition) -> list[int]:
    return [offset for batch in part.next_batch() for offset in batch.offsets or []]


def wakes_in(part: RecordingSourcePartition, seconds: float) -> bool:
    wait = timedelta(seconds=seconds)
    earliest = datetime.now(UTC) + wait
    awake = part.next_awake()
    assert awake is not None
    return earliest <= awake <= datetime.now(UTC) + wait


def test_at_full_speed_every_batch_is_emitted_at_once_until_the_end(tmp_path: Path) -> None:
    part, _ = partition(write_recording(tmp_path / "trip.jsonl"), "max", batch_size=4)
    assert [offsets_now(part) for _ in range(3)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert part.next_awake() is None
    with pytest.raises(StopIteration):
        part.next_batch()


def test_at_a_speed_messages_are_emitted_when_their_recorded_distance_has_passed(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "trip.jsonl", seconds=[0, 0, 20, 40, 30, 100])
    part, clock = partition(path, speed=2.0)
    assert offsets_now(part) == [0, 1]
    assert wakes_in(part, 10.0)
    clock.seconds += 9.99
    assert offsets_now(part) == []
    clock.seconds += 0.01
    assert offsets_now(part) == [2]
    clock.seconds += 10.0
    assert offsets_now(part) == [3, 4]
    assert wakes_in(part, 30.0)
    clock.seconds += 1000.0
    assert offsets_now(part) == [5]
    with pytest.raises(StopIteration):
        part.next_batch()


def test_the_pace_continues_across_batches(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "trip.jsonl", seconds=[0, 10, 20])
    part, clock = partition(path, speed=10.0, batch_size=1)
    assert offsets_now(part) == [0]
    assert part.next_awake() is None
    assert offsets_now(part) == []
    assert wakes_in(part, 1.0)
    clock.seconds += 2.0
    assert [offsets_now(part), offsets_now(part)] == [[1], [2]]


def test_a_resumed_recording_starts_its_pace_with_the_next_message(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "trip.jsonl", seconds=[0, 100, 200, 230])
    part, clock = partition(path, speed=1.0, start=2)
    assert offsets_now(part) == [2]
    clock.seconds += 30.0
    assert offsets_now(part) == [3]


def test_arrival_times_stay_as_recorded_whatever_the_speed(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "trip.jsonl", seconds=[0, 1, 2])
    part, clock = partition(path, speed=100.0)
    clock.seconds += 10
    first = part.next_batch()[0]
    clock.seconds += 10
    (rest,) = part.next_batch()
    assert first.arrived + rest.arrived == [NOON, NOON + 1_000_000, NOON + 2_000_000]


def test_a_snapshot_counts_emitted_messages_and_not_those_that_were_read(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "trip.jsonl", seconds=[0, 0, 20, 40])
    part, clock = partition(path, speed=1.0)
    assert RECORDING.unwrap(part.snapshot()) == 0
    assert offsets_now(part) == [0, 1]
    assert RECORDING.unwrap(part.snapshot()) == 2
    clock.seconds += 20
    assert offsets_now(part) == [2]
    assert RECORDING.unwrap(part.snapshot()) == 3
    resumed, _ = partition(path, "max", start=RECORDING.unwrap(part.snapshot()))
    assert offsets_now(resumed) == [3]
    assert RECORDING.unwrap(resumed.snapshot()) == 4
    finished, _ = partition(path, "max", start=4)
    with pytest.raises(StopIteration):
        finished.next_batch()


def test_a_file_that_is_no_recording_is_refused_when_the_flow_is_built(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="no such file"):
        RecordingSource(tmp_path / "trip.jsonl")


@pytest.mark.parametrize("sink", [RecordingSink, lambda path: JsonLinesSink(path, keep=True)])
def test_a_sink_that_cannot_write_is_refused_when_the_flow_is_built(
    tmp_path: Path, sink: Callable[[Path], Sink[Any]]
) -> None:
    with pytest.raises(RecordingError, match=r"trip\.csv"):
        sink(tmp_path / "trip.csv")


def test_the_state_of_a_recording_belongs_to_its_file(tmp_path: Path) -> None:
    first = RecordingSource(write_recording(tmp_path / "monday.jsonl"))
    second = RecordingSource(write_recording(tmp_path / "tuesday.jsonl"))
    assert first.list_parts() != second.list_parts()


def copying(source: RecordingSource, sink: RecordingSink, fail_at: Callable[[int], bool]) -> Dataflow:
    def keyed(batch: MessageBatch) -> tuple[str, MessageBatch]:
        if any(map(fail_at, batch.offsets or [])):
            raise RuntimeError("killed")
        return str(batch.offsets), batch

    flow = Dataflow("copy")
    op.output("out", op.map("key", op.input("in", flow, source), keyed), sink)
    return flow


def results(source: RecordingSource, sink: JsonLinesSink, fail_at: Callable[[int], bool]) -> Dataflow:
    def scored(batch: MessageBatch) -> tuple[str, OutgoingBatch]:
        if any(map(fail_at, batch.offsets or [])):
            raise RuntimeError("killed")
        payloads = [b'{"offset": %d}' % offset for offset in batch.offsets or []]
        return "any", OutgoingBatch(keys=[""] * len(payloads), payloads=payloads)

    flow = Dataflow("results")
    op.output("out", op.map("score", op.input("in", flow, source), scored), sink)
    return flow


@PLAIN_AND_GZIP
@pytest.mark.parametrize("table", [False, True])
def test_playing_and_recording_again_changes_no_byte_of_a_payload(
    tmp_path: Path, suffix: str, table: bool
) -> None:
    original = tmp_path / "trip.csv"
    original.write_text("time,speed\n00:00:01,1.50\n00:00:02,\n")
    if not table:
        original = write_recording(tmp_path / f"trip{suffix}")
    copy = tmp_path / f"copy{suffix}"
    run_main(copying(RecordingSource(original, batch_size=3), RecordingSink(copy), lambda offset: False))
    (before,), (after,) = open_recording(original).read(), open_recording(copy).read()
    assert (after.payloads, after.topics, after.arrived) == (before.payloads, before.topics, before.arrived)


@PLAIN_AND_GZIP
@pytest.mark.parametrize("failures", [[5], [0], [9], [2, 2, 6]])
def test_a_killed_job_from_recording_to_recording_is_exactly_once(
    tmp_path: Path, suffix: str, failures: list[int]
) -> None:
    original = write_recording(tmp_path / f"trip{suffix}")
    copy = tmp_path / f"copy{suffix}"
    recovery = recovery_in(tmp_path)
    for failure in failures:
        flow = copying(RecordingSource(original, batch_size=2), RecordingSink(copy), failure.__eq__)
        with pytest.raises(RuntimeError):
            run_main(flow, epoch_interval=EVERY_BATCH, recovery_config=recovery)
    flow = copying(RecordingSource(original, batch_size=2), RecordingSink(copy), lambda offset: False)
    run_main(flow, epoch_interval=EVERY_BATCH, recovery_config=recovery)
    assert payloads_in(copy) == PAYLOADS


@PLAIN_AND_GZIP
@pytest.mark.parametrize("keep", [False, True])
def test_results_written_after_the_last_snapshot_are_replaced_on_resume(
    tmp_path: Path, suffix: str, keep: bool
) -> None:
    original = write_recording(tmp_path / "trip.jsonl")
    output = tmp_path / "results" / f"enriched{suffix}"
    recovery = recovery_in(tmp_path)
    for failure in (4, 8):
        flow = results(RecordingSource(original, batch_size=1), JsonLinesSink(output, keep), failure.__eq__)
        with pytest.raises(RuntimeError):
            run_main(flow, epoch_interval=EVERY_BATCH, recovery_config=recovery)
        with output.open("ab") as file:
            file.write(b"written after the snapshot, before the kill")
    flow = results(RecordingSource(original, batch_size=1), JsonLinesSink(output, keep), lambda offset: False)
    run_main(flow, epoch_interval=EVERY_BATCH, recovery_config=recovery)
    assert payloads_in(output) == [b'{"offset": %d}' % offset for offset in range(10)]


@pytest.mark.parametrize(("keep", "times"), [(False, 1), (True, 2)])
def test_results_of_a_second_run_replace_the_first_or_follow_it(
    tmp_path: Path, keep: bool, times: int
) -> None:
    original = write_recording(tmp_path / "trip.jsonl")
    output = tmp_path / "enriched.jsonl"
    for _ in range(2):
        run_main(results(RecordingSource(original), JsonLinesSink(output, keep), lambda offset: False))
    assert payloads_in(output) == [b'{"offset": %d}' % offset for offset in range(10)] * times


@PLAIN_AND_GZIP
def test_an_existing_recording_is_continued_and_never_overwritten(tmp_path: Path, suffix: str) -> None:
    original = write_recording(tmp_path / "trip.jsonl")
    copy = tmp_path / f"copy{suffix}"
    for _ in range(2):
        run_main(copying(RecordingSource(original), RecordingSink(copy), lambda offset: False))
    assert payloads_in(copy) == PAYLOADS * 2


def test_workers_share_one_file_without_mixing_their_lines(tmp_path: Path) -> None:
    copy = tmp_path / "copy.jsonl"
    batches = [batch_of([b'{"number": %d}' % number]) for number in range(200)]
    flow = Dataflow("workers")
    stream = op.redistribute("spread", op.input("in", flow, TestingSource(batches)))
    keyed = op.map("key", stream, lambda batch: (str(batch.payloads[0]), batch))
    op.output("out", keyed, RecordingSink(copy))
    cluster_main(flow, [], 0, worker_count_per_proc=3)
    assert sorted(payloads_in(copy)) == sorted(batch.payloads[0] for batch in batches)


def test_a_recording_is_played_once_however_many_workers_run(tmp_path: Path) -> None:
    played: list[MessageBatch] = []
    flow = Dataflow("play")
    source = RecordingSource(write_recording(tmp_path / "trip.jsonl"), speed=1e6, batch_size=3)
    op.output("out", op.input("in", flow, source), TestingSink(played))
    cluster_main(flow, [], 0, worker_count_per_proc=2)
    assert [payload for batch in played for payload in batch.payloads] == PAYLOADS


def recovery_in(tmp_path: Path) -> RecoveryConfig:
    directory = tmp_path / "recovery"
    directory.mkdir()
    init_db_dir(directory, 1)
    return RecoveryConfig(str(directory))
