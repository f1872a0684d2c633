"""`python -m bytewax.run dataflows.record` against a broker, as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config.broker_settings import MqttSettings
from config.errors import RecordingError
from dataflows.recordings import open_recording
from scripts.brokers.process import Broker
from scripts.waiting import DEADLINE, wait_until
from tests.support.environment import without_settings
from tests.support.mqtt_clients import publish
from tests.support.paths import REPOSITORY


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "bytewax.run", "dataflows.record", *arguments]


def environment(mqtt: MqttSettings, output: Path, topic: str) -> dict[str, str]:
    keys = {
        "FLEET__MQTT__HOST": mqtt.host,
        "FLEET__MQTT__PORT": str(mqtt.port),
        "FLEET__MQTT__PROTOCOL": mqtt.protocol,
        "FLEET__MQTT__CLIENT_ID": mqtt.client_id,
        "FLEET__RECORDING__OUTPUT": str(output),
        "FLEET__HISTORY__DIRECTORY": "",
        "FLEET__TOPICS__TELEMETRY": f"{topic}/+",
    }
    return without_settings() | keys


@contextmanager
def recording(mqtt: MqttSettings, output: Path, topic: str, *arguments: str) -> Iterator[str]:
    """The running recorder; yields the line that it prints at the start, and is killed at the end."""
    log = output.with_suffix(".log")
    with (
        log.open("w") as file,
        subprocess.Popen(
            command(*arguments),
            cwd=REPOSITORY,
            env=environment(mqtt, output, topic),
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, log.read_text()
            yield line.strip()
        finally:
            process.kill()


def recorded(path: Path) -> list[tuple[str, bytes]]:
    try:
        batches = list(open_recording(path).read())
    except RecordingError:  # nothing written yet
        return []
    return [
        (topic, payload)
        for batch in batches
        for topic, payload in zip(batch.topics, batch.payloads, strict=True)
    ]


def publish_until_recorded(
    mqtt: MqttSettings, output: Path, messages: list[tuple[str, bytes]], expected: list[tuple[str, bytes]]
) -> None:
    publish(mqtt, messages)
    wait_until(lambda: recorded(output) == expected, f"exactly {len(expected)} messages in {output.name}")


def wait_for_subscription(mqtt: MqttSettings, output: Path, topic: str) -> list[tuple[str, bytes]]:
    """Publish until the recorder has recorded something; nothing else shows that it has subscribed."""

    def has_recorded() -> bool:
        publish(mqtt, [(f"{topic}/probe", b"{}")])
        return bool(recorded(output))

    wait_until(has_recorded, f"a first message in {output.name}")
    publish(mqtt, [(f"{topic}/probe", b'"last"')])
    wait_until(lambda: (f"{topic}/probe", b'"last"') in recorded(output), "the last probe")
    return recorded(output)


def test_a_recording_holds_every_message_as_it_was_published_and_is_continued_after_a_kill(
    durable_broker: Broker, tmp_path: Path, topic: str
) -> None:
    mqtt = durable_broker.settings()
    output = tmp_path / "trip.jsonl"
    with recording(mqtt, output, topic) as line:
        assert line == f"recording {topic}/+ from {mqtt.host}:{mqtt.port}, writing to {output}"
        probes = wait_for_subscription(mqtt, output, topic)
        first = [(f"{topic}/a", b'{"speed": 61.20}'), (f"{topic}/b", b"\x00\xff\n")]
        publish_until_recorded(mqtt, output, first, probes + first)
    missed = (f"{topic}/a", b'"published while nobody recorded"')
    publish(mqtt, [missed])
    with recording(mqtt, output, topic) as line:
        assert line == f"recording {topic}/+ from {mqtt.host}:{mqtt.port}, appending to {output}"
        wait_until(lambda: missed in recorded(output), "the message published while nobody recorded")
        kept = recorded(output)
        assert kept[: len(probes + first)] == probes + first


def test_a_gzip_recording_grows_with_every_epoch(broker: Broker, tmp_path: Path, topic: str) -> None:
    mqtt = broker.settings()
    output = tmp_path / "trip.jsonl.gz"
    with recording(mqtt, output, topic, "--snapshot-interval", "1"):
        probes = wait_for_subscription(mqtt, output, topic)
        more = [(f"{topic}/a", b"%d" % number) for number in range(100)]
        publish_until_recorded(mqtt, output, more, probes + more)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("FLEET__RECORDING__OUTPUT", "trip.xlsx", "record: trip.xlsx: expected a name that ends in .jsonl"),
        ("FLEET__MQTT__PORT", "none", "mqtt.port"),
        ("FLEET_CONFIG", "nowhere.toml", "record: cannot read the settings file nowhere.toml"),
    ],
)
def test_a_wrong_setting_gives_a_one_line_error(name: str, value: str, message: str) -> None:
    finished = subprocess.run(
        command(),
        cwd=REPOSITORY,
        env=dict(os.environ) | {name: value},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert finished.returncode == 1
    assert finished.stderr.startswith("record: ")
    assert message in finished.stderr
    assert finished.stderr.count("\n") == 1
