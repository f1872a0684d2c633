"""What we rely on in paho although it does not promise it. A failure here names what a new version lacks."""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from config.errors import SettingsError
from config.mqtt_options import ReportingClient, new_client
from config.settings import load
from dataflows.connectors.mqtt.packets import PINGRESP, PublishReader
from dataflows.connectors.mqtt.paho_internals import PRIVATE_NAMES, PacketClient, check_paho
from scripts.brokers.ports import free_port
from scripts.waiting import wait_until
from tests.support.paths import REPOSITORY
from tests.support.scripted_broker import CONNACK_OF_MQTT_5, CONNECT, PINGREQ, ScriptedBroker

INTERNALS = "dataflows/connectors/mqtt/paho_internals.py"


@pytest.mark.parametrize("name", PRIVATE_NAMES)
def test_paho_has_the_private_name(name: str) -> None:
    assert callable(getattr(paho.Client, name, None)), f"paho has no {name}: {PRIVATE_NAMES[name]}"


@pytest.mark.parametrize("name", PRIVATE_NAMES)
def test_a_paho_without_a_private_name_is_an_error_that_names_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_paho()
    monkeypatch.delattr(paho.Client, name)
    with pytest.raises(SettingsError, match=rf"paho-mqtt .* has no Client\.{name} \(.*; install the version"):
        check_paho()


def test_paho_is_pinned_to_the_version_of_the_lock() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (pinned,) = re.findall(r"^paho-mqtt==\S+", (REPOSITORY / "requirements.lock").read_text(), re.MULTILINE)
    assert pinned in project["dependencies"]


def private_names_of_paho(file: Path) -> Iterator[str]:
    """Private names of paho's client in a file: of any object but `self`, or within a subclass."""
    client = paho.Client(CallbackAPIVersion.VERSION2)
    private = {name for name in dir(client) if name.startswith("_") and not name.startswith("__")}
    tree = ast.parse(file.read_text(encoding="utf-8"))
    subclasses = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and any("Client" in ast.unparse(base) for base in node.bases)
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in private:
            is_own = isinstance(node.value, ast.Name) and node.value.id == "self"
            if not is_own or any(node in ast.walk(subclass) for subclass in subclasses):
                yield node.attr
    for subclass in subclasses:
        yield from (
            part.name for part in subclass.body if isinstance(part, ast.FunctionDef) and part.name in private
        )


def test_private_names_of_paho_are_used_in_one_file_only_and_all_are_listed() -> None:
    used: dict[str, set[str]] = {}
    for package in ("config", "dataflows", "sim", "ui"):
        for file in (REPOSITORY / package).rglob("*.py"):
            if "paho" in file.read_text(encoding="utf-8"):
                used[str(file.relative_to(REPOSITORY))] = set(private_names_of_paho(file))
    assert {file for file, names in used.items() if names} == {INTERNALS}
    assert used[INTERNALS] == set(PRIVATE_NAMES)


def new_packet_client(port: int, keepalive: int) -> PacketClient:
    settings = load().mqtt.model_copy(update={"port": port, "keepalive": keepalive, "protocol": "5"})
    client = new_client(PacketClient, settings, "test", persistent=False)
    client.new_reader = lambda: PublishReader(version_5=True, on_delivered=lambda _: None)
    client.write_timeout = 5.0
    client.on_attempt_failed = lambda error: None
    client.on_crash = lambda error: False
    return client


@pytest.mark.parametrize("is_busy", [True, False], ids=["busy", "silent"])
def test_a_connection_counts_as_alive_while_messages_come_and_only_then(is_busy: bool) -> None:
    """The broker never answers a PINGREQ: its answer waits behind messages, or it is gone."""
    pinged = 0

    def ignore(_: bytes) -> bytes:
        nonlocal pinged
        pinged += 1
        return b""

    lost: list[object] = []
    with ScriptedBroker({CONNECT: CONNACK_OF_MQTT_5, PINGREQ: ignore}) as broker:
        client = new_packet_client(broker.port, keepalive=1)
        client.on_disconnect = lambda *arguments: lost.append(arguments)
        client.loop_start()
        wait_until(client.is_connected, "the connection")

        def is_over() -> bool:
            if is_busy:
                broker.send(b"\x30\x04\x00\x01a\x00")
            return bool(lost) or pinged > 3

        wait_until(is_over, "a loss, or some pings without one")
        client.disconnect()
        client.loop_stop()
    assert (pinged > 3) == is_busy


def test_a_pingresp_that_nobody_asked_for_does_no_harm() -> None:
    with ScriptedBroker({CONNECT: CONNACK_OF_MQTT_5}) as broker:
        client = new_packet_client(broker.port, keepalive=30)
        lost: list[object] = []
        client.on_crash = lambda error: not lost.append(error)  # type: ignore[func-returns-value]
        client.on_disconnect = lambda *arguments: lost.append(arguments)
        client.loop_start()
        wait_until(client.is_connected, "the connection")
        subscribed: list[object] = []
        client.on_subscribe = lambda *arguments: subscribed.append(arguments)
        broker.send(PINGRESP * 3 + b"\x90\x04\x00\x01\x00\x01")
        wait_until(lambda: subscribed, "the packet after it")
        assert lost == []
        client.disconnect()
        client.loop_stop()


def test_pahos_thread_calls_the_public_methods_that_we_override() -> None:
    """`reconnect` for every attempt, and `loop_forever` for the whole of it."""
    assert "self.loop_forever(" in inspect.getsource(paho.Client._thread_main)
    failed: list[OSError] = []
    settings = load().mqtt.model_copy(
        update={"port": free_port(), "reconnect_min": 0.01, "reconnect_max": 0.01}
    )
    client = new_client(ReportingClient, settings, "test", persistent=False)
    client.on_attempt_failed = failed.append
    client.loop_start()
    wait_until(lambda: len(failed) > 2, "three failed attempts")
    client.disconnect()
    client.loop_stop()
    assert {error.strerror for error in failed} == {"Connection refused"}


def test_a_client_that_has_crashed_connects_again_if_it_is_to() -> None:
    crashes: list[Exception] = []

    def connected(*_: object) -> None:
        if len(crashes) < 2:
            raise RuntimeError("a defect")

    def note(error: Exception) -> bool:
        crashes.append(error)
        return True

    with ScriptedBroker({CONNECT: CONNACK_OF_MQTT_5}) as broker:
        settings = load().mqtt.model_copy(update={"port": broker.port, "protocol": "5"})
        client = new_client(ReportingClient, settings, "test", persistent=False)
        client.on_crash = note
        client.on_connect = connected
        client.loop_start()
        wait_until(lambda: len(crashes) == 2 and client.is_connected(), "the third connection")
        client.disconnect()
        client.loop_stop()
