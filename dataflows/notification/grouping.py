"""When changes of the same kind and subject become a message.

A group waits until `group_within` has passed since its first change, so that one fault of many vehicles is
one message. A group that has a critical opening does not wait: it is sent at once, and what follows within
`group_within` is the next message.
"""

from __future__ import annotations

from collections.abc import Sequence

from dataflows.notification.changes import Change, GroupKey
from dataflows.notification.routing import CRITICAL, rank


class Windows:
    """The group windows of a channel.

    Args:
        length: of a window, microseconds.
    """

    def __init__(self, length: int) -> None:
        self._length = length
        self._sent_at_once: dict[GroupKey, int] = {}

    def due(self, key: GroupKey, changes: Sequence[Change]) -> int:
        """When a group is to be sent, microseconds since 1970-01-01 UTC.

        Args:
            key: of the group.
            changes: all of the group that may be told now, at least one.
        """
        first = min(change.at for change in changes)
        at_once = self._sent_at_once.get(key)
        if at_once is not None and at_once <= first < at_once + self._length:
            return at_once + self._length
        critical = [change.at for change in changes if is_urgent(change)]
        return min(critical) if critical else first + self._length

    def note(self, key: GroupKey, changes: Sequence[Change], now: int) -> None:
        """Note that a group was sent."""
        self._sent_at_once = {
            known: at for known, at in self._sent_at_once.items() if now - at < self._length
        }
        if any(map(is_urgent, changes)):
            self._sent_at_once[key] = now

    def snapshot(self) -> dict[GroupKey, int]:
        """When groups were sent at once, as far as it matters."""
        return dict(self._sent_at_once)

    def restore(self, sent_at_once: dict[GroupKey, int]) -> None:
        """Continue from a `snapshot`."""
        self._sent_at_once = dict(sent_at_once)


def is_urgent(change: Change) -> bool:
    """Whether a change does not wait for others."""
    return change.is_open and rank(change.alert) >= CRITICAL
