"""What one would write following Bytewax's own example: half-space trees per key in a `stateful_map`.

It reads from memory and discards its output. More favourable to Bytewax than the example: the source emits a
thousand items at a time.
"""

from __future__ import annotations

from typing import Any

import bytewax.operators as op
import orjson
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import TestingSource, run_main

from benchmarks.throughput.peers.clock import Clock, Task
from benchmarks.throughput.peers.scorers import TREES, Event, tree_score

BATCH = 1_000


class Discard(DynamicSink[bytes]):
    """Counts what it receives."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def build(self, step_id: str, worker_index: int, worker_count: int) -> DiscardPartition:
        return DiscardPartition(self._clock)


class DiscardPartition(StatelessSinkPartition[bytes]):
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def write_batch(self, items: list[bytes]) -> None:
        self._clock.tick(len(items))


def flow(task: Task) -> Dataflow:
    """Decode, key, detect, encode, discard."""

    def detect(trees: Any, event: Event) -> tuple[Any, Event]:
        if trees is None:
            trees = TREES[task.detector]()
        event["score"] = tree_score(trees, event)
        return trees, event

    dataflow = Dataflow("peer")
    payloads = op.input("telemetry", dataflow, TestingSource(task.payloads(), batch_size=BATCH))
    events = op.key_on("vehicle", op.map("decode", payloads, orjson.loads), lambda event: event["vehicle_id"])
    scored = op.key_rm("unkeyed", op.stateful_map("detect", events, detect))
    op.output("enriched", op.map("encode", scored, orjson.dumps), Discard(Clock(task)))
    return dataflow


if __name__ == "__main__":
    run_main(flow(Task.from_command_line()))
