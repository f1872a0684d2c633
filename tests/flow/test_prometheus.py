"""A real Prometheus takes the shipped files, scrapes a running job and evaluates the alert rules."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from scripts.brokers.ports import LOCALHOST, free_port
from scripts.brokers.process import Broker
from scripts.waiting import DEADLINE, wait_until
from tests.support.monitored_job import MonitoredJob
from tests.support.mqtt_clients import publish
from tests.support.mqtt_fleet import TWO_SIGNALS, Job
from tests.support.needs import need
from tests.support.paths import REPOSITORY
from tests.support.telemetry import telemetry

need("prometheus")

PROMETHEUS = REPOSITORY / "config" / "prometheus"
PORT_OF_FLEET = "127.0.0.1:9464"


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["promtool", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


class Prometheus:
    """A running one."""

    def __init__(self, port: int) -> None:
        self._api = f"http://{LOCALHOST}:{port}/api/v1"

    def ask(self, path: str) -> Any:
        """What its API answers; ``None`` while it does not."""
        try:
            with urlopen(f"{self._api}/{path}", timeout=5.0) as answer:
                return json.load(answer)["data"]
        except (URLError, ConnectionError):
            return None

    def value(self, query: str) -> float | None:
        """The one value of a query."""
        found = self.ask(f"query?query={quote(query)}")
        return float(found["result"][0]["value"][1]) if found and found["result"] else None

    def alerts(self) -> dict[str, str]:
        """Rule → how its evaluation went: ``ok``, ``err`` or ``unknown``."""
        groups = (self.ask("rules") or {"groups": []})["groups"]
        return {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}


@contextmanager
def prometheus(directory: Path, target: str) -> Iterator[Prometheus]:
    """One with the shipped configuration, but a second between two scrapes, and another port of the job."""
    text = (PROMETHEUS / "prometheus.yml").read_text(encoding="utf-8")
    assert PORT_OF_FLEET in text
    text = text.replace(PORT_OF_FLEET, target).replace("15s", "1s")
    text = text.replace("[rules.yml]", f"[{PROMETHEUS / 'rules.yml'}]")
    (directory / "prometheus.yml").write_text(text, encoding="utf-8")
    port = free_port()
    with (directory / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={directory / 'prometheus.yml'}",
                f"--storage.tsdb.path={directory / 'data'}",
                f"--web.listen-address={LOCALHOST}:{port}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        yield Prometheus(port)
    finally:
        process.kill()
        process.wait()


def test_the_shipped_configuration_and_its_rules_are_valid() -> None:
    done = promtool("check", "config", str(PROMETHEUS / "prometheus.yml"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_rule_fires_where_it_should_and_only_there() -> None:
    done = promtool("test", "rules", "tests/data/prometheus/rules.yml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.long
def test_a_running_job_is_scraped_and_the_rules_are_evaluated(
    durable_broker: Broker, tmp_path: Path, topic: str
) -> None:
    monitored = MonitoredJob("fleet")
    job = Job(durable_broker.settings(), tmp_path / "job", topic, monitored.toml + TWO_SIGNALS)
    job.start()
    try:
        job.wait_until_listening()
        with prometheus(tmp_path, monitored.address) as running:
            wait_until(lambda: running.value('up{job="fleet"}') == 1, "the first scrape")
            payloads = telemetry(400)
            publish(job.mqtt, [(job.telemetry.replace("+", "x"), payload) for payload in payloads])
            wait_until(lambda: running.value("sum(fleet_events_total)") == 400, "400 events")
            assert running.value("fleet_latency_seconds_count") == 400
            wait_until(lambda: set(running.alerts().values()) == {"ok"}, "the evaluation of every rule")
            wait_until(
                lambda: running.value('ALERTS{alertname="JobDown", job="notify"}') == 1,
                "the alert that a job is down which does not run",
            )
            assert running.value('ALERTS{alertname="JobDown", job="fleet"}') is None
            assert running.value("time() - fleet_snapshot_timestamp_seconds < 60") is not None
    finally:
        job.kill()
