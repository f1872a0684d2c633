"""Pathway, from a file to nowhere: a table whose rows a user-defined function scores.

Pathway's stateful reducers give one row per vehicle and commit, not one an event; so the function keeps the
detectors. It gets lines by the thousand and reads the JSON itself, which is faster here than Pathway's own
JSON connectors with a function over their columns. Rows of a commit come in no order: what half-space trees
make of them is not worth having, but costs the same. Our detector, for which nearly every row would be late,
cannot be used so.

Pathway computes step by step over all rows, so its time is the difference between a run over all events and
one over the first fifth: starting the engine is not counted.
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
    """How long one run over a file takes, in seconds."""

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
