"""What Dockerfile and docker-compose.yml say: instructions, services, commands and settings."""

from __future__ import annotations

import os
import re
from itertools import takewhile
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from config.settings import Settings, load
from tests.support.paths import REPOSITORY

COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PROFILES = {"mqtt": "mosquitto", "secure": "mosquitto-secure", "kafka": "kafka"}
KINDS = {"mqtt": "mqtt", "secure": "mqtt", "kafka": "kafka"}
"""Profile → kind of its source and sink."""

PROGRAMS = ("simulator", "dataflow", "recorder", "page")
OPTIONAL = ("notifier",)
SECOND = "dataflow-kafka-1"
"""The second process of a job."""

OURS = [*(f"{program}-{profile}" for profile in PROFILES for program in (*PROGRAMS, *OPTIONAL)), SECOND]
BYTEWAX = [name for name in OURS if name.startswith(("dataflow", "recorder", "notifier"))]
STATE = "/var/lib/fleet"


def instructions() -> list[tuple[str, str]]:
    """Instructions of the Dockerfile with their arguments, in order."""
    lines = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    code = "\n".join(line for line in lines if not line.startswith("#")).replace("\\\n", " ")
    pairs = (line.partition(" ") for line in code.splitlines() if line.strip())
    return [(name, " ".join(arguments.split())) for name, _, arguments in pairs]


def image(target: str) -> list[tuple[str, str]]:
    """Instructions of the stage that becomes an image, after those of the stages that it begins with."""
    found: list[tuple[str, str]] = []
    is_wanted = False
    for name, value in instructions():
        if name == "FROM":
            base, *rest = value.split()
            is_wanted = rest[-1:] == [target]
            if is_wanted:
                found += image(base)
        if is_wanted:
            found.append((name, value))
    return found


def target_of(service: str) -> str:
    """The target of the Dockerfile that a service is built from."""
    return str(SERVICES[service]["build"]["target"])


def copied() -> list[str]:
    """Paths that the Dockerfile copies from the repository."""
    copies = (value.split() for name, value in instructions() if name == "COPY" and "--from=" not in value)
    return [source for *sources, _ in copies for source in sources]


def shell_text(service: str) -> str:
    """The command of a service on one line."""
    return " ".join(SERVICES[service]["command"])


def words(service: str) -> list[str]:
    """The command of the long-running process: what a shell replaces itself with, or the command as it is."""
    command: list[str] = SERVICES[service]["command"]
    return command[-1].rpartition("exec ")[2].split() if command[0] == "sh" else command


def essence(command: list[str]) -> list[str]:
    """The command up to its options."""
    return list(takewhile(lambda word: word == "-m" or not word.startswith("-"), command))


def option(command: list[str], name: str) -> str:
    """The value of an option in a command."""
    return command[command.index(name) + 1]


def health(service: str) -> list[str]:
    """The health check of a service, as a command."""
    return list(SERVICES[service]["healthcheck"]["test"])


def address(service: str) -> str:
    """The address that the health check of a service requests, ``http://host:port/path``."""
    (found,) = re.findall(r"http://[^']+", " ".join(health(service)))
    return str(found)


def environment(service: str) -> dict[str, str]:
    """The environment variables of a service."""
    return dict(SERVICES[service].get("environment", {}))


def profile_of(service: str) -> str:
    """The one profile of a service."""
    (profile,) = SERVICES[service]["profiles"]
    return str(profile)


def broker_profile_of(service: str) -> str:
    """The profile that starts the broker of a service, which an optional service does not do itself."""
    return profile_of(service).removeprefix("notify-")


def settings_of(service: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings that a program would load in its container."""
    for variable in [name for name in os.environ if name.startswith("FLEET_")]:
        monkeypatch.delenv(variable)
    for variable, value in environment(service).items():
        monkeypatch.setenv(variable, value)
    for variable in ("FLEET_PROCESS", "FLEET_ADDRESSES"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(REPOSITORY)
    return load()


def native() -> dict[str, list[str]]:
    """Commands in the Procfile, by process name."""
    lines = (REPOSITORY / "Procfile").read_text(encoding="utf-8").splitlines()
    return {line.partition(":")[0]: line.rpartition("exec ")[2].split() for line in lines if line.strip()}
