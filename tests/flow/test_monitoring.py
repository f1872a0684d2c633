"""Every job serves the metrics of the catalogue, and says whether it is ready."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts.brokers.mosquitto import StartMosquitto
from scripts.brokers.ports import LOCALHOST
from scripts.brokers.process import Broker
from scripts.waiting import DEADLINE, wait_until
from tests.support.alerts import make_alert
from tests.support.environment import READABLE
from tests.support.history_job import over_mqtt, recording
from tests.support.monitored_job import OVER_KAFKA_ONLY, MonitoredJob
from tests.support.mqtt_clients import publish
from tests.support.mqtt_fleet import TWO_SIGNALS, Job
from tests.support.notification_servers import webhook
from tests.support.notify_job import NotifyJobOverMqtt
from tests.support.paths import REPOSITORY
from tests.support.telemetry import telemetry


@pytest.fixture
def fleet_job(tmp_path: Path, topic: str) -> Iterator[Callable[..., tuple[Job, MonitoredJob]]]:
    """Starts a job that serves, on a broker; it is killed at the end."""
    jobs: list[Job] = []

    def start(broker: Broker, settings: str = "") -> tuple[Job, MonitoredJob]:
        monitored = MonitoredJob("fleet")
        jobs.append(Job(broker.settings(), tmp_path / "job", topic, monitored.toml + settings + TWO_SIGNALS))
        jobs[-1].start()
        jobs[-1].wait_until_listening()
        return jobs[-1], monitored

    yield start
    for job in jobs:
        job.kill()


def publish_now(job: Job, payloads: list[bytes]) -> None:
    publish(
        job.mqtt,
        [(job.telemetry.replace("+", f"VEH-{place % 4}"), payload) for place, payload in enumerate(payloads)],
    )


def test_the_job_that_scores_emits_every_metric_of_the_catalogue(
    durable_broker: Broker, fleet_job: Callable[..., tuple[Job, MonitoredJob]]
) -> None:
    job, monitored = fleet_job(durable_broker)
    *events, last = telemetry(601)
    unreadable = last.replace(b'"rpm":', b'"rpm":"?","was":')
    publish_now(job, [*events, events[-1], unreadable, b"no JSON", b"{}"])
    monitored.wait_for_all(*OVER_KAFKA_ONLY)

    def value(name: str, **labels: str) -> float:
        return monitored.value(name, **labels) or 0.0

    wait_until(lambda: value("fleet_messages_total", step="telemetry") == 604, "604 messages")
    wait_until(lambda: value("fleet_latency_seconds_count") == 601, "601 scored events")
    assert value("fleet_dead_letters_total", reason="not_json") == 1
    assert value("fleet_dead_letters_total", reason="vehicle_id") == 1
    assert value("fleet_duplicates_total") == 1
    assert value("fleet_events_total") == value("fleet_latency_seconds_count")
    assert value("fleet_bad_values_total", signal="rpm") == 1
    assert value("fleet_model_version") > 4
    assert value("fleet_scoring_seconds_total") > 0
    assert value("fleet_learning_seconds_total") > 0
    wait_until(lambda: value("fleet_state_bytes", step="score") > 10_000, "the size of a snapshot")
    wait_until(lambda: value("fleet_mqtt_unacknowledged_messages", session="source") == 0, "acknowledgement")
    assert value("fleet_recovery_bytes") > 10_000
    assert time.time() - value("fleet_snapshot_timestamp_seconds") < DEADLINE


def test_the_job_that_keeps_the_history_emits_every_metric_of_the_catalogue(
    durable_broker: Broker, tmp_path: Path, topic: str
) -> None:
    monitored = MonitoredJob("record")
    variables = over_mqtt(durable_broker.settings(), topic) | monitored.variables
    directory = tmp_path / "history"
    with recording(directory, variables):
        wait_until(lambda: monitored.ask("/ready").status == 200, "readiness")
        publish(durable_broker.settings(), [(f"{topic}/telemetry/V1", b'{"speed": 1}')])
        publish(durable_broker.settings(), [(f"{topic}/enriched/V1", b"no event")])
        monitored.wait_for_all(*OVER_KAFKA_ONLY)
        wait_until(lambda: monitored.value("fleet_history_rows_total", kind="telemetry") == 1, "a row")
        wait_until(lambda: monitored.value("fleet_history_unreadable_total") == 1, "an unreadable message")
        wait_until(lambda: (monitored.value("fleet_history_bytes") or 0) > 0, "the size of the history")


def test_the_job_that_notifies_emits_every_metric_of_the_catalogue(
    durable_broker: Broker, tmp_path: Path, topic: str
) -> None:
    monitored = MonitoredJob("notify")
    with webhook() as hook:
        job = NotifyJobOverMqtt(
            durable_broker.settings(),
            tmp_path,
            topic,
            {"web": hook.url()},
            {name.removeprefix("FLEET__"): value for name, value in monitored.variables.items()},
        )
        job.start()
        try:
            job.publish(make_alert())
            monitored.wait_for_all(*OVER_KAFKA_ONLY)
            wait_until(
                lambda: monitored.value("fleet_notifications_sent_total", channel="web") == 1, "a message"
            )
        finally:
            job.kill()


def test_a_job_is_ready_while_it_is_connected_and_alive_in_any_case(
    mosquitto: StartMosquitto, fleet_job: Callable[..., tuple[Job, MonitoredJob]]
) -> None:
    broker = mosquitto()
    job, monitored = fleet_job(broker)
    wait_until(lambda: monitored.ask("/ready").status == 200, "readiness")
    assert monitored.ask("/ready").body == {"ready": True, "troubles": []}
    assert monitored.value("fleet_ready") == 1

    broker.stop()
    wait_until(lambda: monitored.ask("/ready").status == 503, "the loss of the connection")
    troubles = monitored.ask("/ready").body["troubles"]
    assert any(trouble.startswith(f"{job.mqtt.client_id}-source: not connected: ") for trouble in troubles)
    assert monitored.value("fleet_ready") == 0
    assert monitored.value("fleet_connected", connection=f"{job.mqtt.client_id}-source") == 0
    assert monitored.ask("/live").status == 200

    broker.start()
    wait_until(lambda: monitored.ask("/ready").status == 200, "readiness again")
    assert monitored.ask("/elsewhere").status == 404


def test_a_job_that_nobody_sends_anything_is_not_ready_where_that_is_a_trouble(
    durable_broker: Broker, fleet_job: Callable[..., tuple[Job, MonitoredJob]]
) -> None:
    job, monitored = fleet_job(durable_broker, "max_silence = 0.5\n")
    wait_until(lambda: "no message for" in str(monitored.ask("/ready").body), "silence")
    stop = time.monotonic() + DEADLINE
    number = 0
    while monitored.ask("/ready").status != 200:
        assert time.monotonic() < stop
        publish_now(job, [telemetry(number + 1)[number]])
        number += 1


@pytest.mark.parametrize("program", ["fleet", "record", "notify"])
def test_a_port_that_is_taken_ends_a_job_with_one_line(program: str, broker: Broker, tmp_path: Path) -> None:
    variables = (
        READABLE
        | over_mqtt(broker.settings(), "unused")
        | {
            "FLEET__MONITORING__PORT": str(broker.settings().port),
            "FLEET__HISTORY__DIRECTORY": str(tmp_path),
        }
    )
    done = subprocess.run(
        [sys.executable, "-m", "bytewax.run", f"dataflows.{program}"],
        cwd=REPOSITORY,
        env=variables,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{program}: monitoring: expected an address of this machine and a free port, ")
    assert f"{LOCALHOST}:{broker.settings().port}: Address already in use" in line
