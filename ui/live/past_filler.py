"""The hours before the page was started: from the history into the lanes of the vehicles."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from config.errors import HistoryError
from config.history_settings import Place
from dataflows.history.reader import History
from ui.live.severity_lanes import WIDTH, PastCell

if TYPE_CHECKING:
    from ui.live.feed import Feed

log = logging.getLogger(__name__)

DUE = (3.0, 300.0)
"""Seconds after a connection to the broker: once its vehicles are known, and when the rollups of the minutes
before have been closed and kept."""

LOOK_EVERY = 1.0
"""Seconds between looks whether a connection is that old."""

_QUESTION = """
SELECT vehicle_id, cell, max(error_peak) AS peak, sum(anomalies)::BIGINT AS anomalies
FROM (
    SELECT vehicle_id, error_peak, anomalies, unnest(generate_series(
        floor(epoch("start") / $width)::BIGINT, ceil(epoch("end") / $width)::BIGINT - 1)) AS cell
    FROM rollups WHERE "end" > $since::TIMESTAMPTZ)
GROUP BY vehicle_id, cell
"""


def past_cells(place: Place, since: datetime) -> Mapping[str, list[PastCell]]:
    """Vehicle id → its cells from a time on, of the rollups in a history.

    Raises:
        HistoryError: the history cannot be read.
    """
    parameters = {"width": WIDTH, "since": since.isoformat()}
    table = History(place).query(_QUESTION, parameters, first=since.astimezone(UTC).date())
    found: dict[str, list[PastCell]] = {}
    for vehicle, number, peak, anomalies in zip(
        *(column.to_pylist() for column in table.columns), strict=True
    ):
        found.setdefault(vehicle, []).append(PastCell(number, peak, anomalies))
    return found


class PastFiller:
    """Fills the lanes of a feed from a history, after each connection: what was missed is in there too.

    Args:
        feed: whose lanes.
        place: of the history.
        clock: seconds since the epoch.
    """

    def __init__(self, feed: Feed, place: Place, clock: Callable[[], float] = time.time) -> None:
        self._feed = feed
        self._place = place
        self._clock = clock
        self._done: tuple[float, int] = (0.0, 0)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="past-filler", daemon=True)

    def start(self) -> None:
        """Fill in the background."""
        self._thread.start()

    def stop(self) -> None:
        """End the background thread."""
        self._stopping.set()
        self._thread.join()

    def fill_if_due(self) -> None:
        """Fill if that is due and has not been done since the broker was connected."""
        connection = self._feed.connection
        times = sum(self._clock() - connection.since >= delay for delay in DUE)
        if connection.phase != "connected" or not times or self._done == (connection.since, times):
            return
        self._done = connection.since, times
        since = datetime.fromtimestamp(self._feed.state.lanes().start, UTC)
        try:
            self._feed.state.merge_past(past_cells(self._place, since))
        except HistoryError as error:
            log.warning("the hours before this page was started are not shown: %s", error)

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_EVERY):
            try:
                self.fill_if_due()
            except Exception:
                # The page lives without it.
                log.exception("filling the lanes from the history failed")
