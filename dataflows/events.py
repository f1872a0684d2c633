"""The wire contract: what is on each topic, as msgspec structs.

Times are ISO 8601 in UTC on the wire and timezone-aware `datetime` in Python. Unknown fields are ignored when
decoding, so that a newer writer does not break an older reader.

| topic (MQTT)               | struct           | notes                                            |
|----------------------------|------------------|--------------------------------------------------|
| `fleet/telemetry/<vehicle>`| the user's own   | described by `[payload]` and `[signals.*]`       |
| `fleet/enriched/<vehicle>` | `Enriched`       | retained: the latest one is the vehicle's twin   |
| `fleet/dead-letter`        | `DeadLetter`     | an event that could not be decoded, as it came   |
| `fleet/ground-truth`       | `InjectedFault`  | from the simulator; never read by the dataflow   |
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, get_args

import msgspec

JSON_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are not the JSON it was asked for."""

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
        values: signal → its value as decoded, in the signal's own unit, for every signal of the catalogue,
            scored or not; null where it is missing or not finite. Empty in events of an older version.
        expected: signal → the value the model expected, in the signal's own unit; empty if the model does
            not predict values, as River's detectors do not.
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
    contributions: dict[str, float]
    implausible: tuple[str, ...] = ()
    model_version: int
    processed_at: datetime
    telemetry: msgspec.Raw


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message, or an event in one, that could not be decoded.

    Attributes:
        reason: one line: what was expected, what came, where.
        payload: the original bytes (base64 on the wire), at most the first ``payload.max_bytes``.
        length: length of the original bytes; only present if they were cut.
        topic: the topic it came on.
        partition: the source's partition, e.g. ``"mqtt"`` or ``"vehicle-telemetry/3"``.
        offset: its position there; null where there is none.
        arrived_at: when it arrived, UTC.
    """

    reason: str
    payload: bytes
    length: int | None = None
    topic: str
    partition: str
    offset: int | None
    arrived_at: datetime


FaultKind = Literal[
    "sudden_deceleration",
    "overspeed",
    "overheating",
    "battery_failure",
    "stuck_sensor",
    "spiking_sensor",
    "drifting_sensor",
    "missing_sensor",
]


class InjectedFault(msgspec.Struct, frozen=True, kw_only=True):
    """Ground truth: a fault that the simulator injects into a vehicle, announced when it starts.

    Attributes:
        fault_id: unique within a run of the simulator.
        vehicle_id: the faulty vehicle.
        kind: what is wrong with it.
        signals: the signals that the fault affects.
        starts_at: event time of the first affected event, UTC.
        ends_at: event time of the first event that is no longer affected, UTC.
    """

    fault_id: str
    vehicle_id: str
    kind: FaultKind
    signals: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime


class RecordedMessage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a recording: a message as it came from the broker.

    Exactly one of `payload` and `payload_base64` is set.

    Attributes:
        topic: the topic it came on.
        arrived_at: when it arrived, UTC.
        payload: the original bytes if they are JSON on a single line; else the empty `msgspec.Raw`.
        payload_base64: the original bytes otherwise.
        key: the message's key (Kafka); empty where there is none.
    """

    topic: str
    arrived_at: Annotated[datetime, msgspec.Meta(tz=True)]
    payload: msgspec.Raw = msgspec.Raw()
    payload_base64: bytes | None = None
    key: str = ""
