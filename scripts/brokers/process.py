"""An MQTT or Kafka broker as a child process that can be stopped, killed, frozen and started again."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from config.broker_settings import MqttSettings
from config.settings import DEFAULT_FILE, load
from scripts.brokers.ports import LOCALHOST, answers, free_port
from scripts.waiting import wait_until


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

    @property
    def keeps_sessions(self) -> bool:
        """Whether it keeps everything that an absent client has not acknowledged."""
        return False

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
