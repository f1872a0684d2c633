"""The job without broker and disk, compared with the same job without scoring."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.throughput.figures import Report, Scale, beside_limit, medians
from benchmarks.throughput.flow import Clocked, read_clock
from benchmarks.throughput.process import running
from benchmarks.throughput.stream import Stream, settings_text
from config.errors import BrokerError

SCORED = "scored"
UNSCORED = "unscored"
BUSY = 1.15
"""Ratio of wall time to processor time above which the machine is reported as busy."""


def in_process(scale: Scale) -> Report:
    """The part ``in_process``."""
    with tempfile.TemporaryDirectory() as directory:
        recording = Stream(scale.events).record(Path(directory))
        shares: list[float] = []

        def run(flow: str) -> float:
            clocked = clock(flow, recording, Stream(scale.events))
            shares.append(clocked.seconds / clocked.cpu_seconds)
            return clocked.events_per_second

        cases = {flow: lambda flow=flow: run(flow) for flow in (SCORED, UNSCORED)}
        speeds = medians("in process", cases, scale.repetitions, scale.notes)
    if max(shares) > BUSY:
        scale.notes.print(
            f"in process: the machine is busy, a run took {max(shares):.1f} times its processor time; "
            "figures would be higher on an idle one",
            style="yellow",
        )
    return {"in_process": beside_limit(speeds[SCORED], speeds[UNSCORED])}


def clock(flow: str, recording: Path, stream: Stream, settings: str = "") -> Clocked:
    """Run a flow once.

    Args:
        flow: `SCORED` or `UNSCORED`.
        recording: recording of the stream.
        stream: the stream.
        settings: further tables of the settings file.

    Raises:
        BrokerError: the job failed.
    """
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "settings.toml"
        file.write_text(settings_text(stream, settings))
        result = Path(directory) / "clock.json"
        target = f"benchmarks.throughput.flow:{flow}({str(recording)!r}, {str(result)!r})"
        with running(["-m", "bytewax.run", target], {"FLEET_CONFIG": str(file)}) as job:
            job.wait()
            if not result.exists():
                raise BrokerError(f"expected {stream.events:,} events as output, got fewer: {job.reason()}")
        return read_clock(result)
