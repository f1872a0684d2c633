"""Starts the job as one or more processes that a test can kill."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from scripts.brokers.ports import LOCALHOST, free_port
from tests.support.paths import REPOSITORY

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
    environment = os.environ | {"FLEET_CONFIG": str(directory / "settings.toml"), "RUST_BACKTRACE": "0"}
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
