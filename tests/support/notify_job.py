"""`python -m bytewax.run dataflows.notify` as a process that a test can stop and kill."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bytewax.recovery import init_db_dir

from config.broker_settings import MqttSettings
from dataflows.events import Alert
from scripts.waiting import DEADLINE, wait_until
from tests.support.alerts import encoded, place_of
from tests.support.environment import without_settings
from tests.support.mqtt_clients import publish
from tests.support.paths import REPOSITORY


class NotifyJob:
    """One job with its recovery directory.

    Args:
        directory: an empty one.
        alerts: its alerts topic, as in the settings.
        broker: variables that name the broker, such as ``MQTT__PORT``, all without ``FLEET__``.
        channels: name → URL.
        more: further variables.
    """

    def __init__(
        self,
        directory: Path,
        alerts: str,
        broker: Mapping[str, str],
        channels: Mapping[str, str],
        more: Mapping[str, str] | None = None,
    ) -> None:
        self._log = directory / "log"
        self._recovery = directory / "recovery"
        self._recovery.mkdir()
        init_db_dir(self._recovery, 1)
        self._process: subprocess.Popen[bytes] | None = None
        variables = {
            "TOPICS__ALERTS": alerts,
            "NOTIFY__GROUP_WITHIN": "0.2",
            "NOTIFY__RETRY_FIRST": "0.1",
            "NOTIFY__RETRY_LONGEST": "0.5",
        }
        variables |= {f"NOTIFY__CHANNELS__{name.upper()}__URL": url for name, url in channels.items()}
        variables = {**variables, **broker, **(more or {})}
        inherited = without_settings()
        self.environment = inherited | {f"FLEET__{name}": value for name, value in variables.items()}

    @property
    def log(self) -> str:
        """What it has logged and printed since it was first started."""
        return self._log.read_text(encoding="utf-8")

    def start(
        self,
        command: Sequence[str] = ("bytewax.run", "dataflows.notify"),
        sign: str = "subscribed to",
        *,
        recovery: bool = True,
    ) -> None:
        """Start it, and return when it has logged a sign of life: over MQTT, that it has subscribed."""
        before = self.log.count(sign) if self._log.exists() else 0
        options = ["-r", str(self._recovery), "-s", "1", "-b", "0"] if recovery else []
        with self._log.open("ab") as output:
            self._process = process = subprocess.Popen(
                [sys.executable, "-m", *command, *options],
                cwd=REPOSITORY,
                env=self.environment,
                stdout=output,
                stderr=output,
            )

        def is_alive() -> bool:
            if self.log.count(sign) > before:
                return True
            assert process.poll() is None, self.log
            return False

        wait_until(is_alive, sign)

    def wait_for_log(self, text: str, count: int = 1) -> None:
        """Return when it has logged this so often."""
        wait_until(lambda: self.log.count(text) >= count, f"{count} × {text!r}")

    def stop(self) -> int:
        """Ask it to stop, with SIGTERM; returns its exit status."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL, if it runs."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> int:
        if self._process is None:
            return 0
        process, self._process = self._process, None
        process.send_signal(how)
        return process.wait(DEADLINE)


class NotifyJobOverMqtt(NotifyJob):
    """One job on topics of its own.

    Args:
        mqtt: the broker.
        directory: an empty one.
        topic: all its topics are below this one.
        channels: name → URL.
        more: further variables.
    """

    def __init__(
        self,
        mqtt: MqttSettings,
        directory: Path,
        topic: str,
        channels: Mapping[str, str],
        more: Mapping[str, str] | None = None,
    ) -> None:
        self.mqtt = mqtt
        self.alerts = f"{topic}/alerts"
        broker = {
            "MQTT__HOST": mqtt.host,
            "MQTT__PORT": str(mqtt.port),
            "MQTT__PROTOCOL": mqtt.protocol,
            "MQTT__CLIENT_ID": mqtt.client_id,
        }
        super().__init__(directory, self.alerts, broker, channels, more)

    def publish(self, *alerts: Alert) -> None:
        """Publish revisions as the job that opens alerts does."""
        messages = [(f"{self.alerts}/{place_of(alert)}", encoded(alert)) for alert in alerts]
        publish(self.mqtt, messages, retain=True)
