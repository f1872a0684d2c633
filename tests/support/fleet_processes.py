"""Starts the whole job as processes that can be killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from scripts.brokers.ports import LOCALHOST, free_port
from tests.support.paths import REPOSITORY

SNAPSHOT_INTERVAL = 1
"""Seconds: what the engine's ``-s`` is set to."""


def start_fleet(directory: Path, log: Path, processes: int) -> list[subprocess.Popen[bytes]]:
    """Start so many processes of one job; returns at once.

    Args:
        directory: holds its ``settings.toml`` and its ``recovery`` directory.
        log: what they say is appended to it.
        processes: how many.
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
