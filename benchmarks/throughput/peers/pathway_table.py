"""Pathway, from a file to a null sink: a table whose rows are scored by a user-defined function.

Pathway's stateful reducers give one row per vehicle and commit, not one per event; so the function keeps the
detectors. It gets a thousand lines at a time and parses the JSON itself, which is faster here than Pathway's
JSON connectors with a function over their columns. Rows of a commit come in no particular order: the scores
of half-space trees are worthless then, but cost the same. Our detector, for which nearly every row would be
late, cannot be used like this.

Pathway runs each step over all rows, so its time is measured as the difference between a run over all events
and one over the first fifth: starting the engine is not counted.
"""

from __future__ import annotations

import logging
import tempfile
import time
from pathlib import Path

import orjson
import pathway as pw

from benchmarks.throughput.peers.clock import WARM_UP, Task, write
from benchmarks.throughput.peers.scorers import Scorer, scorer

BATCH = 1_000


def seconds(recording: Path, score: Scorer) -> float:
    """Duration of one run over a file, in seconds."""

    def enrich(payloads: list[bytes]) -> list[bytes]:
        events = [orjson.loads(payload) for payload in payloads]
        return [
            orjson.dumps(event | {"score": value}) for event, value in zip(events, score(events), strict=True)
        ]

    pw.internals.parse_graph.G.clear()
    lines = pw.io.plaintext.read(str(recording), mode="static")
    function = pw.udf(enrich, max_batch_size=BATCH, deterministic=True)
    pw.io.null.write(lines.select(enriched=function(pw.this.data)))
    begin = time.perf_counter()
    pw.run(monitoring_level=pw.MonitoringLevel.NONE)
    return time.perf_counter() - begin


def main() -> None:
    """Run over the first fifth, twice so that every vehicle is known, then over all."""
    logging.disable(logging.WARNING)
    task = Task.from_command_line()
    score = scorer(task.detector)
    payloads = task.payloads()
    first = int(WARM_UP * len(payloads))
    with tempfile.TemporaryDirectory() as directory:
        part = Path(directory) / "first.jsonl"
        part.write_bytes(b"\n".join(payloads[:first]) + b"\n")
        seconds(part, score)
        short = seconds(part, score)
        write(task.result, len(payloads) - first, seconds(task.recording, score) - short)


if __name__ == "__main__":
    main()
