"""The embedded broker of the demo: what its clients can rely on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from benchmarks.embedded_brokers import absent_client, retained, unacknowledged
from config.settings import DEFAULT_FILE, load
from scripts.brokers.embedded import EmbeddedBroker
from scripts.brokers.ports import free_port
from tests.support.mqtt_clients import Inbox, publish
from tests.support.paths import REPOSITORY


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    running = EmbeddedBroker(tmp_path_factory.mktemp("embedded"))
    running.start()
    yield running
    running.stop()


def test_it_listens_where_the_settings_say_and_exits_with_0_on_sigterm() -> None:
    port = free_port()
    broker = subprocess.Popen(
        [sys.executable, "-m", "scripts.brokers.embedded"],
        cwd=REPOSITORY,
        env=os.environ | {"FLEET__MQTT__PORT": str(port)},
        stdout=subprocess.PIPE,
    )
    assert broker.stdout is not None
    assert broker.stdout.readline() == b"broker on 127.0.0.1:%d\n" % port
    mqtt = load(DEFAULT_FILE).mqtt.model_copy(update={"port": port, "protocol": "3.1.1"})
    with Inbox(mqtt, "a/+") as inbox:
        publish(mqtt, [("a/b", b"1")])
        assert inbox.wait_for(1) == [b"1"]
    broker.terminate()
    assert broker.wait(timeout=30) == 0
    broker.stdout.close()


def test_a_port_that_is_in_use_is_reported_in_one_line(embedded: EmbeddedBroker) -> None:
    done = subprocess.run(embedded.command(), cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"broker: cannot listen on 127.0.0.1:{embedded.port}: ")
    assert done.stderr.endswith("or name a free one with --port or FLEET__MQTT__PORT\n")
    assert done.stderr.count("\n") == 1


def test_a_persistent_session_receives_in_order_what_was_published_while_its_client_was_away(
    embedded: EmbeddedBroker,
) -> None:
    assert absent_client(embedded, 500) == "500 of 500, in order"


def test_it_does_not_wait_for_acknowledgements_before_it_sends_more(embedded: EmbeddedBroker) -> None:
    assert unacknowledged(embedded, 500) == "500 of 500"


def test_a_new_subscriber_gets_every_retained_message(embedded: EmbeddedBroker) -> None:
    assert retained(embedded, 500).startswith("500 of 500 in ")


def test_a_client_gets_retained_messages_only_of_what_it_has_subscribed_to(embedded: EmbeddedBroker) -> None:
    """amqtt sends those of all filters of all clients to each client that connects."""
    mqtt = embedded.settings()
    publish(mqtt, [("kept/others", b"not mine"), ("kept/mine", b"mine")], retain=True)
    with Inbox(mqtt, "kept/others") as others, Inbox(mqtt, "kept/mine") as mine:
        assert others.wait_for(1) == [b"not mine"]
        publish(mqtt, [("kept/mine", b"last")])
        assert mine.wait_for(2) == [b"mine", b"last"]
