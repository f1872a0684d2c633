"""When a mute ends."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Literal, get_args

End = Literal["15 min", "1 h", "8 h", "tomorrow 06:00", "at a time"]
"""What a viewer can choose, as it reads; the last one is a date and a time of day."""
ENDS: tuple[End, ...] = get_args(End)

USUAL: End = "1 h"

_LASTS = {"15 min": timedelta(minutes=15), "1 h": timedelta(hours=1), "8 h": timedelta(hours=8)}
_MORNING = time(6)


def end_of(end: End, now: float, zone: tzinfo, at: datetime | None = None) -> datetime | None:
    """The end, UTC; ``None`` if it is not in the future, or a time that has not been chosen.

    Args:
        end: what was chosen.
        now: seconds since the epoch.
        zone: of the viewer, whose tomorrow it is.
        at: the time that was chosen, as the clock on the viewer's wall shows it, without a zone.
    """
    start = datetime.fromtimestamp(now, UTC)
    if end in _LASTS:
        return start + _LASTS[end]
    if end == "tomorrow 06:00":
        tomorrow = start.astimezone(zone).date() + timedelta(days=1)
        return datetime.combine(tomorrow, _MORNING, zone).astimezone(UTC)
    if at is None:
        return None
    chosen = at.replace(tzinfo=zone).astimezone(UTC)
    return chosen if chosen > start else None
