"""Quix Streams, Kafka to Kafka: a streaming dataframe that applies the detector.

Detectors are kept in memory by vehicle: in the state of Quix each would be serialised at every event. A
dataframe passes one event at a time, and windows of several would be serialised, too.
Time is measured when an event has been scored, so writing the last ones is not counted.
"""

from __future__ import annotations

from typing import Any

import orjson
from quixstreams import Application

from benchmarks.throughput.peers.clock import Clock, Task
from benchmarks.throughput.peers.scorers import scorer


def main() -> None:
    """Run until the last event."""
    task = Task.from_command_line()
    clock = Clock(task)
    score = scorer(task.detector)
    application = Application(
        broker_address=task.bootstrap,
        consumer_group=task.name,
        auto_offset_reset="earliest",
        auto_create_topics=True,
        loglevel="ERROR",
    )

    def enrich(payload: bytes) -> bytes:
        event: dict[str, Any] = orjson.loads(payload)
        event["score"] = score([event])[0]
        encoded: bytes = orjson.dumps(event)
        clock.tick_and_leave()
        return encoded

    telemetry = application.topic(task.topic, value_deserializer="bytes")
    enriched = application.topic(f"{task.topic}.{task.name}", value_serializer="bytes")
    application.dataframe(telemetry).apply(enrich).to_topic(enriched)
    application.run()


if __name__ == "__main__":
    main()
