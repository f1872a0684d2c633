"""Makes labelled streams of recorded trips: ``python -m benchmarks.labelled_trips --trips DIR --out DIR``"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track

from benchmarks.injection import InjectedRows, inject
from benchmarks.streams import LABEL, MANIFEST
from benchmarks.trips import Trip, find_trips, per_second, read_trip
from config.errors import RecordingError, SettingsError, exit_on_error
from config.settings import load
from dataflows.compiled import Floats

WARM_UP = 800
"""Rows before the first fault; a third of the stream if that is less."""

PAUSE = (350, 600)
"""Rows between two faults, from and to (exclusive). After the warm-up, about one row in eleven is faulty."""

SIGNALS_AT_ONCE = 2
"""A fault affects one or two signals."""

SHORTEST_STREAM = 1000
"""Rows: a shorter stream has no room for warm-up and faults."""

EXAMPLES = """
The trips of a dataset (file names up to the first hyphen) are joined in random order at one row a second,
and cut into streams. Signals that never fall (counters and constants) are left out. The output directory
can be passed to python -m benchmarks.quality --data.

examples:
  python -m benchmarks.labelled_trips --trips ../shared/data/obd --out labelled
  python -m benchmarks.labelled_trips --trips ../shared/data/obd --out labelled --streams 8 --seed 2
"""


@dataclass(frozen=True, slots=True)
class LabelledTrip:
    """A stream with faults in it.

    Attributes:
        dataset: streams of a dataset are averaged.
        name: unique within the directory.
        signals: names of the columns.
        values: with the faults, shape (n, S).
        first: row from which on faults were injected.
        faults: in order.
    """

    dataset: str
    name: str
    signals: Sequence[str]
    values: Floats
    first: int
    faults: Sequence[InjectedRows]

    @property
    def label(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """1 in the rows of a fault, else 0, shape (n,)."""
        label = np.zeros(len(self.values), np.int64)
        for fault in self.faults:
            label[fault.start : fault.stop] = 1
        return label


def with_faults(
    dataset: str, name: str, signals: Sequence[str], values: Floats, random: np.random.Generator
) -> LabelledTrip:
    """Inject faults into a stream, shape (n, S), after its warm-up."""
    first = min(WARM_UP, len(values) // 3)
    changed, faults = inject(values, first, random, pause=PAUSE, at_once=SIGNALS_AT_ONCE)
    return LabelledTrip(dataset, name, signals, changed, first, faults)


def labelled_trips(trips: Sequence[Trip], streams: int, rows: int, seed: int) -> Iterator[LabelledTrip]:
    """Join the trips of each dataset, cut streams out of them, and inject faults.

    Args:
        trips: those of a dataset must have the same signals.
        streams: streams per dataset.
        rows: length of a stream, at most.
        seed: determines order, position and faults.

    Raises:
        RecordingError: the trips of a dataset differ in their signals, or are too short.
    """
    for dataset in dict.fromkeys(trip.dataset for trip in trips):
        own = [trip for trip in trips if trip.dataset == dataset]
        signals = own[0].settings.scored_signals
        for trip in own:
            if trip.settings.scored_signals != signals:
                raise RecordingError(
                    f"{trip.name}: expected the same signals as in {own[0].name}, since both are {dataset}, "
                    f"got {', '.join(trip.settings.scored_signals)}"
                )
        parts = [per_second(trip) for trip in own]
        falling = np.any([(np.diff(part, axis=0) < 0).any(axis=0) for part in parts], axis=0)
        names = [name for name, falls in zip(signals, falling, strict=True) if falls]
        total = sum(map(len, parts))
        if total < SHORTEST_STREAM or not names:
            raise RecordingError(
                f"{own[0].name}: expected {SHORTEST_STREAM} seconds of {dataset} with signals that rise and "
                f"fall, got {total} seconds with {len(names)} such signals; give more or longer trips"
            )
        for number in range(streams):
            random = np.random.default_rng((seed, number))
            joined = np.concatenate([parts[index][:, falling] for index in random.permutation(len(parts))])
            start = int(random.integers(0, max(1, len(joined) - rows + 1)))
            yield with_faults(dataset, f"{dataset}-{number}", names, joined[start : start + rows], random)


def write(directory: Path, streams: Iterable[LabelledTrip]) -> int:
    """Write streams and the manifest that lists them.

    Returns:
        Number of streams.

    Raises:
        RecordingError: the directory already contains a manifest, or cannot be written.
    """
    manifest = directory / MANIFEST
    if manifest.exists():
        raise RecordingError(f"{manifest}: expected a directory without streams, got this file; change --out")
    entries = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for stream in streams:
            table = pd.DataFrame(stream.values, columns=list(stream.signals))
            table[LABEL] = stream.label
            file = f"{stream.name}.csv.gz"
            table.to_csv(directory / file, index=False, compression={"method": "gzip", "mtime": 0})
            entries.append(
                {
                    "dataset": stream.dataset,
                    "file": file,
                    "rows": len(stream.values),
                    "signals": len(stream.signals),
                    "eval_from": stream.first,
                    "anomalous": int(stream.label.sum()),
                    "faults": [
                        asdict(fault) | {"signal": stream.signals[fault.signal]} for fault in stream.faults
                    ],
                }
            )
        manifest.write_text(json.dumps({"streams": entries}, indent=1) + "\n")
    except OSError as error:
        raise RecordingError(f"{directory}: cannot write streams: {error.strerror or error}") from None
    return len(entries)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line.

    Raises:
        SystemExit: status 1 after one line on standard error if a trip, a setting or the directory is wrong.
    """
    options = _parser().parse_args(arguments)
    with exit_on_error("benchmarks.labelled_trips"):
        if options.streams < 1 or options.rows < SHORTEST_STREAM or options.seed < 0:
            raise SettingsError(
                f"expected --streams ≥ 1, --rows ≥ {SHORTEST_STREAM} and --seed ≥ 0, "
                f"got {options.streams}, {options.rows} and {options.seed}"
            )
        settings, notes = load(), Console(stderr=True)
        paths = track(find_trips(options.trips), "reading", console=notes, transient=True)
        trips = [read_trip(path, settings) for path in paths]
        made = list(labelled_trips(trips, options.streams, options.rows, options.seed))
        written = write(options.out, track(made, "writing", console=notes, transient=True))
        notes.print(f"{written} streams in {options.out}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.labelled_trips",
        description="Write labelled streams: recorded trips with faults injected into one or two signals.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--trips", type=Path, required=True, metavar="DIR", help="recorded trips as CSV")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="directory to write")
    parser.add_argument("--streams", type=int, default=4, help="streams per dataset (%(default)s)")
    parser.add_argument("--rows", type=int, default=4500, help="rows of a stream, at most (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="seed of everything random (%(default)s)")
    return parser


if __name__ == "__main__":
    main()
