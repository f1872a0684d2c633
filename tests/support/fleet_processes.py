"""Starts the job as one or more processes that a test can kill."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from bytewax.recovery import init_db_dir

from scripts.brokers.ports import LOCALHOST, free_port
from scripts.waiting import wait_until
from tests.support.paths import REPOSITORY
from tests.support.process_memory import peak_memory_mib

SNAPSHOT_INTERVAL = 1
"""Seconds, the engine's ``-s``."""


def start_fleet(directory: Path, log: Path, processes: int) -> list[subprocess.Popen[bytes]]:
    """Start the processes of one job, without waiting until they are ready.

    Args:
        directory: has its ``settings.toml`` and its ``recovery`` directory.
        log: their output is appended to this file.
        processes: number of processes.
    """
    command = [sys.executable, "-m", "bytewax.run", "dataflows.fleet", "-r", str(directory / "recovery")]
    command += ["-s", str(SNAPSHOT_INTERVAL), "-b", "0"]
    addresses = ";".join(f"{LOCALHOST}:{free_port()}" for _ in range(processes))
    environment = os.environ | {"FLEET_CONFIG": str(directory / "settings.toml")}
    with log.open("ab") as output:
        return [
            subprocess.Popen(
                [*command, *(["-i", str(number), "-a", addresses] if processes > 1 else [])],
                cwd=REPOSITORY,
                env=environment,
                stdout=output,
                stderr=output,
            )
            for number in range(processes)
        ]


RECOVERY_PARTITIONS = 2
TIME_TO_CATCH_UP = 100.0
"""Seconds after which a test no longer waits for a job."""

TWO_SIGNALS = """
[signals.speed]
pointer = "/speed"
[signals.rpm]
pointer = "/rpm"
[signals.latitude]
pointer = "/latitude"
scored = false
"""
"""The settings of the signals in `tests.support.telemetry`."""


class FleetJob:
    """One job with its settings, its recovery directory, and its processes while it runs.

    Attributes:
        directory: of the job.
        processes: those of the last `start`.
        peak_memory_mib: the most memory that its processes together have been seen to use.
    """

    def __init__(self, directory: Path, settings: str) -> None:
        """Create the directory.

        Args:
            directory: does not exist yet.
            settings: TOML.
        """
        self.directory = directory
        self.processes: list[subprocess.Popen[bytes]] = []
        self.peak_memory_mib = 0.0
        self._log_of_earlier_runs = 0
        self.recovery.mkdir(parents=True)
        init_db_dir(self.recovery, RECOVERY_PARTITIONS)
        (directory / "settings.toml").write_text(settings, encoding="utf-8")
        self.log.touch()

    @property
    def recovery(self) -> Path:
        return self.directory / "recovery"

    @property
    def log(self) -> Path:
        return self.directory / "log"

    @property
    def last_log(self) -> str:
        """What the processes of the last `start` have logged."""
        return self.log.read_bytes()[self._log_of_earlier_runs :].decode("utf-8", "replace")

    def start_processes(self, count: int = 1) -> None:
        """Start processes that share the shards, without waiting until they are ready."""
        self._log_of_earlier_runs = self.log.stat().st_size
        self.processes = start_fleet(self.directory, self.log, count)

    def kill(self, *numbers: int) -> None:
        """Send SIGKILL to all processes, or to those with these numbers, and wait for their end."""
        self.sample_memory()
        killed = [self.processes[number] for number in numbers] or self.processes
        for process in killed:
            process.kill()
        for process in killed:
            process.wait()

    def wait_until_ended(self, deadline: float = TIME_TO_CATCH_UP) -> list[int]:
        """Wait until all processes have exited by themselves; returns their exit statuses."""

        def ended() -> bool:
            return all(process.poll() is not None for process in self.processes)

        wait_until(ended, f"the end of the job; it says\n{self.last_log[-3000:]}", deadline)
        return [process.returncode for process in self.processes]

    def wait(self, condition: Callable[[], object], what: str, deadline: float = TIME_TO_CATCH_UP) -> None:
        """Return when the condition is true.

        Raises:
            AssertionError: it was not in time, or a process has exited; with the end of the log.
        """

        def holds() -> bool:
            ended = [process.returncode for process in self.processes if process.poll() is not None]
            assert not ended, f"the job exited by itself, status {ended}"
            return bool(condition())

        try:
            wait_until(holds, what, deadline)
        except AssertionError as error:
            raise AssertionError(f"{error}; the job says\n{self.last_log[-3000:]}") from None
        self.sample_memory()

    def sample_memory(self) -> None:
        """Note how much memory the running processes have used at most."""
        peaks = [peak_memory_mib(process.pid) for process in self.processes]
        self.peak_memory_mib = max(self.peak_memory_mib, sum(peaks))
