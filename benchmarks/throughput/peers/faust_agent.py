"""Faust (faust-streaming), Kafka to Kafka: an agent that scores what its stream brings.

Detectors are kept in memory by vehicle: in a table of Faust each would be serialised at every event. What is
sent is not waited for one by one. Events come by the hundred, from ``stream.take``: several times faster with
our detector, and no slower with trees. The worker runs on uvloop, which Faust offers. Time is taken when
events have been handed to the producer.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from typing import Any

import faust
import orjson

from benchmarks.throughput.peers.clock import Clock, Task
from benchmarks.throughput.peers.scorers import scorer

PARTITIONS = 4
BATCH = 100
PATIENCE = 0.1
"""Seconds that a batch waits until it is full."""


def main() -> None:
    """Run a worker until the last event."""
    task = Task.from_command_line()
    clock = Clock(task)
    score = scorer(task.detector)
    app = faust.App(
        task.name,
        broker=f"kafka://{task.bootstrap}",
        store="memory://",
        datadir=tempfile.mkdtemp(),
        topic_partitions=PARTITIONS,
        web_enabled=False,
    )
    telemetry = app.topic(task.topic, key_type=bytes, value_type=bytes, value_serializer="raw")
    enriched = app.topic(
        f"{task.topic}.{task.name}", key_type=bytes, value_type=bytes, value_serializer="raw"
    )

    async def enrich(stream: Any) -> None:
        batches: AsyncIterator[Sequence[bytes]] = stream.take(BATCH, within=PATIENCE)
        async for batch in batches:
            events: list[dict[str, Any]] = [orjson.loads(payload) for payload in batch]
            for event, value in zip(events, score(events), strict=True):
                event["score"] = value
                enriched.send_soon(key=event["vehicle_id"].encode(), value=orjson.dumps(event))
            clock.tick_and_leave(len(events))

    app.agent(telemetry)(enrich)
    sys.argv = [sys.argv[0], "--loop", "uvloop", "worker", "--loglevel", "error", "--without-web"]
    app.main()


if __name__ == "__main__":
    main()
