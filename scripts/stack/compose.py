"""docker-compose.yml as native processes: its commands and variables, with other ports and directories."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from scripts.brokers.ports import LOCALHOST, free_port

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"

BROKERS = ("mosquitto", "mosquitto-secure", "kafka")
"""Services that are no programs of ours."""

METRICS_PORT, PAGE_PORT = 9464, 8501
"""Ports of a job and of the page in a container."""


def services() -> dict[str, dict[str, Any]]:
    """The services of docker-compose.yml, by name."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text("utf-8"))["services"]
    return found


def is_job(service: str) -> bool:
    """Whether a service serves ``/ready``."""
    return service.startswith(("dataflow", "recorder", "notifier"))


@dataclass(frozen=True, slots=True)
class Program:
    """A service as a native process.

    Attributes:
        name: of the service.
        command: what it runs.
        variables: of its environment, besides ours.
    """

    name: str
    command: list[str]
    variables: dict[str, str]

    @property
    def environment(self) -> dict[str, str]:
        """Of the process: what we have, without settings of ours."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("FLEET_")}
        return inherited | {"PATH": path, "PYTHONUNBUFFERED": "1"} | self.variables


class Profile:
    """The programs of a profile, natively.

    Args:
        name: of the profile.
        directory: takes the place of volumes and of the mounted directory of the broker's files.
        broker: host and port, as the programs are to reach it.
        beside: variables of all programs that take precedence.
    """

    def __init__(self, name: str, directory: Path, broker: tuple[str, int], beside: dict[str, str]) -> None:
        self._name = name
        self._directory = directory
        self._broker = broker
        self._beside = beside
        self._services = services()
        self._ports: dict[tuple[str, str], int] = {}

    @cached_property
    def programs(self) -> dict[str, Program]:
        """By the name of the service, in the order of the file: the simulator is last."""
        wanted = {self._name, f"notify-{self._name}"}
        return {
            name: self._native(name, service)
            for name, service in self._services.items()
            if name not in BROKERS and wanted & set(service["profiles"])
        }

    @property
    def page(self) -> Program:
        """The one with the page."""
        return self.programs[f"page-{self._name}"]

    @property
    def addresses(self) -> list[str]:
        """Arguments of the smoke test."""
        jobs = filter(is_job, self.programs)
        ready = [f"http://localhost:{self.port(job, METRICS_PORT)}/ready" for job in jobs]
        return ["--page", f"http://localhost:{self.port(self.page.name, PAGE_PORT)}", "--ready", *ready]

    def port(self, service: str, port: int) -> int:
        """The native port in place of a service's port."""
        return self._ports.setdefault((service, str(port)), free_port())

    def _native(self, name: str, service: dict[str, Any]) -> Program:
        places = self._places(service)
        for place in places.values():
            for kept in ("recovery", "history"):
                (place / kept).mkdir(mode=0o700, parents=True, exist_ok=True)
        places["/run/broker"] = self._directory / ".broker"

        def native(text: str) -> str:
            for inside, outside in places.items():
                text = text.replace(inside, str(outside))
            text = re.sub(r"([a-z0-9-]+):(\d{4})\b", self._address(name), text)
            return text.replace("0.0.0.0", LOCALHOST).replace("$$", "$")

        command = [native(word) for word in service["command"]]
        if name.startswith("page"):
            command[-1] = str(self.port(name, PAGE_PORT))
        variables = {key: native(value) for key, value in service.get("environment", {}).items()}
        for file in service.get("env_file", []):
            path = self._directory / ".broker" / Path(file["path"]).name
            if file["path"].startswith("${") and path.exists():
                lines = path.read_text("utf-8").splitlines()
                variables |= {key: value for key, _, value in (line.partition("=") for line in lines)}
        if "FLEET__MONITORING__PORT" in variables:
            variables["FLEET__MONITORING__PORT"] = str(self.port(name, METRICS_PORT))
        if "FLEET__MQTT__HOST" in variables:
            variables["FLEET__MQTT__HOST"], variables["FLEET__MQTT__PORT"] = (
                self._broker[0],
                str(self._broker[1]),
            )
        return Program(name, command, variables | self._beside)

    def _address(self, own: str) -> Any:
        def native(match: re.Match[str]) -> str:
            host, port = match.groups()
            if host in BROKERS:
                return f"{self._broker[0]}:{self._broker[1]}"
            if host not in self._services and host != "localhost":
                return match[0]
            return f"{LOCALHOST}:{self.port(own if host == 'localhost' else host, int(port))}"

        return native

    def _places(self, service: dict[str, Any]) -> dict[str, Path]:
        """Path in the container → directory, of each named volume."""
        texts = [volume for volume in service.get("volumes", []) if isinstance(volume, str)]
        parts = [text.split(":") for text in texts if not text.startswith(".")]
        return {target: self._directory / "volumes" / source for source, target, *_ in parts}
