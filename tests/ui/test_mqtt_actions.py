"""What people do about alerts, published to a real broker."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from config.settings import Settings, load
from dataflows.events import AlertAction
from scripts.brokers.mosquitto import Mosquitto
from scripts.brokers.ports import free_port
from scripts.brokers.process import Broker
from tests.support.enriched_events import START
from tests.support.mqtt_clients import Inbox
from tests.support.needs import need_mqtt_5
from tests.support.scripted_broker import (
    CONNACK_OF_MQTT_5,
    CONNECT,
    PUBLISH,
    ScriptedBroker,
    packet_identifier,
)
from ui.actions import mqtt_delivery
from ui.actions.mqtt_actions import MqttActions

ACKNOWLEDGE = AlertAction(action="acknowledge", by="Kim", alert_id="a/1")
MUTE = AlertAction(
    action="mute", by="Kim", alert_id="b/1", text="in repair", until=START + timedelta(hours=1)
)


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Any:
    before = set(threading.enumerate())
    yield
    left = set(threading.enumerate()) - before
    assert not [thread.name for thread in left if thread.name.startswith("paho")]


def settings_of(broker: Broker, topic: str, **changes: Any) -> Settings:
    base = load()
    topics = base.topics.model_copy(update={"alert_actions": f"{topic}/alert-actions"})
    return base.model_copy(update={"mqtt": broker.settings(**changes), "topics": topics})


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_actions_arrive_as_they_are_in_the_contract(
    protocol: str, private_broker: Broker, topic: str
) -> None:
    if protocol == "5":
        need_mqtt_5(private_broker)
    settings = settings_of(private_broker, topic, protocol=protocol)
    actions = MqttActions(settings)
    with Inbox(settings.mqtt, settings.actions_topic) as inbox:
        assert actions.publish([("a", ACKNOWLEDGE), ("b", MUTE)]) == ["", ""]
        received = [msgspec.json.decode(payload, type=AlertAction) for payload in inbox.wait_for(2)]
    assert received == [ACKNOWLEDGE, MUTE]


def test_an_action_that_nobody_reads_is_a_failure(private_broker: Broker, topic: str) -> None:
    need_mqtt_5(private_broker)
    settings = settings_of(private_broker, topic, protocol="5")
    (reason,) = MqttActions(settings).publish([("a", ACKNOWLEDGE)])
    assert "nobody has subscribed" in reason


def test_the_reason_of_a_refused_action_is_the_brokers(
    mosquitto: Callable[..., Mosquitto], topic: str, tmp_path: Any
) -> None:
    permissions = tmp_path / "acl"
    permissions.write_text("topic read #\n")
    running = mosquitto(lines=[f"acl_file {permissions}"])
    settings = settings_of(running, topic, protocol="5")
    assert MqttActions(settings).publish([("a", ACKNOWLEDGE), ("b", MUTE)]) == ["Not authorized"] * 2


def test_a_broker_that_is_away_is_a_failure_at_once(private_broker: Broker, topic: str) -> None:
    settings = settings_of(private_broker, topic, port=free_port())
    started = time.monotonic()
    assert MqttActions(settings).publish([("a", ACKNOWLEDGE)]) == ["Connection refused"]
    assert time.monotonic() - started < mqtt_delivery.DEADLINE


def test_a_wrong_password_is_a_failure_with_its_reason(
    mosquitto: Callable[..., Mosquitto], topic: str
) -> None:
    running = mosquitto(passwords={"page": "right"})
    settings = settings_of(running, topic, username="page", password="wrong")
    (reason,) = MqttActions(settings).publish([("a", ACKNOWLEDGE)])
    assert "authori" in reason.lower()


def test_a_broker_that_does_not_answer_is_a_failure_after_the_deadline(
    private_broker: Broker, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt_delivery, "DEADLINE", 0.3)
    with ScriptedBroker({}) as silent:
        settings = settings_of(private_broker, topic, port=silent.port, protocol="5")
        assert MqttActions(settings).publish([("a", ACKNOWLEDGE)]) == ["no answer within 0.3 s"]


def test_an_action_that_is_not_confirmed_may_have_arrived(
    private_broker: Broker, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt_delivery, "DEADLINE", 0.3)
    confirmed: list[bytes] = []

    def only_the_first(packet: bytes) -> bytes:
        confirmed.append(packet_identifier(packet))
        return bytes([0x40, 2, *confirmed[0]]) if len(confirmed) == 1 else b""

    with ScriptedBroker({CONNECT: CONNACK_OF_MQTT_5, PUBLISH: only_the_first}) as scripted:
        settings = settings_of(private_broker, topic, port=scripted.port, protocol="5")
        first, second = MqttActions(settings).publish([("a", ACKNOWLEDGE), ("b", MUTE)])
    assert first == ""
    assert "may or may not have arrived" in second
