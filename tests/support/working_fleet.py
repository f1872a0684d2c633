"""All of the project at work: broker, simulator, job, recorder and page, as processes beside a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import msgspec

from config.broker_settings import MqttSettings
from dataflows.events import Alert, AlertKind, Enriched
from scripts.brokers.process import Broker
from scripts.waiting import wait_until
from tests.support.alerting_job import decoded, latest
from tests.support.history_job import over_mqtt
from tests.support.live_fleet import Sender, live_fleet
from tests.support.monitored_job import MonitoredJob
from tests.support.mqtt_clients import Inbox
from tests.support.mqtt_fleet import FLEET_SIGNALS, Job
from tests.support.page_process import page
from tests.support.recorder import Recorder

FLEET = ("--vehicles", "6", "--rate", "1", "--seed", "7", "--warm-up", "600")
"""Ten minutes of normal driving, from which the detector learns, come first."""

TIME_TO_LEARN = 120.0
"""Seconds within which the job has scored what came before the first live event."""

NOW = 3.0
"""Seconds: an event that is not older is live."""

TIME_TO_NOTICE = 90.0
"""Seconds from a command that injects a fault until its alert has opened."""


@dataclass(frozen=True, slots=True)
class WorkingFleet:
    """What a test does to it, and sees of it; create one with `working_fleet`.

    Attributes:
        broker: all of them are connected to it.
        mqtt: how to connect to it.
        topic: all topics are below it.
        address: of the page.
        job: the job.
        sender: commands vehicles.
        alerts: subscribed to the alerts.
    """

    broker: Broker
    mqtt: MqttSettings
    topic: str
    address: str
    job: Job
    sender: Sender
    alerts: Inbox

    def fails(self, vehicle: str, kind: str, signal: str | None = None) -> None:
        """Inject a fault for an hour; asked for again while it would have no effect, or nobody answers."""
        arguments: dict[str, str | int] = {"kind": kind, "seconds": 3600}
        if signal is not None:
            arguments["signal"] = signal
        numbers = count()

        def is_obeyed() -> bool:
            name = f"{vehicle} {kind} {next(numbers)}"
            command = {"id": name, "name": "inject_fault", "arguments": arguments}
            self.sender.send(vehicle, msgspec.json.encode(command))
            return any(
                answer.command_id.startswith(f"{vehicle} {kind} ") and answer.status != "refused"
                for answer in self.sender.answers
            )

        wait_until(is_obeyed, f"{vehicle} with the fault {kind}", TIME_TO_NOTICE)

    def alert(
        self,
        vehicle: str,
        kind: AlertKind,
        what: str = "has opened",
        holds: Callable[[Alert], object] = lambda alert: alert.state == "open",
    ) -> Alert:
        """The latest alert of a vehicle and a kind on the topic, as soon as something holds of it.

        Args:
            vehicle: its id.
            kind: of the alert.
            what: the condition in words.
            holds: the condition.

        Raises:
            AssertionError: it does not in time; with the end of the job's log.
        """
        found: list[Alert] = []

        def is_there() -> bool:
            payloads = [payload for _, payload in list(self.alerts.messages)]
            known = latest(decoded(payloads)).values()
            found[:] = [
                each for each in known if each.vehicle_id == vehicle and each.kind == kind and holds(each)
            ]
            return bool(found)

        self.job.wait(is_there, f"an alert {kind} of {vehicle} that {what}", TIME_TO_NOTICE)
        return max(found, key=lambda alert: alert.opened_at)


@contextmanager
def working_fleet(broker: Broker, topic: str, directory: Path) -> Iterator[WorkingFleet]:
    """All of it, once the job scores live events; killed when the context ends.

    Args:
        broker: it runs, and may be killed and started again.
        topic: all topics are below it.
        directory: for settings, recovery directories, history and logs; an empty one.
    """
    mqtt, metrics = broker.settings(), MonitoredJob("fleet")
    job = Job(mqtt, directory / "job", topic, FLEET_SIGNALS + metrics.toml)
    history = directory / "history"
    settings = {
        "FLEET__HISTORY__DIRECTORY": str(history),
        "FLEET__PAGE__METRICS": f'["http://{metrics.address}/metrics"]',
    }
    with ExitStack() as stack:
        stack.callback(job.kill)
        alerts = stack.enter_context(Inbox(mqtt, f"{topic}/alerts/#"))
        answers = stack.enter_context(Inbox(mqtt, f"{topic}/command/ack"))
        scored = stack.enter_context(Inbox(mqtt, f"{topic}/enriched/+"))
        job.start()
        job.wait_until_listening()
        recorder = stack.enter_context(Recorder(history, over_mqtt(broker.settings(), topic)))
        recorder.start()
        address = stack.enter_context(
            page(broker.settings(), topic, directory / "page.log", None, **settings)
        )
        variables = over_mqtt(broker.settings(), topic) | {"FLEET__TOPICS__GROUND_TRUTH": f"{topic}/truth"}
        stack.enter_context(live_fleet(variables, directory / "sim.log", *FLEET))
        job.wait(lambda: _is_live(scored), "a scored live event", TIME_TO_LEARN)
        yield WorkingFleet(broker, mqtt, topic, address, job, Sender(mqtt, topic, answers), alerts)


def _is_live(scored: Inbox) -> bool:
    """Whether the last event that was scored is of now, not of the warm-up."""
    if not scored.messages:
        return False
    event = msgspec.json.decode(scored.messages[-1][1], type=Enriched)
    return datetime.now(UTC) - event.ts < timedelta(seconds=NOW)
