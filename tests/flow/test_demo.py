"""The parts of the demo: its ports, its settings, and what it counts."""

from __future__ import annotations

import socket
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from honcho.printer import Message

from config.settings import Settings
from dataflows.events import InjectedFault
from dataflows.history.reader import History
from scripts.brokers.ports import free_port
from scripts.brokers.process import Broker
from scripts.demo import QUESTION, ReadyPrinter, main
from scripts.demo_listeners import listen
from scripts.demo_watch import Watch
from scripts.waiting import wait_until
from tests.support.enriched_events import payload
from tests.support.mqtt_clients import publish


def test_a_port_that_is_taken_is_replaced_by_a_free_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) != port
    assert free_port(port) == port


@pytest.mark.parametrize("seconds", ["soon", "-1", "0", "nan"])
def test_a_wrong_number_of_seconds_is_refused_in_one_line(
    seconds: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEMO_SECONDS", seconds)
    with pytest.raises(SystemExit, match="1"):
        main()
    assert capsys.readouterr().err == (
        f"demo: DEMO_SECONDS: expected a number of seconds above 0, got {seconds!r}\n"
    )


def test_the_simulator_starts_when_the_dataflow_has_subscribed(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    printer = ReadyPrinter(ready)

    def line(name: str, data: str) -> Message:
        return Message(type="line", data=data, time=datetime.now(UTC), name=name, colour=None)

    printer.write(line("dataflow", "connected to the MQTT broker"))
    printer.write(line("page", "connected, subscribed to fleet/enriched/+"))
    printer.write(line("dataflow", "fleet-alert-actions: connected, subscribed to fleet/alert-actions"))
    assert not ready.exists()
    printer.write(line("dataflow", "connected, subscribed to fleet/telemetry/+"))
    assert ready.exists()


def test_the_question_at_the_end_is_one_even_to_a_history_in_which_nothing_happened(tmp_path: Path) -> None:
    assert History(tmp_path).query(QUESTION).num_rows == 0


def test_a_fault_is_flagged_by_an_anomaly_of_its_vehicle_while_it_lasts(
    broker: Broker, settings: Settings, topic: str
) -> None:
    topics = settings.topics.model_copy(
        update={"enriched": f"{topic}/enriched", "ground_truth": f"{topic}/ground-truth"}
    )
    watch = Watch()
    listen(settings.model_copy(update={"topics": topics}), watch)
    now = datetime.now(UTC)

    def fault(name: str, vehicle: str, starts: datetime) -> tuple[str, bytes]:
        injected = InjectedFault(
            fault_id=name,
            vehicle_id=vehicle,
            kind="overspeed",
            signals=("speed",),
            starts_at=starts,
            ends_at=starts + timedelta(seconds=60),
        )
        return topics.ground_truth, msgspec.json.encode(injected)

    def event(vehicle: str, error: float) -> tuple[str, bytes]:
        return f"{topics.enriched}/{vehicle}", payload(vehicle, error=error, ts=now)

    waiting = threading.Thread(target=watch.wait_until_live, args=(30.0,))
    waiting.start()

    def live() -> bool:
        publish(settings.mqtt, [event("D", 0.1)])
        return not waiting.is_alive()

    wait_until(live, "a live event")
    hour = timedelta(hours=1)
    publish(settings.mqtt, [fault("1", "A", now), fault("2", "B", now), fault("3", "C", now - hour)])
    publish(settings.mqtt, [event("A", 3.0), event("B", 0.5), event("C", 3.0)])
    wait_until(lambda: "3 faults injected, 1 faults flagged" in watch.summary(), "the count")
    assert watch.count_for(0.01) is None
