"""One message as one line of a recording: an `events.RecordedMessage` in JSON."""

from __future__ import annotations

import msgspec

from dataflows.clock import microseconds, utc
from dataflows.events import JSON_ERRORS, RecordedMessage

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(RecordedMessage)


def encode(payload: bytes, topic: str, arrived: int, key: str = "") -> bytes:
    """Write a message as JSON on one line.

    Args:
        payload: any bytes; unchanged if they are JSON on one line, else as base64.
        topic: the topic it came on.
        arrived: microseconds since 1970-01-01 UTC, within the years 1 to 9999.
        key: its key (Kafka).
    """
    arrived_at = utc(arrived)
    if _is_json_on_one_line(payload):
        raw = msgspec.Raw(payload)
        message = RecordedMessage(topic=topic, arrived_at=arrived_at, payload=raw, key=key)
    else:
        message = RecordedMessage(topic=topic, arrived_at=arrived_at, payload_base64=payload, key=key)
    return _ENCODER.encode(message)


def decode(line: bytes) -> tuple[bytes, str, int, str] | None:
    """Payload, topic, arrival and key as given to `encode`; ``None`` if the line is no recorded message."""
    try:
        message = _DECODER.decode(line)
    except JSON_ERRORS:
        return None
    payload = bytes(message.payload)
    if bool(payload) == (message.payload_base64 is not None):
        return None
    if message.payload_base64 is not None:
        payload = message.payload_base64
    return payload, message.topic, microseconds(message.arrived_at), message.key


def _is_json_on_one_line(payload: bytes) -> bool:
    # A decoder drops white space around the value, so such a payload would not come back unchanged.
    if b"\n" in payload or payload != payload.strip(b" \t\r"):
        return False
    try:
        msgspec.json.decode(payload)
    except JSON_ERRORS:
        return False
    return True
