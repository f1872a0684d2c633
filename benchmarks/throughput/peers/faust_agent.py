"""Faust (faust-streaming), Kafka to Kafka: an agent that scores the events of its stream.

Detectors are kept in memory by vehicle: in a Faust table each would be serialised at every event. The agent
does not wait for every single delivery. Events come in batches of 100 from ``stream.take``: several times
faster with our detector, and no slower with trees. The worker runs on uvloop, which Faust supports. Time is
measured when events have been passed to the producer.
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
"""Seconds that an incomplete batch waits for more events."""


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
