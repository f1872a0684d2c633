"""A recording in the place of the stream: the same states, fed up to the time of the replay."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from config.errors import FleetError
from config.settings import Settings
from dataflows.clock import SECOND, microseconds
from ui.live.alert_state import AlertState
from ui.live.feed import Connection, Feed
from ui.live.fleet_state import FleetState
from ui.push.versions import Versions, clock_version
from ui.replay.clock import ReplayClock
from ui.replay.recording import MINUTE, Recording, Row

WARM_UP = 3
"""Minutes before the time of a jump from which on all events are read."""

HOUR = 60
"""Minutes for which anomalies are counted."""

MOST_WARM_UP = 10_000
"""Events read for a jump; with more vehicles it begins later, but at least a minute before."""

READ_AHEAD = 10_000
"""Events that wait, about 1 kB each, unless a single minute has more."""

LONGEST_AHEAD = 60
"""Minutes that are read at once, at most."""

LONGEST_ADVANCE = 0.25
"""Seconds of work at once: a page that waits for longer does not answer. The clock then stands still."""

SHORTEST_TICK = 0.05
"""Seconds between two moves of the clock: the sections of a page that is drawn show about the same moment."""

LOOK_AT_TIMER = 100
"""Events between two looks at the time."""

MOVE = 10**12
"""More than any time in seconds: a jump changes a version, whichever way it goes."""


class ReplayFeed(Feed):
    """What one session replays. It works only when somebody looks, so one that is forgotten costs nothing.

    What it shows at a moment depends on that moment alone, and not on how the replay got there; only how far
    back the events of a vehicle reach does.

    Args:
        settings: `page` is used.
        recording: what is replayed, from its start, at first paused.
        timer: seconds, from any origin.

    Attributes:
        recording: what is replayed.
        clock: the time of the replay; set it by the methods of this class.
        trouble: why it cannot go on; empty if it can.
    """

    is_live = False

    def __init__(
        self, settings: Settings, recording: Recording, timer: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(settings)
        self._settings = settings
        self._timer = timer
        self._connection = Connection("connected", "", recording.start / SECOND)
        self.recording = recording
        self.clock = ReplayClock(recording.start / SECOND, recording.end / SECOND, timer)
        self.trouble = ""
        self._feeding: float | None = None
        self._rows: Iterator[Row] = iter(())
        self._next: Row | None = None
        self._read_until = self._next_revision = 0
        self._moves = 0
        self._looked_at = timer()
        self.jump(recording.start / SECOND)

    def start(self) -> None:
        """Nothing to do: it has no thread."""

    def stop(self) -> None:
        """Pause it."""
        self.clock.pause()

    def versions(self) -> Versions:
        """How often what the page shows has changed; moves the replay on to where it should be by now."""
        if not self.clock.is_paused and self._timer() - self._looked_at >= SHORTEST_TICK:
            self._advance(self.clock.due())
        return {
            **super().versions(),
            "clock": self._moves * MOVE + clock_version(self.clock.at),
            "replay": self._moves * MOVE + int(self.clock.at),
        }

    @property
    def refresh(self) -> float:
        """Seconds between looks at it while it runs, and while it is paused."""
        return 5.0 if self.clock.is_paused else 0.5

    def play(self) -> None:
        """Let it run on; from the start if it has ended."""
        if self.clock.is_at_end:
            self.jump(self.clock.start)
        self.clock.play()
        self._note_move()

    def pause(self) -> None:
        """Stop it where it is now."""
        self.versions()
        self.clock.pause()
        self._note_move()

    def set_speed(self, speed: float) -> None:
        """Go on at `speed` recorded seconds in a second."""
        self.versions()
        self.clock.speed = speed
        self._note_move()

    def jump(self, at: float) -> None:
        """Show another moment, in seconds since the epoch; outside of the recording, its nearest end.

        A short way forwards reads on. Otherwise it begins a few minutes earlier, with what was known then.
        """
        at = min(max(at, self.clock.start), self.clock.end)
        target = round(at * SECOND)
        at = target / SECOND
        try:
            since = self._warm_up_from(target)
            if not self._read_until or self.trouble or at < self.clock.at or since > self._position:
                self._begin_at(since, target)
            self._feed_until(target, None)
            self.trouble = ""
        except FleetError as error:
            self._fail(error)
        self.clock.move_to(at)
        self._note_move()

    @property
    def _position(self) -> int:
        return round(self.clock.at * SECOND)

    def _advance(self, to: float) -> None:
        try:
            reached = self._feed_until(round(to * SECOND), self._timer() + LONGEST_ADVANCE)
        except FleetError as error:
            self._fail(error)
            return
        self.clock.move_to(max(self.clock.at, reached / SECOND))
        self._looked_at = self._timer()

    def _feed_until(self, target: int, deadline: float | None) -> int:
        """Feed what happened until `target`, in microseconds; returns how far it got by the deadline."""
        fed = 0
        while True:
            while (row := self._next) is not None and row.time <= target:
                self._next = next(self._rows, None)
                self._feed_alerts(row.time)
                self._feeding = row.time / SECOND
                self.state.record(row.payload)
                fed += 1
                is_last_of_its_time = self._next is None or self._next.time > row.time
                if deadline is not None and fed >= LOOK_AT_TIMER and is_last_of_its_time:
                    fed = 0
                    if self._timer() > deadline:
                        self._feeding = None
                        return row.time
            self._feeding = None
            if self._next is not None or self._read_until > min(target, self.recording.end - 1):
                break
            self._read_ahead()
        self._feed_alerts(target)
        return target

    def _feed_alerts(self, until: int) -> None:
        revisions = self.recording.revisions
        while self._next_revision < len(revisions) and revisions[self._next_revision].time <= until:
            revision = revisions[self._next_revision]
            self.alerts.record(revision.place, revision.payload)
            self._next_revision += 1

    def _read_ahead(self) -> None:
        timeline = self.recording.timeline
        first = timeline.minute(self._read_until)
        last, count = first, timeline.events[first]
        while (
            last + 1 < len(timeline.events)
            and last + 1 - first < LONGEST_AHEAD
            and count + timeline.events[last + 1] <= READ_AHEAD
        ):
            last += 1
            count += timeline.events[last]
        end = max(timeline.begin(last + 1), self._read_until + MINUTE)
        self._rows = iter(self.recording.events(self._read_until, end))
        self._next, self._read_until = next(self._rows, None), end

    def _warm_up_from(self, target: int) -> int:
        """Where reading begins for a jump; the beginning of a minute, the same for the same target."""
        timeline = self.recording.timeline
        minute = max(0, timeline.minute(target) - 1)
        count = timeline.events[minute]
        for earlier in range(minute - 1, max(-1, minute - WARM_UP), -1):
            count += timeline.events[earlier]
            if count > MOST_WARM_UP:
                break
            minute = earlier
        return timeline.begin(minute)

    def _begin_at(self, since: int, target: int) -> None:
        """Forget everything, and know what was known at `since`."""
        # Versions go on rising, so that no section takes what it has drawn for what there is now.
        fleet, alerts = self.state.version + 1, self.alerts.version + 1
        self.state = FleetState(self._settings.page, self._now, shared_for=0.0, version=fleet)
        self.alerts = AlertState(self._now, shared_for=0.0, version=alerts)
        self._rows, self._next = iter(()), None
        self._read_until, self._next_revision = max(since, 1), 0
        for row in self.recording.last_of_silent(since, target + 1):
            self._feeding = row.time / SECOND
            self.state.record(row.payload)
        self._feeding = None
        self._count_before(since)

    def _count_before(self, since: int) -> None:
        """Count what came before `since`, but for the events of silent vehicles, which are there already."""
        timeline = self.recording.timeline
        minute = timeline.minute(since)
        anomalies = timeline.anomalies[:minute].copy()
        silent = self.state.snapshot().vehicles.values()
        for vehicle in silent:
            anomalies[timeline.minute(microseconds(vehicle.latest.ts))] -= vehicle.latest.is_anomaly
        self.state.count_earlier(
            int(timeline.events[:minute].sum()) - len(silent),
            {timeline.begin(number) / SECOND: int(anomalies[number]) for number in range(minute)[-HOUR:]},
            since / SECOND - 1.0,
        )

    def _now(self) -> float:
        return self.clock.at if self._feeding is None else self._feeding

    def _fail(self, error: FleetError) -> None:
        self._feeding = None
        self.trouble = " ".join(str(error).split())
        self.clock.pause()
        self._note_move()

    def _note_move(self) -> None:
        self._moves += 1
        self._looked_at = self._timer()
