"""Runs and late events → messages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
import numpy as np

from config.settings import Settings
from dataflows.clock import utc
from dataflows.compiled import Floats
from dataflows.encode.json_rows import JsonRows, Members, ValueFormat
from dataflows.events import LateEvent
from dataflows.messages import OutgoingBatch
from dataflows.rollup.measures import Measures
from dataflows.rollup.run import (
    ANOMALIES,
    CHANGE,
    COUNT,
    ERROR_SUM,
    METRES,
    MIN,
    SUM,
    Run,
)
from dataflows.rollup.shard_runs import Late
from dataflows.score.scorer import ScoredBatch

FIRST_REVISION = 1


class RollupEncoder:
    """Encodes the runs of closed windows as `Rollup`.

    Args:
        settings: all settings; the catalogue of signals is used.
    """

    def __init__(self, settings: Settings) -> None:
        catalogue = settings.signals
        self._levels = [
            place for place, signal in enumerate(catalogue.values()) if signal.measures == "level"
        ]
        self._knows_distance = Measures.of(catalogue).distance
        self._rows = JsonRows(_members(list(catalogue), self._levels))

    def encode(self, closed: Sequence[tuple[str, Run]]) -> OutgoingBatch:
        """One message for each pair of a vehicle and the run of its window, keyed by vehicle."""
        vehicles, runs = [vehicle for vehicle, _ in closed], [run for _, run in closed]
        totals = np.stack([run.totals for run in runs])
        signals = np.stack([run.signals for run in runs])
        events = [run.events for run in runs]
        payloads = self._rows.write(
            self._numbers(totals, signals, np.array(events, np.float64)),
            scalars=[
                [_id(vehicle, run) for vehicle, run in closed],
                [FIRST_REVISION] * len(closed),
                vehicles,
                events,
                totals[:, ANOMALIES].astype(np.int64).tolist(),
                *signals[:, :, COUNT].astype(np.int64).T.tolist(),
            ],
            times=[
                np.array([getattr(run, name) for run in runs], np.int64)
                for name in ("start", "end", "first", "last")
            ],
            choices=[([msgspec.json.encode(datetime.now(UTC))], np.zeros(len(runs), np.intp))],
        )
        return OutgoingBatch(vehicles, payloads)

    def _numbers(self, totals: Floats, signals: Floats, events: Floats) -> Floats:
        totals[:, ERROR_SUM] /= events
        totals[:, METRES] = totals[:, METRES] / 1000.0 if self._knows_distance else np.nan
        # Sums that overflow float64 are its largest number, which JSON has.
        signals = np.nan_to_num(signals)
        changes = signals[:, self._levels, CHANGE]
        with np.errstate(invalid="ignore"):
            signals[:, :, SUM] /= signals[:, :, COUNT]
        signals[:, :, MIN:CHANGE][signals[:, :, COUNT] == 0.0] = np.nan
        columns = signals[:, :, SUM:CHANGE].reshape(len(signals), -1)
        used, filled = np.maximum(-changes, 0.0), np.maximum(changes, 0.0)
        return np.hstack((totals[:, ERROR_SUM:METRES], columns, totals[:, METRES:], used, filled))


def _id(vehicle: str, run: Run) -> str:
    return f"{vehicle}@{run.start}#{run.part}" if run.part else f"{vehicle}@{run.start}"


def _members(signals: Sequence[str], levels: Sequence[int]) -> Members:
    """The members of a `Rollup`, in its order.

    Args:
        signals: names.
        levels: places of those that are used up and filled up.
    """
    numbers: Members = dict.fromkeys(("mean", "min", "max", "last"), ValueFormat.NUMBER)
    summary: Members = {"count": ValueFormat.SCALAR, **numbers}
    of_levels: Members = dict.fromkeys([signals[place] for place in levels], ValueFormat.NUMBER)
    return {
        "rollup_id": ValueFormat.SCALAR,
        "revision": ValueFormat.SCALAR,
        "vehicle_id": ValueFormat.SCALAR,
        "start": ValueFormat.TIME,
        "end": ValueFormat.TIME,
        "first_at": ValueFormat.TIME,
        "last_at": ValueFormat.TIME,
        "events": ValueFormat.SCALAR,
        "anomalies": ValueFormat.SCALAR,
        "error_mean": ValueFormat.NUMBER,
        "error_peak": ValueFormat.NUMBER,
        "signals": dict.fromkeys(signals, summary),
        "distance_km": ValueFormat.NUMBER,
        "moving_s": ValueFormat.NUMBER,
        "idle_s": ValueFormat.NUMBER,
        "used": of_levels,
        "filled": of_levels,
        "made_at": ValueFormat.CHOICE,
    }


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
