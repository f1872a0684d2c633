"""The job between memory and a sink that discards everything, so that neither broker nor disk is measured.

``python -m bytewax.run 'benchmarks.throughput.flow:scored("FILE", "CLOCK")'`` reads a recording into memory,
sends it through `dataflows.fleet` in batches of ``recording.batch_size`` messages, discards the output,
and writes its measurement to CLOCK; ``unscored`` does the same with `benchmarks.unscored`, and ``shared``
with partitions shared by several processes.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import bytewax.operators as op
from bytewax.dataflow import Dataflow, Stream
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.outputs import DynamicSink, StatelessSinkPartition

from benchmarks.unscored import unscored as constants
from config.settings import Settings, load
from dataflows import fleet
from dataflows.job import tune_gc
from dataflows.messages import MessageBatch, OutgoingBatch
from dataflows.recordings import open_recording
from dataflows.score.scorer import ShardScorer

WARM_UP = 0.2
"""Share of the events before the measurement starts: for imports, compilation and new vehicles."""

PARTITIONS = 4
"""Partitions of a topic, in memory as in Kafka."""

NEARLY_ALL = 0.95
"""Share of its events after which a process stops measuring: partitions are not equally long."""


@dataclass(frozen=True, slots=True)
class Clocked:
    """The measurement after the warm-up.

    Attributes:
        events: enriched events in the output.
        seconds: wall time they took.
        cpu_seconds: processor time of the process in that time.
        encoded_bytes: size of all their payloads.
        until: when the last one was output, by `time.perf_counter`, which all processes of a machine share.
    """

    events: int
    seconds: float
    cpu_seconds: float
    encoded_bytes: int
    until: float

    @property
    def events_per_second(self) -> float:
        return self.events / self.seconds


def read_clock(file: Path) -> Clocked:
    """Read what a flow wrote to CLOCK."""
    return Clocked(**json.loads(file.read_text()))


def scored(recording: str, clock: str) -> Dataflow:
    """`dataflows.fleet` between memory and a sink that discards everything.

    Args:
        recording: file to read into memory.
        clock: file to write a `Clocked` to.
    """
    settings = load()
    source = MemorySource(Path(recording), settings.recording.batch_size)
    return _to_nowhere(source, _Counter(source.events, Path(clock)), settings)


def unscored(recording: str, clock: str) -> Dataflow:
    """As `scored`, with constants in place of scores."""
    ShardScorer.score = constants  # type: ignore[method-assign, assignment]
    return scored(recording, clock)


def shared(recording: str, clocks: str, processes: int) -> Dataflow:
    """As `scored`, from `PARTITIONS` partitions like those of Kafka, shared by the processes of a job.

    Args:
        recording: file to read into memory; its batches are distributed over the partitions.
        clocks: directory in which each process writes a `Clocked`, after nearly all of its share.
        processes: number of processes that share the partitions.
    """
    settings = load()
    source = MemorySource(Path(recording), settings.recording.batch_size, PARTITIONS)
    expected = int(NEARLY_ALL * source.events / processes)
    return _to_nowhere(source, _Counter(expected, Path(clocks) / f"{os.getpid()}.json"), settings)


def _to_nowhere(source: MemorySource, counter: _Counter, settings: Settings) -> Dataflow:
    def discard(
        step_id: str, up: Stream[OutgoingBatch], settings: Settings, topic: str, **options: object
    ) -> None:
        op.output(step_id, up, _Discard(counter if step_id == fleet.ENRICHED else None))

    fleet.deliver = discard  # type: ignore[attr-defined]
    return fleet.build(settings, source)


class MemorySource(FixedPartitionedSource[MessageBatch, int]):
    """Emits the batches of a recording that was read into memory.

    Args:
        path: the recording.
        batch_size: messages per batch.
        partitions: number of partitions, as with Kafka; 0 for none, as with MQTT.

    Attributes:
        events: number of messages.
    """

    def __init__(self, path: Path, batch_size: int, partitions: int = 0) -> None:
        batches = list(open_recording(path).read(batch_size=batch_size))
        self.events = sum(map(len, batches))
        self._parts = {"memory": batches}
        if partitions:
            self._parts = {
                f"memory/{number}": [
                    replace(batch, partition=number) for batch in batches[number::partitions]
                ]
                for number in range(partitions)
            }

    def list_parts(self) -> list[str]:
        return list(self._parts)

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> _MemoryPartition:
        # As the job does before it starts, but after reading, so that the recording is excluded, too.
        tune_gc()
        return _MemoryPartition(iter(self._parts[for_part]))


class _MemoryPartition(StatefulSourcePartition[MessageBatch, int]):
    def __init__(self, batches: Iterator[MessageBatch]) -> None:
        self._batches = batches

    def next_batch(self) -> list[MessageBatch]:
        return [next(self._batches)]

    def snapshot(self) -> int:
        return 0


class _Counter:
    """Counts events, and writes the measurement after the last."""

    def __init__(self, expected: int, clock: Path) -> None:
        self._expected = expected
        self._clock = clock
        self._events = 0
        self._bytes = 0
        self._begin: tuple[int, int, float, float] | None = None

    def count(self, events: int, encoded_bytes: int) -> None:
        self._events += events
        self._bytes += encoded_bytes
        if self._begin is None and self._events >= WARM_UP * self._expected:
            self._begin = self._now()
        elif self._begin is not None and self._events >= self._expected:
            before, now = self._begin, self._now()
            seconds, cpu_seconds = now[2] - before[2], now[3] - before[3]
            found = Clocked(now[0] - before[0], seconds, cpu_seconds, now[1] - before[1], now[2])
            self._clock.write_text(json.dumps(asdict(found)))
            self._expected = sys.maxsize

    def _now(self) -> tuple[int, int, float, float]:
        return self._events, self._bytes, time.perf_counter(), time.process_time()


class _Discard(DynamicSink[OutgoingBatch]):
    def __init__(self, counter: _Counter | None) -> None:
        self._counter = counter

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _DiscardPartition:
        return _DiscardPartition(self._counter)


class _DiscardPartition(StatelessSinkPartition[OutgoingBatch]):
    def __init__(self, counter: _Counter | None) -> None:
        self._counter = counter

    def write_batch(self, items: list[OutgoingBatch]) -> None:
        if self._counter is not None:
            for batch in items:
                self._counter.count(len(batch), sum(map(len, batch.payloads)))
