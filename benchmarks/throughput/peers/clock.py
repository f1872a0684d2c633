"""The command line of a peer, and how it reports the time it took."""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

WARM_UP = 0.2


@dataclass(frozen=True, slots=True)
class Task:
    """What a peer is to do.

    Attributes:
        recording: events as JSON lines.
        events: number of events.
        result: file for the figures of the `Clock`.
        detector: ``river`` or ``ours``.
        bootstrap: address of a Kafka broker with the events in `topic`, for peers that can only read from
            Kafka.
        topic: topic with the events; results go to ``TOPIC.NAME``.
        name: name of this run, for topics and consumer groups.
    """

    recording: Path
    events: int
    result: Path
    detector: str
    bootstrap: str
    topic: str
    name: str

    @classmethod
    def from_command_line(cls) -> Task:
        """Read the arguments that `benchmarks.throughput.beside_peers` passes."""
        parser = argparse.ArgumentParser(description="A peer of benchmarks.throughput, which starts it.")
        parser.add_argument("--recording", type=Path, required=True)
        parser.add_argument("--events", type=int, required=True)
        parser.add_argument("--result", type=Path, required=True)
        parser.add_argument("--detector", default="river")
        parser.add_argument("--bootstrap", default="")
        parser.add_argument("--topic", default="")
        parser.add_argument("--name", default="peer")
        return cls(**vars(parser.parse_args()))

    def payloads(self) -> list[bytes]:
        """All events, read into memory."""
        return self.recording.read_bytes().splitlines()


class Clock:
    """Counts events, and writes the speed after the last.

    Args:
        task: number of events to expect, and where to write.
    """

    def __init__(self, task: Task) -> None:
        self._result = task.result
        self._expected = task.events
        self._warm = int(WARM_UP * task.events)
        self._count = 0
        self._begin: tuple[int, float] | None = None

    def tick(self, events: int = 1) -> bool:
        """Count events that were completed together; returns whether the last was among them.

        The measurement starts between two calls, so that a batch is counted completely or not at all.
        """
        self._count += events
        if self._begin is None and self._count >= self._warm:
            self._begin = self._count, time.perf_counter()
        if self._count < self._expected:
            return False
        first, begin = self._begin or (0, 0.0)
        write(self._result, self._count - first, time.perf_counter() - begin)
        return True

    def tick_and_leave(self, events: int = 1) -> None:
        """As `tick`; after the last event this process exits, whatever its framework still wants to do."""
        if self.tick(events):
            os._exit(0)


def write(result: Path, events: int, seconds: float) -> None:
    """Write how many events took how many seconds."""
    result.write_text(json.dumps({"events": events, "seconds": seconds}))
