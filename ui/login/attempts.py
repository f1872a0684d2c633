"""How often somebody may try to log in: each failure beyond the first few makes the next try wait longer."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

OF_A_NAME, OF_AN_ADDRESS = 5, 20
"""Failures without a wait; many people may share an address."""

LONGEST_WAIT_OF_A_NAME, LONGEST_WAIT_OF_AN_ADDRESS = 60.0, 900.0
"""Seconds. That of a name is short: who tries to guess it also keeps out the one whose name it is."""

FORGOTTEN_AFTER = 3600.0
"""Seconds without a failure."""

MOST = 10_000
"""Names, or addresses, remembered; beyond, those that failed longest ago are forgotten."""


class Attempts:
    """Failures of one kind; safe to use from several threads.

    Args:
        free: failures without a wait.
        longest: seconds of the longest wait. The first lasts a second, and each is twice as long as the last.
        clock: seconds, of a clock that is never set.
    """

    def __init__(self, free: int, longest: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._free = free
        self._longest = longest
        self._clock = clock
        self._lock = threading.Lock()
        self._failed: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait(self, key: str) -> float:
        """Seconds until the next try is allowed; 0 for now."""
        with self._lock:
            count, at = self._failed.get(key, (0, 0.0))
            over = count - self._free
            if over < 0:
                return 0.0
            return max(0.0, at + min(self._longest, 2.0 ** min(over, 60)) - self._clock())

    def note(self, key: str) -> None:
        """Count a try as a failure, before it is known: several at the same time are several."""
        with self._lock:
            now = self._clock()
            count, at = self._failed.pop(key, (0, now))
            self._failed[key] = (1 if now - at > FORGOTTEN_AFTER else count + 1, now)
            while len(self._failed) > MOST:
                self._failed.popitem(last=False)

    def take_back(self, key: str) -> None:
        """It was no failure."""
        with self._lock:
            count, at = self._failed.get(key, (0, 0.0))
            if count > 1:
                self._failed[key] = (count - 1, at)
            else:
                self._failed.pop(key, None)

    def forget(self, key: str) -> None:
        """Forget all failures."""
        with self._lock:
            self._failed.pop(key, None)


def network(address: str) -> str:
    """What counts as one address: of IPv6, the /64 that a subscriber gets."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False))
