"""What alerts and rollups cost: the job in process with both, and without one of them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.throughput.figures import Report, Scale, beside_limit, medians
from benchmarks.throughput.in_process import SCORED, clock
from benchmarks.throughput.stream import Stream

ALL = "all"
WITHOUT = {"alerts": "[alerts]\nenabled = false\n", "rollups": "[rollups]\nenabled = false\n"}
"""Step → the settings that leave it out."""


def steps(scale: Scale) -> Report:
    """The part ``steps``."""
    with tempfile.TemporaryDirectory() as directory:
        stream = Stream(scale.events)
        recording = stream.record(Path(directory))

        def run(settings: str) -> float:
            return clock(SCORED, recording, stream, settings).events_per_second

        cases = {name: lambda text=text: run(text) for name, text in ({ALL: ""} | WITHOUT).items()}
        speeds = medians("steps", cases, scale.repetitions, scale.notes)
    return {step: beside_limit(speeds[ALL], speeds[step]) for step in WITHOUT}
