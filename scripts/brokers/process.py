"""An MQTT or Kafka broker as a child process that can be stopped, killed, frozen and restarted."""

from __future__ import annotations

import signal
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from config.broker_settings import MqttSettings
from config.settings import DEFAULT_FILE, load
from scripts.brokers.ports import LOCALHOST, answers, free_port
from scripts.waiting import wait_until


class BrokerProcess(ABC):
    """A broker on a free port that it keeps over restarts.

    Attributes:
        host: that it listens on.
        port: for clients.
    """

    def __init__(self, directory: Path) -> None:
        """Choose the port.

        Args:
            directory: an empty one, for this broker alone; the log is written to it.
        """
        self.host = LOCALHOST
        self.port = free_port()
        self._directory = directory
        self._log = directory / "broker.log"
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """The command line that runs the broker in the foreground."""

    @property
    def ports(self) -> list[int]:
        """Every port that it listens on."""
        return [self.port]

    @property
    def working_directory(self) -> Path:
        """The directory that `command` is run in."""
        return self._directory

    def start(self) -> None:
        """Start the broker and return when it accepts connections on each of its ports.

        Raises:
            AssertionError: it exited, or did not listen in time.
        """
        with self._log.open("ab") as output:
            self._process = process = subprocess.Popen(
                self.command(), stdout=output, stderr=output, cwd=self.working_directory
            )

        def is_up() -> bool:
            if process.poll() is not None:
                raise AssertionError(
                    f"the broker exited with status {process.returncode}:\n{self._log.read_text()}"
                )
            return all(map(answers, self.ports))

        wait_until(is_up, f"a broker that listens on {self.ports}")

    def stop(self) -> None:
        """Shut the broker down cleanly; it saves what it persists."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Crash the broker."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Suspend the broker: it keeps its connections and does nothing until `thaw`."""
        self._running().send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen broker continue."""
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
    """An MQTT broker.

    Attributes:
        protocol: the newest version that it speaks.
    """

    def __init__(self, directory: Path, protocol: Literal["5", "3.1.1"]) -> None:
        super().__init__(directory)
        self.protocol = protocol

    @property
    def keeps_sessions(self) -> bool:
        """Whether it keeps everything that an absent client has not acknowledged."""
        return False

    def wait_until_left(self, client_id: str) -> None:
        """Return when the broker has read everything that a client sent before it disconnected.

        Otherwise a client that reconnects at once may be served first, and the broker then drops what it has
        not read of the old connection. Only mosquitto logs this; for other brokers it returns at once.
        """

    def settings(self, **changes: Any) -> MqttSettings:
        """``[mqtt]`` for this broker, with a client id that nothing else uses, and quick to reconnect."""
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
