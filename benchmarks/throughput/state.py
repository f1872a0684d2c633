"""What does the job's state cost? ``python -m benchmarks.throughput.state RECORDING RESULT``

All shards are fed with a recording. Then snapshots of all of them are taken and pickled, as the engine does,
and detectors are restored from them. RESULT gets, as JSON, ``state_bytes_per_vehicle`` (pickled), the medians
of ``snapshot_seconds`` and ``restore_seconds`` for all shards together, and, if there are enough vehicles to
tell, ``memory_bytes_per_vehicle``, by which the process has grown. Writing to the recovery directory is done
by the engine and not measured.
"""

from __future__ import annotations

import json
import pickle
import statistics
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from threadpoolctl import threadpool_limits

from config.settings import Settings, load
from dataflows.decode import Decoder
from dataflows.messages import MessageBatch
from dataflows.recordings import open_recording
from dataflows.score.scorer import ShardScorer
from dataflows.score.shard import split

REPETITIONS = 5
WARM_UP_BATCHES = 10
MEASURABLE = 10_000
"""Number of vehicles from which on their memory can be distinguished from what the process uses anyway."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    recording, result = map(Path, sys.argv[1:] if arguments is None else arguments)
    settings = load()
    with threadpool_limits(limits=1):
        result.write_text(json.dumps(measure(settings, recording)))


def measure(settings: Settings, recording: Path) -> dict[str, float]:
    """Feed all shards with a recording and measure their state.

    Args:
        settings: all settings.
        recording: telemetry that fits them.
    """
    # Memory of what is loaded and compiled once does not belong to the vehicles.
    _fed(settings, islice(_batches(settings, recording), WARM_UP_BATCHES))
    resident = _resident_bytes()
    scorers = _fed(settings, _batches(settings, recording))
    vehicles = sum(scorer.detector.vehicles for scorer in scorers)
    grown = _resident_bytes() - resident
    snapshot_seconds, restore_seconds, size = [], [], 0
    for _ in range(REPETITIONS):
        begin = time.perf_counter()
        pickled = [pickle.dumps(scorer.snapshot(), pickle.HIGHEST_PROTOCOL) for scorer in scorers]
        snapshot_seconds.append(time.perf_counter() - begin)
        size = sum(map(len, pickled))
        begin = time.perf_counter()
        restored = [ShardScorer(settings, pickle.loads(state)) for state in pickled]  # noqa: S301 (our own)
        restore_seconds.append(time.perf_counter() - begin)
        del pickled, restored
    found = {
        "state_bytes_per_vehicle": round(size / vehicles),
        "snapshot_seconds": round(statistics.median(snapshot_seconds), 4),
        "restore_seconds": round(statistics.median(restore_seconds), 4),
    }
    if resident and vehicles >= MEASURABLE:
        found["memory_bytes_per_vehicle"] = round(max(grown, 0) / vehicles)
    return found


def _batches(settings: Settings, recording: Path) -> Iterator[MessageBatch]:
    return open_recording(recording).read(batch_size=settings.recording.batch_size)


def _fed(settings: Settings, batches: Iterable[MessageBatch]) -> list[ShardScorer]:
    scorers: dict[str, ShardScorer] = {}
    decoder = Decoder(settings.payload, settings.signals)
    for batch in batches:
        for key, events in split(decoder.decode(batch), settings.detector.shards):
            if key not in scorers:
                scorers[key] = ShardScorer(settings)
            scorers[key].score(events)
    return list(scorers.values())


def _resident_bytes() -> int:
    """Resident memory of this process; 0 if the system does not report it."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main()
