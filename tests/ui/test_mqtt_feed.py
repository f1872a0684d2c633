"""The background subscriber against a real broker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.publish
import pytest

from config.broker_settings import MqttSettings
from config.errors import SettingsError
from config.settings import Settings, load
from dataflows.events import Alert
from scripts.brokers.mosquitto import Mosquitto
from scripts.brokers.ports import LOCALHOST, free_port
from scripts.brokers.process import Broker
from scripts.waiting import wait_until
from tests.support.enriched_events import payload
from tests.support.needs import need_mqtt_5
from tests.support.scripted_broker import (
    CONNACK_OF_MQTT_5,
    CONNECT,
    SERVER_BUSY,
    SUBSCRIBE,
    Answer,
    ScriptedBroker,
)
from tests.support.shown_alerts import alert, cleared, message, place
from ui.live.fleet_state import FleetState
from ui.live.mqtt_feed import MqttFeed

Follow = Callable[[Settings], MqttFeed]


@pytest.fixture
def follow() -> Iterator[Follow]:
    """Starts feeds, and stops them at the end."""
    started: list[MqttFeed] = []

    def start(settings: Settings) -> MqttFeed:
        feed = MqttFeed(settings)
        started.append(feed)
        feed.start()
        return feed

    yield start
    for feed in started:
        feed.stop()


@pytest.fixture
def fleet_settings(private_broker: Broker, topic: str) -> Settings:
    """All settings, with a broker and topics that no other test uses."""
    base = load()
    topics = base.topics.model_copy(
        update={
            "enriched": f"{topic}/enriched",
            "dead_letter": f"{topic}/dead-letter",
            "alerts": f"{topic}/alerts",
        }
    )
    return base.model_copy(update={"mqtt": private_broker.settings(), "topics": topics})


def publish(mqtt: MqttSettings, *messages: tuple[str, bytes], retain: bool = False) -> None:
    paho.mqtt.publish.multiple(
        [{"topic": topic, "payload": content, "qos": 1, "retain": retain} for topic, content in messages],
        hostname=mqtt.host,
        port=mqtt.port,
    )


def at_broker(settings: Settings, mqtt: MqttSettings) -> Settings:
    return settings.model_copy(update={"mqtt": mqtt})


def test_the_retained_twins_of_a_fleet_appear_at_once(fleet_settings: Settings, follow: Follow) -> None:
    base = fleet_settings.topics.enriched
    names = [f"VEH-{number}" for number in range(40)]
    publish(fleet_settings.mqtt, *((f"{base}/{name}", payload(name)) for name in names), retain=True)
    feed = follow(fleet_settings)
    wait_until(lambda: feed.state.snapshot().vehicles.keys() == set(names), "40 retained vehicles")
    fleet = feed.state.snapshot()
    assert fleet.events_per_second == 0.0
    assert feed.connection.phase == "connected"


def test_live_events_dead_letters_and_nonsense_are_distinguished(
    fleet_settings: Settings, follow: Follow
) -> None:
    feed = follow(fleet_settings)
    wait_until(lambda: feed.connection.phase == "connected", "a connection")
    topics = fleet_settings.topics

    def published() -> bool:
        # The subscription may not be in force yet; repeated events are duplicates.
        publish(
            fleet_settings.mqtt,
            (f"{topics.enriched}/VEH-1", payload("VEH-1", error=5.0)),
            (f"{topics.enriched}/VEH-2", b"nonsense"),
            (topics.dead_letter, b"{}"),
        )
        fleet = feed.state.snapshot()
        return bool(fleet.events and fleet.undecodable and fleet.dead_letters)

    wait_until(published, "one of each")
    fleet = feed.state.snapshot()
    assert (fleet.events, fleet.anomalies_last_hour, set(fleet.vehicles)) == (1, 1, {"VEH-1"})


def states(feed: MqttFeed) -> dict[str, str]:
    return {each.vehicle_id: each.state for each in feed.alerts.snapshot().alerts}


def publish_alerts(settings: Settings, *shown: Alert) -> None:
    topic = settings.alerts_topic
    publish(settings.mqtt, *((f"{topic}/{place(each)}", message(each)) for each in shown), retain=True)


def test_retained_alerts_appear_at_once_and_go_with_an_empty_message(
    fleet_settings: Settings, follow: Follow
) -> None:
    publish_alerts(fleet_settings, alert("VEH-1"), cleared("VEH-2"), alert(""))
    feed = follow(fleet_settings)
    wait_until(
        lambda: states(feed) == {"VEH-1": "open", "VEH-2": "cleared", "": "open"}, "the retained alerts"
    )
    publish_alerts(fleet_settings, cleared("VEH-1"))
    publish(fleet_settings.mqtt, (f"{fleet_settings.alerts_topic}/{place(alert(''))}", b""), retain=True)
    wait_until(lambda: states(feed) == {"VEH-1": "cleared", "VEH-2": "cleared"}, "the live changes")
    assert feed.alerts_trouble == ""
    assert feed.state.snapshot().undecodable == 0, "alerts are no events"


def test_alerts_that_the_broker_has_lost_disappear_after_the_reconnection(
    fleet_settings: Settings,
    follow: Follow,
    mosquitto: Callable[..., Mosquitto],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ui.live.alert_state.CONFIRM_WITHIN", 0.3)
    private = mosquitto(lines=["persistence false"])
    settings = at_broker(fleet_settings, private.settings())
    publish_alerts(settings, alert("VEH-1"))
    feed = follow(settings)
    wait_until(lambda: states(feed) == {"VEH-1": "open"}, "the alert")
    private.stop()
    wait_until(lambda: feed.connection.phase in ("lost", "unreachable"), "a lost connection")
    assert states(feed) == {"VEH-1": "open"}
    private.start()
    wait_until(lambda: states(feed) == {}, "an empty list")


def test_refused_alerts_are_said_in_words_and_the_rest_goes_on(
    broker: Broker, fleet_settings: Settings, follow: Follow
) -> None:
    allowed_except_alerts = bytes([0, 0, 0x87])
    answers: dict[int, Answer] = {
        CONNECT: CONNACK_OF_MQTT_5,
        SUBSCRIBE: lambda packet: bytes([0x90, 6, *packet[:2], 0]) + allowed_except_alerts,
    }
    with ScriptedBroker(answers) as scripted:
        feed = follow(at_broker(fleet_settings, broker.settings(protocol="5", port=scripted.port)))
        wait_until(lambda: feed.alerts_trouble != "", "the refusal")
        assert feed.alerts_trouble == f"Not authorized on subscribing to {fleet_settings.alerts_topic}/#"
        assert feed.connection.phase == "connected"


def test_messages_that_nobody_has_subscribed_to_are_not_taken_for_events(
    fleet_settings: Settings, broker: Broker, follow: Follow
) -> None:
    """amqtt sends a client retained messages that only others have subscribed to, such as rollups."""

    def published(topic: str, content: bytes) -> bytes:
        body = len(topic).to_bytes(2, "big") + topic.encode() + bytes([0]) + content
        # The remaining length takes two bytes from 128 on (MQTT 5, 1.5.5).
        return bytes([0x30, len(body) % 128 | 0x80, len(body) // 128]) + body

    def answer(packet: bytes) -> bytes:
        accepted = bytes([0x90, 6, *packet[:2], 0, 0, 0, 0])
        foreign = published("fleet/rollups/VEH-1" + "x" * 120, b"{}")
        return accepted + foreign + published(f"{fleet_settings.topics.enriched}/VEH-1", payload("VEH-1"))

    with ScriptedBroker({CONNECT: CONNACK_OF_MQTT_5, SUBSCRIBE: answer}) as scripted:
        feed = follow(at_broker(fleet_settings, broker.settings(protocol="5", port=scripted.port)))
        wait_until(lambda: feed.state.snapshot().events == 1, "the event")
        assert feed.state.snapshot().undecodable == 0


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_both_protocol_versions_connect(
    protocol: str, private_broker: Broker, fleet_settings: Settings, follow: Follow
) -> None:
    if protocol == "5":
        need_mqtt_5(private_broker)
    feed = follow(at_broker(fleet_settings, private_broker.settings(protocol=protocol)))
    wait_until(lambda: feed.connection.phase == "connected", "a connection")


def test_a_broker_that_is_not_running_is_unreachable_until_it_is_started(
    fleet_settings: Settings, follow: Follow, mosquitto: Callable[..., Mosquitto]
) -> None:
    private = mosquitto()
    private.stop()
    settings = at_broker(fleet_settings, private.settings())
    feed = follow(settings)
    wait_until(lambda: feed.connection.phase == "unreachable", "an unreachable broker")
    assert "refused" in feed.connection.reason.lower()
    private.start()
    wait_until(lambda: feed.connection.phase == "connected", "a connection")


def test_a_lost_connection_is_shown_and_restored_and_the_twins_are_not_counted_again(
    fleet_settings: Settings, follow: Follow, mosquitto: Callable[..., Mosquitto]
) -> None:
    private = mosquitto()
    settings = at_broker(fleet_settings, private.settings())
    base = settings.topics.enriched
    publish(settings.mqtt, (f"{base}/VEH-1", payload("VEH-1")), retain=True)
    feed = follow(settings)
    wait_until(lambda: feed.state.snapshot().events == 1, "the retained event")
    private.stop()
    wait_until(lambda: feed.connection.phase in ("lost", "unreachable"), "a lost connection")
    private.start()
    publish(settings.mqtt, (f"{base}/VEH-2", payload("VEH-2")), retain=True)
    wait_until(lambda: "VEH-2" in feed.state.snapshot().vehicles, "events after the reconnection")
    assert feed.state.snapshot().events == 2


def test_a_wrong_password_is_a_refusal_with_its_reason(
    fleet_settings: Settings, follow: Follow, mosquitto: Callable[..., Mosquitto]
) -> None:
    private = mosquitto(passwords={"page": "right"})
    wrong = private.settings(username="page", password="wrong")
    feed = follow(at_broker(fleet_settings, wrong))
    wait_until(lambda: feed.connection.phase == "refused", "a refusal")
    assert "authori" in feed.connection.reason.lower()
    right = follow(at_broker(fleet_settings, private.settings(username="page", password="right")))
    wait_until(lambda: right.connection.phase == "connected", "a connection")


def test_a_broker_that_is_busy_is_unreachable_and_not_a_refusal(
    broker: Broker, fleet_settings: Settings, follow: Follow
) -> None:
    with ScriptedBroker({CONNECT: SERVER_BUSY}) as scripted:
        feed = follow(at_broker(fleet_settings, broker.settings(protocol="5", port=scripted.port)))
        wait_until(lambda: feed.connection.reason == "Server busy", "the reason")
        assert feed.connection.phase == "unreachable"


def test_a_host_name_that_cannot_be_encoded_does_not_end_the_subscriber(
    fleet_settings: Settings, follow: Follow
) -> None:
    mqtt = fleet_settings.mqtt.model_copy(update={"host": "a..b" + "c" * 80, "port": free_port()})
    feed = follow(at_broker(fleet_settings, mqtt))
    wait_until(lambda: feed.connection.phase == "unreachable", "an unreachable broker")
    assert feed.connection.reason


def test_an_unexpected_error_is_followed_by_another_connection(
    fleet_settings: Settings, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.live.mqtt_feed.RETRY_AFTER", 0.01)
    topic = f"{fleet_settings.topics.enriched}/VEH-1"
    publish(fleet_settings.mqtt, (topic, payload("VEH-1")), retain=True)
    record, failures = FleetState.record, iter([RuntimeError("a defect")])

    def fails_once(state: FleetState, message: bytes, *, retained: bool = False) -> None:
        for failure in failures:
            raise failure
        record(state, message, retained=retained)

    monkeypatch.setattr(FleetState, "record", fails_once)
    feed = follow(fleet_settings)
    wait_until(lambda: feed.state.snapshot().events == 1, "the retained event of the second connection")
    assert feed.connection.phase == "connected"


def test_a_missing_certificate_names_the_setting_and_the_file(
    fleet_settings: Settings, tmp_path: Path
) -> None:
    tls = fleet_settings.mqtt.tls.model_copy(update={"enabled": True, "ca_file": tmp_path / "none.pem"})
    mqtt = fleet_settings.mqtt.model_copy(update={"host": LOCALHOST, "tls": tls})
    with pytest.raises(SettingsError, match=r"mqtt\.tls.*none\.pem"):
        MqttFeed(at_broker(fleet_settings, mqtt))
