"""mosquitto with the shipped configuration."""

from __future__ import annotations

import getpass
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from config.settings import DEFAULT_FILE
from scripts.brokers.ports import LOCALHOST
from scripts.brokers.process import Broker
from scripts.waiting import wait_until

SHIPPED_CONFIGURATION = DEFAULT_FILE.with_name("mosquitto.conf")

# Debian installs mosquitto in a directory that is not on the PATH of ordinary users.
_PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"])


class Mosquitto(Broker):
    """mosquitto with ``config/mosquitto.conf``, on a free port, with its database in the given directory."""

    def __init__(
        self, directory: Path, *, lines: Sequence[str] = (), passwords: dict[str, str] | None = None
    ) -> None:
        """Write the configuration.

        Args:
            directory: an empty one, for this broker alone.
            lines: added at the end of the configuration.
            passwords: user → password; with it, only these users may connect.
        """
        super().__init__(directory, "5")
        text = SHIPPED_CONFIGURATION.read_text(encoding="utf-8")
        more = [f"persistence_location {directory}/", f"user {getpass.getuser()}", *lines]
        if passwords is not None:
            text = _replaced(text, r"^allow_anonymous true$", "allow_anonymous false")
            more.append(f"password_file {self._password_file(passwords)}")
        text = _replaced(text, r"^listener 1883 127\.0\.0\.1$", f"listener {self.port} {LOCALHOST}")
        self._configuration = directory / "mosquitto.conf"
        self._configuration.write_text("\n".join([text, *more, ""]), encoding="utf-8")

    def command(self) -> list[str]:
        return [program("mosquitto"), "-c", str(self._configuration)]

    @property
    def keeps_sessions(self) -> bool:
        return True

    def wait_until_left(self, client_id: str) -> None:
        came = f"New client connected .* as {client_id} "
        went = f"Client {client_id}\\b.* (?:disconnected|closed)|Socket error on client {client_id}\\b"

        def left() -> bool:
            events = re.findall(f"{came}|({went})", self._log.read_text())
            return bool(events[-1])

        wait_until(left, f"the end of the connection of {client_id}")

    def _password_file(self, passwords: dict[str, str]) -> Path:
        file = self._directory / "passwords"
        file.touch(mode=0o600)
        for user, password in passwords.items():
            command = [program("mosquitto_passwd"), "-b", str(file), user, password]
            subprocess.run(command, check=True, capture_output=True)
        return file


StartMosquitto = Callable[..., Mosquitto]
"""Starts a broker with the keyword arguments of `Mosquitto`: the type of the fixture ``mosquitto``."""


def mosquitto_is_installed() -> bool:
    """Whether mosquitto is on the PATH, or where packages put it."""
    return shutil.which("mosquitto", path=_PLACES) is not None


def program(name: str) -> str:
    """The path of a program of mosquitto, which must be installed."""
    path = shutil.which(name, path=_PLACES)
    assert path is not None, f"{name} is not installed"
    return path


def _replaced(text: str, line: str, by: str) -> str:
    changed, count = re.subn(line, by, text, flags=re.MULTILINE)
    assert count == 1, f"{SHIPPED_CONFIGURATION.name}: expected one line {line}, found {count}"
    return changed
