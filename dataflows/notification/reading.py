"""Messages of the alerts topic → updates."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import NamedTuple

import msgspec

from dataflows.events import JSON_ERRORS, Alert
from dataflows.messages import MessageBatch
from dataflows.metrics import BAD_ALERTS

logger = logging.getLogger(__name__)

LONGEST_MESSAGE = 262_144
"""Bytes. The longest alert that the job sends, with twenty comments, has a fifth of that."""

LONGEST_ID = 1000
"""Characters of an alert's id, as in alert actions."""

LONGEST_NAME, LONGEST_SUMMARY = 200, 1000
"""Characters that are kept of a vehicle, a subject or a person, and of a summary: state is bounded."""

TIMES = ("onset_at", "opened_at", "last_at", "cleared_at", "acknowledged_at", "muted_until", "changed_at")


class Update(NamedTuple):
    """One message of the alerts topic.

    Attributes:
        place: its topic (MQTT) or key (Kafka), where the next alert of the same vehicle, kind and subject
            comes.
        alert: the alert, without what no notification shows; ``None`` if there is none any more.
    """

    place: str
    alert: Alert | None


class AlertReader:
    """Reads batches of messages. What is no alert is counted; the first one is logged."""

    def __init__(self) -> None:
        self._decoder = msgspec.json.Decoder(Alert)
        self._warned = False

    def read(self, batch: MessageBatch) -> list[Update]:
        """The updates of a batch, in order."""
        places = batch.topics if batch.keys is None else batch.keys
        updates = []
        for place, payload in zip(places, batch.payloads, strict=True):
            if not payload:
                updates.append(Update(place, None))
                continue
            try:
                updates.append(Update(place, essence(self._decode(payload))))
            except (*JSON_ERRORS, ValueError) as error:
                self._note(place, error)
        return updates

    def _decode(self, payload: bytes) -> Alert:
        if len(payload) > LONGEST_MESSAGE:
            raise ValueError(f"expected at most {LONGEST_MESSAGE:,} bytes, got {len(payload):,}")
        alert = self._decoder.decode(payload)
        if not 0 < len(alert.alert_id) <= LONGEST_ID:
            raise ValueError(f"expected an alert_id of 1 to {LONGEST_ID} characters")
        if alert.openings < 1:
            raise ValueError(f"expected openings of at least 1, got {alert.openings}")
        for name in TIMES:
            moment: datetime | None = getattr(alert, name)
            if moment is not None and moment.tzinfo is None:
                raise ValueError(f"expected a time with a time zone, got {name} = {moment.isoformat()}")
        return alert

    def _note(self, place: str, error: Exception) -> None:
        BAD_ALERTS.inc()
        if not self._warned:
            self._warned = True
            logger.warning(
                "ignoring a message on %r that is not an alert: %s; further ones are only counted, in "
                "fleet_bad_alerts_total",
                line(place, LONGEST_NAME),
                line(str(error), LONGEST_SUMMARY),
            )


def essence(alert: Alert) -> Alert:
    """The alert without what no notification shows, and with texts of one line."""
    return msgspec.structs.replace(
        alert,
        vehicle_id=line(alert.vehicle_id, LONGEST_NAME),
        subject=line(alert.subject, LONGEST_NAME),
        summary=line(alert.summary, LONGEST_SUMMARY),
        acknowledged_by=line(alert.acknowledged_by, LONGEST_NAME),
        mute_reason="",
        signals=(),
        comments=(),
    )


def line(text: str, length: int) -> str:
    """A text on one line, without control characters, of at most this many characters."""
    printable = "".join(character if character.isprintable() else " " for character in text[: 4 * length])
    joined = " ".join(printable.split())
    return joined if len(joined) <= length else f"{joined[: length - 1]}…"
