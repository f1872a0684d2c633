"""The tables of the page: processes, shards, dead letters, values that could not be read."""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections.abc import Callable, Sequence
from datetime import tzinfo

import pandas as pd

from dataflows.events import DeadLetter
from ui.clock_time import clock_time
from ui.formatting import duration, latency, number, plain
from ui.pipeline import figures
from ui.pipeline.metrics_scraper import ProcessMetrics

LONGEST_SAMPLE = 120
"""Characters of a dead letter that are shown."""

UNKNOWN = "–"
Figure = Callable[[ProcessMetrics], float | None]


def process_frame(processes: Sequence[ProcessMetrics]) -> pd.DataFrame:
    """One row per process: a worker is what runs in one, and uses one core."""
    rows = []
    for process in processes:
        latest = process.latest
        row = {"Process": plain(figures.name_of(process)), "State": _state(process)}
        if latest is not None:
            slow = figures.latency([process], 0.95)
            is_fleet = figures.job_of(latest) == "fleet"
            row |= {
                "Messages/s": number(process.rate(figures.MESSAGES)),
                "Events/s": number(process.rate(figures.EVENTS)) if is_fleet else UNKNOWN,
                "Latency, 95 %": UNKNOWN if slow is None else latency(slow),
                "To read": _count(figures.behind(process)),
                "In flight": _count(_if_any(process, figures.UNACKNOWLEDGED)),
                "Snapshot": _ago(figures.snapshot_age(process)),
                "State size": _bytes(_if_any(process, figures.STATE_BYTES)),
                "Of a core": f"{process.rate(figures.PROCESSOR, figures.MINUTE):.0%}",
                "Memory": _bytes(_if_any(process, figures.MEMORY)),
            }
        rows.append(row)
    return pd.DataFrame(rows).fillna("")


def shard_frame(processes: Sequence[ProcessMetrics]) -> pd.DataFrame:
    """One row per shard: threshold and drift of its detector, and how far its event time is behind."""
    rows = []
    for process in processes:
        latest = process.latest
        if latest is None:
            continue
        for shard in sorted(latest.by_label(figures.BLOCKS, "shard"), key=int):
            time = latest.by_label(figures.EVENT_TIME, "shard").get(shard)
            rows.append(
                {
                    "Shard": shard,
                    "Process": plain(figures.name_of(process)),
                    "Threshold": number(latest.total(figures.THRESHOLD, shard=shard)),
                    "Mean error": number(latest.total(figures.MEAN_ERROR, shard=shard)),
                    "Drifts": f"{latest.total(figures.DRIFTS, shard=shard):,.0f}",
                    "Blocks learned": f"{latest.total(figures.BLOCKS, shard=shard):,.0f}",
                    "Event time": UNKNOWN if time is None else f"{duration(latest.at - time)} ago",
                }
            )
    columns = ["Shard", "Process", "Threshold", "Mean error", "Drifts", "Blocks learned", "Event time"]
    return pd.DataFrame(rows, columns=columns)


def reason_frame(processes: Sequence[ProcessMetrics]) -> pd.DataFrame:
    """Kind of reason and number of dead letters since the start and in the last minute, the most first."""
    sums = _sums(processes, figures.DEAD_LETTERS, "reason")
    lately = figures.rises_by(processes, figures.DEAD_LETTERS, "reason", figures.MINUTE)
    rows = [
        (plain(reason.replace("_", " ")), f"{count:,.0f}", f"{lately.get(reason, 0.0):,.0f}")
        for reason, count in sums.items()
    ]
    return pd.DataFrame(rows, columns=["Reason", "Since the start", "Last minute"])


def bad_values_frame(processes: Sequence[ProcessMetrics]) -> pd.DataFrame:
    """Signal and number of values that could not be read, the most first."""
    sums = _sums(processes, figures.BAD_VALUES, "signal")
    rows = [(plain(signal), f"{count:,.0f}") for signal, count in sums.items()]
    return pd.DataFrame(rows, columns=["Signal", "Values"])


def dead_letter_frame(letters: Sequence[DeadLetter], zone: tzinfo) -> pd.DataFrame:
    """One row per dead letter: when, why, where from, and how it begins."""
    rows = [
        {
            "Arrived": clock_time(letter.arrived_at, zone),
            "Reason": plain(letter.reason, 200),
            "Topic": plain(letter.topic, 60),
            "Bytes": f"{letter.length or len(letter.payload):,}",
            "Begins with": sample_of(letter.payload),
        }
        for letter in letters
    ]
    return pd.DataFrame(rows, columns=["Arrived", "Reason", "Topic", "Bytes", "Begins with"])


def sample_of(payload: bytes) -> str:
    """How a payload begins: as text, or in hexadecimal where it is none."""
    sample = payload[: 4 * LONGEST_SAMPLE]
    try:
        # What comes after the sample may be the rest of its last character.
        text = getincrementaldecoder("utf-8")().decode(sample, len(sample) == len(payload))
    except UnicodeDecodeError:
        text = "\0"
    is_text = all(character.isprintable() or character in "\t\r\n" for character in text)
    return plain(text, LONGEST_SAMPLE) if is_text else payload[: LONGEST_SAMPLE // 3].hex(" ")


def _state(process: ProcessMetrics) -> str:
    if process.latest is None:
        return f"no answer: {plain(process.trouble, 100)}"
    return f"not ready: {plain(process.not_ready[0], 100)}" if process.not_ready else "ready"


def _sums(processes: Sequence[ProcessMetrics], name: str, label: str) -> dict[str, float]:
    sums: dict[str, float] = {}
    for process in processes:
        if process.latest is not None:
            for value, count in process.latest.by_label(name, label).items():
                sums[value] = sums.get(value, 0.0) + count
    return {value: count for value, count in sorted(sums.items(), key=lambda it: -it[1]) if count}


def _if_any(process: ProcessMetrics, name: str) -> float | None:
    latest = process.latest
    return latest.total(name) if latest is not None and latest.has(name) else None


def _count(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:,.0f}"


def _ago(seconds: float | None) -> str:
    return UNKNOWN if seconds is None else f"{duration(seconds)} ago"


def _bytes(value: float | None) -> str:
    if value is None:
        return UNKNOWN
    return f"{value / 1e6:,.1f} MB" if value < 1e9 else f"{value / 1e9:,.2f} GB"
