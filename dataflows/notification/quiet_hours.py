"""Hours of the day in which only critical alerts are sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from dataflows.clock import microseconds, utc


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `begin` (inclusive) to `end` (exclusive) by the clocks of `zone`, perhaps past midnight."""

    begin: time
    end: time
    zone: ZoneInfo

    def contain(self, now: int) -> bool:
        """Whether they are on.

        Args:
            now: microseconds since 1970-01-01 UTC.
        """
        clock = utc(now).astimezone(self.zone).time()
        if self.begin < self.end:
            return self.begin <= clock < self.end
        return clock >= self.begin or clock < self.end

    def end_after(self, now: int) -> int:
        """When they end next, microseconds since 1970-01-01 UTC.

        Where clocks skip the time of day at which they end, up to the length of the skip too late.
        """
        today = utc(now).astimezone(self.zone).date()
        ends = sorted(
            microseconds(
                datetime.combine(today + timedelta(days=days), self.end, self.zone).replace(fold=fold)
            )
            for days in (0, 1, 2)
            for fold in (0, 1)
        )
        return next(end for end in ends if end > now and not self.contain(end))
