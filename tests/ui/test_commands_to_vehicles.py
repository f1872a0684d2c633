"""Commands from the page of a vehicle: the dialog, the broker, the answer."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import msgspec
import pytest
from streamlit.testing.v1 import AppTest

from config.settings import Settings, SinkSettings, SourceSettings, load
from dataflows.events import Command, CommandAnswer
from scripts.brokers.kafka_process import Cluster
from scripts.brokers.process import Broker
from scripts.waiting import wait_until
from tests.support.enriched_events import START, payload
from tests.support.kafka_clients import Reader, create_topic
from tests.support.kafka_clients import publish as publish_to_kafka
from tests.support.mqtt_clients import Inbox, publish
from tests.support.staged_page import StagedFeed, again, text, without_escapes
from tests.ui.test_command_outcomes import Publisher
from tests.ui.test_vehicle_page import page
from ui.commands.command_desk import CommandDesk
from ui.commands.publishers import publisher_of
from ui.live.kafka_feed import KafkaFeed
from ui.live.mqtt_feed import MqttFeed

VEHICLE = "VEH/7 #+"
"""Hostile to topics."""


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Publisher:
    staged = Publisher()
    desk = CommandDesk(staged)
    monkeypatch.setattr("ui.commands.panel.shared_commands", lambda: desk)
    return staged


@pytest.fixture
def feed(monkeypatch: pytest.MonkeyPatch) -> StagedFeed:
    monkeypatch.setenv("FLEET__HISTORY__DIRECTORY", "")
    staged = StagedFeed(load())
    staged.state.record(payload("V1"))
    monkeypatch.setattr("ui.shared.shared_feed", lambda: (load(), staged))
    return staged


def shown(role: str) -> AppTest:
    test = AppTest.from_function(page, default_timeout=60)
    test.session_state["role"] = role
    test.query_params["vehicle"] = "V1"
    return again(test)


def click(test: AppTest, key: str) -> AppTest:
    test.button(key=key).click()
    return again(test)


@pytest.mark.parametrize("role", ["viewer", "dispatcher"])
def test_only_operators_see_commands(role: str, feed: StagedFeed, publisher: Publisher) -> None:
    test = shown(role)
    assert "Commands" not in text(test)
    assert not [button for button in test.button if str(button.key).startswith("command")]


def test_a_command_is_sent_only_after_it_was_confirmed(feed: StagedFeed, publisher: Publisher) -> None:
    test = click(shown("operator"), "command_limit_speed")
    assert "V1** drives no faster than 50 km/h" in text(test)
    assert publisher.published == []
    test = click(test, "command_send")
    ((vehicle_id, command),) = publisher.published
    assert (vehicle_id, command.name, command.arguments, command.by) == (
        "V1",
        "limit_speed",
        {"kmh": 50.0},
        "Kim",
    )
    assert "sent] **Limit speed** kmh 50 by Kim" in text(test)


def test_what_was_not_read_is_not_sent(feed: StagedFeed, publisher: Publisher) -> None:
    """The browser may be ahead of the sentence that says what will happen."""
    test = click(shown("operator"), "command_limit_speed")
    test.number_input(key="command_argument_kmh").set_value(30.0)
    test = click(test, "command_send")
    assert publisher.published == []
    assert "has changed meanwhile" in test.error[0].value
    assert "V1** drives no faster than 30 km/h" in text(test)
    click(test, "command_send")
    ((_, command),) = publisher.published
    assert command.arguments == {"kmh": 30.0}


def test_cancelling_sends_nothing(feed: StagedFeed, publisher: Publisher) -> None:
    test = click(click(shown("operator"), "command_stop"), "command_cancel")
    assert publisher.published == []
    assert "command_send" not in [button.key for button in test.button]


def test_what_could_not_be_sent_is_said_in_the_dialog(feed: StagedFeed, publisher: Publisher) -> None:
    publisher.trouble = "Connection refused"
    test = click(click(shown("operator"), "command_stop"), "command_send")
    (error,) = [without_escapes(element.value) for element in test.error]
    assert error.startswith("It was not sent: Connection refused")


def test_a_place_to_go_to_begins_where_the_vehicle_is(feed: StagedFeed, publisher: Publisher) -> None:
    test = click(shown("operator"), "command_go_to")
    assert test.number_input(key="command_argument_latitude").value == 48.137


def test_only_faults_of_sensors_ask_for_a_signal(feed: StagedFeed, publisher: Publisher) -> None:
    test = click(shown("operator"), "command_inject_fault")
    boxes = [box.key for box in test.selectbox if str(box.key).startswith("command")]
    assert boxes == ["command_argument_kind"]
    test.selectbox(key="command_argument_kind").select("stuck_sensor")
    test = click(test, "command_send")
    test.selectbox(key="command_argument_signal").select("speed")
    click(click(test, "command_send"), "command_send")
    ((_, command),) = publisher.published
    assert command.arguments == {"kind": "stuck_sensor", "signal": "speed", "seconds": 60.0}


def test_in_the_past_nothing_is_commanded(feed: StagedFeed, publisher: Publisher) -> None:
    test = AppTest.from_function(page, default_timeout=60)
    test.session_state["role"] = "operator"
    test.query_params["vehicle"], test.query_params["at"] = "V1", START.isoformat()
    assert "Commands" not in text(again(test))


def over_mqtt(broker: Broker, topic: str) -> Settings:
    base = load()
    names = ("enriched", "dead_letter", "alerts", "command")
    topics = base.topics.model_copy(update={name: f"{topic}/{name}" for name in names})
    return base.model_copy(update={"mqtt": broker.settings(), "topics": topics})


@pytest.fixture
def mqtt_feed(private_broker: Broker, topic: str) -> Iterator[tuple[Settings, MqttFeed]]:
    settings = over_mqtt(private_broker, topic)
    following = MqttFeed(settings)
    following.start()
    yield settings, following
    following.stop()


def test_a_command_arrives_over_mqtt_and_its_answer_comes_back(mqtt_feed: tuple[Settings, MqttFeed]) -> None:
    settings, following = mqtt_feed
    desk = CommandDesk(publisher_of(settings))
    with Inbox(settings.mqtt, f"{settings.command_topic}/+") as inbox:
        sent = desk.send(VEHICLE, "limit_speed", {"kmh": 50.0}, "Kim")
        (received,) = inbox.wait_for(1)
        assert inbox.messages[0][0] == f"{settings.command_topic}/VEH%2F7%20%23%2B"
    assert sent.trouble == ""
    assert msgspec.json.decode(received, type=Command) == sent.command
    answer = CommandAnswer(
        command_id=sent.command.id,
        name="limit_speed",
        vehicle_id=VEHICLE,
        status="accepted",
        answered_at=START,
    )

    def answered() -> bool:
        # The subscription may not be in force yet; a repeated answer is kept once.
        publish(settings.mqtt, [(settings.command_answers_topic, msgspec.json.encode(answer))])
        return bool(following.answers.to(sent.command.id, VEHICLE))

    wait_until(answered, "the answer")
    assert following.answers.to(sent.command.id, VEHICLE) == (answer,)
    assert following.versions()["commands"] == 1
    assert following.state.snapshot().undecodable == 0, "an answer is no event"
    assert following.answers_trouble == ""


def test_a_command_arrives_over_kafka_and_its_answer_comes_back(kafka_cluster: Cluster) -> None:
    base = load()
    name = f"test-{uuid4().hex[:12]}"
    topics = {key: f"{name}.{key.replace('_', '-')}" for key in base.topics.model_dump()}
    settings = base.model_copy(
        update={
            "topics": base.topics.model_copy(update=topics),
            "kafka": kafka_cluster.settings(),
            "source": SourceSettings(kind="kafka"),
            "sink": SinkSettings(kind="kafka"),
        }
    )
    for topic in (settings.command_topic, settings.command_answers_topic, settings.topics.enriched):
        create_topic(kafka_cluster, topic, partitions=2)
    sent = CommandDesk(publisher_of(settings)).send(VEHICLE, "stop", {}, "Kim")
    assert sent.trouble == ""
    with Reader(kafka_cluster, settings.command_topic) as reader:
        reader.wait_for(1)
        (record,) = reader.records
        assert record.key == VEHICLE.encode()
        assert msgspec.json.decode(record.value, type=Command) == sent.command
    answer = CommandAnswer(
        command_id=sent.command.id, name="stop", vehicle_id=VEHICLE, status="done", answered_at=START
    )
    following = KafkaFeed(settings)
    following.start()
    try:
        messages = [(VEHICLE, msgspec.json.encode(answer))]
        publish_to_kafka(kafka_cluster, settings.command_answers_topic, messages)
        wait_until(lambda: following.answers.to(sent.command.id, VEHICLE), "the answer")
        assert following.answers.to(sent.command.id, VEHICLE) == (answer,)
        assert following.state.snapshot().undecodable == 0, "an answer is no event"
        assert following.answers_trouble == ""
    finally:
        following.stop()


def test_a_command_that_nobody_reads_is_a_failure_in_words(private_broker: Broker, topic: str) -> None:
    settings = over_mqtt(private_broker, topic)
    sent = CommandDesk(publisher_of(settings)).send("V1", "stop", {}, "Kim")
    if settings.mqtt.protocol == "5":
        # Only this version says so.
        assert "the vehicle, or the simulator, may not be running" in sent.trouble


def test_answers_over_another_broker_are_said_not_to_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET__SINK__KIND", "kafka")
    monkeypatch.setenv("FLEET__TOPICS__ENRICHED", "fleet.enriched")
    monkeypatch.setenv("FLEET__TOPICS__DEAD_LETTER", "fleet.dead-letter")
    assert KafkaFeed(load()).answers_trouble == "they come over mqtt, and this page follows kafka"
