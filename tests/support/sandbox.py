"""A directory that looks like the project to a command, and keeps what the command writes."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from scripts.waiting import wait_until
from tests.support.environment import without_settings
from tests.support.paths import REPOSITORY

COPIED = ("config", "Makefile", "Procfile", "pyproject.toml", "requirements.lock")
LINKED = ("dataflows", "sim", "ui", "scripts", "benchmarks", "tests")
"""Linked, so that compiled loops are found where they are kept."""

PREPARING = re.compile(r"export |source ")
"""Commands that change the shell, for all that follow."""

_ASSIGNMENTS = re.compile(r"^(?:[A-Z_]+=\S* )*")


class Sandbox:
    """The project in a separate directory, with a ``.venv`` that is the environment of the tests.

    Commands run in bash, without that environment on the PATH until they activate it, and without any
    ``FLEET`` variable of the tests.

    Args:
        directory: an empty one.
        variables: environment variables of all commands.
    """

    def __init__(self, directory: Path, variables: Mapping[str, str]) -> None:
        if sys.prefix == sys.base_prefix:
            pytest.skip("needs to run in a virtual environment, as `make test` does")
        self.directory = directory
        for name in COPIED:
            source = REPOSITORY / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, directory / name)
        for name in LINKED:
            (directory / name).symlink_to(REPOSITORY / name)
        # Its parts, not itself: what make notes in it must not be noted in the real one.
        (directory / ".venv").mkdir()
        for part in Path(sys.prefix).iterdir():
            if part.is_dir() or part.name == "pyvenv.cfg":
                (directory / ".venv" / part.name).symlink_to(part)
        own = str(Path(sys.executable).parent)
        path = [entry for entry in os.environ["PATH"].split(os.pathsep) if entry != own]
        inherited = without_settings()
        for name in ("VIRTUAL_ENV", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
            inherited.pop(name, None)
        self._environment = inherited | {"PATH": os.pathsep.join(path)} | dict(variables)
        self._preparation: list[str] = []

    def prepare(self, command: str) -> None:
        """Run a command that changes the shell, now and before each command that follows."""
        self._preparation.append(command)
        self.run(":")

    def run(self, command: str, timeout: float = 240.0) -> str:
        """Run a command to its end.

        Returns:
            What it printed.

        Raises:
            AssertionError: its status is not 0.
        """
        self._mark_as_installed(command)
        done = subprocess.run(
            ["bash", "-ec", "\n".join([*self._preparation, command])],
            cwd=self.directory,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, f"{command}: status {done.returncode}:\n{done.stdout[-3000:]}"
        return done.stdout

    def watch(self, command: str, is_alive: Callable[[str], object], timeout: float = 240.0) -> int:
        """Start a command, wait until what it has printed shows that it works, and end it with SIGTERM.

        Returns:
            Its status.

        Raises:
            AssertionError: it ended by itself, showed nothing in time, or did not end when it was asked to.
        """
        self._mark_as_installed(command)
        # In place of the shell, which would not pass the signal on.
        started = _ASSIGNMENTS.sub(lambda found: f"{found[0]}exec ", command, count=1)
        log = self.directory / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["bash", "-ec", "\n".join([*self._preparation, started])],
                cwd=self.directory,
                env=self._environment,
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

        def said() -> str:
            return log.read_text(encoding="utf-8", errors="replace")

        def works() -> bool:
            assert process.poll() is None, f"{command}: ended with {process.returncode}:\n{said()[-3000:]}"
            return bool(is_alive(said()))

        try:
            try:
                wait_until(works, f"a sign of life of {command}", timeout)
            except AssertionError as error:
                raise AssertionError(f"{error}\n{said()[-3000:]}") from None
            process.terminate()
            status = process.wait(timeout=60.0)
            wait_until(lambda: not _is_group(process.pid), f"the end of what {command} has started", 60.0)
        finally:
            if _is_group(process.pid):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return status

    def _mark_as_installed(self, command: str) -> None:
        """Let make believe that its environment is there; it would install all packages otherwise."""
        words = [word for word in shlex.split(command) if not re.fullmatch(r"[A-Z_]+=.*", word)]
        if words[:1] == ["make"]:
            subprocess.run(
                ["make", "--touch", "--silent", *words[1:2]],
                cwd=self.directory,
                env=self._environment,
                stdout=subprocess.DEVNULL,
                check=True,
            )


def _is_group(number: int) -> bool:
    try:
        os.killpg(number, 0)
    except ProcessLookupError:
        return False
    return True
