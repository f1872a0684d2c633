"""How long to wait after a message was not accepted."""

from __future__ import annotations

from config.alert_settings import NotifySettings
from dataflows.clock import SECOND


class BackOff:
    """Exponential back-off: `retry_first` after a first failure, doubling up to `retry_longest`."""

    def __init__(self, settings: NotifySettings) -> None:
        self._first = settings.retry_first
        self._longest = max(settings.retry_first, settings.retry_longest)
        self._until = 0
        self.failures = 0

    def failed(self, now: int) -> float:
        """Note a failure; returns the seconds to wait.

        Args:
            now: microseconds since 1970-01-01 UTC.
        """
        # The exponent is bounded, since 2.0 ** 1024 overflows.
        seconds = min(self._first * 2.0 ** min(self.failures, 64), self._longest)
        self.failures += 1
        self._until = now + round(seconds * SECOND)
        return seconds

    def succeeded(self) -> None:
        """Note a success."""
        self.failures = 0
        self._until = 0

    def earliest(self, now: int) -> int:
        """The earliest time from `now` on at which to try again."""
        # If the clock was set back, do not wait for longer than ever intended.
        latest = now + round(self._longest * SECOND)
        return now if self._until <= now else min(self._until, latest)
