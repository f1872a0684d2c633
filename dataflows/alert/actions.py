"""What people do about alerts: messages on the topic of alert actions → checked actions, or dead letters."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from dataflows.clock import microseconds, utc
from dataflows.events import JSON_ERRORS, AlertAction, DeadLetter
from dataflows.messages import MessageBatch

LONGEST = 65_536
"""Bytes of a dead letter's payload, at most."""

FIRST, LAST = microseconds(datetime(1, 1, 1, tzinfo=UTC)), microseconds(datetime(9999, 12, 31, tzinfo=UTC))
"""Times that can be written, microseconds: with an offset from UTC, a text may name others."""

_decode = msgspec.json.Decoder(AlertAction).decode


class ReadActions(NamedTuple):
    """What a batch of messages was read as.

    Attributes:
        actions: the good ones, in order.
        dead_letters: the others.
    """

    actions: list[AlertAction]
    dead_letters: list[DeadLetter]


def read_actions(batch: MessageBatch) -> ReadActions:
    """Read every message of a batch; never raises for what is in a message."""
    actions: list[AlertAction] = []
    dead_letters: list[DeadLetter] = []
    for position, payload in enumerate(batch.payloads):
        try:
            action = _decode(payload)
            _check(action)
        except (*JSON_ERRORS, msgspec.ValidationError, ValueError) as error:
            dead_letters.append(
                DeadLetter(
                    reason=f"expected an alert action: {' '.join(str(error).split())}",
                    payload=payload[:LONGEST],
                    length=len(payload) if len(payload) > LONGEST else None,
                    topic=batch.topics[position],
                    partition=batch.origin,
                    offset=None if batch.offsets is None else batch.offsets[position],
                    arrived_at=utc(batch.arrived[position]),
                )
            )
        else:
            actions.append(action)
    return ReadActions(actions, dead_letters)


def _check(action: AlertAction) -> None:
    """Check what the types of `AlertAction` do not say.

    Raises:
        ValueError: something that the action needs is missing.
    """
    if action.action in ("mute", "unmute"):
        if not (action.alert_id or action.vehicle_id or action.kind):
            raise ValueError(f"expected alert_id, vehicle_id or kind for {action.action!r}, got none of them")
    elif not action.alert_id:
        raise ValueError(f"expected alert_id for {action.action!r}, got none")
    if action.action == "mute" and action.until is None:
        raise ValueError("expected until for 'mute', got none")
    if action.until is not None and not FIRST <= microseconds(action.until) <= LAST:
        raise ValueError(f"expected until within the years 1 to 9999 in UTC, got {action.until.isoformat()}")
    if action.action == "mute" and not action.text:
        raise ValueError("expected a reason in text for 'mute', got none")
    if action.action == "comment" and not action.text:
        raise ValueError("expected text for 'comment', got none")
