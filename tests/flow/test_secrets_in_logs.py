"""No program prints a secret, whatever is wrong, not even with `logging.level` at debug."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from scripts.brokers.mosquitto import StartMosquitto
from scripts.brokers.ports import LOCALHOST, free_port
from scripts.waiting import DEADLINE, wait_until
from tests.support.environment import without_settings
from tests.support.page_process import page
from tests.support.paths import REPOSITORY
from tests.support.secrets import SECRET, SECRET_SETTINGS

DEBUG = {"FLEET__LOGGING__LEVEL": "debug"}

PROGRAMS: dict[str, Sequence[str]] = {
    "fleet": ("bytewax.run", "dataflows.fleet"),
    "record": ("bytewax.run", "dataflows.record"),
    "notify": ("bytewax.run", "dataflows.notify"),
    "sim": ("sim", "--vehicles", "1"),
}
CHANNEL = SECRET_SETTINGS["notify.channels.url"]
EVERYTHING = {name: value for variables in SECRET_SETTINGS.values() for name, value in variables.items()}
"""Each of them is set in each test: a program may print what belongs to another one."""


def output_of(program: str, variables: Mapping[str, str], directory: Path, said: str) -> str:
    """All that a program prints until it ends or, if it does not, until it has printed `said`."""
    log = directory / program
    environment = without_settings() | DEBUG | EVERYTHING | dict(variables)
    environment["FLEET__HISTORY__DIRECTORY"] = str(directory / "history")
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", *PROGRAMS[program]],
            cwd=REPOSITORY,
            env=environment,
            stdout=file,
            stderr=file,
        )
    try:
        wait_until(lambda: process.poll() is not None or said in log.read_text(), f"the end, or {said!r}")
        process.send_signal(signal.SIGTERM)
        process.wait(DEADLINE)
    finally:
        process.kill()
        process.wait()
    return log.read_text()


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_broker_that_refuses_the_password(program: str, mosquitto: StartMosquitto, tmp_path: Path) -> None:
    broker = mosquitto(passwords={"user": "another one"})
    at = {"FLEET__MQTT__HOST": LOCALHOST, "FLEET__MQTT__PORT": str(broker.port)}
    output = output_of(program, at, tmp_path, "uthori")
    assert "uthori" in output, "why it does not go on"
    assert SECRET not in output


@pytest.mark.parametrize("kind", ["mqtt", "kafka"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_broker_that_does_not_answer(program: str, kind: str, tmp_path: Path) -> None:
    closed = str(free_port())
    at = {
        "FLEET_CONFIG": f"config/{'kafka' if kind == 'kafka' else 'fleet'}.toml",
        "FLEET__MQTT__HOST": LOCALHOST,
        "FLEET__MQTT__PORT": closed,
        "FLEET__MQTT__CONNECT_TIMEOUT": "1",
        "FLEET__KAFKA__BOOTSTRAP": f"{LOCALHOST}:{closed}",
        "FLEET__KAFKA__CONNECT_TIMEOUT": "1",
    }
    output = output_of(program, at, tmp_path, "retrying")
    assert closed in output, "which broker it is"
    assert SECRET not in output


@pytest.mark.parametrize("setting", SECRET_SETTINGS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_another_setting_that_is_wrong(program: str, setting: str, tmp_path: Path) -> None:
    section = "FLEET__" + "__".join(setting.upper().split(".")[:-1])
    if setting == "notify.channels.url":
        section += "__DISPATCH"
    output = output_of(program, {f"{section}__NONSENSE": SECRET}, tmp_path, "\n")
    assert "nonsense" in output.lower()
    assert SECRET not in output


def test_the_page_whose_password_is_refused(mosquitto: StartMosquitto, topic: str, tmp_path: Path) -> None:
    broker, log = mosquitto(passwords={"user": "another one"}), tmp_path / "log"
    with page(broker.settings(), topic, log, free_port(), **DEBUG, **EVERYTHING):
        wait_until(lambda: "refused" in log.read_text(), "the refusal")
    assert SECRET not in log.read_text()
