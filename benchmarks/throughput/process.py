"""A measured job: one process or more, each pinned to a core of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from config.errors import BrokerError
from scripts.brokers.ports import LOCALHOST, free_port

REPOSITORY = Path(__file__).resolve().parents[2]
TIME_TO_FINISH = 300.0
"""Seconds."""

ERROR = re.compile(r"\w(Error|Exception)\b")
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def cores() -> list[int]:
    """The cores that this process may use; none where the system does not tell."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


@dataclass(frozen=True, slots=True)
class Job:
    """Processes that are being measured.

    Attributes:
        name: of the program.
        processes: all of them.
        log: what they say.
    """

    name: str
    processes: Sequence[subprocess.Popen[bytes]]
    log: Path

    def check(self) -> None:
        """Look whether all is well.

        Raises:
            BrokerError: a process ended with an error.
        """
        for process in self.processes:
            if process.poll():
                raise BrokerError(
                    f"{self.name} ended with status {process.returncode}; it said: {self.reason()}"
                )

    def wait(self, timeout: float = TIME_TO_FINISH) -> None:
        """Return when all have ended well.

        Args:
            timeout: seconds.

        Raises:
            BrokerError: one ended with an error, or had not ended in time.
        """
        deadline = time.monotonic() + timeout
        while any(process.poll() is None for process in self.processes):
            self.check()
            if time.monotonic() > deadline:
                raise BrokerError(
                    f"expected {self.name} to end within {timeout:g} s; it said: {self.reason()}"
                )
            time.sleep(0.05)
        self.check()

    def reason(self) -> str:
        """The last line of the log that speaks of an error, else its last line."""
        lines = [line.strip() for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        errors = [line for line in lines if ERROR.search(line)]
        return (errors or lines or ["nothing"])[-1][:200]


@contextmanager
def running(
    arguments: Sequence[str],
    environment: Mapping[str, str] | None = None,
    *,
    interpreter: str | Path = sys.executable,
    processes: int = 1,
) -> Iterator[Job]:
    """Run Python programs of this repository; on leaving, they and what they started are killed.

    Args:
        arguments: of the interpreter, ``-m MODULE`` and what follows.
        environment: what differs from ours.
        interpreter: the Python.
        processes: how many to start; more than one get ``-i`` and ``-a``, as Bytewax expects. Process n is
            pinned to the n-th core from the last one, where there are so many.
    """
    free = cores()[::-1]
    addresses = ";".join(f"{LOCALHOST}:{free_port()}" for _ in range(processes))
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "log"
        started: list[subprocess.Popen[bytes]] = []
        try:
            with log.open("wb") as output:
                for number in range(processes):
                    own = ["-i", str(number), "-a", addresses] if processes > 1 else []
                    process = subprocess.Popen(
                        [str(interpreter), *arguments, *own],
                        cwd=REPOSITORY,
                        env=os.environ | ONE_THREAD | {"RUST_BACKTRACE": "0"} | dict(environment or {}),
                        stdout=output,
                        stderr=output,
                        start_new_session=True,
                    )
                    started.append(process)
                    if number < len(free):
                        # Threads inherit it: the interpreter has not started any yet.
                        with suppress(ProcessLookupError):
                            os.sched_setaffinity(process.pid, {free[number]})
            yield Job(arguments[arguments.index("-m") + 1], started, log)
        finally:
            for process in started:
                # The whole group: what a program has started would go on without it.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
