"""Dataflow, page and simulator on the shipped broker with passwords, permissions and TLS."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from config.broker_settings import MqttSettings
from config.settings import load
from dataflows.events import Enriched
from scripts.brokers.secured_mosquitto import SecuredMosquitto
from scripts.waiting import wait_until
from sim.__main__ import main as simulate
from tests.support.paths import REPOSITORY
from tests.support.secured_broker import EncryptedInbox, answers_to, secured_mosquitto
from tests.support.telemetry import telemetry
from ui.live.mqtt_feed import MqttFeed

VEHICLES = ["VEH-0", "VEH-1", "VEH-2", "VEH-3"]


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredMosquitto]:
    """The secured broker of these tests, where mosquitto is installed. Not to be stopped."""
    with secured_mosquitto(tmp_path_factory.mktemp("secured"), VEHICLES) as running:
        yield running


def environment(mqtt: MqttSettings) -> dict[str, str]:
    """What a process needs besides the settings in docs/security.md."""
    assert mqtt.username is not None
    assert mqtt.password is not None
    return {
        "FLEET__MQTT__HOST": mqtt.host,
        "FLEET__MQTT__PORT": str(mqtt.port),
        "FLEET__MQTT__CLIENT_ID": mqtt.client_id,
        "FLEET__MQTT__USERNAME": mqtt.username,
        "FLEET__MQTT__PASSWORD": mqtt.password.get_secret_value(),
        "FLEET__MQTT__TLS__CA_FILE": str(mqtt.tls.ca_file),
    }


@pytest.fixture
def documented_settings(tmp_path: Path) -> Path:
    """The settings that docs/security.md says to use."""
    text = (REPOSITORY / "docs" / "security.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^ *```toml\n(.*?)^ *```$", text, flags=re.DOTALL | re.MULTILINE)
    (block,) = [each for each in blocks if "[mqtt.tls]" in each]
    file = tmp_path / "mine.toml"
    file.write_text(block, encoding="utf-8")
    return file


@contextmanager
def job(mqtt: MqttSettings, settings: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The dataflow in its own process, subscribed when the context begins and killed when it ends."""
    variables = os.environ | environment(mqtt) | {"FLEET_CONFIG": str(settings)}
    command = [sys.executable, "-m", "bytewax.run", "dataflows.fleet"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=REPOSITORY, env=variables, stderr=output)
    try:
        sign = "subscribed to fleet/telemetry"
        wait_until(lambda: sign in log.read_text() or process.poll() is not None, "the job listens")
        assert process.returncode is None, log.read_text()
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def test_what_vehicles_publish_reaches_the_page_encrypted_and_each_as_itself(
    secured: SecuredMosquitto, documented_settings: Path, tmp_path: Path
) -> None:
    *payloads, forged = telemetry(44)[:41]
    feed = MqttFeed(load(documented_settings).model_copy(update={"mqtt": secured.service("page")}))
    with (
        EncryptedInbox(secured.service("page"), "fleet/enriched/+") as enriched,
        job(secured.service("dataflow"), documented_settings, tmp_path / "log"),
    ):
        feed.start()
        wait_until(lambda: feed.connection.phase == "connected", "the page")
        for number in range(4):
            messages = [(f"fleet/telemetry/VEH-{number}", payload) for payload in payloads[number::4]]
            assert set(answers_to(secured.vehicle(f"VEH-{number}"), messages)) == {"Success"}
        # The vehicle of this one is VEH-0, by its payload.
        assert json.loads(forged)["vehicle_id"] == "VEH-0"
        answers_to(secured.vehicle("VEH-1"), [("fleet/telemetry/VEH-1", forged)])
        events = [msgspec.json.decode(line, type=Enriched) for line in enriched.wait_for(41)]
        wait_until(lambda: feed.state.snapshot().events == 41, "all events on the page")
    feed.stop()
    assert sorted(bytes(event.telemetry) for event in events) == sorted([*payloads, forged])
    by_topic = {event.vehicle_id: topic for (topic, _), event in zip(enriched.messages, events, strict=True)}
    assert by_topic == {f"VEH-{number}": f"fleet/enriched/VEH-{number}" for number in range(4)}
    assert [event.vehicle_id for event in events if bytes(event.telemetry) == forged] == ["VEH-1"]
    assert secured.passwords["dataflow"] not in (tmp_path / "log").read_text()


@pytest.mark.long
def test_a_job_that_may_not_publish_ends_with_a_line_that_names_the_topic_and_loses_nothing(
    secured: SecuredMosquitto, documented_settings: Path, tmp_path: Path
) -> None:
    # A recorder may read telemetry, and write nothing.
    recorder = secured.service("recorder")
    log = tmp_path / "log"
    (payload,) = telemetry(1)
    with job(recorder, documented_settings, log) as process:
        answers_to(secured.vehicle("VEH-0"), [("fleet/telemetry/VEH-0", payload)])
        assert process.wait(60) == 1
    last = log.read_text().splitlines()[-1]
    assert re.search(
        r"refused a message to fleet/enriched/VEH-0: Not authorized; check the permissions of the user", last
    )
    assert "Traceback" not in log.read_text()
    dataflow = secured.service("dataflow", client_id=recorder.client_id)
    with (
        EncryptedInbox(secured.service("page"), "fleet/enriched/+") as enriched,
        job(dataflow, documented_settings, tmp_path / "second log"),
    ):
        wait_until(lambda: payload in b"".join(p for _, p in enriched.messages), "what was not acknowledged")


def test_the_simulator_plays_the_fleet_and_its_faults_on_the_port_of_vehicles(
    secured: SecuredMosquitto,
    documented_settings: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nobody may read the ground truth there, but the broker confirms only what the simulator may publish."""
    monkeypatch.setenv("FLEET_CONFIG", str(documented_settings))
    for name, value in environment(secured.vehicle("simulator")).items():
        monkeypatch.setenv(name, value)
    with EncryptedInbox(secured.service("recorder"), "fleet/telemetry/+") as inbox:
        simulate(["--vehicles", "20", "--rate", "10", "--duration", "1", "--faults-per-hour", "20000"])
        inbox.wait_for(200)
    printed = "".join(capsys.readouterr())
    said = re.search(r"200 events sent, (\d+) faults injected; .* confirmed all (\d+) messages", printed)
    assert said, printed
    faults, confirmed = map(int, said.groups())
    assert faults >= 3
    assert confirmed == 200 + faults


def test_a_simulator_without_permission_to_publish_telemetry_ends_with_one_line(
    secured: SecuredMosquitto,
    documented_settings: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("FLEET_CONFIG", str(documented_settings))
    for name, value in environment(secured.vehicle("page")).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match="1"):
        simulate(["--vehicles", "2", "--duration", "1"])
    said = capsys.readouterr().err
    assert (
        "refused a message to fleet/telemetry/VEH-0001: Not authorized; check the permissions of the user"
        in said
    )
    assert said.count("\n") == 1
