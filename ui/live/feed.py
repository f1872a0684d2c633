"""The background subscriber that all viewers share: what MQTT and Kafka have in common."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

from config.settings import Settings
from ui.live.alert_state import AlertState
from ui.live.answer_state import AnswerState
from ui.live.fleet_state import FleetState
from ui.live.injected_faults import InjectedFaults
from ui.push.versions import Versions, clock_version

log = logging.getLogger(__name__)

Phase = Literal["connecting", "connected", "unreachable", "refused", "lost"]


@dataclass(frozen=True, slots=True)
class Connection:
    """The state of the connection to the broker.

    Attributes:
        phase: ``connecting`` until the first answer, then ``connected``; ``unreachable`` if the broker does
            not answer or serve us, ``refused`` if it will not accept us, ``lost`` if it went away.
        reason: why, as the broker or the operating system words it; empty if there is none.
        since: when the phase began, seconds since the epoch.
    """

    phase: Phase
    reason: str
    since: float


class Feed(ABC):
    """Follows events, dead letters, alerts and answers to commands, whatever happens to the broker.

    Args:
        settings: `topics`, `page` and the broker's section are used.

    Attributes:
        state: the events and dead letters that have arrived so far.
        alerts: the alerts.
        answers: what vehicles have answered to commands.
        faults: what the simulator says it has done; empty unless `page.demo` is on.
        is_live: whether what arrives is what happens now, and not a recording.
    """

    is_live = True

    def __init__(self, settings: Settings) -> None:
        self.state = FleetState(settings.page)
        self.alerts = AlertState()
        self.answers = AnswerState()
        self.faults = InjectedFaults()
        # Answers, and what the simulator did, come where telemetry comes from; this reads where results go.
        same = settings.source.kind == settings.sink.kind
        self._answers_topic = settings.command_answers_topic if same else None
        self._answers_trouble = "" if same else (
            f"they come over {settings.source.kind}, and this page follows {settings.sink.kind}"
        )  # fmt: skip
        self._ground_truth_topic = settings.topics.ground_truth if settings.page.demo and same else None
        self._faults_trouble = self._answers_trouble
        self._alerts_trouble = ""
        self._address = settings.enriched_broker
        self._connection = Connection("connecting", "", time.time())
        self._connection_version = 0

    def versions(self) -> Versions:
        """How often what the page shows of the stream has changed."""
        return {
            "fleet": self.state.version,
            "alerts": self.alerts.version,
            "connection": self._connection_version,
            "clock": clock_version(),
            "commands": self.answers.version,
            "demo": self.faults.version,
        }

    @property
    def connection(self) -> Connection:
        """The state of the connection now."""
        return self._connection

    @property
    def alerts_trouble(self) -> str:
        """Why there are no alerts although there is a connection; empty if there may be some."""
        return self._alerts_trouble

    @property
    def answers_trouble(self) -> str:
        """Why no answers to commands come although there is a connection; empty if they may come."""
        return self._answers_trouble

    @property
    def faults_trouble(self) -> str:
        """Why what the simulator did does not come although there is a connection; empty if it may come."""
        return self._faults_trouble

    @abstractmethod
    def start(self) -> None:
        """Connect in the background, and again whenever the connection breaks."""

    @abstractmethod
    def stop(self) -> None:
        """Disconnect and end the background thread."""

    def _note_alerts(self, trouble: str) -> None:
        if trouble != self._alerts_trouble:
            self._alerts_trouble = trouble
            self._connection_version += 1
            self._log(bool(trouble), f"alerts: {trouble or 'there are some again'}")

    def _note_answers(self, trouble: str) -> None:
        if trouble != self._answers_trouble:
            self._answers_trouble = trouble
            self._connection_version += 1
            self._log(bool(trouble), f"answers to commands: {trouble or 'they come again'}")

    def _note_faults(self, trouble: str) -> None:
        if trouble != self._faults_trouble:
            self._faults_trouble = trouble
            self._connection_version += 1
            self._log(bool(trouble), f"injected faults: {trouble or 'they come again'}")

    def _enter(self, phase: Phase, reason: str) -> None:
        if (phase, reason) != (self._connection.phase, self._connection.reason):
            self._connection = Connection(phase, reason, time.time())
            self._connection_version += 1
            self._log(bool(reason) or phase not in ("connecting", "connected"),
                      f"{phase} ({reason})" if reason else phase)  # fmt: skip

    def _log(self, is_trouble: bool, what: str) -> None:
        level = logging.WARNING if is_trouble else logging.INFO
        log.log(level, "broker %s: %s", self._address, what, extra={"broker": self._address})
