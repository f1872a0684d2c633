"""The whole job over MQTT as processes that can be killed; `EnrichedInbox` and `Vehicles` are its peers."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from bytewax.recovery import init_db_dir

from config.broker_settings import MqttSettings
from scripts.waiting import wait_until
from tests.support.fleet_processes import start_fleet
from tests.support.mqtt_clients import create_session
from tests.support.mqtt_peers import EnrichedInbox, Vehicles
from tests.support.process_memory import peak_memory_mib

__all__ = ["FLEET_SIGNALS", "TWO_SIGNALS", "EnrichedInbox", "Job", "Start", "Stopped", "Vehicles"]

RECOVERY_PARTITIONS = 2
TIME_TO_CATCH_UP = 100.0
TIME_TO_STOP = 60.0

TWO_SIGNALS = """
[signals.speed]
pointer = "/speed"
[signals.rpm]
pointer = "/rpm"
[signals.latitude]
pointer = "/latitude"
scored = false
"""
"""Those of `tests.telemetry`."""

FLEET_SIGNALS = ""
"""Those of config/fleet.toml."""


class Start(NamedTuple):
    """A job was started.

    Attributes:
        clock: when, by `time.monotonic`.
        at: the same in seconds since 1970.
    """

    clock: float
    at: float


class Stopped(NamedTuple):
    """A job was asked to stop, and did.

    Attributes:
        statuses: exit status of each process; negative is the signal it died of.
        seconds: from the signal to the end of the last process.
    """

    statuses: list[int]
    seconds: float


@dataclass(slots=True)
class Job:
    """One job with its own topics: settings, recovery directory, and processes while it runs.

    The session of its source exists from the start, so that the broker keeps what vehicles publish before
    the job is started for the first time.

    Attributes:
        mqtt: how it connects to the broker, perhaps through a proxy.
        directory: its own, empty.
        topic: all its topics are below this one.
        more: TOML to append to the settings, such as the signal catalogue.
        broker: how to connect to the broker itself; ``None`` means as in ``mqtt``.
        processes: those that run.
        starts: one for every `start`.
        peak_memory_mib: highest memory of its processes together that was sampled, MiB.
    """

    mqtt: MqttSettings
    directory: Path
    topic: str
    more: str = TWO_SIGNALS
    broker: MqttSettings | None = None
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    peak_memory_mib: float = 0.0
    _log_of_earlier_runs: int = 0

    def __post_init__(self) -> None:
        self.recovery.mkdir(parents=True)
        init_db_dir(self.recovery, RECOVERY_PARTITIONS)
        (self.directory / "settings.toml").write_text(self._settings(), encoding="utf-8")
        self.log.touch()
        create_session(self.broker or self.mqtt, f"{self.mqtt.client_id}-source", self.telemetry)

    @property
    def recovery(self) -> Path:
        return self.directory / "recovery"

    @property
    def log(self) -> Path:
        return self.directory / "log"

    @property
    def telemetry(self) -> str:
        """The topic filter that it reads."""
        return f"{self.topic}/telemetry/+"

    @property
    def enriched(self) -> str:
        """The topic filter of what it emits."""
        return f"{self.topic}/enriched/+"

    def start(self, processes: int = 1) -> Start:
        """Start a number of processes that share the shards; returns at once."""
        self._log_of_earlier_runs = self.log.stat().st_size
        self.starts.append(Start(time.monotonic(), time.time()))
        self.processes = start_fleet(self.directory, self.log, processes)
        return self.starts[-1]

    def kill(self, *numbers: int) -> None:
        """End it as a crash would: all processes, or those with these numbers."""
        self.sample_memory()
        ended = [self.processes[number] for number in numbers] or self.processes
        for process in ended:
            process.kill()
        for process in ended:
            process.wait()

    def terminate(self, deadline: float = TIME_TO_STOP) -> Stopped:
        """Ask all processes to stop, with SIGTERM, and wait until they have.

        Raises:
            AssertionError: they have not within `deadline` seconds.
        """
        self.sample_memory()
        asked = time.monotonic()
        for process in self.processes:
            process.terminate()
        statuses = self.wait_until_ended(deadline)
        return Stopped(statuses, time.monotonic() - asked)

    def wait_until_ended(self, deadline: float = TIME_TO_CATCH_UP) -> list[int]:
        """Wait until all processes have ended by themselves; returns their exit statuses."""

        def ended() -> bool:
            return all(process.poll() is not None for process in self.processes)

        wait_until(ended, f"the end of the job; {self.last_log}", deadline)
        return [process.returncode for process in self.processes]

    def wait_until_listening(self) -> None:
        """Return when this run of it has subscribed."""
        self.wait(lambda: "subscribed to" in self.last_log, "subscription")

    def wait(self, condition: Callable[[], object], what: str, deadline: float = TIME_TO_CATCH_UP) -> None:
        """Return when the condition holds.

        Raises:
            AssertionError: it does not in time, or the job has ended by itself; with the end of the log.
        """

        def holds() -> bool:
            ended = [process.returncode for process in self.processes if process.poll() is not None]
            assert not ended, f"the job ended by itself, status {ended}:\n{self.last_log[-3000:]}"
            return bool(condition())

        try:
            wait_until(holds, what, deadline)
        except AssertionError as error:
            raise AssertionError(f"{error}; the job says\n{self.last_log[-3000:]}") from None
        self.sample_memory()

    @property
    def last_log(self) -> str:
        """What this run of it has logged."""
        return self.log.read_bytes()[self._log_of_earlier_runs :].decode("utf-8", "replace")

    def sample_memory(self) -> None:
        """Note the peak memory of the processes, while they live."""
        peaks = [peak_memory_mib(process.pid) for process in self.processes]
        self.peak_memory_mib = max(self.peak_memory_mib, sum(peaks))

    def _settings(self) -> str:
        keys = self.mqtt.model_dump(exclude={"tls", "password"})
        assert self.mqtt.password is None, "expected a broker without passwords"
        lines = [f"{key} = {json.dumps('' if value is None else value)}" for key, value in keys.items()]
        topics = [
            "[topics]",
            f'telemetry = "{self.telemetry}"',
            f'enriched = "{self.topic}/enriched"',
            f'dead_letter = "{self.topic}/dead-letter"',
        ]
        return "\n".join(["[mqtt]", *lines, *topics, self.more])
