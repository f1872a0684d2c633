"""Telemetry events with their scores."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, get_args

import msgspec

StatusName = Literal["warming_up", "ok", "late", "partial"]
STATUS_NAMES: tuple[StatusName, ...] = get_args(StatusName)
"""In the order of the detector's `Status`: the name of a status is at its number."""


class Enriched(msgspec.Struct, frozen=True, kw_only=True):
    """One telemetry event with its scores; numbers are rounded to nine digits.

    Attributes:
        event_id: the same after a replay, so that consumers can drop duplicates.
        vehicle_id: the vehicle that sent it.
        ts: event time, UTC.
        reconstruction_error: ≥ 0; `is_anomaly` is exactly `reconstruction_error > anomaly_threshold`.
        reconstruction_error_smoothed: mean over the vehicle's last ~10 events; ranks vehicles.
        anomaly_threshold: the percentile in force; null until there is one.
        is_anomaly: the verdict; false without a threshold.
        severity: 0–100, monotone in the error, exactly 50 at the threshold; 0 without a threshold.
        status: the first that applies of ``late`` (older than the vehicle's window), ``partial`` (a signal
            is missing, and its last value is too old to be held), ``warming_up`` (no threshold yet), ``ok``.
        values: signal → its value as decoded or derived, in the signal's own unit, for every signal of the
            catalogue, scored or not; null where it is missing or not finite. Empty in events of an older
            version.
        expected: signal → the value the model expected, in the signal's own unit; empty if the model does
            not predict values, as River's detectors do not.
        band: signal → how far from the expected value `detector.percentile` per cent of its normal values
            lie at most, in the signal's own unit and rounded to three digits; null while that is unknown, and
            for circular signals. Empty if `expected` is, and in events of an older version.
        contributions: signal → share of the error; the shares sum to 1 (all 0 if no signal deviates);
            empty if `expected` is.
        implausible: signals outside their plausible range, usually none.
        model_version: blocks learned so far by the shard.
        processed_at: when it was scored, UTC; the only field that differs after a replay.
        telemetry: the original event, byte for byte (`NaN` and infinities, which JSON lacks, as null).
    """

    event_id: str
    vehicle_id: str
    ts: datetime
    reconstruction_error: float
    reconstruction_error_smoothed: float
    anomaly_threshold: float | None
    is_anomaly: bool
    severity: float
    status: StatusName
    values: dict[str, float | None] = {}
    expected: dict[str, float]
    band: dict[str, float | None] = {}
    contributions: dict[str, float]
    implausible: tuple[str, ...] = ()
    model_version: int
    processed_at: datetime
    telemetry: msgspec.Raw
