"""A job from a recording to files that can be run again and again from its recovery directory."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

from bytewax.recovery import init_db_dir

from tests.support.paths import REPOSITORY

PARTITIONS = 2


class Run:
    """A job from a recording to files, with recovery; can be run again and again."""

    def __init__(self, directory: Path, payloads: list[bytes], *, partitions: int = PARTITIONS) -> None:
        self.recovery = directory / "recovery"
        if not self.recovery.exists():
            self.recovery.mkdir()
            init_db_dir(self.recovery, partitions)
        (directory / "trip.jsonl").write_bytes(b"\n".join(payloads) + b"\n")
        self._directory = directory
        self._variables = {
            "FLEET__SOURCE__KIND": "recording",
            "FLEET__SINK__KIND": "recording",
            "FLEET__RECORDING__INPUT": str(directory / "trip.jsonl"),
            "FLEET__RECORDING__RESULTS": str(directory / "results"),
        }

    def __call__(
        self, variables: dict[str, str] | None = None, *, limit: int | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run it until it exits.

        Args:
            variables: settings, such as ``FLEET__DETECTOR__WINDOW``.
            limit: largest file in bytes, as if the disk were full then.
        """
        command = [sys.executable, "-m", "bytewax.run", "dataflows.fleet", "-r", str(self.recovery)]

        def restrict() -> None:
            if limit is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        return subprocess.run(
            [*command, "-s", "1", "-b", "0"],
            cwd=REPOSITORY,
            env=os.environ | self._variables | (variables or {}),
            capture_output=True,
            text=True,
            timeout=60,
            preexec_fn=restrict,
        )


def error_before_start(ended: subprocess.CompletedProcess[str]) -> str:
    """The one line that the job exited with before it started the engine: all that it printed."""
    assert ended.returncode == 1
    [line] = ended.stderr.splitlines()
    assert line.startswith("fleet: ")
    return line


def error(ended: subprocess.CompletedProcess[str]) -> str:
    """The one line that the job exited with; the engine may have printed a crash report above it."""
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    lines = [line for line in ended.stderr.splitlines() if line.startswith("fleet: ")]
    assert len(lines) == 1, ended.stderr
    return lines[0]
