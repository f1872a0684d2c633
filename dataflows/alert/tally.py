"""How many alerts opened, cleared and are open, by kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from dataflows.events import Alert


@dataclass(slots=True)
class Tally:
    """Counts the changes of the alerts of a book.

    Attributes:
        opened, cleared: kind → alerts that did so since the book was created; one that opens again counts.
        open: kind → alerts that are open.
    """

    opened: Counter[str] = field(default_factory=Counter)
    cleared: Counter[str] = field(default_factory=Counter)
    open: Counter[str] = field(default_factory=Counter)

    def changed(self, before: Alert | None, after: Alert) -> None:
        """An alert has a new revision; `before` is ``None`` for a new alert."""
        was_open, is_open = before is not None and before.state == "open", after.state == "open"
        if was_open != is_open:
            (self.opened if is_open else self.cleared)[after.kind] += 1
            self.open[after.kind] += is_open - was_open

    def dropped(self, alert: Alert) -> None:
        """An alert is not kept any more."""
        self.open[alert.kind] -= alert.state == "open"

    def restored(self, alerts: Iterable[Alert]) -> None:
        """These alerts are kept instead of those before."""
        self.open = Counter(alert.kind for alert in alerts if alert.state == "open")
