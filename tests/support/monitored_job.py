"""What a running job serves: its metrics and its health."""

from __future__ import annotations

import json
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from dataflows.job.monitoring import OF_THE_PROCESS
from dataflows.metrics import CATALOGUE
from dataflows.metrics.definition import Job
from scripts.brokers.ports import LOCALHOST, free_port
from scripts.waiting import wait_until

OVER_KAFKA_ONLY = ("fleet_kafka_consumer_lag_messages",)
OVER_MQTT_ONLY = ("fleet_mqtt_unacknowledged_messages", "fleet_mqtt_queued_messages")


class Answer(NamedTuple):
    """What was answered to a request.

    Attributes:
        status: of HTTP; 0 if nobody listens.
        body: as JSON.
    """

    status: int
    body: dict[str, Any]


class MonitoredJob:
    """A job that serves on a port of its own.

    Args:
        job: its name.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self.port = free_port()

    @property
    def variables(self) -> dict[str, str]:
        """Environment variables that make it serve."""
        return {"FLEET__MONITORING__PORT": str(self.port)}

    @property
    def toml(self) -> str:
        """The section of its settings that does."""
        return f"\n[monitoring]\nport = {self.port}\n"

    @property
    def address(self) -> str:
        """Of its metrics, for a scraper: host and port."""
        return f"{LOCALHOST}:{self.port}"

    def ask(self, path: str) -> Answer:
        """Ask for its health."""
        try:
            with urlopen(f"http://{self.address}{path}", timeout=5.0) as answer:
                return Answer(answer.status, json.load(answer))
        except HTTPError as error:
            with error:
                body = error.read()
            return Answer(error.code, json.loads(body) if body.startswith(b"{") else {})
        except (URLError, ConnectionError):
            return Answer(0, {})

    def families(self) -> dict[str, Metric]:
        """The metrics that it serves now, by the name of their family; empty if nobody listens."""
        try:
            with urlopen(f"http://{self.address}/metrics", timeout=5.0) as answer:
                text = answer.read().decode()
        except (URLError, ConnectionError):
            return {}
        return {family.name: family for family in text_string_to_metric_families(text)}

    def value(self, sample: str, **labels: str) -> float | None:
        """A sample's value, summed over those with these labels; ``None`` if there is none."""
        found = [
            one.value
            for family in self.families().values()
            for one in family.samples
            if one.name == sample and labels.items() <= one.labels.items()
        ]
        return sum(found) if found else None

    def wait_for_all(self, *besides: str) -> None:
        """Return when it emits every metric that the catalogue has for it, but those `besides`.

        Raises:
            AssertionError: it does not, or emits one that the catalogue has not.
        """
        expected = {metric.family for metric in CATALOGUE.values() if self._job in metric.jobs}
        expected -= {CATALOGUE[name].family for name in besides}
        missing: set[str] = set()

        def emits_all() -> bool:
            emitted = {name for name, family in self.families().items() if family.samples}
            missing.clear()
            missing.update(expected - emitted)
            return not missing

        try:
            wait_until(emits_all, "every metric of the catalogue")
        except AssertionError as error:
            raise AssertionError(f"{error}: {sorted(missing)} are not emitted") from None
        emitted = {name for name in self.families() if not name.startswith(OF_THE_PROCESS)}
        assert emitted <= {metric.family for metric in CATALOGUE.values() if self._job in metric.jobs}
