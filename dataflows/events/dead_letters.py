"""What could not be decoded."""

from __future__ import annotations

from datetime import datetime

import msgspec


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
