"""One message → one row: the fields of its struct as plain values, in the order of its kind's columns."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from dataflows.clock import microseconds
from dataflows.events import (
    Alert,
    AlertAction,
    AuditEntry,
    Command,
    CommandAnswer,
    Enriched,
    LateEvent,
    Rollup,
)

MOST_SIGNALS = 1000
"""Signals in one message. Each gets its own columns, so a message with more is not kept as a row."""

LARGEST = 1 << 63


class Message(NamedTuple):
    """A message as it came.

    Attributes:
        payload: its bytes.
        topic: the topic it came on.
        key: its key (Kafka); empty where there is none.
        arrived: microseconds since 1970-01-01 UTC.
        position: partition and offset (Kafka); empty over MQTT.
        vehicle: whom its topic or key names; empty for nobody.
    """

    payload: bytes
    topic: str
    key: str
    arrived: int
    position: str
    vehicle: str

    def identity(self, *, distinct: bool) -> str:
        """What copies of the message have in common.

        Over Kafka its position and time, which are the same whenever it is read. Over MQTT its topic and
        content if no two messages have the same; otherwise also its arrival, which changes on redelivery.
        """
        if self.position:
            return digest(self.topic, self.position, str(self.arrived))
        return digest(self.topic, self.payload, *(() if distinct else (str(self.arrived),)))


class Row(NamedTuple):
    """A row of a table.

    Attributes:
        values: of the kind's own columns, in their order; times in microseconds since 1970-01-01 UTC.
        signals: signal → values of its columns, those of suffixes first.
    """

    values: tuple[Any, ...]
    signals: dict[str, tuple[Any, ...]]


def event(message: Message, decoded: Enriched) -> Row:
    names = decoded.values.keys() | decoded.expected.keys()
    _limit(names)
    values, expected = decoded.values.get, decoded.expected.get
    band, share = decoded.band.get, decoded.contributions.get
    return Row(
        (
            decoded.event_id,
            decoded.vehicle_id,
            _time(decoded.ts),
            decoded.reconstruction_error,
            decoded.reconstruction_error_smoothed,
            decoded.anomaly_threshold,
            decoded.is_anomaly,
            decoded.severity,
            decoded.status,
            decoded.implausible,
            _whole(decoded.model_version),
            _time(decoded.processed_at),
            bytes(decoded.telemetry).decode(),
        ),
        {name: (values(name), expected(name), band(name), share(name)) for name in names},
    )


def alert(message: Message, decoded: Alert) -> Row:
    return Row(
        (
            decoded.alert_id,
            _whole(decoded.revision),
            decoded.vehicle_id,
            decoded.kind,
            decoded.subject,
            decoded.state,
            decoded.severity,
            decoded.peak,
            decoded.summary,
            _json(decoded.signals),
            _whole(decoded.events),
            _whole(decoded.openings),
            _time(decoded.onset_at),
            _time(decoded.opened_at),
            _time(decoded.last_at),
            _time_or_none(decoded.cleared_at),
            decoded.acknowledged_by,
            _time_or_none(decoded.acknowledged_at),
            _time_or_none(decoded.muted_until),
            decoded.mute_reason,
            decoded.useful,
            _json(decoded.comments),
            _time(decoded.changed_at),
        ),
        {},
    )


def rollup(message: Message, decoded: Rollup) -> Row:
    names = decoded.signals.keys() | decoded.used.keys() | decoded.filled.keys()
    _limit(names)
    signals = {}
    for name in names:
        one = decoded.signals.get(name)
        summary = (None,) * 5 if one is None else (one.mean, one.min, one.max, one.last, float(one.count))
        signals[name] = (*summary, decoded.used.get(name), decoded.filled.get(name))
    return Row(
        (
            decoded.rollup_id,
            _whole(decoded.revision),
            decoded.vehicle_id,
            _time(decoded.start),
            _time(decoded.end),
            _time(decoded.first_at),
            _time(decoded.last_at),
            _whole(decoded.events),
            _whole(decoded.anomalies),
            decoded.error_mean,
            decoded.error_peak,
            decoded.distance_km,
            decoded.moving_s,
            decoded.idle_s,
            _time(decoded.made_at),
        ),
        signals,
    )


def action(message: Message, decoded: AlertAction) -> Row:
    return Row(
        (
            # The same may be meant twice.
            message.identity(distinct=False),
            message.arrived,
            decoded.action,
            decoded.by,
            decoded.alert_id,
            decoded.vehicle_id,
            decoded.kind,
            decoded.text,
            _time_or_none(decoded.until),
        ),
        {},
    )


def command(message: Message, decoded: Command) -> Row:
    # A bare word has no id: the same word again is another command.
    identity = digest(decoded.id, message.vehicle) if decoded.id else message.identity(distinct=False)
    return Row(
        (
            identity,
            message.arrived,
            decoded.id,
            decoded.name,
            message.vehicle,
            _json(decoded.arguments),
            decoded.by,
            _time_or_none(decoded.expires_at),
        ),
        {},
    )


def answer(message: Message, decoded: CommandAnswer) -> Row:
    identity = (
        digest(decoded.command_id, decoded.vehicle_id, decoded.status)
        if decoded.command_id
        else digest("", message.payload)
    )
    return Row(
        (
            identity,
            decoded.command_id,
            decoded.name,
            decoded.vehicle_id,
            decoded.status,
            decoded.reason,
            decoded.by,
            _time(decoded.answered_at),
        ),
        {},
    )


def late(message: Message, decoded: LateEvent) -> Row:
    return Row((decoded.event_id, decoded.vehicle_id, _time(decoded.ts), decoded.late_by_s), {})


def audit(message: Message, decoded: AuditEntry) -> Row:
    who = decoded.by, decoded.role, decoded.address
    return Row((decoded.id, decoded.event, *who, decoded.reason, _time(decoded.happened_at)), {})


MADE_OF: dict[str, tuple[type[msgspec.Struct], Callable[[Message, Any], Row]]] = {
    "events": (Enriched, event),
    "alerts": (Alert, alert),
    "actions": (AlertAction, action),
    "rollups": (Rollup, rollup),
    "commands": (Command, command),
    "answers": (CommandAnswer, answer),
    "late": (LateEvent, late),
    "audit": (AuditEntry, audit),
}
"""Kind → the struct that its topic promises, and what makes a row of it."""


def digest(*parts: str | bytes) -> str:
    """A text that is the same for the same parts, and no others."""
    hashed = hashlib.blake2b(digest_size=16)
    for part in parts:
        content = part if isinstance(part, bytes) else part.encode(errors="surrogatepass")
        hashed.update(len(content).to_bytes(8, "big"))
        hashed.update(content)
    return hashed.hexdigest()


def _limit(names: Iterable[str]) -> None:
    count = sum(1 for _ in names)
    if count > MOST_SIGNALS:
        raise ValueError(f"expected at most {MOST_SIGNALS:,} signals, got {count:,}")


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _whole(number: int) -> int:
    if not -LARGEST <= number < LARGEST:
        raise ValueError(f"expected a whole number of 64 bits, got {number}")
    return number


def _time_or_none(moment: datetime | None) -> int | None:
    return None if moment is None else _time(moment)


def _time(moment: datetime) -> int:
    if moment.tzinfo is None:
        raise ValueError(f"expected a time with a time zone, got {moment.isoformat()}")
    return microseconds(moment)
