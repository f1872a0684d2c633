"""A job over MQTT that is disturbed while events arrive, and what that cost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from scripts.brokers.process import Broker
from scripts.fault_measurement import Measurement, fate
from tests.support.mqtt_fleet import TWO_SIGNALS, EnrichedInbox, Job, Start, Vehicles
from tests.support.mqtt_peers import Received
from tests.support.snapshot_watch import SnapshotWatch


class Kill(NamedTuple):
    """A job was killed.

    Attributes:
        at: when, seconds since 1970.
        covered: what had been scored by then, seconds since 1970, was in a snapshot.
    """

    at: float
    covered: float

    def may_repeat(self, one: Received) -> bool:
        """Whether an event that was emitted before may be emitted again: no snapshot covered it."""
        return self.covered < one.scored_at <= self.at


class Restart(NamedTuple):
    """A job was started again.

    Attributes:
        start: when.
        confirmed: how many messages the broker had confirmed to the vehicles by then.
    """

    start: Start
    confirmed: int


@dataclass
class Run:
    """A job with vehicles, a consumer and a watch on its snapshots; create one with `running`.

    Attributes:
        job: not started yet.
        inbox: what it emits.
        vehicles: what is sent to it.
        watch: its snapshots.
        kills: of the job.
        restarts: every start but the first.
    """

    job: Job
    inbox: EnrichedInbox
    vehicles: Vehicles
    watch: SnapshotWatch
    kills: list[Kill] = field(default_factory=list)
    restarts: list[Restart] = field(default_factory=list)

    def start(self, processes: int = 1) -> None:
        confirmed = len(self.vehicles.confirmed())
        first = not self.job.starts
        start = self.job.start(processes)
        if not first:
            self.restarts.append(Restart(start, confirmed))

    def kill(self, *processes: int) -> list[int]:
        """SIGKILL these processes, or all, and wait until the others have ended by themselves.

        Returns:
            the exit status of each.
        """
        self.job.kill(*processes)
        statuses = self.job.wait_until_ended()
        self.kills.append(Kill(time.time(), self.watch.covered()))
        return statuses

    def wait_for_output(self, events: int = 1) -> None:
        """Return when that many further events have been emitted."""
        wanted = self.inbox.distinct() + events
        self.job.wait(lambda: self.inbox.distinct() >= wanted, f"{events} more events")

    def wait_until_caught_up(self) -> None:
        """Return when everything that was sent has been emitted."""
        self.vehicles.wait()
        sent = self.vehicles.sent
        self.job.wait(lambda: self.inbox.distinct() >= sent, f"{sent} events")

    def wait_for_snapshots(self, count: int) -> None:
        """Return when that many further snapshots are complete."""
        wanted = self.watch.count() + count
        self.job.wait(lambda: self.watch.count() >= wanted, f"{count} snapshots")

    def covered_but_repeated(self) -> list[str]:
        """Ids of events that were emitted again although a snapshot covered them, which no kill explains."""
        last: dict[str, Received] = {}
        unexplained = []
        for one in self.inbox.received:
            before = last.get(one.event_id)
            last[one.event_id] = one
            if before is not None and not any(
                kill.may_repeat(before) and kill.at < one.scored_at for kill in self.kills
            ):
                unexplained.append(one.event_id)
        return unexplained

    def measurement(self, fault: str, note: str = "") -> Measurement:
        """The row of this run; times are the worst of all restarts."""
        received = list(self.inbox.received)
        lost, duplicated = fate(self.vehicles.confirmed(), received)
        return Measurement(
            fault,
            len(self.vehicles.confirmed()),
            lost,
            duplicated,
            max(self._first_outputs(received), default=None),
            max(self._caught_up(received), default=None),
            self.job.peak_memory_mib or None,
            note,
        )

    def _ends(self) -> list[float]:
        """When each restarted job ended, or later."""
        return [*(restart.start.clock for restart in self.restarts[1:]), float("inf")]

    def _first_outputs(self, received: list[Received]) -> Iterator[float]:
        for restart, end in zip(self.restarts, self._ends(), strict=True):
            # Events scored before the restart may still have been in flight.
            since = (one.clock for one in received if one.scored_at > restart.start.at)
            first = next(since, end)
            if first < end:
                yield first - restart.start.clock

    def _caught_up(self, received: list[Received]) -> Iterator[float]:
        arrived: dict[bytes, float] = {}
        for one in received:
            arrived.setdefault(one.telemetry, one.clock)
        for restart, end in zip(self.restarts, self._ends(), strict=True):
            published = self.vehicles.confirmed()[: restart.confirmed]
            last = max((arrived.get(payload, end) for payload in published), default=end)
            if restart.start.clock < last < end:
                yield last - restart.start.clock


@contextmanager
def running(
    broker: Broker, directory: Path, payloads: list[bytes], vehicles: int, more: str = TWO_SIGNALS
) -> Iterator[Run]:
    """A run with its own topics; its job is killed at the end.

    Args:
        broker: that all of them connect to.
        directory: its own, empty.
        payloads: what the vehicles are to send; they do not start by themselves.
        vehicles: how many.
        more: as in `Job`.
    """
    mqtt, topic = broker.settings(), f"test/{uuid4().hex[:12]}"
    job = Job(mqtt, directory / "job", topic, more)
    with ExitStack() as stack:
        stack.callback(job.kill)
        yield Run(
            job,
            stack.enter_context(EnrichedInbox(mqtt, job.enriched)),
            stack.enter_context(Vehicles(mqtt, topic, payloads, vehicles)),
            stack.enter_context(SnapshotWatch(job.recovery)),
        )


def undisturbed(broker: Broker, directory: Path, run: Run) -> dict[str, bytes]:
    """What another job emits that gets the same in the same order and is not disturbed.

    Returns:
        event id → the event.
    """
    payloads = run.vehicles.confirmed()
    with running(broker, directory, payloads, run.vehicles.count, run.job.more) as other:
        other.start()
        other.vehicles.send(len(payloads))
        other.wait_until_caught_up()
        assert len(other.inbox.received) == len(payloads)
        return other.inbox.by_id()
