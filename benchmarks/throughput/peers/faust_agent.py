"""Faust (faust-streaming), Kafka to Kafka: an agent that scores what its stream brings.

Detectors are kept in memory by vehicle: in a table of Faust each would be serialised at every event. What is
sent is not waited for one by one. Time is taken when an event has been handed to the producer.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import AsyncIterator
from typing import Any

import faust
import orjson

from benchmarks.throughput.peers.clock import Clock, Task
from benchmarks.throughput.peers.scorers import scorer

PARTITIONS = 4


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

    async def enrich(payloads: AsyncIterator[bytes]) -> None:
        async for payload in payloads:
            event: dict[str, Any] = orjson.loads(payload)
            event["score"] = score(event)
            enriched.send_soon(value=orjson.dumps(event))
            clock.tick_and_leave()

    app.agent(telemetry)(enrich)
    sys.argv = [sys.argv[0], "worker", "--loglevel", "error", "--without-web"]
    app.main()


if __name__ == "__main__":
    main()
