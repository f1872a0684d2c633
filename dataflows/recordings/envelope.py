"""A message on a line of a recording, as an `events.RecordedMessage`."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from dataflows.events import RecordedMessage
from dataflows.recordings.time_column import EPOCH, microseconds_since_epoch

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(RecordedMessage)
_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def encode(payload: bytes, topic: str, arrived: int, key: str = "") -> bytes:
    """Write a message as JSON on one line.

    Args:
        payload: any bytes; as they are if they are JSON on one line, else as base64.
        topic: the topic it came on.
        arrived: microseconds since 1970-01-01 UTC, within the years 1 to 9999.
        key: its key (Kafka).
    """
    arrived_at = EPOCH + timedelta(microseconds=arrived)
    if _is_json_on_one_line(payload):
        raw = msgspec.Raw(payload)
        message = RecordedMessage(topic=topic, arrived_at=arrived_at, payload=raw, key=key)
    else:
        message = RecordedMessage(topic=topic, arrived_at=arrived_at, payload_base64=payload, key=key)
    return _ENCODER.encode(message)


def decode(line: bytes) -> tuple[bytes, str, int, str] | None:
    """Payload, topic, arrival and key as given to `encode`, or ``None`` if it is no recorded message."""
    try:
        message = _DECODER.decode(line)
    except _NOT_JSON:
        return None
    payload = bytes(message.payload)
    if bool(payload) == (message.payload_base64 is not None):
        return None
    if message.payload_base64 is not None:
        payload = message.payload_base64
    return payload, message.topic, microseconds_since_epoch(message.arrived_at), message.key


def _is_json_on_one_line(payload: bytes) -> bool:
    # A decoder drops white space around the value, so such a payload would not come back whole.
    if b"\n" in payload or payload != payload.strip(b" \t\r"):
        return False
    try:
        msgspec.json.decode(payload)
    except _NOT_JSON:
        return False
    return True
