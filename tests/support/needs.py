"""What a test needs of the machine it runs on: programs beside Python, and a broker that can do something.

A test whose need is not met is skipped with the reason and, for a program, with how to install it. With
``CI=true`` a missing program is a failure, so that no test is left out unnoticed.

``TEST_WITHOUT`` names programs that are treated as missing and are never a failure, so that one can see on
any machine how the tests do without them: ``TEST_WITHOUT="mosquitto chromium java" make test``.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable
from typing import NamedTuple, NoReturn

import pytest

from scripts.brokers.mosquitto import mosquitto_is_installed
from scripts.brokers.process import Broker

SWITCH = "TEST_WITHOUT"


class Program(NamedTuple):
    """A program, or several that are of use only together.

    Attributes:
        is_installed: whether they are on this machine.
        installation: how to get them.
    """

    is_installed: Callable[[], bool]
    installation: str


def _on_path(*programs: str) -> Callable[[], bool]:
    return lambda: all(shutil.which(program) for program in programs)


PROGRAMS = {
    "mosquitto": Program(
        mosquitto_is_installed, "mosquitto: apt-get install mosquitto, brew install mosquitto"
    ),
    "chromium": Program(_on_path("chromium"), "chromium: apt-get install chromium"),
    "java": Program(
        _on_path("java", "mvn"),
        "Java and Maven: apt-get install openjdk-17-jre-headless maven, or KAFKA_BOOTSTRAP=host:port",
    ),
    "prometheus": Program(
        _on_path("prometheus", "promtool"), "Prometheus and promtool: apt-get install prometheus"
    ),
    "openssl": Program(_on_path("openssl"), "openssl: apt-get install openssl, brew install openssl"),
}


def left_out() -> set[str]:
    """The programs that ``TEST_WITHOUT`` names.

    Raises:
        pytest.UsageError: no test needs one of them.
    """
    names = set(os.environ.get(SWITCH, "").replace(",", " ").split())
    if unknown := sorted(names - PROGRAMS.keys()):
        raise pytest.UsageError(f"{SWITCH}: expected some of {', '.join(PROGRAMS)}, got {', '.join(unknown)}")
    return names


def has(program: str) -> bool:
    """Whether tests may use it: it is installed, and not left out.

    A program that is missing in CI fails the test, unless it is left out on purpose.
    """
    if program in left_out():
        return False
    installed = PROGRAMS[program].is_installed()
    if not installed and os.environ.get("CI") == "true":
        pytest.fail(f"with CI=true no test may be skipped; it needs {PROGRAMS[program].installation}")
    return installed


def need(program: str) -> None:
    """Skip the test, or the module that calls this at its top, if it may not use the program."""
    if not has(program):
        _skip(PROGRAMS[program].installation)


def need_mqtt_5(broker: Broker) -> None:
    """Skip the test if the broker does not speak MQTT 5."""
    if broker.protocol != "5":
        _skip(f"a broker that speaks MQTT 5, such as {PROGRAMS['mosquitto'].installation}")


def need_sessions(broker: Broker) -> None:
    """Skip the test if the broker may lose what an absent client has not acknowledged."""
    if not broker.keeps_sessions:
        _skip(f"a broker that keeps sessions, such as {PROGRAMS['mosquitto'].installation}")


def _skip(what: str) -> NoReturn:
    pytest.skip(f"needs {what}", allow_module_level=True)


def need_package(name: str) -> None:
    """Skip the module that calls this at its top if a package of the extra ``dev`` is not installed."""
    if importlib.util.find_spec(name) is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"with CI=true no test may be skipped; it needs the package {name}")
        _skip(f"the package {name}: pip install '.[dev]'")
