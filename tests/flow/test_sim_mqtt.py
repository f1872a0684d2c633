"""The simulator and a real broker: warm-up, ground truth, replay, lost connections, stopping."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from config.broker_settings import MqttSettings
from config.errors import BrokerError, DeliveryError
from config.stop_request import StopRequest
from dataflows.events import InjectedFault
from dataflows.messages import MessageBatch
from dataflows.recordings import RecordingWriter, open_recording
from scripts.brokers.mosquitto import Mosquitto, StartMosquitto
from scripts.brokers.ports import free_port
from scripts.brokers.process import Broker
from scripts.waiting import wait_until
from sim.__main__ import main
from sim.mqtt_publisher import MqttPublisher
from tests.support.mqtt_clients import Inbox, create_session
from tests.support.paths import REPOSITORY
from tests.support.scripted_broker import CONNACK_OF_MQTT_5, CONNECT, HANG_UP, PUBLISH, ScriptedBroker


def environment(mqtt: MqttSettings, topic: str) -> dict[str, str]:
    return {
        "FLEET__MQTT__HOST": mqtt.host,
        "FLEET__MQTT__PORT": str(mqtt.port),
        "FLEET__MQTT__PROTOCOL": mqtt.protocol,
        "FLEET__MQTT__CLIENT_ID": mqtt.client_id,
        "FLEET__TOPICS__TELEMETRY": f"{topic}/telemetry/+",
        "FLEET__TOPICS__GROUND_TRUTH": f"{topic}/truth",
    }


@pytest.fixture
def mqtt(broker: Broker, topic: str, monkeypatch: pytest.MonkeyPatch) -> MqttSettings:
    """The broker and topics of this test, also in the environment."""
    settings = broker.settings()
    for name, value in environment(settings, topic).items():
        monkeypatch.setenv(name, value)
    return settings


def batch_of(payloads: list[bytes], topic: str) -> MessageBatch:
    return MessageBatch(
        payloads=payloads, topics=[topic] * len(payloads), arrived=[0] * len(payloads), origin="test"
    )


def numbers(start: int, stop: int) -> list[bytes]:
    return [b"%d" % number for number in range(start, stop)]


def new_publisher(settings: MqttSettings, topic: str) -> MqttPublisher:
    return MqttPublisher(settings, role="sim", ground_truth=f"{topic}/truth", stop=StopRequest())


def test_every_vehicle_publishes_on_its_own_topic_without_a_gap_from_warm_up_to_live(
    mqtt: MqttSettings, topic: str
) -> None:
    with Inbox(mqtt, f"{topic}/#") as inbox:
        main(
            [
                "--vehicles",
                "4",
                "--rate",
                "10",
                "--warm-up",
                "20",
                "--duration",
                "0.5",
                "--faults-per-hour",
                "0",
            ]
        )
        inbox.wait_for(4 * 205)
    for number in range(1, 5):
        own = [p for t, p in inbox.messages if t == f"{topic}/telemetry/VEH-000{number}"]
        assert [msgspec.json.decode(payload)["sequence"] for payload in own] == list(range(205))
    assert len(inbox.messages) == 4 * 205


def test_the_broker_gets_what_a_recording_of_the_same_seed_holds(
    mqtt: MqttSettings, topic: str, tmp_path: Path
) -> None:
    arguments = ["--vehicles", "3", "--rate", "20", "--duration", "1", "--faults-per-hour", "9000"]
    arguments += ["--start", "2026-01-01T00:00:00Z"]
    with Inbox(mqtt, f"{topic}/telemetry/+") as inbox:
        main(arguments)
        inbox.wait_for(60)
    file = tmp_path / "fleet.jsonl"
    main([*arguments, "--output", str(file)])
    recorded = [
        message
        for batch in open_recording(file).read()
        for message in zip(batch.topics, batch.payloads, strict=True)
    ]
    assert inbox.messages == recorded


def test_ground_truth_goes_to_its_own_topic_and_never_into_telemetry(mqtt: MqttSettings, topic: str) -> None:
    with Inbox(mqtt, f"{topic}/telemetry/+") as telemetry, Inbox(mqtt, f"{topic}/truth") as truth:
        main(["--vehicles", "20", "--rate", "10", "--duration", "1", "--faults-per-hour", "20000"])
        telemetry.wait_for(200)
        faults = [msgspec.json.decode(payload, type=InjectedFault) for payload in truth.wait_for(3)]
    assert {fault.vehicle_id for fault in faults} <= {f"VEH-{number:04d}" for number in range(1, 21)}
    assert not any(b"fault" in payload for _, payload in telemetry.messages)


def test_replay_publishes_the_payloads_byte_for_byte_on_the_recorded_topics(
    mqtt: MqttSettings, topic: str, tmp_path: Path
) -> None:
    payloads = [b'{"a" : 1.50, "ts":"2020-01-01T00:00:00Z"}', b"\x00\xff not JSON", b'{"a":"\xc3\xa9"}']
    topics = [f"{topic}/one", f"{topic}/two", f"{topic}/one"]
    file = tmp_path / "trip.jsonl"
    with RecordingWriter(file) as writer:
        writer.write(
            MessageBatch(payloads=payloads, topics=topics, arrived=[0, 50_000, 100_000], origin="test")
        )
    with Inbox(mqtt, f"{topic}/#") as inbox:
        main(["replay", str(file), "--speed", "10"])
        inbox.wait_for(3)
    assert inbox.messages == list(zip(topics, payloads, strict=True))


def test_replay_of_a_table_takes_the_name_of_the_file_for_the_vehicle(
    mqtt: MqttSettings, topic: str, tmp_path: Path
) -> None:
    file = tmp_path / "trip-7.csv"
    file.write_text("speed,rpm\n50.5,1500\n51,1520\n")
    with Inbox(mqtt, f"{topic}/#") as inbox:
        main(["replay", str(file), "--speed", "max"])
        inbox.wait_for(2)
    assert {message_topic for message_topic, _ in inbox.messages} == {f"{topic}/telemetry/trip-7"}
    assert json.loads(inbox.messages[0][1]) == {"speed": 50.5, "rpm": 1500}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_live_fleet_with_a_summary_and_nothing_unconfirmed(
    number: signal.Signals, broker: Broker, topic: str
) -> None:
    settings = broker.settings()
    with Inbox(settings, f"{topic}/telemetry/+") as inbox:
        process = subprocess.Popen(
            [sys.executable, "-m", "sim", "--vehicles", "5", "--rate", "20"],
            cwd=REPOSITORY,
            env=os.environ | environment(settings, topic),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        inbox.wait_for(50)
        process.send_signal(number)
        output, errors = process.communicate(timeout=30)
        assert process.returncode == 0, errors
        summary = output.splitlines()[-1]
        sent = int(summary.split("stopped: ")[1].split(" events")[0].replace(",", ""))
        inbox.wait_for(sent)
    assert len(inbox.messages) == sent
    assert errors == ""


def test_a_broker_that_restarts_in_between_gets_everything_and_in_order(
    mosquitto: StartMosquitto, topic: str
) -> None:
    broker = mosquitto()
    settings = broker.settings()
    create_session(settings, "consumer", f"{topic}/#")
    with new_publisher(settings, topic) as publisher:
        publisher.publish(batch_of(numbers(0, 3000), topic))
        broker.stop()
        restart = threading.Thread(target=broker.start)
        restart.start()
        publisher.publish(batch_of(numbers(3000, 9000), topic))
        restart.join()
    assert publisher.confirmed == 9000
    with _drained(settings, "consumer", topic) as received:
        wait_until(lambda: numbers(8999, 9000)[0] in received, "the last message")
    first_occurrences = list(dict.fromkeys(received))
    assert first_occurrences == numbers(0, 9000)


def test_after_a_reconnection_nothing_new_is_sent_before_what_is_repeated_is_confirmed(
    broker: Broker, topic: str
) -> None:
    received: list[bytes] = []

    def lose_the_first_confirm_none(packet: bytes) -> bytes:
        received.append(packet[-1:])
        return HANG_UP if len(received) == 1 else b""

    stop = StopRequest()
    with ScriptedBroker({CONNECT: CONNACK_OF_MQTT_5, PUBLISH: lose_the_first_confirm_none}) as scripted:
        settings = broker.settings(port=scripted.port, protocol="5", delivery_timeout=0.1)
        publisher = MqttPublisher(settings, role="sim", ground_truth=f"{topic}/truth", stop=stop)
        with pytest.raises(DeliveryError, match="confirmed none of 1 messages"), publisher:
            _publish_two_of_which_the_second_waits(publisher, topic, received, stop)
    assert received == [b"0", b"0"]


def _publish_two_of_which_the_second_waits(
    publisher: MqttPublisher, topic: str, received: list[bytes], stop: StopRequest
) -> None:
    publisher.publish(batch_of([b"0"], topic))
    wait_until(lambda: len(received) == 2, "the repetition")
    sending = threading.Thread(target=publisher.publish, args=(batch_of([b"1"], topic),))
    sending.start()
    sending.join(timeout=0.5)
    assert sending.is_alive()
    stop.requested = True
    sending.join(timeout=30)


def test_nothing_is_lost_while_the_broker_is_away(mosquitto: StartMosquitto, topic: str) -> None:
    broker = mosquitto()
    settings = broker.settings()
    with new_publisher(settings, topic) as publisher:
        broker.kill()
        sending = threading.Thread(target=publisher.publish, args=(batch_of(numbers(0, 500), topic),))
        sending.start()
        broker.start()
        sending.join(timeout=30)
        assert not sending.is_alive()
    assert publisher.confirmed == 500


def test_a_broker_that_stops_confirming_is_an_error_and_not_a_success(
    mosquitto: StartMosquitto, topic: str
) -> None:
    broker = mosquitto()
    with (
        pytest.raises(DeliveryError, match=r"confirmed none of 5 messages within 0\.5 s"),
        new_publisher(broker.settings(delivery_timeout=0.5), topic) as publisher,
    ):
        _publish_to_frozen(broker, publisher, topic)


def test_unconfirmed_messages_are_bounded_and_a_stop_request_ends_the_wait(
    mosquitto: StartMosquitto, topic: str
) -> None:
    broker = mosquitto()
    stop = StopRequest()
    publisher = MqttPublisher(broker.settings(), role="sim", ground_truth=f"{topic}/truth", stop=stop)
    with publisher:
        broker.freeze()
        taken: list[int] = []
        sending = threading.Thread(
            target=lambda: taken.append(publisher.publish(batch_of(numbers(0, 100_000), topic)))
        )
        sending.start()
        sending.join(timeout=1.0)
        assert sending.is_alive()
        stop.requested = True
        sending.join(timeout=30)
        broker.thaw()
    assert len(taken) == 1
    assert taken[0] <= 2000
    assert publisher.confirmed == taken[0]


def _publish_to_frozen(broker: Mosquitto, publisher: MqttPublisher, topic: str) -> None:
    broker.freeze()
    publisher.publish(batch_of(numbers(0, 5), topic))


def test_a_broker_that_is_not_there_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEET__MQTT__HOST", "127.0.0.1")
    monkeypatch.setenv("FLEET__MQTT__PORT", str(free_port()))
    monkeypatch.setenv("FLEET__MQTT__CONNECT_TIMEOUT", "0.3")
    with pytest.raises(SystemExit) as left:
        main(["--vehicles", "1"])
    assert left.value.code == 1
    line = capsys.readouterr().err
    assert "cannot reach the MQTT broker at 127.0.0.1:" in line
    assert "Connection refused" in line
    assert line.count("\n") == 1


def test_a_wrong_password_is_an_error_at_once(mosquitto: StartMosquitto, topic: str) -> None:
    broker = mosquitto(passwords={"fleet": "right"})
    with new_publisher(broker.settings(username="fleet", password="right"), topic) as publisher:
        assert publisher.publish(batch_of([b"1"], topic)) == 1
    with (
        pytest.raises(BrokerError, match=r"refused the client .*: Not authorized; check \[mqtt\] username"),
        new_publisher(broker.settings(username="fleet", password="wrong"), topic),
    ):
        pytest.fail("connected with a wrong password")


def test_a_second_simulator_with_the_same_id_ends_the_first(broker: Broker, topic: str) -> None:
    taken_over = bytes([0xE0, 1, 0x8E])
    with ScriptedBroker({CONNECT: CONNACK_OF_MQTT_5 + taken_over}) as scripted:
        publisher = new_publisher(broker.settings(port=scripted.port, protocol="5"), topic)
        with (
            pytest.raises(BrokerError, match=r"refused the client .*: Session taken over; .* client_id"),
            publisher,
        ):
            publisher.publish(batch_of(numbers(0, 10_000), topic))


def test_two_simulators_that_disconnect_each_other_hint_at_the_shared_client_id(
    mosquitto: StartMosquitto, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings = mosquitto().settings(reconnect_min=1.0, reconnect_max=1.0)
    with new_publisher(settings, topic), new_publisher(settings, topic):
        wait_until(
            lambda: f"another program use the client id '{settings.client_id}-sim'" in caplog.text, "a hint"
        )


@contextmanager
def _drained(settings: MqttSettings, client_id: str, topic: str) -> Iterator[list[bytes]]:
    """The messages that the broker has kept for a persistent session, while they arrive."""
    received: list[bytes] = []
    client = paho.Client(
        CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTProtocolVersion.MQTTv5
    )
    client.on_message = lambda client, userdata, message: received.append(bytes(message.payload))
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = settings.session_expiry
    client.connect(settings.host, settings.port, clean_start=False, properties=properties)
    client.loop_start()
    yield received
    client.disconnect()
    client.loop_stop()
