"""What the job that keeps a history promises when it dies: every message is kept, and read once."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from bytewax.recovery import init_db_dir

from config.broker_settings import MqttSettings
from dataflows.history.kinds import KindName
from scripts.brokers.mosquitto import StartMosquitto
from tests.support.enriched_events import payload
from tests.support.history_job import alert, over_mqtt, recording, rollup, wait_for_rows
from tests.support.mqtt_clients import create_session, publish

TOPIC = "kept"
LONGEST_RUN = 5.0
"""Seconds from a start to the next kill, at most: some die before they have read anything."""

AT_ONCE = 40
"""Vehicles; each sends a message of every kind in every round."""

encode = msgspec.json.encode


class Fleet:
    """Publishes rounds of messages until it is stopped.

    Attributes:
        rounds: that the broker has confirmed.
    """

    def __init__(self, mqtt: MqttSettings) -> None:
        self.rounds = 0
        self._mqtt = mqtt
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stopping.wait(0.05):
            number = self.rounds
            results = []
            telemetry = []
            for vehicle in (f"V{index}" for index in range(AT_ONCE)):
                # Over several days, so that every flush writes several files.
                at = number * 7_000
                telemetry.append((f"{TOPIC}/telemetry/{vehicle}", b'{"n": %d}' % number))
                results.append((f"{TOPIC}/enriched/{vehicle}", payload(vehicle, at)))
                results.append((f"{TOPIC}/rollups/{vehicle}", encode(rollup(vehicle, number))))
                results.append((f"{TOPIC}/alerts/{vehicle}/limit/speed", encode(alert(vehicle, number + 1))))
            publish(self._mqtt, telemetry)
            publish(self._mqtt, results, retain=True)
            self.rounds += 1

    @contextmanager
    def driving(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            self._thread.join()


@pytest.mark.parametrize(
    ("kills", "recovers"),
    [
        pytest.param(2, False, marks=pytest.mark.long),
        pytest.param(8, False, marks=[pytest.mark.slow, pytest.mark.timeout(900)]),
        pytest.param(8, True, marks=[pytest.mark.slow, pytest.mark.timeout(900)]),
    ],
)
def test_a_recorder_that_is_killed_at_random_moments_keeps_every_message_and_each_is_read_once(
    kills: int,
    recovers: bool,
    mosquitto: StartMosquitto,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """SIGKILL while it writes, merges and reads, with and without a recovery directory."""
    seed = random.randrange(1_000_000)
    record_property("seed", seed)
    moments = random.Random(seed)
    mqtt = mosquitto().settings()
    variables = over_mqtt(mqtt, TOPIC) | {
        "FLEET__HISTORY__MERGE_FILES": "3",
        "FLEET__HISTORY__MERGE_AFTER": "1",
        "FLEET__HISTORY__MAINTAIN_EVERY": "0.2",
    }
    for role, topic_filter in (("record", "telemetry/+"), ("record-results", "#")):
        create_session(mqtt, f"{mqtt.client_id}-{role}", f"{TOPIC}/{topic_filter}")
    directory, recovery = tmp_path / "history", tmp_path / "recovery"
    recovery.mkdir()
    init_db_dir(recovery, 1)
    arguments = ("-r", str(recovery), "-b", "0") if recovers else ()
    fleet = Fleet(mqtt)
    with fleet.driving():
        for number in range(kills):
            rounds = fleet.rounds
            with recording(directory, variables, *arguments) as process:
                if number % 2:
                    wait_for_rows(directory, {"events": (rounds + 1) * AT_ONCE // 2}, process)
                time.sleep(moments.uniform(0.0, LONGEST_RUN))
    sent = fleet.rounds * AT_ONCE
    assert sent
    with recording(directory, variables, *arguments) as process:
        kinds: tuple[KindName, ...] = ("events", "telemetry", "rollups", "alerts")
        history = wait_for_rows(directory, dict.fromkeys(kinds, sent), process)
    identities: dict[KindName, str] = {
        "events": "event_id",
        "rollups": "rollup_id",
        "telemetry": "message_id",
    }
    for kind, column in identities.items():
        ids = history.rows(kind)[column].to_pylist()
        assert (len(ids), len(set(ids))) == (sent, sent), f"{kind}, seed {seed}"
    revisions = history.query("SELECT count(*) AS n, max(revision) AS last FROM alerts GROUP BY alert_id")
    assert revisions.to_pylist() == [{"n": fleet.rounds, "last": fleet.rounds}] * AT_ONCE
    assert history.rows("unreadable").to_pylist() == []
