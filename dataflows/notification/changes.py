"""What has changed about an alert since the revision before, as far as people are told of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from dataflows.events import Alert
from dataflows.notification.routing import rank

What = Literal["opened", "worse", "cleared", "repeated"]
"""It opened, or again; its severity rose; it cleared; it is still open and nobody has acknowledged it."""


class GroupKey(NamedTuple):
    """Changes with the same key can be told in one message."""

    kind: str
    subject: str
    heading: Literal["open", "cleared", "repeated"]


@dataclass(slots=True)
class Change:
    """A change that a channel is to be told of and has not been.

    Attributes:
        number: rises with every change of the channel.
        what: what happened.
        alert: a revision after the change; the newest one as long as the alert is open.
        at: when it was noticed, microseconds since 1970-01-01 UTC.
    """

    number: int
    what: What
    alert: Alert
    at: int

    @property
    def is_open(self) -> bool:
        """Whether it tells that an alert has opened or got worse."""
        return self.what in ("opened", "worse")

    @property
    def group(self) -> GroupKey:
        heading: Literal["open", "cleared", "repeated"]
        heading = self.what if self.what in ("cleared", "repeated") else "open"
        return GroupKey(self.alert.kind, self.alert.subject, heading)


@dataclass(slots=True)
class Followed:
    """An alert as a channel knows it.

    Attributes:
        place: topic or key that it comes on.
        alert: its newest revision.
        worst: rank of its highest severity since it was opened last.
        seen_at: when its newest revision came, microseconds since 1970-01-01 UTC.
        told: number of the opening that the channel was told of last; 0 for none.
        told_at: when, microseconds since 1970-01-01 UTC; also when that was repeated.
        waiting: changes that the channel has not been told of, in order.
    """

    place: str
    alert: Alert
    worst: int
    seen_at: int
    told: int = 0
    told_at: int = 0
    waiting: list[Change] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return self.alert.state == "open"

    @property
    def is_told(self) -> bool:
        """Whether the channel was told of the opening that is or was the last."""
        return self.told == self.alert.openings


def change_between(before: Followed | None, alert: Alert) -> What | None:
    """What people are told when a revision follows on what is known; ``None`` for nothing.

    Args:
        before: what is known; ``None`` if the alert is new.
        alert: a later revision.
    """
    if alert.state == "cleared":
        return "cleared" if before is not None and before.is_open else None
    # The clearing in between may have been compacted away (Kafka), or replaced on its topic (MQTT).
    if before is None or not before.is_open or alert.openings > before.alert.openings:
        return "opened"
    return "worse" if rank(alert) > before.worst else None
