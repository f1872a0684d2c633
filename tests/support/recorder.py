"""A recorder with a recovery directory that is killed and started again."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from bytewax.recovery import init_db_dir

from dataflows.history.files import list_files
from dataflows.history.kinds import KIND_NAMES, KindName
from scripts.waiting import wait_until
from tests.support.history_job import start_recorder, wait_for_rows
from tests.support.random_kills import Program

DEADLINE = 100.0
"""Seconds to do something in: beside a job, and on a busy machine."""


class Recorder:
    """Killed when the context ends. It merges files all the time, so that it is killed while it does.

    Attributes:
        directory: of the history.
    """

    def __init__(self, directory: Path, variables: Mapping[str, str]) -> None:
        """Make a recovery directory beside that of the history.

        Args:
            directory: as the attribute; does not exist yet.
            variables: its settings, as environment variables.
        """
        self.directory = directory
        self._log = directory.with_suffix(".log")
        self._log.touch()
        self._process: subprocess.Popen[bytes] | None = None
        self._files_at_start: set[Path] = set()
        recovery = directory.with_suffix(".recovery")
        recovery.mkdir()
        init_db_dir(recovery, 1)
        self._arguments = ("-r", str(recovery), "-b", "0")
        self._variables = {
            "FLEET__HISTORY__MERGE_FILES": "3",
            "FLEET__HISTORY__MERGE_AFTER": "1",
            "FLEET__HISTORY__MAINTAIN_EVERY": "0.2",
        } | dict(variables)

    @property
    def log(self) -> str:
        """What it has said since the first start."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    @property
    def program(self) -> Program:
        """It, as a program that can be killed."""
        return Program(self.start, self.wait_until_written, self.kill)

    def start(self) -> None:
        """Start it, without waiting until it is ready."""
        self._files_at_start = self._files()
        self._process = start_recorder(self.directory, self._variables, *self._arguments, log=self._log)

    def kill(self) -> None:
        """Send SIGKILL, and wait for its end."""
        self._running.kill()
        self._running.wait()

    def terminate(self) -> None:
        """Ask it to stop, with SIGTERM, and wait until it has."""
        self._running.terminate()
        assert self._running.wait(DEADLINE) == 0, self.log[-3000:]

    def wait(self, condition: Callable[[], object], what: str) -> None:
        """Return when the condition is true.

        Raises:
            AssertionError: it was not in time, or the recorder has ended; with the end of its log.
        """

        def holds() -> bool:
            assert self._running.poll() is None, f"the recorder has ended:\n{self.log[-3000:]}"
            return bool(condition())

        try:
            wait_until(holds, what, DEADLINE)
        except AssertionError as error:
            raise AssertionError(f"{error}; the recorder says\n{self.log[-3000:]}") from None

    def wait_until_written(self) -> None:
        """Return when there is a file that was not there at the start."""
        self.wait(lambda: self._files() - self._files_at_start, "a new file")

    def wait_for_rows(self, expected: Mapping[KindName, int]) -> None:
        """Return when the history has this many rows of each kind, or more."""
        wait_for_rows(self.directory, dict(expected), self._running, DEADLINE)

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "not started yet"
        return self._process

    def _files(self) -> set[Path]:
        return {file.path for kind in KIND_NAMES for file in list_files(self.directory, kind)}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process is not None:
            self.kill()
