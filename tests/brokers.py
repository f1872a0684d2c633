"""Real MQTT brokers as processes of the tests: mosquitto with the configuration that is shipped, or amqtt."""

from __future__ import annotations

import getpass
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from config.broker_settings import MqttSettings
from config.settings import DEFAULT_FILE, load
from scripts.ports import LOCALHOST, answers, free_port
from tests.waiting import wait_until

SHIPPED_CONFIGURATION = DEFAULT_FILE.with_name("mosquitto.conf")

# Debian keeps mosquitto where the PATH of ordinary users does not lead.
_PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"])


class BrokerProcess:
    """One broker on a port of its own, which it keeps when it is stopped and started again."""

    def __init__(self, directory: Path) -> None:
        self.host = LOCALHOST
        self.port = free_port()
        self._directory = directory
        self._log = directory / "broker.log"
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """The command line that runs the broker in the foreground."""
        raise NotImplementedError

    @property
    def ports(self) -> list[int]:
        """All that it listens on."""
        return [self.port]

    def start(self) -> None:
        """Start the broker and return when it accepts connections on each of its ports."""
        with self._log.open("ab") as output:
            self._process = process = subprocess.Popen(
                self.command(), stdout=output, stderr=output, cwd=self._directory
            )

        def is_up() -> bool:
            if process.poll() is not None:
                raise AssertionError(
                    f"the broker ended with status {process.returncode}:\n{self._log.read_text()}"
                )
            return all(map(answers, self.ports))

        wait_until(is_up, f"broker on the ports {self.ports}")

    def stop(self) -> None:
        """Stop the broker in good order; it saves what it has to keep."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the broker as a crash would."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Let the broker hold its connections and do nothing, until `thaw`."""
        self._running().send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._running().send_signal(signal.SIGCONT)

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the broker has not been started"
        return self._process

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(how)
            self._process.wait(timeout=30)
            self._process = None


class Broker(BrokerProcess):
    """An MQTT broker."""

    def __init__(self, directory: Path, protocol: Literal["5", "3.1.1"]) -> None:
        super().__init__(directory)
        self.protocol = protocol

    def wait_until_left(self, client_id: str) -> None:
        """Return when the broker has read what a client sent before it disconnected.

        A client that comes back at once may be served first, and what is still unread of its older
        connection is then dropped. amqtt does not tell; mosquitto logs it.
        """

    def settings(self, **changes: Any) -> MqttSettings:
        """``[mqtt]`` for this broker, with a client id of its own, and quick to reconnect."""
        values = {
            "host": self.host,
            "port": self.port,
            "protocol": self.protocol,
            "client_id": f"test-{uuid4().hex[:12]}",
            "reconnect_min": 0.05,
            "reconnect_max": 0.2,
        }
        defaults = load(DEFAULT_FILE).mqtt.model_dump()
        return MqttSettings.model_validate(defaults | values | changes)


class Mosquitto(Broker):
    """mosquitto with ``config/mosquitto.conf``, but for the port and the directory it keeps its file in."""

    def __init__(
        self, directory: Path, *, lines: Sequence[str] = (), passwords: dict[str, str] | None = None
    ) -> None:
        """Write the configuration.

        Args:
            directory: an empty one of its own.
            lines: put behind the listener of the configuration.
            passwords: user → password; with it, nobody else may connect.
        """
        super().__init__(directory, "5")
        text = SHIPPED_CONFIGURATION.read_text(encoding="utf-8")
        more = [f"persistence_location {directory}/", f"user {getpass.getuser()}", *lines]
        if passwords is not None:
            text = _replaced(text, r"^allow_anonymous true$", "allow_anonymous false")
            more.append(f"password_file {self._password_file(passwords)}")
        text = _replaced(text, r"^listener 1883$", f"listener {self.port} {LOCALHOST}")
        self._configuration = directory / "mosquitto.conf"
        self._configuration.write_text("\n".join([text, *more, ""]), encoding="utf-8")

    def command(self) -> list[str]:
        return [program("mosquitto"), "-c", str(self._configuration)]

    def wait_until_left(self, client_id: str) -> None:
        came = f"New client connected .* as {client_id} "
        went = f"Client {client_id}\\b.* (?:disconnected|closed)|Socket error on client {client_id}\\b"

        def left() -> bool:
            events = re.findall(f"{came}|({went})", self._log.read_text())
            return bool(events[-1])

        wait_until(left, f"departure of {client_id}")

    def _password_file(self, passwords: dict[str, str]) -> Path:
        file = self._directory / "passwords"
        file.touch(mode=0o600)
        for user, password in passwords.items():
            command = [program("mosquitto_passwd"), "-b", str(file), user, password]
            subprocess.run(command, check=True, capture_output=True)
        return file


StartMosquitto = Callable[..., Mosquitto]
"""Starts a broker with the arguments of `Mosquitto` but for the directory; see the fixture ``mosquitto``."""


class Amqtt(Broker):
    """The broker in pure Python: MQTT 3.1.1 only, and it keeps nothing over a restart."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, "3.1.1")
        self._configuration = directory / "amqtt.yaml"
        self._configuration.write_text(
            f"listeners: {{default: {{type: tcp, bind: '{LOCALHOST}:{self.port}'}}}}\n"
            "plugins: {amqtt.plugins.authentication.AnonymousAuthPlugin: {allow_anonymous: true}}\n",
            encoding="utf-8",
        )

    def command(self) -> list[str]:
        return [sys.executable, "-m", "amqtt.scripts.broker_script", "-c", str(self._configuration)]


def mosquitto_is_installed() -> bool:
    return shutil.which("mosquitto", path=_PLACES) is not None


def program(name: str) -> str:
    """Where an installed program is."""
    path = shutil.which(name, path=_PLACES)
    assert path is not None, f"{name} is not installed"
    return path


def _replaced(text: str, line: str, by: str) -> str:
    changed, count = re.subn(line, by, text, flags=re.MULTILINE)
    assert count == 1, f"{SHIPPED_CONFIGURATION.name}: expected one line {line}, found {count}"
    return changed
