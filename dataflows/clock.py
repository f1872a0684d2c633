"""Event times are integers: microseconds since the epoch. From and to `datetime`, in one place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

SECOND = 1_000_000
"""Microseconds in a second."""

NEVER = -(1 << 62)
"""Event time of what has not happened: far below any other, and differences to it stay within 64 bits."""


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970-01-01 UTC, exactly.

    Args:
        moment: a time with a zone.
    """
    return (moment - EPOCH) // timedelta(microseconds=1)


def utc(time: int) -> datetime:
    """The inverse of `microseconds`, in UTC.

    Args:
        time: microseconds since 1970-01-01 UTC, within the years 1 to 9999.
    """
    return EPOCH + timedelta(microseconds=time)
