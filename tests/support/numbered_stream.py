"""Vehicles, a job on MQTT and a consumer of what it emits, while something is done to the connection."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from config.broker_settings import MqttSettings
from scripts.fault_measurement import Measurement, fate
from scripts.waiting import wait_until
from tests.support.mqtt_fleet import EnrichedInbox, Job, Vehicles

DEADLINE = 90.0


class Outage(NamedTuple):
    """Something was wrong.

    Attributes:
        over: when it had ended, by `time.monotonic`.
        published: how many messages had been by then.
    """

    over: float
    published: int


class Stream:
    """A job whose vehicles and consumer have undisturbed connections of their own; a context.

    A job that has ended by itself is started again, as systemd or Kubernetes would.

    Attributes:
        job: one process; killed when the context ends.
        vehicles: publish the payloads.
        inbox: receives what the job emits.
        last_words: the last line of every run of the job that has ended by itself.
    """

    def __init__(
        self,
        mqtt: MqttSettings,
        broker: MqttSettings,
        directory: Path,
        topic: str,
        payloads: list[bytes],
        vehicles: int,
    ) -> None:
        """Prepare; entering the context connects vehicles and consumer.

        Args:
            mqtt: how the job talks to the broker.
            broker: how to get to the broker itself.
            directory: an empty one.
            topic: all topics are below this one.
            payloads: those of `tests.telemetry`, no two the same.
            vehicles: as given to it.
        """
        self.job = Job(mqtt, directory / "job", topic, broker=broker)
        self.inbox = EnrichedInbox(broker, self.job.enriched)
        self.vehicles = Vehicles(broker, topic, payloads, vehicles)
        self.last_words: list[str] = []
        self._outages: list[Outage] = []
        self._context = ExitStack()

    def start(self) -> None:
        """Start the job, and return when it listens."""
        self.job.start()
        self.job.wait_until_listening()

    def wait(self, condition: Callable[[], object], what: str, deadline: float = DEADLINE) -> None:
        """Return when the condition holds, starting the job again as often as it ends until then.

        Raises:
            AssertionError: it does not in time, or the job has ended otherwise than with status 1 and a
                last line that names the broker.
        """

        def holds() -> bool:
            self._start_again_if_ended()
            return bool(condition())

        try:
            wait_until(holds, what, deadline)
        except AssertionError as error:
            raise AssertionError(f"{error}; the job says\n{self.job.last_log[-3000:]}") from None
        self.job.sample_memory()

    def wait_for_output(self, count: int) -> None:
        """Return when so many different events have come out."""
        self.wait(lambda: self.inbox.distinct() >= count, f"{count} events")

    def wait_for(self, payloads: list[bytes]) -> None:
        """Return when what these have become has come out."""
        self.wait(
            lambda: not set(payloads).difference(one.telemetry for one in list(self.inbox.received)),
            f"{len(payloads)} events that have been published",
        )

    def stay(self, seconds: float) -> None:
        """Let a fault last."""
        end = time.monotonic() + seconds
        self.wait(lambda: time.monotonic() >= end, "the end of a fault", seconds + DEADLINE)

    def outage_is_over(self) -> None:
        """Say when; for `cost`."""
        self._outages.append(Outage(time.monotonic(), len(self.vehicles.confirmed())))

    def cost(self, fault: str, note: str = "") -> Measurement:
        """What it has cost until now.

        Args:
            fault: what was done.
            note: what else there is to say.
        """
        published = self.vehicles.confirmed()
        received = list(self.inbox.received)
        lost, duplicated = fate(published, received)
        out: dict[bytes, float] = {}
        for one in received:
            out.setdefault(one.telemetry, one.clock)
        first = [
            min((one.clock for one in received if one.clock > outage.over), default=math.inf) - outage.over
            for outage in self._outages
        ]
        caught_up = [
            max(out.get(one, 0.0) - outage.over for one in published[: outage.published])
            for outage in self._outages
        ]
        return Measurement(
            fault,
            len(published),
            lost,
            duplicated,
            max(first, default=None),
            max([0.0, *caught_up]) if caught_up else None,
            self.job.peak_memory_mib,
            note,
        )

    def __enter__(self) -> Self:
        with ExitStack() as context:
            context.enter_context(self.inbox)
            context.enter_context(self.vehicles)
            context.callback(self.job.kill)
            self._context = context.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._context.close()

    def _start_again_if_ended(self) -> None:
        if all(process.poll() is None for process in self.job.processes):
            return
        log = self.job.last_log
        statuses = [process.returncode for process in self.job.processes]
        assert statuses == [1], f"the job ended with status {statuses}:\n{log[-3000:]}"
        last = log.splitlines()[-1]
        said_why = last.startswith("fleet: ") and "the MQTT broker at" in last and "Traceback" not in log
        assert said_why, f"expected one line that names the broker at the end of\n{log[-3000:]}"
        self.last_words.append(last)
        self.job.start()
