"""The shipped broker with passwords, permissions and TLS: every user reaches its own topics only."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from config.errors import BrokerError
from config.settings import DEFAULT_FILE, load
from dataflows.connectors.mqtt.sink import MqttSink
from scripts.broker_users import add_users
from scripts.brokers.process import Broker
from scripts.brokers.secured_mosquitto import CONFIGURATION, RIGHTS, SecuredMosquitto
from scripts.certificates import make_authority, make_server_certificate
from scripts.waiting import DEADLINE, wait_until
from tests.support.certificates import tls
from tests.support.secured_broker import (
    EncryptedInbox,
    answer_to_connecting,
    answers_to,
    encrypted_client,
    lasting,
    secured_mosquitto,
)
from ui.live.mqtt_feed import MqttFeed

VEHICLES = ["VEH-1", "VEH-2", "+", "a/b"]  # the last two are no users that scripts.broker_users would make
WRITTEN = ("Success", "No matching subscribers")


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredMosquitto]:
    """The secured broker of these tests, where mosquitto is installed. Not to be stopped."""
    with secured_mosquitto(tmp_path_factory.mktemp("secured"), VEHICLES) as running:
        yield running


def test_a_vehicle_may_write_its_own_topic_and_no_other(secured: SecuredMosquitto) -> None:
    others = [
        "fleet/telemetry/VEH-2", "fleet/telemetry", "fleet/telemetry/VEH-1/more", "fleet/enriched/VEH-1",
        "fleet/dead-letter", "fleet/alerts/1", "fleet/alert-actions", "fleet/rollups/VEH-1", "fleet/acks",
        "fleet/command", "fleet/command/VEH-1", "fleet/command/VEH-2", "fleet/command/ack/VEH-1",
        "fleet/ground-truth", "$SYS/broker/version", "elsewhere",
    ]  # fmt: skip
    with EncryptedInbox(secured.service("dataflow"), "fleet/telemetry/+") as inbox:
        vehicle = secured.vehicle("VEH-1")
        assert set(answers_to(vehicle, [(topic, b"forged") for topic in others])) == {"Not authorized"}
        assert answers_to(vehicle, [("fleet/telemetry/VEH-1", b"own")]) == ["Success"]
        inbox.wait_for(1)
    assert inbox.messages == [("fleet/telemetry/VEH-1", b"own")]


@pytest.mark.parametrize("port", ["vehicles", "services"])
@pytest.mark.parametrize(
    "user", ["dataflow", "page", "page-dispatcher", "page-operator", "recorder", "notify"]
)
def test_nobody_but_vehicles_and_the_simulator_may_write_telemetry(
    user: str, port: str, secured: SecuredMosquitto
) -> None:
    mqtt = secured.service(user) if port == "services" else secured.vehicle(user)
    topics = [f"fleet/telemetry/{user}", "fleet/telemetry/VEH-1"]
    assert answers_to(mqtt, [(topic, b"forged") for topic in topics]) == ["Not authorized"] * 2


@pytest.mark.parametrize(
    ("user", "writable"),
    [
        (
            "dataflow",
            {
                "fleet/enriched/x",
                "fleet/dead-letter",
                "fleet/alerts/x",
                "fleet/alerts/x/anomaly/y",
                "fleet/rollups/x",
                "fleet/late",
            },
        ),
        ("page", {"fleet/audit", "fleet/command/ack"}),
        ("page-dispatcher", {"fleet/alert-actions"}),
        ("page-operator", {"fleet/command", "fleet/command/x", "fleet/command/ack"}),
        ("simulator", {"fleet/telemetry/x", "fleet/ground-truth", "fleet/command/ack"}),
        ("recorder", {"fleet/command/ack"}),  # mosquitto cannot keep it from one who may read it
        ("VEH-1", {"fleet/command/ack"}),
        ("notify", set()),
    ],
)
def test_a_role_may_write_what_it_needs_and_nothing_else(
    user: str, writable: set[str], secured: SecuredMosquitto
) -> None:
    topics = [
        "fleet/telemetry/x", "fleet/enriched/x", "fleet/dead-letter", "fleet/alerts/x",
        "fleet/alerts/x/anomaly/y", "fleet/alert-actions", "fleet/alert-actions/x", "fleet/rollups/x",
        "fleet/late", "fleet/acks", "fleet/command", "fleet/command/x", "fleet/command/ack",
        "fleet/command/x/y", "fleet/ground-truth", "fleet/audit", "elsewhere",
    ]  # fmt: skip
    answers = answers_to(secured.service(user), [(topic, b"{}") for topic in topics])
    assert {topic for topic, answer in zip(topics, answers, strict=True) if answer in WRITTEN} == writable
    assert set(answers) <= {*WRITTEN, "Not authorized"}


@pytest.mark.parametrize(
    ("user", "readable"),
    [
        ("VEH-1", {"fleet/command", "fleet/command/VEH-1"}),
        ("+", set()),
        ("simulator", {"fleet/command", "fleet/command/VEH-1", "fleet/command/x", "fleet/command/ack"}),
        (
            "page",
            {
                "fleet/enriched/x",
                "fleet/dead-letter",
                "fleet/alerts/x/anomaly/y",
                "fleet/command",
                "fleet/command/ack",
            },
        ),
        (
            "recorder",
            {
                "fleet/telemetry/x",
                "fleet/enriched/x",
                "fleet/alerts/x/anomaly/y",
                "fleet/alert-actions",
                "fleet/command",
                "fleet/command/VEH-1",
                "fleet/command/x",
                "fleet/command/ack",
                "fleet/audit",
            },
        ),
        ("page-dispatcher", set()),
        ("page-operator", {"fleet/command"}),
        ("dataflow", {"fleet/telemetry/x", "fleet/alert-actions"}),
        ("notify", {"fleet/alerts/x/anomaly/y"}),
    ],
)
def test_a_subscriber_to_everything_gets_only_what_it_may_read(
    user: str, readable: set[str], secured: SecuredMosquitto
) -> None:
    with EncryptedInbox(secured.service(user), "#") as inbox:
        for writer, topics in {
            "simulator": ["fleet/telemetry/x", "fleet/ground-truth", "fleet/command/ack"],
            "dataflow": ["fleet/enriched/x", "fleet/dead-letter", "fleet/alerts/x/anomaly/y"],
            "page": ["fleet/audit"],
            "page-dispatcher": ["fleet/alert-actions"],
            "page-operator": ["fleet/command", "fleet/command/VEH-1", "fleet/command/x"],
        }.items():
            answers_to(secured.service(writer), [(topic, b"{}") for topic in topics])
        inbox.catch_up()
    assert {topic for topic, _ in inbox.messages} == readable


def test_a_user_whose_name_is_a_wildcard_or_has_levels_reaches_no_vehicle(secured: SecuredMosquitto) -> None:
    with EncryptedInbox(secured.service("dataflow"), "fleet/telemetry/+") as inbox:
        for user in ("+", "a/b"):
            answers_to(
                secured.vehicle(user), [("fleet/telemetry/VEH-1", b"x"), ("fleet/telemetry/a/b", b"x")]
            )
        inbox.catch_up()
    assert inbox.messages == []


def test_a_last_will_on_the_topic_of_another_vehicle_is_not_delivered(secured: SecuredMosquitto) -> None:
    mqtt = secured.vehicle("VEH-1")
    with EncryptedInbox(secured.service("dataflow"), "fleet/telemetry/+") as inbox:
        for topic in ("fleet/telemetry/VEH-2", "fleet/telemetry/VEH-1"):
            client = encrypted_client(mqtt)
            client.will_set(topic, topic.encode(), qos=1)
            client.connect(mqtt.host, mqtt.port)
            client.loop_start()
            wait_until(client.is_connected, "the connection")
            connection = client.socket()
            assert connection is not None
            client.loop_stop()
            connection.close()
        inbox.wait_for(1)
    assert inbox.messages == [("fleet/telemetry/VEH-1", b"fleet/telemetry/VEH-1")]


def test_a_vehicle_cannot_take_the_session_of_the_job_nor_what_waits_in_it(secured: SecuredMosquitto) -> None:
    dataflow, vehicle = secured.service("dataflow"), secured.vehicle("VEH-1")
    session = encrypted_client(dataflow, "fleet-source")
    session.on_connect = lambda client, *_: client.subscribe("fleet/telemetry/+", qos=1)
    received: list[bytes] = []
    subscribed: list[object] = []
    session.on_message = lambda client, _, message: received.append(bytes(message.payload))
    session.on_subscribe = lambda *arguments: subscribed.append(arguments)

    def come() -> None:
        session.connect(dataflow.host, dataflow.port, clean_start=False, properties=lasting(600))
        session.loop_start()
        wait_until(lambda: subscribed, "the subscription")

    def leave() -> None:
        session.disconnect()
        session.loop_stop()
        subscribed.clear()

    come()
    leave()
    assert answers_to(vehicle, [("fleet/telemetry/VEH-1", b"waiting")]) == ["Success"]
    thief = encrypted_client(vehicle, "fleet-source")
    assert answer_to_connecting(thief, vehicle, clean_start=False, properties=lasting(600)) == "Success"
    come()
    wait_until(lambda: received == [b"waiting"], "what waited")
    answer_to_connecting(encrypted_client(vehicle, "fleet-source"), vehicle, clean_start=True)
    assert answers_to(vehicle, [("fleet/telemetry/VEH-1", b"later")]) == ["Success"]
    wait_until(lambda: received == [b"waiting", b"later"], "what came later, on the same connection")
    assert len(subscribed) == 1
    leave()


def test_a_message_that_could_fill_the_memory_is_not_taken(secured: SecuredMosquitto) -> None:
    mqtt = secured.vehicle("VEH-1")
    hung_up = threading.Event()
    client = encrypted_client(mqtt)
    client.on_disconnect = lambda *_: hung_up.set()
    with EncryptedInbox(secured.service("dataflow"), "fleet/telemetry/+") as inbox:
        client.connect(mqtt.host, mqtt.port)
        client.loop_start()
        client.publish("fleet/telemetry/VEH-1", bytes(1_500_000), qos=1).wait_for_publish(DEADLINE)
        client.publish("fleet/telemetry/VEH-1", bytes(4_200_000), qos=1)
        assert hung_up.wait(DEADLINE), "the broker took it"
        client.disconnect()
        client.loop_stop()
        inbox.catch_up()
    assert [len(payload) for _, payload in inbox.messages] == [1_500_000]


@pytest.mark.parametrize("port", ["vehicles", "services"])
@pytest.mark.parametrize(
    "wrong",
    [{"username": None, "password": None}, {"password": SecretStr("guessed")}, {"username": "nobody"}],
    ids=["anonymous", "wrong-password", "unknown-user"],
)
def test_a_client_without_a_valid_password_is_refused_in_one_line(
    wrong: dict[str, object], port: str, secured: SecuredMosquitto
) -> None:
    mqtt = (secured.service if port == "services" else secured.vehicle)("dataflow", **wrong)
    with pytest.raises(
        BrokerError, match=r"refused the client .*: Not authorized; check \[mqtt\] username"
    ) as no:
        MqttSink(mqtt, "fleet/enriched", role="sink").build("output", 0, 1)
    assert len(str(no.value).splitlines()) == 1
    assert "guessed" not in str(no.value)
    feed = MqttFeed(load().model_copy(update={"mqtt": mqtt}))
    feed.start()
    wait_until(lambda: feed.connection.phase == "refused", "the refusal of the page")
    feed.stop()


def test_a_client_that_does_not_encrypt_gets_no_byte_of_mqtt(secured: SecuredMosquitto) -> None:
    for port in (secured.port, secured.services_port):
        mqtt = secured.service("dataflow", port=port, tls=load().mqtt.tls, connect_timeout=0.5)
        with pytest.raises(BrokerError, match="cannot reach the MQTT broker") as no:
            MqttSink(mqtt, "fleet/enriched", role="sink").build("output", 0, 1)
        assert len(str(no.value).splitlines()) == 1
        with socket.create_connection((secured.host, port), timeout=10.0) as connection:
            connection.sendall(bytes([0x10, 15, 0, 4, *b"MQTT", 5, 2, 0, 60, 0, 0, 2, *b"x1"]))
            try:
                answer = connection.recv(64)
            except ConnectionResetError:
                answer = b""
        # 21: an alert of TLS; 32 would be a CONNACK.
        assert answer[:1] in (b"", b"\x15")


@pytest.mark.parametrize("authority", ["of-the-system", "another"])
def test_a_broker_with_a_certificate_of_an_unknown_authority_is_not_trusted(
    authority: str, secured: SecuredMosquitto, tmp_path: Path
) -> None:
    ca_file = None if authority == "of-the-system" else make_authority(tmp_path)
    mqtt = secured.service("dataflow", tls=tls(ca_file))
    with pytest.raises(BrokerError, match=r"does not verify: .*; set \[mqtt.tls\] ca_file"):
        MqttSink(mqtt, "fleet/enriched", role="sink").build("output", 0, 1)


def test_a_running_broker_reloads_users_and_certificate_when_asked_to(
    durable_broker: Broker, tmp_path: Path
) -> None:
    with secured_mosquitto(tmp_path, []) as broker:
        broker.passwords |= add_users(tmp_path / ".broker" / "passwords", ["VEH-9"])
        late = broker.vehicle("VEH-9")
        assert answer_to_connecting(encrypted_client(late), late) == "Not authorized"
        renewed = make_server_certificate(tmp_path / ".broker", force=True).read_text()
        broker.reload()
        wait_until(
            lambda: ssl.get_server_certificate((broker.host, broker.port)).strip() == renewed.strip(),
            "the new certificate",
        )
        assert answers_to(late, [("fleet/telemetry/VEH-9", b"{}")]) == ["No matching subscribers"]


def test_what_prevents_loss_is_the_same_with_and_without_security() -> None:
    def options(text: str) -> set[str]:
        lines = {line for line in text.splitlines() if line and not line.startswith("#")}
        return {line for line in lines if not re.match("listener|allow_anonymous", line)}

    plain = options(DEFAULT_FILE.with_name("mosquitto.conf").read_text())
    secure = options(CONFIGURATION.read_text())
    assert plain - secure == set()
    assert {line.split()[0] for line in secure - plain} == {
        "password_file", "acl_file", "max_packet_size", "use_username_as_clientid",
        "cafile", "certfile", "keyfile",
    }  # fmt: skip


def test_the_permissions_name_the_topics_of_the_settings() -> None:
    topics = load(DEFAULT_FILE).topics
    permissions = RIGHTS.read_text()
    for line in (
        f"pattern write {topics.telemetry.replace('+', '%u')}",
        f"topic read {topics.telemetry}",
        f"topic write {topics.enriched}/#",
        f"topic read {topics.enriched}/+",
        f"topic write {topics.dead_letter}",
        f"topic read {topics.dead_letter}",
        f"topic write {topics.ground_truth}",
        f"pattern read {topics.command}",
        f"pattern read {topics.command}/%u",
        f"pattern write {load(DEFAULT_FILE).command_answers_topic}",
    ):
        assert line in permissions.splitlines()
