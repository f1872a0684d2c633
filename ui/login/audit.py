"""Says who logged in, who failed to, and who left: in the log at once, and on a topic for the history."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import uuid4

import msgspec

from dataflows.events import AuditEntry, AuditEvent

log = logging.getLogger(__name__)

MOST = 1_000
"""Entries that wait to be published; beyond, the oldest is only in the log."""

FIRST_PAUSE, LONGEST_PAUSE = 5.0, 300.0
"""Seconds between attempts while they fail."""

AT_ONCE = 100
"""Entries published in one attempt."""


Deliver = Callable[[Sequence[bytes]], list[str]]
"""Publishes payloads, and gives for each why the broker has not confirmed it; empty if it has."""


class AuditTrail:
    """Publishes entries in a thread of its own, which nobody waits for, until the broker has confirmed them.

    Args:
        deliver: to publish them with.
    """

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver
        self._waiting: deque[AuditEntry] = deque(maxlen=MOST)
        self._has_some = threading.Event()
        self._trouble = ""
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def note(
        self, event: AuditEvent, *, by: str = "", role: str = "", address: str = "", reason: str = ""
    ) -> None:
        """Log an entry, and have it published; the arguments are as in `AuditEntry`."""
        entry = AuditEntry(
            id=uuid4().hex,
            event=event,
            by=by[:100],
            role=role,
            address=address[:100],
            reason=reason[:500],
            happened_at=datetime.now(UTC),
        )
        level = logging.WARNING if event == "failed_login" else logging.INFO
        log.log(level, "%s of %r (%s) from %s%s", event.replace("_", " "), entry.by, role or "no role",
                entry.address, f": {reason}" if reason else "")  # fmt: skip
        self._waiting.append(entry)
        self._has_some.set()
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        pause = 0.0
        never = threading.Event()
        while True:
            self._has_some.wait()
            if pause:
                never.wait(pause)
            self._has_some.clear()
            entries = list(self._waiting)[:AT_ONCE]
            if not entries:
                continue
            left = self._publish(entries)
            for entry in entries:
                if entry.id not in left and entry in self._waiting:
                    self._waiting.remove(entry)
            if self._waiting:
                self._has_some.set()
            pause = min(LONGEST_PAUSE, max(FIRST_PAUSE, 2.0 * pause)) if left else 0.0

    def _publish(self, entries: list[AuditEntry]) -> set[str]:
        """Ids of those that were not confirmed."""
        reasons = self._deliver([msgspec.json.encode(entry) for entry in entries])
        trouble = next(filter(None, reasons), "")
        if trouble and trouble != self._trouble:
            log.warning("who logged in is not in the history yet: %s; tried again until it is", trouble)
        self._trouble = trouble
        return {entry.id for entry, reason in zip(entries, reasons, strict=True) if reason}
