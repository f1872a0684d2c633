"""One measurement of `benchmarks.latency`: job, publisher and receiver, each in its own process."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from bytewax.recovery import init_db_dir
from numpy.typing import NDArray

from benchmarks.latency.figures import Measured
from benchmarks.latency.load import NANOSECONDS, Load, number_of, settings_text
from config.errors import BrokerError, exit_on_error

REPOSITORY = Path(__file__).resolve().parents[2]
SNAPSHOT_INTERVAL = "10"
TICK = 0.002
"""Seconds between two checks of the recovery store."""

LEAD = 200_000_000
"""Nanoseconds between everything being connected and the first event."""

TIME_TO_START = 90.0
"""Seconds that a process may take to start and connect."""

TIME_TO_DRAIN = 20.0
"""Seconds after the last event was due in which events in flight may still arrive."""

_spawning = multiprocessing.get_context("spawn")


class Wire(Protocol):
    """A broker as publisher and receiver use it: `benchmarks.latency.mqtt`, `benchmarks.latency.kafka`."""

    @property
    def said_when_read(self) -> str: ...

    @property
    def settings_text(self) -> str: ...

    def publish(self, load: Load, wait_for_begin: Callable[[], int]) -> NDArray[np.int64]: ...

    def receive(
        self, ready: Callable[[], None], take: Callable[[int, bytes], None], is_done: Callable[[], bool]
    ) -> None: ...


class Job:
    """The job and its recovery store.

    Attributes:
        process: `dataflows.fleet` with recovery.
        stored: start and end of every observed change of the recovery store, `time.monotonic_ns`.
    """

    def __init__(self, process: subprocess.Popen[bytes], recovery: Path, log: Path) -> None:
        self.process = process
        self.stored: list[tuple[int, int]] = []
        self._recovery = recovery
        self._log = log
        self._looked = time.monotonic_ns()
        self._seen = self._state()

    def look(self) -> None:
        """Check whether the store has changed since the last call.

        Raises:
            BrokerError: the job has ended.
        """
        state, now = self._state(), time.monotonic_ns()
        if state != self._seen:
            self.stored.append((self._looked, now))
        self._seen, self._looked = state, now
        if self.process.poll() is not None:
            raise BrokerError(f"the job ended with status {self.process.returncode}: {self._said()[-500:]}")

    def wait_until_it_says(self, words: str) -> None:
        """Wait until the job's log contains some words.

        Raises:
            BrokerError: the job has ended, or has not logged them within `TIME_TO_START`.
        """
        deadline = time.monotonic() + TIME_TO_START
        while words not in self._said():
            self.look()
            if time.monotonic() > deadline:
                raise BrokerError(f"expected the job to log {words!r}, it logged: {self._said()[-500:]}")
            time.sleep(TICK)

    def _state(self) -> list[tuple[int, int]]:
        # Without the file that SQLite maps into memory beside its log: it also changes when it is read.
        files = sorted(file for file in self._recovery.iterdir() if not file.name.endswith("-shm"))
        return [(found.st_size, found.st_mtime_ns) for found in map(Path.stat, files)]

    def _said(self) -> str:
        return self._log.read_text(errors="replace").strip()


@contextmanager
def running_job(wire: Wire, directory: Path) -> Iterator[Job]:
    """Run ``python -m bytewax.run dataflows.fleet`` on a broker, with recovery; kill it at the end.

    Args:
        wire: the broker.
        directory: an empty directory for the job's files.

    Raises:
        BrokerError: the job does not start.
    """
    recovery = directory / "recovery"
    recovery.mkdir()
    init_db_dir(recovery, 1)
    settings = directory / "settings.toml"
    settings.write_text(wire.settings_text + settings_text())
    log = directory / "job.log"
    command = [sys.executable, "-m", "bytewax.run", "dataflows.fleet", "-r", str(recovery)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "-s", SNAPSHOT_INTERVAL, "-b", "0"],
            cwd=REPOSITORY,
            env=os.environ | {"FLEET_CONFIG": str(settings), "RUST_BACKTRACE": "0"},
            stdout=output,
            stderr=output,
        )
    job = Job(process, recovery, log)
    try:
        job.wait_until_it_says(wire.said_when_read)
        yield job
    finally:
        process.kill()
        process.wait()


def measure(name: str, wire: Wire, job: Job, load: Load, tick: Callable[[float], None]) -> Measured:
    """Publish a load, and receive its enriched events.

    Args:
        name: name of the wire.
        wire: the broker.
        job: reads from it and writes to it.
        load: what to publish; its event numbers must not occur in an earlier load.
        tick: called often, with the seconds since the first event was due.

    Raises:
        BrokerError: a process ended early, or a broker does not answer.
    """
    to_receiver, receiving = _spawning.Pipe()
    to_publisher, publishing = _spawning.Pipe()
    receiver = _spawning.Process(target=_receive, args=(wire, load, receiving), daemon=True)
    publisher = _spawning.Process(target=_publish, args=(wire, load, publishing), daemon=True)
    try:
        for process, connection, inside in (
            (receiver, to_receiver, receiving),
            (publisher, to_publisher, publishing),
        ):
            process.start()
            inside.close()
            _answer(connection, job, TIME_TO_START, lambda: None)
        begin = time.monotonic_ns() + LEAD
        to_receiver.send(begin)
        to_publisher.send(begin)
        patience = load.seconds + TIME_TO_DRAIN + TIME_TO_START
        late, received = (
            _answer(connection, job, patience, lambda: tick((time.monotonic_ns() - begin) / NANOSECONDS))
            for connection in (to_publisher, to_receiver)
        )
    finally:
        for process in (receiver, publisher):
            process.kill()
            process.join()
    due = begin + load.due()
    stored = [(first, last) for first, last in job.stored if last >= begin]
    return Measured(name, load.rate, due, received, late, stored)


def _answer(connection: Connection, job: Job, seconds: float, tick: Callable[[], None]) -> Any:
    """The next message of a process; meanwhile the job's store is checked."""
    deadline = time.monotonic() + seconds
    try:
        while not connection.poll(TICK):
            job.look()
            tick()
            if time.monotonic() > deadline:
                raise BrokerError(f"expected publisher and receiver to answer within {seconds:g} s")
        return connection.recv()
    except (EOFError, OSError):
        raise BrokerError("the publisher or the receiver ended early, for the reason above") from None


def _publish(wire: Wire, load: Load, connection: Connection) -> None:
    """A process: reports that it is connected, receives the start time, reports how late it was."""

    def wait_for_begin() -> int:
        connection.send(True)
        begin: int = connection.recv()
        return begin

    with exit_on_error("publisher"):
        connection.send(wire.publish(load, wait_for_begin))


def _receive(wire: Wire, load: Load, connection: Connection) -> None:
    """A process: reports that it is connected, receives the start time, reports when each event arrived."""
    received = np.zeros(load.count, np.int64)
    arrived = 0
    deadline: float | None = None

    def take(at: int, enriched: bytes) -> None:
        nonlocal arrived
        position = number_of(enriched) - load.first
        # There may be retained events of earlier loads, and repeated ones.
        if 0 <= position < load.count and not received[position]:
            received[position] = at
            arrived += 1

    def is_done() -> bool:
        nonlocal deadline
        if deadline is None and connection.poll():
            deadline = connection.recv() / NANOSECONDS + load.seconds + TIME_TO_DRAIN
        return arrived == load.count or (deadline is not None and time.monotonic() > deadline)

    with exit_on_error("receiver"):
        wire.receive(lambda: connection.send(True), take, is_done)
        connection.send(received)
