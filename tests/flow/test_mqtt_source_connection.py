"""The MQTT source when the broker restarts, loses its session, refuses, or is not there."""

from __future__ import annotations

import logging

import pytest

from config.errors import BrokerError
from dataflows.connectors.mqtt.source import MqttSource, MqttSourcePartition
from scripts.brokers.mosquitto import StartMosquitto
from scripts.brokers.ports import free_port
from scripts.brokers.process import Broker
from scripts.waiting import wait_until
from tests.support.mqtt_source import Open, confirm, leave, numbers, send, start_session, take
from tests.support.scripted_broker import (
    CONNACK_OF_MQTT_5,
    CONNECT,
    HANG_UP,
    SERVER_BUSY,
    SUBSCRIBE,
    ScriptedBroker,
    suback,
)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_after_a_restart_of_the_broker_the_source_resumes(
    mosquitto: StartMosquitto, topic: str, open_source: Open, protocol: str
) -> None:
    broker = mosquitto()
    mqtt = broker.settings(protocol=protocol)
    start_session(mqtt, topic)
    source = open_source(mqtt)
    send(mqtt, topic, numbers(0, 10))
    assert take(source, 10) == numbers(0, 10)
    confirm(source)
    broker.stop()
    assert source.next_batch() == []
    broker.start()
    send(mqtt, topic, numbers(10, 20))
    received: list[bytes] = []
    while b"19" not in received:
        received += take(source, 1)
    # The acknowledgements may have crossed with the end of the broker, so the first ten may come again.
    assert [payload for payload in received if payload not in numbers(0, 10)] == numbers(10, 20)


def test_a_broker_that_has_lost_the_session_gets_a_new_subscription(
    mosquitto: StartMosquitto, topic: str, open_source: Open
) -> None:
    broker = mosquitto()
    mqtt = broker.settings()
    start_session(mqtt, topic)
    source = open_source(mqtt)
    send(mqtt, topic, [b"before"])
    take(source, 1)
    confirm(source)
    broker.kill()  # before it has saved anything
    broker.start()
    received: list[bytes] = []

    def comes_through() -> bool:
        send(mqtt, topic, [b"after"])
        for batch in source.next_batch():
            received.extend(batch.payloads)
        return b"after" in received

    wait_until(comes_through, "a message over the new subscription")


