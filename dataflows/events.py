"""The wire contract: what is on each topic, as msgspec structs.

Times are ISO 8601 in UTC on the wire and timezone-aware `datetime` in Python. Unknown fields are ignored when
decoding, so that a newer writer does not break an older reader.

| topic (MQTT)               | struct           | notes                                            |
|----------------------------|------------------|--------------------------------------------------|
| `fleet/telemetry/<vehicle>`| the user's own   | described by `[payload]` and `[signals.*]`       |
| `fleet/enriched/<vehicle>` | `Enriched`       | retained: the latest one is the vehicle's twin   |
| `fleet/alerts/<vehicle>/<kind>/<subject>` | `Alert` | retained; an empty message: there is none any more |
| `fleet/alert-actions`      | `AlertAction`    | what people do about alerts; read by the dataflow |
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


AlertKind = Literal["anomaly", "limit", "missing", "silent"]
ALERT_KINDS: tuple[AlertKind, ...] = get_args(AlertKind)

Severity = Literal["warning", "minor", "major", "critical"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""The mildest first."""


class AlertSignal(msgspec.Struct, frozen=True, kw_only=True):
    """What a signal had to do with an alert, at the event that was worst.

    Attributes:
        name: the signal.
        actual: its value, in its unit; null where it was missing.
        typical: the value that the model expected, the limit that was passed, or null.
        share: of the error, 0–1; 1 where there is no error.
    """

    name: str
    actual: float | None
    typical: float | None
    share: float


class Comment(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wrote about an alert.

    Attributes:
        by: who, as the action said.
        at: when the job read it, UTC.
        text: what.
    """

    by: str
    at: datetime
    text: str


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a dispatcher should know, from its opening to its clearing.

    At most one alert of a vehicle, a kind and a subject is open. Of all messages with the same `alert_id`
    that with the highest `revision` counts.

    Attributes:
        alert_id: made of vehicle, kind, subject and the event that opened it: a replay opens no second one.
        revision: rises by one with every message about this alert, from 1 on.
        vehicle_id: empty if the alert is about the whole fleet: nobody sends anything.
        kind: ``anomaly`` (the detector), ``limit`` (a signal outside its alarm limits), ``missing`` (a signal
            that this vehicle usually sends), ``silent`` (a vehicle without data).
        subject: the signal that leads; ``vehicle`` or ``fleet`` for ``silent``.
        state: ``open`` or ``cleared``.
        severity: of the worst event so far.
        peak: the same on a scale of 0–100.
        summary: one sentence, in words.
        signals: what led to it, the largest share first.
        events: how many events showed the fault so far.
        openings: how often it was opened: once, and again whenever it came back soon.
        onset_at: event time at which it probably began, UTC; not later than `opened_at`.
        opened_at: event time of the event that opened it, the last time, UTC.
        last_at: event time of the last event that showed the fault, UTC.
        cleared_at: event time at which it cleared, UTC; null while it is open.
        acknowledged_by: who has acknowledged it; empty while nobody has.
        acknowledged_at: when, UTC; null while nobody has.
        muted_until: until when nobody is to be told of it, UTC; null if it is not muted.
        mute_reason: why; empty if it is not muted.
        useful: what people say: true, false (noise) or null.
        comments: what people wrote, oldest first; the last 20.
        changed_at: when this message was made, UTC; the only field that differs after a replay.
    """

    alert_id: str
    revision: int
    vehicle_id: str
    kind: AlertKind
    subject: str
    state: Literal["open", "cleared"]
    severity: Severity
    peak: float
    summary: str
    signals: tuple[AlertSignal, ...]
    events: int
    openings: int
    onset_at: datetime
    opened_at: datetime
    last_at: datetime
    cleared_at: datetime | None
    acknowledged_by: str = ""
    acknowledged_at: datetime | None = None
    muted_until: datetime | None = None
    mute_reason: str = ""
    useful: bool | None = None
    comments: tuple[Comment, ...] = ()
    changed_at: datetime


ActionName = Literal["acknowledge", "comment", "mute", "unmute", "useful", "noise"]
ActionText = Annotated[str, msgspec.Meta(max_length=500)]
ActionId = Annotated[str, msgspec.Meta(max_length=1000)]


class AlertAction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody does about alerts.

    `acknowledge`, `comment`, `useful` and `noise` need `alert_id`. `mute` and `unmute` need `alert_id`,
    `vehicle_id` or `kind`: they act on this alert's vehicle, kind and subject, on all alerts of a vehicle, of
    a kind, or of a kind and a vehicle.

    Attributes:
        action: what.
        by: who; shown with the alert.
        alert_id: which alert.
        vehicle_id: which vehicle.
        kind: which kind of alerts.
        text: of a comment; the reason of a mute, which needs one.
        until: end of a mute, UTC.
    """

    action: ActionName
    by: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    alert_id: ActionId = ""
    vehicle_id: ActionId = ""
    kind: AlertKind | None = None
    text: ActionText = ""
    until: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


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
