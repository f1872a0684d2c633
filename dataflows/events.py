"""The wire contract: what is on each topic, as msgspec structs.

Times are ISO 8601 in UTC on the wire and timezone-aware `datetime` in Python. Unknown fields are
ignored when decoding, so that a newer writer does not break an older reader.

| topic (MQTT)               | struct           | notes                                            |
|----------------------------|------------------|--------------------------------------------------|
| `fleet/telemetry/<vehicle>`| the user's own   | described by `[payload]` and `[signals.*]`       |
| `fleet/enriched/<vehicle>` | `Enriched`       | retained: the latest one is the vehicle's twin   |
| `fleet/dead-letter`        | `DeadLetter`     | what could not be decoded, with its bytes        |
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
    """One telemetry event with what the detector says of it; numbers are rounded to nine digits.

    Attributes:
        event_id: the same after a replay, so that consumers can drop what they have seen.
        vehicle_id: who sent it.
        ts: event time, UTC.
        reconstruction_error: ≥ 0; `is_anomaly` is exactly `reconstruction_error > anomaly_threshold`.
        reconstruction_error_smoothed: mean over the vehicle's last ~10 events; ranks vehicles.
        anomaly_threshold: the percentile in force; null as long as there is no verdict yet.
        is_anomaly: the verdict; false without a threshold.
        severity: 0–100, monotone in the error, exactly 50 at the threshold; 0 without a threshold.
        status: the first that holds of ``late`` (older than the vehicle's window), ``partial`` (a signal
            was missing or not finite), ``warming_up`` (no verdict yet), ``ok``.
        values: signal → its value as decoded, in the signal's own unit, for every signal of the catalogue,
            scored or not; null where it was missing or not finite. Empty in events of an older version.
        expected: signal → the value the model expected, in the signal's own unit; empty if the model
            expects none, as River's detectors do.
        contributions: signal → share of the error; the shares sum to 1 (all 0 when nothing speaks against
            any signal); empty with `expected`.
        implausible: signals outside their plausible range, usually none.
        model_version: blocks learned so far by the shard.
        processed_at: when it was scored, UTC; the one field that a replay changes.
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
    """A message that could not become an event.

    Attributes:
        reason: one sentence: what was expected, what came, where.
        payload: the original bytes (base64 on the wire); of a message that is longer than
            ``payload.max_bytes`` the first so many.
        length: bytes of the whole message; only there if it was cut.
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
    """Ground truth: a fault that the simulator has put into a vehicle, announced when it starts.

    Attributes:
        fault_id: unique within a run of the simulator.
        vehicle_id: whose.
        kind: what happened.
        signals: the signals that the fault changes.
        starts_at: event time of the first changed event, UTC.
        ends_at: event time from which events are unchanged again, UTC.
    """

    fault_id: str
    vehicle_id: str
    kind: FaultKind
    signals: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime


class RecordedMessage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a recording: a message as it came from the broker.

    Exactly one of `payload` and `payload_base64` is set: the first for JSON on a single line, byte
    for byte; the second for everything else. An unset `payload` is the empty `msgspec.Raw`.

    Attributes:
        topic: the topic it came on.
        arrived_at: when, UTC.
        key: the message's key; empty where there is none.
    """

    topic: str
    arrived_at: Annotated[datetime, msgspec.Meta(tz=True)]
    payload: msgspec.Raw = msgspec.Raw()
    payload_base64: bytes | None = None
    key: str = ""
