"""Alerts, and what people do about them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, get_args

import msgspec

AlertKind = Literal["anomaly", "limit", "missing", "silent"]
ALERT_KINDS: tuple[AlertKind, ...] = get_args(AlertKind)

Severity = Literal["warning", "minor", "major", "critical"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""The mildest first."""

PEAKS = (0.0, 200.0 / 3.0, 80.0, 90.0)
"""Severities of events, 0–100, from which an alert has each of the `SEVERITIES`."""


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
