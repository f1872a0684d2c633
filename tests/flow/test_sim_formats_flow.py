"""What other systems send, simulated: from a recording through the job, and live over a bad network."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec
import pytest
from bytewax.testing import run_main

from config.broker_settings import MqttSettings
from config.settings import DEFAULT_FILE, load
from dataflows.connectors.endpoints import telemetry_source
from dataflows.events import Enriched
from dataflows.fleet import build
from dataflows.recordings import open_recording
from scripts.brokers.process import Broker
from sim.__main__ import main
from tests.support.mqtt_clients import Inbox

VEHICLES = [f"VEH-000{number}" for number in range(1, 6)]
FLEET = ("--vehicles", "5", "--faults-per-hour", "0", "--start", "2026-01-31T12:00:00Z")
SIGNALS = {
    "teslamate": {"speed", "power", "battery_level", "latitude", "longitude"},
    "traccar": {"speed", "rpm", "throttle", "coolant_temperature", "voltage", "fuel", "acceleration"},
}


def job(form: str, recording: Path, results: Path) -> list[Enriched]:
    """What the job makes of a recording, with the settings file of the format."""
    settings = load(DEFAULT_FILE.parent / f"{form}.toml")
    kinds = {"kind": "recording"}
    settings = settings.model_copy(
        update={
            "source": settings.source.model_copy(update=kinds),
            "sink": settings.sink.model_copy(update=kinds),
            "recording": settings.recording.model_copy(update={"input": recording, "results": results}),
            "detector": settings.detector.model_copy(update={"shards": 1}),
        }
    )
    run_main(build(settings, telemetry_source(settings)))
    lines = (results / "enriched.jsonl").read_bytes().splitlines()
    dead_letters = results / "dead-letter.jsonl"
    assert not dead_letters.exists() or not dead_letters.read_bytes()
    return [msgspec.json.decode(line, type=Enriched) for line in lines]


@pytest.mark.parametrize("form", SIGNALS)
def test_the_job_scores_every_format_that_arrives_over_a_bad_network(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEET_CONFIG", str(DEFAULT_FILE.parent / f"{form}.toml"))
    file = tmp_path / "fleet.jsonl"
    network = "--network", "loss=0.05,reorder=0.02"
    main([*FLEET, "--duration", "200", "--format", form, *network, "--output", str(file)])
    events = job(form, file, tmp_path / "results")
    assert {event.vehicle_id for event in events} == set(VEHICLES)
    assert SIGNALS[form] <= set().union(*(event.values for event in events))
    of_each = 5 if form == "teslamate" else 1
    assert 0.9 * 5 * 200 * of_each < len(events) < 5 * 200 * of_each
    assert {event.status for event in events[-100:]} & {"ok", "partial"}


@pytest.mark.parametrize("form", ["digital-twin", "teslamate"])
def test_a_broker_gets_over_a_bad_network_what_a_recording_of_it_holds(
    form: str, broker: Broker, topic: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    levels = {"digital-twin": f"{topic}/data", "teslamate": f"{topic}/cars/{{vehicle}}/{{signal}}"}
    mqtt: MqttSettings = broker.settings()
    monkeypatch.setenv("FLEET_CONFIG", str(DEFAULT_FILE.parent / f"{form}.toml"))
    for name, value in {
        "MQTT__HOST": mqtt.host,
        "MQTT__PORT": str(mqtt.port),
        "MQTT__PROTOCOL": mqtt.protocol,
        "MQTT__CLIENT_ID": mqtt.client_id,
        "TOPICS__TELEMETRY": levels[form],
        "TOPICS__GROUND_TRUTH": f"{topic}/truth",
    }.items():
        monkeypatch.setenv(f"FLEET__{name}", value)
    network = "--network", "duplicates=0.2,loss=0.1,reorder=0.1,delay=0.5"
    arguments = [*FLEET, "--rate", "10", "--duration", "1", "--format", form, *network]
    file = tmp_path / "fleet.jsonl"
    main([*arguments, "--output", str(file)])
    recorded = [
        message
        for batch in open_recording(file).read()
        for message in zip(batch.topics, batch.payloads, strict=True)
    ]
    with Inbox(mqtt, f"{topic}/#") as inbox:
        main(arguments)
        inbox.wait_for(len(recorded))
    assert Counter(inbox.messages) == Counter(recorded)
