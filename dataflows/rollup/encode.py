"""Runs and late events → messages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
import numpy as np

from config.settings import Settings
from dataflows.clock import utc
from dataflows.events import LateEvent, Rollup, SignalSummary
from dataflows.messages import OutgoingBatch
from dataflows.rollup.measures import Measures
from dataflows.rollup.run import (
    ANOMALIES,
    CHANGE,
    COUNT,
    ERROR_PEAK,
    ERROR_SUM,
    IDLE,
    LAST,
    MAX,
    METRES,
    MIN,
    MOVING,
    SUM,
    Run,
)
from dataflows.rollup.shard_runs import Late
from dataflows.score.scorer import ScoredBatch

DIGITS = 9


class RollupEncoder:
    """Encodes the runs of closed windows as `Rollup`.

    Args:
        settings: all settings; the catalogue of signals is used.
    """

    def __init__(self, settings: Settings) -> None:
        self._names = list(settings.signals)
        self._levels = [
            place for place, signal in enumerate(settings.signals.values()) if signal.measures == "level"
        ]
        self._knows_distance = Measures.of(settings.signals).distance
        self._encoder = msgspec.json.Encoder()

    def encode(self, closed: Sequence[tuple[str, Run]]) -> OutgoingBatch:
        """One message for each pair of a vehicle and the run of its window, keyed by vehicle."""
        now = datetime.now(UTC)
        return OutgoingBatch(
            [vehicle for vehicle, _ in closed],
            [self._encoder.encode(self.rollup(vehicle, run, now)) for vehicle, run in closed],
        )

    def rollup(self, vehicle: str, run: Run, made_at: datetime) -> Rollup:
        """The message about a vehicle's window.

        Args:
            vehicle: its id.
            run: all events of the window.
            made_at: when it is made, UTC.
        """
        totals = run.totals.tolist()
        signals = run.signals.tolist()
        changes = {self._names[place]: signals[place][CHANGE] for place in self._levels}
        part = f"#{run.part}" if run.part else ""
        return Rollup(
            rollup_id=f"{vehicle}@{run.start}{part}",
            vehicle_id=vehicle,
            start=utc(run.start),
            end=utc(run.end),
            first_at=utc(run.first),
            last_at=utc(run.last),
            events=run.events,
            anomalies=round(totals[ANOMALIES]),
            error_mean=_rounded(totals[ERROR_SUM] / run.events),
            error_peak=_rounded(totals[ERROR_PEAK]),
            signals={
                name: SignalSummary(
                    count=round(of[COUNT]),
                    mean=_rounded(of[SUM] / of[COUNT]),
                    min=_rounded(of[MIN]),
                    max=_rounded(of[MAX]),
                    last=_rounded(of[LAST]),
                )
                for name, of in zip(self._names, signals, strict=True)
                if of[COUNT]
            },
            distance_km=_rounded(totals[METRES] / 1000.0) if self._knows_distance else None,
            moving_s=_rounded(totals[MOVING]),
            idle_s=_rounded(totals[IDLE]),
            used={name: _rounded(max(-change, 0.0)) for name, change in changes.items()},
            filled={name: _rounded(max(change, 0.0)) for name, change in changes.items()},
            made_at=made_at,
        )


def encode_late(scored: ScoredBatch, late: Late) -> OutgoingBatch:
    """One `LateEvent` for each event that came too late, keyed by vehicle."""
    rows, late_by = late
    batch = scored.telemetry
    vehicles = [batch.vehicle_ids[row] for row in rows]
    payloads = [
        msgspec.json.encode(
            LateEvent(
                event_id=batch.event_ids[row],
                vehicle_id=vehicle,
                ts=utc(int(batch.timestamps[row])),
                late_by_s=micros / 1e6,
            )
        )
        for row, vehicle, micros in zip(rows.tolist(), vehicles, late_by.tolist(), strict=True)
    ]
    return OutgoingBatch(vehicles, payloads)


def _rounded(value: float) -> float:
    """Rounded to `DIGITS` significant digits; sums that overflow float64 become its largest number."""
    if not math.isfinite(value):
        return math.copysign(np.finfo(np.float64).max, value)
    return float(f"{value:.{DIGITS}g}")
