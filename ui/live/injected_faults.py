"""What the simulator says it has done to vehicles, in bounded memory; only a page of a demo reads it."""

from __future__ import annotations

import threading
from collections import OrderedDict

import msgspec

from dataflows.events import JSON_ERRORS, InjectedFault

MAX_FAULTS = 200
"""Faults kept; those that were announced longest ago are dropped first."""

_FAULT = msgspec.json.Decoder(InjectedFault)


class InjectedFaults:
    """The latest injected faults; safe to use from several threads.

    Args:
        max_faults: faults kept.
    """

    def __init__(self, max_faults: int = MAX_FAULTS) -> None:
        self._max_faults = max_faults
        self._lock = threading.Lock()
        self._faults: OrderedDict[str, InjectedFault] = OrderedDict()
        self._version = 0

    @property
    def version(self) -> int:
        """Rises with every announcement."""
        return self._version

    def record(self, payload: bytes) -> None:
        """Record one message of the ground-truth topic: an `InjectedFault` in JSON; anything else is ignored.

        A fault that is announced again has another end now.
        """
        try:
            fault = _FAULT.decode(payload)
        except JSON_ERRORS:
            return
        if any(at.tzinfo is None or not 1 < at.year < 9999 for at in (fault.starts_at, fault.ends_at)):
            return  # it could not be shown in another time zone
        with self._lock:
            self._faults[fault.fault_id] = fault
            while len(self._faults) > self._max_faults:
                self._faults.popitem(last=False)
            self._version += 1

    def latest(self, count: int) -> list[InjectedFault]:
        """At most `count` faults, the one that began last first."""
        with self._lock:
            faults = list(self._faults.values())
        return sorted(faults, key=lambda fault: fault.starts_at, reverse=True)[:count]
