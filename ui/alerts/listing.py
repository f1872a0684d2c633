"""The alerts of the page: those of the stream, and of the history where the viewer looks back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from config.errors import HistoryError
from dataflows.events import Alert
from ui.alerts.filters import Filters, matching
from ui.alerts.past import FRESH_FOR, MOST, cleared_since, with_past
from ui.formatting import duration, markdown
from ui.live.alert_state import AlertSnapshot
from ui.replay.feed import ReplayFeed
from ui.viewer import Viewer


@dataclass(frozen=True, slots=True)
class Listing:
    """What the page lists.

    Attributes:
        filters: that were chosen.
        live: the alerts of the stream.
        known: all alerts that filters are applied to.
        shown: those that they let through, the most urgent first.
        note: Markdown: what may be missing, and why; empty if nothing is.
    """

    filters: Filters
    live: AlertSnapshot
    known: Sequence[Alert]
    shown: Sequence[Alert]
    note: str

    @property
    def taken_at(self) -> float:
        """When, seconds since the epoch."""
        return self.live.taken_at


def listing_of(viewer: Viewer, filters: Filters) -> Listing:
    """What is listed now; what cleared long ago is read from the history if the viewer chose a time."""
    live = viewer.feed.alerts.snapshot()
    past, note = _past(viewer, filters, live.taken_at)
    known = with_past(live.alerts, past)
    return Listing(filters, live, known, matching(known, filters, live.taken_at), note)


def depends_on_time(viewer: Viewer, filters: Filters) -> bool:
    """Whether what is listed changes without a change of an alert: an answer is late, an hour has passed.

    In a replay it does, since the browser counts seconds, and the replay is faster.
    """
    if filters.since != Filters().since or isinstance(viewer.feed, ReplayFeed):
        return True
    return any(viewer.desk.sent(alert) is not None for alert in viewer.feed.alerts.snapshot().alerts)


def _past(viewer: Viewer, filters: Filters, now: float) -> tuple[list[Alert], str]:
    if filters.state not in ("cleared", "all"):
        return [], ""
    kept = duration(viewer.settings.alerts.keep_cleared)
    directory = viewer.settings.history.directory
    if directory is None:
        return [], f":gray[Alerts that cleared more than {kept} ago are not kept: there is no history.]"
    # To the half minute, so that viewers and drawings share an answer.
    step = FRESH_FOR.total_seconds()
    start = filters.start(now // step * step)
    if start is None:
        return [], f":gray[Alerts that cleared more than {kept} ago are listed if you choose a time.]"
    try:
        past = cleared_since(directory, datetime.fromtimestamp(start, UTC))
    except HistoryError as error:
        return [], f":orange[Older alerts cannot be read from the history:] {markdown(str(error), 300)}"
    return past, f":gray[Of the history, the last {MOST:,} alerts.]" if len(past) == MOST else ""
