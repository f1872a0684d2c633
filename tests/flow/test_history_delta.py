"""`python -m bytewax.run dataflows.record` with a URL as its directory."""

from __future__ import annotations

import signal
from pathlib import Path

import msgspec
import pytest

from dataflows.history.kinds import KindName
from scripts.brokers.process import Broker
from scripts.waiting import wait_until
from tests.support.enriched_events import payload
from tests.support.history_job import over_mqtt, recording, rollup, wait_for_rows
from tests.support.mqtt_clients import create_session, publish
from tests.support.needs import need_package, need_sessions

need_package("deltalake")

ROUNDS, VEHICLES = 2, 20


def round_of(topic: str, number: int) -> list[tuple[str, bytes]]:
    messages = []
    for vehicle in (f"V{index}" for index in range(VEHICLES)):
        messages.append((f"{topic}/telemetry/{vehicle}", b'{"n": %d}' % number))
        # Over several days.
        messages.append((f"{topic}/enriched/{vehicle}", payload(vehicle, number * 50_000)))
        content = msgspec.json.encode(rollup(vehicle, number))
        messages.append((f"{topic}/rollups/{vehicle}", content))
    return messages


def test_a_recorder_that_is_killed_again_and_again_keeps_every_message_once(
    durable_broker: Broker, tmp_path: Path, topic: str
) -> None:
    need_sessions(durable_broker)
    mqtt = durable_broker.settings()
    url, directory = f"file://{tmp_path}/lake", tmp_path / "history"
    variables = over_mqtt(mqtt, topic) | {
        "FLEET__HISTORY__DIRECTORY": url,
        "FLEET__HISTORY__MERGE_FILES": "2",
        "FLEET__HISTORY__MERGE_AFTER": "0",
    }
    for role, topic_filter in (("record", "telemetry/+"), ("record-results", "#")):
        create_session(mqtt, f"{mqtt.client_id}-{role}", f"{topic}/{topic_filter}")
    kinds: tuple[KindName, ...] = ("telemetry", "events", "rollups")
    for number in range(ROUNDS):
        publish(mqtt, round_of(topic, number))
        with recording(directory, variables) as process:
            # The last ones may be stored and not yet acknowledged: they come again.
            history = wait_for_rows(
                directory, dict.fromkeys(kinds, (number + 1) * VEHICLES), process, place=url
            )
    with recording(directory, variables) as process:
        log = directory.with_suffix(".log")
        wait_until(lambda: log.read_text().count(f"in {url}") == ROUNDS + 1, "the last start")
        publish(mqtt, round_of(topic, ROUNDS))
        wait_for_rows(directory, dict.fromkeys(kinds, (ROUNDS + 1) * VEHICLES), process, place=url)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, log.read_text()
    for kind, column in {"telemetry": "message_id", "events": "event_id", "rollups": "rollup_id"}.items():
        found = history.query(f"SELECT {column} AS id FROM {kind}")["id"].to_pylist()
        assert len(found) == len(set(found)) == (ROUNDS + 1) * VEHICLES, kind
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_storage_that_cannot_be_written_stops_the_job_with_one_line(
    scheme: str, durable_broker: Broker, tmp_path: Path, topic: str
) -> None:
    """Nothing is acknowledged: the next job, with a storage that works, keeps it all."""
    need_sessions(durable_broker)
    mqtt = durable_broker.settings()
    directory = tmp_path / "history"
    place = f"{scheme}{tmp_path}/lake"
    (tmp_path / "lake").write_text("a file, and no directory")
    variables = over_mqtt(mqtt, topic) | {"FLEET__HISTORY__DIRECTORY": place}
    for role, topic_filter in (("record", "telemetry/+"), ("record-results", "#")):
        create_session(mqtt, f"{mqtt.client_id}-{role}", f"{topic}/{topic_filter}")
    publish(mqtt, round_of(topic, 0))
    with recording(directory, variables) as process:
        assert process.wait(60) == 1
    said = directory.with_suffix(".log").read_text()
    assert f"record: the history cannot be written: {place}" in said
    assert "Traceback" not in said
    (tmp_path / "lake").unlink()
    with recording(directory, variables) as process:
        kept = place if scheme else tmp_path / "lake"
        wait_for_rows(directory, {"events": VEHICLES, "rollups": VEHICLES}, process, place=kept)
