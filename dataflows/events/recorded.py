"""The lines of a recording."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec


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
