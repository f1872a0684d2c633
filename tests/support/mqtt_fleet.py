"""The job over MQTT as processes that can be killed; `EnrichedInbox` and `Vehicles` are around it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import NamedTuple

from config.broker_settings import MqttSettings
from tests.support.fleet_processes import TWO_SIGNALS, FleetJob
from tests.support.mqtt_clients import create_session
from tests.support.mqtt_peers import EnrichedInbox, Vehicles

__all__ = ["FLEET_SIGNALS", "TWO_SIGNALS", "EnrichedInbox", "Job", "Start", "Stopped", "Vehicles"]

TIME_TO_STOP = 60.0

FLEET_SIGNALS = ""
"""The settings of the signals in config/fleet.toml: the defaults."""


class Start(NamedTuple):
    """A job was started.

    Attributes:
        clock: when, by `time.monotonic`.
        at: the same in seconds since 1970.
    """

    clock: float
    at: float


class Stopped(NamedTuple):
    """A job was asked to stop, and did.

    Attributes:
        statuses: exit status of each process; negative is the signal it died of.
        seconds: from the signal to the end of the last process.
    """

    statuses: list[int]
    seconds: float


class Job(FleetJob):
    """One job on topics of its own.

    The session of its source exists from the beginning, so that the broker keeps what vehicles publish
    before the job is started for the first time.

    Attributes:
        mqtt: how it connects to the broker, perhaps through a proxy.
        topic: all its topics are below this one.
        more: TOML behind the sections of broker and topics, such as the signals.
        starts: one for every `start`.
    """

    def __init__(
        self,
        mqtt: MqttSettings,
        directory: Path,
        topic: str,
        more: str = TWO_SIGNALS,
        broker: MqttSettings | None = None,
    ) -> None:
        """Create directory and session.

        Args:
            mqtt: as the attribute.
            directory: does not exist yet.
            topic: as the attribute.
            more: as the attribute.
            broker: how to reach the broker directly; ``None`` if ``mqtt`` says so.
        """
        self.mqtt = mqtt
        self.topic = topic
        self.more = more
        self.starts: list[Start] = []
        super().__init__(directory, self._settings())
        create_session(broker or mqtt, f"{mqtt.client_id}-source", self.telemetry)

    @property
    def telemetry(self) -> str:
        """The topic filter that it reads."""
        return f"{self.topic}/telemetry/+"

    @property
    def enriched(self) -> str:
        """The topic filter of what it emits."""
        return f"{self.topic}/enriched/+"

    @property
    def alerts(self) -> str:
        """The topic filter of its alerts."""
        return f"{self.topic}/alerts/#"

    @property
    def actions(self) -> str:
        """The topic of what people do about alerts."""
        return f"{self.topic}/alert-actions"

    @property
    def rollups(self) -> str:
        """The topic filter of its rollups."""
        return f"{self.topic}/rollups/+"

    def start(self, processes: int = 1) -> Start:
        """Start processes that share the shards, without waiting until they are ready."""
        self.starts.append(Start(time.monotonic(), time.time()))
        self.start_processes(processes)
        return self.starts[-1]

    def terminate(self, deadline: float = TIME_TO_STOP) -> Stopped:
        """Ask all processes to stop, with SIGTERM, and wait until they have.

        Raises:
            AssertionError: they have not within `deadline` seconds.
        """
        self.sample_memory()
        asked = time.monotonic()
        for process in self.processes:
            process.terminate()
        statuses = self.wait_until_ended(deadline)
        return Stopped(statuses, time.monotonic() - asked)

    def wait_until_listening(self) -> None:
        """Return when the job has subscribed to telemetry and actions since its last start."""
        signs = [f"subscribed to {topic}" for topic in (self.telemetry, self.actions)]
        self.wait(lambda: all(sign in self.last_log for sign in signs), "subscriptions")

    def _settings(self) -> str:
        keys = self.mqtt.model_dump(exclude={"tls", "password"})
        assert self.mqtt.password is None, "expected a broker without passwords"
        lines = [f"{key} = {json.dumps('' if value is None else value)}" for key, value in keys.items()]
        topics = [
            "[topics]",
            f'telemetry = "{self.telemetry}"',
            f'enriched = "{self.topic}/enriched"',
            f'dead_letter = "{self.topic}/dead-letter"',
            f'alerts = "{self.topic}/alerts"',
            f'alert_actions = "{self.topic}/alert-actions"',
            f'rollups = "{self.topic}/rollups"',
            f'late = "{self.topic}/late"',
            f'command = "{self.topic}/command"',
        ]
        return "\n".join(["[mqtt]", *lines, *topics, self.more])
