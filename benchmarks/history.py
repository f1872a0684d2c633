"""How long does a question to a month of history take? ``python -m benchmarks.history``"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import track
from rich.table import Table

from config.errors import exit_on_error
from config.history_settings import Place
from config.settings import load
from dataflows.events import Rollup, SignalSummary
from dataflows.history.files import list_files
from dataflows.history.kinds import KINDS
from dataflows.history.reader import History
from dataflows.history.store import open_store
from dataflows.history.writer import KindWriter
from dataflows.messages import MessageBatch

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS, VEHICLES, SIGNALS = 30, 100, 8
MINUTES = 24 * 60
FILE = 120
"""Minutes of rollups in a file, before they are merged."""

REPETITIONS = 5
KIND = KINDS["rollups"]

TOTALS = "SELECT vehicle_id, sum(distance_km), sum(anomalies) FROM rollups"
QUESTIONS = {
    "a day": f"{TOTALS} WHERE day = '{{day}}' GROUP BY ALL",
    "all days": f"{TOTALS} GROUP BY ALL",
    "all days of a vehicle": "SELECT start, signal_0_mean FROM rollups WHERE vehicle_id = 'VEH-0042'",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """How long a question took.

    Attributes:
        question: what about.
        merged: whether the files of each day had been merged into one.
        files: number of files.
        seconds: median, with opening the history.
    """

    question: str
    merged: bool
    files: int
    seconds: float


def write(place: Place, days: int, vehicles: int) -> int:
    """Write rollups as the recorder does; returns how many."""
    writer = KindWriter(place, KIND, "fleet/rollups")
    spans = [(day, first) for day in range(days) for first in range(0, MINUTES, FILE)]
    for day, first in track(spans, "writing", console=Console(stderr=True), transient=True):
        payloads = [
            msgspec.json.encode(_rollup(vehicle, START + timedelta(days=day, minutes=minute)))
            for minute in range(first, first + FILE)
            for vehicle in range(vehicles)
        ]
        count = len(payloads)
        writer.write(MessageBatch(payloads, ["fleet/rollups/x"] * count, [0] * count, "mqtt"))
        writer.flush()
    return days * MINUTES * vehicles


def _rollup(vehicle: int, start: datetime) -> Rollup:
    name = f"VEH-{vehicle:04d}"
    seconds = start.timestamp()
    signals = {}
    for number in range(SIGNALS):
        mean = round(50.0 + 10.0 * math.sin(seconds / 3000.0 + vehicle + number), 9)
        signals[f"signal_{number}"] = SignalSummary(
            count=60, mean=mean, min=mean - 3.0, max=mean + 3.0, last=mean + 1.0
        )
    return Rollup(
        rollup_id=f"{name}/{start.isoformat()}",
        vehicle_id=name,
        start=start,
        end=start + timedelta(minutes=1),
        first_at=start,
        last_at=start + timedelta(seconds=59),
        events=60,
        anomalies=int(int(seconds // 60 + vehicle) % 97 == 0),
        error_mean=0.5,
        error_peak=1.0 + vehicle / 1000.0,
        signals=signals,
        distance_km=0.8,
        moving_s=50.0,
        idle_s=10.0,
        used={"signal_0": 0.01},
        made_at=start + timedelta(seconds=70),
    )


def sizes(place: Place) -> list[int]:
    """Bytes of every file."""
    if isinstance(place, Path):
        return [file.path.stat().st_size for file in list_files(place, KIND.name)]
    from deltalake import DeltaTable

    from dataflows.history.delta_maintenance import files_of

    days = files_of(DeltaTable(f"{place}/{KIND.name}"))
    return [file.size for of_day in days.values() for file in of_day]


def ask(place: Place, days: int, *, merged: bool) -> list[Answer]:
    """Time every question."""
    files = len(sizes(place))
    day = (START + timedelta(days=days // 2)).date()
    answers = []
    for question, sql in QUESTIONS.items():
        seconds = []
        for _ in range(REPETITIONS):
            begin = time.perf_counter()
            History(place).query(sql.format(day=day))
            seconds.append(time.perf_counter() - begin)
        answers.append(Answer(question, merged, files, round(statistics.median(seconds), 3)))
    return answers


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.history",
        description=f"Time questions to rollups of a minute with {SIGNALS} signals.",
    )
    parser.add_argument("--days", type=int, default=DAYS, metavar="N", help="default: %(default)d")
    parser.add_argument("--vehicles", type=int, default=VEHICLES, metavar="N", help="default: %(default)d")
    parser.add_argument("--delta", action="store_true", help="keep them in a Delta table instead of files")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(arguments)
    with exit_on_error("benchmarks.history"), tempfile.TemporaryDirectory() as name:
        place: Place = f"file://{name}" if options.delta else Path(name)
        changes = {"merge_files": 2, "merge_after": 0.0, "keep_days": {}, "max_mib": None}
        begin = time.perf_counter()
        rows = write(place, options.days, options.vehicles)
        written = time.perf_counter()
        answers = ask(place, options.days, merged=False)
        before = time.perf_counter()
        open_store(place).maintain(load().history.model_copy(update=changes), lambda: False)
        merged = time.perf_counter()
        answers += ask(place, options.days, merged=True)
        size = sum(sizes(place))
    if options.json:
        print(json.dumps({"rows": rows, "bytes": size, "answers": list(map(asdict, answers))}, indent=1))
        return
    table = Table()
    for title in ("question about", "files", "seconds"):
        table.add_column(title, justify="right" if title != "question about" else "left")
    for answer in answers:
        table.add_row(answer.question, f"{answer.files:,}", f"{answer.seconds:.3f}")
    console = Console(width=None if sys.stdout.isatty() else 100)
    console.print(table)
    console.print(
        f"{rows:,} rollups made and written in {written - begin:.0f} s, merged in {merged - before:.0f} s, "
        f"{size / (1 << 20):.0f} MiB"
    )


if __name__ == "__main__":
    main()