def test_acknowledgements_of_an_older_connection_are_dropped(
    mosquitto: StartMosquitto, topic: str, open_source: Open, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    broker = mosquitto()
    mqtt = broker.settings()
    start_session(mqtt, topic)
    send(mqtt, topic, numbers(0, 10))
    source = open_source(mqtt.model_copy(update={"batch_size": 10}))
    assert take(source, 10) == numbers(0, 10)
    source.snapshot()
    broker.stop()
    broker.start()
    wait_until(lambda: caplog.text.count("(resumed session)") == 2, "second connection")
    # The next batch acknowledges, too late for the old connection; the broker redelivers.
    assert source.next_batch() == []
    leave(source, broker, mqtt)
    assert take(open_source(mqtt), 10) == numbers(0, 10)


def test_messages_of_an_older_connection_acknowledge_none_with_the_same_identifier(
    mosquitto: StartMosquitto, topic: str, open_source: Open, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    broker = mosquitto()
    mqtt = broker.settings()
    start_session(mqtt, topic)
    send(mqtt, topic, numbers(0, 10))
    source = open_source(mqtt.model_copy(update={"batch_size": 1}))
    take(source, 10)
    broker.kill()  # it has saved nothing, so its packet identifiers start at 1 again
    broker.start()
    wait_until(lambda: "(new session)" in caplog.text, "second connection")
    send(mqtt, topic, numbers(10, 20))
    wait_until(lambda: source.queued == 10, "ten messages in the queue")
    assert take(source, 1) == numbers(10, 11)
    source.snapshot()
    assert take(source, 1) == numbers(11, 12)
    source.next_batch()
    leave(source, broker, mqtt)
    assert take(open_source(mqtt), 9) == numbers(11, 20)


@pytest.mark.parametrize("covered", [True, False], ids=["after a snapshot", "before a snapshot"])
def test_redelivered_messages_are_acknowledged_on_the_new_connection_and_not_emitted_again(
    mosquitto: StartMosquitto, topic: str, open_source: Open, covered: bool
) -> None:
    broker = mosquitto()
    mqtt = broker.settings()
    start_session(mqtt, topic)
    send(mqtt, topic, numbers(0, 10))
    source = open_source(mqtt)
    take(source, 10)
    if covered:
        source.snapshot()
    broker.stop()
    broker.start()
    send(mqtt, topic, [b"new"])
    assert take(source, 1) == [b"new"]
    confirm(source)
    leave(source, broker, mqtt)
    send(mqtt, topic, [b"later"])
    assert take(open_source(mqtt), 1) == [b"later"]


def test_after_a_restart_messages_that_the_snapshot_covers_are_not_emitted_again(
    mosquitto: StartMosquitto, topic: str, open_source: Open
) -> None:
    """The broker redelivers all twenty; ten of them are in the state that the job resumes with."""
    broker = mosquitto()
    mqtt = broker.settings()
    start_session(mqtt, topic)
    send(mqtt, topic, numbers(0, 10))
    source = open_source(mqtt)
    take(source, 10)
    state = source.snapshot()
    send(mqtt, topic, numbers(10, 20))
    assert take(source, 10) == numbers(10, 20)
    leave(source, broker, mqtt)
    resumed = open_source(mqtt, state)
    send(mqtt, topic, [b"new"])
    assert take(resumed, 11) == [*numbers(10, 20), b"new"]
    confirm(resumed)
    leave(resumed, broker, mqtt)
    send(mqtt, topic, [b"later"])
    assert take(open_source(mqtt), 1) == [b"later"]


def test_messages_of_equal_content_are_all_emitted(
    mosquitto: StartMosquitto, topic: str, open_source: Open
) -> None:
    broker = mosquitto()
    mqtt = broker.settings()
    start_session(mqtt, topic)
    send(mqtt, topic, [b"same"] * 4)
    source = open_source(mqtt.model_copy(update={"batch_size": 2}))
    assert take(source, 2) == [b"same"] * 2
    state = source.snapshot()
    leave(source, broker, mqtt)
    send(mqtt, topic, [b"same"] * 3 + [b"end"])
    assert take(open_source(mqtt, state), 6) == [b"same"] * 5 + [b"end"]


def test_messages_that_may_be_equal_are_emitted_again_rather_than_lost(
    mosquitto: StartMosquitto, topic: str
) -> None:
    broker = mosquitto()
    mqtt = broker.settings()
    start_session(mqtt, topic)
    send(mqtt, topic, numbers(0, 10))
    indistinct = MqttSource(mqtt, [f"{topic}/#"], distinct=False)
    source = indistinct.build_part("input", "mqtt", None)
    take(source, 10)
    state = source.snapshot()
    leave(source, broker, mqtt)
    again = indistinct.build_part("input", "mqtt", state)
    assert take(again, 10) == numbers(0, 10)
    again.close()


def raised(source: MqttSourcePartition) -> str:
    """The message of the error that `next_batch` raises sooner or later."""
    errors: list[str] = []

    def fails() -> bool:
        try:
            source.next_batch()
        except BrokerError as error:
            errors.append(str(error))
        return bool(errors)

    wait_until(fails, "an error")
    return errors[0]


def test_a_broker_that_is_not_there_is_an_error_after_connect_timeout_and_one_line_of_log(
    broker: Broker, open_source: Open, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    source = open_source(broker.settings(port=port, connect_timeout=0.3))
    assert source.next_batch() == []
    assert raised(source) == (
        f"cannot reach the MQTT broker at 127.0.0.1:{port} within 0.3 s: Connection refused; "
        f"start it or set [mqtt] host and port"
    )
    assert caplog.text.count("waiting for the MQTT broker") == 1


def test_a_host_name_that_cannot_exist_is_an_error_and_not_silence(broker: Broker, open_source: Open) -> None:
    assert "UnicodeError" in raised(open_source(broker.settings(host="a..b")))


def test_a_broker_that_comes_later_is_waited_for(
    mosquitto: StartMosquitto, topic: str, open_source: Open, caplog: pytest.LogCaptureFixture
) -> None:
    broker = mosquitto()
    start_session(broker.settings(client_id="patient"), topic)
    broker.stop()
    source = open_source(broker.settings(client_id="patient"))
    wait_until(lambda: "waiting for the MQTT broker" in caplog.text, "log line")
    assert source.next_batch() == []
    broker.start()
    send(broker.settings(), topic, [b"1"])
    assert take(source, 1) == [b"1"]


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_wrong_password_is_an_error_at_once(
    mosquitto: StartMosquitto, topic: str, open_source: Open, protocol: str
) -> None:
    broker = mosquitto(passwords={"fleet": "right"})
    right = broker.settings(protocol=protocol, username="fleet", password="right")
    start_session(right, topic)
    send(right, topic, [b"1"])
    assert take(open_source(right), 1) == [b"1"]
    message = raised(open_source(broker.settings(protocol=protocol, username="fleet", password="wrong")))
    assert "refused the client" in message
    assert "Not authorized" in message


def test_a_refusal_that_may_pass_is_waited_for_and_named_after_connect_timeout(
    broker: Broker, open_source: Open, caplog: pytest.LogCaptureFixture
) -> None:
    with ScriptedBroker({CONNECT: SERVER_BUSY}) as scripted:
        source = open_source(broker.settings(protocol="5", port=scripted.port, connect_timeout=0.5))
        wait_until(lambda: "Server busy; retrying" in caplog.text, "the refusal")
        assert "within 0.5 s: Server busy" in raised(source)


@pytest.mark.parametrize("answer", [0x87, 0x00], ids=["not authorised", "granted QoS 0 only"])
def test_a_refused_subscription_is_an_error(broker: Broker, open_source: Open, answer: int) -> None:
    with ScriptedBroker({CONNECT: CONNACK_OF_MQTT_5, SUBSCRIBE: suback(answer)}) as scripted:
        message = raised(open_source(broker.settings(protocol="5", port=scripted.port)))
    assert "refused" in message
    assert "the subscription to 'test/" in message


def test_a_broker_that_hangs_up_on_the_subscription_is_an_error_after_connect_timeout(
    broker: Broker, open_source: Open
) -> None:
    with ScriptedBroker({CONNECT: CONNACK_OF_MQTT_5, SUBSCRIBE: HANG_UP}) as scripted:
        message = raised(open_source(broker.settings(protocol="5", port=scripted.port, connect_timeout=0.3)))
    assert "the connection was closed" in message


def test_a_server_that_does_not_speak_mqtt_is_an_error_after_connect_timeout(
    broker: Broker, open_source: Open
) -> None:
    with ScriptedBroker({CONNECT: b""}) as scripted:
        message = raised(open_source(broker.settings(protocol="5", port=scripted.port, connect_timeout=0.3)))
    assert "it does not answer" in message


def test_a_second_client_with_the_same_id_ends_the_first(broker: Broker, open_source: Open) -> None:
    taken_over = bytes([0xE0, 1, 0x8E])
    with ScriptedBroker({CONNECT: CONNACK_OF_MQTT_5 + taken_over}) as scripted:
        message = raised(open_source(broker.settings(protocol="5", port=scripted.port)))
    assert "Session taken over" in message
    assert "client_id" in message


def test_an_invalid_topic_filter_is_an_error(broker: Broker) -> None:
    source = MqttSource(broker.settings(), ["fleet/#/telemetry"]).build_part("in", "mqtt", None)
    assert "expected MQTT topic filters" in raised(source)
